//! Views of a running job: exact whatever is killed, on every process, in every kind of sink.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use ::mongodb::Client;
use ::mongodb::bson::{Document, doc};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _};
use serde_json::Value;
use vigie::report::Report;

use crate::standing::Standing;
use crate::support::servers::{Kafka, Mongo};
use crate::support::{Broker, Process, detector, files, frames, page, turn, wait, wait_or};

/// Cameras of these tests.
const CAMERAS: usize = 3;

/// A job from MQTT to reports in files, with views of what was found and of what came.
fn job(folder: &Path, broker: &str, more: &str) -> String {
    let (model, out) = (detector(), folder.display());
    let text = format!(
        r#"name = "room"

[source.cameras]
kind = "mqtt"
url = "{broker}"
topic = "cameras/{{camera}}/{{number}}/raw"

[step.persons]
kind = "detect"
model = "{model}"

[view.found]
kind = "count"
by = ["camera", "class"]

[view.all]
kind = "seen"
from = "cameras"

{more}

[sink.reports]
kind = "files"
path = "{out}/out/{{camera}}/{{id}}.json"
from = "persons"

[dead]
kind = "files"
path = "{out}/dead/{{camera}}/{{id}}-{{reason}}"
"#,
        model = model.display(),
    );
    let path = folder.join("room.toml");
    fs::write(&path, text).expect("a job file");
    path.display().to_string()
}

/// A table: the cells of each row's key, joined, and its other cells by their columns.
pub type Rows = BTreeMap<String, BTreeMap<String, Value>>;

fn rows(sheet: &Value) -> Rows {
    let columns: Vec<String> = serde_json::from_value(sheet["columns"]["row"].clone()).expect("names");
    let cell = |cell: &Value| match (cell.as_str(), cell.as_f64()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(number)) => number.to_string(),
        _ => cell.to_string(),
    };
    let row = |row: &Value| {
        let key: Vec<_> = row["key"].as_array().expect("a key").iter().map(cell).collect();
        let cells = row["row"].as_array().expect("a row").iter().cloned();
        (key.join("/"), columns.iter().cloned().zip(cells).collect())
    };
    sheet["rows"].as_array().expect("rows").iter().map(row).collect()
}

/// One column of a table.
fn column(rows: &Rows, name: &str) -> BTreeMap<String, i64> {
    rows.iter().map(|(key, row)| (key.clone(), row[name].as_i64().expect("a number"))).collect()
}

/// A view of that job, the one that a process runs, as it is now.
pub fn view(process: &Process, job: &str, name: &str) -> Option<Rows> {
    let said = process.said();
    let port = said.split("metrics at http://").nth(1)?.split('/').next()?.rsplit(':').next()?.parse().ok()?;
    let answer = crate::support::get(port, &format!("/api/v1/jobs/{job}/views/{name}"))?;
    Some(rows(&serde_json::from_str(&answer).expect("JSON")))
}

/// What the reports say was found, counted again from scratch; and frames by camera.
fn counted(out: &Path) -> (BTreeMap<String, i64>, BTreeMap<String, i64>) {
    let (mut found, mut frames) = (BTreeMap::new(), BTreeMap::new());
    for file in files(out).iter().filter(|file| file.ends_with(".json")) {
        let report: Report = serde_json::from_slice(&fs::read(out.join(file)).expect("a report")).expect("JSON");
        *frames.entry(report.camera.clone()).or_default() += 1;
        for detection in report.detections {
            *found.entry(format!("{}/{}", report.camera, detection.label)).or_default() += 1;
        }
    }
    (found, frames)
}

/// So many frames, from the `from`th on.
fn messages(from: usize, count: usize) -> Vec<(String, Vec<u8>)> {
    let pictures = frames(20);
    let message = |n: usize| (format!("cameras/room-{}/{n}/raw", n % CAMERAS), pictures[n % pictures.len()].clone());
    (from..from + count).map(message).collect()
}

