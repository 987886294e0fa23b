//! `vigie camera`: a folder of pictures played as a camera, or cameras that are rendered.

mod dataset;
mod play;
pub(crate) mod shots;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::mistake::Mistake;
use crate::sources::synthetic::Cameras;

/// Rendered cameras where none are counted: one for each kind of place.
const CAMERAS: u32 = 4;
/// Frames of a data set from one camera, where cameras are not counted: many places teach more than many frames.
const FRAMES_A_CAMERA: u64 = 20;
/// Frames between two of a data set, where that is not said: enough for people to be elsewhere.
const APART: u64 = 9;

/// `vigie camera`.
#[derive(Debug, Args)]
pub struct Camera {
    /// The folder of pictures (.jpg, .jpeg, .png), played in the order of their names.
    #[arg(required_unless_present = "synthetic", conflicts_with = "synthetic")]
    folder: Option<PathBuf>,
    /// The camera's name; rendered cameras are called `room-0`, `corridor-1`, `street-2`, `yard-3`, ….
    #[arg(long = "as", value_name = "NAME", required_unless_present = "synthetic", conflicts_with = "synthetic")]
    name: Option<String>,
    /// Where to: mqtt://host:port/topic; {camera} and {number} in the topic stand for the camera's name and the frame's
    /// number. Without a topic: cameras/{camera}/raw.
    #[arg(long, value_name = "URL", required_unless_present = "dir", conflicts_with = "dir")]
    to: Option<String>,
    /// Frames a second of each camera; `max` for as fast as the broker takes them.
    #[arg(long, default_value = "1")]
    rate: Rate,
    /// Begin again after the last picture.
    #[arg(long = "loop", conflicts_with = "synthetic")]
    again: bool,
    /// Stop after so many frames, of all cameras together.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// The number of the first frame.
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// What a message holds.
    #[arg(long, value_enum, default_value_t = Form::Jpeg)]
    body: Form,
    /// How surely the broker gets it: 1 at least once, 2 exactly once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    qos: u8,
    /// Render the frames: places with people who walk. Each frame carries the truth about who is in it.
    #[arg(long)]
    synthetic: bool,
    /// How many cameras to render; 4 without --dir, and one for each 20 frames with it.
    #[arg(long, requires = "synthetic")]
    cameras: Option<u32>,
    /// What the dice are thrown with: the same seed gives the same frames.
    #[arg(long, requires = "synthetic", default_value_t = 1)]
    seed: u64,
    /// Width and height in pixels, 160x120 to 3840x2160.
    #[arg(long, requires = "synthetic", default_value = "640x480")]
    size: String,
    /// What all cameras look at: room, corridor, street or yard; without it, one after the other.
    #[arg(long, requires = "synthetic")]
    scene: Option<String>,
    /// Of each camera's frames, take one in so many; 1 without --dir, and 9 with it.
    #[arg(long, requires = "synthetic")]
    every: Option<u64>,
    /// Write a labelled data set into this folder, which must be empty, in place of sending frames.
    #[arg(long, requires = "synthetic", requires = "count")]
    dir: Option<PathBuf>,
    /// The labels of the data set.
    #[arg(long, value_enum, requires = "dir", default_value_t = Labels::Coco)]
    labels: Labels,
}

/// Frames a second; `None` for as fast as they are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rate(Option<f64>);

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "it is frames a second: write a number above 0, like 2 or 0.5, or `max`".to_owned();
        if text == "max" {
            return Ok(Self(None));
        }
        let rate = text.parse().ok().filter(|rate| (1e-6..=1e6).contains(rate));
        rate.map(|rate| Self(Some(rate))).ok_or_else(wrong)
    }
}

/// What a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The picture's file.
    Jpeg,
    /// The file in base64.
    Base64,
    /// The file in base64 behind `data:image/jpeg;base64,`.
    DataUrl,
    /// `{"image": base64, "camera", "number", "captured_at"}`.
    Json,
}

/// The labels of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Labels {
    /// annotations.json in COCO's form, each box with its visible share.
    Coco,
    /// labels/*.txt, a line `0 cx cy w h` for each person that counts.
    Yolo,
}

impl Camera {
    /// Plays, renders, or writes a data set; returns when all of it is where it should be.
    ///
    /// # Errors
    /// In words; a [`Mistake`] where what was asked for can't be.
    pub fn run(&self) -> anyhow::Result<()> {
        match (&self.dir, self.synthetic) {
            (Some(dir), _) => dataset::write(dir, self.labels, &self.rendered()?, self.count.unwrap_or(1)),
            (None, true) => self.play(shots::rendered(self.rendered()?, self.start)),
            (None, false) => {
                let (Some(folder), Some(name)) = (&self.folder, &self.name) else { return Ok(()) };
                self.play(shots::of_folder(folder, name, self.again, self.start)?)
            }
        }
    }

    fn rendered(&self) -> Result<Cameras, Mistake> {
        let (cameras, every) = match self.dir {
            Some(_) => (self.count.unwrap_or(1).div_ceil(FRAMES_A_CAMERA).min(u32::MAX.into()) as u32, APART),
            None => (CAMERAS, 1),
        };
        let (cameras, every) = (self.cameras.unwrap_or(cameras), self.every.unwrap_or(every));
        Cameras::new(self.seed, cameras, &self.size, self.scene.as_deref(), every)
    }
}
