//! What a trial has shown, in a few numbers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::clocked::{self, Book, SHARED};
use super::take::Load;
use super::trial::Setting;
use crate::account::Balance;
use crate::latency::rows::rounded;
use crate::latency::table::{quantile, sorted};
use crate::metrics::Metrics;
use crate::stages::Spent;
use crate::usage;

/// Frames of a slice from which on its rate says something.
const ENOUGH: u64 = 10;

/// What was counted until a moment.
#[derive(Clone, Debug)]
pub struct Moment {
    at: Instant,
    /// Frames that have come to an end.
    pub ended: u64,
    cpu: Option<Duration>,
    memory: Option<u64>,
    stages: Vec<Spent>,
    book: Vec<clocked::Spent>,
}

impl Moment {
    /// What is counted now.
    pub fn now(metrics: &Metrics, book: &Book) -> Self {
        Self {
            at: Instant::now(),
            ended: Account::of(&metrics.account.balance()).ended(),
            cpu: usage::cpu(),
            memory: usage::resident(),
            stages: metrics.spent(),
            book: book.so_far(),
        }
    }

    /// Seconds of all threads in that stage.
    fn spent(&self, stage: &str) -> f64 {
        self.stages.iter().find(|spent| spent.stage == stage).map_or(0.0, |spent| spent.seconds)
    }
}

/// What a trial has counted.
pub struct Counted {
    /// Frames under way at most.
    pub window: usize,
    /// Bytes of memory of the process before the first frame, all parts opened.
    pub opened: Option<u64>,
    /// From the first that counts on.
    pub moments: Vec<Moment>,
    /// The account when all was over.
    pub account: Balance,
    /// What its sinks were given, by name.
    pub sinks: BTreeMap<String, Load>,
}

/// A trial in a few numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Worker threads.
    pub workers: usize,
    /// Frames a batch.
    pub batch: usize,
    /// Frames under way at most.
    pub window: usize,
    /// How long was measured.
    pub seconds: f64,
    /// Frames that came to an end, a second.
    pub frames_per_second: f64,
    /// Milliseconds of a core a frame, of the whole process; absent where the system does not say.
    pub cpu_ms: Option<f64>,
    /// Cores that were at work, on average.
    pub cores: Option<f64>,
    /// The share of the time that the steps' threads were at work, 0 to 1.
    pub busy: f64,
    /// What a frame costs, in the order in which it meets it.
    pub costs: Vec<Cost>,
    /// Bytes of the process before the first frame, all models loaded.
    pub memory_opened: Option<u64>,
    /// … and at most while it was measured.
    pub memory: Option<u64>,
    /// Half of the frames were under way for so long, in milliseconds.
    pub under_way_ms: f64,
    /// What became of all frames, those of the warm-up too.
    pub account: Account,
    /// What each sink was given, by name.
    pub sinks: BTreeMap<String, Load>,
}

/// What a frame costs in one stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// The stage: `decode`, `persons: infer`.
    pub stage: String,
    /// Milliseconds of one thread.
    pub ms: f64,
    /// The share of all that it costs, 0 to 1.
    pub share: f64,
}

/// What became of frames: `frames` is the sum of all the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Those that came in.
    pub frames: u64,
    /// Those that led to results.
    pub results: u64,
    /// Those that a step let go, by its name.
    pub filtered: BTreeMap<String, u64>,
    /// Dead letters, by reason.
    pub dead: BTreeMap<String, u64>,
}

impl Account {
    fn of(balance: &Balance) -> Self {
        Self {
            frames: balance.frames,
            results: balance.results,
            filtered: balance.filtered.clone(),
            dead: balance.dead.iter().map(|(reason, count)| (reason.to_string(), *count)).collect(),
        }
    }

    /// Those that steps let go.
    pub fn filtered(&self) -> u64 {
        self.filtered.values().sum()
    }

    /// Dead letters.
    pub fn dead(&self) -> u64 {
        self.dead.values().sum()
    }

    fn ended(&self) -> u64 {
        self.results + self.filtered() + self.dead()
    }
}

