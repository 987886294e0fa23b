//! What a process counts, and the page that shows it.
//!
//! The account of frames is exact at any moment: *in = results + filtered + dead + shed + in flight*, and, where workers
//! were stopped before their frames had ended, *+ returned*: those come in again. Frames are counted in where they are
//! admitted, and their ends come back to that worker before their receipts do.

use std::collections::BTreeMap;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram as Quantiles;
use operators::{Cause, Meter, Reason, Window};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::board::{Board, Stock};
use crate::settle::Ended;
use crate::stages::{Loads, Spent, Tally};

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
struct Intake {
    /// What counts now.
    meters: Vec<Arc<Meter>>,
    window: Window,
    /// What was counted when the job was installed before.
    past: Past,
}

#[derive(Clone, Copy, Debug, Default)]
struct Past {
    frames: u64,
    bytes: u64,
    acknowledged: u64,
    returned: u64,
}

impl Intake {
    fn sum(&self, field: impl Fn(&Meter) -> &AtomicU64) -> u64 {
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
    /// Time from a source to durable: the median, and the times that 95 and 99 of 100 frames stay under.
    pub latency: [Duration; 3],
}

impl Account {
    fn new() -> Self {
        // Up to an hour in steps of a thousandth: a few tens of kilobytes.
        let latency = Quantiles::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds are right");
        let (results, filtered, dead, score) = Default::default();
        let intake = Intake { meters: Vec::new(), window: Window { frames: 0, bytes: 0 }, past: Past::default() };
        let (intake, latency) = (Mutex::new(intake), Mutex::new(latency));
        Self { started: Instant::now(), intake, results, filtered, dead, score, latency }
    }

    fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn filtered(&self) -> MutexGuard<'_, Filtered> {
        self.filtered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job is installed: its ingests count into `meters`, and these are its steps.
    fn begin(&self, meters: Vec<Arc<Meter>>, window: Window, steps: Vec<String>) {
        self.end();
        self.filtered().begin(steps);
        let mut intake = self.intake();
        intake.meters = meters;
        intake.window = window;
    }

