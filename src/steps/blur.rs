//! `kind = "blur"`: what is not to be recognised.

use operators::Flaw;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::{Limits, Pixels};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::paint::Rect;
use crate::picture::Picture;
use crate::raster::{area, blur, cut, paste};

/// Blurs pictures, or in them what was found.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Blur {
    /// `gaussian` makes edges soft, `pixelate` makes pixels large.
    style: Style,
    /// What is blurred: `picture`, all of it, or `detections`, the box of each thing that was found.
    of: Of,
    /// Which detections are blurred, by class; all, if left out.
    classes: Vec<String>,
    /// How much larger than its box is what is blurred, on each side, as a share of the box.
    grow: f32,
    /// From 0, nothing, to 1, unrecognisable. It goes by the size of what is blurred: at 1, the deviation of the Gaussian
    /// is a sixth, and a large pixel a quarter of the shorter side.
    strength: f32,
}

impl Default for Blur {
    fn default() -> Self {
        Self { style: Style::Gaussian, of: Of::Picture, classes: Vec::new(), grow: 0.1, strength: 0.5 }
    }
}

/// How it is blurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Style {
    /// Edges become soft.
    Gaussian,
    /// Pixels become large.
    Pixelate,
}

/// What is blurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Of {
    /// All of it.
    Picture,
    /// What was found.
    Detections,
}

impl StepConfig for Blur {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        if !(0.0..=1.0).contains(&self.strength) {
            return Err(Mistake::at(
                "strength",
                format!("`strength` is {}: it has to be between 0 and 1", self.strength),
            ));
        }
        if !(0.0..=10.0).contains(&self.grow) {
            return Err(Mistake::at("grow", format!("`grow` is {}: it has to be between 0 and 10", self.grow)));
        }
        match self.of == Of::Picture && !self.classes.is_empty() {
            true => Err(Mistake::at("classes", "`classes` chooses among detections: add `of = \"detections\"`")),
            false => Ok(()),
        }
    }

    fn describe(&self) -> String {
        let how = match self.style {
            Style::Gaussian => "blurs",
            Style::Pixelate => "pixelates",
        };
        let what = match self.of {
            Of::Picture => "all".to_owned(),
            Of::Detections if self.classes.is_empty() => "each detection".to_owned(),
            Of::Detections => format!("each {}", self.classes.join(", ")),
        };
        format!("{how} {what}, strength {}", self.strength)
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Blurring { config: self.clone(), limits: context.picture }))
    }
}

/// The step of one worker.
struct Blurring {
    config: Blur,
    limits: Limits,
}

impl Each for Blurring {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        let areas = self.areas(picture)?;
        if areas.is_empty() || self.config.strength == 0.0 {
            return Ok(Verdict::GoesOn); // It stays the frame as it came.
        }
        picture.timed("blur", |picture| {
            let canvas = picture.canvas(&self.limits)?;
            areas.into_iter().for_each(|area| self.blur(canvas, area));
            Ok(Verdict::GoesOn)
        })
    }
}

impl Blurring {
    /// What is to be blurred of a picture.
    fn areas(&self, picture: &mut Picture) -> Result<Vec<Rect>, Flaw> {
        let Blur { of, classes, grow, .. } = &self.config;
        if *of == Of::Detections && picture.detections.is_empty() {
            return Ok(Vec::new());
        }
        picture.pixels(&self.limits)?;
        let pixels = picture.decoded().expect("decoded above");
        Ok(match of {
            Of::Picture => vec![Rect::of(pixels)],
            Of::Detections => {
                let found = area::of_classes(&picture.detections, classes);
                found.filter_map(|found| area::grown(found.area, *grow, pixels)).collect()
            }
        })
    }

    fn blur(&self, canvas: &mut Pixels, area: Rect) {
        let mut part = cut(canvas, area);
        let side = part.width.min(part.height) as f32 * self.config.strength;
        match self.config.style {
            Style::Gaussian => blur::gaussian(&mut part, side / 6.0),
            Style::Pixelate => blur::pixelate(&mut part, (side / 4.0).ceil() as u32),
        }
        paste(canvas, &part, area);
    }
}
