//! Kafka → Kafka, frames of 100 kB, no step between: `vigie run` against a bare loop of the same client.
//!
//! Needs brokers: `VIGIE_KAFKA`, as `tests/servers/up.sh --for cargo bench --bench kafka` gives it. Both sides read four
//! topics and write one, idempotent and acknowledged by all replicas, and commit what is through. An observer, the same
//! for both, takes the time between the 200th result and the last.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const FRAMES: usize = 3_000;
const FIRST: usize = 200;
const BYTES: usize = 100_000;
const CAMERAS: usize = 4;
const ROUNDS: usize = 3;

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

fn producer(brokers: &str) -> ThreadedProducer<DefaultProducerContext> {
    let mut config = config(brokers);
    config.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "1");
    config.create().expect("a producer")
}

fn make(brokers: &str, topic: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let admin = config(brokers).create().expect("a client");
    runtime
        .block_on(vigie::kafka::create::<rdkafka::client::DefaultClientContext>(&admin, topic))
        .expect("the broker makes a topic");
}

fn raw(camera: usize) -> String {
    format!("bench-{camera}-raw")
}

fn fill(brokers: &str) {
    let producer = producer(brokers);
    (0..CAMERAS).for_each(|camera| make(brokers, &raw(camera)));
    // A JPEG's first bytes, and then nothing that compresses.
    let mut body = vec![0; BYTES];
    blake3::Hasher::new().finalize_xof().fill(&mut body);
    body[..3].copy_from_slice(&[0xFF, 0xD8, 0xFF]);
    for number in 0..FRAMES {
        let topic = raw(number % CAMERAS);
        while producer.send(BaseRecord::<(), _>::to(&topic).payload(&body)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    producer.flush(Duration::from_secs(120)).expect("the broker takes all");
}

fn reader(brokers: &str, group: &str, topics: &[String]) -> BaseConsumer {
    let mut config = config(brokers);
    config.set("group.id", group).set("enable.auto.commit", "false").set("fetch.wait.max.ms", "20");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    for topic in topics {
        list.add_partition_offset(topic, 0, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&list).expect("partitions");
    consumer
}

/// Frames a second between the 200th and the last in `topic`.
fn observe(brokers: &str, topic: &str) -> f64 {
    let consumer = reader(brokers, "observer", &[topic.to_owned()]);
    let (mut seen, mut start) = (0, Instant::now());
    while seen < FRAMES {
        if let Some(Ok(_)) = consumer.poll(Duration::from_millis(100)) {
            seen += 1;
            if seen == FIRST {
                start = Instant::now();
            }
        }
    }
    (FRAMES - FIRST) as f64 / start.elapsed().as_secs_f64()
}

/// The bare loop: read, write, wait for nothing, commit what is read every 200 ms.
fn bare(brokers: &str, out: &str) {
    let topics: Vec<_> = (0..CAMERAS).map(raw).collect();
    let (consumer, producer) = (reader(brokers, out, &topics), producer(brokers));
    let (mut moved, mut committed) = (0, Instant::now());
    while moved < FRAMES {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let body = message.payload().expect("a frame");
        while producer.send(BaseRecord::to(out).key("camera").payload(body)).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
        moved += 1;
        if committed.elapsed() > Duration::from_millis(200) {
            let _ = consumer.commit_message(&message, CommitMode::Async);
            committed = Instant::now();
        }
    }
    producer.flush(Duration::from_secs(120)).expect("the broker takes all");
}

fn vigie(brokers: &str, out: &str) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("job.toml");
    let text = format!(
        "name = '{out}'\n[source.raw]\nkind = 'kafka'\nbrokers = '{brokers}'\ntopic = 'bench-{{camera}}-raw'\n\
         [sink.out]\nkind = 'kafka'\nbrokers = '{brokers}'\ntopic = '{out}'\nwrite = 'frame'\n"
    );
    std::fs::write(&path, text).expect("a job file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command.arg("run").arg(&path).args(["-w", "1"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn().expect("the program runs");
    let rate = observe(brokers, out);
    process.kill().expect("a child");
    process.wait().expect("a child");
    rate
}

fn main() {
    let Ok(brokers) = std::env::var("VIGIE_KAFKA") else {
        println!("skipped: run it with brokers, as `tests/servers/up.sh --for cargo bench --bench kafka`");
        return;
    };
    fill(&brokers);
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let (ours, theirs) = (format!("bench-vigie-{round}"), format!("bench-bare-{round}"));
        make(&brokers, &ours);
        make(&brokers, &theirs);
        let ours = vigie(&brokers, &ours);
        let theirs = std::thread::scope(|scope| {
            scope.spawn(|| bare(&brokers, &theirs));
            observe(&brokers, &theirs)
        });
        // The first round warms the brokers up.
        if round > 0 {
            println!("vigie run: {ours:.0} frames/s, bare loop: {theirs:.0} frames/s, ratio {:.2}", ours / theirs);
            ratios.push(ours / theirs);
        }
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.2} (goal 0.8)", ratios[ROUNDS / 2]);
}
