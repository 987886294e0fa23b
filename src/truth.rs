//! What is truly in a picture, where somebody knows: a rendered frame carries it with it, in a segment of its JPEG.

use serde::{Deserialize, Serialize};

/// From this share of a person that is visible, they count.
pub const VISIBLE: f32 = 0.4;
/// From this height of the visible part, in pixels, a person counts.
pub const TALL: f32 = 20.0;
/// What the segment begins with. APP11 has no other user that begins so.
const NAME: &[u8] = b"vigie truth\0";
/// The segment's marker: APP11.
pub const SEGMENT: u8 = 11;

/// What a frame truly shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// What the frame was drawn from: the seed,
    pub seed: u64,
    /// the camera,
    pub camera: u64,
    /// and the number.
    pub number: u64,
    /// The kind of place.
    pub scene: String,
    /// Everybody of whom at least one pixel is visible, the farthest first.
    pub persons: Vec<Person>,
}

/// One person in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// `[x, y, width, height]` of the visible part, in pixels; x and y of the top left corner.
    #[serde(rename = "box")]
    pub area: [f32; 4],
    /// Pixels of the visible part.
    pub pixels: u32,
    /// The visible share of the whole figure, from more than 0 to 1.
    pub visible: f32,
}

impl Person {
    /// Whether a detector has to find them: enough of them is visible. Others are neither right nor wrong.
    pub fn counts(&self) -> bool {
        self.visible >= VISIBLE && self.area[3] >= TALL
    }
}

impl Truth {
    /// What the segment of a JPEG holds.
    pub fn to_segment(&self) -> Vec<u8> {
        let mut segment = NAME.to_vec();
        serde_json::to_writer(&mut segment, self).expect("plain data");
        segment
    }

    /// The truth that a JPEG carries, if it does.
    pub fn of(jpeg: &[u8]) -> Option<Self> {
        let mut rest = jpeg.strip_prefix(&[0xFF, 0xD8])?;
        // Segments: a marker, and a length that counts itself; the picture's data begin at SOS (DA).
        while let [0xFF, marker, high, low, after @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low])).checked_sub(2)?;
            let body = after.get(..length)?;
            match *marker {
                0xDA => return None,
                marker if marker == 0xE0 + SEGMENT && body.starts_with(NAME) => {
                    return serde_json::from_slice(&body[NAME.len()..]).ok();
                }
                _ => rest = &after[length..],
            }
        }
        None
    }
}
