//! What is found in a sink: read back with other clients than the program's own, or from its disk.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::oracle::Found;
use crate::support::{Heard, files};

/// Where results go.
pub enum Store {
    /// Files in a folder.
    Files(PathBuf),
    /// A bucket of versitygw, by its endpoint and name, and the folder it lies in.
    S3(String, String, PathBuf),
    /// A database behind that URL.
    Mongo(String, String),
    /// A topic of Kafka.
    Kafka(KafkaTopic),
    /// An MQTT broker on that port, topics that begin with that name, and what a listener heard.
    Mqtt(u16, String, Heard),
}

/// A topic, read from its beginning.
pub struct KafkaTopic {
    /// The brokers as the sink knows them: a proxy perhaps.
    pub brokers: String,
    topic: String,
    consumer: BaseConsumer,
    found: Mutex<Vec<Found>>,
}

impl KafkaTopic {
    /// Reads a topic that is there.
    pub fn new(brokers: &str, topic: &str) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("group.id", "oracle").set("enable.auto.commit", "false");
        config
            .set("fetch.wait.max.ms", "20")
            .set("isolation.level", "read_committed")
            .set("reconnect.backoff.max.ms", "200");
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning).expect("an offset");
        consumer.assign(&list).expect("a partition");
        Self { brokers: brokers.to_owned(), topic: topic.to_owned(), consumer, found: Mutex::default() }
    }

    fn found(&self) -> Vec<Found> {
        let mut found = self.found.lock().expect("one reader");
        // Not more than this at once: while it is in mid-stream there is no end to wait for.
        for _ in 0..200 {
            let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(20)) else { break };
            let headers = message.headers().expect("headers");
            let id = headers.iter().find(|header| header.key == "id").and_then(|header| header.value).expect("an id");
            let camera = String::from_utf8_lossy(message.key().expect("a key")).into_owned();
            let body = message.payload().unwrap_or_default().to_vec();
            found.push(Found { camera, id: String::from_utf8_lossy(id).into_owned(), body });
        }
        found.clone()
    }
}

impl Store {
    /// The table of a sink that fills it.
    pub fn sink(&self) -> String {
        match self {
            Store::Files(folder) => format!("kind = 'files'\npath = '{}/{{camera}}/{{id}}'\n", folder.display()),
            Store::S3(endpoint, bucket, _) => {
                format!("kind = 's3'\nurl = 's3://{bucket}/{{camera}}/{{id}}'\nendpoint = '{endpoint}'\n")
            }
            Store::Mongo(url, database) => {
                format!("kind = 'mongodb'\nurl = '{url}'\ndatabase = '{database}'\ncollection = 'camera-{{camera}}'\n")
            }
            Store::Mqtt(port, name, _) => format!(
                "kind = 'mqtt'\nurl = 'mqtt://127.0.0.1:{port}'\ntopic = '{name}/{{camera}}/{{id}}'\nkeep_alive = '5s'\n"
            ),
            Store::Kafka(topic) => {
                format!("kind = 'kafka'\nbrokers = '{}'\ntopic = '{}'\n", topic.brokers, topic.topic)
            }
        }
    }

    /// How many different frames are there.
    pub fn count(&self) -> usize {
        match self {
            Store::Files(folder) | Store::S3(_, _, folder) => in_folder(folder).len(),
            Store::Mongo(..) => self.documents(doc! { "camera": 1, "id": 1 }).len(),
            Store::Kafka(_) | Store::Mqtt(..) => {
                let found = self.found();
                found.iter().map(|found| (&found.camera, &found.id)).collect::<BTreeSet<_>>().len()
            }
        }
    }

    /// Everything that is there.
    pub fn found(&self) -> Vec<Found> {
        match self {
            Store::Files(folder) | Store::S3(_, _, folder) => {
                let read = |path: String| {
                    let (camera, id) = path.split_once('/').expect("a camera and an id");
                    // One that is just written over is not there for a moment.
                    let body = fs::read(folder.join(&path)).ok()?;
                    Some(Found { camera: camera.to_owned(), id: id.to_owned(), body })
                };
                in_folder(folder).into_iter().filter_map(read).collect()
            }
            Store::Mongo(..) => self.documents(doc! {}).into_iter().map(as_found).collect(),
            Store::Kafka(topic) => topic.found(),
            Store::Mqtt(_, _, heard) => heard.lock().expect("one listener").iter().map(as_heard).collect(),
        }
    }

    fn documents(&self, fields: Document) -> Vec<Document> {
        let Store::Mongo(url, name) = self else { return Vec::new() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let database = mongodb::Client::with_uri_str(url).await.expect("a URL").database(name);
            let mut all = Vec::new();
            for collection in database.list_collection_names().await.unwrap_or_default() {
                let collection = database.collection::<Document>(&collection);
                let mut cursor = collection.find(doc! {}).projection(fields.clone()).await.expect("a cursor");
                while cursor.advance().await.expect("the server answers") {
                    all.push(cursor.deserialize_current().expect("a document"));
                }
            }
            all
        })
    }
}

/// Files that are whole: what is being written has another name.
fn in_folder(folder: &std::path::Path) -> Vec<String> {
    files(folder).into_iter().filter(|file| !file.contains(['#']) && !file.contains(".vgw")).collect()
}

fn as_heard((topic, body): &(String, Vec<u8>)) -> Found {
    let names: Vec<_> = topic.split('/').collect();
    Found { camera: names[1].to_owned(), id: names[2].to_owned(), body: body.clone() }
}

fn as_found(document: Document) -> Found {
    let text = |field: &str| document.get_str(field).expect("a text").to_owned();
    let body = match document.get("frame") {
        Some(Bson::Binary(binary)) => binary.bytes.clone(),
        other => panic!("no picture but {other:?}"),
    };
    Found { camera: text("camera"), id: text("id"), body }
}
