//! `vigie run` of a job that takes tasks.

use std::net::SocketAddr;

use super::caller::Caller;
use super::{job, picture};
use crate::support::{Process, free_port, page, shared_turn, wait};

/// Starts the job, and waits until it takes tasks.
pub fn start(file: &str, address: SocketAddr) -> Process {
    let mut process = Process::vigie(&["run", file, "-w", "1", "--http", &address.to_string()]);
    process.until("HTTP", |process| process.said().contains("tasks at http").then_some(()));
    process
}

/// Catches a task whose result does not come back, and one that is something else than what was sent.
#[test]
fn a_task_comes_back_with_what_was_found() {
    let _turn = shared_turn();
    let folder = tempfile::tempdir().expect("a folder");
    let parameters = "results = ['report', 'image']\nparameters = { strength = { type = 'number', default = 0.5 } }";
    let (file, address) = (job(folder.path(), parameters), SocketAddr::from(([127, 0, 0, 1], free_port())));
    let process = start(&file, address);
    let caller = Caller(address);

    let done = caller.hand_in("?wait=30s&strength=0.7&camera=gate", &picture(0)).expect("an answer");
    assert_eq!(done.status, 200, "{}\n{}", String::from_utf8_lossy(&done.body), process.said());
    let task = done.json();
    let id = task["id"].as_str().expect("an id");
    assert_eq!(
        (&task["state"], &task["report"]["id"], &task["report"]["camera"]),
        (&"done".into(), &id.into(), &"gate".into())
    );
    assert_eq!(task["report"]["values"]["task"]["strength"], 0.7);
    let image = caller.get(task["links"]["image"].as_str().expect("a link"));
    assert_eq!((image.status, image.header("content-type")), (200, Some("image/jpeg")));
    let grey = vigie::codec::decode(&image.body, &Default::default()).expect("a picture");
    assert!(grey.rgb.chunks(3).all(|pixel| pixel.iter().max().unwrap_or(&0) - pixel.iter().min().unwrap_or(&0) <= 3));
    assert!(folder.path().join(format!("out/gate/{id}.json")).exists());

    let broken = caller.hand_in("?wait=30s", &picture(0)[..200]).expect("an answer").json();
    assert_eq!(broken["state"], "failed", "{broken:#}");
    let id = broken["id"].as_str().expect("an id");
    let reason = broken["reason"].as_str().expect("a reason");
    assert!(!broken["detail"].as_str().expect("words").is_empty());
    assert!(folder.path().join(format!("dead/{id}-{reason}")).exists(), "{broken:#}");
    wait("the account to be even", || {
        let page = page(&process);
        (page["frames_in_total{}"] == 2.0 && page["acknowledged_total{}"] == 2.0).then_some(())
    });
}

/// Catches a queue without an end, a rate that is not kept, and a client that is not told when to come again.
#[test]
fn who_sends_too_much_is_told_when_to_come_again() {
    let _turn = shared_turn();
    let folder = tempfile::tempdir().expect("a folder");
    let (file, address) = (job(folder.path(), "rate = 0.01"), SocketAddr::from(([127, 0, 0, 1], free_port())));
    let process = start(&file, address);
    let caller = Caller(address);
    assert_eq!(caller.hand_in("", &picture(0)).expect("an answer").status, 202, "{}", process.said());
    let refused = caller.hand_in("", &picture(0)).expect("an answer");
    assert_eq!(refused.status, 429);
    let seconds: u64 = refused.header("retry-after").and_then(|value| value.parse().ok()).expect("seconds");
    assert!((90..=100).contains(&seconds), "{seconds}");
}
