//! `jobs/cifar.toml` on a real Kafka and on servers that speak MongoDB's language: labels are those of the reference, and what
//! people used to ask of their documents has the same answer as before.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use ::mongodb::bson::{Bson, Document, doc};
use ::mongodb::{Client, Collection};
use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::support::servers::{Kafka, Mongo, shared_kafka};
use crate::support::{Process, images, models, page, turn, wait_or};
use crate::views::{Rows, view};

/// The job as people have it.
const JOB: &str = include_str!("../jobs/cifar.toml");

/// The pictures of CIFAR-10 at hand: name, label, bytes.
fn pictures() -> Option<Vec<(String, String, Vec<u8>)>> {
    let folder = images()?.join("cifar10");
    let table = fs::read_to_string(folder.join("labels.csv")).expect("labels");
    let row = |line: &str| {
        let (file, label) = (line.split(',').next()?, line.split(',').nth(2)?);
        Some((
            file.trim_end_matches(".jpg").to_owned(),
            label.to_owned(),
            fs::read(folder.join(file)).expect("a picture"),
        ))
    };
    Some(table.lines().skip(1).filter_map(row).collect())
}

/// Sends the pictures to a topic of their own, each with its label in a header.
fn produce(kafka: &Kafka, topic: &str, pictures: &[(String, String, Vec<u8>)]) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.brokers()).set("acks", "all");
    let admin: AdminClient<DefaultClientContext> = config.create().expect("a client");
    Runtime::new().expect("a runtime").block_on(vigie::kafka::create(&admin, topic)).expect("a topic");
    let producer: BaseProducer = config.create().expect("a producer");
    for (name, label, body) in pictures {
        let header = |key, value| Header { key, value: Some(value) };
        let headers = OwnedHeaders::new().insert(header("id", name)).insert(header("label", label));
        producer
            .send(BaseRecord::to(topic).key("cifar").payload(body).headers(headers))
            .map_err(|(error, _)| error)
            .expect("room");
    }
    producer.flush(Duration::from_secs(60)).expect("the broker has all");
}

/// The collection that the job writes to.
struct Eye {
    runtime: Runtime,
    documents: Collection<Document>,
}

impl Eye {
    fn on(server: &Mongo) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let client = runtime.block_on(Client::with_uri_str(server.url())).expect("a client");
        Self { documents: client.database("cifar").collection("image_data"), runtime }
    }

    fn answers(&self, pipeline: Vec<Document>) -> Vec<Document> {
        let all = async {
            let (mut cursor, mut found) = (self.documents.aggregate(pipeline).await?, Vec::new());
            while cursor.advance().await? {
                found.push(Document::try_from(cursor.current())?);
            }
            ::mongodb::error::Result::Ok(found)
        };
        self.runtime.block_on(all).expect("the server answers")
    }

    /// How often the two fields are the same, of how many documents: as people ask it.
    fn right(&self) -> (i64, i64) {
        let same = doc! { "$match": { "$expr": { "$eq": ["$InferredValue", "$GroundTruth"] } } };
        let count = |stages: Vec<Document>| self.answers(stages).first().map_or(0, |answer| whole(answer, "count"));
        (count(vec![same, doc! { "$count": "count" }]), count(vec![doc! { "$count": "count" }]))
    }

    /// The same on a server that knows no `$expr`: each pair of the two, and how often it is there.
    fn right_by_pairs(&self) -> (i64, i64) {
        let pair = doc! { "inferred": "$InferredValue", "truth": "$GroundTruth" };
        let pairs = self.answers(vec![doc! { "$group": { "_id": pair, "count": { "$sum": 1 } } }]);
        let same = |pair: &&Document| {
            let pair = pair.get_document("_id").expect("a pair");
            pair.get("inferred") == pair.get("truth")
        };
        let sum = |pairs: &mut dyn Iterator<Item = &Document>| pairs.map(|pair| whole(pair, "count")).sum();
        (sum(&mut pairs.iter().filter(same)), sum(&mut pairs.iter()))
    }

    fn all(&self) -> BTreeMap<String, Document> {
        let id = |document: &Document| document.get_str("_id").expect("a text").to_owned();
        self.answers(vec![doc! { "$match": {} }]).into_iter().map(|document| (id(&document), document)).collect()
    }
}

fn whole(document: &Document, field: &str) -> i64 {
    match document.get(field) {
        Some(Bson::Int32(number)) => i64::from(*number),
        Some(Bson::Int64(number)) => *number,
        other => panic!("{field} is {other:?}"),
    }
}

/// Runs a job until so many frames are acknowledged; its view then.
fn run(folder: &Path, job: &str, kafka: &Kafka, mongo: &Mongo, frames: usize) -> Rows {
    let path = folder.join("cifar.toml");
    fs::write(&path, job).expect("a job");
    let models = models().expect("asked before").display().to_string();
    let settings =
        [("VIGIE_MODELS", models.as_str()), ("VIGIE_KAFKA", &kafka.brokers()), ("VIGIE_MONGODB", &mongo.url())];
    let arguments = ["run", &path.display().to_string(), "-w", "2"];
    let mut worker = Process::start(env!("CARGO_BIN_EXE_vigie"), &arguments, &settings);
    worker.connected();
    let done = || (page(&worker)["acknowledged_total{}"] >= frames as f64).then_some(());
    wait_or("all to be acknowledged", done, || worker.said());
    assert_eq!(page(&worker)["results_total{}"], frames as f64, "{}", worker.said());
    let accuracy = view(&worker, "cifar", "accuracy").unwrap_or_default();
    worker.signal("TERM");
    assert!(worker.end().success(), "{}", worker.said());
    accuracy
}

