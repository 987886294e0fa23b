//! JPEGs of four inks, which scanners and prepress write: rare, so correct and slow.
//!
//! `jpeg-decoder`, because `zune-jpeg` 0.5 mixes up the rows of four components that are not all of one size, and
//! libjpeg-turbo does not turn them into RGB.

use jpeg_decoder::{Decoder, PixelFormat};
use operators::{Flaw, Reason};

use super::SCANS;
use super::bare::scans;

/// The pixels as stored, not turned, as RGB.
pub fn decode(bytes: &[u8]) -> Result<Vec<u8>, Flaw> {
    let broken = |what: String| Flaw::new(Reason::Undecodable, format!("a broken JPEG: {what}"));
    // It has no limit of its own, and a scan of ten bytes takes as long as any other.
    if scans(bytes) > SCANS {
        return Err(broken(format!("it has more than {SCANS} scans")));
    }
    let mut decoder = Decoder::new(bytes);
    let inks = decoder.decode().map_err(|error| broken(error.to_string()))?;
    match decoder.info().map(|info| info.pixel_format) {
        Some(PixelFormat::CMYK32) => Ok(inks.as_chunks::<4>().0.iter().flat_map(|ink| rgb(*ink)).collect()),
        _ => Err(broken("its header speaks of four inks, its data does not".to_owned())),
    }
}

/// Amounts of ink, 0 to 255: what is left of white light behind cyan, magenta, yellow and black.
fn rgb([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    [c, m, y].map(|ink| (u16::from(255 - ink) * u16::from(255 - k) / 255) as u8)
}
