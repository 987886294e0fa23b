//! The views of a job at work, seen by those who look: over HTTP, in a terminal, and counted again from what its sinks wrote.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::servers::{Mongo, shared_kafka};
use crate::support::{Broker, Process, detector, frames, free_port, get, page, turn, wait_or};

/// How many frames come.
const FRAMES: u64 = 40;

/// The views, each of another kind: what `vigie view` calls them.
const VIEWS: [&str; 7] = ["persons", "minutes", "room", "seen", "missing", "busiest", "slow"];

/// A job with one view of each kind that needs no labels, and three sinks of reports of the same pictures.
fn job(folder: &Path, broker: &Broker, kafka: &str, mongo: &str) -> String {
    let text = format!(
        r#"name = "room"

[source.cameras]
kind = "mqtt"
url = "{broker}"
topic = "cameras/{{camera}}/{{number}}/raw"

[step.find]
kind = "detect"
model = "{model}"
classes = ["person"]

[view.persons]
kind = "count"
class = "person"

[view.minutes]
kind = "count"
by = ["class"]
over = {{ every = "1m", keep = 100 }}

[view.room]
kind = "occupancy"

[view.seen]
kind = "seen"

[view.missing]
kind = "gaps"

[view.busiest]
kind = "top"

[view.slow]
kind = "latency"

[sink.files]
kind = "files"
path = "{out}/out/{{camera}}/{{id}}.json"
from = "find"

[sink.pictures]
kind = "files"
path = "{out}/out/{{camera}}/{{id}}.jpg"
from = "find"
write = "image"

[sink.topics]
kind = "kafka"
brokers = "{kafka}"
topic = "count-{{camera}}"
from = "find"

[sink.store]
kind = "mongodb"
url = "{mongo}"
database = "count"
collection = "reports"
from = "find"
"#,
        broker = broker.url(),
        model = detector().display(),
        out = folder.display(),
    );
    let path = folder.join("room.toml");
    fs::write(&path, text).expect("a job file");
    path.display().to_string()
}

/// What a command says on both ways out, and whether it went well.
fn said(arguments: &[&str]) -> (bool, String) {
    let mut process = Process::vigie(arguments);
    (process.end().success(), process.said())
}

/// Catches a table over HTTP that is not the one that the reports tell, whichever sink wrote them, also where a frame was
/// corrected; and a difference that nobody hears of.
#[test]
fn what_is_stored_gives_the_table_that_is_shown() {
    let _turn = turn();
    let (Some(kafka), Some(mongo)) = (shared_kafka(), Mongo::fast()) else { return };
    let (folder, broker, port) = (tempfile::tempdir().expect("a folder"), Broker::boxed(), free_port());
    let job = job(folder.path(), &broker, &kafka.brokers(), &mongo.url());
    let at = format!("127.0.0.1:{port}");
    let mut worker = Process::vigie(&["run", &job, "-w", "2", "--http", &at]);
    worker.connected();
    let pictures = frames(FRAMES);
    let message =
        |number: u64, picture: u64| (format!("cameras/door/{number}/raw"), pictures[picture as usize].clone());
    // One is missing, and one is another picture than it was.
    broker.publish((0..FRAMES).filter(|number| *number != 7).map(|number| message(number, number)).collect());
    // How many came, and how many of them twice.
    let shows = |begin: &str| {
        let table = get(port, "/api/v1/jobs/room/views/seen?format=csv")?;
        table.lines().nth(1)?.starts_with(&format!("door,{begin},")).then_some(())
    };
    wait_or("the frames", || shows("39,0"), || worker.said());
    broker.publish(vec![message(3, 30)]);
    wait_or("a correction", || shows("39,1"), || worker.said());
    // What is acknowledged is in the sinks, too.
    wait_or("all reports", || (page(&worker)["results_total{}"] >= FRAMES as f64).then_some(()), || worker.said());

    let views: Value = serde_json::from_str(&get(port, "/api/v1/jobs/room/views").expect("views")).expect("JSON");
    let names: Vec<_> = views.as_array().expect("a list").iter().map(|view| view["view"].as_str()).collect();
    assert_eq!(names, VIEWS.map(Some));
    let (_, gaps) = said(&["view", "room", "missing", "--at", &at, "--csv"]);
    assert!(gaps.lines().nth(1).is_some_and(|row| row.starts_with("door,40,39,")), "{gaps}");
    for view in VIEWS {
        for sink in ["files", "topics", "store"] {
            let (is_same, said) = said(&["view", "room", view, "--at", &at, "--verify", &job, "--sink", sink]);
            assert!(is_same && said.contains("the same as counted from"), "{view} and {sink}: {said}");
        }
    }
    let (is_well, counted) = said(&["count", &job, "persons", "--sink", "topics"]);
    let (_, live) = said(&["view", "room", "persons", "--at", &at]);
    // What goes to the two outputs may come in any order.
    let holds = |line: &str| counted.lines().any(|own| own == line);
    assert!(is_well && live.lines().all(holds), "{counted} is to hold {live}");
    assert!(
        counted.contains("persons: counted from 40 reports\n"),
        "the one that was corrected is there twice: {counted}"
    );

    fs::remove_file(folder.path().join("out/door/9.json")).expect("it was written");
    let (is_same, said) = said(&["view", "room", "persons", "--at", &at, "--verify", &job, "--sink", "files"]);
    assert!(!is_same && said.contains("frames 39 ≠ 38"), "{said}");
    worker.signal("TERM");
    assert!(worker.end().success(), "{}", worker.said());
}
