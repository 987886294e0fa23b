//! What a source that reads Kafka promises besides: where it begins, and what appears later.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::Producer as _;
use rdkafka::{Offset, TopicPartitionList};
use tokio::runtime::Runtime;

use super::feeds::{Feed, Producer, make_topics, producer, put, topic};
use super::kills::job;
use super::oracle::camera;
use super::start;
use super::stores::Store;
use crate::support::servers::Kafka;
use crate::support::{Process, turn, wait};
use crate::whole_job::cluster;

const VIGIE: &str = env!("CARGO_BIN_EXE_vigie");

/// A job from Kafka to files, with more settings of the source, started; its results.
struct Bench {
    folder: tempfile::TempDir,
    feed: Feed,
    store: Store,
    job: String,
}

impl Bench {
    fn new(kafka: &Kafka, name: &str, settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (feed, store) = (Feed::kafka(&kafka.brokers(), name), Store::Files(folder.path().join("out")));
        let job = job(folder.path(), name, &feed, &store);
        let text = fs::read_to_string(&job).expect("a job file");
        fs::write(&job, text.replace("[sink.store]", &format!("{settings}\n[sink.store]"))).expect("a job file");
        Self { folder, feed, store, job }
    }

    fn start(&self) -> Vec<Process> {
        start(Path::new(VIGIE), "", &self.job, &cluster(self.folder.path(), 1), 1)
    }

