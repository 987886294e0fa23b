//! `kind = "dedupe"`: each picture once.

use std::collections::VecDeque;

use operators::{Flaw, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Each, StepConfig, Verdict, Work};
use crate::cameras::{Lately, PerCamera};
use crate::codec::{Enough, Limits};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;
use crate::raster::luma;
use crate::units::Time;

/// Pictures of a camera that are remembered at most.
const MOST: usize = 256;

/// Filters a frame whose picture the same camera has given before, a short while ago. It needs `partition = "camera"`
/// under `[batch]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dedupe {
    /// What makes two pictures the same: `bytes`, each of them; or `looks`, what they show at a glance (a difference hash
    /// of 64 bits), even if one is smaller or was compressed again.
    by: By,
    /// By how many of the 64 bits pictures that look the same may differ.
    distance: u32,
    /// How long a picture is remembered, by the time it was taken. The last 256 of a camera are.
    within: Time,
}

impl Default for Dedupe {
    fn default() -> Self {
        Self { by: By::Bytes, distance: 4, within: Time(std::time::Duration::from_secs(60)) }
    }
}

/// What makes two pictures the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum By {
    /// All their bytes.
    Bytes,
    /// What they show.
    Looks,
}

impl StepConfig for Dedupe {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        match self.distance <= 32 {
            true => context.one_worker_a_camera("with each other"),
            false => Err(Mistake::at(
                "distance",
                "of 64 bits, pictures that have nothing in common differ by 32: set `distance` to less, like 4",
            )),
        }
    }

    fn describe(&self) -> String {
        let same = match self.by {
            By::Bytes => "the same bytes".to_owned(),
            By::Looks => format!("the same looks ({} bits of 64)", self.distance),
        };
        format!("filters frames with {same} as one of the last {}", self.within)
    }

    fn enough(&self, _: &Context) -> Enough {
        match self.by {
            By::Bytes => Enough::NONE,
            By::Looks => Enough::All,
        }
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Comparing::new(self.clone(), context.picture)))
    }
}

/// What is remembered of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Bytes(blake3::Hash),
    Looks(u64),
}

impl Mark {
    fn is_like(self, other: Mark, distance: u32) -> bool {
        match (self, other) {
            (Mark::Looks(a), Mark::Looks(b)) => (a ^ b).count_ones() <= distance,
            _ => self == other,
        }
    }
}

/// The step of one worker.
struct Comparing {
    config: Dedupe,
    limits: Limits,
    /// The pictures of each camera that went on, the oldest first.
    seen: PerCamera<VecDeque<(UnixMillis, Mark)>>,
    lately: Lately,
}

impl Comparing {
    fn new(config: Dedupe, limits: Limits) -> Self {
        Self { config, limits, seen: PerCamera::default(), lately: Lately::default() }
    }
}

impl Each for Comparing {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        let Dedupe { by, distance, within } = self.config;
        let mark = match by {
            By::Bytes => Mark::Bytes(blake3::hash(&picture.frame.bytes)),
            By::Looks => Mark::Looks(looks(&luma::grid(picture.pixels(&self.limits)?, 9, 8))),
        };
        let at = picture.taken_at();
        let seen = self.seen.of(&picture.frame.camera);
        // Frames may come a little out of order: what is near in time on either side is the same while.
        seen.retain(|(then, _)| u128::from(then.0.abs_diff(at.0)) <= within.0.as_millis());
        let decide = || {
            let is_new = !seen.iter().any(|(_, other)| mark.is_like(*other, distance));
            if is_new {
                if seen.len() == MOST {
                    seen.pop_front();
                }
                seen.push_back((at, mark));
            }
            is_new
        };
        Ok(Verdict::of(self.lately.goes_on(&picture.frame, decide)))
    }
}

/// The difference hash of a grid of 9 × 8: whether it gets brighter from each cell to the next.
fn looks(grid: &[u8]) -> u64 {
    let brighter = grid.chunks_exact(9).flat_map(|row| row.windows(2).map(|pair| pair[1] > pair[0]));
    brighter.fold(0, |hash, bit| hash << 1 | u64::from(bit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{self, Form, Pixels};
    use crate::picture::tests::picture;

    fn comparing(by: By) -> Comparing {
        Comparing::new(Dedupe { by, ..Dedupe::default() }, Limits::default())
    }

    fn goes_on(step: &mut Comparing, at: u64, bytes: &bytes::Bytes) -> bool {
        let mut picture = picture(bytes.clone());
        picture.frame.id = format!("{at}-{}", bytes.len()).into();
        picture.frame.captured_at = Some(UnixMillis(at * 1000));
        step.each(&mut picture).unwrap() == Verdict::GoesOn
    }

    /// A picture of slow waves; another `seed` is another picture.
    fn waves(seed: u32) -> Pixels {
        let value = |at: u32| {
            let (x, y) = ((at / 3 % 160) as f32, (at / 480) as f32);
            let wave = libm::sinf(x / 17.0 + seed as f32) + libm::sinf(y / 23.0 + seed as f32 * 2.0 + x / 41.0);
            (127.0 + 60.0 * wave) as u8
        };
        Pixels { width: 160, height: 120, rgb: (0..160 * 120 * 3).map(value).collect() }
    }

    fn jpeg(pixels: &Pixels, quality: u8) -> bytes::Bytes {
        codec::encode_as(Form::Jpeg(Some(quality)), pixels, &[], 1.0).unwrap()
    }

    /// Catches a copy that goes on, another picture that does not, and one that is held to be known for ever.
    #[test]
    fn each_picture_goes_on_once() {
        let (one, again, other) = (jpeg(&waves(1), 90), jpeg(&waves(1), 50), jpeg(&waves(5), 90));
        let mut bytes = comparing(By::Bytes);
        assert!(goes_on(&mut bytes, 1, &one) && !goes_on(&mut bytes, 2, &one) && goes_on(&mut bytes, 2, &again));
        assert!(goes_on(&mut bytes, 100, &one), "a while later");
        let mut looks = comparing(By::Looks);
        assert!(goes_on(&mut looks, 1, &one) && !goes_on(&mut looks, 2, &again) && goes_on(&mut looks, 3, &other));
    }

    /// Catches memory that grows: a camera that never gives the same picture twice.
    #[test]
    fn memory_is_bounded() {
        let mut step = comparing(By::Bytes);
        for frame in 0..2 * MOST {
            assert!(goes_on(
                &mut step,
                frame as u64 / 100,
                &bytes::Bytes::from(format!("{frame:0>width$}", width = frame + 1))
            ));
        }
        assert_eq!(step.seen.of(&picture("".into()).frame.camera).len(), MOST);
    }
}
