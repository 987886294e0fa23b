//! The job: frames that are there already, and a sink that has nowhere to put them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use operators::ingest::{Clock, clock};
use operators::{Flaw, Frame, Number, Partition, UnixMillis, Window};
use timely::worker::Worker;
use vigie::metrics::Metrics;
use vigie::plan::{Input, Plan, Tap, Wishes};
use vigie::render::{Parts, Running, render};
use vigie::sinks::{Parcel, Sink};
use vigie::sources::{Inlet, Source};
use vigie::write::Write;

/// Bytes of a frame.
pub const SIZE: usize = 100_000;

/// Frames after which wake-ups are counted.
pub const SETTLED: u64 = 600;

/// Frames that come together: no more than a mailbox has room for, so that what is admitted at once does not depend on who is
/// quicker, and whole batches, so that none waits for its timeout.
const GROUP: u64 = 30;

/// How frames come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A group when the one before is acknowledged, the sink on the worker's own thread, and a clock that counts what is
    /// written: what happens does not depend on how fast threads are.
    InStep,
    /// As the window has room, the sink on a thread of its own, and the clock of every job.
    AtOnce,
}

impl Pace {
    fn clock(self, written: &Arc<AtomicU64>) -> Clock {
        let written = written.clone();
        match self {
            Self::InStep => Arc::new(move || written.load(Relaxed)),
            Self::AtOnce => clock(),
        }
    }
}

/// Runs the job with so many frames on one worker; how often its threads slept since so many had settled, at pace.
pub fn run(frames: u64, pace: Pace) -> u64 {
    let switches = Arc::new(AtomicU64::new(0));
    let counted = switches.clone();
    timely::execute_directly(move |worker| {
        let mut running = install(worker, Some(frames), pace, counted);
        while !running.done.done() {
            worker.step_or_park(None);
        }
        for thread in running.threads.drain(..) {
            thread.join().expect("no source panics").expect("the dataflow listens to the end");
        }
    });
    switches.load(Relaxed)
}

/// The dataflow on one worker, with a source of so many frames if it is to have one.
pub fn install(worker: &mut Worker, frames: Option<u64>, pace: Pace, switches: Arc<AtomicU64>) -> Running {
    let metrics = Arc::new(Metrics::new("engine"));
    let tap = Tap { sink: 0, inputs: vec![Input::Source(0)], write: Write::Report, sayings: Default::default() };
    let wishes =
        Wishes { taps: vec![tap], ears: vec![], job: "engine".into(), limits: Default::default(), truth: None };
    let source = |frames| ("cameras".to_owned(), Box::new(Cameras { frames, pace }) as Box<dyn Source>);
    let written = Arc::new(AtomicU64::new(0));
    let sink = || {
        let written = written.clone();
        Box::new(Nowhere { pace, written, at_first: 0, switches: switches.clone() })
    };
    let parts = Parts {
        sources: vec![frames.map(source)],
        meters: vec![Arc::default()],
        window: Window { frames: 256, bytes: 256 << 20 },
        sole: true,
        clock: pace.clock(&written),
        size: 3,
        timeout: Duration::from_millis(100),
        partition: Partition::Number,
        plan: Plan::new(Vec::new(), wishes, metrics.clone()),
        sinks: vec![("nowhere".into(), sink())],
        dead: sink(),
        exhibit: None,
        metrics,
        board: Default::default(),
    };
    render(worker, parts)
}

struct Cameras {
    frames: u64,
    pace: Pace,
}

impl Source for Cameras {
    fn run(self: Box<Self>, inlet: Inlet) -> anyhow::Result<()> {
        let gone = |_| anyhow::anyhow!("nobody listens");
        let this = thread::current();
        inlet.on_news(move || this.unpark());
        // All frames share their bytes: what is allocated for them is the engine's doing.
        let bytes = Bytes::from(vec![0xFF; SIZE]);
        let mut out = 0;
        for first in (0..self.frames).step_by(GROUP as usize) {
            let group = first..self.frames.min(first + GROUP);
            let mut waiting: VecDeque<_> = group.map(|number| (frame(number, bytes.clone()), number)).collect();
            out += waiting.len();
            while !waiting.is_empty() || (self.pace == Pace::InStep && out > 0) {
                inlet.try_send_all(&mut waiting).map_err(gone)?;
                while inlet.receipt().map_err(gone)?.is_some() {
                    out -= 1;
                }
                if !waiting.is_empty() || (self.pace == Pace::InStep && out > 0) {
                    thread::park();
                }
            }
        }
        inlet.finish().for_each(drop);
        Ok(())
    }
}

/// A sink that answers at once, and looks how often the threads of this process have slept.
struct Nowhere {
    pace: Pace,
    written: Arc<AtomicU64>,
    at_first: u64,
    switches: Arc<AtomicU64>,
}

impl Sink for Nowhere {
    fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
        let before = self.written.fetch_add(parcels.len() as u64, Relaxed);
        let written = before + parcels.len() as u64;
        if self.pace == Pace::AtOnce {
            if before < SETTLED && written >= SETTLED {
                self.at_first = slept();
            }
            // Looking is not for nothing: now and then is enough.
            if written / 1_000 > before / 1_000 {
                self.switches.store(slept() - self.at_first, Relaxed);
            }
        }
        vec![Ok(()); parcels.len()]
    }

    fn is_quick(&self) -> bool {
        self.pace == Pace::InStep
    }
}

/// How often the threads of this process have gone to sleep. Linux.
fn slept() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux tells of the threads");
    let slept = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse::<u64>().ok()
    };
    let status = threads.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok());
    status.filter_map(slept).sum()
}

fn frame(number: u64, bytes: Bytes) -> Frame {
    Frame {
        camera: "door".into(),
        number: Number(number),
        id: number.to_string().into(),
        captured_at: None,
        received_at: UnixMillis::now(),
        origin: Default::default(),
        flaw: None,
        task: None,
        headers: None,
        truth: None,
        bytes,
    }
}
