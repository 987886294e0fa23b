//! What is known of tasks, and for how long.

use std::sync::Arc;

use operators::{Reason, Settings, UnixMillis};

use super::*;
use crate::write::Write;

fn said(id: &str) -> Said {
    let settings = Arc::new(Settings::new());
    let headers = Default::default();
    Said { id: id.to_owned(), camera: None, captured_at: None, taken_at: UnixMillis::now(), settings, headers }
}

fn told(id: &str, bytes: usize) -> Told {
    let found = Found {
        id: id.to_owned(),
        write: Write::Report,
        media: "application/json".into(),
        body: vec![b' '; bytes].into(),
    };
    Told { id: id.into(), detail: None, found: vec![found] }
}

fn tasks(most: u64) -> Tasks {
    let tasks = Tasks::new("a");
    tasks.book().keep = (Duration::from_secs(60), most);
    tasks
}

fn state(tasks: &Tasks, id: &str) -> Option<String> {
    tasks.look(id).map(|status| status.state)
}

/// Catches a state that goes back, a task that nobody took, and one that is known after it was refused.
#[test]
fn a_task_goes_from_queued_to_done() {
    let tasks = tasks(1 << 20);
    tasks.ended(&told("x", 0), How::Done);
    assert_eq!(state(&tasks, "x"), None);
    tasks.queued(&said("x"));
    assert_eq!(state(&tasks, "x").as_deref(), Some("queued"));
    assert_eq!(tasks.acknowledged("x"), None);
    tasks.running("x");
    assert_eq!(state(&tasks, "x").as_deref(), Some("running"));
    tasks.ended(&told("x", 3), How::Done);
    // After a loss of workers it comes again.
    tasks.queued(&said("x"));
    tasks.running("x");
    assert_eq!(state(&tasks, "x").as_deref(), Some("done"));
    tasks.ended(&told("x", 5), How::Failed(Reason::Truncated, "it ends too soon".into()));
    let status = tasks.look("x").expect("it is known");
    assert_eq!((status.state.as_str(), status.reason.as_deref()), ("failed", Some("truncated")));
    assert_eq!(tasks.found("x", 0).expect("a result").body.len(), 5);
    assert_eq!(tasks.book().ended.len(), 1);
    tasks.queued(&said("y"));
    tasks.refused("y");
    assert_eq!(state(&tasks, "y"), None);
}

/// Catches results that fill the memory, and those that go although there is room.
#[test]
fn results_are_kept_as_long_as_the_job_says() {
    let tasks = tasks(3_000);
    for id in ["a", "b", "c"] {
        tasks.queued(&said(id));
        tasks.ended(&told(id, 1_000), How::Done);
    }
    assert_eq!((state(&tasks, "a"), state(&tasks, "c").as_deref()), (None, Some("done")));
    tasks.queued(&said("large"));
    tasks.ended(&told("large", 9_000), How::Done);
    assert_eq!(tasks.book().ended, ["large"], "the last one stays");
    let size = tasks.book().bytes;
    assert!((9_000..10_000).contains(&size), "{size}");
    tasks.book().tidy(UnixMillis(UnixMillis::now().0 + 61_000));
    assert_eq!((state(&tasks, "large"), tasks.book().bytes), (None, 0));
}

/// Catches a result that is another one after a restart.
#[test]
fn what_is_kept_is_read_again() {
    let tasks = tasks(1 << 20);
    tasks.queued(&said("x"));
    tasks.ended(&told("x", 7), How::Filtered("still".into()));
    let kept = tasks.acknowledged("x").expect("it has ended");
    let text = serde_json::to_vec(&kept).expect("JSON");
    let again = Tasks::new("a");
    again.book().keep = (Duration::from_secs(60), 1 << 20);
    again.recall(serde_json::from_slice(&text).expect("JSON"));
    assert_eq!(again.look("x"), tasks.look("x"));
    assert_eq!(again.look("x").expect("it is known").filtered_by.as_deref(), Some("still"));
}

/// Catches a wait that goes on after the end, and one that never ends.
#[tokio::test]
async fn who_waits_hears_of_the_end() {
    let tasks = tasks(1 << 20);
    let long = Duration::from_secs(3600);
    tasks.wait("unknown", long).await;
    tasks.queued(&said("x"));
    let waiting = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.wait("x", long).await }
    });
    while tasks.book().entries["x"].waiting.is_empty() {
        tokio::task::yield_now().await;
    }
    tasks.ended(&told("x", 1), How::Done);
    waiting.await.expect("no panic");
    tasks.wait("x", long).await;
}
