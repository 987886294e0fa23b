//! `kind = "mask"`: parts of pictures that nobody is to see.

use operators::Flaw;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::{Limits, Pixels};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;
use crate::raster::area::Unit;
use crate::raster::colour::Rgb;

/// Points of all polygons at most: each is looked at for each row of a picture.
const MOST: usize = 1000;

/// Covers areas with a colour: a window of the neighbours, a number pad. Put it before the models, and they do not see them
/// either.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// The areas: each a list of three or more points `[x, y]`, its corners in order.
    areas: Vec<Vec<[f32; 2]>>,
    /// What the numbers of points are: `shares` of the picture's sides from 0 to 1, or `pixels`.
    #[serde(default = "shares")]
    unit: Unit,
    /// The colour: `#rrggbb`.
    #[serde(default)]
    colour: Rgb,
}

fn shares() -> Unit {
    Unit::Shares
}

impl StepConfig for Mask {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        if self.areas.is_empty() || self.areas.iter().any(|area| area.len() < 3) {
            return Err(Mistake::at("areas", "an area needs three points or more: [[[0, 0], [0.5, 0], [0, 0.5]]]"));
        }
        if self.areas.iter().flatten().flatten().any(|value| !value.is_finite()) {
            return Err(Mistake::at("areas", "a point is [x, y], two numbers"));
        }
        match self.areas.iter().map(Vec::len).sum::<usize>() <= MOST {
            true => Ok(()),
            false => Err(Mistake::at("areas", format!("these are over {MOST} points: draw the areas with fewer"))),
        }
    }

    fn describe(&self) -> String {
        let areas = if self.areas.len() == 1 { "area" } else { "areas" };
        format!("covers {} {areas} with {}", self.areas.len(), self.colour)
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Masking { config: self.clone(), limits: context.picture }))
    }
}

/// The step of one worker.
struct Masking {
    config: Mask,
    limits: Limits,
}

impl Each for Masking {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        let Mask { areas, unit, colour } = &self.config;
        let canvas = picture.canvas(&self.limits)?;
        for area in areas {
            let points: Vec<_> = area.iter().map(|point| unit.point(*point, canvas)).collect();
            fill(canvas, &points, colour.0);
        }
        Ok(Verdict::GoesOn)
    }
}

/// Covers each pixel whose middle lies in the polygon (even-odd).
fn fill(canvas: &mut Pixels, points: &[[f32; 2]], colour: [u8; 3]) {
    let width = canvas.width as usize;
    for (y, row) in canvas.rgb.as_chunks_mut::<3>().0.chunks_exact_mut(width).enumerate() {
        for [left, right] in crossings(points, y as f32 + 0.5).as_chunks::<2>().0 {
            // The first and the last pixel whose middle lies between them.
            let [start, end] = [left, right].map(|x| (x - 0.5).ceil().clamp(0.0, width as f32) as usize);
            row[start..end.max(start)].fill(colour);
        }
    }
}

/// Where the sides of a polygon cross a row, from left to right: an even number of places.
fn crossings(points: &[[f32; 2]], y: f32) -> Vec<f32> {
    let sides = points.iter().zip(points.iter().cycle().skip(1));
    let crossed = sides.filter(|(from, to)| (from[1] <= y) != (to[1] <= y));
    let mut places: Vec<f32> =
        crossed.map(|(from, to)| from[0] + (y - from[1]) / (to[1] - from[1]) * (to[0] - from[0])).collect();
    places.sort_by(f32::total_cmp);
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether a point lies in a polygon, by counting the sides to its left: the slow way.
    fn holds(points: &[[f32; 2]], [x, y]: [f32; 2]) -> bool {
        let sides = points.iter().zip(points.iter().cycle().skip(1));
        let left =
            sides.filter(|(a, b)| (a[1] <= y) != (b[1] <= y) && a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) <= x);
        left.count() % 2 == 1
    }

    proptest! {
        /// Catches a pixel that is seen, and one that is covered for nothing: any polygon, in and beside the picture.
        #[test]
        fn what_lies_inside_is_covered(points in proptest::collection::vec([-9.0..30_f32, -9.0..30_f32], 3..9)) {
            let mut canvas = Pixels { width: 20, height: 20, rgb: vec![0; 1200] };
            fill(&mut canvas, &points, [1; 3]);
            for (at, pixel) in canvas.rgb.as_chunks::<3>().0.iter().enumerate() {
                let middle = [(at % 20) as f32 + 0.5, (at / 20) as f32 + 0.5];
                prop_assert_eq!(pixel[0] == 1, holds(&points, middle), "{:?}", middle);
            }
        }
    }
}