    /// The numbers of the frames that are there, once there are so many.
    fn results(&self, count: usize) -> Vec<u64> {
        wait("the results", || (self.store.count() >= count).then_some(()));
        let mut numbers: Vec<u64> =
            self.store.found().iter().map(|found| found.id.parse().expect("a number")).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// Catches "latest" that means another moment after a crash: what came meanwhile would be lost.
#[test]
fn latest_is_the_moment_of_the_first_start() {
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let bench = Bench::new(&kafka, "latest", "start = 'latest'");
    bench.feed.prepare();
    bench.feed.issue(0..8);
    // Killed before anything came, so that no frame led to a commit.
    let workers = bench.start();
    workers[0].signal("KILL");
    drop(workers);
    bench.feed.issue(8..16);
    let _workers = bench.start();
    bench.feed.issue(16..20);
    assert_eq!(bench.results(12), (8..20).collect::<Vec<_>>());
}

/// Catches a time that is read as another.
#[test]
fn a_time_to_begin_with_is_kept() {
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let feed = Feed::kafka(&kafka.brokers(), "time");
    feed.prepare();
    feed.issue(0..8);
    thread::sleep(Duration::from_millis(50));
    let moment = vigie::clock::rfc3339(operators::UnixMillis::now());
    thread::sleep(Duration::from_millis(50));
    feed.issue(8..12);
    let bench = Bench::new(&kafka, "time", &format!("start = '{moment}'"));
    let _workers = bench.start();
    feed.issue(12..16);
    assert_eq!(bench.results(8), (8..16).collect::<Vec<_>>());
}

/// Catches a topic that appears while the job runs and is never read, or not from its beginning.
#[test]
fn a_topic_that_appears_later_is_read_from_its_beginning() {
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let bench = Bench::new(&kafka, "later", "start = 'latest'");
    make_topics(&kafka.brokers(), &[format!("later-{}-raw", camera(0))]);
    let _workers = bench.start();
    bench.feed.prepare();
    bench.feed.issue(0..40);
    assert_eq!(bench.results(40), (0..40).collect::<Vec<_>>());
}

/// Catches frames of a transaction that was given up, and a setting that does nothing.
#[test]
fn only_what_is_committed_is_read() {
    const PATIENCE: Duration = Duration::from_secs(60);
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let committed = Bench::new(&kafka, "transactions", "");
    committed.feed.prepare();
    let producer: Producer = producer(&kafka.brokers()).set("transactional.id", "oracle").create().expect("a producer");
    producer.init_transactions(PATIENCE).expect("the broker knows it");
    // Of one camera, hence in one partition: those that were given up are in front.
    let transaction = |numbers: [u64; 3]| {
        producer.begin_transaction().expect("a transaction");
        numbers.iter().for_each(|number| put(&producer, "transactions", *number, 0));
        producer.flush(PATIENCE).expect("the broker takes all");
    };
    transaction([0, 4, 8]);
    producer.abort_transaction(PATIENCE).expect("it gives up");
    transaction([12, 16, 20]);
    producer.commit_transaction(PATIENCE).expect("it commits");

    let _workers = committed.start();
    assert_eq!(committed.results(3), [12, 16, 20]);
    let all = Bench::new(&kafka, "transactions", "isolation = 'read_uncommitted'\ngroup = 'all'");
    let _workers = all.start();
    assert_eq!(all.results(6), [0, 4, 8, 12, 16, 20]);
}

/// Catches a source whose topics are not there when it starts, and that takes their first frames for old ones.
#[test]
fn a_topic_that_is_not_there_at_the_start_is_read_from_its_beginning() {
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let bench = Bench::new(&kafka, "absent", "start = 'latest'");
    let mut worker = Process::vigie(&["run", &bench.job, "-w", "1"]);
    worker.until("the source to wait", |worker| worker.said().contains("there is no topic").then_some(()));
    bench.feed.prepare();
    bench.feed.issue(0..40);
    assert_eq!(bench.results(40), (0..40).collect::<Vec<_>>());
}

/// Manages brokers.
fn admin(brokers: &str) -> (Runtime, AdminClient<DefaultClientContext>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    (runtime, producer(brokers).create().expect("a client"))
}

/// Catches frames of a topic that is made anew while the job runs: skipped at its next start, as there were more of them once.
#[test]
fn a_topic_that_is_made_anew_is_read_from_its_beginning() {
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let bench = Bench::new(&kafka, "anew", "");
    bench.feed.prepare();
    let mut workers = bench.start();
    bench.feed.issue(0..40);
    bench.results(40);
    let (runtime, admin) = admin(&kafka.brokers());
    let topics: Vec<_> = (0..4).map(|number| topic("anew", number)).collect();
    let names: Vec<_> = topics.iter().map(String::as_str).collect();
    runtime.block_on(admin.delete_topics(&names, &AdminOptions::new())).expect("an answer");
    let there = || vigie::kafka::topics(admin.inner(), None, |name| names.contains(&name), Duration::from_secs(5));
    wait("the end of the topics", || there().ok()?.is_empty().then_some(()));
    bench.feed.prepare();
    bench.feed.issue(40..48);
    assert_eq!(bench.results(48), (0..48).collect::<Vec<_>>());
    assert!(workers[0].said().contains("does not reach so far any more"), "{}", workers[0].said());
    workers[0].signal("TERM");
    workers[0].end();
    bench.feed.issue(48..56);
    let _workers = bench.start();
    assert_eq!(bench.results(56), (0..56).collect::<Vec<_>>());
}

/// Catches frames that the broker deletes before a job that runs has read them, and nobody is told.
#[test]
fn what_is_deleted_before_it_is_read_is_told() {
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let bench = Bench::new(&kafka, "deleted", "");
    bench.feed.prepare();
    let workers = bench.start();
    bench.feed.issue(0..4);
    bench.results(4);
    workers[0].signal("STOP");
    // One by one: what it has asked for before, it is given the first of.
    (1..11).for_each(|round| bench.feed.issue(4 * round..4 * round + 4));
    let (runtime, admin) = admin(&kafka.brokers());
    let mut until = TopicPartitionList::new();
    until.add_partition_offset(&topic("deleted", 0), 0, Offset::Offset(9)).expect("an offset");
    runtime.block_on(admin.delete_records(&until, &AdminOptions::new())).expect("an answer");
    workers[0].signal("CONT");
    bench.feed.issue(44..48);
    wait("the last frames", || bench.store.found().iter().any(|found| found.id == "44").then_some(()));
    assert!(
        workers[0].said().contains("before they were read: raise the topic's `retention.ms`"),
        "{}",
        workers[0].said()
    );
}

/// Makes a topic's partitions two.
fn add_partition(brokers: &str, topic: &str) {
    let (runtime, admin) = admin(brokers);
    let two = NewPartitions::new(topic, 2);
    let made = runtime.block_on(admin.create_partitions([&two], &AdminOptions::new())).expect("an answer");
    made.into_iter().for_each(|made| _ = made.expect("a partition"));
    let partitions = || vigie::kafka::topics(admin.inner(), Some(topic), |_| true, Duration::from_secs(5)).ok()?.pop();
    wait("the partition", || partitions().filter(|(_, partitions)| partitions.len() == 2));
}

/// Catches a partition that is added while the job runs and is never read, or not from its beginning.
#[test]
fn a_partition_that_is_added_is_read_from_its_beginning() {
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let bench = Bench::new(&kafka, "added", "start = 'latest'");
    bench.feed.prepare();
    let _workers = bench.start();
    bench.feed.issue(0..4);
    bench.results(4);
    add_partition(&kafka.brokers(), &topic("added", 0));
    let producer: Producer = producer(&kafka.brokers()).create().expect("a producer");
    [4, 8, 12].iter().for_each(|number| put(&producer, "added", *number, 1));
    producer.flush(Duration::from_secs(60)).expect("the broker takes all");
    bench.feed.issue(16..17);
    assert_eq!(bench.results(8), [0, 1, 2, 3, 4, 8, 12, 16]);
}
