//! Sources that have nothing to send.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use operators::ingest::clock;
use operators::mailbox::Closer;
use operators::{BatchFrames, Epoch, Partition, Window, ingest, mailbox};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::Probe;

use super::setting::frame;

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
            let clock = Arc::new(move || {
                counted.fetch_add(1, Ordering::Relaxed);
                clock()
            });
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
