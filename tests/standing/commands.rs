//! What people type, against a cluster.

use std::fs;

use serde_json::Value;

use super::Standing;
use crate::support::{files, turn, wait};

/// A job that renders a camera, for ever, into files.
pub(super) fn rendered(cluster: &Standing, name: &str, more: &str) -> String {
    let (path, at) = (cluster.path().join(format!("{name}.toml")), cluster.path().display());
    let text = format!(
        "name = '{name}'\n[source.cameras]\nkind = 'synthetic'\nsize = '320x240'\nrate = 50.0\n{more}\n[sink.store]\nkind = 'files'\n\
         path = '{at}/{name}/{{camera}}/{{id}}.jpg'\nwrite = 'frame'\n[dead]\nkind = 'files'\npath = '{at}/dead/{{id}}'\n"
    );
    fs::write(&path, text).expect("a job file");
    path.display().to_string()
}

fn json(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Catches a command that does not do what it says, on whatever process it is asked of, or whose `--json` is none.
#[test]
fn every_command_does_what_it_says() {
    let _turn = turn();
    let mut cluster = Standing::start(3);
    let room = rendered(&cluster, "room", "");
    let said = cluster.does(&["submit", &room]);
    assert!(said.contains("running on 3 processes, 3 workers"), "{said}");
    let said = cluster.does(&["submit", &room]);
    assert!(said.contains("running"), "once more is the same: {said}");
    cluster.await_state(&[0, 1, 2], "room", "running");
    let out = cluster.path().join("room");
    wait("frames", || (files(&out).len() > 10).then_some(()));

    let jobs = json(&cluster.does(&["jobs", "--json"]));
    assert_eq!((&jobs[0]["name"], &jobs[0]["state"]), (&"room".into(), &"running".into()), "{jobs:#}");
    assert!(cluster.does(&["jobs"]).contains("room"));
    let shown = cluster.does(&["show", "room"]);
    assert!(shown.contains("kind = 'synthetic'") && shown.contains("submitted"), "{shown}");
    let page = cluster.does(&["metrics"]);
    assert!(page.contains("vigie_frames_in_total{process=\"0\""), "{page}");
    assert!(json(&cluster.does(&["metrics", "--json"])).to_string().contains("vigie_frames_in_total"));

    cluster.does(&["pause", "room"]);
    cluster.await_state(&[0, 1, 2], "room", "paused");
    wait("nothing in flight", || (cluster.get(0, "/api/v1/jobs/room")["status"]["in_flight"] == 0).then_some(()));
    let before = files(&out).len();
    cluster.does(&["resume", "room"]);
    wait("frames again", || (files(&out).len() > before).then_some(()));
    cluster.does(&["restart", "room"]);
    cluster.await_state(&[1], "room", "running");

    let other = rendered(&cluster, "room", "seed = 7");
    let refused = cluster.vigie(&["submit", &other]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && words.contains("vigie update room"), "{words}");
    cluster.does(&["update", "room", &other]);
    assert!(cluster.does(&["show", "room"]).contains("seed = 7"));
    assert!(cluster.does(&["logs", "room"]).contains("updated"));

    let unknown = cluster.vigie(&["drain", "rom"]);
    let words = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(unknown.status.code() == Some(2) && words.contains("room"), "the nearest name: {words}");
    cluster.does(&["drain", "room"]);
    cluster.await_state(&[0, 1, 2], "room", "drained");
    cluster.does(&["cancel", "room"]);
    assert_eq!(json(&cluster.does(&["jobs", "--json"])), Value::Array(vec![]));
    cluster.does(&["drain", "--all"]);
    cluster.does(&["stop"]);
    for index in 0..3 {
        assert_eq!(cluster.end(index), Some(0), "a clean end");
    }
    let away = cluster.vigie(&["jobs"]);
    let words = String::from_utf8_lossy(&away.stderr).into_owned();
    assert!(
        away.status.code() == Some(69) && words.contains("no process answers") && words.contains("vigie worker"),
        "{words}"
    );
}

/// Catches a job that is installed although one process can't, and one that is half there afterwards.
#[test]
fn what_one_process_refuses_nobody_starts() {
    let _turn = turn();
    let cluster = Standing::start(2);
    let text = format!(
        "name = 'x'\n[source.cameras]\nkind = 'files'\npath = '{0}/in/*.jpg'\n[step.persons]\nkind = 'detect'\nmodel = 'missing.onnx'\n\
         [sink.out]\nkind = 'files'\npath = '{0}/out/{{id}}'\nwrite = 'frame'\n[dead]\nkind = 'files'\npath = '{0}/dead/{{id}}'\n",
        cluster.path().display()
    );
    let path = cluster.path().join("x.toml");
    fs::write(&path, text).expect("a job file");
    let refused = cluster.vigie(&["submit", &path.display().to_string()]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && words.contains("missing.onnx"), "{words}");
    assert_eq!(cluster.get(1, "/api/v1/jobs"), Value::Array(vec![]));
}

/// Catches a list of jobs that is forgotten when all processes end, by a signal or by a power cut.
#[test]
fn jobs_survive_a_restart_of_everything() {
    let _turn = turn();
    let mut cluster = Standing::start(2);
    let room = rendered(&cluster, "room", "");
    cluster.does(&["submit", &room]);
    cluster.signal(0, "TERM");
    cluster.kill(1);
    cluster.end(0);
    cluster.bring(1);
    cluster.bring(0);
    cluster.await_state(&[0, 1], "room", "running");
}
