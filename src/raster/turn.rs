//! Pictures turned and mirrored.

use crate::codec::Pixels;
use crate::paint::Colour;

/// A picture of `width × height` whose pixel `(x, y)` is the pixel of `pixels` that `from` names.
fn mapped(pixels: &Pixels, (width, height): (u32, u32), from: impl Fn(u32, u32) -> (u32, u32)) -> Pixels {
    let all = pixels.rgb.as_chunks::<3>().0;
    let mut rgb = Vec::with_capacity(pixels.rgb.len());
    for y in 0..height {
        for x in 0..width {
            let (left, top) = from(x, y);
            rgb.extend_from_slice(&all[top as usize * pixels.width as usize + left as usize]);
        }
    }
    Pixels { width, height, rgb }
}

/// Mirrored: left is right.
pub fn mirrored(pixels: &Pixels) -> Pixels {
    let Pixels { width, height, .. } = *pixels;
    mapped(pixels, (width, height), |x, y| (width - 1 - x, y))
}

/// Mirrored: top is bottom.
pub fn upside_down(pixels: &Pixels) -> Pixels {
    let Pixels { width, height, .. } = *pixels;
    mapped(pixels, (width, height), |x, y| (x, height - 1 - y))
}

/// Turned clockwise by so many quarters.
pub fn quarters(pixels: &Pixels, quarters: u32) -> Pixels {
    let Pixels { width, height, .. } = *pixels;
    match quarters % 4 {
        0 => pixels.clone(),
        1 => mapped(pixels, (height, width), |x, y| (y, height - 1 - x)),
        2 => mapped(pixels, (width, height), |x, y| (width - 1 - x, height - 1 - y)),
        _ => mapped(pixels, (height, width), |x, y| (width - 1 - y, x)),
    }
}

/// A turn about the middle of a picture, and the canvas it ends on.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    cos: f64,
    sin: f64,
    from: [f64; 2],
    to: [f64; 2],
}

impl Turn {
    /// A turn clockwise; the canvas is the picture's own, or grows so that all of the picture is seen.
    pub fn new(width: u32, height: u32, degrees: f64, grows: bool) -> Self {
        let round = |value: f64| (value * 1e15).round() / 1e15;
        let angle = degrees.to_radians();
        let (sin, cos) = (round(libm::sin(angle)), round(libm::cos(angle)));
        let from = [f64::from(width), f64::from(height)];
        let mut turn = Self { cos, sin, from, to: from };
        if grows {
            turn.to = turn.canvas();
        }
        turn
    }

    /// The size that holds all of the turned picture, in whole pixels on each side of its middle.
    fn canvas(&self) -> [f64; 2] {
        let [width, height] = self.from;
        let corners = [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]].map(|corner| self.source(corner));
        [0, 1].map(|axis| {
            let values = corners.map(|corner| corner[axis]);
            let least = values.into_iter().fold(f64::INFINITY, f64::min);
            let most = values.into_iter().fold(f64::NEG_INFINITY, f64::max);
            most.ceil() - least.floor()
        })
    }

    /// Width and height of the canvas.
    pub fn size(&self) -> [u32; 2] {
        self.to.map(|side| side as u32)
    }

    /// Where a point of the canvas lies in the picture.
    fn source(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (x, y) = (x - self.to[0] / 2.0, y - self.to[1] / 2.0);
        [self.cos * x + self.sin * y + self.from[0] / 2.0, -self.sin * x + self.cos * y + self.from[1] / 2.0]
    }

    /// Where a point of the picture lies on the canvas.
    pub fn target(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (x, y) = (f64::from(x) - self.from[0] / 2.0, f64::from(y) - self.from[1] / 2.0);
        let to = [self.cos * x - self.sin * y + self.to[0] / 2.0, self.sin * x + self.cos * y + self.to[1] / 2.0];
        to.map(|value| value as f32)
    }

    /// The turned picture: between pixels in straight lines, and `fill` where there is none.
    pub fn apply(&self, pixels: &Pixels, fill: Colour) -> Pixels {
        let [width, height] = self.size();
        let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
        for y in 0..height {
            for x in 0..width {
                let source = self.source([f64::from(x) + 0.5, f64::from(y) + 0.5]);
                rgb.extend_from_slice(&between(pixels, source).unwrap_or(fill));
            }
        }
        Pixels { width, height, rgb }
    }
}

