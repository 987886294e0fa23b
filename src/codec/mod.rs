//! Pictures from bytes, and bytes from pictures.
//!
//! A picture is told by its first bytes, its header is read before anything is decoded, and what is decoded stands
//! upright. A JPEG is decoded strictly: cameras cut frames short when a link is bad, and half a frame that passes for a
//! whole one is worse than a dead letter. So a JPEG without its end marker is [`Reason::Truncated`], and one that is
//! broken inside is [`Reason::Undecodable`], whichever codec is built.

mod bare;
mod cmyk;
mod form;
mod glance;
mod guess;
mod header;
mod jpeg;
mod png;
mod quality;
mod spare;
#[cfg(test)]
mod tests;
#[cfg(feature = "turbo")]
mod turbo;

use bytes::Bytes;
use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};
use operators::{Flaw, Reason};

pub use bare::bare;
pub use form::{Form, encode_as};
pub use glance::{Enough, Glance};
pub use header::{Format, Header, exif, format};
pub use spare::give as reuse;

/// An upright picture: three bytes a pixel (red, green, blue), row by row from the top left, no padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width × height × 3` bytes.
    pub rgb: Vec<u8>,
}

impl Pixels {
    /// Width and height.
    pub fn size(&self) -> [u32; 2] {
        [self.width, self.height]
    }
}

/// What a job takes: more is a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pixels of a picture: width × height.
    pub pixels: u64,
    /// Pixels along the longer side.
    pub side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pixels: 64_000_000, side: 16_384 }
    }
}

/// The pixels of a JPEG as stored, of the header's size, each side divided by the last number (1, 2, 4 or 8) and rounded up.
type Decode = fn(&[u8], &Header, u32) -> Result<Vec<u8>, Flaw>;

/// A JPEG, 4:2:0, at a quality from 1 to 100.
type Encode = fn(&Pixels, u8) -> Result<Bytes, Flaw>;

/// One way to read and write a JPEG.
#[derive(Debug)]
pub struct Codec {
    /// What it is called.
    pub name: &'static str,
    /// Whether it decodes to a half, a quarter or an eighth of the size in less time.
    shrinks: bool,
    decode: Decode,
    encode: Encode,
}

impl Codec {
    /// As [`decode`].
    ///
    /// # Errors
    /// As [`decode`].
    pub fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Pixels, Flaw> {
        decode_by(self, bytes, limits)
    }

    /// A JPEG, 4:2:0, at a quality from 1 to 100.
    ///
    /// # Errors
    /// That it has more than 65535 pixels along a side.
    pub fn encode(&self, pixels: &Pixels, quality: u8) -> Result<Bytes, Flaw> {
        (self.encode)(pixels, quality)
    }
}

/// Every codec that is built. The first is in use; tests and benches run all.
pub const CODECS: &[Codec] = &[
    #[cfg(feature = "turbo")]
    turbo::CODEC,
    jpeg::CODEC,
];

/// Scans of a JPEG at most: each costs a decoder the whole picture, and a few bytes in the file. Encoders write ten.
const SCANS: usize = 100;

/// The best quality that is written: from here on files grow fast, and nobody sees why.
const BEST: u8 = 90;
/// The quality where the original says none: it is a PNG.
const USUAL: u8 = 85;
/// The quality under which a picture is no longer fit to be looked at; it is then larger than asked for.
const FLOOR: u8 = 20;
/// How often a picture is encoded again to make it small enough.
const TRIES: usize = 4;

/// Decodes a JPEG or PNG and turns it upright (EXIF). The header is read first: what is over `limits` is not decoded.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Pixels, Flaw> {
    decode_by(&CODECS[0], bytes, limits)
}

/// As [`decode`], with no more pixels than are [`Enough`] where that takes less time; and the size of the whole picture.
pub fn look(bytes: &[u8], limits: &Limits, enough: Enough) -> Result<(Pixels, [u32; 2]), Flaw> {
    look_by(&CODECS[0], bytes, limits, enough)
}

/// A JPEG of `pixels`, at most 1.3 times the size of `original` (the bytes the picture came in): 4:2:0, at the
/// quality estimated from the original's own quantisation tables, never above 90; 85 where the original is a PNG.
///
/// A quality under 20 is not tried: a picture that is larger even so (a tiny one, or a drawing that came as PNG) is
/// given as it is at 20.
pub fn encode(pixels: &Pixels, original: &[u8]) -> Result<Bytes, Flaw> {
    encode_by(&CODECS[0], pixels, original)
}

/// Whether `bytes` is a JPEG that every viewer shows as it is meant: its EXIF orientation is upright.
pub fn is_upright_jpeg(bytes: &[u8]) -> bool {
    let upright = |header: Header| header.format == Format::Jpeg && header.orientation == Orientation::NoTransforms;
    Header::read(bytes).is_ok_and(upright)
}

/// The media type of what looks like a picture.
pub fn media(bytes: &[u8]) -> &'static str {
    match format(bytes) {
        Some(Format::Jpeg) => "image/jpeg",
        Some(Format::Png) => "image/png",
        None => "application/octet-stream",
    }
}

