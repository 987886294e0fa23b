//! Memory while a sink stands still: a window of 64 frames, 1,000 frames a second offered for 30 seconds.
//!
//! The whole dataflow of a job runs, with a source that offers frames of 200 KB and a sink that never answers. Only the
//! window keeps them out; every queue behind it would take them all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use operators::ingest::{Closer, wall_clock};
use operators::{
    Batch, BatchFrames, Epoch, Frame, Meter, Number, Offload, Partition, UnixMillis, Window, Work, ingest, mailbox,
};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::Probe;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZE: usize = 200_000;
const SECONDS: u64 = 30;

/// A server that is there and never answers.
struct Stalled;

impl Work<Batch> for Stalled {
    type Done = ();
    fn work(&mut self, batches: Vec<Batch>) -> Vec<()> {
        std::thread::sleep(Duration::from_secs(SECONDS + 1));
        vec![(); batches.len()]
    }
    fn panicked(&mut self, batches: Vec<Batch>, _: &str) -> Vec<()> {
        vec![(); batches.len()]
    }
}

fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * 4096.0 / 1e6
}

fn main() {
    let (inlet, inbox) = mailbox::<u64>(8);
    let closer: Closer = inbox.closer();
    let offered = Arc::new(AtomicU64::new(0));
    let counter = offered.clone();
    std::thread::spawn(move || {
        let start = Instant::now();
        for number in 0.. {
            let due = start + Duration::from_millis(number);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            counter.store(number, Ordering::Relaxed);
            let frame = Frame {
                camera: "door".into(),
                number: Number(number),
                id: number.to_string().into(),
                captured_at: None,
                received_at: UnixMillis::now(),
                origin: Default::default(),
                flaw: None,
                bytes: vec![number as u8; SIZE].into(),
            };
            // A camera does not wait: what has no room is offered in vain.
            if inlet.is_closing() || inlet.try_send(frame, number).is_err() {
                return;
            }
        }
    });
    let meter = Arc::new(Meter::default());
    let watched = meter.clone();
    std::thread::spawn(move || {
        let start = Instant::now();
        std::thread::sleep(Duration::from_secs(3));
        let first = resident();
        let mut most = first;
        while start.elapsed() < Duration::from_secs(SECONDS) {
            std::thread::sleep(Duration::from_millis(100));
            most = most.max(resident());
        }
        let (offered, admitted) = (offered.load(Ordering::Relaxed), watched.frames.load(Ordering::Relaxed));
        println!("offered {offered} frames of {SIZE} bytes in {SECONDS} s, admitted {admitted}");
        println!("resident after 3 s {first:.1} MB, at most {most:.1} MB: it grew by {:.1} MB (goal 20)", most - first);
        closer.close();
        std::process::exit(0);
    });
    let inbox = std::sync::Mutex::new(Some(inbox));
    timely::execute_directly(move |worker| {
        let inbox = inbox.lock().expect("one worker").take();
        let window = Window { frames: 64, bytes: 256 << 20 };
        worker.dataflow::<Epoch, _, _>(|scope| {
            let done = ProbeHandle::new();
            ingest(scope, 0, inbox, window, done.clone(), meter.clone(), wall_clock)
                .batch(3, Duration::from_millis(100), Partition::Number)
                .offload("stalled", 64, Stalled)
                .probe_with(&done);
        });
    });
}
