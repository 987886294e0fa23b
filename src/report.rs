//! What is told of a picture: one JSON object, described by `docs/report.schema.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::picture::ModelTag;

/// One thing that a detector found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Detection {
    /// The number of the class in the model's list, from 0.
    pub class: usize,
    /// The name of the class.
    pub label: std::sync::Arc<str>,
    /// The detector's confidence, 0 to 1.
    pub score: f32,
    /// `[x, y, width, height]` in pixels of the original picture, upright; x and y of the top left corner.
    #[serde(rename = "box")]
    pub area: [f32; 4],
}

/// All that is known of one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The job's name.
    pub job: String,
    /// The camera's name.
    pub camera: String,
    /// What names the frame for ever within its job and camera.
    pub id: String,
    /// The frame's place in its stream.
    pub number: u64,
    /// When the camera took it (RFC 3339, UTC), if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<String>,
    /// When it reached Vigie (RFC 3339, UTC).
    pub received_at: String,
    /// When this report was made (RFC 3339, UTC).
    pub done_at: String,
    /// Width of the upright picture in pixels; absent where nothing needed its pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height of the upright picture in pixels; absent where nothing needed its pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Size of the compressed picture as it came.
    pub bytes: usize,
    /// What was found.
    pub detections: Vec<Detection>,
    /// The model that looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelTag>,
    /// Milliseconds per stage.
    pub timings: BTreeMap<String, f64>,
}

impl Report {
    /// x
    pub fn of(_picture: &crate::picture::Picture, _job: &str) -> Self {
        todo!()
    }
    /// x
    pub fn to_json(&self) -> bytes::Bytes {
        todo!()
    }
}
