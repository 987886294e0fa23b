//! Lanes A, B, E and G: backlogs are drained.

use vigie::latency::table::{quantile, sorted};

use crate::backlog::Backlog;
use crate::bench::Bench;
use crate::boxes;
use crate::contender::{BARE, Contender, PEERS, PLAIN, SPARK, VIGIE, VIGIE_1W, VIGIE_2P, Work};
use crate::drain::Pair;
use crate::flags::LONG;
use crate::size;
use crate::table::Goal::{AtLeast, AtMost};
use crate::table::Row;
use crate::turns::Turns;

/// Frames of the short backlog and of the long one, without a model and with one.
const NULL: [usize; 2] = [2_000, LONG];
const DETECT: [usize; 2] = [240, 1_140];

/// How many times as many rounds the two of lane A take whose ratio counts most: they last for seconds, and a shared machine changes
/// its speed meanwhile.
const MORE: usize = 2;

/// Something that is said of a contender in a round.
type Figure = fn(&Pair) -> f64;

/// Lanes A and E: no step between.
///
/// # Errors
/// The brokers fail.
pub fn null(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let contenders = [VIGIE, BARE, VIGIE_2P, VIGIE_1W].into_iter().chain(bench.peers(PEERS));
    let turns = drain(bench, "A", &Work::Null, contenders, NULL, MORE)?;
    let mut rows = Vec::new();
    if bench.flags.wants("A") {
        rows.extend(figures("A", &turns));
        rows.extend(lane_a(&turns));
    }
    if bench.flags.wants("E") {
        rows.extend(lane_e(&turns)?);
    }
    Ok(rows)
}

/// Lanes B and G: things found and drawn.
///
/// # Errors
/// The brokers fail, or the model.
pub fn detect(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let one = bench.flags.wants("G").then_some(VIGIE_1W);
    let contenders = [VIGIE, BARE, VIGIE_2P].into_iter().chain(one).chain(bench.peers(PEERS));
    let turns = drain(bench, "B", &bench.detect(), contenders, DETECT, 0)?;
    let mut rows = Vec::new();
    if bench.flags.wants("B") {
        rows.extend(figures("B", &turns));
        rows.extend(lane_b(&turns));
    }
    if bench.flags.wants("G") {
        let row = |name: &str, figure: &str| Row::new("G", name, figure, turns.ratios(name, "vigie-1w", Pair::rate));
        rows.push(row("vigie", "frames/s, to one worker").goal(AtLeast(1.9)));
        rows.push(row("vigie-2p", "frames/s, to one process").goal(AtLeast(1.9)));
    }
    Ok(rows)
}

fn drain(
    bench: &Bench,
    lane: &str,
    work: &Work,
    contenders: impl IntoIterator<Item = Contender>,
    frames: [usize; 2],
    more: usize,
) -> anyhow::Result<Turns<Pair>> {
    let [short, long] = frames.map(|usual| bench.flags.frames(usual));
    let fill = |count| Backlog::fill(&bench.brokers, &bench.frames, count);
    let backlogs = [fill(short)?, fill(long)?];
    let one = |contender: &Contender| Pair::of(bench, contender, work, &backlogs);
    let mut turns = Turns::take(bench, lane, contenders, bench.flags.rounds(), one);
    let is_ratio = |contender: &Contender| [VIGIE.name, BARE.name].contains(&contender.name);
    turns.go_on(bench, lane, is_ratio, more * bench.flags.rounds(), one);
    Ok(turns)
}

/// What is said of everybody.
fn figures(lane: &'static str, turns: &Turns<Pair>) -> Vec<Row> {
    let figures: [(&str, Figure); 3] =
        [("CPU-seconds a 1,000 frames", Pair::cpu), ("frames/s", Pair::rate), ("peak memory, MB", peak)];
    let of = |(what, figure): (&str, Figure)| {
        turns.contenders().map(|who| Row::new(lane, who.name, what, turns.values(who.name, figure))).collect::<Vec<_>>()
    };
    figures.into_iter().flat_map(of).collect()
}

/// Megabytes, while the long backlog was drained.
fn peak(pair: &Pair) -> f64 {
    pair.long.peak() as f64 / 1e6
}

fn first(pair: &Pair) -> f64 {
    pair.long.first
}