/// The colour at a point of a picture; `None` outside.
fn between(pixels: &Pixels, [x, y]: [f64; 2]) -> Option<Colour> {
    let (width, height) = (f64::from(pixels.width), f64::from(pixels.height));
    if !(0.0..width).contains(&x) || !(0.0..height).contains(&y) {
        return None;
    }
    let ([x, y], all) = ([x - 0.5, y - 0.5], pixels.rgb.as_chunks::<3>().0);
    let (across, down) = (x - x.floor(), y - y.floor());
    let at = |x: f64, y: f64| {
        let (x, y) = (x.clamp(0.0, width - 1.0) as usize, y.clamp(0.0, height - 1.0) as usize);
        all[y * pixels.width as usize + x].map(f64::from)
    };
    let (left, top) = (x.floor(), y.floor());
    let [a, b, c, d] = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].map(|(x, y)| at(left + x, top + y));
    Some(std::array::from_fn(|at| {
        let (upper, lower) = (a[at] + (b[at] - a[at]) * across, c[at] + (d[at] - c[at]) * across);
        (upper + (lower - upper) * down) as u8
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::raster::tests::pattern;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Catches a quarter or a mirror that loses or moves a pixel: each has its way back.
        #[test]
        fn what_is_turned_back_is_as_it_was(width in 1..30_u32, height in 1..30_u32, seed: u32, turns in 0..9_u32) {
            let whole = pattern(width, height, seed);
            prop_assert_eq!(&quarters(&quarters(&whole, turns), (4 - turns % 4) % 4), &whole);
            prop_assert_eq!(&mirrored(&mirrored(&whole)), &whole);
            prop_assert_eq!(&upside_down(&upside_down(&whole)), &whole);
            prop_assert_eq!(mirrored(&upside_down(&whole)), quarters(&whole, 2));
        }

        /// Catches a canvas that is too small, and points that go elsewhere than their pixels.
        #[test]
        fn a_turn_keeps_all_on_its_canvas(width in 1..60_u32, height in 1..60_u32, degrees in -400.0..400_f64) {
            let turn = Turn::new(width, height, degrees, true);
            let turned = turn.apply(&Pixels { width, height, rgb: vec![9; (width * height * 3) as usize] }, [0; 3]);
            for corner in [[0, 0], [width, 0], [0, height], [width, height]] {
                let [x, y] = turn.target(corner.map(|side| side as f32));
                prop_assert!((-1e-3..=turned.width as f32 + 1e-3).contains(&x), "{x} of {}", turned.width);
                prop_assert!((-1e-3..=turned.height as f32 + 1e-3).contains(&y), "{y} of {}", turned.height);
            }
            let there = turned.rgb.as_chunks::<3>().0.iter().filter(|pixel| **pixel == [9; 3]).count() as f64;
            let (area, rim) = (f64::from(width * height), 2.0 * f64::from(width + height) + 4.0);
            prop_assert!((there - area).abs() <= rim, "{there} of {area}");
        }
    }

    /// Catches a turn to the wrong side: a quarter by the general way is the exact quarter.
    #[test]
    fn a_quarter_is_a_turn_by_ninety_degrees() {
        let whole = pattern(12, 8, 3);
        for (turns, degrees) in [(1, 90.0), (2, 180.0), (3, 270.0), (3, -90.0)] {
            let turned = Turn::new(12, 8, degrees, true).apply(&whole, [0; 3]);
            assert_eq!(turned, quarters(&whole, turns), "{degrees}");
        }
    }
}