impl Measured {
    /// Those of a trial; `None` where not one frame came to its end while it was measured.
    pub fn of(setting: Setting, counted: Counted) -> Option<Self> {
        let Counted { window, opened, moments, account, sinks } = counted;
        let ([first, ..], [.., last]) = (&*moments, &*moments) else { return None };
        let (frames, seconds) = (last.ended - first.ended, (last.at - first.at).as_secs_f64());
        if frames == 0 {
            return None;
        }
        let used = first.cpu.zip(last.cpu).map(|(first, last)| (last - first).as_secs_f64());
        let busy = (last.spent("steps") - first.spent("steps")) / (seconds * setting.workers as f64);
        Some(Self {
            workers: setting.workers,
            batch: setting.batch,
            window,
            seconds: rounded(seconds),
            frames_per_second: rounded(rate(&moments)),
            cpu_ms: used.map(|used| rounded(used * 1e3 / frames as f64)),
            cores: used.map(|used| rounded(used / seconds)),
            busy: rounded(busy.min(1.0)),
            costs: costs(first, last, used),
            memory_opened: opened,
            memory: moments.iter().filter_map(|moment| moment.memory).max(),
            under_way_ms: rounded(account.latency[0].as_secs_f64() * 1e3),
            account: Account::of(&account),
            sinks,
        })
    }
}

/// Frames a second: the median of the slices, or, where those have few frames, the mean.
fn rate(moments: &[Moment]) -> f64 {
    let slice = |from: &Moment, to: &Moment| (to.ended - from.ended, (to.at - from.at).as_secs_f64());
    let slices: Vec<_> = moments.windows(2).map(|two| slice(&two[0], &two[1])).collect();
    if slices.iter().all(|(frames, _)| *frames >= ENOUGH) {
        let rates = sorted(slices.iter().map(|(frames, seconds)| *frames as f64 / seconds));
        return quantile(&rates, 0.5).unwrap_or_default();
    }
    let (frames, seconds) =
        slices.iter().fold((0, 0.0), |(frames, seconds), slice| (frames + slice.0, seconds + slice.1));
    frames as f64 / seconds
}

/// What a frame costs between these moments; `used` are the seconds of cores of the whole process.
fn costs(first: &Moment, last: &Moment, used: Option<f64>) -> Vec<Cost> {
    let stage = |stage: &str| (last.spent(stage) - first.spent(stage)).max(0.0);
    let [decode, encode] = SHARED;
    let mut rows = vec![(decode.to_owned(), stage(decode))];
    rows.extend(last.book.iter().map(|spent| (named(spent, &last.book), since(first, spent))));
    rows.push((encode.to_owned(), stage(encode)));
    let (steps, known) = (stage("steps"), rows.iter().map(|(_, seconds)| seconds).sum::<f64>());
    rows.push(("reports, and what is around the steps".to_owned(), steps - known));
    rows.extend(used.map(|used| ("the engine: other threads than those of the steps".to_owned(), used - steps)));
    // A thread that waits for a core spends time, and the process none: then nothing is left for the last row.
    rows.retain(|(_, seconds)| *seconds > 0.0);
    let (frames, all) = ((last.ended - first.ended) as f64, rows.iter().map(|(_, seconds)| seconds).sum::<f64>());
    let cost = |(stage, seconds): (String, f64)| Cost {
        stage,
        ms: rounded(seconds * 1e3 / frames),
        share: rounded(seconds / all),
    };
    rows.into_iter().map(cost).collect()
}

/// `boxes: draw`; and of what a step does besides, its name alone where that is all it does.
fn named(spent: &clocked::Spent, all: &[clocked::Spent]) -> String {
    let clocked::Spent { step, stage, .. } = spent;
    let has_stages = all.iter().any(|other| other.step == *step && other.stage.is_some());
    match stage {
        Some(stage) => format!("{step}: {stage}"),
        None if has_stages => format!("{step}: the rest"),
        None => step.clone(),
    }
}

