//! A cluster whose links are encrypted, and whose HTTP is.

use std::fs;
use std::process::Command;

use vigie::client::flags::At;
use vigie::client::trust::Trust;

use super::Standing;
use super::commands::rendered;
use crate::support::certificates::Authority;
use crate::support::{Process, files, turn, wait_or};

/// A cluster of three that is up, with a certificate for each process and one for its callers.
fn start(http: &str) -> (Standing, Authority) {
    let table = "[tls]\nca = 'tls/ca.pem'\ncertificate = 'tls/{process}.pem'\nkey = 'tls/{process}.key'";
    let mut cluster = Standing::new(3, &format!("{table}\nhttp = '{http}'"));
    let authority = Authority::new(&cluster.path().join("tls"));
    (0..3).for_each(|index| authority.sign(&index.to_string(), &["127.0.0.1"]));
    authority.sign("caller", &[]);
    let [ca, certificate, key] = ["ca.pem", "caller.pem", "caller.key"].map(|name| Some(authority.file(name)));
    cluster.trust = Trust::find(&At { ca, certificate, key, ..At::default() }, |_| None).expect("sound flags");
    (0..3).for_each(|index| cluster.bring(index));
    cluster.await_members(&[0, 1, 2]);
    (cluster, authority)
}

/// How many sockets a process has.
fn sockets(process: &Process) -> usize {
    let open = fs::read_dir(format!("/proc/{}/fd", process.id())).expect("it runs").flatten();
    open.filter(|file| fs::read_link(file.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))).count()
}

/// Catches a cluster that TLS keeps from its work or from healing, sockets that generations leave behind, and commands that
/// do not come through.
#[test]
fn a_standing_cluster_does_all_of_it_over_tls() {
    let _turn = turn();
    let (mut cluster, _authority) = start("server");
    assert!(cluster.said().contains("https://127.0.0.1:"), "{}", cluster.said());
    let said = cluster.does(&["submit", &rendered(&cluster, "room", "")]);
    assert!(said.contains("running on 3 processes, 3 workers"), "{said}");
    let out = cluster.path().join("room");
    let more = |cluster: &Standing| {
        let before = files(&out).len();
        wait_or("results", || (files(&out).len() > before + 20).then_some(()), || cluster.said());
    };
    more(&cluster);
    let before = sockets(cluster.processes[0].as_ref().expect("it runs"));
    for gone in [2, 1, 2] {
        cluster.kill(gone);
        let left: Vec<_> = (0..3).filter(|index| *index != gone).collect();
        cluster.await_members(&left);
        more(&cluster);
        cluster.bring(gone);
        cluster.await_members(&[0, 1, 2]);
        cluster.await_state(&[0, 1, 2], "room", "running");
        more(&cluster);
    }
    cluster.signal(1, "STOP");
    cluster.await_members(&[0, 2]);
    more(&cluster);
    cluster.signal(1, "CONT");
    cluster.await_members(&[0, 1, 2]);
    more(&cluster);
    let same = || (sockets(cluster.processes[0].as_ref().expect("it runs")) <= before).then_some(());
    wait_or("the sockets of the first generation, and no more", same, || cluster.said());
    assert!(cluster.does(&["jobs"]).contains("room"));
    assert!(cluster.does(&["logs", "room"]).contains("room is running"));
    cluster.does(&["cancel", "room"]);
    cluster.does(&["stop"]);
    (0..3).for_each(|index| assert_eq!(cluster.end(index), Some(0), "a clean end"));
}

/// Catches HTTPS that lets callers in without a certificate, or none with one; and callers who do not hear what is missing.
#[test]
fn where_callers_need_a_certificate_they_hear_so() {
    let _turn = turn();
    let (cluster, authority) = start("clients");
    let refused = |arguments: &[&str]| {
        let output = cluster.vigie(arguments);
        assert_eq!(output.status.code(), Some(2), "it is a mistake");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let words = refused(&["jobs"]);
    assert!(words.contains("asks for a certificate") && words.contains("--certificate"), "{words}");
    let [ca, certificate, key] =
        ["ca.pem", "caller.pem", "caller.key"].map(|name| authority.file(name).display().to_string());
    cluster.does(&["jobs", "--certificate", &certificate, "--key", &key]);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let typed = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        let at = format!("127.0.0.1:{}", cluster.ports()[1]);
        command.args(["jobs", "--at", &at]).args(arguments).current_dir(elsewhere.path()).output().expect("vigie runs")
    };
    assert!(typed(&["--ca", &ca, "--certificate", &certificate, "--key", &key]).status.success());
    let words = String::from_utf8_lossy(&typed(&[]).stderr).into_owned();
    assert!(words.contains("this is HTTPS"), "{words}");
    let other = Authority::new(elsewhere.path());
    let words = typed(&["--ca", &other.file("ca.pem").display().to_string()]).stderr;
    let words = String::from_utf8_lossy(&words).into_owned();
    assert!(words.contains("is not trusted") && words.contains("--ca"), "{words}");
}

/// Catches a process that starts with certificates with which nobody will talk to it.
#[test]
fn a_certificate_that_nobody_will_take_is_a_mistake_at_the_start() {
    let _turn = turn();
    let table = "[tls]\nca = 'tls/ca.pem'\ncertificate = 'tls/{process}.pem'\nkey = 'tls/{process}.key'";
    let mut cluster = Standing::new(2, table);
    let authority = Authority::new(&cluster.path().join("tls"));
    authority.sign("0", &["elsewhere.example"]);
    for (process, place, words) in
        [(0, ":6: `certificate` names", "does not name 127.0.0.1"), (1, ":6:", "can't be read")]
    {
        cluster.bring(process);
        let mut worker = cluster.processes[process].take().expect("it was started");
        assert_eq!(worker.end().code(), Some(2), "it is a mistake");
        let said = worker.said();
        assert!(said.contains(place) && said.contains(words) && said.contains("cluster.toml"), "{said}");
    }
}
