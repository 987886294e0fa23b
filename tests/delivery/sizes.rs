//! What is too large for a broker: for Kafka as it comes, which takes 1,048,588 bytes, and for one that speaks MQTT 5 and says
//! what it takes.

use std::fs;
use std::path::Path;

use vigie::codec::{Pixels, encode};
use vigie::delivery::fit::Reference;

use super::feeds::make_topics;
use super::stores::{KafkaTopic, Store};
use crate::support::servers::Kafka;
use crate::support::{Broker, Process, files, turn, wait};

/// A JPEG of noise, of several megabytes.
fn large() -> Vec<u8> {
    let mut rgb = vec![0; 1_400 * 1_400 * 3];
    blake3::Hasher::new().finalize_xof().fill(&mut rgb);
    let pixels = Pixels { width: 1_400, height: 1_400, rgb };
    let jpeg = encode(&pixels, &vec![0; 8 << 20]).expect("a JPEG").to_vec();
    assert!(jpeg.len() > 1_300_000, "{}", jpeg.len());
    jpeg
}

/// A folder with that picture for `run` to read.
fn folder_with(picture: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("in")).expect("a folder");
    fs::write(folder.path().join("in/7.jpg"), picture).expect("a file");
    folder
}

/// Runs a job with these sinks to its end, in which BROKER stands for the broker and AT for the folder; what it said.
fn run(folder: &Path, broker: &str, sinks: &str) -> String {
    let job = folder.join("sizes.toml");
    let at = folder.display();
    let text = format!(
        "name = 'sizes'\n[source.pictures]\nkind = 'files'\npath = '{at}/in/*.jpg'\n{}\n[dead]\nkind = 'files'\n\
         path = '{at}/dead/{{id}}-{{reason}}'\n",
        sinks.replace("BROKER", broker).replace("AT", &at.to_string())
    );
    fs::write(&job, text).expect("a job file");
    let mut worker = Process::vigie(&["run", &job.display().to_string(), "-w", "1"]);
    worker.until("the advice", |worker| worker.said().contains("too large: ").then_some(()));
    // Where the one picture is a dead letter, the job has failed.
    let code = worker.end().code();
    assert_eq!(code, Some(i32::from(worker.said().contains("no frame led to a result"))), "{}", worker.said());
    worker.said()
}

/// What stands in a topic, once something does.
fn first(brokers: &str, topic: &str) -> Vec<u8> {
    let topic = Store::Kafka(KafkaTopic::new(brokers, topic));
    wait("a message", || topic.found().pop()).body
}

/// Catches a picture that is tried for ever, one that vanishes, and advice that does not say which setting to change.
#[test]
fn what_kafka_does_not_take_is_made_smaller_or_goes_elsewhere() {
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let picture = large();
    let folder = folder_with(&picture);
    let (brokers, topics) = (kafka.brokers(), ["smaller", "noted"].map(str::to_owned));
    make_topics(&brokers, &topics);
    let broker = format!("kind = 'kafka'\nbrokers = '{brokers}'");

    let said = run(folder.path(), &broker, "[sink.smaller]\nBROKER\ntopic = 'smaller'\nwrite = 'image'\n");
    assert!(said.contains("takes messages of 1048588: set `message.max.bytes`"), "{said}");
    let smaller = first(&brokers, "smaller");
    assert!(smaller.len() < 1_048_588, "{}", smaller.len());
    assert!(vigie::codec::decode(&smaller, &Default::default()).is_ok());

    let sinks = "[sink.noted]\nBROKER\ntopic = 'noted'\nwrite = 'frame'\noverflow = 'whole'\n\
                 [sink.whole]\nkind = 'files'\npath = 'AT/large/{camera}/{id}.jpg'\nwrite = []\n\
                 [sink.plain]\nBROKER\ntopic = 'plain'\nwrite = 'frame'\n";
    let said = run(folder.path(), &broker, sinks);
    assert!(said.contains("1 too-large"), "the sink without `overflow` makes it a dead letter\n{said}");
    let note: Reference = serde_json::from_slice(&first(&brokers, "noted")).expect("a note");
    assert_eq!(fs::read(&note.reference).expect("the file that it names"), picture);
    is_dead(folder.path(), &picture);
}

/// The picture is a dead letter, with all its bytes.
fn is_dead(folder: &Path, picture: &[u8]) {
    let dead = folder.join("dead");
    assert_eq!(files(&dead), ["7-too-large", "7-too-large.json"]);
    assert_eq!(fs::read(dead.join("7-too-large")).expect("a file"), picture, "its bytes are kept");
}

/// Catches the same of a broker that says at each connection what it takes.
#[test]
fn what_a_broker_of_mqtt_5_does_not_take_is_made_smaller_or_a_dead_letter() {
    const MOST: usize = 1_000_000;
    let _turn = turn();
    let Some(mosquitto) = Broker::with_packet_max(MOST) else { return };
    let heard = mosquitto.listen("out/#");
    let picture = large();
    let folder = folder_with(&picture);
    let broker = format!("kind = 'mqtt'\nurl = '{}'\nversion = '5'\ntopic = 'out/{{id}}'", mosquitto.url());

    let said = run(folder.path(), &broker, "[sink.smaller]\nBROKER\nwrite = 'image'\n");
    assert!(said.contains("takes packets of 1000000: set its `max_packet_size`"), "{said}");
    let smaller = wait("a message", || heard.lock().unwrap().pop()).1;
    assert!(smaller.len() < MOST, "{}", smaller.len());
    assert!(vigie::codec::decode(&smaller, &Default::default()).is_ok());

    let said = run(folder.path(), &broker, "[sink.plain]\nBROKER\nwrite = 'frame'\n");
    assert!(said.contains("1 too-large"), "{said}");
    is_dead(folder.path(), &picture);
    assert_eq!(heard.lock().unwrap().len(), 0, "nothing of it was published");
}
