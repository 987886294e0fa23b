//! A JPEG without what it tells beside the picture: segments are cut out, and the picture is not compressed again.

use bytes::Bytes;
use image::metadata::Orientation;
use operators::{Flaw, Reason};

use super::Header;

/// A JPEG that shows the same picture the same way up, and tells nothing else.
///
/// # Errors
/// That it is cut short, or no JPEG.
pub fn bare(jpeg: &[u8]) -> Result<Bytes, Flaw> {
    let header = Header::read(jpeg)?;
    let mut bare = jpeg[..2].to_vec();
    let mut told = header.orientation == Orientation::NoTransforms;
    let mut at = 2;
    while let Some((marker, segment)) = next(jpeg, at)? {
        at = segment.end;
        // JFIF has to come first, where there is one: the orientation comes behind it.
        if !told && marker != 0xE0 {
            bare.extend_from_slice(&exif(header.orientation));
            told = true;
        }
        if is_picture(marker, &jpeg[segment.clone()]) {
            bare.extend_from_slice(&jpeg[segment]);
        }
        if marker == END {
            break;
        }
        if marker == SCAN {
            let end = at + scan(&jpeg[at..]).ok_or_else(cut_short)?;
            bare.extend_from_slice(&jpeg[at..end]);
            at = end;
        }
    }
    Ok(bare.into())
}

/// How many scans a JPEG has, as far as it can be read.
pub fn scans(jpeg: &[u8]) -> usize {
    let (mut at, mut count) = (2, 0);
    while let Ok(Some((marker, segment))) = next(jpeg, at.min(jpeg.len())) {
        at = segment.end;
        if marker == END {
            break;
        }
        if marker == SCAN {
            count += 1;
            at += scan(&jpeg[at..]).unwrap_or(0);
        }
    }
    count
}

const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;

fn cut_short() -> Flaw {
    Flaw::new(Reason::Truncated, "a JPEG without its end marker: it was cut short on its way")
}

/// The next marker from `at` on, and where it and its segment stand. Bytes between segments are left out.
fn next(jpeg: &[u8], at: usize) -> Result<Option<(u8, std::ops::Range<usize>)>, Flaw> {
    let rest = &jpeg[at..];
    let skipped = rest.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF));
    let start = at + skipped.ok_or_else(cut_short)?;
    let marker = jpeg[start + 1];
    if matches!(marker, 0x01 | 0xD0..=0xD9) {
        return Ok(Some((marker, start..start + 2)));
    }
    let length = jpeg.get(start + 2..start + 4).map(|pair| usize::from(u16::from_be_bytes([pair[0], pair[1]])));
    let end = length.filter(|length| *length >= 2).map(|length| start + 2 + length).filter(|end| *end <= jpeg.len());
    Ok(Some((marker, start..end.ok_or_else(cut_short)?)))
}

/// How long the data of a scan is: up to a marker that neither stands for a byte nor restarts.
fn scan(data: &[u8]) -> Option<usize> {
    data.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF | 0xD0..=0xD7))
}

/// Whether a segment says how the picture looks: all but applications' own and comments. Of these JFIF, the colour profile
/// and Adobe's colour transform do.
fn is_picture(marker: u8, segment: &[u8]) -> bool {
    let named = |name: &[u8]| segment.get(4..).is_some_and(|body| body.starts_with(name));
    match marker {
        0xE0 => named(b"JFIF\0"),
        0xE2 => named(b"ICC_PROFILE\0"),
        0xEE => named(b"Adobe"),
        0xE1..=0xEF | 0xFE => false,
        _ => true,
    }
}

/// An EXIF segment that holds the orientation and nothing else.
fn exif(orientation: Orientation) -> Vec<u8> {
    let tiff =
        [b'I', b'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation.to_exif(), 0, 0, 0, 0, 0, 0, 0];
    let length = (2 + b"Exif\0\0".len() + tiff.len()) as u16;
    [&[0xFF, 0xE1][..], &length.to_be_bytes(), b"Exif\0\0", &tiff].concat()
}
