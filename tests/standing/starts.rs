//! Starts that go wrong: all processes are up, or one of them says why not, and the others work without it.

use std::fs;
use std::path::Path;

use super::Standing;
use crate::delivery::broken;
use crate::support::{Process, turn, wait_or};

const SOUND: &str = env!("CARGO_BIN_EXE_vigie");

/// Waits until a process says `words`.
fn says(process: &Process, words: &[&str]) {
    let said = || words.iter().all(|words| process.said().contains(words)).then_some(());
    wait_or(&format!("{words:?}"), said, || process.said());
}

/// Two processes at work, and a third that can't be of their cluster; both sides name what differs.
fn two_without(third: impl FnOnce(&Standing) -> Process, words: &[&str]) {
    let mut cluster = Standing::new(3, "");
    (0..2).for_each(|index| cluster.bring(index));
    let stranger = third(&cluster);
    cluster.await_members(&[0, 1]);
    says(&stranger, words);
    says(cluster.processes[0].as_ref().expect("it runs"), words);
    assert_eq!(cluster.get(2, "/api/v1/cluster")["generation"], serde_json::Value::Null, "{}", stranger.said());
    // It was no process of theirs; one that is comes in.
    drop(stranger);
    cluster.bring(2);
    cluster.await_members(&[0, 1, 2]);
}

/// A third process, with a cluster file of its own.
fn with_other_file(cluster: &Standing, change: impl Fn(String) -> String) -> Process {
    let text = fs::read_to_string(cluster.path().join("cluster.toml")).expect("a cluster file");
    fs::write(cluster.path().join("other.toml"), change(text)).expect("a file");
    cluster.one_more(2, Path::new(SOUND), "other.toml", &[])
}

/// Catches an order of starts in which a process is left out.
#[test]
fn whichever_comes_first_all_come_together() {
    let _turn = turn();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut cluster = Standing::new(3, "");
        order.into_iter().for_each(|index| cluster.bring(index));
        cluster.await_members(&[0, 1, 2]);
    }
}

/// Catches processes that wait for ever for one that was killed while they connected to it.
#[test]
fn one_that_dies_while_all_connect_is_taken_in_again() {
    let _turn = turn();
    for (round, dies) in [0, 1, 2, 0, 1, 2].into_iter().enumerate() {
        let mut cluster = Standing::new(3, "");
        (0..3).for_each(|index| cluster.bring(index));
        // From before it listens until all have met.
        std::thread::sleep(std::time::Duration::from_millis(20 * round as u64));
        cluster.kill(dies);
        cluster.bring(dies);
        cluster.await_members(&[0, 1, 2]);
    }
}

/// Catches a process with another secret that is let in, or that nobody speaks of.
#[test]
fn a_wrong_token_is_told_on_both_sides() {
    let _turn = turn();
    two_without(|cluster| with_other_file(cluster, |text| text + "token = 'a secret of its own'\n"), &["token"]);
}

/// Catches a process of another version that is let in.
#[test]
fn another_version_is_told_on_both_sides() {
    let _turn = turn();
    let Some(broken) = broken() else { return };
    let other = [("VIGIE_BROKEN", "version")];
    let words = ["Vigie 0.0.0", "run one version everywhere"];
    two_without(|cluster| cluster.one_more(2, &broken, "cluster.toml", &other), &words);
}

/// Catches processes that take each other for somebody else: two addresses are swapped in the file of one.
#[test]
fn another_cluster_file_is_told_on_both_sides() {
    let _turn = turn();
    let swapped = |text: String| {
        let (first, rest) = text.split_once('\n').expect("its first line has the processes");
        let mut addresses: Vec<_> = first.split('"').collect();
        addresses.swap(1, 3);
        addresses.join("\"") + "\n" + rest
    };
    two_without(|cluster| with_other_file(cluster, swapped), &["cluster.toml"]);
}

/// Catches a second process with the same `-p` that starts half, and one that takes the place of a first that only
/// stands still.
#[test]
fn a_second_one_with_the_same_index_ends_at_once() {
    let _turn = turn();
    let cluster = Standing::start(3);
    let second = || {
        let mut second = cluster.one_more(1, Path::new(SOUND), "cluster.toml", &[]);
        assert_eq!(second.end().code(), Some(2), "{}", second.said());
        assert!(second.said().contains("this process runs already"), "{}", second.said());
    };
    second();
    cluster.await_members(&[0, 1, 2]);
    cluster.signal(1, "STOP");
    cluster.await_members(&[0, 2]);
    second();
    cluster.signal(1, "CONT");
    cluster.await_members(&[0, 1, 2]);
}
