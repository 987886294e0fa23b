//! How a job's frames are gathered, and how much it takes.

use std::time::Duration;

use operators::{Partition, Window};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec;
use crate::mistake::Mistake;
use crate::units::{Size, Time};

/// How frames are gathered: they go through the steps together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Batch {
    /// Frames a batch, 1 to 1,024.
    pub size: usize,
    /// How long a batch waits to fill before it goes as it is, 60 s at most.
    pub timeout: Time,
    /// What decides which worker takes a frame: `number` gives every worker the same share, `camera` keeps a camera on
    /// one worker.
    pub partition: By,
}

/// What decides which worker takes a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The frame's number: `(number / size) mod workers`.
    #[default]
    Number,
    /// The frame's camera.
    Camera,
}

impl Default for Batch {
    fn default() -> Self {
        Self { size: 3, timeout: Time(Duration::from_millis(100)), partition: By::Number }
    }
}

impl Batch {
    /// How long a batch waits to fill.
    pub fn timeout(&self) -> Duration {
        self.timeout.0
    }

    /// What decides which worker takes a frame.
    pub fn partition(&self) -> Partition {
        match self.partition {
            By::Number => Partition::Number,
            By::Camera => Partition::Camera,
        }
    }

    pub(super) fn check(&self) -> Option<Mistake> {
        const MOST: usize = 1024;
        const LONGEST: Duration = Duration::from_secs(60);
        if self.timeout.0 > LONGEST {
            let what = format!("a batch can't wait for {}: set `timeout` to 60s or less", self.timeout);
            return Some(Mistake::at("timeout", what));
        }
        let what = || Mistake::at("size", format!("a batch can't be of {}: set `size` from 1 to {MOST}", self.size));
        (!(1..=MOST).contains(&self.size)).then(what)
    }
}

/// How much a job takes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Frames that are under way at most, of all sources together: taken in, and not yet acknowledged.
    pub window: usize,
    /// Their bytes at most. This bounds the memory of the job.
    pub window_bytes: Size,
    /// The largest message: more is a dead letter.
    pub max_frame_bytes: Size,
    /// The most pixels of a picture (width × height): more is a dead letter, and is not decoded.
    pub max_pixels: u64,
    /// The longest side of a picture in pixels: more is a dead letter, and is not decoded.
    pub max_side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let codec::Limits { pixels, side } = codec::Limits::default();
        Self {
            window: 256,
            window_bytes: Size(256 << 20),
            max_frame_bytes: Size(16 << 20),
            max_pixels: pixels,
            max_side: side,
        }
    }
}

impl Limits {
    /// How much may be under way.
    pub fn window(&self) -> Window {
        Window { frames: self.window, bytes: self.window_bytes.0 as usize }
    }

    /// A window that a batch does not fit in would make every batch wait for its timeout.
    pub(super) fn check(&self, batch: &Batch) -> Option<Mistake> {
        let zeros = [
            ("window_bytes", self.window_bytes.0),
            ("max_frame_bytes", self.max_frame_bytes.0),
            ("max_pixels", self.max_pixels),
            ("max_side", self.max_side.into()),
        ];
        if let Some((field, _)) = zeros.into_iter().find(|(_, value)| *value == 0) {
            return Some(Mistake::at(field, format!("`{field}` can't be 0, as nothing would be taken: set more")));
        }
        let (window, size) = (self.window, batch.size);
        let what = || format!("a window of {window} never fills a batch of {size}: set `window` to {size} or more");
        (window < size).then(|| Mistake::at("window", what()))
    }

    /// The largest picture.
    pub fn picture(&self) -> codec::Limits {
        codec::Limits { pixels: self.max_pixels, side: self.max_side }
    }
}
