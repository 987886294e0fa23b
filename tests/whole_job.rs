//! The whole job on real brokers: every frame exactly one report and one picture, whatever its message looks like.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;

use crate::support::{Broker, Process, files, free_port, images, models, page, pictures, turn, wait};

/// The job of these tests: MQTT in, persons, boxes; pictures and reports to files, reports to MQTT too.
pub fn job(folder: &Path, broker: &str, extra: &str) -> String {
    let models = models().expect("checked before");
    let path = folder.join("room.toml");
    let (model, out) = (models.join("detection/yolox_nano_416_kazuhito.onnx"), folder.display());
    let text = format!(
        r#"name = "room"
{extra}
[source.cameras]
kind = "mqtt"
url = "{broker}"
topic = "cameras/{{camera}}/{{number}}/raw"

[step.persons]
kind = "detect"
model = "{model}"
classes = ["person"]

[step.boxes]
kind = "draw"

[sink.pictures]
kind = "files"
path = "{out}/out/{{camera}}/{{id}}.jpg"
write = "image"

[sink.reports]
kind = "files"
path = "{out}/out/{{camera}}/{{id}}.json"
from = "persons"
write = "report"

[sink.results]
kind = "mqtt"
url = "{broker}"
topic = "cameras/{{camera}}/persons"
from = "persons"
write = "report"

[dead]
kind = "files"
path = "{out}/dead/{{camera}}/{{id}}-{{reason}}"
"#,
        model = model.display(),
    );
    fs::write(&path, text).expect("a job file");
    path.display().to_string()
}

/// A cluster file with `count` free ports.
pub fn cluster(folder: &Path, count: usize) -> String {
    let path = folder.join("cluster.toml");
    let processes: Vec<_> = (0..count).map(|_| format!("\"127.0.0.1:{}\"", free_port())).collect();
    fs::write(&path, format!("processes = [{}]\n", processes.join(", "))).expect("a cluster file");
    path.display().to_string()
}

/// Starts `count` processes of one job.
pub fn processes(vigie: &Path, job: &str, cluster: &str, count: usize) -> Vec<Process> {
    let start = |process: usize| {
        let (count, process) = (count.to_string(), process.to_string());
        Process::start(vigie, &["run", job, "--cluster", cluster, "-n", &count, "-p", &process, "-w", "1"], &[])
    };
    (0..count).map(start).collect()
}

const CAMERAS: [(&str, &str); 4] = [
    ("classroom", "jpeg"),
    ("store-aisle-detection", "base64"),
    ("worker-zone-detection", "data-url"),
    ("face-demographics-walking", "json"),
];

