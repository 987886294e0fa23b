//! `kill -9` while tasks come in.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::caller::Caller;
use super::run::start;
use super::{job, picture};
use crate::support::{files, free_port, turn, wait, wait_or};

const TASKS: usize = 1000;

/// Callers at the same time.
const CALLERS: usize = 50;

/// Hands in pictures until so many are taken; the names of those that were.
fn hand_in(caller: Caller, left: &AtomicUsize, taken: &Mutex<BTreeSet<String>>, given_up: &AtomicBool) {
    let picture = picture(0);
    let next = || left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
    while next().is_ok() {
        loop {
            let answer = caller.hand_in("", &picture).filter(|answer| answer.status == 202);
            if let Some(answer) = answer {
                let id = answer.json()["id"].as_str().expect("an id").to_owned();
                assert!(taken.lock().expect("nobody panics").insert(id), "each has a name of its own");
                break;
            }
            if given_up.load(Ordering::Acquire) {
                return;
            }
            // It is being started again, or has no room just now.
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Catches a 202 for a task that is lost by `kill -9`, and a task that is done twice under two names.
#[test]
fn what_was_taken_is_done_after_kills() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let (file, address) = (job(folder.path(), "queue = 500"), SocketAddr::from(([127, 0, 0, 1], free_port())));
    let mut process = start(&file, address);
    let (left, taken, given_up) = (AtomicUsize::new(TASKS), Mutex::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| hand_in(Caller(address), &left, &taken, &given_up));
        }
        for share in [5, 2] {
            wait_or(
                "tasks to be taken",
                || (taken.lock().expect("nobody panics").len() >= TASKS / share).then_some(()),
                || process.said(),
            );
            process.signal("KILL");
            process.end();
            process = start(&file, address);
        }
        let all = || (taken.lock().expect("nobody panics").len() == TASKS).then_some(());
        wait_or("all to be taken", all, || process.said());
        given_up.store(true, Ordering::Release);
    });
    let taken = taken.into_inner().expect("nobody panics");
    let ended = |id: &String| Caller(address).look(id, "?wait=10s").json()["state"] == "done";
    wait("all to be done", || taken.iter().all(ended).then_some(()));
    let out: BTreeSet<_> = files(&folder.path().join("out")).iter().map(|file| name(file)).collect();
    let missing: Vec<_> = taken.difference(&out).collect();
    assert!(missing.is_empty(), "{missing:?}\n{}", process.said());
    // A kill may come between the disk and the answer: at most one task a caller and kill is done that nobody waits for.
    let more = out.difference(&taken).count();
    println!("{} taken, {more} more done whose answer a kill took", taken.len());
    assert!(more <= 2 * CALLERS, "{more}");
}

fn name(file: &str) -> String {
    file.rsplit('/').next().unwrap_or_default().trim_end_matches(".json").to_owned()
}

/// Catches results that are gone after a kill, and a spool that grows for ever.
#[test]
fn what_was_done_before_a_kill_can_be_asked_for_after_it() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let (file, address) =
        (job(folder.path(), "results = ['report', 'image']"), SocketAddr::from(([127, 0, 0, 1], free_port())));
    let mut process = start(&file, address);
    let caller = Caller(address);
    let done = caller.hand_in("?wait=30s", &picture(1)).expect("an answer").json();
    let image = caller.get(done["links"]["image"].as_str().expect("a link"));
    wait("its receipt", || {
        let page = crate::support::page(&process);
        (page["acknowledged_total{}"] == 1.0).then_some(())
    });
    // The receipt goes back to the source, which then writes down what became of the task, and that it is done.
    let head = folder.path().join(".vigie/0/tasks/grey+tasks/head");
    wait("the task to be done with", || (std::fs::metadata(&head).is_ok_and(|head| head.len() > 0)).then_some(()));
    process.signal("KILL");
    process.end();
    let _process = start(&file, address);
    let id = done["id"].as_str().expect("an id");
    let again = || Some(caller.look(id, "")).filter(|answer| answer.status == 200);
    assert_eq!(wait("the result to be read", again).json(), done);
    assert_eq!(caller.get(done["links"]["image"].as_str().expect("a link")).body, image.body);
}
