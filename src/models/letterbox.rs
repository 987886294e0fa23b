//! A picture of any size in a network's square, its proportions kept.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::codec::Pixels;

/// What is around a picture that does not fill the square.
const PADDING: f32 = 114.0;

/// Where a picture was put in the square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Pixels of the square for one of the picture.
    pub scale: f32,
    /// The picture's own width.
    pub width: f32,
    /// The picture's own height.
    pub height: f32,
}

impl Placement {
    /// Corners in the square as corners in the picture, clipped to it; `None` where they are not finite or hold nothing.
    pub fn original(&self, corners: [f32; 4]) -> Option<[f32; 4]> {
        if corners.iter().any(|corner| !corner.is_finite()) {
            return None;
        }
        let [left, top, right, bottom] = corners.map(|corner| corner / self.scale);
        let x = |x: f32| x.clamp(0.0, self.width);
        let y = |y: f32| y.clamp(0.0, self.height);
        let clipped = [x(left), y(top), x(right), y(bottom)];
        (clipped[2] > clipped[0] && clipped[3] > clipped[1]).then_some(clipped)
    }
}

/// Puts pictures into a network's square at its top left corner, as blue, green and red planes of 0 to 255.
pub struct Letterbox {
    side: u32,
    resizer: Resizer,
    small: Image<'static>,
}

impl std::fmt::Debug for Letterbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letterbox").field("side", &self.side).finish_non_exhaustive()
    }
}

impl Letterbox {
    /// For a square of `side` × `side`.
    pub fn new(side: u32) -> Self {
        Self { side, resizer: Resizer::new(), small: Image::new(1, 1, PixelType::U8x3) }
    }

    /// Writes `pixels` into `input` (3 × side × side).
    pub fn put(&mut self, pixels: &Pixels, input: &mut [f32]) -> Placement {
        // In f64, as the references do: in f32 a height of 234 becomes 233.99998, and so 233.
        let (width, height) = (f64::from(pixels.width), f64::from(pixels.height));
        let scale = (f64::from(self.side) / width).min(f64::from(self.side) / height);
        let inside = |length: f64| ((length * scale) as u32).clamp(1, self.side);
        self.resize(pixels, inside(width), inside(height));
        planes(self.small.buffer(), self.small.width() as usize, self.side as usize, input);
        Placement { scale: scale as f32, width: width as f32, height: height as f32 }
    }

    fn resize(&mut self, pixels: &Pixels, width: u32, height: u32) {
        if (self.small.width(), self.small.height()) != (width, height) {
            self.small = Image::new(width, height, PixelType::U8x3);
        }
        let full =
            ImageRef::new(pixels.width, pixels.height, &pixels.rgb, PixelType::U8x3).expect("three bytes a pixel");
        // Not antialiased: the way these networks were trained with, and a third faster.
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Interpolation(FilterType::Bilinear));
        self.resizer.resize(&full, &mut self.small, &options).expect("both images are of one kind");
    }
}

/// Red, green, blue in rows of `width` to planes of blue, green, red in rows of `side`, padded.
fn planes(rgb: &[u8], width: usize, side: usize, input: &mut [f32]) {
    let (blue, rest) = input.split_at_mut(side * side);
    let (green, red) = rest.split_at_mut(side * side);
    let rows = rgb.chunks_exact(width * 3);
    let filled = rows.len() * side;
    for (y, row) in rows.enumerate() {
        let place = y * side..y * side + width;
        let (blue, green, red) = (&mut blue[place.clone()], &mut green[place.clone()], &mut red[place]);
        for (((pixel, b), g), r) in row.chunks_exact(3).zip(blue).zip(green).zip(red) {
            (*r, *g, *b) = (f32::from(pixel[0]), f32::from(pixel[1]), f32::from(pixel[2]));
        }
    }
    for plane in [blue, green, red] {
        plane[..filled].chunks_exact_mut(side).for_each(|row| row[width..].fill(PADDING));
        plane[filled..].fill(PADDING);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches swapped colours, a picture in the wrong corner, and padding that is left from the picture before.
    #[test]
    fn a_picture_lies_at_the_top_left_in_blue_green_red() {
        let pixels =
            |width, height, colour: [u8; 3]| Pixels { width, height, rgb: colour.repeat((width * height) as usize) };
        let mut letterbox = Letterbox::new(8);
        let mut input = vec![f32::NAN; 3 * 64];
        letterbox.put(&pixels(8, 8, [9, 9, 9]), &mut input);
        let placement = letterbox.put(&pixels(16, 8, [1, 2, 3]), &mut input);
        assert_eq!(placement, Placement { scale: 0.5, width: 16.0, height: 8.0 });
        for (plane, value) in input.chunks(64).zip([3.0, 2.0, 1.0]) {
            assert!(plane[..32].iter().all(|v| *v == value) && plane[32..].iter().all(|v| *v == PADDING));
        }
        assert_eq!(placement.original([4.0, 2.0, 100.0, 3.0]), Some([8.0, 4.0, 16.0, 6.0]));
        assert_eq!(placement.original([4.0, f32::NAN, 5.0, 3.0]), None);
    }
}