fn text<'d>(document: &'d Document, field: &str) -> &'d str {
    document.get_str(field).unwrap_or_else(|error| panic!("{field}: {error} in {document:?}"))
}

/// Catches an example that does not run, a label or a truth that is another frame's, and documents that the aggregate of before
/// counts otherwise than they are: the job as it is, with its noise.
#[test]
fn what_people_asked_of_their_documents_has_its_answer() {
    let _turn = turn();
    let (Some(_), Some(pictures)) = (models(), pictures()) else { return };
    let (Some(kafka), Some(mongo)) = (shared_kafka(), Mongo::fast()) else { return };
    produce(kafka, "image_data", &pictures);
    let (folder, eye) = (tempfile::tempdir().expect("a folder"), Eye::on(&mongo));
    let accuracy = run(folder.path(), JOB, kafka, &mongo, pictures.len());
    let documents = eye.all();
    assert_eq!(documents.len(), pictures.len());
    let mut by_noise: BTreeMap<String, [u32; 2]> = BTreeMap::new();
    for (name, label, body) in &pictures {
        let document = &documents[&format!("cifar/{name}")];
        assert_eq!(text(document, "GroundTruth"), label);
        assert_eq!(document.get_binary_generic("frame").expect("the picture"), body);
        let report = document.get_document("report").expect("a report");
        let labels = report.get_array("labels").expect("labels");
        let first = labels[0].as_document().expect("a label");
        assert_eq!((labels.len(), text(first, "label")), (3, text(document, "InferredValue")));
        assert_eq!(text(report, "truth"), label);
        let noise = document.get_f64("Noise").expect("a number").to_string();
        let [right, all] = by_noise.entry(noise).or_default();
        *right += u32::from(text(document, "InferredValue") == label);
        *all += 1;
    }
    let right: u32 = by_noise.values().map(|[right, _]| right).sum();
    assert_eq!(eye.right(), (i64::from(right), pictures.len() as i64));
    assert_eq!(eye.right_by_pairs(), eye.right());
    // The view says the same, and did so all the time.
    for (noise, [right, all]) in &by_noise {
        let row = &accuracy[&format!("cifar/{noise}")];
        let cells = ["correct", "total", "unknown"].map(|column| row[column].as_u64());
        assert_eq!(cells, [Some(u64::from(*right)), Some(u64::from(*all)), Some(0)], "{noise} of {accuracy:?}");
    }
    assert_eq!(accuracy.len(), by_noise.len());
    let share = |noise: &str| f64::from(by_noise[noise][0]) / f64::from(by_noise[noise][1]);
    println!("{by_noise:?}");
    assert!(by_noise.len() == 4 && (0.65..=0.95).contains(&share("0")), "{by_noise:?}");
    assert!(share("0.2") < share("0") - 0.2, "noise makes it worse: {by_noise:?}");
}

/// Catches labels that are not the reference's, an accuracy that is not 80 %, and a label that takes the picture out of its
/// document: first the pictures are stored by one job, then another one updates the labels into the same documents.
#[test]
fn labels_are_updated_into_the_documents_of_the_pictures() {
    let _turn = turn();
    let (Some(models), Some(pictures)) = (models(), pictures()) else { return };
    let (Some(kafka), Some(mongo)) = (shared_kafka(), Mongo::ferret()) else { return };
    produce(kafka, "image_data_clean", &pictures);
    let clean = JOB
        .replace("\"image_data\"\n\n#", "\"image_data_clean\"\n\n#")
        .replace("level = [0, 0.04, 0.1, 0.2]", "level = 0");
    let frames = clean.find("[sink.pictures]").zip(clean.find("[sink.labels]")).expect("two sinks");
    let (folder, eye) = (tempfile::tempdir().expect("a folder"), Eye::on(&mongo));
    // Each has a group of its own, by its name, and so reads all.
    let first = clean[..frames.1]
        .replace("\"cifar\"\n", "\"cifar-pictures\"\n")
        .replace("= \"cifar-pictures\"\ncollection", "= \"cifar\"\ncollection");
    run(folder.path(), &first, kafka, &mongo, pictures.len());
    assert!(
        eye.all().values().all(|document| document.contains_key("frame") && !document.contains_key("InferredValue"))
    );
    let second = clean[..frames.0].to_owned() + &clean[frames.1..];
    run(folder.path(), &second, kafka, &mongo, pictures.len());

    let documents = eye.all();
    for (name, label, body) in &pictures {
        let document = &documents[&format!("cifar/{name}")];
        assert_eq!(document.get_binary_generic("frame").expect("the picture"), body);
        assert_eq!(text(document, "GroundTruth"), label);
    }
    let reference = fs::read_to_string(models.join("reference/cifar10_resnet20.json")).expect("a reference");
    let reference: Value = serde_json::from_str(&reference).expect("JSON");
    for (name, row) in reference["images"].as_object().expect("pictures") {
        let name = name.trim_start_matches("cifar10/").trim_end_matches(".jpg");
        let label = &reference["classes"][row["top1"].as_u64().expect("a class") as usize];
        assert_eq!(Some(text(&documents[&format!("cifar/{name}")], "InferredValue")), label.as_str(), "{name}");
    }
    let (right, all) = eye.right_by_pairs();
    println!("{right} of {all}");
    let share = right as f64 / all as f64;
    assert!(all == pictures.len() as i64 && (0.75..=0.85).contains(&share), "{right} of {all}");
}
