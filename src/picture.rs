//! A frame with all that is known of it so far. It never leaves the worker that made it.

use std::time::Duration;

use operators::{Flaw, Frame};

use crate::codec::{self, Pixels};
use crate::report::Detection;

/// What a step works on: a frame, its pixels once somebody asked for them, and what was found.
#[derive(Debug)]
pub struct Picture {
    /// The frame as it came.
    pub frame: Frame,
    /// What detectors found, in the order of the steps.
    pub detections: Vec<Detection>,
    /// The model that looked last.
    pub model: Option<ModelTag>,
    /// Time spent on this picture, stage by stage.
    pub timings: Vec<(&'static str, Duration)>,
    pixels: Option<Pixels>,
    touched: bool,
    /// Its place in the batch, by which the plan knows it again.
    pub(crate) place: usize,
}

/// Which model looked at a picture.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct ModelTag {
    /// The model's file name.
    pub name: std::sync::Arc<str>,
    /// SHA-256 of the model's file, in hex.
    pub sha256: std::sync::Arc<str>,
}

impl Picture {
    /// A picture of which nothing is known yet.
    pub fn new(frame: Frame) -> Self {
        Self { frame, detections: Vec::new(), model: None, timings: Vec::new(), pixels: None, touched: false, place: 0 }
    }

    /// The pixels, decoded at the first call.
    pub fn pixels(&mut self, limits: &codec::Limits) -> Result<&Pixels, Flaw> {
        if self.pixels.is_none() {
            let decoded = self.timed("decode", |picture| codec::decode(&picture.frame.bytes, limits))?;
            self.pixels = Some(decoded);
        }
        Ok(self.pixels.as_ref().expect("decoded above"))
    }

    /// The pixels, to be painted on: from here on the image is no longer the frame as it came.
    pub fn canvas(&mut self, limits: &codec::Limits) -> Result<&mut Pixels, Flaw> {
        self.pixels(limits)?;
        self.touched = true;
        Ok(self.pixels.as_mut().expect("decoded above"))
    }

    /// x
    pub fn image(&mut self, _limits: &codec::Limits) -> Result<bytes::Bytes, Flaw> {
        todo!()
    }

    /// Whether somebody painted on it.
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// The pixels, if somebody asked for them before.
    pub fn decoded(&self) -> Option<&Pixels> {
        self.pixels.as_ref()
    }

    /// Runs `work` and notes its time under `stage`.
    pub fn timed<R>(&mut self, stage: &'static str, work: impl FnOnce(&mut Self) -> R) -> R {
        let start = std::time::Instant::now();
        let result = work(self);
        self.timings.push((stage, start.elapsed()));
        result
    }
}
