//! Lane C: how late results are, at 20 frames a second, for a reader that is none of the contender's own.

use crate::bench::Bench;
use crate::contender::{BARE, Contender, PEERS, SPARK, VIGIE, VIGIE_B1};
use crate::frames::BATCH;
use crate::lane::inference;
use crate::plot;
use crate::stream::{Course, stream};
use crate::table::Goal::AtMost;
use crate::table::Row;
use crate::turns::Turns;
use vigie::latency::table::{quantile, sorted};

/// Frames a second.
const RATE: f64 = 20.0;

/// Seconds of a stream, the first of which do not count.
const SECONDS: f64 = 30.0;
const WARM: f64 = 3.0;

/// Rounds of our own, at most.
const ROUNDS: usize = 3;

/// Milliseconds that a batch may take beside its model, and one frame that need not wait for others.
const AROUND_BATCH: f64 = 5.0;
const AROUND_ONE: f64 = 3.0;

/// Measures it.
///
/// # Errors
/// The model fails.
pub fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let alone = inference::alone(&bench.model)?;
    let seconds = if bench.flags.quick { WARM + 3.0 } else { SECONDS };
    let one = |contender: &Contender| {
        // Three at once fill a batch at once; who takes them one by one gets them so.
        let burst = if contender.name == VIGIE_B1.name { 1 } else { BATCH };
        let count = (RATE * seconds) as usize / BATCH * BATCH;
        let course = Course { rate: RATE, burst, count, kill: None };
        let streamed = stream(bench, contender, &bench.detect(), course)?;
        anyhow::ensure!(streamed.lost + streamed.repeated == 0, "it lost or repeated results: {streamed:?}");
        Ok(streamed.late[(RATE * WARM) as usize..].to_vec())
    };
    // The peers take half a minute each: once has to do. Our 99 of 100 is that of five frames, so it is looked at thrice.
    let ours = Turns::take(bench, "C", [VIGIE, VIGIE_B1, BARE], bench.flags.rounds().min(ROUNDS), one);
    let theirs = Turns::take(bench, "C", bench.peers(PEERS), 1, one);
    let both = [&ours, &theirs];
    let curve = |(who, turns): (&Contender, &Turns<Late>)| Some((who.name, turns.of(who.name).first()?.clone()));
    plot::latencies(&all(both).filter_map(curve).collect::<Vec<_>>())?;

    let at = |q: f64| move |late: &Late| quantile(&sorted(late.iter().copied()), q).unwrap_or_default();
    let mut rows = vec![
        Row::new("C", "inference alone", "a batch of three, ms", vec![alone.batch]),
        Row::new("C", "inference alone", "one frame, ms", vec![alone.one]),
    ];
    for (what, q) in [("p50, ms", 0.5), ("p95, ms", 0.95), ("p99, ms", 0.99)] {
        rows.extend(all(both).map(|(who, turns)| Row::new("C", who.name, what, turns.values(who.name, at(q)))));
    }
    let beyond = |name: &str, model: f64| ours.values(name, |late| at(0.5)(late) - model);
    let what = "p50 beyond inference alone, ms";
    rows.push(Row::new("C", "vigie", what, beyond("vigie", alone.batch)).goal(AtMost(AROUND_BATCH)));
    rows.push(Row::new("C", "vigie-b1", what, beyond("vigie-b1", alone.one)).goal(AtMost(AROUND_ONE)));
    rows.push(Row::new("C", "bare", what, beyond("bare", alone.batch)));
    let spark = theirs.values(SPARK, at(0.99));
    let ratios = spark.first().map_or_else(Vec::new, |spark| ours.values("vigie", |late| at(0.99)(late) / spark));
    rows.push(Row::new("C", "vigie", "p99, to Spark", ratios).goal(AtMost(0.05)));
    Ok(rows)
}

/// Milliseconds of each frame.
type Late = Vec<f64>;

fn all(both: [&Turns<Late>; 2]) -> impl Iterator<Item = (&Contender, &Turns<Late>)> {
    both.into_iter().flat_map(|turns| turns.contenders().map(move |who| (who, turns)))
}
