//! What a picture says of itself, read without decoding it.

use image::metadata::Orientation;
use operators::{Flaw, Reason};

use super::quality;

/// A format that Vigie decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// ITU T.81.
    Jpeg,
    /// ISO/IEC 15948.
    Png,
}

/// The head of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// JPEG or PNG.
    pub format: Format,
    /// Pixels a row, as stored.
    pub width: u32,
    /// Rows, as stored.
    pub height: u32,
    /// Components of a JPEG: 1 grey, 3 colour, 4 CMYK or YCCK. 0 for a PNG.
    pub components: u8,
    /// How the stored picture is turned upright (EXIF). Read for JPEG alone; PNG's comes from its decoder.
    pub orientation: Orientation,
    /// The quality it was encoded at, 1 to 100; `None` for a PNG.
    pub quality: Option<u8>,
    /// Where the first scan begins; 0 for a PNG.
    scan: usize,
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xFF\xD8";

/// The format by the first bytes. Names and content types are not asked: cameras err in both.
pub fn format(bytes: &[u8]) -> Option<Format> {
    match bytes {
        bytes if bytes.starts_with(JPEG) => Some(Format::Jpeg),
        bytes if bytes.starts_with(PNG) => Some(Format::Png),
        _ => None,
    }
}

impl Header {
    /// Reads the head of a JPEG or PNG.
    pub fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        let header = match format(bytes) {
            Some(Format::Jpeg) => jpeg(bytes)?,
            Some(Format::Png) => png(bytes)?,
            None if bytes.is_empty() => return Err(Flaw::new(Reason::Empty, "there are no bytes at all")),
            None => return Err(undecodable(format!("neither a JPEG nor a PNG: {}", super::guess::describe(bytes)))),
        };
        match (header.width, header.height) {
            (0, _) | (_, 0) => Err(undecodable(format!("a picture of {}×{} pixels", header.width, header.height))),
            _ => Ok(header),
        }
    }

    /// Width and height of a JPEG that was turned upright.
    pub fn upright(&self) -> [u32; 2] {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        match self.orientation {
            Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH => [self.height, self.width],
            _ => [self.width, self.height],
        }
    }

    /// Whether a JPEG has its end marker. Inside a scan the two bytes stand for nothing else, so that one found behind
    /// the first scan's head is the end, whatever follows it.
    pub fn has_end(&self, bytes: &[u8]) -> bool {
        self.format == Format::Png || bytes[self.scan..].windows(2).rev().any(|pair| pair == [0xFF, 0xD9])
    }
}

fn undecodable(detail: impl Into<String>) -> Flaw {
    Flaw::new(Reason::Undecodable, detail)
}

fn cut_short() -> Flaw {
    Flaw::new(Reason::Truncated, "the picture ends inside its header")
}

/// IHDR comes first: its length and name, width, height.
fn png(bytes: &[u8]) -> Result<Header, Flaw> {
    let number = |at: usize| bytes.get(at..at + 4).map(|four| u32::from_be_bytes(four.try_into().expect("four bytes")));
    let (width, height) = number(16).zip(number(20)).ok_or_else(cut_short)?;
    if &bytes[12..16] != b"IHDR" {
        return Err(undecodable("a PNG that does not begin with its header chunk"));
    }
    let orientation = Orientation::NoTransforms;
    Ok(Header { format: Format::Png, width, height, components: 0, orientation, quality: None, scan: 0 })
}

/// What the segments before the first scan say.
#[derive(Default)]
struct Segments {
    frame: Option<(u32, u32, u8, u8)>,
    tables: [Option<quality::Table>; 4],
    orientation: Option<Orientation>,
}

/// Walks the segments up to the first scan.
fn jpeg(bytes: &[u8]) -> Result<Header, Flaw> {
    let mut segments = Segments::default();
    let mut at = JPEG.len();
    loop {
        // Fill bytes (0xFF) may precede a marker; anything else is skipped, as decoders do.
        at += bytes[at..].iter().position(|&byte| byte == 0xFF).ok_or_else(cut_short)?;
        at += bytes[at..].iter().position(|&byte| byte != 0xFF).ok_or_else(cut_short)?;
        let marker = bytes[at];
        at += 1;
        match marker {
            0x00 | 0x01 | 0xD0..=0xD8 => continue, // These stand alone.
            0xD9 => return Err(undecodable("a JPEG that ends before its first scan")),
            0xDA => break,
            _ => {
                let body = segment(bytes, at)?;
                segments.read(marker, body)?;
                at += 2 + body.len();
            }
        }
    }
    segments.header(at)
}

/// The EXIF block of a JPEG, without its name, if it has one before its first scan.
pub fn exif(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = JPEG.len();
    while format(bytes) == Some(Format::Jpeg) {
        at += bytes.get(at..)?.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF))?;
        let marker = bytes[at + 1];
        at += 2;
        if matches!(marker, 0x01 | 0xD0..=0xD8) {
            continue; // These stand alone.
        }
        let body = segment(bytes, at).ok().filter(|_| !matches!(marker, 0xD9 | 0xDA))?;
        if let Some(block) = body.strip_prefix(b"Exif\0\0").filter(|_| marker == 0xE1) {
            return Some(block);
        }
        at += 2 + body.len();
    }
    None
}

/// The body of the segment whose length stands at `at`.
fn segment(bytes: &[u8], at: usize) -> Result<&[u8], Flaw> {
    let &[high, low, ..] = &bytes[at..] else { return Err(cut_short()) };
    match usize::from(u16::from_be_bytes([high, low])) {
        0 | 1 => Err(undecodable("a JPEG with a segment that is shorter than its own length")),
        length => bytes.get(at + 2..at + length).ok_or_else(cut_short),
    }
}

impl Segments {
    fn read(&mut self, marker: u8, body: &[u8]) -> Result<(), Flaw> {
        match marker {
            // SOF0 to SOF15, without DHT, JPG and DAC, which share their range.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => self.frame = Some(frame(body)?),
            0xDB => quality::read_tables(body, &mut self.tables),
            0xE1 if self.orientation.is_none() => {
                self.orientation = body.strip_prefix(b"Exif\0\0").and_then(Orientation::from_exif_chunk);
            }
            _ => {}
        }
        Ok(())
    }

    fn header(self, scan: usize) -> Result<Header, Flaw> {
        let missing = || undecodable("a JPEG that does not say its size before its first scan");
        let (width, height, components, table) = self.frame.ok_or_else(missing)?;
        let table = self.tables.get(usize::from(table)).copied().flatten();
        Ok(Header {
            format: Format::Jpeg,
            width,
            height,
            components,
            orientation: self.orientation.unwrap_or(Orientation::NoTransforms),
            quality: table.map(|table| quality::estimate(&table)),
            scan,
        })
    }
}

/// Width, height, components, and the quantisation table of the first component. T.81, B.2.2.
fn frame(body: &[u8]) -> Result<(u32, u32, u8, u8), Flaw> {
    let &[_, y1, y0, x1, x0, components, _, _, table, ..] = body else {
        return Err(undecodable("a JPEG with a frame header that is too short"));
    };
    Ok((u16::from_be_bytes([x1, x0]).into(), u16::from_be_bytes([y1, y0]).into(), components, table))
}
