//! What the operators promise, each promise with the failure that its test catches.

mod setting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use operators::ingest::clock;
use operators::mailbox::{Closer, Gone};
use operators::{
    Batch, BatchFrames, Cause, Epoch, Flaw, Frame, FrameBatch, Load, Meter, Number, Offload, Partition, Reason,
    UnixMillis, Window, Work, ingest, mailbox,
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

/// Law 5. Catches a source that stands in everybody's way when it has nothing to send: the others' receipts must come
/// back while it is silent, also when it has been for so long that it looks less often.
#[test]
fn a_silent_source_holds_up_nobody() {
    let ((told, closer), (served, all_back)) = (mpsc::channel::<Closer>(), mpsc::channel());
    let ends = Mutex::new((told, served));
    let job = thread::spawn(move || {
        timely::execute(timely::Config::process(2), move |worker| {
            let (inlet, inbox) = mailbox(4);
            let (told, served) = ends.lock().unwrap().clone();
            if worker.index() == 0 {
                told.send(inbox.closer()).unwrap();
                thread::spawn(move || {
                    let (bell, news) = mpsc::channel();
                    inlet.on_news(move || _ = bell.send(()));
                    while !inlet.is_closing() {
                        news.recv().unwrap(); // silent until it is told to close
                    }
                    inlet.finish().for_each(drop);
                });
            } else {
                thread::spawn(move || {
                    (0..15).for_each(|number| inlet.send(frame("door", number), number).unwrap());
                    thread::sleep(Duration::from_millis(1_500));
                    (15..30).for_each(|number| inlet.send(frame("door", number), number).unwrap());
                    served.send(inlet.finish().take(29).collect::<Vec<_>>()).unwrap();
                });
            }
            let window = Window { frames: 8, bytes: usize::MAX };
            worker.dataflow::<Epoch, _, _>(|scope| {
                let done = ProbeHandle::new();
                ingest(scope, 0, Some(inbox), window, done.clone(), Default::default(), clock())
                    .batch(3, Duration::from_millis(5), Partition::Number)
                    .probe_with(&done);
            });
        })
        .expect("a cluster in one process")
        .join()
    });
    let receipts = all_back.recv_timeout(Duration::from_secs(60)).expect("receipts come back beside a silent source");
    assert_eq!(receipts, (0..29).collect::<Vec<_>>());
    closer.recv().unwrap().close();
    job.join().unwrap().into_iter().for_each(|worker| worker.expect("no worker panics"));
}

/// Catches a job without frames that costs a core its sleep, and one that sleeps on when a frame comes.
#[test]
fn a_sole_source_sleeps_while_it_is_silent() {
    timely::execute_directly(|worker| {
        let (looks, clock) = (Arc::new(AtomicU64::new(0)), clock());
        let counted = looks.clone();
        let (inlet, inbox) = mailbox::<u64>(4);
        let source = thread::spawn(move || {
            inlet.send(frame("door", 0), 0).unwrap();
            thread::sleep(Duration::from_millis(1_500));
            let asleep = looks.load(Ordering::Relaxed);
            thread::sleep(Duration::from_millis(300));
            assert_eq!(looks.load(Ordering::Relaxed), asleep, "it looks although nothing comes");
            inlet.send(frame("door", 1), 1).unwrap();
            assert!(inlet.finish().eq(0..2));
        });
        worker.dataflow(|scope| {
            let done = ProbeHandle::new();
            let window = Window { frames: 8, bytes: usize::MAX };
            let clock = move || {
                counted.fetch_add(1, Ordering::Relaxed);
                clock()
            };
            ingest(scope, 0, Some(inbox.sole(true)), window, done.clone(), Default::default(), clock).probe_with(&done);
        });
        while worker.has_dataflows() {
            worker.step_or_park(None);
        }
        source.join().expect("each receipt comes back");
    });
}

/// Catches a job that goes on for ever because its source left, by an error or a panic, while it slept.
#[test]
fn a_sole_source_that_leaves_in_its_sleep_ends_its_job() {
    timely::execute_directly(|worker| {
        let (inlet, inbox) = mailbox::<u64>(4);
        let source = thread::spawn(move || {
            thread::sleep(Duration::from_millis(1_500));
            drop(inlet);
        });
        worker.dataflow(|scope| {
            let done = ProbeHandle::new();
            let window = Window { frames: 8, bytes: usize::MAX };
            let inbox = Some(inbox.sole(true));
            ingest(scope, 0, inbox, window, done.clone(), Default::default(), clock()).probe_with(&done);
        });
        let start = Instant::now();
        while worker.has_dataflows() && start.elapsed() < Duration::from_secs(60) {
            worker.step_or_park(Some(Duration::from_secs(60)));
        }
        assert!(!worker.has_dataflows(), "it sleeps on");
        source.join().expect("it does not panic");
    });
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
    /// they come.
    #[test]
    fn a_batch_carries_the_least_time_of_its_members(times in proptest::collection::vec(0_u64..9, 1..20)) {
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
                worker.step();
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

/// Catches a picture that stops a worker: the panic is an answer, and what comes after it is worked on.
#[test]
fn a_panic_in_the_work_is_an_answer() {
    struct Fragile;
    impl Work<Frame> for Fragile {
        type Done = Result<u64, String>;
        fn work(&mut self, frames: Vec<Frame>) -> Vec<Self::Done> {
            let work = |frame: Frame| if frame.number.0 == 5 { panic!("a bad picture") } else { Ok(frame.number.0) };
            frames.into_iter().map(work).collect()
        }
        fn panicked(&mut self, frames: Vec<Frame>, panic: &str) -> Vec<Self::Done> {
            frames.into_iter().map(|_| Err(panic.to_owned())).collect()
        }
    }
    let (seen, answers) = mpsc::channel();
    timely::execute_directly(move |worker| {
        let mut input = InputHandle::<Epoch, CapacityContainerBuilder<Vec<Frame>>>::new_with_builder();
        worker.dataflow(|scope| {
            let answers = input.to_stream(scope).offload("fragile", 1, Arc::default(), Fragile);
            answers.inspect(move |answer| seen.send(answer.clone()).unwrap());
        });
        (0..8).for_each(|number| input.send(frame("door", number)));
    });
    let answers: Vec<_> = answers.iter().collect();
    let expected = (0..8).map(|number| if number == 5 { Err("a bad picture".to_owned()) } else { Ok(number) });
    assert!(answers.iter().cloned().eq(expected), "{answers:?}");
}

/// Law 6. Catches work that is done on the worker's own thread: a dataflow that is installed beside a slow one must
/// not wait for it.
#[test]
fn slow_work_holds_up_no_other_dataflow() {
    struct Slow(mpsc::Receiver<()>);
    impl Work<Frame> for Slow {
        type Done = ();
        fn work(&mut self, frames: Vec<Frame>) -> Vec<()> {
            let _ = self.0.recv(); // until the other dataflow is through
            vec![(); frames.len()]
        }
        fn panicked(&mut self, frames: Vec<Frame>, _: &str) -> Vec<()> {
            vec![(); frames.len()]
        }
    }
    timely::execute_directly(|worker| {
        let load = Arc::new(Load::default());
        let (release, held) = mpsc::channel();
        let mut slow = InputHandle::<Epoch, CapacityContainerBuilder<Vec<Frame>>>::new_with_builder();
        worker.dataflow(|scope| _ = slow.to_stream(scope).offload("slow", 1, load.clone(), Slow(held)));
        slow.send(frame("door", 0));
        slow.send(frame("door", 1));
        slow.flush();
        let mut quick = InputHandle::<Epoch, CapacityContainerBuilder<Vec<u64>>>::new_with_builder();
        let (probe, ()) = worker.dataflow(|scope| {
            let (probe, _) = quick.to_stream(scope).probe();
            (probe, ())
        });
        quick.send(1);
        quick.close();
        while !probe.done() {
            worker.step(); // hangs here if the slow work holds this thread
        }
        assert_eq!(load.done(), (0, Duration::ZERO));
        while load.waiting() != 1 {
            worker.step(); // one is worked on, the other waits
        }
        drop(release);
        slow.close();
        while worker.step_or_park(None) {}
        assert_eq!((load.waiting(), load.done().0), (0, 2));
    });
}

/// Catches quick work that is handed to a thread all the same, and one whose panic takes its worker along.
#[test]
fn quick_work_is_done_where_it_comes_up() {
    struct Quick;
    impl Work<u64> for Quick {
        type Done = Option<thread::ThreadId>;
        fn work(&mut self, items: Vec<u64>) -> Vec<Self::Done> {
            let work = |item: u64| if item == 1 { panic!("one") } else { Some(thread::current().id()) };
            items.into_iter().map(work).collect()
        }
        fn is_quick(&self) -> bool {
            true
        }
        fn panicked(&mut self, items: Vec<u64>, _: &str) -> Vec<Self::Done> {
            vec![None; items.len()]
        }
    }
    let (seen, answers) = mpsc::channel();
    timely::execute_directly(move |worker| {
        let mut input = InputHandle::<Epoch, CapacityContainerBuilder<Vec<u64>>>::new_with_builder();
        worker.dataflow(|scope| {
            let answers = input.to_stream(scope).offload("quick", 1, Arc::default(), Quick);
            answers.inspect(move |answer| seen.send(*answer).unwrap());
        });
        for item in 0..3 {
            input.send(item);
            input.advance_to(item + 1);
            worker.step();
        }
    });
    let here = Some(thread::current().id());
    assert!(answers.iter().eq([here, None, here]));
}

/// Catches a group that loses its order or a frame where the mailbox has no room for all of it.
#[test]
fn a_group_goes_in_as_far_as_there_is_room() {
    let (inlet, inbox) = mailbox::<u64>(2);
    let mut group: VecDeque<_> = (0..3).map(|number| (frame("door", number), number)).collect();
    assert_eq!(inlet.try_send_all(&mut group), Ok(()));
    assert_eq!(group.iter().map(|(_, receipt)| *receipt).collect::<Vec<_>>(), [2]);
    let take = || inbox.take(Duration::ZERO).expect("the source is there").map(|frame| frame.number.0);
    assert_eq!((take(), take(), take()), (Some(0), Some(1), None));
    assert_eq!(inlet.try_send_all(&mut group), Ok(()));
    assert!(group.is_empty());
    drop(inbox);
    group.push_back((frame("door", 3), 3));
    assert_eq!(inlet.try_send_all(&mut group), Err(Gone));
}

/// Catches a mailbox that is bounded by a number alone: a few frames of a large camera would take more memory than the window.
#[test]
fn large_frames_fill_a_mailbox_sooner() {
    let (inlet, inbox) = mailbox::<u64>(8);
    let large = |megabytes: usize| Frame { bytes: vec![0; megabytes << 20].into(), ..frame("door", 0) };
    let fits = |megabytes| inlet.try_send(large(megabytes), 0).expect("somebody listens").is_none();
    assert_eq!([fits(3), fits(3), fits(3)], [true, true, false]);
    (0..2).for_each(|_| assert!(inbox.take(Duration::ZERO).expect("the source is there").is_some()));
    assert_eq!([fits(9), fits(1)], [true, false], "one frame always has room");
    drop(inbox);
    assert_eq!(inlet.send(large(1), 0), Err(Gone));
}

/// Catches a source that waits for room for ever: where there is some again, and where nobody listens any more.
#[test]
fn who_waits_for_room_is_told() {
    let (inlet, inbox) = mailbox::<u64>(1);
    let source = thread::spawn(move || (0..).find(|number| inlet.send(frame("door", *number), 0).is_err()));
    let patience = Duration::from_secs(60);
    (0..3).for_each(|number| assert_eq!(inbox.take(patience).unwrap().unwrap().number.0, number));
    drop(inbox);
    assert!(source.join().expect("it does not panic") >= Some(3));
}

/// Catches a source thread that goes on for ever when its job is gone.
#[test]
fn a_source_learns_that_nobody_listens() {
    let (inlet, inbox) = mailbox::<u64>(1);
    drop(inbox);
    assert_eq!(inlet.send(frame("door", 0), 0), Err(Gone));
    assert_eq!(inlet.receipt(), Err(Gone));
    assert!(inlet.try_send(frame("door", 0), 0).is_err());
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
        let clock = move || ticks.fetch_add(1, Ordering::Relaxed);
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
