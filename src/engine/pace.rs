//! Once a frame or once a batch, on one core or on all: how a model is best run.
//!
//! Found out at work: the first batches are run in turns, one way and the other, and what took the least time a frame is kept
//! for all workers. That costs no run that nobody needs, and measures what is true of this machine with all its workers at
//! it. What a model says is the same either way, but for the last digit of a float.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Batches that are timed each way.
const TRIALS: usize = 5;

/// What a batch has to save to be run as one: in doubt, frames one by one need less memory.
const WORTH: f64 = 0.98;

/// What it has to save to have all cores: they cost a session more.
const WORTH_ALL_CORES: f64 = 0.9;

/// How the frames of a batch go through a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// All at once, and not one by one.
    pub together: bool,
    /// On all cores, and not on one.
    pub wide: bool,
}

impl Way {
    /// One by one, on one core.
    pub const PLAIN: Self = Self { together: false, wide: false };

    /// Those that there are, the plainest first.
    pub fn all(together: bool, wide: bool) -> Vec<Self> {
        let all = [(false, false), (true, false), (false, true), (true, true)];
        let all = all.map(|(together, wide)| Self { together, wide });
        all.into_iter().filter(|way| way.together <= together && way.wide <= wide).collect()
    }

    fn worth(self) -> f64 {
        if self.wide { WORTH_ALL_CORES } else { WORTH }
    }
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

/// What is known of a model.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    verdict: Option<Verdict>,
    /// By the size of their batch.
    trials: BTreeMap<usize, Trials>,
}

/// Times a frame, of batches of one size, each way.
#[derive(Debug, Default)]
struct Trials(Vec<(Way, Vec<Duration>)>);

#[derive(Clone, Debug)]
enum Verdict {
    /// The times a frame each way, in batches of this size.
    Measured { times: Vec<(Way, Duration)>, size: usize },
    /// Its outputs are not one for each frame.
    Stacks,
}

impl Trials {
    fn of(&self, way: Way) -> &[Duration] {
        self.0.iter().find(|(tried, _)| *tried == way).map_or(&[], |(_, times)| times)
    }

    fn add(&mut self, way: Way, time: Duration) {
        match self.0.iter_mut().find(|(tried, _)| *tried == way) {
            Some((_, times)) => times.push(time),
            None => self.0.push((way, vec![time])),
        }
    }
}

impl Verdict {
    /// The best of these ways, as far as it was measured.
    fn way(&self, ways: &[Way]) -> Way {
        let Self::Measured { times, .. } = self else { return Way::PLAIN };
        let known = times.iter().filter(|(way, _)| ways.contains(way));
        let better = |best: (Way, Duration), next: (Way, Duration)| {
            if next.1.as_secs_f64() < next.0.worth() * best.1.as_secs_f64() { next } else { best }
        };
        known.copied().reduce(better).map_or(Way::PLAIN, |(way, _)| way)
    }
}

impl Pace {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the next batch, of `count` frames, is to be run, in one of these ways.
    pub(super) fn way(&self, count: usize, ways: &[Way]) -> Way {
        let known = self.known();
        if let Some(verdict) = &known.verdict {
            return verdict.way(ways);
        }
        let tried = |way: &Way| known.trials.get(&count).map_or(0, |trials| trials.of(*way).len());
        ways.iter().copied().min_by_key(tried).unwrap_or(Way::PLAIN)
    }

    /// A batch of `count` frames took so long that way, one of these.
    pub(super) fn tell(&self, way: Way, ways: &[Way], count: usize, spent: Duration) {
        let mut known = self.known();
        if known.verdict.is_some() || ways.len() < 2 {
            return;
        }
        let trials = known.trials.entry(count).or_default();
        trials.add(way, spent / count as u32);
        if ways.iter().all(|way| trials.of(*way).len() >= TRIALS) {
            let times = ways.iter().map(|way| (*way, median(trials.of(*way)))).collect();
            known.verdict = Some(Verdict::Measured { times, size: count });
            known.trials.clear();
        }
    }

    /// The model's outputs are not one for each frame of a batch.
    pub(super) fn stacks(&self) {
        self.known().verdict = Some(Verdict::Stacks);
    }