    /// The job's workers have stopped: what they had not finished is given back.
    fn end(&self) {
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

    fn ended(&self, ended: &Ended, latency: Duration) {
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
        Balance { frames, returned, results, filtered, dead, in_flight, rate, score, latency }
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Batched {
    size: u64,
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stage {
    stage: &'static str,
}

/// Everything one process counts for one job.
#[derive(Debug)]
pub struct Metrics {
    /// Frames in and out.
    pub account: Arc<Account>,
    /// Time in its stages.
    pub tally: Tally,
    /// What its threads of work have to do.
    pub loads: Arc<Loads>,
    /// What its parts have to tell.
    board: Arc<Mutex<Board>>,
    registry: Registry,
    batches: Family<Batched, Counter>,
    stages: Family<Stage, Histogram>,
    end_to_end: Histogram,
}

/// 1 ms to 16 s, doubling: from a null step to a broker that is away for a while.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

impl Metrics {
    /// Counters at zero for a job that is not installed yet.
    pub fn new(job: &str) -> Self {
        let mut registry =
            Registry::with_prefix_and_labels("vigie", [("job".into(), job.to_owned().into())].into_iter());
        let account = Arc::new(Account::new());
        let batches = Family::<Batched, Counter>::default();
        let stages = Family::<Stage, Histogram>::new_with_constructor(seconds);
        let end_to_end = seconds();
        registry.register("batches", "Batches by their size and by what sent them on their way", batches.clone());
        let help = "Time a frame spends in a stage";
        registry.register_with_unit("stage", help, Unit::Seconds, stages.clone());
        let help = "Time from a source until all results are durable";
        registry.register_with_unit("end_to_end", help, Unit::Seconds, end_to_end.clone());
        let board = Arc::<Mutex<Board>>::default();
        registry.register_collector(Box::new(Page(account.clone())));
        let loads = Arc::<Loads>::default();
        registry.register_collector(Box::new(Queues(loads.clone())));
        registry.register_collector(Box::new(Notices(board.clone())));
        Self { account, tally: Tally::default(), loads, board, registry, batches, stages, end_to_end }
    }

    /// The job is installed: its ingests count into `meters`, each under `window`, its parts tell on `board` what they
    /// wait for, and these are the names of its steps.
    pub fn begin(&self, meters: Vec<Arc<Meter>>, window: Window, board: Board, steps: Vec<String>) {
        self.account.begin(meters, window, steps);
        *self.board.lock().unwrap_or_else(PoisonError::into_inner) = board;
    }

    /// The job's workers have stopped, and nothing waits for its servers any more.
    pub fn end(&self) {
        self.account.end();
        self.board().close();
    }

    /// Where the parts of the job tell what they wait for, since it was installed.
    pub fn board(&self) -> Board {
        self.board.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A frame that was admitted here has ended, here or on another worker.
    pub fn ended(&self, ended: &Ended) {
        let latency = ended.received_at.elapsed();
        self.account.ended(ended, latency);
        self.end_to_end.observe(latency.as_secs_f64());
    }

    /// A batch goes into its steps.
    pub fn batch(&self, size: usize, cause: Cause) {
        let cause = match cause {
            Cause::Full => "full",
            Cause::Timeout => "timeout",
            Cause::End => "end",
        };
        self.batches.get_or_create(&Batched { size: size as u64, cause }).inc();
    }

    /// A frame has spent `time` in `stage`.
    pub fn stage(&self, stage: &'static str, time: Duration) {
        self.stages.get_or_create(&Stage { stage }).observe(time.as_secs_f64());
        self.tally.add(stage, time);
    }

    /// What was spent in each stage, in the order in which a frame meets them.
    pub fn spent(&self) -> Vec<Spent> {
        let (mut before, after): (Vec<_>, Vec<_>) = self.loads.now().into_iter().partition(|row| row.stage == "steps");
        before.extend(self.tally.so_far());
        before.extend(after);
        before
    }

    /// The page, in Prometheus' (OpenMetrics) text format.
    pub fn page(&self) -> String {
        let mut page = String::new();
        text::encode(&mut page, &self.registry).expect("writing to a string");
        page
    }
}

/// The part of the page that is one consistent account.
#[derive(Debug)]
struct Page(Arc<Account>);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let balance = self.0.balance();
        let intake = self.0.intake();
        let mut counter = |name: &str, help: &str, value: u64| {
            let metric = ConstCounter::new(value);
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
        };
        counter("frames_in", "Frames admitted", balance.frames)?;
        counter("results", "Frames whose results are all in their sinks", balance.results)?;
        counter("shed", "Frames dropped because the job could not keep up", 0)?;
        let (past, window) = (intake.past, intake.window);
        let sum = |field: fn(&Meter) -> &AtomicU64| intake.sum(field);
        counter("returned", "Frames given back unfinished when workers stopped: they come in again", balance.returned)?;
        counter("acknowledged", "Frames acknowledged to their source", past.acknowledged + sum(|m| &m.acknowledged))?;
        let [found, there, extra] = balance.score;
        counter("persons_found", "Persons found who are there, in frames that carry the truth", found)?;
        counter("persons_there", "Persons who are there, in frames that carry the truth", there)?;
        counter("persons_too_many", "Persons found who are not there, in frames that carry the truth", extra)?;
        counter("bytes_in", "Bytes of the frames admitted", past.bytes + sum(|meter| &meter.bytes))?;
        let mut gauge = |name: &str, help: &str, value: f64| {
            let metric = ConstGauge::new(value);
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
        };
        gauge("frames_in_flight", "Frames admitted that have not ended", balance.in_flight as f64)?;
        gauge("window_frames", "Frames not acknowledged", sum(|meter| &meter.open_frames) as f64)?;
        gauge("window_frames_limit", "Frames that a source may have in flight", window.frames as f64)?;
        gauge("window_bytes", "Bytes not acknowledged", sum(|meter| &meter.open_bytes) as f64)?;
        gauge("window_bytes_limit", "Bytes that a source may have in flight", window.bytes as f64)?;
        let lag = intake.meters.iter().map(|meter| meter.lag.load(Relaxed)).max().unwrap_or(0);
        gauge("epoch_lag_seconds", "Age of the oldest frame that is not acknowledged", lag as f64 / 1e3)?;
        let metric = ConstCounter::new(0_u64);
        let help = "Frames that a step let go on purpose";
        let mut filtered = encoder.encode_descriptor("filtered", help, None, metric.metric_type())?;
        for (step, count) in &balance.filtered {
            ConstCounter::new(*count).encode(filtered.encode_family(&[("step", step.as_str())])?)?;
        }
        let mut dead = encoder.encode_descriptor("dead", "Dead letters by reason", None, metric.metric_type())?;
        for reason in Reason::ALL {
            let count = balance.dead.iter().find(|(dead, _)| *dead == reason).map_or(0, |(_, count)| *count);
            let labels = [("reason", reason.as_str())];
            ConstCounter::new(count).encode(dead.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// The part of the page that tells where frames wait.
#[derive(Debug)]
struct Queues(Arc<Loads>);

impl Collector for Queues {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let metric = ConstGauge::new(0_u64);
        let mut queues = encoder.encode_descriptor(
            "queue_frames",
            "Frames that wait for the steps or for a sink",
            None,
            metric.metric_type(),
        )?;
        for row in self.0.now() {
            ConstGauge::new(row.queue).encode(queues.encode_family(&[("stage", row.stage.as_str())])?)?;
        }
        Ok(())
    }
}

/// The part of the page that the parts of the job write.
#[derive(Debug)]
struct Notices(Arc<Mutex<Board>>);

impl Collector for Notices {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let board = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let waits = board.waits();
        let mut gauges = |name: &str, help: &str, rows: Vec<(Vec<(&str, &str)>, f64)>| {
            let metric = ConstGauge::new(0.0);
            let mut family = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
            for (labels, value) in rows {
                ConstGauge::new(value).encode(family.encode_family(&labels.as_slice())?)?;
            }
            Ok(())
        };
        let rows = waits.iter().map(|wait| {
            let labels = vec![("part", wait.part.as_str()), ("server", wait.server)];
            (labels, wait.since.elapsed().as_secs_f64())
        });
        gauges("waiting_seconds", "How long a part has waited for its server: it holds the window", rows.collect())?;
        let stocks = board.stocks();
        let rows = |value: fn(&Stock) -> Option<f64>| {
            let row = |(part, stock): &'_ (String, Stock)| Some((part.clone(), value(stock)?));
            stocks.iter().filter_map(row).collect::<Vec<_>>()
        };
        type Value = fn(&Stock) -> Option<f64>;
        let columns: [(&str, &str, Value); 4] = [
            ("stored_bytes", "Bytes that a store holds", |stock| Some(stock.bytes as f64)),
            ("stored_items", "Things that a store holds", |stock| Some(stock.items as f64)),
            ("stored_oldest_seconds", "Age of the oldest thing in a store", |stock| Some(stock.oldest.as_secs_f64())),
            ("stored_days_until_full", "Days until a store is full at the rate of the last hour", |stock| {
                Some(stock.full_in?.as_secs_f64() / 86_400.0)
            }),
        ];
        for (name, help, value) in columns {
            let rows = rows(value);
            let rows = rows.iter().map(|(part, value)| (vec![("part", part.as_str())], *value));
            gauges(name, help, rows.collect())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth::Score;
    use operators::UnixMillis;

    /// Catches a page whose numbers do not add up, and one that Prometheus can't read.
    #[test]
    fn the_page_balances() {
        let meter = Arc::new(Meter::default());
        meter.frames.store(6, Relaxed);
        let metrics = Metrics::new("room");
        metrics.begin(vec![meter], Window { frames: 64, bytes: 1 << 20 }, Board::default(), vec!["still".into()]);
        let score = Some(Score { found: 4, there: 5, too_many: 1 });
        let ended = Ended { origin: Default::default(), end: End::Result, received_at: UnixMillis::now(), score };
        metrics.ended(&ended);
        metrics.ended(&Ended { end: End::Dead(Reason::Truncated), score: None, ..ended });
        metrics.ended(&Ended { end: End::Filtered(0), score: None, ..ended });
        metrics.batch(3, Cause::Full);
        metrics.stage("infer", Duration::from_millis(5));
        let page = metrics.page();
        for line in [
            r#"vigie_frames_in_total{job="room"} 6"#,
            r#"vigie_filtered_total{step="still",job="room"} 1"#,
            r#"vigie_results_total{job="room"} 1"#,
            r#"vigie_persons_found_total{job="room"} 4"#,
            r#"vigie_persons_there_total{job="room"} 5"#,
            r#"vigie_persons_too_many_total{job="room"} 1"#,
            r#"vigie_dead_total{reason="truncated",job="room"} 1"#,
            r#"vigie_frames_in_flight{job="room"} 3"#,
            r#"vigie_batches_total{size="3",cause="full",job="room"} 1"#,
        ] {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            let (name, labels) = name.split_once('{').expect("labels");
            let found = page.lines().filter(|row| row.starts_with(&format!("{name}{{")));
            let labels: Vec<_> = labels.trim_end_matches('}').split(',').collect();
            let mut found = found.filter(|row| labels.iter().all(|label| row.contains(label)));
            let row = found.next().unwrap_or_else(|| panic!("no {line} in\n{page}"));
            assert_eq!(row.rsplit(' ').next().and_then(|v| v.parse::<f64>().ok()), value.parse().ok(), "{row}");
        }
        assert!(page.ends_with("# EOF\n"));
    }
}
