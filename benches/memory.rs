//! Memory while a sink stands still: a window of 64 frames, 1,000 frames a second offered for 30 seconds.
//!
//! It runs a job's own dataflow, [`render`], with a source that offers frames of 200 KB and a sink that never answers.
//! Only the window keeps frames out: every queue behind it would take them all, 200 MB a second. The source does not
//! wait, as a camera does not, so what has no room is offered in vain; it makes each frame anew, so that a frame that
//! is kept is memory that is kept. There are no steps: they hold what they work on, not what they wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use operators::ingest::clock;
use operators::{Flaw, Frame, Meter, Number, Partition, Window};
use vigie::metrics::Metrics;
use vigie::plan::{Input, Plan, Tap, Wishes};
use vigie::render::{Parts, render};
use vigie::sinks::{Parcel, Sink};
use vigie::sources::{Inlet, Source};
use vigie::write::Write;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a frame.
const SIZE: usize = 200_000;
/// Frames offered a second.
const RATE: u64 = 1_000;
/// How long they are.
const SECONDS: u64 = 30;
/// When the window has long been full, and what follows is growth.
const SETTLED: u64 = 3;
/// What may be in flight.
const WINDOW: Window = Window { frames: 64, bytes: 256 << 20 };
/// The most it may grow, in MB.
const GOAL: f64 = 20.0;

/// Cameras that send whether anybody has room or not.
struct Cameras {
    offered: Arc<AtomicU64>,
}

impl Source for Cameras {
    fn run(self: Box<Self>, inlet: Inlet) -> anyhow::Result<()> {
        let start = Instant::now();
        for number in 0.. {
            let due = start + Duration::from_micros(number * 1_000_000 / RATE);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let sent = inlet.try_send(frame(number), number);
            self.offered.fetch_add(1, Ordering::Relaxed);
            if sent.is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// A server that is there and never answers.
struct Stalled;

impl Sink for Stalled {
    fn write(&mut self, _: &[Parcel]) -> Vec<Result<(), Flaw>> {
        loop {
            thread::park();
        }
    }
}

fn main() {
    let (offered, meter) = (Arc::new(AtomicU64::new(0)), Arc::new(Meter::default()));
    let cameras = Cameras { offered: offered.clone() };
    let watched = meter.clone();
    // The job never ends, as its sink does not: the watch ends the process.
    thread::spawn(move || {
        watch();
        let admitted = watched.frames.load(Ordering::Relaxed);
        println!("offered {} frames, admitted {admitted}", offered.load(Ordering::Relaxed));
        std::process::exit(0);
    });
    timely::execute_directly(move |worker| {
        let running = render(worker, parts(cameras, meter));
        while !running.done.done() {
            worker.step_or_park(None);
        }
    });
}

/// Prints what the process holds, and how much more that became.
fn watch() {
    println!("{RATE} frames/s of {SIZE} B offered for {SECONDS} s, window {} frames, sink stalled", WINDOW.frames);
    let (start, mut settled, mut most) = (Instant::now(), None, 0.0_f64);
    for tenth in 1..=SECONDS * 10 {
        let due = start + Duration::from_millis(100) * tenth as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let now = resident();
        if tenth % 50 == 0 {
            println!("{:>4} s: {now:.1} MB resident", tenth / 10);
        }
        if tenth >= SETTLED * 10 {
            settled.get_or_insert(now);
            most = most.max(now);
        }
    }
    let settled = settled.unwrap_or_default();
    let grown = most - settled;
    println!("after {SETTLED} s {settled:.1} MB, at most {most:.1} MB: it grew by {grown:.1} MB (goal {GOAL})");
}

/// Memory of this process that is in use, in MB (10⁶ bytes). Linux.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kib.expect("Linux tells what a process holds") * 1024.0 / 1e6
}

/// A job of one source and one sink that writes frames as they came.
fn parts(cameras: Cameras, meter: Arc<Meter>) -> Parts {
    let metrics = Arc::new(Metrics::new("memory"));
    let tap = Tap { sink: 0, inputs: vec![Input::Source(0)], write: Write::Frame, sayings: Default::default() };
    Parts {
        sources: vec![Some(("cameras".into(), Box::new(cameras)))],
        meters: vec![meter],
        window: WINDOW,
        sole: true,
        clock: clock(),
        size: 3,
        timeout: Duration::from_millis(100),
        partition: Partition::Number,
        plan: Plan::new(
            Vec::new(),
            Wishes { taps: vec![tap], ears: vec![], job: "memory".into(), limits: Default::default(), truth: None },
            metrics.clone(),
        ),
        sinks: vec![("stalled".into(), Box::new(Stalled))],
        dead: Box::new(Stalled),
        exhibit: None,
        metrics,
        board: Default::default(),
    }
}

fn frame(number: u64) -> Frame {
    // Not zeros: pages of those need not be there.
    let bytes = vec![number as u8 | 1; SIZE];
    Frame::new("door".into(), Number(number), number.to_string().into(), bytes.into())
}
