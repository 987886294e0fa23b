//! `kind = "crop"`: a part of each picture.

use operators::Flaw;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::{Limits, Pixels};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::paint::Rect;
use crate::picture::Picture;
use crate::raster::area::{self, Unit};
use crate::raster::cut;
use crate::report::Detection;

/// Cuts a part out of each picture: a fixed area, or what holds all that was found. A frame of which nothing is left (the
/// area lies beside the picture, or nothing was found) is filtered. Detections go with what they lie on; those outside are
/// dropped.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Crop {
    /// The area: `[left, top, width, height]`.
    area: Option<[f32; 4]>,
    /// What the numbers of `area` are: `pixels`, or `shares` of the picture's sides from 0 to 1.
    unit: Unit,
    /// `detections`: the smallest area that holds them all, in place of `area`.
    to: Option<To>,
    /// Which detections count for `to`, by class; all, if left out.
    classes: Vec<String>,
    /// How much is kept around the detections, as a share of that area's width and height on each side.
    margin: f32,
}

/// What a picture is cut to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum To {
    /// What was found.
    Detections,
}

impl StepConfig for Crop {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        match (self.area, self.to) {
            (None, None) => {
                return Err(Mistake::new(
                    "say what to keep: `area = [left, top, width, height]` or `to = \"detections\"`",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(Mistake::at("to", "`area` and `to` both say what to keep: remove one of the two"));
            }
            _ => {}
        }
        let finite = |area: [f32; 4]| area.iter().all(|value| value.is_finite()) && area[2] > 0.0 && area[3] > 0.0;
        if self.area.is_some_and(|area| !finite(area)) {
            return Err(Mistake::at("area", "an area is [left, top, width, height], with a width and a height over 0"));
        }
        match (0.0..=10.0).contains(&self.margin) {
            true => Ok(()),
            false => Err(Mistake::at("margin", format!("`margin` is {}: it has to be between 0 and 10", self.margin))),
        }
    }

    fn describe(&self) -> String {
        match self.area {
            Some([left, top, width, height]) => {
                format!("keeps {width}×{height} at {left}, {top} ({})", self.unit.as_str())
            }
            None if self.classes.is_empty() => "keeps what holds all detections".to_owned(),
            None => format!("keeps what holds each {}", self.classes.join(", ")),
        }
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Cropping { config: self.clone(), limits: context.picture }))
    }
}

/// The step of one worker.
struct Cropping {
    config: Crop,
    limits: Limits,
}

impl Each for Cropping {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        picture.pixels(&self.limits)?;
        let pixels = picture.decoded().expect("decoded above");
        let Some(rect) = self.config.kept(pixels, &picture.detections) else { return Ok(Verdict::Filtered) };
        if rect != Rect::of(pixels) {
            let part = cut(pixels, rect);
            picture.replace(part, |[x, y]| [x - rect.left as f32, y - rect.top as f32]);
        }
        Ok(Verdict::GoesOn)
    }
}

impl Crop {
    /// What is kept of a picture, if anything.
    fn kept(&self, pixels: &Pixels, found: &[Detection]) -> Option<Rect> {
        match self.area {
            Some(area) => fixed(area, self.unit, pixels),
            None => area::grown(around(area::of_classes(found, &self.classes))?, self.margin, pixels),
        }
    }
}

/// A fixed area in whole pixels: its sides go to the nearest.
fn fixed([left, top, width, height]: [f32; 4], unit: Unit, pixels: &Pixels) -> Option<Rect> {
    let round = |corner: [f32; 2]| unit.point(corner, pixels).map(|value| value.round() as i32);
    let ([left, top], [right, bottom]) = (round([left, top]), round([left + width, top + height]));
    Rect { left, top, right, bottom }.and(Rect::of(pixels))
}

/// The smallest box that holds all these.
fn around<'a>(found: impl Iterator<Item = &'a Detection>) -> Option<[f32; 4]> {
    let corners = found.filter(|found| found.is_finite()).map(|found| {
        let [x, y, width, height] = found.area;
        [x, y, x + width, y + height]
    });
    let union = |a: [f32; 4], b: [f32; 4]| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])];
    let [left, top, right, bottom] = corners.reduce(union)?;
    Some([left, top, right - left, bottom - top])
}
