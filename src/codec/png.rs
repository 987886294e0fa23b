//! PNG, by the `image` crate.

use std::io::{self, Cursor};

use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, Rgb};
use operators::{Flaw, Reason};

use super::{Header, Limits};

/// The pixels as stored, and how they are turned upright. 16 bits become 8; what is transparent shows white behind it, as
/// in a viewer.
pub fn decode(bytes: &[u8], header: &Header, limits: &Limits) -> Result<(Vec<u8>, Orientation), Flaw> {
    read(bytes, header, limits).map_err(|error| match is_cut_short(&error) {
        true => Flaw::new(Reason::Truncated, "a PNG that ends before its end"),
        false => Flaw::new(Reason::Undecodable, format!("a broken PNG: {error}")),
    })
}

fn read(bytes: &[u8], header: &Header, limits: &Limits) -> Result<(Vec<u8>, Orientation), ImageError> {
    let mut most = image::Limits::no_limits();
    most.max_image_width = Some(limits.side);
    most.max_image_height = Some(limits.side);
    // Eight bytes a pixel is the most a PNG holds; the rest is for its chunks.
    most.max_alloc = Some(u64::from(header.width) * u64::from(header.height) * 8 + (1 << 24));
    let mut decoder = PngDecoder::with_limits(Cursor::new(bytes), most)?;
    let orientation = decoder.orientation()?;
    let image = DynamicImage::from_decoder(decoder)?;
    Ok((opaque(image), orientation))
}

fn opaque(image: DynamicImage) -> Vec<u8> {
    if !image.color().has_alpha() {
        return image.into_rgb8().into_raw();
    }
    let over_white = |value: u8, alpha: u8| {
        ((u32::from(value) * u32::from(alpha) + 255 * (255 - u32::from(alpha)) + 127) / 255) as u8
    };
    let rgba = image.into_rgba8();
    rgba.pixels().flat_map(|&image::Rgba([r, g, b, a])| Rgb([r, g, b]).0.map(|value| over_white(value, a))).collect()
}

fn is_cut_short(error: &ImageError) -> bool {
    matches!(error, ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof)
}
