//! JPEG by libjpeg-turbo. A thread makes one decoder and one encoder, and keeps them.

use std::cell::RefCell;

use bytes::Bytes;
use operators::{Flaw, Reason};
use turbojpeg::{Colorspace, Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, compressed_buf_len};

use super::{Codec, Header, Pixels, SCANS, spare};

/// libjpeg-turbo.
pub const CODEC: Codec = Codec { name: "turbo", shrinks: true, decode, encode };

/// What a thread keeps.
struct Turbo {
    decoder: Decompressor,
    encoder: Compressor,
    /// Where a JPEG is written before its size is known: room for the largest so far.
    scratch: Vec<u8>,
}

impl Turbo {
    fn new() -> turbojpeg::Result<Self> {
        let (mut decoder, mut encoder) = (Decompressor::new()?, Compressor::new()?);
        decoder.set_scan_limit(SCANS as u32)?;
        encoder.set_subsamp(Subsamp::Sub2x2)?;
        Ok(Self { decoder, encoder, scratch: Vec::new() })
    }
}

/// Runs `work` with this thread's codecs.
fn with<R>(work: impl FnOnce(&mut Turbo) -> turbojpeg::Result<R>) -> turbojpeg::Result<R> {
    thread_local!(static TURBO: RefCell<Option<Turbo>> = const { RefCell::new(None) });
    TURBO.with_borrow_mut(|turbo| match turbo {
        Some(turbo) => work(turbo),
        None => work(turbo.insert(Turbo::new()?)),
    })
}

fn decode(bytes: &[u8], header: &Header, by: u32) -> Result<Vec<u8>, Flaw> {
    let broken = |error| Flaw::new(Reason::Undecodable, format!("a broken JPEG: {error}"));
    let decoded = with(|turbo| turbo.decode(bytes, header, by)).map_err(broken)?;
    decoded.map_or_else(|| super::jpeg::decode(bytes, header), Ok)
}

impl Turbo {
    /// The pixels, or `None` for four components: libjpeg-turbo does not turn those into RGB.
    fn decode(&mut self, bytes: &[u8], header: &Header, by: u32) -> turbojpeg::Result<Option<Vec<u8>>> {
        let colorspace = self.decoder.read_header(bytes)?.colorspace;
        if matches!(colorspace, Colorspace::CMYK | Colorspace::YCCK) {
            return Ok(None);
        }
        self.decoder.set_scaling_factor(ScalingFactor::new(1, by as usize))?;
        let (width, height) = (header.width.div_ceil(by) as usize, header.height.div_ceil(by) as usize);
        let mut rgb = spare::take(width * height * 3);
        // A file that shows the library a larger picture than it showed us is an error here, not an overrun.
        let image = Image { pixels: &mut rgb[..], width, pitch: width * 3, height, format: PixelFormat::RGB };
        self.decoder.decompress(bytes, image)?;
        Ok(Some(rgb))
    }

    fn encode(&mut self, pixels: &Pixels, quality: u8) -> turbojpeg::Result<Bytes> {
        let (width, height) = (pixels.width as usize, pixels.height as usize);
        let image = Image { pixels: &pixels.rgb[..], width, pitch: width * 3, height, format: PixelFormat::RGB };
        let most = compressed_buf_len(width, height, Subsamp::Sub2x2)?;
        if self.scratch.len() < most {
            self.scratch.resize(most, 0);
        }
        self.encoder.set_quality(quality.into())?;
        let length = self.encoder.compress_to_slice(image, &mut self.scratch)?;
        Ok(Bytes::copy_from_slice(&self.scratch[..length]))
    }
}

fn encode(pixels: &Pixels, quality: u8) -> Result<Bytes, Flaw> {
    let failed = |error| Flaw::new(Reason::Undecodable, format!("the picture could not be encoded: {error}"));
    super::jpeg_size(pixels)?;
    with(|turbo| turbo.encode(pixels, quality)).map_err(failed)
}
