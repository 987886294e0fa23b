//! What the operators promise, each promise with the failure that its test catches.

mod mailboxes;
mod offload;
mod setting;
mod silence;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use operators::ingest::clock;
use operators::{
    Batch, BatchFrames, Cause, Epoch, Flaw, Frame, FrameBatch, Meter, Number, Partition, Reason, UnixMillis, Window,
    ingest, mailbox,
};
use proptest::prelude::*;
use timely::bytes::arc::BytesMut;
use timely::container::{CapacityContainerBuilder, DrainContainer, PushInto};
use timely::dataflow::channels::ContainerBytes;
use timely::dataflow::operators::{Inspect, Probe};
use timely::dataflow::{InputHandle, ProbeHandle};

use setting::{Setting, frame, headers, run, settings};

/// Catches a frame that is lost or doubled between a source and its sink, and a receipt that is.
#[test]
fn every_frame_arrives_once_and_every_receipt_comes_back_in_order() {
    let seen = run(&Setting { workers: 3, frames: vec![200, 0, 301], ..Setting::default() });
    assert_eq!(seen.numbers(), (0..501).collect::<Vec<_>>());
    assert_eq!(seen.receipts, [(0..200).collect(), vec![], (200..501).collect::<Vec<_>>()]);
}

/// Law 1. Catches a batch that travels at the time of its first or its latest member: with clocks 400 ms apart, the
/// receipts of the others come back before the batch is durable.
#[test]
fn no_receipt_comes_back_early_under_skewed_clocks() {
    let setting =
        Setting { workers: 3, frames: vec![300; 3], skew: 400, delay: Duration::from_millis(2), ..Setting::default() };
    let seen = run(&setting);
    assert_eq!(seen.early, if operators::broken::makes("early-ack") { seen.early.max(1) } else { 0 });
    assert_eq!(seen.numbers().len(), 900);
}

/// Law 3. Catches a route by single numbers, and a worker that gets more than one batch above its share.
#[test]
fn the_workers_shares_differ_by_one_batch_at_most() {
    for workers in 1..=3 {
        for frames in [1, 3, 17, 300] {
            let seen = run(&Setting { workers, frames: vec![frames], ..Setting::default() });
            let mut shares = vec![0; workers];
            for (worker, numbers, _) in &seen.batches {
                shares[*worker] += numbers.len();
                assert!(numbers.iter().all(|number| number / 3 % workers as u64 == *worker as u64), "{numbers:?}");
            }
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            assert!(most - least <= 3, "{frames} frames on {workers} workers: {shares:?}");
        }
    }
}

