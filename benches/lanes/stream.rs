//! Frames that come at a steady rate, in bursts, and when the result of each was seen.

use std::thread;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::contender::{Contender, Work};
use crate::frames::{BATCH, Frames};
use crate::kafka::{PARTITIONS, Producer, Topic, producer};
use crate::observer::{Observer, Seen};
use crate::tree::Tree;

/// How long the first results may take, and those that are missing at the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long results may come that should not.
const LINGER: Duration = Duration::from_secs(2);

/// How frames come.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// Frames a second.
    pub rate: f64,
    /// Frames that come at once.
    pub burst: usize,
    /// How many come.
    pub count: usize,
    /// After which of them the contender is killed, and started again.
    pub kill: Option<usize>,
}

impl Course {
    /// How long after the first frame this one comes.
    fn due(&self, index: usize) -> Duration {
        Duration::from_secs_f64((index / self.burst * self.burst) as f64 / self.rate)
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Streamed {
    /// Milliseconds from when a frame was to be sent until its result was seen, in the order of the frames; those that came.
    pub late: Vec<f64>,
    /// Frames without a result.
    pub lost: usize,
    /// Results that were there before.
    pub repeated: usize,
    /// Seconds from the kill to the first result that was new.
    pub back: Option<f64>,
}

/// Lets a contender work on such a stream.
///
/// # Errors
/// It has no first result, or ends by itself.
pub fn stream(bench: &Bench, contender: &Contender, work: &Work, course: Course) -> anyhow::Result<Streamed> {
    let [input, output, processed] = ["frames", "results", "processed"].map(|what| bench.brokers.topic(what));
    let (input, output, processed) = (input?, output?, processed?);
    let task =
        crate::contender::Task { keeps: course.kill.is_some(), ..bench.task(work, &input, &output, &processed)? };
    let producer = producer(&bench.brokers.address, 0)?;
    let mut watch = Watch { observer: Observer::new(&output)?, seen: vec![None; BATCH + course.count], repeated: 0 };
    let mut tree = contender.start(&task)?;
    watch.first(&bench.frames, &producer, &input, &mut tree)?;

    let began = Instant::now() + Duration::from_millis(200);
    let (frames, topic) = (&bench.frames, input.name.as_str());
    let back = thread::scope(|scope| {
        let sender = scope.spawn(|| send(frames, &producer, topic, course, began));
        let mut restart = Restart { at: course.kill.map(|index| began + course.due(index)), killed: None, back: None };
        let again = || contender.start(&task);
        watch.all(&mut tree, &mut restart, began + course.due(course.count) + PATIENCE, again)?;
        sender.join().expect("it does not panic")?;
        anyhow::Ok(restart.back)
    })?;
    let late = |(index, seen): (usize, &Option<Instant>)| {
        Some(seen.as_ref()?.saturating_duration_since(began + course.due(index)).as_secs_f64() * 1e3)
    };
    let seen = &watch.seen[BATCH..];
    let late: Vec<_> = seen.iter().enumerate().filter_map(late).collect();
    Ok(Streamed { lost: course.count - late.len(), late, repeated: watch.repeated, back })
}

/// Sends each frame when it is due.
fn send(frames: &Frames, producer: &Producer, topic: &str, course: Course, began: Instant) -> anyhow::Result<()> {
    for index in 0..course.count {
        thread::sleep((began + course.due(index)).saturating_duration_since(Instant::now()));
        frames.send(producer, topic, BATCH + index)?;
    }
    Ok(())
}

/// A kill, if there is one.
struct Restart {
    at: Option<Instant>,
    /// When it was, and where the topic of results ended then.
    killed: Option<(Instant, [i64; PARTITIONS as usize])>,
    back: Option<f64>,
}

impl Restart {
    /// Kills it when it is time, and starts it again at once.
    fn look(
        &mut self,
        tree: &mut Tree,
        observer: &Observer,
        again: impl Fn() -> anyhow::Result<Tree>,
    ) -> anyhow::Result<()> {
        if self.killed.is_none() && self.at.is_some_and(|at| Instant::now() >= at) {
            let now = Instant::now();
            tree.kill();
            *tree = again()?;
            self.killed = Some((now, observer.ends()?));
        }
        Ok(())
    }

    /// Takes note of a result that was not there before: of the new processes, if it lies behind what the old ones wrote.
    fn note(&mut self, seen: &Seen) {
        if let (Some((killed, ends)), None) = (self.killed, self.back)
            && seen.offset >= ends[seen.partition]
        {
            self.back = Some(seen.at.saturating_duration_since(killed).as_secs_f64());
        }
    }
}

/// Who looks on.
struct Watch {
    observer: Observer,
    /// When the result of each frame was seen first.
    seen: Vec<Option<Instant>>,
    repeated: usize,
}

impl Watch {
    /// Sends a batch, and waits for its results: the contender is ready then.
    fn first(
        &mut self,
        frames: &Frames,
        producer: &Producer,
        topic: &Topic<'_>,
        tree: &mut Tree,
    ) -> anyhow::Result<()> {
        (0..BATCH).try_for_each(|number| frames.send(producer, &topic.name, number))?;
        let start = Instant::now();
        while self.seen[..BATCH].iter().any(Option::is_none) {
            tree.alive()?;
            anyhow::ensure!(start.elapsed() < PATIENCE, "no first result; it said: {}", tree.said());
            self.take(Duration::from_millis(20))?;
        }
        Ok(())
    }

    /// Looks on until all results are there, or no more are waited for.
    fn all(
        &mut self,
        tree: &mut Tree,
        restart: &mut Restart,
        deadline: Instant,
        again: impl Fn() -> anyhow::Result<Tree>,
    ) -> anyhow::Result<()> {
        let mut latest = Instant::now();
        while Instant::now() < deadline {
            restart.look(tree, &self.observer, &again)?;
            match self.take(Duration::from_millis(10))? {
                Some(seen) => {
                    latest = seen.at;
                    restart.note(&seen);
                }
                None if self.seen.iter().all(Option::is_some) && latest.elapsed() > LINGER => break,
                None => tree.alive()?,
            }
        }
        Ok(())
    }

    /// The next result, if it is of a frame that had none.
    fn take(&mut self, patience: Duration) -> anyhow::Result<Option<Seen>> {
        let Some(seen) = self.observer.next(patience)? else { return Ok(None) };
        let number = seen.found.number;
        let slot = self.seen.get_mut(number).ok_or_else(|| anyhow::anyhow!("a result of frame {number}"))?;
        if slot.is_some() {
            self.repeated += 1;
            return Ok(None);
        }
        *slot = Some(seen.at);
        Ok(Some(seen))
    }
}
