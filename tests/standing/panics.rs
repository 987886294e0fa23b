//! Jobs over which workers panic.

use super::Standing;
use super::commands::rendered;
use crate::delivery::broken;
use crate::support::{files, turn, wait};

/// Catches a panic that ends a process, a job that brings down generation after generation for ever, and another job that
/// is blamed for it, or that stays down with it.
#[test]
fn a_job_that_panics_fails_and_the_others_go_on() {
    let _turn = turn();
    let Some(broken) = broken() else { return };
    let mut cluster = Standing::new(3, "");
    for index in 0..3 {
        cluster.processes[index] = Some(cluster.one_more(index, &broken, "cluster.toml", &[("VIGIE_BROKEN", "panic")]));
    }
    cluster.await_members(&[0, 1, 2]);
    let good = rendered(&cluster, "good", "scene = 'room'");
    cluster.does(&["submit", &good]);
    let bad = rendered(&cluster, "bad", "scene = 'yard'");
    cluster.does(&["submit", &bad]);
    cluster.await_state(&[0, 1, 2], "bad", "failed");
    let status = &cluster.get(1, "/api/v1/jobs/bad")["status"];
    assert!(status["reason"].as_str().unwrap_or_default().contains("on purpose"), "{status:#}");

    cluster.await_members(&[0, 1, 2]);
    cluster.await_state(&[0, 1, 2], "good", "running");
    let out = cluster.path().join("good");
    let before = files(&out).len();
    wait("the other job", || (files(&out).len() > before + 50).then_some(()));
    assert!(cluster.get(0, "/api/v1/cluster")["generation"].as_u64() > Some(5), "{}", cluster.said());
    assert!(files(&cluster.path().join("dead")).is_empty(), "no frame is to blame");
    let said = cluster.does(&["show", "bad"]);
    assert!(said.contains("failed") && said.contains("on purpose"), "{said}");
}
