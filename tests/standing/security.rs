//! What a cluster keeps out.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::Standing;
use super::commands::rendered;
use crate::support::{Process, free_port, get, turn, wait_or};

/// Catches processes that other machines reach and that start without a secret, and a secret of a file that is not read.
#[test]
fn off_loopback_no_process_starts_without_a_token() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let (file, http) = (folder.path().join("cluster.toml"), free_port());
    let begin = format!(
        "processes = ['0.0.0.0:{}', '127.0.0.1:{}']\nhttp = ['127.0.0.1:{http}', '127.0.0.1:{}']\n",
        free_port(),
        free_port(),
        free_port()
    );
    let file_name = file.display().to_string();
    let arguments = ["worker", "--cluster", &file_name, "-p", "0", "-w", "1"];
    let refused = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        let output = command.args(arguments).env_remove("VIGIE_TOKEN").output().expect("vigie runs");
        assert_eq!(output.status.code(), Some(2), "it is a mistake");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    fs::write(&file, &begin).expect("a file");
    assert!(refused().contains("VIGIE_TOKEN"));
    fs::write(&file, begin.clone() + "token_file = 'secret'\n").expect("a file");
    assert!(refused().contains("can't be read"));
    fs::write(folder.path().join("secret"), "short\n").expect("a file");
    assert!(refused().contains("16 or more"));
    fs::write(folder.path().join("secret"), "sixteen bytes !!\n").expect("a file");
    let process = Process::vigie(&arguments);
    wait_or("it to start", || get(http, "/healthz"), || process.said());
    assert!(!process.said().contains("sixteen"), "it does not tell its secret: {}", process.said());
}

/// Catches a job that reads or writes elsewhere than the cluster allows, on whatever process.
#[test]
fn no_job_leaves_the_folders_that_are_allowed() {
    let _turn = turn();
    let mut cluster = Standing::new(2, "allowed_paths = ['room', 'dead']");
    (0..2).for_each(|index| cluster.bring(index));
    cluster.await_members(&[0, 1]);
    let refused = cluster.vigie(&["submit", &rendered(&cluster, "elsewhere", "")]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && words.contains("allowed_paths"), "{words}");
    assert!(words.contains("`path` leads to") && words.contains("elsewhere.toml:"), "the key and its place: {words}");
    assert_eq!(cluster.get(1, "/api/v1/jobs"), Value::Array(vec![]));
    assert!(!cluster.path().join("elsewhere").exists(), "nothing was made there");
    cluster.does(&["submit", &rendered(&cluster, "room", "")]);
    cluster.await_state(&[0, 1], "room", "running");
}

/// Catches a job that asks whom the cluster does not list, a service that is away and not told of, and a cancel that waits
/// for it.
#[test]
fn a_job_asks_whom_the_cluster_lists() {
    let _turn = turn();
    let mut cluster = Standing::new(2, "allow_hosts = ['127.0.0.1']");
    (0..2).for_each(|index| cluster.bring(index));
    cluster.await_members(&[0, 1]);
    let asks = |host: &str| {
        let path = rendered(&cluster, "room", "");
        let text = fs::read_to_string(&path).expect("the job");
        let step = format!(
            "[step.who]\nkind = \"http\"\nurl = \"http://{host}:{}/\"\nopen_after = 2\npause = \"10ms\"\n\
             headers = {{ X-Key = \"hush\" }}\n[sink.",
            free_port()
        );
        fs::write(&path, text.replacen("[sink.", &step, 1)).expect("the job");
        path
    };
    for host in ["localhost", "169.254.169.254", "2852039166", "[::1]"] {
        let refused = cluster.vigie(&["submit", &asks(host)]);
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && words.contains("may not be asked"), "{host}: {words}");
        assert!(words.contains("allow_hosts") && words.contains("room.toml:"), "{host}: {words}");
    }
    cluster.does(&["submit", &asks("127.0.0.1")]);
    let shown = || Some(cluster.does(&["jobs"])).filter(|said| said.contains("waiting for http (who)"));
    let shown = wait_or("a word about the service", shown, || cluster.said());
    assert!(shown.contains("does not answer: Connection refused"), "{shown}");
    assert!(!cluster.does(&["show", "room"]).contains("hush"), "a header is nobody's business");
    cluster.does(&["cancel", "room"]);
    wait_or(
        "the job to be gone",
        || (cluster.get(0, "/api/v1/jobs") == Value::Array(vec![])).then_some(()),
        || cluster.said(),
    );
}
