//! Whole jobs whose service comes and goes: every frame is a result or a dead letter.

use std::fs;

use serde_json::Value;

use crate::support::service::{Reply, Service, say};
use crate::support::{Process, files, free_port, page, turn, wait};

/// Frames of a job.
const FRAMES: usize = 12;

/// A job whose frames are asked about at that port; its folder, and its file.
fn job(port: u16, keys: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, out) = (folder.path().join("room.toml"), folder.path().display());
    let text = format!(
        r#"name = "room"
[source.cameras]
kind = "synthetic"
cameras = 2
count = {count}
rate = 200
seed = 7
size = "160x120"
[step.who]
kind = "http"
url = "http://127.0.0.1:{port}/{{camera}}/{{id}}"
take = {{ values = {{ age = "age" }} }}
pause = "10ms"
open_for = "50ms"
{keys}
[sink.reports]
kind = "files"
path = "{out}/out/{{camera}}/{{id}}.json"
write = "report"
[dead]
kind = "files"
path = "{out}/dead/{{camera}}/{{id}}-{{reason}}"
"#,
        count = FRAMES / 2,
    );
    fs::write(&path, text).expect("a job");
    let path = path.display().to_string();
    (folder, path)
}

/// Starts it, with a proxy in the environment that nobody may use, and on a system that trusts nobody.
fn start(job: &str) -> Process {
    let nowhere = "http://127.0.0.1:1";
    let environment = [
        ("HTTP_PROXY", nowhere),
        ("http_proxy", nowhere),
        ("ALL_PROXY", nowhere),
        ("SSL_CERT_FILE", "/nowhere"),
        ("SSL_CERT_DIR", "/nowhere"),
    ];
    Process::start(env!("CARGO_BIN_EXE_vigie"), &["run", job, "-w", "2"], &environment)
}

/// The reports, and how many dead letters there are. A job without a report has failed.
fn ended(mut worker: Process, folder: &tempfile::TempDir) -> (Vec<Value>, usize, String) {
    let succeeded = worker.end().success();
    let (out, dead) = (folder.path().join("out"), folder.path().join("dead"));
    let report = |file: &String| serde_json::from_slice(&fs::read(out.join(file)).expect("a report")).expect("JSON");
    // Beside the bytes of each lies what is said of it.
    let letters = files(&dead).iter().filter(|file| file.ends_with("-service-failed")).count();
    let reports: Vec<Value> = files(&out).iter().map(report).collect();
    assert_eq!(succeeded, !reports.is_empty(), "{}", worker.said());
    (reports, letters, worker.said())
}

/// Catches a frame that is lost while its service fails, dies in the middle of its answer or refuses it.
#[test]
fn every_frame_of_a_moody_service_ends() {
    let _turn = turn();
    let service = Service::start(|number, heard| match (heard.path.ends_with("/3"), number % 4) {
        (true, _) => say(422, "not this one"),
        (_, 0) => Reply::Half,
        (_, 1) => say(503, ""),
        _ => say(200, r#"{"age": 34}"#),
    });
    let (folder, path) = job(service.port, "retries = 50\nopen_after = 1000\naway = \"dead\"");
    let (reports, dead, said) = ended(start(&path), &folder);
    assert_eq!((reports.len(), dead), (FRAMES - 2, 2), "{said}");
    assert!(reports.iter().all(|report| report["values"]["age"] == 34), "{reports:?}");
    assert!(said.contains("12 frames in, 10 results") && said.contains("2 service-failed"), "{said}");
}

/// Catches a frame without an end where nobody is there, for each thing that a job may choose.
#[test]
fn every_frame_of_a_service_that_is_away_ends_as_the_job_says() {
    let _turn = turn();
    let (folder, path) = job(free_port(), "away = \"dead\"");
    let (reports, dead, said) = ended(start(&path), &folder);
    assert_eq!((reports.len(), dead), (0, FRAMES), "{said}");

    let (folder, path) = job(free_port(), "away = \"skip\"");
    let (reports, dead, said) = ended(start(&path), &folder);
    assert_eq!((reports.len(), dead), (FRAMES, 0), "{said}");
    let why =
        |report: &Value| report["values"]["who_skipped"].as_str().is_some_and(|why| why.contains("Connection refused"));
    assert!(reports.iter().all(why), "{reports:?}");

    let port = free_port();
    let (folder, path) = job(port, "open_after = 2");
    let worker = start(&path);
    wait("the job to wait", || page(&worker).keys().any(|key| key.starts_with("waiting_seconds")).then_some(()));
    let failed = page(&worker).into_iter().find(|(key, _)| key.starts_with("http_requests_total"));
    let (key, count) = failed.expect("failures are counted");
    assert!(key.contains("who") && key.contains("failed") && count >= 2.0, "{key} {count}");
    let _service = Service::on(port, |_, _| say(200, r#"{"age": 34}"#));
    let (reports, dead, said) = ended(worker, &folder);
    assert_eq!((reports.len(), dead), (FRAMES, 0), "{said}");
    assert!(said.contains("12 frames in, 12 results"), "{said}");
}