fn lane_a(turns: &Turns<Pair>) -> Vec<Row> {
    let ratio = |name, other, what: &str, figure: Figure| Row::new("A", name, what, turns.ratios(name, other, figure));
    let beside =
        |other: Option<f64>, what: &str, figure: Figure| Row::new("A", "vigie", what, against(turns, other, figure));
    vec![
        ratio("vigie", "bare", "CPU, to the bare loop", Pair::cpu).goal(AtMost(1.2)),
        ratio("vigie", "bare", "frames/s, to the bare loop", Pair::rate).goal(AtLeast(0.8)),
        ratio("vigie-2p", "vigie", "CPU, to one process", Pair::cpu).goal(AtMost(1.3)),
        beside(least(turns, Pair::cpu), "CPU, to the best peer", Pair::cpu).goal(AtMost(1.0)),
        ratio("vigie", SPARK, "CPU, to Spark", Pair::cpu).goal(AtMost(0.2)),
        beside(least(turns, peak), "peak memory, to the smallest peer", peak).goal(AtMost(0.25)),
    ]
}

fn lane_b(turns: &Turns<Pair>) -> Vec<Row> {
    let mut rows = vec![
        Row::new("B", "vigie", "frames/s, to the bare loop", turns.ratios("vigie", "bare", Pair::rate))
            .goal(AtLeast(0.97)),
        Row::new("B", "vigie", "frames/s, to the best peer", against(turns, most(turns, Pair::rate), Pair::rate))
            .goal(AtLeast(1.0)),
        Row::new("B", "inference alone", "CPU, ms a frame", turns.values("vigie", |pair| pair.model)),
    ];
    for contender in turns.contenders() {
        let what = "CPU around the model, ms a frame";
        rows.push(Row::new("B", contender.name, what, turns.values(contender.name, Pair::around)));
    }
    let what = "CPU around the model, to plain Python";
    rows.push(Row::new("B", "vigie", what, turns.ratios("vigie", PLAIN, Pair::around)).goal(AtMost(0.6)));
    rows.extend(differing(turns));
    rows
}

/// How many frames of a hundred each found other things in than the first of them.
fn differing(turns: &Turns<Pair>) -> Vec<Row> {
    let mut contenders = turns.contenders();
    let Some(reference) = contenders.next().and_then(|who| turns.of(who.name).first()) else { return Vec::new() };
    let differing = |pair: &Pair| {
        let (ours, theirs) = (&reference.long.found, &pair.long.found);
        let differ = ours.iter().filter(|(number, found)| !boxes::same(&found.things, &theirs[number].things));
        100.0 * differ.count() as f64 / ours.len() as f64
    };
    let row = |who: &Contender| {
        Row::new("B", who.name, "frames with other boxes, %", turns.values(who.name, differing)).goal(AtMost(2.0))
    };
    contenders.map(row).collect()
}

fn lane_e(turns: &Turns<Pair>) -> anyhow::Result<Vec<Row>> {
    let what = "start to first result, s";
    let mut rows: Vec<_> =
        turns.contenders().map(|who| Row::new("E", who.name, what, turns.values(who.name, first))).collect();
    rows = rows.into_iter().map(|row| if row.contender() == "vigie" { row.goal(AtMost(0.5)) } else { row }).collect();
    let ratios = turns.ratios("vigie", SPARK, peak);
    rows.push(Row::new("E", "vigie", "peak memory, to Spark", ratios).goal(AtMost(0.1)));
    let ratios = against(turns, least(turns, peak), peak);
    rows.push(Row::new("E", "vigie", "peak memory, to the smallest peer", ratios).goal(AtMost(1.0)));
    rows.extend(size::rows(turns.contenders())?);
    Ok(rows)
}

/// Our figure to that of another, each round; nothing where there is none.
fn against(turns: &Turns<Pair>, other: Option<f64>, figure: Figure) -> Vec<f64> {
    other.map_or_else(Vec::new, |other| turns.values("vigie", |pair| figure(pair) / other))
}

fn least(turns: &Turns<Pair>, figure: Figure) -> Option<f64> {
    medians(turns, figure).min_by(f64::total_cmp)
}

fn most(turns: &Turns<Pair>, figure: Figure) -> Option<f64> {
    medians(turns, figure).max_by(f64::total_cmp)
}

/// The medians of the peers.
fn medians(turns: &Turns<Pair>, figure: Figure) -> impl Iterator<Item = f64> {
    let peers = turns.contenders().filter(|who| who.is_peer());
    peers.filter_map(move |who| quantile(&sorted(turns.values(who.name, figure)), 0.5))
}
