//! `kind = "sample"`: some of the frames.

use operators::{Flaw, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Each, StepConfig, Verdict, Work};
use crate::cameras::{Lately, PerCamera};
use crate::codec::Enough;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;

/// A clock that goes back by more than this (milliseconds) has been set: it begins anew.
const SET_BACK: u64 = 10_000;

/// Lets some frames of each camera go on; the others are filtered.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sample {
    /// Every so many frames one goes on, by the frame's number: 0, `every`, twice `every` …
    every: Option<u64>,
    /// So many frames a second go on at most, evenly spread. It needs `partition = "camera"` under `[batch]`.
    per_second: Option<f64>,
    /// The time that `per_second` goes by: `captured_at` (`received_at`, where a camera does not say it) or `received_at`.
    by: By,
}

/// Which time of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    /// When the camera took it.
    #[default]
    CapturedAt,
    /// When it reached Vigie.
    ReceivedAt,
}

impl StepConfig for Sample {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        if self.every.is_none() && self.per_second.is_none() {
            return Err(Mistake::new("say which frames go on: `every = 5` or `per_second = 2`"));
        }
        if self.every == Some(0) {
            return Err(Mistake::at("every", "`every` can't be 0: 1 lets all frames go on, 2 each second one"));
        }
        match self.per_second {
            None => Ok(()),
            Some(rate) if rate > 0.0 && rate <= 1000.0 => context.one_worker_a_camera("by their time"),
            Some(rate) => {
                Err(Mistake::at("per_second", format!("`per_second` is {rate}: it has to be over 0, and 1000 at most")))
            }
        }
    }

    fn describe(&self) -> String {
        let every = self.every.map(|every| format!("one of {every} frames"));
        let rate = self.per_second.map(|rate| format!("{rate} frames a second at most"));
        let both: Vec<_> = every.into_iter().chain(rate).collect();
        format!("lets {} go on", both.join(", and of these "))
    }

    fn enough(&self, _: &Context) -> Enough {
        Enough::NONE
    }

    fn open(&self, _: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Sampling::new(self.clone())))
    }
}

/// The step of one worker.
struct Sampling {
    config: Sample,
    /// The slot in time of each camera's last frame that went on.
    last: PerCamera<Option<u64>>,
    lately: Lately,
}

impl Sampling {
    fn new(config: Sample) -> Self {
        Self { config, last: PerCamera::default(), lately: Lately::default() }
    }
}

impl Each for Sampling {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        let Sample { every, per_second, by } = self.config;
        if every.is_some_and(|every| !picture.frame.number.0.is_multiple_of(every)) {
            return Ok(Verdict::Filtered);
        }
        let Some(rate) = per_second else { return Ok(Verdict::GoesOn) };
        let UnixMillis(at) = match by {
            By::CapturedAt => picture.taken_at(),
            By::ReceivedAt => picture.frame.received_at,
        };
        let slot = |at: u64| (at as f64 / 1000.0 * rate) as u64;
        let last = self.last.of(&picture.frame.camera);
        // One a slot: whatever the camera's own rate is, so many a second come out, and never two at once.
        let decide = || {
            let is_new = last.is_none_or(|last| slot(at) > last || slot(at.saturating_add(SET_BACK)) < last);
            if is_new {
                *last = Some(slot(at));
            }
            is_new
        };
        Ok(Verdict::of(self.lately.goes_on(&picture.frame, decide)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::picture;

    fn sampling(every: Option<u64>, per_second: Option<f64>) -> Sampling {
        Sampling::new(Sample { every, per_second, by: By::CapturedAt })
    }

    fn kept(sampling: &mut Sampling, camera: &str, frames: impl Iterator<Item = (u64, u64)>) -> Vec<u64> {
        let mut goes_on = |(number, at): (u64, u64)| {
            let mut picture = picture("".into());
            picture.frame.camera = camera.into();
            picture.frame.number.0 = number;
            picture.frame.id = format!("{camera}-{at}").into();
            picture.frame.captured_at = Some(UnixMillis(at));
            (sampling.each(&mut picture).unwrap() == Verdict::GoesOn).then_some(number)
        };
        frames.filter_map(&mut goes_on).collect()
    }

    /// Catches one too many, one too few, and cameras that share what is counted.
    #[test]
    fn so_many_go_on_and_no_more() {
        let frames = |start: u64| (0..100).map(move |number| (number, start + number * 40));
        let mut every = sampling(Some(30), None);
        assert_eq!(kept(&mut every, "a", frames(0)), [0, 30, 60, 90]);
        let mut two = sampling(None, Some(2.0));
        assert_eq!(kept(&mut two, "a", frames(1_000_000)).len(), 8, "four seconds of 25 frames");
        assert_eq!(kept(&mut two, "b", frames(1_000_000)).len(), 8, "another camera");
        assert_eq!(kept(&mut two, "a", frames(1_000_001)).len(), 0, "the same time once more");
        assert!(kept(&mut two, "a", frames(5_000)).len() >= 8, "a clock that was set back goes on");
        let mut slow = sampling(None, Some(0.5));
        assert_eq!(kept(&mut slow, "a", frames(1_000_000)).len(), 2);
        let mut fast = sampling(None, Some(1000.0));
        assert_eq!(kept(&mut fast, "a", frames(1_000_000)).len(), 100);
    }
}