    /// Whether it is known that all cores are no faster than one.
    pub(super) fn is_narrow(&self) -> bool {
        self.known().verdict.as_ref().is_some_and(|verdict| !verdict.way(&Way::all(true, true)).wide)
    }

    /// How the model is run, and why; `None` as long as that is not known.
    pub(super) fn manner(&self) -> Option<Manner> {
        let known = self.known();
        let verdict = known.verdict.as_ref()?;
        let Way { together, wide } = verdict.way(&Way::all(true, true));
        let runs = if together { "once a batch" } else { "once a frame" };
        let runs = if wide { format!("{runs}, on all cores") } else { runs.to_owned() };
        let Verdict::Measured { times, size } = verdict else {
            return Some(Manner::new(&runs, "what it says is not one for each frame of a batch"));
        };
        let told = |(at, (way, time)): (usize, &(Way, Duration))| {
            let unit = if at == 0 { " ms a frame" } else { "" };
            let how = if way.together { format!("in a batch of {size}") } else { "alone".to_owned() };
            let cores = if way.wide { " on all cores" } else { "" };
            format!("{:.2}{unit} {how}{cores}", time.as_secs_f64() * 1e3)
        };
        let why: Vec<_> = times.iter().enumerate().map(told).collect();
        Some(Manner::new(&runs, &why.join(", ")))
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: Way = Way::PLAIN;
    const TOGETHER: Way = Way { together: true, wide: false };
    const WIDE: Way = Way { together: false, wide: true };

    /// A pace that was told what each way takes, in milliseconds a frame, as often as it asks.
    fn after(takes: &[(Way, u64)]) -> (Pace, Vec<Way>) {
        let (pace, ways) = (Pace::default(), takes.iter().map(|(way, _)| *way).collect::<Vec<_>>());
        for _ in 0..ways.len() * TRIALS {
            let way = pace.way(3, &ways);
            let (_, each) = takes.iter().find(|(known, _)| *known == way).expect("one of them");
            pace.tell(way, &ways, 3, Duration::from_millis(3 * each));
        }
        (pace, ways)
    }

    /// Catches a way that is kept although another one is faster, and one that was never tried.
    #[test]
    fn the_fastest_way_is_kept() {
        for (alone, together, best, runs) in
            [(80, 70, TOGETHER, "once a batch"), (70, 80, ALONE, "once a frame"), (100, 99, ALONE, "once a frame")]
        {
            let (pace, ways) = after(&[(ALONE, alone), (TOGETHER, together)]);
            assert_eq!(
                [3, 7].map(|count| pace.way(count, &ways)),
                [best; 2],
                "{alone} ms alone, {together} ms together"
            );
            let manner = pace.manner().expect("it was measured");
            assert_eq!(manner.runs, runs);
            assert_eq!(manner.why, format!("{alone}.00 ms a frame alone, {together}.00 in a batch of 3"));
        }
    }

    /// Catches all cores for a model that is no faster on them, and one core for one that is.
    #[test]
    fn all_cores_have_to_be_worth_it() {
        for (wide, is_narrow) in [(80, false), (95, true)] {
            let (pace, ways) = after(&[(ALONE, 100), (TOGETHER, 100), (WIDE, wide)]);
            assert_eq!((pace.way(3, &ways).wide, pace.is_narrow()), (!is_narrow, is_narrow));
            assert_eq!(pace.way(3, &[ALONE]), ALONE, "where there are no other cores");
        }
        assert!(!Pace::default().is_narrow(), "it is not known yet");
    }

    /// Catches batches of sizes that come once each and are all taken together, and a guess before anything is known.
    #[test]
    fn batches_of_one_size_decide() {
        let (pace, ways) = (Pace::default(), [ALONE, TOGETHER]);
        for size in 2..40 {
            assert_eq!(pace.way(size, &ways), ALONE);
            pace.tell(ALONE, &ways, size, Duration::from_millis(1));
        }
        assert_eq!((pace.way(50, &ways), pace.way(2, &ways)), (ALONE, TOGETHER));
        assert!(pace.manner().is_none());
        pace.stacks();
        assert_eq!((pace.way(2, &ways), pace.manner().map(|manner| manner.runs)), (ALONE, Some("once a frame".into())));
    }
}