/// Seconds of what has been spent since that moment.
fn since(first: &Moment, spent: &clocked::Spent) -> f64 {
    let before = first.book.iter().find(|known| known.step == spent.step && known.stage == spent.stage);
    spent.time.saturating_sub(before.map_or(Duration::ZERO, |known| known.time)).as_secs_f64()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A trial of so many frames a second, and nothing else of note.
    pub fn measured(workers: usize, batch: usize, frames_per_second: f64) -> Measured {
        Measured {
            workers,
            batch,
            window: 64,
            seconds: 3.0,
            frames_per_second,
            cpu_ms: Some(workers as f64 * 1e3 / frames_per_second),
            cores: Some(workers as f64),
            busy: 1.0,
            costs: vec![Cost { stage: "persons: infer".to_owned(), ms: 9.0, share: 0.6 }],
            memory_opened: Some(50_000_000),
            memory: Some(90_000_000),
            under_way_ms: 500.0,
            account: Account { frames: 300, results: 300, ..Account::default() },
            sinks: BTreeMap::new(),
        }
    }

    fn moment(start: Instant, seconds: u64, ended: u64, spent: &[(&str, f64)]) -> Moment {
        let stage = |(stage, seconds): &(&str, f64)| Spent {
            stage: (*stage).to_owned(),
            seconds: *seconds,
            ..Spent::default()
        };
        let time = |ms| Duration::from_millis(ms * ended);
        let row = |stage, ms| clocked::Spent { step: "persons".to_owned(), stage, time: time(ms) };
        Moment {
            at: start + Duration::from_secs(seconds),
            ended,
            cpu: Some(time(20)),
            memory: Some(1000 * ended),
            stages: spent.iter().map(stage).collect(),
            book: vec![row(Some("infer"), 8), row(None, 1)],
        }
    }

    fn counted(moments: Vec<Moment>) -> Counted {
        Counted { window: 64, opened: None, moments, account: Balance::default(), sinks: BTreeMap::new() }
    }

    /// Catches a mean in place of a median, what was spent before the first moment, and times that are counted twice or not.
    #[test]
    fn all_that_a_frame_costs_is_told_once() {
        let start = Instant::now();
        let at = |seconds, ended: u64| {
            let spent = |ms: f64| ms * ended as f64 / 1e3;
            moment(start, seconds, ended, &[("steps", spent(15.0)), ("decode", spent(2.0)), ("encode", spent(3.0))])
        };
        // 100, 100 and 10 frames a second.
        let moments = vec![at(0, 40), at(1, 140), at(2, 240), at(3, 250)];
        let measured = Measured::of(Setting { workers: 2, batch: 3 }, counted(moments)).expect("frames");
        assert_eq!((measured.frames_per_second, measured.cpu_ms, measured.memory), (100.0, Some(20.0), Some(250_000)));
        let told: Vec<_> = measured.costs.iter().map(|cost| (cost.stage.as_str(), cost.ms)).collect();
        let (rest, engine) =
            ("reports, and what is around the steps", "the engine: other threads than those of the steps");
        let wanted = [
            ("decode", 2.0),
            ("persons: infer", 8.0),
            ("persons: the rest", 1.0),
            ("encode", 3.0),
            (rest, 1.0),
            (engine, 5.0),
        ];
        assert_eq!(told, wanted);
        assert!((measured.costs.iter().map(|cost| cost.share).sum::<f64>() - 1.0).abs() < 1e-9);
        assert_eq!(measured.busy, rounded(210.0 * 0.015 / 6.0));
    }

    /// Catches a rate of nothing, and one of a slice in which by chance no frame ended.
    #[test]
    fn slow_jobs_have_a_rate_too() {
        let start = Instant::now();
        let setting = Setting { workers: 1, batch: 1 };
        let slow = [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3)].map(|(seconds, ended)| moment(start, seconds, ended, &[]));
        assert_eq!(Measured::of(setting, counted(slow.into())).expect("frames").frames_per_second, 0.5);
        assert!(Measured::of(setting, counted(vec![moment(start, 0, 3, &[]), moment(start, 1, 3, &[])])).is_none());
        assert!(Measured::of(setting, counted(vec![])).is_none());
    }
}
