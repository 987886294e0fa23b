//! The whole job on real brokers: every frame exactly one report and one picture, whatever its message looks like.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;

use vigie::report::Report;
use vigie::sources::synthetic::View;
use vigie::truth::Score;

use crate::support::{Broker, Process, detector, files, frames, free_port, page, turn, wait};

/// The job of these tests: MQTT in, persons, boxes; pictures and reports to files, reports to MQTT too.
pub fn job(folder: &Path, broker: &str, extra: &str) -> String {
    let path = folder.join("room.toml");
    let (model, out) = (detector(), folder.display());
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

[step.right]
kind = "score"

[step.boxes]
kind = "draw"

[sink.pictures]
kind = "files"
path = "{out}/out/{{camera}}/{{id}}.jpg"
write = "image"

[sink.reports]
kind = "files"
path = "{out}/out/{{camera}}/{{id}}.json"
from = "right"
write = "report"

[sink.results]
kind = "mqtt"
url = "{broker}"
topic = "cameras/{{camera}}/persons"
from = "right"
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

/// Scenes, and the form in which each one's frames are sent.
const CAMERAS: [(&str, &str); 4] = [("room", "jpeg"), ("corridor", "base64"), ("street", "data-url"), ("yard", "json")];

/// What the reports say of each frame, held against what the frame was drawn from: how right they are in all.
///
/// Catches a report of another frame's detections, and a score that is not that of its own boxes.
fn held_against_the_truth(out: &Path) -> Score {
    let mut all = Score::default();
    for (scene, _) in CAMERAS {
        let view = View::new(7, 0, (640, 480), Some(scene));
        for number in 0..50 {
            let path = out.join(format!("{scene}-0/{number}.json"));
            let report: Report = serde_json::from_slice(&fs::read(&path).expect("a report")).expect("JSON");
            let score = view.frame(number).1.score(report.detections.iter().map(|found| (found.score, found.area)));
            assert_eq!(report.score, Some(score), "{}", path.display());
            all.found += score.found;
            all.there += score.there;
            all.too_many += score.too_many;
        }
    }
    all
}

fn four_cameras_on(broker: &Broker) {
    let folder = tempfile::tempdir().expect("a folder");
    let job = job(folder.path(), &broker.url(), "");
    let reports = broker.listen("cameras/+/persons");
    let mut workers = processes(env!("CARGO_BIN_EXE_vigie").as_ref(), &job, &cluster(folder.path(), 2), 2);
    // The session has to be there before the first frame: a broker keeps nothing for a client it never saw.
    workers[0].connected();

    let to = format!("{}/cameras/{{camera}}/{{number}}/raw", broker.url());
    let cameras = CAMERAS.map(|(scene, body)| {
        let what = ["--scene", scene, "--cameras", "1", "--seed", "7", "--count", "50", "--rate", "50", "--body", body];
        Process::vigie(&[&["camera", "--synthetic", "--to", &to], &what[..]].concat())
    });
    for mut camera in cameras {
        assert!(camera.end().success(), "{}", camera.said());
    }
    wait("200 results", || {
        let page = page(&workers[0]);
        // The account holds at any moment, not only at the end.
        let by_name = |name: &'static str| page.iter().filter(move |(row, _)| row.starts_with(name));
        let sum: f64 = by_name("dead_total").chain(by_name("filtered_total")).map(|(_, count)| count).sum();
        let ended = page["results_total{}"] + page["shed_total{}"] + sum;
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
        .flat_map(|(scene, _)| {
            (0..50).flat_map(move |number| ["jpg", "json"].map(|kind| format!("{scene}-0/{number}.{kind}")))
        })
        .collect();
    let found: BTreeSet<String> = files(&folder.path().join("out")).into_iter().collect();
    assert_eq!(found, expected, "one picture and one report a frame");
    assert_eq!(files(&folder.path().join("dead")), Vec::<String>::new());
    let Score { found, there, too_many } = held_against_the_truth(&folder.path().join("out"));
    assert!(there > 50 && found * 10 >= there * 9 && too_many * 20 <= there, "{found} of {there}, {too_many} too many");
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

/// Catches a rendered source that does not end, or gives frames twice: a job without a broker, and its own score.
#[test]
fn rendered_cameras_need_no_broker() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let path = job(folder.path(), "mqtt://127.0.0.1:1", "");
    let text = fs::read_to_string(&path).expect("the job");
    let (head, rest) = text.split_once("[source.cameras]").expect("a source");
    let (_, steps) = rest.split_once("[step.persons]").expect("a step");
    let (steps, rest) = steps.split_once("[sink.results]").expect("a sink");
    let (_, dead) = rest.split_once("[dead]").expect("dead letters");
    let source = "[source.cameras]\nkind = \"synthetic\"\ncameras = 4\ncount = 12\nevery = 5\nrate = 50\nseed = 7\n";
    fs::write(&path, format!("{head}{source}\n[step.persons]{steps}\n[dead]{dead}")).expect("a job");
    let mut worker = Process::vigie(&["run", &path, "-w", "2"]);
    assert!(worker.end().success(), "{}", worker.said());
    assert_eq!(files(&folder.path().join("out")).len(), 96, "{}", worker.said());
    let said = wait("the summary", || Some(worker.said()).filter(|said| said.contains("48 results")));
    assert!(said.contains("persons found"), "{said}");
}

/// Catches a session that is not taken up again: what a broker has while the job is away, and what it has across its
/// own restart, all arrives.
#[test]
fn a_session_survives_a_restart_of_the_broker() {
    let _turn = turn();
    let Some(mut broker) = Broker::mosquitto() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let job = job(folder.path(), &broker.url(), "");
    let frames = frames(20);
    let send = |broker: &Broker, numbers: std::ops::Range<usize>| {
        broker.publish(numbers.map(|n| (format!("cameras/room/{n}/raw"), frames[n % frames.len()].clone())).collect());
    };
    let mut worker = Process::vigie(&["run", &job, "-w", "1"]);
    worker.connected();
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
    let Some(broker) = Broker::mosquitto() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let job = job(folder.path(), &broker.url(), "");
    let frames = frames(20);
    let mut worker = Process::vigie(&["run", &job, "-w", "1"]);
    worker.connected();
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
