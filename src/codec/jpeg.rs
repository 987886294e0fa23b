//! JPEG in Rust alone: `zune-jpeg` and `jpeg-encoder`. Always built; used where `turbo` is not.
//!
//! What it gives up: a scan that lacks data in its middle, with the end marker in place, decodes to grey there
//! (`zune-jpeg` fills up with zeros); turbojpeg says so.

use bytes::Bytes;
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};
use operators::{Flaw, Reason};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::{Codec, Header, Pixels, SCANS, cmyk, spare};

/// The codec in Rust alone.
pub const CODEC: Codec =
    Codec { name: "rust", shrinks: false, decode: |bytes, header, _| decode(bytes, header), encode };

/// The pixels as stored, not turned.
pub fn decode(bytes: &[u8], header: &Header) -> Result<Vec<u8>, Flaw> {
    if header.components == 4 {
        return cmyk::decode(bytes);
    }
    let broken = |error: DecodeErrors| Flaw::new(Reason::Undecodable, format!("a broken JPEG: {error}"));
    let options = DecoderOptions::new_fast()
        .set_strict_mode(true)
        .set_max_width(header.width as usize)
        .set_max_height(header.height as usize)
        .jpeg_set_max_scans(SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(broken)?;
    let mut rgb = spare::take(decoder.output_buffer_size().unwrap_or_default());
    // What it leaves out of a broken scan is black, not another picture.
    rgb.fill(0);
    decoder.decode_into(&mut rgb).map_err(broken)?;
    Ok(rgb)
}

fn encode(pixels: &Pixels, quality: u8) -> Result<Bytes, Flaw> {
    let failed = |error| Flaw::new(Reason::Undecodable, format!("the picture could not be encoded: {error}"));
    let (width, height) = super::jpeg_size(pixels)?;
    let mut jpeg = Vec::with_capacity(pixels.rgb.len() / 8);
    let mut encoder = Encoder::new(&mut jpeg, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    encoder.encode(&pixels.rgb, width, height, ColorType::Rgb).map_err(failed)?;
    Ok(jpeg.into())
}
