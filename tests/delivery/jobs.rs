//! The jobs in `jobs/`, as they are, on real servers.

use std::path::Path;

use mongodb::bson::{Document, doc};
use vigie::report::Report;

use crate::support::servers::{Kafka, Mongo, S3};
use crate::support::{Broker, Process, files, page, turn, wait};

/// Frames that each camera publishes.
const FRAMES: usize = 15;

struct Site {
    mosquitto: Broker,
    kafka: Kafka,
    mongo: Mongo,
    s3: S3,
    folder: tempfile::TempDir,
}

impl Site {
    fn start() -> Option<Self> {
        let ((mosquitto, kafka), (mongo, s3)) =
            Broker::mosquitto().zip(Kafka::start()).zip(Mongo::ferret().zip(S3::start()))?;
        Some(Self { mosquitto, kafka, mongo, s3, folder: tempfile::tempdir().expect("a folder") })
    }

    /// Runs a job of the project, with the addresses of these servers; it is connected when this returns.
    fn run(&self, name: &str) -> Process {
        let job = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("jobs/{name}.toml"));
        let (mqtt, kafka, mongodb, s3) =
            (self.mosquitto.url(), self.kafka.brokers(), self.mongo.url(), self.s3.endpoint());
        let environment = [
            ("VIGIE_MQTT", mqtt.as_str()),
            ("VIGIE_KAFKA", &kafka),
            ("VIGIE_MONGODB", &mongodb),
            ("AWS_ENDPOINT_URL", &s3),
            ("AWS_ACCESS_KEY_ID", S3::KEY),
            ("AWS_SECRET_ACCESS_KEY", S3::SECRET),
            ("AWS_REGION", "us-east-1"),
            ("VIGIE_MODELS", concat!(env!("CARGO_MANIFEST_DIR"), "/models")),
        ];
        let arguments = ["-C", &self.folder.path().display().to_string(), env!("CARGO_BIN_EXE_vigie"), "run"];
        let arguments: Vec<_> = arguments.into_iter().chain([job.to_str().expect("a path"), "-w", "1"]).collect();
        // Folders of the job lie in the current folder: `env -C` is a shell's `cd`.
        Process::start("env", &arguments, &environment)
    }

    /// Publishes the frames of four rendered cameras.
    fn publish(&self) {
        let count = (4 * FRAMES).to_string();
        let arguments = [
            "camera",
            "--synthetic",
            "--cameras",
            "4",
            "--count",
            &count,
            "--rate",
            "max",
            "--to",
            &self.mosquitto.url(),
        ];
        assert!(Process::vigie(&arguments).end().success());
    }

    /// The documents of a database, collection by collection.
    fn documents(&self, database: &str) -> Vec<(String, Vec<Document>)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let database = mongodb::Client::with_uri_str(self.mongo.url()).await.expect("a URL").database(database);
            let mut all = Vec::new();
            for name in database.list_collection_names().await.expect("an answer") {
                let mut cursor = database.collection::<Document>(&name).find(doc! {}).await.expect("a cursor");
                let mut found = Vec::new();
                while cursor.advance().await.expect("an answer") {
                    found.push(cursor.deserialize_current().expect("a document"));
                }
                all.push((name, found));
            }
            all
        })
    }
}

/// Catches a chain of jobs that loses frames between two brokers: MQTT → Kafka → persons → Kafka → MongoDB and S3.
#[test]
fn the_chain_of_jobs_brings_every_frame_to_its_end() {
    let _turn = turn();
    let Some(site) = Site::start() else { return };
    let bucket = site.s3.bucket("frames");
    let mut bridge = site.run("bridge");
    bridge.connected();
    site.publish();
    wait("the raw topics", || (page(&bridge)["results_total{}"] == 4.0 * FRAMES as f64).then_some(()));
    let workers = ["room", "store", "archive"].map(|name| site.run(name));
    let documents = || site.documents("room").iter().map(|(_, found)| found.len()).sum::<usize>();
    wait("raw and processed pictures in MongoDB", || (documents() == 8 * FRAMES).then_some(()));
    wait("processed pictures in S3", || (files(&bucket).len() == 4 * FRAMES).then_some(()));

    let collections = site.documents("room");
    assert_eq!(collections.len(), 8, "one for each topic");
    for (name, found) in &collections {
        assert_eq!(found.len(), FRAMES, "{name}");
        for document in found {
            let picture = document.get_binary_generic("frame").expect("a picture");
            assert!(picture.starts_with(&[0xFF, 0xD8]), "{name}: a JPEG, not base64");
        }
    }
    let page = page(&workers[0]);
    let (found, there) = (page["persons_found_total{}"], page["persons_there_total{}"]);
    assert!(there > 50.0 && found >= 0.8 * there, "{found} of {there} persons");
    assert_eq!(page["dead_total{reason=\"undecodable\"}"], 0.0);
}

/// Catches a job whose four sinks do not all get every frame, and reports that are not those of their pictures.
#[test]
fn all_of_it_in_one_job() {
    let _turn = turn();
    let Some(site) = Site::start() else { return };
    let reports = site.mosquitto.listen("cameras/+/persons");
    let mut worker = site.run("room-direct");
    worker.connected();
    site.publish();
    wait("all results", || (page(&worker)["results_total{}"] == 4.0 * FRAMES as f64).then_some(()));
    wait("the last acknowledgement", || (page(&worker)["window_frames{}"] == 0.0).then_some(()));
    let documents: Vec<_> = site.documents("room").into_iter().flat_map(|(_, found)| found).collect();
    assert_eq!(documents.len(), 4 * FRAMES, "picture and report in one document");
    let heard = reports.lock().unwrap();
    assert_eq!(heard.len(), 4 * FRAMES);
    for (_, body) in heard.iter() {
        let report: Report = serde_json::from_slice(body).expect("a report");
        let id = format!("room-direct/{}/{}", report.camera, report.id);
        let document = documents
            .iter()
            .find(|document| document.get_str("_id").is_ok_and(|found| found == id))
            .expect("its document");
        assert!(document.get_binary_generic("image").is_ok());
        let stored = document.get_document("report").expect("a report").get_array("detections").expect("a list");
        assert_eq!(stored.len(), report.detections.len());
    }
}