fn four_cameras_on(broker: &Broker) {
    let (Some(images), Some(_)) = (images(), models()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let job = job(folder.path(), &broker.url(), "");
    let reports = broker.listen("cameras/+/persons");
    let mut workers = processes(env!("CARGO_BIN_EXE_vigie").as_ref(), &job, &cluster(folder.path(), 2), 2);
    // The session has to be there before the first frame: a broker keeps nothing for a client it never saw.
    wait("the subscription", || workers[0].said().contains("connected ([source.").then_some(()));

    let cameras = CAMERAS.map(|(camera, body)| {
        let (path, to) =
            (images.join("video").join(camera), format!("{}/cameras/{camera}/{{number}}/raw", broker.url()));
        let path = path.display().to_string();
        let rest = ["--loop", "--count", "50", "--rate", "50", "--body", body];
        Process::vigie(&[&["camera", &path, "--as", camera, "--to", &to], &rest[..]].concat())
    });
    for mut camera in cameras {
        assert!(camera.end().success(), "{}", camera.said());
    }
    wait("200 results", || {
        let page = page(&workers[0]);
        // The account holds at any moment, not only at the end.
        let sum: f64 = page.iter().filter(|(name, _)| name.starts_with("dead_total")).map(|(_, count)| count).sum();
        let ended = page["results_total{}"] + page["filtered_total{}"] + page["shed_total{}"] + sum;
        assert_eq!(page["frames_in_total{}"], ended + page["frames_in_flight{}"], "{page:?}");
        (page["results_total{}"] >= 200.0 && page["acknowledged_total{}"] >= 200.0).then_some(())
    });
    let batched: Vec<f64> = workers
        .iter()
        .map(|worker| {
            let page = page(worker);
            page.iter()
                .filter(|(name, _)| name.starts_with("batches_total"))
                .map(|(name, count)| {
                    let size: f64 =
                        name.split("size=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().parse().unwrap();
                    size * count
                })
                .sum()
        })
        .collect();
    workers.iter().for_each(|worker| worker.signal("TERM"));
    for worker in &mut workers {
        assert!(worker.end().success(), "{}", worker.said());
    }

    let expected: BTreeSet<String> = CAMERAS
        .iter()
        .flat_map(|(camera, _)| {
            (0..50).flat_map(move |number| ["jpg", "json"].map(|kind| format!("{camera}/{number}.{kind}")))
        })
        .collect();
    let found: BTreeSet<String> = files(&folder.path().join("out")).into_iter().collect();
    assert_eq!(found, expected, "one picture and one report a frame");
    assert_eq!(files(&folder.path().join("dead")), Vec::<String>::new());
    let heard = reports.lock().unwrap();
    let ids: BTreeSet<_> = heard
        .iter()
        .map(|(topic, body)| {
            let report: serde_json::Value = serde_json::from_slice(body).expect("a report");
            (topic.clone(), report["id"].as_str().expect("an id").to_owned())
        })
        .collect();
    assert_eq!((heard.len(), ids.len()), (200, 200), "one report a frame, on MQTT too");
    // Four streams of 50 frames: each worker gets its share of each stream, to one batch.
    assert!((batched[0] - batched[1]).abs() <= 12.0, "{batched:?} frames on the two workers");
    assert_eq!(batched.iter().sum::<f64>(), 200.0);
}

/// Catches a frame that is lost or doubled between mosquitto and the files, in any of the four formats, and a page
/// that does not add up.
#[test]
fn four_cameras_on_mosquitto() {
    let _turn = turn();
    if let Some(broker) = Broker::mosquitto() {
        four_cameras_on(&broker);
    }
}

/// The same with the broker in the box.
#[test]
fn four_cameras_on_the_broker_in_the_box() {
    let _turn = turn();
    four_cameras_on(&Broker::boxed());
}

/// Catches a session that is not taken up again: what a broker has while the job is away, and what it has across its
/// own restart, all arrives.
#[test]
fn a_session_survives_a_restart_of_the_broker() {
    let _turn = turn();
    let (Some(images), Some(_), Some(mut broker)) = (images(), models(), Broker::mosquitto()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let job = job(folder.path(), &broker.url(), "");
    let frames = pictures(&images.join("video/classroom"));
    let send = |broker: &Broker, numbers: std::ops::Range<usize>| {
        broker.publish(numbers.map(|n| (format!("cameras/room/{n}/raw"), frames[n % frames.len()].clone())).collect());
    };
    let worker = Process::vigie(&["run", &job, "-w", "1"]);
    wait("the subscription", || worker.said().contains("connected ([source.").then_some(()));
    send(&broker, 0..30);
    broker.stop();
    wait("a word about the broker that is away", || worker.said().contains("cannot be reached").then_some(()));
    broker.restart();
    send(&broker, 30..60);
    wait("60 reports", || (files(&folder.path().join("out")).len() >= 120).then_some(()));
    worker.signal("TERM");
}

/// Catches a first ^C that loses what is in flight: what is admitted ends in a sink, the exit code is 0, and what was
/// not admitted is still with the broker for the next start.
#[test]
fn ending_drains() {
    let _turn = turn();
    let (Some(images), Some(_), Some(broker)) = (images(), models(), Broker::mosquitto()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let job = job(folder.path(), &broker.url(), "");
    let frames = pictures(&images.join("video/classroom"));
    let mut worker = Process::vigie(&["run", &job, "-w", "1"]);
    wait("the subscription", || worker.said().contains("connected ([source.").then_some(()));
    broker.publish((0..100).map(|n| (format!("cameras/room/{n}/raw"), frames[n % frames.len()].clone())).collect());
    wait("some results", || (page(&worker)["results_total{}"] >= 3.0).then_some(()));
    worker.signal("INT");
    assert!(worker.end().success(), "{}", worker.said());
    let said = worker.said();
    assert!(said.contains("frames in") && !said.contains("not finished"), "{said}");
    let first = files(&folder.path().join("out")).len();
    let again = Process::vigie(&["run", &job, "-w", "1"]);
    wait("the rest", || (files(&folder.path().join("out")).len() >= 200).then_some(()));
    assert!(first < 200, "the first run was to end in mid-stream");
    drop(again);
    thread::yield_now();
}
