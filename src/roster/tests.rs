//! What each command does to the list, and what it refuses.

use proptest::prelude::*;

use super::*;
use crate::api::types::Submission;

fn file(text: &str) -> Submission {
    Submission { text: text.into(), folder: "/jobs".into(), file: "room.toml".into() }
}

fn at(at: u64) -> When {
    When { at, generation: 3 }
}

/// A list with the job `room` of text `a`.
fn room() -> Roster {
    let mut roster = Roster::default();
    assert_eq!(roster.submit("room", &file("a"), at(1)), Ok(Change::Install));
    roster
}

fn state(roster: &Roster) -> &'static str {
    roster.jobs["room"].wanted.as_str()
}

fn refused(answer: Result<Change, Problem>, status: u16, words: &str) {
    let problem = answer.expect_err("a problem");
    assert_eq!(problem.status, status, "{problem}");
    assert!(problem.detail.contains(words), "no `{words}` in {problem}");
}

/// Catches a job that runs twice because it was submitted twice, and one that is silently replaced.
#[test]
fn submit_is_idempotent_and_never_replaces() {
    let mut roster = room();
    assert_eq!(roster.submit("room", &file("a"), at(2)), Ok(Change::Unchanged));
    assert_eq!((roster.version, roster.jobs["room"].revision), (1, 1));
    refused(roster.submit("room", &file("b"), at(2)), 409, "vigie update room room.toml");
    assert_eq!(roster, room(), "what is refused changes nothing");
}

/// Catches a job that can't be had again once it is over.
#[test]
fn what_is_over_is_replaced() {
    type End = fn(&mut Roster) -> Result<Change, Problem>;
    let ends: [(End, &str); 3] = [
        (|roster| roster.done("room", at(5)), "done"),
        (|roster| roster.failed("room", "why", at(5)), "failed"),
        (|roster| roster.drain("room", at(4)).and_then(|_| roster.done("room", at(5))), "drained"),
    ];
    for (end, name) in ends {
        let mut roster = room();
        let _ = end(&mut roster).expect("it is there");
        assert_eq!((state(&roster), roster.jobs["room"].since), (name, 5));
        refused(roster.resume("room", at(6)), 409, "vigie restart room");
        refused(roster.pause("room", at(6)), 409, "vigie restart room");
        assert_eq!(roster.drain("room", at(6)), Ok(Change::Unchanged));
        assert_eq!(roster.submit("room", &file("b"), at(7)), Ok(Change::Install));
        assert_eq!((state(&roster), roster.jobs["room"].text.as_str()), ("running", "b"));
        assert!(roster.jobs["room"].revision > 1);
    }
}

/// Catches an update that is lost on a paused job, and one that goes to another job.
#[test]
fn update_gives_another_text() {
    let mut roster = room();
    assert_eq!(roster.update("room", "room", &file("a"), at(2)), Ok(Change::Unchanged));
    assert_eq!(roster.pause("room", at(2)), Ok(Change::Pause));
    assert_eq!(roster.update("room", "room", &file("b"), at(3)), Ok(Change::Install));
    assert_eq!((state(&roster), roster.jobs["room"].revision), ("paused", 3));
    refused(roster.update("room", "hall", &file("b"), at(3)), 400, "update that one");
    refused(roster.update("rom", "rom", &file("b"), at(3)), 404, "did you mean `room`?");
}

/// Catches commands that come between a drain and its end.
#[test]
fn a_job_that_is_drained_is_left_alone() {
    let mut roster = room();
    assert_eq!(roster.drain("room", at(2)), Ok(Change::Drain));
    assert_eq!(roster.drain("room", at(3)), Ok(Change::Unchanged));
    let before = roster.clone();
    refused(roster.submit("room", &file("a"), at(3)), 409, "being drained");
    refused(roster.update("room", "room", &file("b"), at(3)), 409, "being drained");
    refused(roster.pause("room", at(3)), 409, "being drained");
    refused(roster.resume("room", at(3)), 409, "being drained");
    refused(roster.restart("room", at(3)), 409, "vigie cancel room");
    assert_eq!(roster, before);
    assert_eq!(roster.cancel("room"), Ok(Change::Remove));
    assert!(roster.jobs.is_empty());
}

