//! What users get wrong on the command line and around it: one sentence that leads to the mend, and the right exit code.

use std::fs;
use std::net::TcpListener;

use crate::support::{Broker, Process, free_port, turn, wait};
use crate::whole_job::{cluster, job};

/// Runs `vigie`; what it said, and how it ended.
fn said(arguments: &[&str]) -> (String, Option<i32>) {
    let mut process = Process::vigie(arguments);
    let code = process.end().code();
    // What was said last is on its way through a thread.
    let said = wait("a word", || Some(process.said()).filter(|said| said.contains("error: ")));
    (said, code)
}

/// Catches a flag or an address that is wrong and starts something, or says nothing useful.
#[test]
fn flags_and_addresses() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let job = job(folder.path(), "mqtt://127.0.0.1:1", "");
    let cluster = cluster(folder.path(), 2);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let cases: [(&[&str], &str); 4] = [
        (&["run", &job, "--cluster", &cluster, "-n", "2", "-p", "2"], "-p 2"),
        (&["run", &job, "--cluster", &cluster, "-n", "3", "-p", "0"], "-n 3"),
        (&["run", &job, "--http", &taken], "--http"),
        (&["run", "no-such-job.toml"], "can't read this job file"),
    ];
    for (arguments, word) in cases {
        let (said, code) = said(arguments);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(word), "{arguments:?}: no `{word}` in {said}");
    }
}

/// Catches two processes of one index, and two of different jobs: both would hang or mix up their frames.
#[test]
fn processes_that_do_not_fit() {
    let _turn = turn();
    let broker = Broker::boxed();
    let folder = tempfile::tempdir().expect("a folder");
    let (job, cluster) = (job(folder.path(), &broker.url(), ""), cluster(folder.path(), 2));
    let first = Process::vigie(&["run", &job, "--cluster", &cluster, "-n", "2", "-p", "0", "-w", "1"]);
    wait("the first to wait", || first.said().contains("waiting for process 1").then_some(()));
    let (same, code) = said(&["run", &job, "--cluster", &cluster, "-n", "2", "-p", "0", "-w", "1"]);
    assert_eq!(code, Some(2), "{same}");
    assert!(same.contains("in use") && same.contains("-p 0"), "{same}");

    let other = folder.path().join("other.toml");
    let text = fs::read_to_string(&job).expect("the job").replace("threshold", "# threshold") + "\n# another\n";
    fs::write(&other, text).expect("a job");
    let other = other.display().to_string();
    let (different, code) = said(&["run", &other, "--cluster", &cluster, "-n", "2", "-p", "1", "-w", "1"]);
    assert_eq!(code, Some(2), "{different}");
    assert!(different.contains("another job file"), "{different}");
}

/// Catches a broker that is away and is not told of, and QoS 0 that does not say what it costs.
#[test]
fn a_broker_that_is_away_is_told_and_waited_for() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let path = job(folder.path(), &format!("mqtt://127.0.0.1:{}", free_port()), "");
    let text = fs::read_to_string(&path).expect("the job");
    fs::write(&path, text.replace("/raw\"\n", "/raw\"\nqos = 0\n")).expect("a job");
    let mut worker = Process::vigie(&["run", &path, "-w", "1"]);
    // The sink may be the first to say so.
    let from_the_source = |line: &str| line.contains("cannot be reached") && line.contains("[source.cameras]");
    wait("a word about the broker", || worker.said().lines().any(from_the_source).then_some(()));
    let said = worker.said();
    assert!(said.contains("vigie broker"), "{said}");
    assert!(said.contains("warning: ") && said.contains("QoS 0"), "{said}");
    worker.signal("INT");
    assert!(worker.end().success(), "{}", worker.said());
}
