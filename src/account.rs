//! The account of a job's frames on one process: what came in, and how it ended.
//!
//! It is exact at any moment: *in = results + filtered + dead + shed + in flight*, and, where workers were stopped before
//! their frames had ended, *+ returned*: those come in again. Frames are counted in where they are admitted, and their ends
//! come back to that worker before their receipts do.

use std::collections::BTreeMap;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram as Quantiles;
use operators::{Meter, Reason, Window};

use crate::settle::Ended;

/// How a frame ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum End {
    /// All that it led to is in its sinks.
    Result,
    /// The step of that index in the job let it go, and what was wanted of it before that is in its sinks.
    Filtered(usize),
    /// It is in the dead letters.
    Dead(Reason),
}

/// Frames in and out of one process, and how long they took. It goes on when a job is installed anew.
#[derive(Debug)]
pub struct Account {
    started: Instant,
    intake: Mutex<Intake>,
    results: AtomicU64,
    filtered: Mutex<Filtered>,
    dead: [AtomicU64; Reason::ALL.len()],
    score: [AtomicU64; 3],
    /// Pieces of frames that a step could not work on.
    pub(crate) pieces: AtomicU64,
    latency: Mutex<Quantiles<u64>>,
}

/// Frames that steps let go.
#[derive(Debug, Default)]
struct Filtered {
    /// The steps of the job as it is installed, by name.
    steps: Vec<String>,
    /// How many each step let go. A step that was there before the job was installed anew is still counted.
    counts: BTreeMap<String, u64>,
}

/// Where frames come in.
#[derive(Debug)]
pub(crate) struct Intake {
    /// What counts now.
    pub meters: Vec<Arc<Meter>>,
    pub window: Window,
    /// What was counted when the job was installed before.
    pub past: Past,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Past {
    pub frames: u64,
    pub bytes: u64,
    pub acknowledged: u64,
    pub returned: u64,
}

impl Intake {
    pub(crate) fn sum(&self, field: impl Fn(&Meter) -> &AtomicU64) -> u64 {
        self.meters.iter().map(|meter| field(meter).load(Relaxed)).sum()
    }
}

/// The account at one moment.
#[derive(Clone, Debug, Default)]
pub struct Balance {
    /// Frames admitted.
    pub frames: u64,
    /// Frames given back unfinished, because the workers stopped: their broker sends them again, and they come in anew.
    pub returned: u64,
    /// Frames with all their results in the sinks.
    pub results: u64,
    /// Frames that a step let go on purpose, by the name of the step.
    pub filtered: BTreeMap<String, u64>,
    /// Dead letters, by reason; reasons that did not occur are left out.
    pub dead: Vec<(Reason, u64)>,
    /// Frames admitted that have not ended.
    pub in_flight: u64,
    /// Results a second since the start.
    pub rate: f64,
    /// Persons found, there and too many, of all frames that carry the truth and were compared with it.
    pub score: [u64; 3],
    /// Pieces of frames, here, that a step could not work on: their frames may be results all the same.
    pub pieces: u64,
    /// Time from a source to durable: the median, and the times that 95 and 99 of 100 frames stay under.
    pub latency: [Duration; 3],
}

impl Account {
    pub(crate) fn new() -> Self {
        // Up to an hour in steps of a thousandth: a few tens of kilobytes.
        let latency = Quantiles::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds are right");
        let (results, filtered, dead, score, pieces) = Default::default();
        let intake = Intake { meters: Vec::new(), window: Window { frames: 0, bytes: 0 }, past: Past::default() };
        let (intake, latency) = (Mutex::new(intake), Mutex::new(latency));
        Self { started: Instant::now(), intake, results, filtered, dead, score, pieces, latency }
    }

    pub(crate) fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn filtered(&self) -> MutexGuard<'_, Filtered> {
        self.filtered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job is installed: its ingests count into `meters`, and these are its steps.
    pub(crate) fn begin(&self, meters: Vec<Arc<Meter>>, window: Window, steps: Vec<String>) {
        self.end();
        self.filtered().begin(steps);
        let mut intake = self.intake();
        intake.meters = meters;
        intake.window = window;
    }

    /// The job's workers have stopped: what they had not finished is given back.
    pub(crate) fn end(&self) {
        let unfinished = self.balance().in_flight;
        let mut intake = self.intake();
        let Past { frames, bytes, acknowledged, returned } = intake.past;
        intake.past = Past {
            frames: frames + intake.sum(|meter| &meter.frames),
            bytes: bytes + intake.sum(|meter| &meter.bytes),
            acknowledged: acknowledged + intake.sum(|meter| &meter.acknowledged),
            returned: returned + unfinished,
        };
        intake.meters.clear();
    }

    pub(crate) fn ended(&self, ended: &Ended, latency: Duration) {
        for (sum, count) in self.score.iter().zip(ended.score.unwrap_or_default().counts()) {
            sum.fetch_add(count.into(), Relaxed);
        }
        match ended.end {
            End::Result => _ = self.results.fetch_add(1, Release),
            End::Filtered(step) => self.filtered().count(step),
            End::Dead(reason) => _ = self.dead[reason as usize].fetch_add(1, Release),
        }
        let mut quantiles = self.latency.lock().expect("nobody panics while holding it");
        quantiles.saturating_record(latency.as_micros() as u64);
    }

    /// The name of a step of the job as it is installed.
    pub(crate) fn step(&self, step: usize) -> String {
        self.filtered().steps.get(step).cloned().unwrap_or_default()
    }

    /// The account now. Ends are read before entries, so that no frame is missing.
    pub fn balance(&self) -> Balance {
        let results = self.results.load(Acquire);
        let count = |reason: Reason| (reason, self.dead[reason as usize].load(Acquire));
        let dead: Vec<_> = Reason::ALL.map(count).into_iter().filter(|(_, count)| *count > 0).collect();
        let filtered = self.filtered().counts.clone();
        let intake = self.intake();
        let (frames, returned) = (intake.past.frames + intake.sum(|meter| &meter.frames), intake.past.returned);
        drop(intake);
        let ended =
            returned + results + filtered.values().sum::<u64>() + dead.iter().map(|(_, count)| count).sum::<u64>();
        let in_flight = frames.saturating_sub(ended);
        let quantiles = self.latency.lock().expect("nobody panics while holding it");
        let latency = [0.5, 0.95, 0.99].map(|q| Duration::from_micros(quantiles.value_at_quantile(q)));
        let rate = results as f64 / self.started.elapsed().as_secs_f64();
        let score = std::array::from_fn(|at| self.score[at].load(Relaxed));
        let pieces = self.pieces.load(Relaxed);
        Balance { frames, returned, results, filtered, dead, in_flight, rate, score, pieces, latency }
    }
}

impl Filtered {
    fn begin(&mut self, steps: Vec<String>) {
        for step in &steps {
            self.counts.entry(step.clone()).or_default();
        }
        self.steps = steps;
    }

    fn count(&mut self, step: usize) {
        // All processes run the same job: its steps are known here before its frames come.
        let name = self.steps.get(step).cloned().unwrap_or_default();
        *self.counts.entry(name).or_default() += 1;
    }
}
