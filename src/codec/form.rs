//! What an image is written as.

use std::io::Cursor;

use bytes::Bytes;
use image::{ExtendedColorType, ImageFormat};
use operators::{Flaw, Reason};

use super::{Pixels, encode_at, encode_within};

/// The format of an image that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JPEG, 4:2:0: at that quality (1 to 100), or else near the quality and size that the picture came in.
    Jpeg(Option<u8>),
    /// PNG: exact.
    Png,
    /// WebP, lossless: exact.
    Webp,
}

impl Default for Form {
    fn default() -> Self {
        Self::Jpeg(None)
    }
}

impl Form {
    /// Its media type.
    pub fn media(self) -> &'static str {
        match self {
            Form::Jpeg(_) => "image/jpeg",
            Form::Png => "image/png",
            Form::Webp => "image/webp",
        }
    }
}

/// An image of `pixels`. A JPEG of no given quality has at most 1.3 times the size of `original` (the bytes the picture
/// came in), times `grown`.
pub fn encode_as(form: Form, pixels: &Pixels, original: &[u8], grown: f64) -> Result<Bytes, Flaw> {
    match form {
        Form::Jpeg(None) => encode_within(pixels, original, (original.len() as f64 * 1.3 * grown) as usize),
        Form::Jpeg(Some(quality)) => encode_at(pixels, quality),
        Form::Png => exact(pixels, ImageFormat::Png),
        Form::Webp => exact(pixels, ImageFormat::WebP),
    }
}

fn exact(pixels: &Pixels, format: ImageFormat) -> Result<Bytes, Flaw> {
    let failed = |error| Flaw::new(Reason::Undecodable, format!("the picture could not be encoded: {error}"));
    let mut bytes = Cursor::new(Vec::new());
    let Pixels { width, height, rgb } = pixels;
    image::write_buffer_with_format(&mut bytes, rgb, *width, *height, ExtendedColorType::Rgb8, format)
        .map_err(failed)?;
    Ok(bytes.into_inner().into())
}
