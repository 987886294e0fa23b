//! What a process counts for a job, and the page that shows it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use operators::{Cause, Frame, Meter, Reason, Window};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::account::{Account, End};
use crate::board::{Board, Stock};
use crate::engine::Model;
use crate::settle::{Ended, Shipment};
use crate::stages::{Loads, Spent, Tally};
use crate::tasks::{How, Tasks};
use crate::views::Showcase;
use crate::views::measures::{Measure, Measures};
use crate::witness::Witness;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Batched {
    size: u64,
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stage {
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    of: String,
}

/// Everything one process counts for one job.
#[derive(Debug)]
pub struct Metrics {
    /// Frames in and out.
    pub account: Arc<Account>,
    /// Time in its stages.
    pub tally: Tally,
    /// The tasks that this process took.
    pub tasks: Tasks,
    /// What its threads of work have to do.
    pub loads: Arc<Loads>,
    /// What its parts have to tell.
    board: Arc<Mutex<Board>>,
    /// How large its views are.
    measures: Arc<Mutex<Measures>>,
    /// The tables of its views, since it was installed here.
    showcase: Mutex<Option<Showcase>>,
    registry: Registry,
    batches: Family<Batched, Counter>,
    pieces: Family<Of, Counter>,
    stages: Family<Stage, Histogram>,
    end_to_end: Histogram,
    witness: OnceLock<Arc<dyn Witness>>,
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
        let pieces = Family::<Of, Counter>::default();
        let help = "Pieces of pictures that a step could not work on, by the step that cut them";
        registry.register("piece_faults", help, pieces.clone());
        let help = "Time a frame spends in a stage";
        registry.register_with_unit("stage", help, Unit::Seconds, stages.clone());
        let help = "Time from a source until all results are durable";
        registry.register_with_unit("end_to_end", help, Unit::Seconds, end_to_end.clone());
        let board = Arc::<Mutex<Board>>::default();
        registry.register_collector(Box::new(Page(account.clone())));
        let loads = Arc::<Loads>::default();
        registry.register_collector(Box::new(Queues(loads.clone())));
        registry.register_collector(Box::new(Notices(board.clone())));
        let measures = Arc::<Mutex<Measures>>::default();
        registry.register_collector(Box::new(Tables(measures.clone())));
        Self {
            account,
            tally: Tally::default(),
            tasks: Tasks::new(job),
            loads,
            board,
            measures,
            showcase: Mutex::default(),
            registry,
            batches,
            pieces,
            stages,
            end_to_end,
            witness: OnceLock::new(),
        }
    }

    /// From now on `witness` is told what becomes of each frame. The first one stays.
    pub fn watch(&self, witness: Arc<dyn Witness>) {
        let _ = self.witness.set(witness);
    }

    /// The job is installed: its ingests count into `meters`, each under `window`, its parts tell on `board` what they
    /// wait for, and these are the names of its steps.
    pub fn begin(&self, meters: Vec<Arc<Meter>>, window: Window, board: Board, steps: Vec<String>) {
        self.account.begin(meters, window, steps);
        *self.board.lock().unwrap_or_else(PoisonError::into_inner) = board;
    }

    /// The tables of the job's views, and how large they are, from now on. Whoever follows the former ones hears that they
    /// are over as soon as nobody keeps them any more.
    pub fn show(&self, showcase: Showcase, measures: Measures) {
        *self.showcase.lock().unwrap_or_else(PoisonError::into_inner) = Some(showcase);
        *self.measures.lock().unwrap_or_else(PoisonError::into_inner) = measures;
    }

    /// The tables of the job's views; nothing, where it was not installed here yet.
    pub fn showcase(&self) -> Option<Showcase> {
        self.showcase.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The job's workers have stopped, of the installation with that board, and nothing waits for its servers any more. Where
    /// another installation has begun since, the account is that one's.
    pub fn end(&self, of: &Board) {
        if self.board().is(of) {
            self.account.end();
        }
        of.close();
    }

    /// Where the parts of the job tell what they wait for, since it was installed.
    pub fn board(&self) -> Board {
        self.board.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One parcel less to be written; the frame's end, if it was the last.
    pub fn settle(&self, shipment: Shipment) -> Option<Ended> {
        let witness = self.witness.get().map(|witness| (witness, shipment.frame().clone()));
        let ended = shipment.settle()?;
        if let Some((witness, frame)) = witness {
            witness.ended(&frame, ended.end);
        }
        Some(ended)
    }

    /// A frame that was admitted here has ended, here or on another worker.
    pub fn ended(&self, ended: &Ended) {
        self.task_ended(ended);
        let latency = ended.received_at.elapsed();
        self.account.ended(ended, latency);
        self.end_to_end.observe(latency.as_secs_f64());
    }

    /// What became of a task that was taken here.
    fn task_ended(&self, ended: &Ended) {
        let Some(told) = &ended.task else { return };
        let how = match ended.end {
            End::Result => How::Done,
            End::Filtered(step) => How::Filtered(self.account.step(step)),
            End::Dead(reason) => How::Failed(reason, told.detail.clone().unwrap_or_default()),
        };
        self.tasks.ended(told, how);
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

    /// A piece that the step `of` had cut could not be worked on.
    pub fn piece_faulted(&self, of: &str) {
        self.pieces.get_or_create(&Of { of: of.to_owned() }).inc();
        self.account.pieces.fetch_add(1, Relaxed);
    }

    /// The steps are done with a record of `frame`, and spent so long on it, stage by stage.
    pub fn worked(&self, frame: &Frame, timings: &[(&'static str, Duration)]) {
        timings.iter().for_each(|(stage, time)| self.stage(stage, *time));
        if let Some(witness) = self.witness.get() {
            witness.worked(frame, timings);
        }
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

/// The part of the page about views.
#[derive(Debug)]
struct Tables(Arc<Mutex<Measures>>);

impl Collector for Tables {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let (all, bytes) = self.0.lock().unwrap_or_else(PoisonError::into_inner).now();
        if all.is_empty() {
            return Ok(());
        }
        let metric = ConstCounter::new(0_u64);
        let help = "Frames that came too late for a view and were not taken";
        let mut late = encoder.encode_descriptor("view_late", help, None, metric.metric_type())?;
        for Measure { view, size } in &all {
            ConstCounter::new(size.late).encode(late.encode_family(&[("view", view.as_str())])?)?;
        }
        type Value = fn(&Measure) -> usize;
        let columns: [(&str, &str, Value); 2] = [
            ("view_rows", "Rows of a view", |measure| measure.size.rows),
            ("view_remembered", "Frames that a view remembers", |measure| measure.size.remembered),
        ];
        let metric = ConstGauge::new(0_u64);
        for (name, help, value) in columns {
            let mut gauge = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
            for measure in &all {
                ConstGauge::new(value(measure) as u64)
                    .encode(gauge.encode_family(&[("view", measure.view.as_str())])?)?;
            }
        }
        let help = "Bytes on disk of all views of the job: what is saved, and the log since";
        ConstGauge::new(bytes).encode(encoder.encode_descriptor("view_bytes", help, None, metric.metric_type())?)
    }
}

/// The part of the page that the parts of the job write.
#[derive(Debug)]
struct Notices(Arc<Mutex<Board>>);

impl Collector for Notices {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let board = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let waits = board.waits();
        let metric = ConstCounter::new(0_u64);
        let help = "Requests of steps to services, by how they ended: answered, refused, failed";
        let mut requests = encoder.encode_descriptor("http_requests", help, None, metric.metric_type())?;
        for (step, outcome, count) in board.requests() {
            let labels = [("step", step.as_str()), ("outcome", outcome)];
            ConstCounter::new(count).encode(requests.encode_family(&labels)?)?;
        }
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
        let labels = |(step, model): (String, Arc<Model>)| {
            let (name, engine, runs) = (model.tag.name.to_string(), model.engine.to_string(), model.manner().runs);
            [("step", step), ("model", name), ("engine", engine), ("runs", runs)]
        };
        let models: Vec<_> = board.models().into_iter().map(labels).collect();
        let rows =
            models.iter().map(|labels| (labels.iter().map(|(name, value)| (*name, value.as_str())).collect(), 1.0));
        gauges(
            "model_info",
            "A step runs this model, with this engine, once a frame or once a batch: always 1",
            rows.collect(),
        )?;
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
mod tests;
