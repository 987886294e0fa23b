//! One contender drains one backlog, and is looked at from outside.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use crate::backlog::Backlog;
use crate::bench::Bench;
use crate::contender::{Contender, Work};
use crate::lane::inference;
use crate::observer::Observer;
use crate::result::Found;
use crate::tree::Tree;

/// How long a contender may take for a backlog.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long results may come that should not.
const LINGER: Duration = Duration::from_millis(300);

/// What it did. Times are seconds since its start.
pub struct Drained {
    /// Frames.
    pub count: usize,
    /// When its first result was there.
    pub first: f64,
    /// When its last one was.
    pub last: f64,
    /// Seconds on a core until then.
    pub cpu: f64,
    /// When each result was there.
    pub arrivals: Vec<f64>,
    /// Resident bytes over time.
    pub memory: Vec<(f64, u64)>,
    /// What it found, by number; nothing where nothing is looked for.
    pub found: BTreeMap<usize, Found>,
}

impl Drained {
    /// The most resident bytes.
    pub fn peak(&self) -> u64 {
        self.memory.iter().map(|(_, bytes)| *bytes).max().unwrap_or_default()
    }
}

/// A short backlog and a long one: what the long one took more, no start is part of.
pub struct Pair {
    /// The short one.
    pub short: Drained,
    /// The long one.
    pub long: Drained,
    /// Milliseconds on a core that the model alone takes for a frame, measured right after; 0 where there is none.
    pub model: f64,
}

impl Pair {
    /// Drains both, and looks what the model alone takes at that moment: shared machines change their speed.
    ///
    /// # Errors
    /// As [`drain`].
    pub fn of(bench: &Bench, contender: &Contender, work: &Work, backlogs: &[Backlog<'_>; 2]) -> anyhow::Result<Self> {
        let [short, long] = backlogs;
        let (short, long) = (drain(bench, contender, work, short)?, drain(bench, contender, work, long)?);
        let model = match work {
            Work::Null => 0.0,
            Work::Detect(model) => inference::alone(model)?.cpu,
        };
        Ok(Self { short, long, model })
    }

    fn more(&self) -> f64 {
        (self.long.count - self.short.count) as f64
    }

    /// Frames a second.
    pub fn rate(&self) -> f64 {
        // Where starting shakes more than the frames take, the figure is large, and not a division by nothing.
        self.more() / (self.long.last - self.short.last).max(1e-3)
    }

    /// Seconds on a core for 1,000 frames.
    pub fn cpu(&self) -> f64 {
        1e3 * (self.long.cpu - self.short.cpu) / self.more()
    }

    /// Milliseconds on a core for a frame, beside those of the model.
    pub fn around(&self) -> f64 {
        // Milliseconds a frame are seconds a thousand.
        self.cpu() - self.model
    }
}

/// Starts it in front of a backlog, waits for all results, and ends it.
///
/// # Errors
/// It ended before, took too long, or a result is missing, wrong or there twice.
pub fn drain(bench: &Bench, contender: &Contender, work: &Work, backlog: &Backlog<'_>) -> anyhow::Result<Drained> {
    let (output, processed) = (bench.brokers.topic("results")?, bench.brokers.topic("processed")?);
    let task = bench.task(work, &backlog.topic, &output, &processed)?;
    let observer = Observer::new(&output)?;
    let mut tree = contender.start(&task)?;
    let (arrivals, found) = take(&observer, &mut tree, backlog)?;
    let cpu = tree.cpu();
    if let Work::Detect(_) = work {
        bench.wait("its pictures", || Ok(processed.ends()?.iter().sum::<i64>() >= backlog.count as i64))?;
    }
    thread::sleep(LINGER);
    anyhow::ensure!(observer.next(LINGER)?.is_none(), "a result is there twice");
    for (number, found) in &found {
        let bytes = backlog.frames.picture(*number).len();
        anyhow::ensure!(found.bytes.is_none_or(|said| said == bytes), "frame {number} has {bytes} bytes: {found:?}");
    }
    let started = tree.started;
    let since = |at: Instant| at.saturating_duration_since(started).as_secs_f64();
    let memory = tree.end().into_iter().map(|(at, bytes)| (since(at), bytes)).collect();
    let arrivals: Vec<_> = arrivals.into_iter().map(since).collect();
    let (first, last) = (arrivals.first().copied().unwrap_or_default(), arrivals.last().copied().unwrap_or_default());
    Ok(Drained { count: backlog.count, first, last, cpu, arrivals, memory, found })
}

type Results = (Vec<Instant>, BTreeMap<usize, Found>);

/// When each result came, and what they say.
fn take(observer: &Observer, tree: &mut Tree, backlog: &Backlog<'_>) -> anyhow::Result<Results> {
    let (mut arrivals, mut found) = (Vec::with_capacity(backlog.count), BTreeMap::new());
    while arrivals.len() < backlog.count {
        let Some(seen) = observer.next(Duration::from_millis(100))? else {
            tree.alive()?;
            let (there, all) = (arrivals.len(), backlog.count);
            let late = tree.started.elapsed() > PATIENCE;
            anyhow::ensure!(!late, "{there} of {all} results came in {PATIENCE:?}; it said: {}", tree.said());
            continue;
        };
        arrivals.push(seen.at);
        let number = seen.found.number;
        let known = found.insert(number, seen.found);
        anyhow::ensure!(known.is_none() && number < backlog.count, "the result of frame {number} is there twice");
    }
    Ok((arrivals, found))
}