/// Catches a camera whose frames go to two workers.
#[test]
fn a_camera_stays_on_its_worker_when_the_job_says_so() {
    let seen = run(&Setting { partition: Partition::Camera, ..Setting::default() });
    let mut homes = BTreeMap::<u64, BTreeSet<usize>>::new();
    for (worker, numbers, _) in &seen.batches {
        numbers.iter().for_each(|number| _ = homes.entry(number % 4).or_default().insert(*worker));
    }
    assert!(homes.values().all(|workers| workers.len() == 1), "{homes:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Law 2. Catches a job that stops for ever because its window is smaller than what its workers gather, a window
    /// that is not kept, and a batch that is larger than its size.
    #[test]
    fn a_small_window_never_waits_for_itself(
        window in 1_usize..=20, size in 1_usize..=5, workers in 1_usize..=3, frames in 1_u64..60, skew in 0_u64..200,
    ) {
        let setting = Setting {
            workers, frames: vec![frames; workers], window, size, skew, timeout: Duration::from_millis(2), breath: 1000,
            ..Setting::default()
        };
        let seen = run(&setting);
        prop_assert_eq!(seen.numbers(), (0..frames * workers as u64).collect::<Vec<_>>());
        prop_assert!(seen.most <= window as u64, "{} in flight", seen.most);
        prop_assert!(seen.batches.iter().all(|(_, numbers, _)| (1..=size).contains(&numbers.len())));
        prop_assert!(seen.early == 0 || operators::broken::makes("early-ack"));
    }

    /// Catches a frame that changes between two processes, and a length that does not match what is written.
    #[test]
    fn a_message_is_read_as_it_was_written(
        frames in proptest::collection::vec(
            ("\\PC{0,12}", any::<u64>(), "\\PC{0,12}", any::<Option<u64>>(), any::<bool>(), 0_usize..300_000), 0..6),
    ) {
        let mut batch = FrameBatch::default();
        let frames: Vec<Frame> = frames.into_iter().map(|(camera, number, id, captured, flawed, length)| Frame { captured_at: captured.map(UnixMillis), received_at: UnixMillis(number), flaw: flawed.then(|| Flaw::new(Reason::BadMessage, "no picture")), task: (length % 3 == 0).then(settings), headers: (length % 2 == 0).then(|| headers(length)), truth: (length % 5 == 0).then(|| "cat".into()), ..Frame::new(camera.into(), Number(number), id.into(), vec![number as u8; length].into()) }).collect();
        frames.iter().cloned().for_each(|frame| batch.push_into(frame));
        let mut bytes = Vec::new();
        batch.into_bytes(&mut bytes);
        prop_assert_eq!(bytes.len(), batch.length_in_bytes());
        prop_assert_eq!(bytes.len() % 8, 0);
        let mut read = FrameBatch::from_bytes(BytesMut::from(bytes).freeze());
        let read: Vec<Frame> = read.drain().collect();
        prop_assert_eq!(format!("{read:?}"), format!("{frames:?}"));
    }

    /// Law 1, without clocks. Catches a batch that does not carry the least time of its members, in whatever order
    /// they come, and however many in one turn.
    #[test]
    fn a_batch_carries_the_least_time_of_its_members(
        times in proptest::collection::vec(0_u64..9, 1..40), turn in 1_usize..20,
    ) {
        let (seen, batches) = mpsc::channel();
        let sent = times.clone();
        timely::execute_directly(move |worker| {
            let (mut input, capability) = worker.dataflow::<Epoch, _, _>(|scope| {
                use timely::dataflow::operators::core::UnorderedInput;
                let (input, stream) = scope.new_unordered_input::<CapacityContainerBuilder<FrameBatch>>();
                stream.batch(3, Duration::from_secs(1), Partition::Number).inspect_batch(move |time, batches| {
                    batches.iter().for_each(|batch: &Batch| seen.send((*time, batch.frames.clone())).unwrap());
                });
                input
            });
            for (index, time) in sent.iter().enumerate() {
                input.activate().session(&capability.delayed(time)).give(frame(&time.to_string(), index as u64));
                if index % turn == 0 {
                    worker.step();
                }
            }
        });
        let mut count = 0;
        for (time, frames) in batches {
            let least = frames.iter().map(|frame| frame.camera.as_str().parse::<u64>().unwrap()).min();
            prop_assert_eq!(Some(time), least);
            count += frames.len();
        }
        prop_assert_eq!(count, times.len());
    }
}

/// Catches batches of one time that go one by one: each would cost every operator behind a turn of its own.
#[test]
fn batches_of_one_time_travel_together() {
    let (seen, messages) = mpsc::channel();
    timely::execute_directly(move |worker| {
        let mut input = InputHandle::<Epoch, CapacityContainerBuilder<FrameBatch>>::new_with_builder();
        worker.dataflow(|scope| {
            let batches = input.to_stream(scope).batch(3, Duration::from_secs(1), Partition::Number);
            batches.inspect_batch(move |time, batches| seen.send((*time, batches.len())).unwrap());
        });
        (0..9).for_each(|number| input.send(frame("door", number)));
        input.advance_to(4);
        (9..15).for_each(|number| input.send(frame("door", number)));
    });
    assert!(messages.iter().eq([(0, 3), (4, 2)]));
}

/// Catches a late batch that waits for a frame which never comes.
#[test]
fn a_late_batch_goes_as_it_is() {
    let (seen, batches) = mpsc::channel();
    let batches = Mutex::new(batches);
    timely::execute_directly(move |worker| {
        let mut input = InputHandle::<Epoch, CapacityContainerBuilder<FrameBatch>>::new_with_builder();
        worker.dataflow(|scope| {
            let batches = input.to_stream(scope).batch(3, Duration::from_millis(10), Partition::Number);
            batches.inspect(move |batch| seen.send((batch.frames.len(), batch.cause)).unwrap());
        });
        (0..2).for_each(|number| input.send(frame("door", number)));
        input.flush();
        let start = Instant::now();
        let mut first = None;
        while first.is_none() && start.elapsed() < Duration::from_secs(60) {
            worker.step_or_park(Some(Duration::from_secs(1)));
            first = batches.lock().unwrap().try_recv().ok();
        }
        assert_eq!(first, Some((2, Cause::Timeout)), "although the input is still open");
    });
}

/// Catches a source that fills its window in one epoch, of which the last frames then wait for company that can't come: each
/// window of a fast job would take as long as the timeout.
#[test]
fn a_full_window_does_not_wait_for_a_timeout() {
    let (inlet, inbox) = mailbox::<u64>(201);
    (0..201).for_each(|number| inlet.send(frame("door", number), number).unwrap());
    let source = thread::spawn(move || assert!(inlet.finish().eq(0..201)));
    let (seen, causes) = mpsc::channel();
    let (inbox, ticks) = (Mutex::new(Some(inbox)), AtomicU64::new(0));
    timely::execute_directly(move |worker| {
        let (inbox, window) = (inbox.lock().unwrap().take(), Window { frames: 64, bytes: usize::MAX });
        let clock = Arc::new(move || ticks.fetch_add(1, Ordering::Relaxed));
        let done = worker.dataflow::<Epoch, _, _>(|scope| {
            let done = ProbeHandle::new();
            ingest(scope, 0, inbox, window, done.clone(), Arc::default(), clock)
                .batch(3, Duration::from_secs(2), Partition::Number)
                .inspect(move |batch| seen.send(batch.cause).unwrap())
                .probe_with(&done);
            done
        });
        while !done.done() {
            worker.step_or_park(Some(Duration::from_millis(100)));
        }
    });
    source.join().unwrap();
    let causes: Vec<_> = causes.iter().collect();
    assert_eq!((causes.len(), causes.contains(&Cause::Timeout)), (67, false));
}

/// An ordered queue stands for a broker's window: what is out must never exceed it, and each receipt is the oldest.
#[test]
fn the_window_counts_bytes_too() {
    let (inlet, inbox) = mailbox::<u64>(64);
    let meter = Arc::new(Meter::default());
    let gauge = meter.clone();
    let source = thread::spawn(move || {
        let mut out = VecDeque::new();
        for number in 0..50 {
            inlet.send(frame("door", number), number).unwrap();
            out.push_back(number);
            while let Ok(Some(receipt)) = inlet.receipt() {
                assert_eq!(out.pop_front(), Some(receipt));
            }
        }
        assert!(inlet.finish().eq(out));
    });
    let inbox = Mutex::new(Some(inbox));
    timely::execute_directly(move |worker| {
        let inbox = inbox.lock().unwrap().take();
        let window = Window { frames: 1000, bytes: 250 }; // frames of 100 bytes: the third is one too many
        let done = worker.dataflow::<Epoch, _, _>(|scope| {
            let done = ProbeHandle::new();
            ingest(scope, 0, inbox, window, done.clone(), gauge.clone(), clock()).probe_with(&done);
            done
        });
        while !done.done() {
            worker.step_or_park(Some(Duration::from_millis(100)));
            assert!(meter.open_frames.load(Ordering::Relaxed) <= 3);
        }
    });
    source.join().unwrap();
}
