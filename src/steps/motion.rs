//! `kind = "motion"`: only frames on which something has changed.

use operators::Flaw;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Each, StepConfig, Verdict, Work};
use crate::cameras::{Lately, PerCamera};
use crate::codec::Limits;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;
use crate::raster::luma;

/// What is compared: the mean brightness in a grid of this many columns and rows.
const GRID: (usize, usize) = (64, 48);

/// Filters frames whose picture looks like the last one of the same camera that went on. The first one always goes on. It
/// needs `partition = "camera"` under `[batch]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Motion {
    /// From how large a difference in brightness on a part of the picture has changed: 0 to 1, black to white.
    threshold: f32,
    /// How much of the picture has to have changed, as a share of its area.
    area: f32,
}

impl Default for Motion {
    fn default() -> Self {
        Self { threshold: 0.08, area: 0.005 }
    }
}

impl StepConfig for Motion {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        let shares = [("threshold", self.threshold), ("area", self.area)];
        if let Some((field, value)) = shares.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
            return Err(Mistake::at(field, format!("`{field}` is {value}: it has to be between 0 and 1")));
        }
        context.one_worker_a_camera("with each other")
    }

    fn describe(&self) -> String {
        format!("lets frames go on that changed by {} on {} of the picture", self.threshold, self.area)
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Watching::new(self.clone(), context.picture)))
    }
}

/// The step of one worker.
struct Watching {
    config: Motion,
    limits: Limits,
    /// Each camera's last picture that went on.
    last: PerCamera<Vec<u8>>,
    lately: Lately,
}

impl Watching {
    fn new(config: Motion, limits: Limits) -> Self {
        Self { config, limits, last: PerCamera::default(), lately: Lately::default() }
    }
}

impl Each for Watching {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        let now = luma::grid(picture.pixels(&self.limits)?, GRID.0, GRID.1);
        let last = self.last.of(&picture.frame.camera);
        let decide = || {
            let moved = last.is_empty() || self.config.moved(last, &now);
            if moved {
                *last = now;
            }
            moved
        };
        Ok(Verdict::of(self.lately.goes_on(&picture.frame, decide)))
    }
}

impl Motion {
    /// Whether enough of a picture has changed.
    fn moved(&self, before: &[u8], now: &[u8]) -> bool {
        let changed = |(a, b): &(&u8, &u8)| f32::from(a.abs_diff(**b)) > self.threshold * 255.0;
        let count = before.iter().zip(now).filter(changed).count();
        count > 0 && count as f32 >= self.area * now.len() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Pixels, encode};
    use crate::picture::tests::picture;

    fn watching() -> Watching {
        Watching::new(Motion::default(), Limits::default())
    }

    /// A grey picture with a white square of `side` at the left, as bright as `grey`.
    fn scene(grey: u8, side: u32) -> bytes::Bytes {
        let mut pixels = Pixels { width: 320, height: 240, rgb: vec![grey; 320 * 240 * 3] };
        crate::paint::fill(&mut pixels, crate::paint::Rect::sized(0, 0, side as i32, side as i32), [255; 3]);
        encode(&pixels, &[0; 99_999]).unwrap()
    }

    /// Catches a still camera that goes on, and a slow change that is never seen because each frame is like the one before.
    #[test]
    fn what_stands_still_is_filtered() {
        let mut watching = watching();
        let mut number = 0;
        let mut goes_on = |camera: &str, scene: bytes::Bytes| {
            let mut picture = picture(scene);
            number += 1;
            picture.frame.id = number.to_string().into();
            picture.frame.camera = camera.into();
            watching.each(&mut picture).unwrap() == Verdict::GoesOn
        };
        assert!(goes_on("a", scene(90, 0)) && !goes_on("a", scene(90, 0)));
        assert!(!goes_on("a", scene(95, 0)), "a little more light is no motion");
        assert!(goes_on("a", scene(90, 60)) && !goes_on("a", scene(90, 60)));
        assert!(goes_on("b", scene(90, 60)), "another camera");
        let crept = (61..160).filter(|side| goes_on("c", scene(200, *side))).count();
        assert!((3..60).contains(&crept), "{crept} of 99 steps of a pixel");
    }
}
