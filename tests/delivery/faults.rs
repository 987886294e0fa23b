//! Faults of the network and servers that are gone, on each source and each sink: it is named, it passes, nothing is lost,
//! and memory stays where it was.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::feeds::{Feed, make_topics};
use super::kills::{issue_slowly, job, settle};
use super::oracle::{Verdict, judge};
use super::start;
use super::stores::{KafkaTopic, Store};
use crate::support::servers::{Kafka, Mongo, S3};
use crate::support::toxiproxy::{Proxy, Toxiproxy};
use crate::support::{Broker, free_port, page, shared_turn, wait};
use crate::whole_job::cluster;

/// What it is called, what brings it about, and whether it stops all: then it has to be named.
type Fault = (&'static str, fn(&Proxy), bool);

/// What goes wrong.
const FAULTS: [Fault; 5] = [
    ("latency of 2 s", |proxy| proxy.latency(2_000), false),
    ("50 kB/s", |proxy| proxy.bandwidth(50), false),
    ("connections reset", |proxy| proxy.reset_peer(), true),
    ("black hole", |proxy| proxy.black_hole(), true),
    ("gone", |proxy| proxy.down(), true),
];

/// How long a server is gone: as the issue says in `make chaos`, a tenth of it in every test run.
fn gone() -> Duration {
    let seconds = std::env::var("VIGIE_GONE").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(6))
}

/// Puts each fault on the way to one server, heals it, and waits for what was issued meanwhile.
///
/// `seen` is what the program sees of the feed or the store, through the proxy; `feed` and `store` are direct.
fn endure(name: &str, proxy: &Proxy, seen: (&Feed, &Store), feed: &Feed, store: &Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let (job, cluster) = (job(folder.path(), &name.replace(' ', "-"), seen.0, seen.1), cluster(folder.path(), 1));
    feed.prepare();
    let workers = start(Path::new(env!("CARGO_BIN_EXE_vigie")), "", &job, &cluster, 1);
    let mut issued = 0;
    let mut issue = |count: u64| {
        feed.issue(issued..issued + count);
        issued += count;
        issued as usize
    };
    let all = issue(200);
    wait("the first results", || (store.count() == all).then_some(()));
    let before = workers[0].memory();
    for (fault, cause, stops) in FAULTS {
        cause(proxy);
        issue(100);
        let named =
            |page: &std::collections::BTreeMap<String, f64>| page.keys().any(|key| key.starts_with("waiting_seconds"));
        if stops {
            wait(&format!("{name}: {fault} to be named"), || named(&page(&workers[0])).then_some(()));
        }
        thread::sleep(if fault == "gone" { gone() } else { Duration::from_secs(2) });
        proxy.heal();
        let (healed, all) = (Instant::now(), issue(1));
        wait(&format!("{name}: all results after {fault}"), || (store.count() == all).then_some(()));
        let took = healed.elapsed();
        println!("{name}, {fault}: all there {:.1} s after it was over", took.as_secs_f64());
        assert!(took < Duration::from_secs(20), "{name}, {fault}: {took:?}");
        wait(&format!("{name}: no notice after {fault}"), || (!named(&page(&workers[0]))).then_some(()));
    }
    let marker = issue(1) as u64 - 1;
    settle(&workers, store, marker);
    let grown = workers[0].memory().saturating_sub(before) >> 20;
    assert!(grown < 40, "{name}: memory grew by {grown} MiB");
    let verdict = judge(0..marker + 1, &store.found());
    assert_eq!((verdict.lost, verdict.wrong), (vec![], vec![]), "{name}");
}

