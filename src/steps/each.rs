//! `kind = "each"`: a piece of the picture for each detection.

use std::sync::Arc;

use operators::{Flaw, Reason};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Cut, OnFault, Shape, StepConfig, Work};
use crate::codec::{Limits, Pixels};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::paint::Rect;
use crate::picture::{Picture, Piece};
use crate::raster::area;
use crate::report::Detection;

/// Cuts a piece out of the picture for each thing that was found. The steps that follow work on the pieces, until a
/// `collect` makes one picture of them again. Each piece is a picture of its own: its frame is called `ID.NAME.INDEX`
/// (the name of this step, the place among its pieces from 0), and nothing was found in it yet. Where nothing was found
/// there are no pieces, which is fine.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Each {
    /// The step whose detections are cut out; those of all steps, if left out.
    of: Option<String>,
    /// Which of them, by class; all, if left out.
    classes: Vec<String>,
    /// How much is kept around each, as a share of its width and height on each side.
    margin: f32,
    /// The most pieces of a picture, 1 to 1000. Of more the surest are cut out, and the value `NAME_left_out` (the name of
    /// this step) says how many are not: to hide all of something, set it high.
    most: usize,
    /// What it means that a piece can't be worked on: `keep` lets it stand in the list of its `collect` with the reason,
    /// `drop` leaves it out, `fail` makes its frame a dead letter. With the first two the picture goes on, and shows the piece
    /// as it was: to hide something, write `fail`.
    on_fault: OnFault,
}

impl Default for Each {
    fn default() -> Self {
        Self { of: None, classes: Vec::new(), margin: 0.0, most: 32, on_fault: OnFault::default() }
    }
}

impl StepConfig for Each {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        const MOST: usize = 1000;
        if !(1..=MOST).contains(&self.most) {
            return Err(Mistake::at("most", format!("`most` is {}: it has to be from 1 to {MOST}", self.most)));
        }
        match (0.0..=10.0).contains(&self.margin) {
            true => Ok(()),
            false => Err(Mistake::at("margin", format!("`margin` is {}: it has to be between 0 and 10", self.margin))),
        }
    }

    fn describe(&self) -> String {
        let what = if self.classes.is_empty() { "thing".to_owned() } else { self.classes.join(" or ") };
        let of = self.of.as_ref().map(|of| format!(" that {of} found")).unwrap_or_default();
        format!("a piece for each {what}{of}, {} at most", self.most)
    }

    fn shape(&self) -> Shape {
        Shape::Each { of: self.of.clone() }
    }

    fn gives(&self, context: &Context) -> Vec<String> {
        vec![context.part.clone(), format!("{}_left_out", context.part)]
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        let cutting = Cutting { config: self.clone(), name: context.part.as_str().into(), limits: context.picture };
        Ok(Work::Each(Box::new(cutting), self.on_fault))
    }
}

/// The step of one worker.
struct Cutting {
    config: Each,
    name: Arc<str>,
    limits: Limits,
}

impl Cut for Cutting {
    fn cut(&mut self, picture: &mut Picture) -> Result<Vec<Picture>, Flaw> {
        let (found, left_out) = self.config.wanted(&picture.detections);
        if left_out > 0 {
            picture.values.insert(format!("{}_left_out", self.name), left_out.into());
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let pixels = picture.pixels(&self.limits)?;
        let areas: Vec<_> = found.iter().map(|found| self.config.area(found, pixels)).collect();
        self.admit(areas.iter().flatten())?;
        let pieces = found.into_iter().zip(areas).enumerate().filter_map(|(index, (found, area))| {
            let piece = Piece { of: self.name.clone(), index, found, area: area? };
            Some(picture.cut(piece, &self.limits))
        });
        pieces.collect()
    }
}

impl Cutting {
    /// Boxes may lie over each other, and each piece has its own pixels.
    fn admit<'a>(&self, areas: impl Iterator<Item = &'a Rect>) -> Result<(), Flaw> {
        let pixels: u64 = areas.map(|area| area.width() as u64 * area.height() as u64).sum();
        match pixels <= self.limits.pixels {
            true => Ok(()),
            false => {
                let (name, most) = (&self.name, self.limits.pixels);
                let what = format!(
                    "the pieces that `{name}` cuts have {pixels} pixels together, and the job takes {most} (`max_pixels`)"
                );
                Err(Flaw::new(Reason::TooManyPixels, what))
            }
        }
    }
}

impl Each {
    /// What is cut out, and how much more there was.
    fn wanted(&self, found: &[Detection]) -> (Vec<Detection>, usize) {
        let of = |found: &&Detection| found.is_finite() && self.of.as_ref().is_none_or(|of| *found.by == **of);
        let mut wanted: Vec<_> = area::of_classes(found, &self.classes).filter(of).cloned().collect();
        let left_out = wanted.len().saturating_sub(self.most);
        if left_out > 0 {
            wanted.sort_by(|a, b| b.score.total_cmp(&a.score));
            wanted.truncate(self.most);
        }
        (wanted, left_out)
    }

    /// Where it lies in the picture, if anything of it does.
    fn area(&self, found: &Detection, pixels: &Pixels) -> Option<Rect> {
        area::grown(found.area, self.margin, pixels)
    }
}
