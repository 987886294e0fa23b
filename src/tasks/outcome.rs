//! What became of a task.

use std::sync::Arc;

use bytes::Bytes;
use operators::{FrameId, Reason, UnixMillis};
use serde::{Deserialize, Serialize};

use super::task::Said;
use crate::write::Write;

/// Something that came of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What it is of: the task's own name, or that of a piece of its picture.
    pub id: String,
    /// What it is of the picture.
    pub write: Write,
    /// Its media type.
    pub media: String,
    /// It.
    #[serde(with = "body")]
    pub body: Bytes,
}

/// What a frame tells of its task when it ends: for the process that took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Which task.
    pub id: FrameId,
    /// What is wrong with it, in words.
    pub detail: Option<String>,
    /// What came of it.
    pub found: Vec<Found>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// All that it led to is in its sinks.
    Done,
    /// So it is, and the step of that name let it go.
    Filtered(String),
    /// It is a dead letter.
    Failed(Reason, String),
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub how: How,
    /// When.
    pub at: UnixMillis,
    /// What came of it.
    pub found: Vec<Found>,
}

/// A task that has ended, as it is kept on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// What was said of it.
    pub said: Said,
    /// What became of it.
    pub outcome: Arc<Outcome>,
}

impl Outcome {
    /// How much room it takes.
    pub fn size(&self) -> u64 {
        const OVERHEAD: u64 = 512;
        OVERHEAD + self.found.iter().map(|found| found.body.len() as u64).sum::<u64>()
    }
}

/// Bytes: as they are between workers, as base64 in JSON.
mod body {
    use bytes::Bytes;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(body: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        match to.is_human_readable() {
            true => to.serialize_str(&base64_simd::STANDARD.encode_to_string(body)),
            false => body.serialize(to),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        if !from.is_human_readable() {
            return Bytes::deserialize(from);
        }
        let text = String::deserialize(from)?;
        base64_simd::STANDARD.decode_to_vec(text).map(Bytes::from).map_err(D::Error::custom)
    }
}
