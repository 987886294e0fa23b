//! A job as a dataflow: the pipeline, read from top to bottom.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use operators::ingest::Clock;
use operators::{BatchFrames, Closer, Epoch, Meter, Offload, Partition, Window, ingest, mailbox};
use timely::dataflow::operators::vec::{Map, Partition as _};
use timely::dataflow::operators::{Concatenate, Exchange, Inspect, Probe};
use timely::dataflow::{ProbeHandle, StreamVec};
use timely::worker::Worker;

use crate::board::Board;
use crate::exhibit::{Exhibit, exhibit};
use crate::metrics::Metrics;
use crate::plan::Plan;
use crate::settle::{Ended, Shipment, To, Writing, ship};
use crate::sinks::Sink;
use crate::sources::Source;
use crate::stages::Loads;
use crate::views::Showcase;
use crate::views::measures::Measures;

/// Frames that wait in front of an ingest, at most: what is admitted together shares what the dataflow does for it.
const MAILBOX: usize = 32;

/// Parcels that a sink is given at once: what comes together is synced together.
const GROUP: usize = 64;

/// The parts of a job for one worker, opened and ready. Building the dataflow from them cannot fail.
pub struct Parts {
    /// The sources of the job; those that run on other workers are `None`.
    pub sources: Vec<Option<(String, Box<dyn Source>)>>,
    /// What each source counts into.
    pub meters: Vec<Arc<Meter>>,
    /// How much each source may have in flight.
    pub window: Window,
    /// Whether one source is all that the job has, on all workers, and nothing else needs its clock.
    pub sole: bool,
    /// The time that frames are admitted at.
    pub clock: Clock,
    /// Frames a batch.
    pub size: usize,
    /// How long a batch waits to fill.
    pub timeout: Duration,
    /// What decides the worker of a frame.
    pub partition: Partition,
    /// The steps, and what the sinks want of them.
    pub plan: Plan,
    /// The sinks, by name.
    pub sinks: Vec<(String, Box<dyn Sink>)>,
    /// The dead letters.
    pub dead: Box<dyn Sink>,
    /// The views, if there are any.
    pub exhibit: Option<Exhibit>,
    /// Where ends are counted.
    pub metrics: Arc<Metrics>,
    /// Where the parts tell what they wait for.
    pub board: Board,
}

impl Parts {
    /// The job is installed: from now on it counts what these parts count. Once for all workers of a process.
    pub fn begin(&self) {
        if !self.metrics.board().is(&self.board) {
            let steps = self.plan.steps().map(str::to_owned).collect();
            self.metrics.begin(self.meters.clone(), self.window, self.board.clone(), steps);
            let nothing = || (Showcase::new(Vec::new()), Measures::default());
            let (showcase, measures) = self.exhibit.as_ref().map_or_else(nothing, Exhibit::shown);
            self.metrics.show(showcase, measures);
        }
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("job", &self.plan.job()).finish_non_exhaustive()
    }
}

/// A job that runs on this worker.
pub struct Running {
    /// Passes an epoch when all that it led to is durable and counted, anywhere in the cluster.
    pub done: ProbeHandle<Epoch>,
    /// What asks the sources of this worker to stop.
    pub closers: Vec<Closer>,
    /// The sources of this worker.
    pub threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Running {
    /// Asks the sources of this worker to stop: what is in flight is finished.
    pub fn close(&self) {
        self.closers.iter().for_each(Closer::close);
    }
}

/// Builds a job's dataflow on this worker. All workers do so in the same order.
pub fn render(worker: &mut Worker, parts: Parts) -> Running {
    let name = parts.plan.job().to_owned();
    worker.dataflow_named(&name, |scope| {
        let mut running = Running { done: ProbeHandle::new(), closers: Vec::new(), threads: Vec::new() };
        let Parts { sources, meters, window, sole, clock, size, timeout, partition, plan, sinks, dead, .. } = parts;
        let (metrics, views) = (parts.metrics, parts.exhibit);

        // In: each source on one worker, its frames to all.
        let mut frames = Vec::new();
        for (index, (source, meter)) in sources.into_iter().zip(meters).enumerate() {
            let inbox = source.map(|source| start(source, &mut running).sole(sole));
            frames.push(ingest(scope, index, inbox, window, running.done.clone(), meter, clock.clone()));
        }

        // Batches of three through the steps.
        let batches = scope.concatenate(frames).batch(size, timeout, partition);
        let worked = batches.offload("Steps", 1, metrics.loads.add("steps"), plan);
        let mut shipments = worked.clone().flat_map(|worked| worked.outcomes.into_iter().flat_map(ship));

        // Views, on every process: what they are told is durable before its epoch is done.
        if let Some(views) = views {
            let told = worked.flat_map(|worked| Some(worked.told).filter(|told| !told.is_empty()));
            let (rows, waits) = exhibit(scope, told, views, &metrics.loads);
            shipments = scope.concatenate([shipments, rows]);
            waits.probe_with(&running.done);
        }

        // Out: each parcel to its sink, and what a sink refuses to the dead letters.
        let (mut done, refused) = write(shipments, sinks, &metrics.loads);
        let letters = scope.concatenate(refused).offload("Dead", GROUP, metrics.loads.add("dead"), Writing(dead));
        done.push(letters);

        let settling = metrics.clone();
        // Each frame's end, counted where it came in. The frontier behind it is the acknowledgement.
        scope
            .concatenate(done)
            .flat_map(move |shipment| settling.settle(shipment))
            .exchange(|ended: &Ended| ended.origin.worker as u64)
            .inspect(move |ended| metrics.ended(ended))
            .probe_with(&running.done);
        running
    })
}

/// Starts a source on a thread of its own; its mailbox.
fn start((name, source): (String, Box<dyn Source>), running: &mut Running) -> operators::Inbox<u64> {
    let (inlet, inbox) = mailbox(MAILBOX);
    running.closers.push(inbox.closer());
    let thread = thread::Builder::new().name(name).spawn(move || source.run(inlet));
    running.threads.push(thread.expect("this machine can start a thread"));
    inbox
}

type Shipments<'s> = StreamVec<'s, Epoch, Shipment>;

/// What is written, and what is refused: streams of both.
fn write<'s>(
    shipments: Shipments<'s>,
    sinks: Vec<(String, Box<dyn Sink>)>,
    loads: &Loads,
) -> (Vec<Shipments<'s>>, Vec<Shipments<'s>>) {
    let count = sinks.len() as u64;
    let mut ways = shipments.partition(count + 2, move |shipment: Shipment| (way(shipment.to, count), shipment));
    let dead = ways.pop().expect("a way for the dead letters");
    let done = ways.pop().expect("a way for what is done");
    let (mut all_done, mut all_dead) = (vec![done], vec![dead]);
    for (way, (name, sink)) in ways.into_iter().zip(sinks) {
        let answers = way.offload(&name, GROUP, loads.add(&format!("sink.{name}")), Writing(sink));
        let mut split = answers.partition(2, |shipment: Shipment| (u64::from(shipment.to == To::Dead), shipment));
        all_dead.extend(split.pop());
        all_done.extend(split.pop());
    }
    (all_done, all_dead)
}

/// The sinks in their order, then what is done, then the dead letters.
fn way(to: To, sinks: u64) -> u64 {
    match to {
        To::Sink(index) => index as u64,
        To::Done => sinks,
        To::Dead => sinks + 1,
    }
}
