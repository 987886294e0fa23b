//! The record of a dead letter: what stands beside the bytes that led to no result.

use bytes::Bytes;
use operators::Frame;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::sinks::Parcel;

/// Why a frame led to no result, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Letter {
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
    /// The kind of thing that went wrong: `too-many-pixels`.
    pub reason: String,
    /// What exactly, in one sentence.
    pub detail: String,
    /// Size of the original bytes, which are kept beside this record.
    pub bytes: usize,
}

impl Letter {
    /// The record of a parcel, if it is a dead letter.
    pub fn of(parcel: &Parcel, job: &str) -> Option<Self> {
        let Frame { camera, number, id, captured_at, received_at, .. } = &*parcel.frame;
        Some(Self {
            job: job.to_owned(),
            camera: camera.to_string(),
            id: id.to_string(),
            number: number.0,
            captured_at: captured_at.map(clock::rfc3339),
            received_at: clock::rfc3339(*received_at),
            reason: parcel.reason?.to_string(),
            detail: parcel.detail.clone().unwrap_or_default(),
            bytes: parcel.body.len(),
        })
    }

    /// The record as JSON, for people: one key a line.
    pub fn to_json(&self) -> Bytes {
        serde_json::to_vec_pretty(self).expect("text and numbers can be written").into()
    }
}
