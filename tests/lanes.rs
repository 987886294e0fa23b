//! What decides what the figures of `benches/lanes/` mean: a bench has no tests of its own.

#[allow(dead_code)]
#[path = "../benches/lanes/boxes.rs"]
mod boxes;
#[allow(dead_code)]
#[path = "../benches/lanes/procfs.rs"]
mod procfs;
#[allow(dead_code)]
#[path = "../benches/lanes/result.rs"]
mod result;
#[allow(dead_code)]
#[path = "../benches/lanes/table.rs"]
mod table;

use boxes::{Thing, same};
use procfs::{Stat, resident};
use result::Found;
use table::{Goal, Row};

fn thing(class: usize, score: f32, left: f32) -> Thing {
    Thing { class, score, corners: [left, 0.0, left + 100.0, 100.0] }
}

/// Catches a check that passes what is missing, doubled, moved, of another class or of another score.
#[test]
fn things_are_the_same_or_they_are_not() {
    let both = [thing(0, 0.9, 0.0), thing(2, 0.5, 300.0)];
    assert!(same(&both, &[thing(2, 0.52, 301.0), thing(0, 0.89, 2.0)]), "in any order, and nearly there");
    for other in [
        vec![both[0].clone()],
        vec![both[0].clone(), both[1].clone(), both[1].clone()],
        vec![both[0].clone(), thing(2, 0.5, 320.0)],
        vec![both[0].clone(), thing(3, 0.5, 300.0)],
        vec![both[0].clone(), thing(2, 0.6, 300.0)],
    ] {
        assert!(!same(&both, &other) && !same(&other, &both), "{other:?}");
    }
}

/// Catches a check that fails where two programs round a score to either side of the threshold.
#[test]
fn what_is_hardly_there_may_be_missing() {
    assert!(same(&[thing(0, 0.31, 0.0)], &[]) && same(&[], &[thing(0, 0.31, 0.0)]));
    assert!(!same(&[thing(0, 0.4, 0.0)], &[]));
}

/// Catches a process whose name has brackets and blanks in it, and ended children that count for nothing.
#[test]
fn a_process_is_read_whatever_its_name() {
    let line = "7 (a) b (c) S 1 7 42 0 -1 4194560 9 9 9 9 100 50 30 20 20 0 3 0 12345 999 88 18446744073709551615";
    assert_eq!(Stat::read(line), Some(Stat { session: 42, cpu: 2.0 }));
    assert_eq!(Stat::read("7 (cut short) S 1 7"), None);
}

/// Catches memory in the wrong unit, and a zombie that ends the bench.
#[test]
fn memory_is_in_bytes() {
    assert_eq!(resident("Name:\tvigie\nVmHWM:\t  90 kB\nVmRSS:\t  12 kB\n"), 12 * 1024);
    assert_eq!(resident("Name:\tvigie\nState:\tZ (zombie)\n"), 0);
}

/// Catches boxes of Vigie and of peers that are read as different ones.
#[test]
fn a_report_and_a_peers_result_say_the_same() {
    let ours =
        br#"{"job":"b","number":7,"bytes":9,"detections":[{"class":2,"label":"car","score":0.5,"box":[1,2,3,4]}]}"#;
    let theirs = br#"{"camera":"cam0","number":7,"boxes":[[1,2,4,6,0.5,2]],"at":1}"#;
    let (ours, theirs) = (Found::read(ours).unwrap(), Found::read(theirs).unwrap());
    assert_eq!((ours.number, ours.bytes, &ours.things), (7, Some(9), &theirs.things));
    assert!(Found::read(b"cam0").is_err());
}

/// Catches a goal that is read the wrong way round, and a median that is a mean.
#[test]
fn a_goal_is_for_the_median() {
    let row = Row::new("A", "vigie", "ratio", vec![9.0, 1.1, 1.0]);
    assert_eq!((row.median(), row.reached()), (Some(1.1), None));
    assert_eq!(row.clone().goal(Goal::AtMost(1.2)).reached(), Some(true));
    assert_eq!(row.clone().goal(Goal::AtLeast(1.2)).reached(), Some(false));
    assert_eq!(row.goal(Goal::AtMost(1.0)).cells()[3..], ["1.10", "1.00 to 9.00", "≤ 1", "no"]);
    assert_eq!(Row::new("A", "vigie", "ratio", vec![]).goal(Goal::AtMost(1.0)).reached(), None);
}