/// Catches a view that forgets what was acknowledged, counts a frame twice that a broker sends again, or begins anew after
/// a crash; a column of ours that nobody fills; and state that a job leaves unbounded.
#[test]
fn a_view_is_exact_after_kills() {
    const FRAMES: usize = 300;
    let _turn = turn();
    let Some(broker) = Broker::mosquitto() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (job, out) = (job(folder.path(), &broker.url(), ""), folder.path().join("out"));
    // A kill may leave a passing file behind, which nothing reads.
    let reports = || files(&out).iter().filter(|file| file.ends_with(".json")).count();
    let start = || {
        let mut process = Process::vigie(&["run", &job, "-w", "2"]);
        process.connected();
        process
    };
    let mut process = start();
    broker.publish(messages(0, FRAMES));
    for kill in 1..=3 {
        wait_or("results", || (reports() >= kill * FRAMES / 5).then_some(()), || process.said());
        process.signal("KILL");
        process = start();
    }
    let settled = || {
        let page = page(&process);
        (reports() == FRAMES && page["window_frames{}"] == 0.0).then_some(page)
    };
    let page = wait_or("the rest", settled, || process.said());
    let (found, came) = counted(&out);
    assert!(found.values().sum::<i64>() > 0 && came.values().all(|frames| *frames == (FRAMES / CAMERAS) as i64));
    let table = view(&process, "room", "found").expect("a table");
    assert_eq!(column(&table, "count"), found);
    assert_eq!(column(&view(&process, "room", "all").expect("a table"), "frames"), came);
    assert_eq!(page[r#"view_rows{view="found"}"#], found.len() as f64);
    assert_eq!(page[r#"view_remembered{view="all"}"#], FRAMES as f64);
    assert_eq!(page[r#"view_late_total{view="all"}"#], 0.0);
    assert!(page["view_bytes{}"] > 0.0);
}

/// Catches a process that answers otherwise than its peers: after it was away, while it was away, or after all were killed.
#[test]
fn every_process_answers_the_same() {
    let _turn = turn();
    let Some(broker) = Broker::mosquitto() else { return };
    let mut cluster = Standing::start(3);
    let job = job(cluster.path(), &broker.url(), "");
    let out = cluster.path().join("out");
    cluster.does(&["submit", &job]);
    wait_or("the source", || cluster.said().contains("connected ([source.").then_some(()), || cluster.said());
    let same = |cluster: &Standing, members: &[usize], frames: usize| {
        let all_right = || {
            let (found, came) = counted(&out);
            let answer = |index: usize, name: &str| {
                let path = format!("/api/v1/jobs/room/views/{name}");
                let (status, sheet) = cluster.call(index, "GET", &path, None)?;
                (status == 200).then(|| rows(&sheet))
            };
            let right = |index: &usize| {
                let seen = answer(*index, "all").map(|table| column(&table, "frames"));
                let counts = answer(*index, "found").map(|table| column(&table, "count"));
                seen.as_ref() == Some(&came) && counts.as_ref() == Some(&found)
            };
            (came.values().sum::<i64>() == frames as i64 && members.iter().all(right)).then_some(())
        };
        wait_or(&format!("one table of {frames} frames"), all_right, || {
            let tables: Vec<_> =
                members.iter().map(|index| cluster.call(*index, "GET", "/api/v1/jobs/room/views/all", None)).collect();
            format!("{:?}\n{tables:#?}\n{}", counted(&out), cluster.said())
        });
    };
    broker.publish(messages(0, 60));
    same(&cluster, &[0, 1, 2], 60);
    cluster.kill(2);
    cluster.await_members(&[0, 1]);
    broker.publish(messages(60, 60));
    same(&cluster, &[0, 1], 120);
    cluster.bring(2);
    cluster.await_members(&[0, 1, 2]);
    broker.publish(messages(120, 60));
    same(&cluster, &[0, 1, 2], 180);
    // Whoever begins alone knows all.
    (0..3).for_each(|index| cluster.kill(index));
    cluster.bring_all();
    same(&cluster, &[0, 1, 2], 180);
    for index in 0..3 {
        let bytes = cluster.call(index, "GET", "/metrics", None).map(|(status, _)| status);
        assert_eq!(bytes, Some(200));
    }
}

/// A job of a few rendered frames, with a view whose rows are files.
fn finite(folder: &Path, view: &str) -> String {
    let out = folder.display();
    let text = format!(
        r#"name = "few"
[source.cameras]
kind = "synthetic"
cameras = 2
count = 10
scene = "room"
size = "160x120"
[view.frames]
{view}
[sink.rows]
kind = "files"
path = "{out}/rows/{{camera}}-{{id}}.json"
from = "frames"
"#
    );
    let path = folder.join("few.toml");
    fs::write(&path, text).expect("a job file");
    path.display().to_string()
}

/// Catches a view that goes on with what was asked otherwise, a reset that nobody hears of, and one that comes although
/// nothing was changed.
#[test]
fn another_question_begins_anew_and_says_so() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let run = |view: &str| {
        let mut process = Process::vigie(&["run", &finite(folder.path(), view), "-w", "1"]);
        assert!(process.end().success(), "{}", process.said());
        process.said()
    };
    let frames = |name: &str| {
        let text = fs::read(folder.path().join(format!("rows/frames-{name}.json"))).expect("a row");
        serde_json::from_slice::<Value>(&text).expect("JSON")["frames"].clone()
    };
    for time in 0..2 {
        let said = run("kind = 'seen'");
        assert!(!said.contains("anew"), "{said}");
        assert_eq!(files(&folder.path().join("rows")).len(), 2);
        assert_eq!(frames("room-0").as_i64(), Some(10), "the same frames, run {time}");
    }
    let said = run("kind = 'seen'\nby = []");
    assert!(said.contains("the view frames begins anew: what it knew is of another configuration"), "{said}");
    assert_eq!(frames("all").as_i64(), Some(20));
}

/// What stands in a topic of Kafka under each key, the last word alone.
fn compacted(kafka: &Kafka, topic: &str) -> BTreeMap<String, Option<String>> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.brokers()).set("group.id", "test").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition_offset(topic, 0, rdkafka::Offset::Beginning).expect("a partition");
    consumer.assign(&list).expect("a partition");
    let mut found = BTreeMap::new();
    while let Some(Ok(message)) = consumer.poll(Duration::from_secs(2)) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a text");
        found.insert(message.key().map(text).expect("a key"), message.payload().map(text));
    }
    found
}

fn documents(mongo: &Mongo) -> BTreeMap<String, Document> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let all = async {
        let client = Client::with_uri_str(mongo.url()).await?;
        let mut cursor = client.database("room").collection::<Document>("rows").find(doc! {}).await?;
        let mut found = BTreeMap::new();
        while cursor.advance().await? {
            let document = Document::try_from(cursor.current())?;
            found.insert(document.get_str("_id").expect("a text").to_owned(), document);
        }
        ::mongodb::error::Result::Ok(found)
    };
    runtime.block_on(all).expect("the server answers")
}

/// Catches a row that is not written, is written under another name, or stays when it is gone.
#[test]
fn rows_come_and_go_in_every_kind_of_sink() {
    let _turn = turn();
    let (Some(broker), Some(kafka), Some(mongo)) = (Broker::mosquitto(), Kafka::start(), Mongo::ferret()) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (out, url, brokers, database) = (folder.path().display(), broker.url(), kafka.brokers(), mongo.url());
    let more = format!(
        r#"
[view.now]
kind = "seen"
from = "cameras"
over = "3s"
[sink.now-files]
kind = "files"
path = "{out}/rows/{{id}}.json"
from = "now"
[sink.now-mqtt]
kind = "mqtt"
url = "{url}"
topic = "rows/{{camera}}/{{id}}"
from = "now"
[sink.now-kafka]
kind = "kafka"
brokers = "{brokers}"
topic = "rows"
from = "now"
[sink.now-mongo]
kind = "mongodb"
url = "{database}"
database = "room"
collection = "rows"
id = "{{id}}"
from = "now"
"#
    );
    let heard = broker.listen("rows/#");
    let mut process = Process::vigie(&["run", &job(folder.path(), &broker.url(), &more), "-w", "1"]);
    process.connected();
    broker.publish(messages(0, 3));
    let file = folder.path().join("rows/room-1.json");
    let bodies = |topic: &str| {
        let heard = heard.lock().expect("nobody panics");
        heard.iter().filter(|(to, _)| to == topic).map(|(_, body)| body.clone()).collect::<Vec<_>>()
    };
    wait_or("a row", || bodies("rows/now/room-1").first().cloned(), || process.said());
    let row: Value = serde_json::from_slice(&bodies("rows/now/room-1")[0]).expect("JSON");
    assert_eq!((row["camera"].as_str(), row["frames"].as_i64()), (Some("room-1"), Some(1)));
    wait_or("no row", || bodies("rows/now/room-1").last().filter(|body| body.is_empty()).cloned(), || process.said());
    wait("no file", || (!file.exists()).then_some(()));
    // What is kept for those who come later: nothing.
    assert!(broker.listen("rows/now/+").lock().expect("nobody panics").is_empty());
    wait("no document", || documents(&mongo).is_empty().then_some(()));
    wait("nothing under a key", || compacted(&kafka, "rows").get("room-1")?.is_none().then_some(()));

    broker.publish(messages(3, 1));
    wait_or("a document", || documents(&mongo).remove("room-0"), || process.said());
    wait("the end of it", || documents(&mongo).is_empty().then_some(()));
    assert!(process.said().matches("is not written").count() == 0, "{}", process.said());
}
