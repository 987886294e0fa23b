//! Tasks at a standing cluster: any process takes some, and any tells what became of them.

use serde_json::Value;

use super::caller::Caller;
use super::{job, picture};
use crate::standing::Standing;
use crate::support::{turn, wait_or};

fn caller(cluster: &Standing, index: usize) -> Caller {
    Caller(cluster.doors()[index].address)
}

/// Catches a result that stays with the worker that made it, a task that only one process knows, and one that is lost
/// with the process that took it.
#[test]
fn any_process_takes_tasks_and_tells_of_them() {
    let _turn = turn();
    let mut cluster = Standing::start(3);
    let file = job(cluster.path(), "results = ['report', 'image']");
    cluster.does(&["submit", &file]);
    cluster.await_state(&[0, 1, 2], "grey", "running");
    let mut ids = Vec::new();
    for number in 0..12 {
        let taken = caller(&cluster, number % 3).hand_in("", &picture(number as u64)).expect("an answer");
        assert_eq!(taken.status, 202, "{}\n{}", String::from_utf8_lossy(&taken.body), cluster.said());
        ids.push(taken.json()["id"].as_str().expect("an id").to_owned());
    }
    for (number, id) in ids.iter().enumerate() {
        let task = caller(&cluster, (number + 1) % 3).look(id, "?wait=30s").json();
        assert_eq!((&task["state"], &task["report"]["id"]), (&"done".into(), &Value::from(id.as_str())), "{task:#}");
        let image = caller(&cluster, (number + 2) % 3).get(task["links"]["image"].as_str().expect("a link"));
        assert_eq!((image.status, image.header("content-type")), (200, Some("image/jpeg")));
    }
    assert_eq!(caller(&cluster, 0).look("nobody", "").status, 404);

    cluster.kill(1);
    cluster.await_members(&[0, 2]);
    let away = caller(&cluster, 0).look(&ids[1], "");
    assert_eq!(away.status, 503, "{}", String::from_utf8_lossy(&away.body));
    assert!(
        away.header("retry-after").is_some() && away.json()["detail"].as_str().is_some_and(|d| d.contains("process 1"))
    );
    cluster.bring(1);
    cluster.await_members(&[0, 1, 2]);
    let again = || Some(caller(&cluster, 0).look(&ids[1], "").json()).filter(|task| task["state"] == "done");
    wait_or("the task to be known again", again, || cluster.said());

    cluster.does(&["pause", "grey"]);
    cluster.await_state(&[0, 1, 2], "grey", "paused");
    // Its source may still be about to hear of it.
    let refused = || caller(&cluster, 2).hand_in("", &picture(0)).filter(|answer| answer.status == 503);
    let refused = wait_or("tasks to be refused", refused, || cluster.said());
    assert!(refused.header("retry-after").is_some());
    cluster.does(&["resume", "grey"]);
    let taken = || caller(&cluster, 2).hand_in("?wait=10s", &picture(0)).filter(|answer| answer.status == 200);
    wait_or("tasks to be taken again", taken, || cluster.said());
    let document = caller(&cluster, 1).get("/api/v1/openapi.json").json();
    assert!(document["paths"]["/api/v1/jobs/grey/tasks"]["post"].is_object());
}
