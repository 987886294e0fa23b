//! Lane D: `kill -9` at 20 frames a second, and a start at once.

use crate::bench::Bench;
use crate::contender::{Contender, PEERS, VIGIE, VIGIE_2P};
use crate::frames::BATCH;
use crate::stream::{Course, Streamed, stream};
use crate::table::Goal::AtMost;
use crate::table::Row;
use crate::turns::Turns;

/// Frames a second.
const RATE: f64 = 20.0;

/// Frames of a stream, and how many of them come before the kill.
const FRAMES: usize = 240;
const BEFORE: usize = 100;

/// Something that is said of a stream.
type Figure = fn(&Streamed) -> f64;

/// Measures it.
///
/// # Errors
/// None of its own: who fails is out.
pub fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let course = Course { rate: RATE, burst: BATCH, count: FRAMES, kill: Some(BEFORE) };
    let one = |contender: &Contender| stream(bench, contender, &bench.detect(), course);
    let ours = Turns::take(bench, "D", [VIGIE, VIGIE_2P], bench.flags.rounds(), one);
    // The peers take half a minute each: once has to do.
    let theirs = Turns::take(bench, "D", bench.peers(PEERS), 1, one);
    let figures: [(&str, Figure, f64); 3] = [
        ("kill to first new result, s", |streamed| streamed.back.unwrap_or(f64::INFINITY), 2.0),
        ("frames lost", |streamed| streamed.lost as f64, 0.0),
        ("results repeated", |streamed| streamed.repeated as f64, 0.0),
    ];
    let mut rows = Vec::new();
    for (what, figure, goal) in figures {
        for turns in [&ours, &theirs] {
            let row = |who: &Contender| Row::new("D", who.name, what, turns.values(who.name, figure));
            let goal = |row: Row, who: &Contender| if who.is_vigie() { row.goal(AtMost(goal)) } else { row };
            rows.extend(turns.contenders().map(|who| goal(row(who), who)));
        }
    }
    Ok(rows)
}
