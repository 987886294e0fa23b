//! Arithmetic on pixels that steps share. No configuration, no frames: pictures in, pictures out.

pub mod affine;
pub mod area;
pub mod blur;
pub mod colour;
pub mod luma;
pub mod turn;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::codec::Pixels;
use crate::paint::Rect;

/// The part of a picture inside `rect`, which has to lie in it.
pub fn cut(pixels: &Pixels, rect: Rect) -> Pixels {
    let (left, width) = (rect.left as usize * 3, rect.width() as usize * 3);
    let rows = pixels.rgb.chunks_exact(pixels.width as usize * 3).skip(rect.top as usize).take(rect.height() as usize);
    let rgb = rows.flat_map(|row| &row[left..left + width]).copied().collect();
    Pixels { width: rect.width() as u32, height: rect.height() as u32, rgb }
}

/// Puts `part` where it was cut from.
pub fn paste(pixels: &mut Pixels, part: &Pixels, rect: Rect) {
    let (left, width) = (rect.left as usize * 3, part.width as usize * 3);
    let rows = pixels.rgb.chunks_exact_mut(pixels.width as usize * 3).skip(rect.top as usize);
    for (row, part) in rows.zip(part.rgb.chunks_exact(width)) {
        row[left..left + width].copy_from_slice(part);
    }
}

/// A picture in another size, both of at least one pixel.
pub fn scaled(pixels: &Pixels, width: u32, height: u32) -> Pixels {
    let full = ImageRef::new(pixels.width, pixels.height, &pixels.rgb, PixelType::U8x3).expect("three bytes a pixel");
    let mut image = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize(&full, &mut image, &options).expect("both images are of one kind");
    Pixels { width, height, rgb: image.into_vec() }
}

/// Pictures for tests.
#[cfg(test)]
pub mod tests {
    use super::*;

    /// A picture in which no two neighbours are alike, from `seed`.
    pub fn pattern(width: u32, height: u32, seed: u32) -> Pixels {
        let value = |at: u32| (at.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 13) as u8;
        Pixels { width, height, rgb: (0..width * height * 3).map(value).collect() }
    }

    /// Catches rows that are taken or put one off.
    #[test]
    fn what_is_cut_and_pasted_again_changes_nothing() {
        let whole = pattern(17, 11, 1);
        let rect = Rect { left: 3, top: 2, right: 16, bottom: 11 };
        let part = cut(&whole, rect);
        assert_eq!((part.width, part.height), (13, 9));
        assert_eq!(part.rgb[..3], whole.rgb[(2 * 17 + 3) * 3..][..3]);
        let mut again = whole.clone();
        paste(&mut again, &part, rect);
        assert_eq!(again, whole);
    }
}
