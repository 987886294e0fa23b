//! Lane F: a backlog of 10,000 frames through the model: the rate stays, and so does the memory.

use crate::backlog::Backlog;
use crate::bench::Bench;
use crate::contender::VIGIE;
use crate::drain::{Drained, drain};
use crate::table::Goal::{AtLeast, AtMost};
use crate::table::Row;
use crate::turns::Turns;

/// Frames of the backlog.
const FRAMES: usize = 10_000;

/// Megabytes that are no growth.
const FLAT: f64 = 20.0;

/// Measures it, once.
///
/// # Errors
/// The brokers fail.
pub fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let backlog = Backlog::fill(&bench.brokers, &bench.frames, bench.flags.frames(FRAMES))?;
    let turns = Turns::take(bench, "F", [VIGIE], 1, |who| drain(bench, who, &bench.detect(), &backlog));
    let row = |what: &str, figure: fn(&Drained) -> f64| Row::new("F", "vigie", what, turns.values("vigie", figure));
    Ok(vec![
        row("frames/s", |drained| rate(drained, 0.1, 1.0)),
        row("frames/s, the last half to the first", |drained| rate(drained, 0.5, 1.0) / rate(drained, 0.1, 0.5))
            .goal(AtLeast(0.97)),
        row("peak memory, MB", |drained| drained.peak() as f64 / 1e6),
        row("growth after the first quarter, MB", growth).goal(AtMost(FLAT)),
    ])
}

/// Frames a second between two shares of the results.
fn rate(drained: &Drained, from: f64, to: f64) -> f64 {
    let at = |share: f64| ((drained.count - 1) as f64 * share) as usize;
    let (from, to) = (at(from), at(to));
    (to - from) as f64 / (drained.arrivals[to] - drained.arrivals[from])
}

/// How many more megabytes were resident later than in the first quarter.
fn growth(drained: &Drained) -> f64 {
    let quarter = drained.last / 4.0;
    let (early, late): (Vec<_>, Vec<_>) = drained.memory.iter().copied().partition(|(at, _)| *at < quarter);
    let most = |of: Vec<(f64, u64)>| of.into_iter().map(|(_, bytes)| bytes as f64).fold(0.0, f64::max);
    (most(late) - most(early)) / 1e6
}