/// As [`encode`], in at most `most` bytes where a quality of 20 or more allows it.
pub fn encode_within(pixels: &Pixels, original: &[u8], most: usize) -> Result<Bytes, Flaw> {
    encode_under(&CODECS[0], pixels, original, most)
}

fn decode_by(codec: &Codec, bytes: &[u8], limits: &Limits) -> Result<Pixels, Flaw> {
    Ok(look_by(codec, bytes, limits, Enough::All)?.0)
}

fn look_by(codec: &Codec, bytes: &[u8], limits: &Limits, enough: Enough) -> Result<(Pixels, [u32; 2]), Flaw> {
    let header = Header::read(bytes)?;
    limits.admit(&header)?;
    if !header.has_end(bytes) {
        return Err(Flaw::new(Reason::Truncated, "a JPEG without its end marker: it was cut short on its way"));
    }
    // Of four inks, no codec makes fewer pixels.
    let by = match header.format == Format::Jpeg && header.components != 4 && codec.shrinks {
        true => enough.shrink(header.upright()),
        false => 1,
    };
    let (rgb, orientation) = match header.format {
        Format::Jpeg => ((codec.decode)(bytes, &header, by)?, header.orientation),
        Format::Png => png::decode(bytes, &header, limits)?,
    };
    let stored = Pixels { width: header.width.div_ceil(by), height: header.height.div_ceil(by), rgb };
    let pixels = upright(stored, orientation)?;
    // A PNG's header does not say how it is turned: there, the pixels do.
    let size = if by == 1 { pixels.size() } else { header.upright() };
    Ok((pixels, size))
}

impl Limits {
    fn admit(&self, header: &Header) -> Result<(), Flaw> {
        self.admit_size("", [header.width, header.height])
    }

    /// Whether a picture of that size is taken: one that comes, or what a step makes of it (`how`: `"resized to "`), which may be
    /// larger.
    ///
    /// # Errors
    /// What is too much of it.
    pub fn admit_size(&self, how: &str, [width, height]: [u32; 2]) -> Result<(), Flaw> {
        let Self { pixels, side } = *self;
        if u64::from(width) * u64::from(height) <= pixels && width.max(height) <= side {
            return Ok(());
        }
        let detail = format!("{how}{width}×{height} pixels; the job takes {pixels} in all and {side} a side");
        Err(Flaw::new(Reason::TooManyPixels, detail))
    }
}

fn upright(pixels: Pixels, orientation: Orientation) -> Result<Pixels, Flaw> {
    let stored = pixels.rgb.len();
    let wrong =
        || Flaw::new(Reason::Undecodable, format!("the decoder gave {stored} bytes, which is not the header's size"));
    if stored as u64 != u64::from(pixels.width) * u64::from(pixels.height) * 3 {
        return Err(wrong());
    }
    if orientation == Orientation::NoTransforms {
        return Ok(pixels);
    }
    let stored = RgbImage::from_raw(pixels.width, pixels.height, pixels.rgb).ok_or_else(wrong)?;
    let mut image = DynamicImage::from(stored);
    image.apply_orientation(orientation);
    Ok(Pixels { width: image.width(), height: image.height(), rgb: image.into_rgb8().into_raw() })
}

/// A JPEG at that quality, whatever its size.
fn encode_at(pixels: &Pixels, quality: u8) -> Result<Bytes, Flaw> {
    (CODECS[0].encode)(pixels, quality)
}

fn encode_by(codec: &Codec, pixels: &Pixels, original: &[u8]) -> Result<Bytes, Flaw> {
    encode_under(codec, pixels, original, original.len() + original.len() * 3 / 10)
}

/// Encodes at the original's quality, and lower where that is too large: at the best quality that fits, as far as
/// [`TRIES`] bisections find it.
fn encode_under(codec: &Codec, pixels: &Pixels, original: &[u8], most: usize) -> Result<Bytes, Flaw> {
    let quality = Header::read(original).ok().and_then(|header| header.quality).unwrap_or(USUAL).min(BEST);
    let first = (codec.encode)(pixels, quality)?;
    if first.len() <= most || quality <= FLOOR {
        return Ok(first);
    }
    let (mut low, mut high, mut best) = (FLOOR + 1, quality - 1, None);
    for _ in 0..TRIES {
        if low > high {
            break;
        }
        let middle = low.midpoint(high);
        let jpeg = (codec.encode)(pixels, middle)?;
        match jpeg.len() <= most {
            true => (best, low) = (Some(jpeg), middle + 1),
            false => high = middle - 1,
        }
    }
    best.map_or_else(|| (codec.encode)(pixels, FLOOR), Ok)
}

/// Width and height as a JPEG stores them.
fn jpeg_size(pixels: &Pixels) -> Result<(u16, u16), Flaw> {
    let (width, height) = (pixels.width, pixels.height);
    let large = |_| Flaw::new(Reason::TooManyPixels, format!("{width}×{height} pixels; a JPEG holds 65535 a side"));
    Ok((width.try_into().map_err(large)?, height.try_into().map_err(large)?))
}
