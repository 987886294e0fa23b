//! `kind = "synthetic"`: rendered cameras, whose every frame carries the truth about who is in it.
//!
//! [`View`] says what a camera sees; the other files are what a picture is made of, from the dice up to the light.

mod brush;
mod cameras;
mod dice;
mod figure;
mod lens;
mod light;
mod looks;
mod places;
mod props;
mod sprite;
mod view;
mod walk;

use operators::Frame;
use operators::mailbox::Gone;
use schemars::JsonSchema;
use serde::Deserialize;

pub use cameras::Cameras;
pub use view::View;

use super::pace::{self, Pace};
use super::{Inlet, Source, SourceConfig};
use crate::context::Context;
use crate::mistake::Mistake;

/// Rendered cameras: rooms, corridors, streets and yards with people who walk. Every frame carries the truth about who
/// is in it. The same seed gives the same frames, on every machine.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Synthetic {
    /// How many cameras there are.
    #[serde(default = "one")]
    cameras: u32,
    /// Frames a second of each camera. Without it, as fast as they are worked on.
    #[serde(default)]
    rate: Option<f64>,
    /// Frames of each camera; without it, there is no end.
    #[serde(default)]
    count: Option<u64>,
    /// Width and height of a picture in pixels, `160x120` to `3840x2160`.
    #[serde(default = "size")]
    size: String,
    /// What the dice are thrown with.
    #[serde(default = "seed")]
    seed: u64,
    /// What the cameras look at: `room`, `corridor`, `street` or `yard`. Without it, one after the other.
    #[serde(default)]
    scene: Option<String>,
    /// Of each camera's frames, one in so many is taken.
    #[serde(default = "every")]
    every: u64,
}

fn one() -> u32 {
    1
}

fn size() -> String {
    "640x480".to_owned()
}

fn seed() -> u64 {
    1
}

fn every() -> u64 {
    1
}

impl Synthetic {
    fn cast(&self) -> Result<Cameras, Mistake> {
        Cameras::new(self.seed, self.cameras, &self.size, self.scene.as_deref(), self.every)
    }
}

impl SourceConfig for Synthetic {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        pace::check(self.rate)?;
        self.cast().map(drop)
    }

    fn describe(&self) -> String {
        let cameras = self.cast().map(|cameras| cameras.describe()).unwrap_or_default();
        let rate = self.rate.map(|rate| format!(", {rate} frames a second each")).unwrap_or_default();
        let count = self.count.map(|count| format!(", {count} frames each")).unwrap_or_default();
        format!("{cameras}{rate}{count}")
    }

    fn open(&self, _: &Context) -> anyhow::Result<Box<dyn Source>> {
        let cameras = self.cast()?;
        let rate = self.rate.map(|rate| rate * f64::from(self.cameras));
        Ok(Box::new(Rendering { cameras, rate, count: self.count.unwrap_or(u64::MAX) }))
    }
}

/// Renders frames, a camera after the other.
struct Rendering {
    cameras: Cameras,
    rate: Option<f64>,
    count: u64,
}

impl Source for Rendering {
    fn run(self: Box<Self>, inlet: Inlet) -> anyhow::Result<()> {
        // Gone: nobody listens any more.
        let _ = self.render(&inlet);
        inlet.finish().for_each(drop);
        Ok(())
    }
}

impl Rendering {
    fn render(&self, inlet: &Inlet) -> Result<(), Gone> {
        let mut pace = Pace::new(self.rate, inlet);
        let views: Vec<_> = (0..self.cameras.count()).map(|camera| self.cameras.view(camera)).collect();
        let mut sent = 0;
        for at in 0..self.count {
            for (camera, view) in views.iter().enumerate() {
                if !pace.wait(inlet)? {
                    return Ok(());
                }
                inlet.send(self.frame(camera as u32, view, at), sent)?;
                sent += 1;
            }
        }
        Ok(())
    }

    fn frame(&self, camera: u32, view: &View, at: u64) -> Frame {
        let number = self.cameras.number(at);
        Frame::new(self.cameras.name(camera).into(), number, number.0.to_string().into(), view.frame(number.0).0)
    }
}
