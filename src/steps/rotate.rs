//! `kind = "rotate"`: pictures turned.

use operators::Flaw;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::Limits;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;
use crate::raster::colour::Rgb;
use crate::raster::turn::{self, Turn};

/// Turns pictures clockwise about their middle. Quarter turns are exact. Detections go with what they lie on: a box becomes
/// the upright box around it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// By how many degrees, clockwise; less than 0 is the other way.
    degrees: f64,
    /// The colour of what the picture does not cover: `#rrggbb`.
    #[serde(default)]
    fill: Rgb,
    /// Whether the picture grows so that all of it is seen; else corners are cut off and the size stays.
    #[serde(default = "grows")]
    grow: bool,
}

fn grows() -> bool {
    true
}

impl StepConfig for Rotate {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        match (-360.0..=360.0).contains(&self.degrees) {
            true => Ok(()),
            false => {
                Err(Mistake::at("degrees", format!("`degrees` is {}: it has to be from -360 to 360", self.degrees)))
            }
        }
    }

    fn describe(&self) -> String {
        format!("turns by {}° clockwise", self.degrees)
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Rotating { config: self.clone(), limits: context.picture }))
    }
}

/// The step of one worker.
struct Rotating {
    config: Rotate,
    limits: Limits,
}

impl Each for Rotating {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        picture.pixels(&self.limits)?;
        picture.timed("rotate", |picture| {
            let Rotate { degrees, fill, grow } = self.config;
            let pixels = picture.decoded().expect("decoded above");
            let turn = Turn::new(pixels.width, pixels.height, degrees, grow);
            let turned = match quarters(degrees) {
                Some(quarters) if grow => turn::quarters(pixels, quarters),
                _ => turn.apply(pixels, fill.0),
            };
            picture.replace(turned, |point| turn.target(point));
        });
        Ok(Verdict::GoesOn)
    }
}

/// How many quarters it is, if it is whole ones.
fn quarters(degrees: f64) -> Option<u32> {
    (degrees % 90.0 == 0.0).then(|| (degrees / 90.0).rem_euclid(4.0) as u32)
}
