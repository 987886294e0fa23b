//! Builds that make a mistake on purpose: what each of them loses shows that the harness can see.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::feeds::{Feed, make_topics};
use super::kills::{job, settle};
use super::oracle::judge;
use super::start;
use super::stores::{KafkaTopic, Store};
use crate::support::servers::{Kafka, S3};
use crate::support::{Broker, page, turn, wait};
use crate::whole_job::cluster;

/// The program with the mistakes in it, if it was built (`make broken`).
pub fn broken() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_BIN_EXE_vigie")).ancestors().nth(2)?;
    let broken = target.join("broken/vigie");
    if !broken.exists() {
        println!("skipped: the build with mistakes is not there (make broken)");
        return None;
    }
    Some(broken)
}

struct Servers {
    mosquitto: Broker,
    kafka: Kafka,
    s3: S3,
}

/// The sink's server is killed while frames are in flight, then the program, then both start again, the program without
/// the mistake: what is missing was acknowledged before it was anywhere.
fn missing(vigie: &Path, mistake: &str, source: &str, sink: &str, servers: &mut Servers) -> usize {
    let made = if mistake.is_empty() { "none" } else { mistake };
    let name = format!("{made}-{source}-{sink}").to_lowercase();
    let folder = tempfile::tempdir().expect("a folder");
    let feed = match source {
        "MQTT" => Feed::mqtt(servers.mosquitto.port, &name),
        _ => Feed::kafka(&servers.kafka.brokers(), &name),
    };
    let store = match sink {
        "S3" => Store::S3(servers.s3.endpoint(), name.clone(), servers.s3.bucket(&name)),
        _ => {
            let topic = format!("{name}-out");
            make_topics(&servers.kafka.brokers(), std::slice::from_ref(&topic));
            Store::Kafka(KafkaTopic::new(&servers.kafka.brokers(), &topic))
        }
    };
    let (job, cluster) = (job(folder.path(), &name, &feed, &store), cluster(folder.path(), 1));
    // Batches that fill: the mistake about their times shows in one whose members have several.
    let text = std::fs::read_to_string(&job).expect("a job file").replace("timeout = '10ms'", "timeout = '1s'");
    std::fs::write(&job, text).expect("a job file");
    feed.prepare();
    let workers = start(vigie, mistake, &job, &cluster, 1);
    feed.issue(0..30);
    wait("the first results", || (store.count() == 30).then_some(()));

    let stop = |servers: &mut Servers| if sink == "S3" { servers.s3.kill() } else { servers.kafka.kill() };
    stop(servers);
    // One by one: so that the frames of a batch have different times.
    for number in 30..48 {
        feed.issue(number..number + 1);
        thread::sleep(Duration::from_millis(3));
    }
    wait("all in flight", || (page(&workers[0])["frames_in_total{}"] >= 48.0).then_some(()));
    // Time for an acknowledgement that comes too early to get there. A build without a mistake sends none.
    thread::sleep(Duration::from_secs(1));
    workers[0].signal("KILL");
    drop(workers);
    if sink == "S3" {
        servers.s3.restart()
    } else {
        servers.kafka.restart()
    }
    let workers = start(vigie, "", &job, &cluster, 1);
    feed.issue(48..49);
    settle(&workers, &store, 48);
    judge(0..49, &store.found()).lost.len()
}

/// Catches a harness that sees nothing: each mistake loses frames in it, and the same runs without a mistake lose none.
#[test]
fn each_mistake_loses_frames() {
    let _turn = turn();
    let Some(broken) = broken() else { return };
    let servers = Broker::mosquitto().zip(Kafka::start()).zip(S3::start());
    let Some(((mosquitto, kafka), s3)) = servers else { return };
    let mut servers = Servers { mosquitto, kafka, s3 };
    let runs = [
        ("early-ack", "MQTT", "S3"),
        ("latest-time", "MQTT", "S3"),
        ("latest-commit", "Kafka", "S3"),
        ("enqueue-ack", "MQTT", "Kafka"),
        ("", "MQTT", "S3"),
        ("", "Kafka", "S3"),
        ("", "MQTT", "Kafka"),
    ];
    let mut blind = Vec::new();
    for (mistake, source, sink) in runs {
        let missing = missing(&broken, mistake, source, sink, &mut servers);
        println!("{source} → {sink}, mistake {mistake:?}: {missing} of 49 frames lost");
        if (missing == 0) != mistake.is_empty() {
            blind.push((mistake, source, sink, missing));
        }
    }
    assert!(blind.is_empty(), "{blind:?}");
}