/// Catches a name that leads nowhere.
#[test]
fn an_unknown_name_is_told_with_the_known_ones() {
    refused(Roster::default().cancel("room"), 404, "vigie submit FILE");
    refused(room().cancel("hall"), 404, "Known here: room");
}

/// Catches a job that brings the cluster down for ever, and one that is taken out although it works between.
#[test]
fn five_failures_in_a_row_take_a_job_out() {
    let mut roster = room();
    for _ in 1..MOST_FAILURES {
        assert_eq!(roster.stumbled("room", "a panic", at(2)), Ok(Change::Recorded));
    }
    assert_eq!(roster.steady("room"), Ok(Change::Recorded));
    assert_eq!(roster.steady("room"), Ok(Change::Unchanged));
    for _ in 1..MOST_FAILURES {
        assert_eq!(roster.stumbled("room", "a panic", at(2)), Ok(Change::Recorded));
    }
    assert_eq!((state(&roster), roster.jobs["room"].since), ("running", 1));
    assert_eq!(roster.stumbled("room", "a panic", at(9)), Ok(Change::Remove));
    assert_eq!(state(&roster), "failed");
    assert!(roster.jobs["room"].reason().contains("5 generations in a row, the last one: a panic"));
    assert_eq!(roster.restart("room", at(10)), Ok(Change::Install));
    assert_eq!((state(&roster), roster.jobs["room"].failures), ("running", 0));
}

/// Catches a history without bound, and one that forgets the newest.
#[test]
fn the_history_keeps_the_last_events() {
    let mut roster = room();
    for count in 0..HISTORY as u64 + 7 {
        assert_eq!(roster.noted("room", &format!("note {count}"), at(count)), Ok(Change::Recorded));
    }
    let history = &roster.jobs["room"].history;
    assert_eq!((history.len(), history.last().map(|event| event.at)), (HISTORY, Some(HISTORY as u64 + 6)));
}

/// Any command at any time.
fn any_command(roster: &mut Roster, command: u8, name: &str, text: &str, when: When) -> Result<Change, Problem> {
    match command {
        0 => roster.submit(name, &file(text), when),
        1 => roster.update(name, name, &file(text), when),
        2 => roster.cancel(name),
        3 => roster.drain(name, when),
        4 => roster.pause(name, when),
        5 => roster.resume(name, when),
        6 => roster.restart(name, when),
        7 => roster.done(name, when),
        8 => roster.failed(name, text, when),
        9 => roster.stumbled(name, text, when),
        _ => roster.steady(name),
    }
}

proptest! {
    /// Catches a change without a version, a version without a change, and a start that nobody would notice.
    #[test]
    fn each_change_is_one_version(commands in prop::collection::vec((0..11_u8, 0..3_usize, "[ab]"), 0..60)) {
        let mut roster = Roster::default();
        for (moment, (command, name, text)) in commands.into_iter().enumerate() {
            let (before, name) = (roster.clone(), ["a", "b", "c"][name]);
            let revision = before.jobs.get(name).map_or(0, |job| job.revision);
            match any_command(&mut roster, command, name, &text, at(moment as u64)) {
                Ok(Change::Unchanged) | Err(_) => prop_assert_eq!(&roster, &before),
                Ok(change) => {
                    prop_assert_eq!(roster.version, before.version + 1);
                    let now = roster.jobs.get(name).map_or(0, |job| job.revision);
                    prop_assert_eq!(change == Change::Install, now > revision);
                    // No job that ran before under this name had it, even if it was cancelled since.
                    prop_assert!(change != Change::Install || now == roster.version);
                }
            }
            prop_assert_eq!(decode(&encode(&roster)), Ok(roster.clone()));
        }
    }
}
