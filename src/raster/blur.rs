//! Two ways to make a picture hard to read: a Gaussian blur and large pixels.
//!
//! The blur is three box blurs with fractional radius along each axis, after Gwosdek and others, "Theoretical Foundations
//! of Gaussian Convolution by Extended Box Filtering" (2011): its time does not grow with its width. Pillow does the
//! same, and the results are equal to the last bit.

use crate::codec::Pixels;

/// Box blurs along each axis.
const PASSES: usize = 3;

/// Blurs with a standard deviation of `sigma` pixels.
pub fn gaussian(pixels: &mut Pixels, sigma: f32) {
    if sigma <= 0.0 {
        return;
    }
    let kernel = Box::for_sigma(sigma);
    let (width, height) = (pixels.width as usize, pixels.height as usize);
    let mut line = Line::new(width.max(height));
    for start in (0..height).flat_map(|row| (0..3).map(move |channel| row * width * 3 + channel)) {
        line.blur(&mut pixels.rgb, start, 3, width, kernel);
    }
    for start in 0..width * 3 {
        line.blur(&mut pixels.rgb, start, width * 3, height, kernel);
    }
}

/// A box of `2 × radius + 1` whole pixels, and a part of one on each side. Weights are in 2⁻²⁴.
#[derive(Clone, Copy)]
struct Box {
    radius: usize,
    whole: u32,
    part: u32,
}

impl Box {
    /// The box that blurs as a Gaussian does when it is applied [`PASSES`] times.
    fn for_sigma(sigma: f32) -> Self {
        let variance = sigma * sigma / PASSES as f32;
        let length = (12.0 * f64::from(variance) + 1.0).sqrt() as f32;
        let whole = ((f64::from(length) - 1.0) / 2.0).floor() as f32;
        let next = whole + 1.0;
        let part = (2.0 * whole + 1.0) * (whole * next - 3.0 * variance) / (6.0 * (variance - next * next));
        Self::of_radius(whole + part)
    }

    fn of_radius(radius: f32) -> Self {
        const ONE: u32 = 1 << 24;
        let whole = (ONE as f32 / (radius * 2.0 + 1.0)) as u32;
        let pixels = radius as u32 * 2 + 1;
        Self { radius: radius as usize, whole, part: ONE.saturating_sub(pixels.saturating_mul(whole)) / 2 }
    }

    /// Blurs one line. Beyond its ends it goes on as it ends.
    fn pass(self, from: &[u8], to: &mut [u8]) {
        let last = from.len() - 1;
        let (radius, at) = (self.radius, |index: usize| u32::from(from[index.min(last)]));
        let before = |index: usize, back: usize| u32::from(from[index.saturating_sub(back)]);
        // The sum around the first pixel: all that is left of it is the first pixel again.
        let seen = radius.min(last);
        let beyond = (radius - seen) as u32 * at(last);
        let mut sum = (radius as u32 + 1) * at(0) + (1..=seen).map(at).sum::<u32>() + beyond;
        for (index, to) in to.iter_mut().enumerate() {
            let sides = before(index, radius + 1) + at(index + radius + 1);
            *to = ((sum * self.whole + sides * self.part + (1 << 23)) >> 24) as u8;
            sum = sum + at(index + radius + 1) - before(index, radius);
        }
    }
}

/// Room for one row or column.
struct Line {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Line {
    fn new(longest: usize) -> Self {
        Self { from: vec![0; longest], to: vec![0; longest] }
    }

    /// Blurs the `count` values of `all` that stand `step` apart.
    fn blur(&mut self, all: &mut [u8], start: usize, step: usize, count: usize, kernel: Box) {
        let (mut from, mut to) = (&mut self.from[..count], &mut self.to[..count]);
        from.iter_mut().zip(all[start..].iter().step_by(step)).for_each(|(to, value)| *to = *value);
        for _ in 0..PASSES {
            kernel.pass(from, to);
            std::mem::swap(&mut from, &mut to);
        }
        all[start..].iter_mut().step_by(step).zip(from).for_each(|(to, value)| *to = *value);
    }
}

/// Gives each square of `side` pixels its mean colour, from the top left on.
pub fn pixelate(pixels: &mut Pixels, side: u32) {
    let (width, side) = (pixels.width as usize * 3, side.max(1) as usize);
    for band in pixels.rgb.chunks_mut(width * side) {
        for left in (0..width).step_by(side * 3) {
            let right = (left + side * 3).min(width);
            let mut sums = [0_u64; 3];
            for row in band.chunks_exact(width) {
                row[left..right].iter().enumerate().for_each(|(at, value)| sums[at % 3] += u64::from(*value));
            }
            let count = ((right - left) / 3 * (band.len() / width)) as u64;
            let mean = sums.map(|sum| ((sum + count / 2) / count) as u8);
            for row in band.chunks_exact_mut(width) {
                row[left..right].as_chunks_mut::<3>().0.fill(mean);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::raster::tests::pattern;

    fn mean(pixels: &Pixels) -> f64 {
        pixels.rgb.iter().map(|value| f64::from(*value)).sum::<f64>() / pixels.rgb.len() as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Catches sums that overflow or lose weight: a plain picture stays as it is, whatever the size and the width.
        #[test]
        fn a_plain_picture_is_not_changed(width in 1..40_u32, height in 1..40_u32, sigma in 0.0..3000_f32, value: u8) {
            let plain = Pixels { width, height, rgb: vec![value; (width * height * 3) as usize] };
            let mut blurred = plain.clone();
            gaussian(&mut blurred, sigma);
            let off = blurred.rgb.iter().map(|now| now.abs_diff(value)).max().unwrap_or_default();
            prop_assert!(off <= 1, "{off}");
            let mut large = plain.clone();
            pixelate(&mut large, sigma as u32);
            prop_assert_eq!(large, plain);
        }

        /// Catches large pixels that are not square or not the mean; once more changes nothing.
        #[test]
        fn large_pixels_are_means(width in 1..40_u32, height in 1..40_u32, side in 1..50_u32, seed: u32) {
            let whole = pattern(width, height, seed);
            let mut large = whole.clone();
            pixelate(&mut large, side);
            prop_assert!((mean(&large) - mean(&whole)).abs() < 0.6);
            let mut again = large.clone();
            pixelate(&mut again, side);
            prop_assert_eq!(again, large);
        }
    }
}
