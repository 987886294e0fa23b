//! Passwords of brokers, which stand in the job file or its environment, and nowhere else.

use std::fs;

use crate::support::servers::Kafka;
use crate::support::{Process, free_port, page, turn};

const SECRET: &str = "hunter2secret";

/// Catches a password in what the program says, at its most talkative, or shows.
fn never_said(source: &str, sink: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, dead) = (folder.path().join("secret.toml"), folder.path().display());
    let text = format!(
        "name = 'secret'\n[source.in]\n{source}\n[sink.out]\n{sink}\n[dead]\nkind = 'files'\npath = '{dead}/{{id}}'\n"
    );
    fs::write(&path, text).expect("a job file");
    let path = path.display().to_string();
    let mut check = Process::vigie(&["check", &path]);
    assert!(check.end().success(), "{}", check.said());
    let mut worker = Process::start(env!("CARGO_BIN_EXE_vigie"), &["run", &path, "-w", "1"], &[("VIGIE_LOG", "trace")]);
    worker.until("a notice", |worker| page(worker).keys().any(|key| key.starts_with("waiting_seconds")).then_some(()));
    for said in [check.said(), worker.said(), format!("{:?}", page(&worker))] {
        assert!(!said.contains(SECRET), "{said}");
    }
}

#[test]
fn the_password_of_kafka_is_never_said() {
    let _turn = turn();
    let Some(kafka) = Kafka::start() else { return };
    let login = format!("kind = 'kafka'\nbrokers = '{}'\nuser = 'me'\npassword = '{SECRET}'", kafka.brokers());
    never_said(&format!("{login}\ntopic = 'in'"), &format!("{login}\nmechanism = 'SCRAM-SHA-256'\ntopic = 'out'"));
}

#[test]
fn the_password_of_mqtt_is_never_said() {
    let _turn = turn();
    let port = free_port();
    let source = format!("kind = 'mqtt'\nurl = 'mqtt://me:{SECRET}@127.0.0.1:{port}'\ntopic = 'in/{{camera}}'");
    let sink =
        format!("kind = 'mqtt'\nurl = 'mqtt://127.0.0.1:{port}'\nuser = 'me'\npassword = '{SECRET}'\ntopic = 'out'");
    never_said(&source, &sink);
}
