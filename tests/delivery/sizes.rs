//! What is too large for Kafka as it comes: its default takes 1,048,588 bytes.

use std::fs;
use std::path::Path;

use vigie::codec::{Pixels, encode};
use vigie::delivery::fit::Reference;

use super::feeds::make_topics;
use super::stores::{KafkaTopic, Store};
use crate::support::servers::Kafka;
use crate::support::{Process, files, turn, wait};

/// A JPEG of noise, of several megabytes.
fn large() -> Vec<u8> {
    let mut rgb = vec![0; 1_400 * 1_400 * 3];
    blake3::Hasher::new().finalize_xof().fill(&mut rgb);
    let pixels = Pixels { width: 1_400, height: 1_400, rgb };
    let jpeg = encode(&pixels, &vec![0; 8 << 20]).expect("a JPEG").to_vec();
    assert!(jpeg.len() > 1_300_000, "{}", jpeg.len());
    jpeg
}

fn run(folder: &Path, brokers: &str, sinks: &str) -> String {
    let job = folder.join("sizes.toml");
    let at = folder.display();
    let text = format!(
        "name = 'sizes'\n[source.pictures]\nkind = 'files'\npath = '{at}/in/*.jpg'\n{}\n[dead]\nkind = 'files'\n\
         path = '{at}/dead/{{id}}-{{reason}}'\n",
        sinks.replace("KAFKA", &format!("kind = 'kafka'\nbrokers = '{brokers}'")).replace("AT", &at.to_string())
    );
    fs::write(&job, text).expect("a job file");
    let mut worker = Process::vigie(&["run", &job.display().to_string(), "-w", "1"]);
    wait("the advice", || worker.said().contains("too large: ").then_some(()));
    assert!(worker.end().success(), "{}", worker.said());
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
    let folder = tempfile::tempdir().expect("a folder");
    let picture = large();
    fs::create_dir(folder.path().join("in")).expect("a folder");
    fs::write(folder.path().join("in/7.jpg"), &picture).expect("a file");
    let (brokers, topics) = (kafka.brokers(), ["smaller", "noted"].map(str::to_owned));
    make_topics(&brokers, &topics);

    let said = run(folder.path(), &brokers, "[sink.smaller]\nKAFKA\ntopic = 'smaller'\nwrite = 'image'\n");
    assert!(said.contains("takes messages of 1048588: set `message.max.bytes`"), "{said}");
    let smaller = first(&brokers, "smaller");
    assert!(smaller.len() < 1_048_588, "{}", smaller.len());
    assert!(vigie::codec::decode(&smaller, &Default::default()).is_ok());

    let sinks = "[sink.noted]\nKAFKA\ntopic = 'noted'\nwrite = 'frame'\noverflow = 'whole'\n\
                 [sink.whole]\nkind = 'files'\npath = 'AT/large/{camera}/{id}.jpg'\nwrite = []\n\
                 [sink.plain]\nKAFKA\ntopic = 'plain'\nwrite = 'frame'\n";
    let said = run(folder.path(), &brokers, sinks);
    assert!(said.contains("1 too-large"), "the sink without `overflow` makes it a dead letter\n{said}");
    let note: Reference = serde_json::from_slice(&first(&brokers, "noted")).expect("a note");
    assert_eq!(fs::read(&note.reference).expect("the file that it names"), picture);
    let dead = files(&folder.path().join("dead"));
    assert_eq!(dead, ["7-too-large", "7-too-large.json"]);
    assert_eq!(fs::read(folder.path().join("dead/7-too-large")).expect("a file"), picture, "its bytes are kept");
}
