//! Results that travel together: what a broker refuses of one of them, or of all together, is not refused to the others.

use std::fs;
use std::path::Path;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _};

use super::feeds::{Feed, Producer, producer, topic};
use super::kills::{job, settle};
use super::oracle::{judge, payload};
use super::start;
use super::stores::{KafkaTopic, Store};
use crate::support::servers::Kafka;
use crate::support::{Broker, Process, files, turn, wait};
use crate::whole_job::cluster;

const VIGIE: &str = env!("CARGO_BIN_EXE_vigie");

/// Makes a topic of one partition with a setting of its own.
fn make(brokers: &str, name: &str, (key, value): (&str, &str)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let admin: AdminClient<DefaultClientContext> = producer(brokers).create().expect("a client");
    let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1)).set(key, value);
    let made = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new())).expect("an answer");
    made.into_iter().for_each(|made| _ = made.expect("a topic"));
}

/// A job whose results are sent to Kafka together, as many as there are; its store, and its process.
fn together(folder: &Path, feed: &Feed, brokers: &str, to: &str) -> (Store, Vec<Process>) {
    let store = Store::Kafka(KafkaTopic::new(brokers, to));
    let job = job(folder, to, feed, &store);
    let text = fs::read_to_string(&job).expect("a job file");
    fs::write(&job, text.replace("[dead]", "settings = { 'linger.ms' = '50' }\n[dead]")).expect("a job file");
    feed.prepare();
    let workers = start(Path::new(VIGIE), "", &job, &cluster(folder, 1), 1);
    (store, workers)
}

/// Catches results that fit and become dead letters because all that is sent with them does not fit.
#[test]
fn results_that_are_too_large_together_go_alone() {
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let (folder, brokers) = (tempfile::tempdir().expect("a folder"), kafka.brokers());
    make(&brokers, "narrow", ("max.message.bytes", "5000"));
    let feed = Feed::kafka(&brokers, "wide");
    let (store, workers) = together(folder.path(), &feed, &brokers, "narrow");
    feed.issue(0..100);
    settle(&workers, &store, 99);
    let verdict = judge(0..100, &store.found());
    assert_eq!((verdict.lost, verdict.wrong), (vec![], vec![]));
    assert_eq!(files(&folder.path().join("dead")), [""; 0]);
}

/// A frame that says when it was captured.
fn captured(producer: &Producer, number: u64, at: &str) {
    let image = base64_simd::STANDARD.encode_to_string(payload(number));
    let (id, body) = (number.to_string(), format!(r#"{{"image": "{image}", "captured_at": "{at}"}}"#));
    let (topic, headers) =
        (topic("clocks", number), OwnedHeaders::new().insert(Header { key: "id", value: Some(&id) }));
    let record = BaseRecord::<(), _>::to(&topic).payload(&body).headers(headers);
    producer.send(record).map_err(|(error, _)| error).expect("the queue has room");
}

/// Catches a camera whose clock is wrong and that stops the results of all.
#[test]
fn a_camera_of_the_future_stops_nobody() {
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let (folder, brokers) = (tempfile::tempdir().expect("a folder"), kafka.brokers());
    make(&brokers, "present", ("message.timestamp.after.max.ms", "3600000"));
    let feed = Feed::kafka(&brokers, "clocks");
    let (store, workers) = together(folder.path(), &feed, &brokers, "present");
    let producer: Producer = producer(&brokers).create().expect("a producer");
    for number in 0..40 {
        captured(&producer, number, if number == 17 { "2099-01-01T00:00:00Z" } else { "2026-11-21T08:30:01Z" });
    }
    producer.flush(std::time::Duration::from_secs(60)).expect("the broker takes all");
    settle(&workers, &store, 39);
    let verdict = judge(0..40, &store.found());
    assert_eq!((verdict.lost, verdict.wrong), (vec![], vec![]));
}

/// Catches packet ids that go on from those of a broker that took more at a time: no result is ever published again.
#[test]
fn a_broker_that_takes_fewer_at_a_time_than_before_gets_all() {
    let _turn = turn();
    let Some(mut broker) = Broker::that_takes_at_once(60) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let listen = |broker: &Broker| Store::Mqtt(broker.port, "out".into(), broker.listen("out/+/+"));
    let (feed, store) = (Feed::mqtt(broker.port, "in"), listen(&broker));
    let job = job(folder.path(), "fewer", &feed, &store);
    let text = fs::read_to_string(&job).expect("a job file");
    fs::write(&job, text.replace("[dead]", "version = '5'\n[dead]")).expect("a job file");
    let workers = start(Path::new(VIGIE), "", &job, &cluster(folder.path(), 1), 1);
    feed.issue(0..40);
    wait("the results", || (store.count() == 40).then_some(()));
    broker.stop();
    broker.takes_at_once(5);
    broker.restart();
    let later = listen(&broker);
    feed.insist(40..200);
    settle(&workers, &later, 199);
    let verdict = judge(0..200, &[store.found(), later.found()].concat());
    assert_eq!((verdict.lost, verdict.wrong), (vec![], vec![]));
    assert_eq!(files(&folder.path().join("dead")), [""; 0]);
}
