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
        let Rotate { degrees, fill, grow } = self.config;
        let pixels = picture.pixels(&self.limits)?;
        let turn = Turn::new(pixels.width, pixels.height, degrees, grow);
        // One that is long and narrow becomes a square.
        self.limits.admit_size("turned, it has ", turn.size())?;
        picture.timed("rotate", |picture| {
            let pixels = picture.decoded().expect("decoded above");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Form, Pixels, encode_as};
    use crate::picture::tests::picture;

    /// Catches a narrow picture that becomes a square of more pixels than the job takes.
    #[test]
    fn what_grows_too_large_is_a_dead_letter() {
        let narrow = Pixels { width: 3000, height: 2, rgb: vec![9; 3000 * 2 * 3] };
        let png = encode_as(Form::Png, &narrow, &[], 1.0).expect("a PNG");
        let limits = Limits { pixels: 1_000_000, side: 16_384 };
        let config = Rotate { degrees: 45.0, fill: Default::default(), grow: true };
        let flaw = Rotating { config, limits }.each(&mut picture(png)).expect_err("2,100 × 2,100 pixels");
        assert!(flaw.detail.starts_with("turned, it has 21"), "{}", flaw.detail);
    }
}
