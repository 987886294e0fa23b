//! A pipeline with a store at its end that tells what is durable, and whoever feeds it and gathers the receipts.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use operators::ingest::clock;
use operators::{
    Batch, BatchFrames, Cause, Epoch, Frame, Headers, Inlet, Meter, Number, Offload, Partition, Settings, Window, Work,
    ingest, mailbox,
};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::Probe;

/// A frame of 100 bytes.
pub fn frame(camera: &str, number: u64) -> Frame {
    Frame::new(camera.into(), Number(number), number.to_string().into(), vec![number as u8; 100].into())
}

/// What a task says: one of each sort.
pub fn settings() -> Arc<Settings> {
    let all = [operators::Setting::Text("red".into()), operators::Setting::Number(0.5), operators::Setting::Bool(true)];
    Arc::new(all.into_iter().enumerate().map(|(name, setting)| (name.to_string(), setting)).collect())
}

/// Two headers, one of them so long.
pub fn headers(length: usize) -> Arc<Headers> {
    let mut headers = Headers::default();
    headers.add("label", "é");
    headers.add("length", &length.to_string());
    Arc::new(headers)
}

/// A sink that makes frames durable after a while, in groups, and tells what is durable.
struct Durable {
    store: Arc<Mutex<BTreeSet<u64>>>,
    batches: mpsc::Sender<(usize, Vec<u64>, Cause)>,
    worker: usize,
    delay: Duration,
}

impl Work<Batch> for Durable {
    type Done = ();
    fn work(&mut self, batches: Vec<Batch>) -> Vec<()> {
        thread::sleep(self.delay);
        for Batch { frames, cause } in &batches {
            let numbers: Vec<u64> = frames.iter().map(|frame| frame.number.0).collect();
            self.store.lock().unwrap().extend(&numbers);
            let _ = self.batches.send((self.worker, numbers, *cause));
        }
        vec![(); batches.len()]
    }
    fn panicked(&mut self, batches: Vec<Batch>, _: &str) -> Vec<()> {
        vec![(); batches.len()]
    }
}

/// How a pipeline is run: everything that a failure could depend on.
#[derive(Clone, Debug)]
pub struct Setting {
    pub workers: usize,
    /// Frames of each source; one source a worker.
    pub frames: Vec<u64>,
    pub window: usize,
    pub size: usize,
    pub timeout: Duration,
    /// How far each worker's clock is ahead, in milliseconds.
    pub skew: u64,
    /// Every how many frames a source pauses, so that epochs differ.
    pub breath: u64,
    pub delay: Duration,
    pub partition: Partition,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            workers: 2,
            frames: vec![300, 300],
            window: 64,
            size: 3,
            timeout: Duration::from_millis(20),
            skew: 0,
            breath: 7,
            delay: Duration::ZERO,
            partition: Partition::Number,
        }
    }
}

/// What came of it.
pub struct Seen {
    /// Frames acknowledged that were not durable then.
    pub early: usize,
    /// Receipts of each source, in their order.
    pub receipts: Vec<Vec<u64>>,
    /// Every batch: worker, numbers, cause.
    pub batches: Vec<(usize, Vec<u64>, Cause)>,
    /// The most that was in flight at any source.
    pub most: u64,
}

impl Seen {
    pub fn numbers(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.batches.iter().flat_map(|(_, numbers, _)| numbers.clone()).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// Sends `count` frames and gathers the receipts, each checked against what is durable at that moment.
fn feed(
    inlet: Inlet<u64>,
    numbers: std::ops::Range<u64>,
    breath: u64,
    store: &Mutex<BTreeSet<u64>>,
    early: &AtomicU64,
) -> Vec<u64> {
    let mut receipts = Vec::new();
    let mut note = |receipt: u64| {
        if !store.lock().unwrap().contains(&receipt) {
            early.fetch_add(1, Ordering::Relaxed);
        }
        receipts.push(receipt);
    };
    for number in numbers {
        inlet.send(frame(&format!("camera-{}", number % 4), number), number).expect("the dataflow listens");
        while let Ok(Some(receipt)) = inlet.receipt() {
            note(receipt);
        }
        if number % breath == 0 {
            thread::sleep(Duration::from_millis(1)); // epochs have to differ; nothing waits for this
        }
    }
    inlet.finish().for_each(note);
    receipts
}

/// Runs a pipeline with that setting; what came of it.
pub fn run(setting: &Setting) -> Seen {
    let store = Arc::new(Mutex::new(BTreeSet::new()));
    let early = Arc::new(AtomicU64::new(0));
    let most = Arc::new(AtomicU64::new(0));
    let (batched, batches) = mpsc::channel();
    let (fed, feeds) = mpsc::channel();
    let (batched, fed) = (Mutex::new(batched), Mutex::new(fed));
    let shared = (store, early.clone(), most.clone(), setting.clone());
    let guards = timely::execute(timely::Config::process(setting.workers), move |worker| {
        let (store, early, most, setting) = shared.clone();
        let index = worker.index();
        let meter = Arc::new(Meter::default());
        let inbox = setting.frames.get(index).map(|count| {
            let (inlet, inbox) = mailbox(4);
            let first: u64 = setting.frames[..index].iter().sum();
            let (range, fed, store, early) = (first..first + count, fed.lock().unwrap().clone(), store.clone(), early);
            thread::spawn(move || fed.send((index, feed(inlet, range, setting.breath, &store, &early))));
            inbox
        });
        let sink = Durable { store, batches: batched.lock().unwrap().clone(), worker: index, delay: setting.delay };
        let steady = clock();
        let clock = Arc::new(move || steady() + index as u64 * setting.skew);
        let window = Window { frames: setting.window, bytes: usize::MAX };
        let gauge = meter.clone();
        let done = worker.dataflow::<Epoch, _, _>(move |scope| {
            let done = ProbeHandle::new();
            ingest(scope, 0, inbox, window, done.clone(), gauge, clock)
                .batch(setting.size, setting.timeout, setting.partition)
                .offload("sink", 8, Arc::default(), sink)
                .probe_with(&done);
            done
        });
        while !done.done() {
            worker.step_or_park(Some(Duration::from_millis(100)));
            most.fetch_max(meter.open_frames.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    });
    guards.expect("a cluster in one process").join().into_iter().for_each(|worker| worker.expect("no worker panics"));
    let mut receipts: Vec<_> = feeds.iter().take(setting.frames.len()).collect();
    receipts.sort();
    Seen {
        early: early.load(Ordering::Relaxed) as usize,
        receipts: receipts.into_iter().map(|(_, receipts)| receipts).collect(),
        batches: batches.iter().collect(),
        most: most.load(Ordering::Relaxed),
    }
}
