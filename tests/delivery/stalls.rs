//! A job that stands still for longer than Kafka's coordinator would allow.

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::feeds::{Feed, make_topics};
use super::kills::{job, settle};
use super::oracle::{Verdict, judge};
use super::start;
use super::stores::{KafkaTopic, Store};
use crate::support::servers::{Kafka, S3};
use crate::support::{page, turn, wait};
use crate::whole_job::cluster;

/// Catches the same of a job whose window is full for 15 s, as behind a model that takes so long: the source has to pause,
/// poll on, and begin where it stopped.
#[test]
fn a_full_window_leads_to_no_rebalance_and_no_double() {
    let _turn = turn();
    let Some((kafka, mut s3)) = Kafka::start().zip(S3::start()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let feed = Feed::kafka(&kafka.brokers(), "full");
    let store = Store::S3(s3.endpoint(), "full".to_owned(), s3.bucket("full"));
    let job = small_window(job(folder.path(), "full", &feed, &store));
    feed.prepare();
    let workers = start(Path::new(env!("CARGO_BIN_EXE_vigie")), "", &job, &cluster(folder.path(), 2), 2);
    feed.issue(0..200);
    wait("the first results", || (store.count() == 200).then_some(()));
    s3.kill();
    feed.issue(200..1_000);
    thread::sleep(Duration::from_secs(15));
    s3.restart();
    feed.issue(1_000..1_001);
    settle(&workers, &store, 1_000);
    let admitted: f64 = workers.iter().map(|worker| page(worker)["frames_in_total{}"]).sum();
    assert_eq!(admitted, 1_001.0, "each frame came once");
    assert_eq!(judge(0..1_001, &store.found()), Verdict::default());
}

/// The job with a window of 4 and a coordinator that would lose patience after 8 s.
fn small_window(job: String) -> String {
    let text = std::fs::read_to_string(&job).expect("a job file");
    let settings = "settings = { \"max.poll.interval.ms\" = \"8000\", \"session.timeout.ms\" = \"6000\" }\n";
    let text = text.replace("window = 32", "window = 4").replace("[sink.store]", &format!("{settings}[sink.store]"));
    std::fs::write(&job, text).expect("a job file");
    job
}

/// Catches a rebalance, and the doubles that follow it, when nothing is polled for longer than `max.poll.interval.ms`.
#[test]
fn a_stall_leads_to_no_rebalance_and_no_double() {
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let feed = Feed::kafka(&kafka.brokers(), "stall");
    make_topics(&kafka.brokers(), &["stall-out".to_owned()]);
    let store = Store::Kafka(KafkaTopic::new(&kafka.brokers(), "stall-out"));
    let job = small_window(job(folder.path(), "stall", &feed, &store));
    feed.prepare();
    let workers = start(Path::new(env!("CARGO_BIN_EXE_vigie")), "", &job, &cluster(folder.path(), 2), 2);
    let stalled = thread::scope(|scope| {
        let publisher = scope.spawn(|| feed.issue(0..2_000));
        wait("results in mid-stream", || (store.count() >= 100).then_some(()));
        workers.iter().for_each(|worker| worker.signal("STOP"));
        publisher.join().expect("the broker takes all");
        thread::sleep(Duration::from_secs(10));
        let stalled = store.count();
        workers.iter().for_each(|worker| worker.signal("CONT"));
        stalled
    });
    assert!(stalled < 2_000, "the stall was to come in mid-stream");
    feed.issue(2_000..2_001);
    settle(&workers, &store, 2_000);
    assert_eq!(judge(0..2_001, &store.found()), Verdict::default());
}
