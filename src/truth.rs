//! What is truly in a picture, where somebody knows: a rendered frame carries it with it, in a segment of its JPEG.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::models::nms::{area, overlap, shared};

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

/// How right a detector is about the people in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    /// Persons that are there and were found.
    pub found: u32,
    /// Persons that are there, and of whom enough is visible to count.
    pub there: u32,
    /// Persons that were found and are not there.
    pub too_many: u32,
}

impl Score {
    /// Found, there, too many.
    pub fn counts(self) -> [u32; 3] {
        [self.found, self.there, self.too_many]
    }
}

/// A box from `[x, y, width, height]` to left, top, right, bottom.
fn corners([x, y, width, height]: [f32; 4]) -> [f32; 4] {
    [x, y, x + width, y + height]
}

impl Truth {
    /// Compares what a detector found (score and `[x, y, width, height]`) with what is there.
    ///
    /// The surest goes first, and takes the person it overlaps most, by half or more (IoU, as in PASCAL VOC). What finds
    /// somebody who does not count, or lies by half in them, is neither right nor wrong.
    pub fn score(&self, found: impl Iterator<Item = (f32, [f32; 4])>) -> Score {
        let mut found: Vec<_> = found.map(|(sure, area)| (sure, corners(area))).collect();
        found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let (counting, others): (Vec<&Person>, Vec<&Person>) = self.persons.iter().partition(|person| person.counts());
        let mut missed: Vec<_> = counting.iter().map(|person| corners(person.area)).collect();
        let others: Vec<_> = others.iter().map(|person| corners(person.area)).collect();
        let mut score = Score { there: counting.len() as u32, ..Score::default() };
        for (_, one) in found {
            let best = (0..missed.len()).max_by(|a, b| overlap(missed[*a], one).total_cmp(&overlap(missed[*b], one)));
            match best.filter(|best| overlap(missed[*best], one) >= 0.5) {
                Some(best) => {
                    missed.swap_remove(best);
                    score.found += 1;
                }
                None if others
                    .iter()
                    .any(|other| area(shared(*other, one)) >= 0.5 * area(one) || overlap(*other, one) >= 0.5) => {}
                None => score.too_many += 1,
            }
        }
        score
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(persons: &[([f32; 4], f32)]) -> Truth {
        let person = |&(area, visible)| Person { area, pixels: 100, visible };
        Truth { seed: 1, camera: 2, number: 3, scene: "yard".into(), persons: persons.iter().map(person).collect() }
    }

    /// Catches a person found twice, one who does not count and is held against the detector, and a box that lies apart.
    #[test]
    fn each_person_is_found_once() {
        let truth =
            truth(&[([0.0, 0.0, 20.0, 40.0], 1.0), ([50.0, 0.0, 20.0, 40.0], 0.3), ([100.0, 0.0, 20.0, 40.0], 0.9)]);
        let found = [
            (0.9, [1.0, 0.0, 20.0, 40.0]),
            (0.8, [0.0, 1.0, 20.0, 40.0]),
            (0.7, [50.0, 20.0, 20.0, 20.0]),
            (0.6, [200.0, 0.0, 20.0, 40.0]),
        ];
        assert_eq!(truth.score(found.into_iter()), Score { found: 1, there: 2, too_many: 2 });
        assert_eq!(truth.score([].into_iter()), Score { found: 0, there: 2, too_many: 0 });
    }

    /// Catches a reader that runs over the end of a broken file, or takes another program's segment for its own.
    #[test]
    fn only_whole_segments_are_read() {
        let truth = truth(&[([0.0, 0.0, 20.0, 40.0], 1.0)]);
        let segment = truth.to_segment();
        let length = (segment.len() as u16 + 2).to_be_bytes();
        let jpeg =
            [&[0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xE0 + SEGMENT][..], &length, &segment, &[0xFF, 0xDA, 0, 2]]
                .concat();
        assert_eq!(Truth::of(&jpeg), Some(truth));
        for end in 0..jpeg.len() - 4 {
            assert_eq!(Truth::of(&jpeg[..end]), None, "cut after {end} bytes");
        }
        assert_eq!(Truth::of(&[0xFF, 0xD8, 0xFF, 0xEB, 0, 5, b'J', b'P', b'G', 0xFF, 0xDA, 0, 2]), None);
    }
}
