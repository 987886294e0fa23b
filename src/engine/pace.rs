//! Once a frame or once a batch: how a model that takes any number of frames is better run.
//!
//! Found out at work: the first batches are run in turns, one way and the other, and what took less time a frame is kept for
//! all workers. That costs no run that nobody needs, and measures what is true of this machine with all its workers at it.
//! What a model says is the same both ways, but for the last digit of a float.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Batches that are timed each way.
const TRIALS: usize = 5;

/// What a batch has to save to be run as one: in doubt, frames one by one need less memory.
const WORTH: f64 = 0.98;

/// How the frames of a batch go through a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// One by one.
    Alone,
    /// All at once.
    Together,
}

/// How a model is run, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// `once a frame`, `once a batch`, `once for 4 frames`.
    pub runs: String,
    /// Why so.
    pub why: String,
}

impl Manner {
    pub(super) fn new(runs: &str, why: &str) -> Self {
        Self { runs: runs.to_owned(), why: why.to_owned() }
    }
}

/// What is known of a model that takes any number of frames.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    verdict: Option<Verdict>,
    /// By the size of their batch.
    trials: BTreeMap<usize, Trials>,
}

/// Times a frame, of batches of one size.
#[derive(Debug, Default)]
struct Trials {
    alone: Vec<Duration>,
    together: Vec<Duration>,
}

#[derive(Clone, Copy, Debug)]
enum Verdict {
    /// The times a frame alone and in a batch of this size.
    Measured { alone: Duration, together: Duration, size: usize },
    /// Its outputs are not one for each frame.
    Stacks,
}

impl Verdict {
    fn way(self) -> Way {
        match self {
            Self::Measured { alone, together, .. } if together.as_secs_f64() < WORTH * alone.as_secs_f64() => {
                Way::Together
            }
            _ => Way::Alone,
        }
    }
}

impl Pace {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the next batch, of `count` frames, is to be run.
    pub(super) fn way(&self, count: usize) -> Way {
        let known = self.known();
        match (known.verdict, known.trials.get(&count)) {
            (Some(verdict), _) => verdict.way(),
            (None, Some(trials)) if trials.together.len() < trials.alone.len() => Way::Together,
            _ => Way::Alone,
        }
    }

    /// A batch of `count` frames took so long that way.
    pub(super) fn tell(&self, way: Way, count: usize, spent: Duration) {
        let mut known = self.known();
        if known.verdict.is_some() {
            return;
        }
        let trials = known.trials.entry(count).or_default();
        let times = match way {
            Way::Alone => &mut trials.alone,
            Way::Together => &mut trials.together,
        };
        times.push(spent / count as u32);
        if trials.alone.len().min(trials.together.len()) >= TRIALS {
            let (alone, together) = (median(&mut trials.alone), median(&mut trials.together));
            known.verdict = Some(Verdict::Measured { alone, together, size: count });
            known.trials.clear();
        }
    }

    /// The model's outputs are not one for each frame of a batch.
    pub(super) fn stacks(&self) {
        self.known().verdict = Some(Verdict::Stacks);
    }

    /// How the model is run, and why.
    pub(super) fn manner(&self) -> Manner {
        let Some(verdict) = self.known().verdict else {
            return Manner::new("once a frame", "not measured yet: the first batches of two and more tell");
        };
        let runs = match verdict.way() {
            Way::Alone => "once a frame",
            Way::Together => "once a batch",
        };
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let why = match verdict {
            Verdict::Stacks => "what it says is not one for each frame of a batch".to_owned(),
            Verdict::Measured { alone, together, size } => {
                format!("{:.2} ms a frame alone, {:.2} in a batch of {size}", ms(alone), ms(together))
            }
        };
        Manner { runs: runs.to_owned(), why }
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(alone: u64, together: u64) -> Pace {
        let pace = Pace::default();
        for _ in 0..2 * TRIALS {
            let way = pace.way(3);
            let each = if way == Way::Alone { alone } else { together };
            pace.tell(way, 3, Duration::from_millis(3 * each));
        }
        pace
    }

    /// Catches a way that is kept although the other one is faster, and one that was never tried.
    #[test]
    fn the_faster_way_is_kept() {
        for (alone, together, way, runs) in [
            (80, 70, Way::Together, "once a batch"),
            (70, 80, Way::Alone, "once a frame"),
            (100, 99, Way::Alone, "once a frame"),
        ] {
            let pace = after(alone, together);
            assert_eq!((pace.way(3), pace.way(7)), (way, way), "{alone} ms alone, {together} ms together");
            let manner = pace.manner();
            assert_eq!(manner.runs, runs);
            assert_eq!(manner.why, format!("{alone}.00 ms a frame alone, {together}.00 in a batch of 3"));
        }
    }

    /// Catches batches of sizes that come once each and are all taken together, and a guess before anything is known.
    #[test]
    fn batches_of_one_size_decide() {
        let pace = Pace::default();
        for size in 2..40 {
            assert_eq!(pace.way(size), Way::Alone);
            pace.tell(Way::Alone, size, Duration::from_millis(1));
        }
        assert_eq!((pace.way(1), pace.way(2)), (Way::Alone, Way::Together));
        assert!(pace.manner().why.starts_with("not measured"));
        pace.stacks();
        assert_eq!((pace.way(2), pace.manner().runs), (Way::Alone, "once a frame".to_owned()));
    }
}
