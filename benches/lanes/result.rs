//! A result, of Vigie or of a peer.

use serde::Deserialize;

use super::boxes::Thing;

/// What was found of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The frame.
    pub number: usize,
    /// The size of the picture as it came, where that is told.
    pub bytes: Option<usize>,
    /// What is in it.
    pub things: Vec<Thing>,
}

/// As it stands in a topic: a report of Vigie, or what a peer writes.
#[derive(Deserialize)]
struct Said {
    number: usize,
    bytes: Option<usize>,
    #[serde(default)]
    detections: Vec<Detection>,
    #[serde(default)]
    boxes: Vec<[f32; 6]>,
}

#[derive(Deserialize)]
struct Detection {
    class: usize,
    score: f32,
    #[serde(rename = "box")]
    area: [f32; 4],
}

impl Found {
    /// Of a message.
    ///
    /// # Errors
    /// It is neither a report nor a peer's result.
    pub fn read(message: &[u8]) -> anyhow::Result<Self> {
        let said: Said = serde_json::from_slice(message)?;
        let ours = said.detections.into_iter().map(|Detection { class, score, area: [x, y, width, height] }| Thing {
            class,
            score,
            corners: [x, y, x + width, y + height],
        });
        let theirs = said.boxes.into_iter().map(|[left, top, right, bottom, score, class]| Thing {
            class: class as usize,
            score,
            corners: [left, top, right, bottom],
        });
        Ok(Self { number: said.number, bytes: said.bytes, things: ours.chain(theirs).collect() })
    }
}
