//! `kind = "flip"`: pictures as in a mirror.

use operators::Flaw;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::Limits;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;
use crate::raster::turn;

/// Mirrors pictures. Detections go with what they lie on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Flip {
    /// Which sides change places: `horizontal` left and right, `vertical` top and bottom.
    axis: Axis,
}

impl Default for Flip {
    fn default() -> Self {
        Self { axis: Axis::Horizontal }
    }
}

/// Which sides change places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Axis {
    /// Left and right.
    Horizontal,
    /// Top and bottom.
    Vertical,
}

impl StepConfig for Flip {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        Ok(())
    }

    fn describe(&self) -> String {
        match self.axis {
            Axis::Horizontal => "mirrors, left to right".to_owned(),
            Axis::Vertical => "mirrors, top to bottom".to_owned(),
        }
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Flipping { axis: self.axis, limits: context.picture }))
    }
}

/// The step of one worker.
struct Flipping {
    axis: Axis,
    limits: Limits,
}

impl Each for Flipping {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        let pixels = picture.pixels(&self.limits)?;
        let (width, height) = (pixels.width as f32, pixels.height as f32);
        match self.axis {
            Axis::Horizontal => {
                let flipped = turn::mirrored(pixels);
                picture.replace(flipped, |[x, y]| [width - x, y]);
            }
            Axis::Vertical => {
                let flipped = turn::upside_down(pixels);
                picture.replace(flipped, |[x, y]| [x, height - y]);
            }
        }
        Ok(Verdict::GoesOn)
    }
}