/// Catches a source that hangs, spins, loses or grows when its way to MQTT is bad.
#[test]
fn an_mqtt_source_endures() {
    let _turn = shared_turn();
    let Some((broker, toxiproxy)) = Broker::mosquitto().zip(Toxiproxy::start()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = toxiproxy.proxy("mqtt", broker.port);
    let store = Store::Files(folder.path().join("out"));
    let (direct, seen) = (Feed::mqtt(broker.port, "endure"), Feed::mqtt(proxy.port, "endure"));
    endure("MQTT source", &proxy, (&seen, &store), &direct, &store);
}

/// Kafka with a second way in, through a proxy: it tells its clients the address that they came by.
fn kafka_behind_proxy() -> Option<(Kafka, Toxiproxy, Proxy)> {
    let toxiproxy = Toxiproxy::start()?;
    let (inside, outside) = (free_port(), free_port());
    let kafka = Kafka::behind(inside, outside)?;
    let proxy = toxiproxy.proxy_at("kafka", outside, inside);
    Some((kafka, toxiproxy, proxy))
}

/// Catches the same of a source that reads Kafka.
#[test]
fn a_kafka_source_endures() {
    let _turn = shared_turn();
    let Some((kafka, _toxiproxy, proxy)) = kafka_behind_proxy() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::Files(folder.path().join("out"));
    let direct = Feed::kafka(&kafka.brokers(), "endure");
    let seen = Feed::kafka(&format!("127.0.0.1:{}", proxy.port), "endure");
    endure("Kafka source", &proxy, (&seen, &store), &direct, &store);
}

/// Catches what a server forgets that is ended and starts again: offsets, producers, and messages that were on their way. One
/// Kafka is the source and the sink.
#[test]
fn a_kafka_that_starts_again_loses_nothing() {
    const EACH: u64 = 400;
    let _turn = shared_turn();
    let Some(mut kafka) = Kafka::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let feed = Feed::kafka(&kafka.brokers(), "again");
    make_topics(&kafka.brokers(), &["again-out".to_owned()]);
    let store = Store::Kafka(KafkaTopic::new(&kafka.brokers(), "again-out"));
    let (job, cluster) = (job(folder.path(), "again", &feed, &store), cluster(folder.path(), 1));
    feed.prepare();
    let workers = start(Path::new(env!("CARGO_BIN_EXE_vigie")), "", &job, &cluster, 1);
    let ends = [("stopped", Kafka::stop as fn(&mut Kafka)), ("killed", Kafka::kill)];
    let mut issued = 0;
    for (how, end) in ends {
        thread::scope(|scope| {
            // It waits for the server where that is away.
            let publisher = scope.spawn(|| issue_slowly(&feed, issued, EACH));
            let enough = issued as usize + 100;
            wait("results in mid-stream", || (store.count() >= enough).then_some(()));
            end(&mut kafka);
            assert!(!publisher.is_finished(), "{how}: it was to end in mid-stream");
            kafka.restart();
            publisher.join().expect("the broker takes all");
        });
        issued += EACH;
        let back = Instant::now();
        wait(&format!("all results after it was {how}"), || (store.count() == issued as usize).then_some(()));
        println!("Kafka {how}: all there {:.1} s after all was issued", back.elapsed().as_secs_f64());
    }
    feed.issue(issued..issued + 1);
    settle(&workers, &store, issued);
    assert_eq!(judge(0..issued + 1, &store.found()), Verdict::default());
}

/// Catches the same of a sink that writes to Kafka.
#[test]
fn a_kafka_sink_endures() {
    let _turn = shared_turn();
    let Some(broker) = Broker::mosquitto() else { return };
    let Some((kafka, _toxiproxy, proxy)) = kafka_behind_proxy() else { return };
    make_topics(&kafka.brokers(), &["endure-out".to_owned()]);
    let store = Store::Kafka(KafkaTopic::new(&kafka.brokers(), "endure-out"));
    let mut through = KafkaTopic::new(&kafka.brokers(), "endure-out");
    through.brokers = format!("127.0.0.1:{}", proxy.port);
    let feed = Feed::mqtt(broker.port, "endure");
    endure("Kafka sink", &proxy, (&feed, &Store::Kafka(through)), &feed, &store);
}

/// Catches the same of a sink that publishes to MQTT. What is on its way when the connection breaks may come twice.
#[test]
fn an_mqtt_sink_endures() {
    let _turn = shared_turn();
    let Some((broker, toxiproxy)) = Broker::mosquitto().zip(Toxiproxy::start()) else { return };
    let proxy = toxiproxy.proxy("mqtt", broker.port);
    let heard = broker.listen("out/+/+");
    let store = |port| Store::Mqtt(port, "out".into(), heard.clone());
    let feed = Feed::mqtt(broker.port, "endure");
    endure("MQTT sink", &proxy, (&feed, &store(proxy.port)), &feed, &store(broker.port));
}

/// Catches the same of a sink that writes to MongoDB.
#[test]
fn a_mongodb_sink_endures() {
    let _turn = shared_turn();
    let Some(((broker, toxiproxy), mongo)) = Broker::mosquitto().zip(Toxiproxy::start()).zip(Mongo::fast()) else {
        return;
    };
    let port = mongo.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let proxy = toxiproxy.proxy("mongodb", port);
    let seen = Store::Mongo(format!("mongodb://127.0.0.1:{}", proxy.port), "endure".into());
    let feed = Feed::mqtt(broker.port, "endure");
    endure("MongoDB sink", &proxy, (&feed, &seen), &feed, &Store::Mongo(mongo.url(), "endure".into()));
}

/// Catches the same of a sink that writes to S3.
#[test]
fn an_s3_sink_endures() {
    let _turn = shared_turn();
    let Some(((broker, toxiproxy), s3)) = Broker::mosquitto().zip(Toxiproxy::start()).zip(S3::start()) else { return };
    let port = s3.endpoint().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let proxy = toxiproxy.proxy("s3", port);
    let folder = s3.bucket("endure");
    let seen = Store::S3(format!("http://127.0.0.1:{}", proxy.port), "endure".into(), folder.clone());
    let feed = Feed::mqtt(broker.port, "endure");
    endure("S3 sink", &proxy, (&feed, &seen), &feed, &Store::S3(s3.endpoint(), "endure".into(), folder));
}
