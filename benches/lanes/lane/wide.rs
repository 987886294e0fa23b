//! Lane H, where frames come: of any size, and from many cameras.

use crate::backlog::Backlog;
use crate::bench::Bench;
use crate::contender::{VIGIE, Work};
use crate::drain::Pair;
use crate::frames::Frames;
use crate::table::Goal::{AtLeast, AtMost};
use crate::table::Row;
use vigie::latency::table::{quantile, sorted};

/// Bytes of a frame.
const SIZES: [usize; 4] = [50_000, 300_000, 1_000_000, 5_000_000];

/// Bytes of the long backlog of each size; the short one has a sixth.
const VOLUME: usize = 1_500_000_000;

/// Cameras, and the frames that they send together.
const CAMERAS: [usize; 3] = [1, 100, 1_000];
const FRAMES: [usize; 2] = [2_000, 14_000];

/// Bytes of a frame of theirs.
const USUAL: usize = 100_000;

/// Measures both.
///
/// # Errors
/// The brokers fail, or Vigie does.
pub fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    Ok([sizes(bench)?, cameras(bench)?].concat())
}

fn sizes(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let variants = SIZES.map(|bytes| {
        let long = bench.flags.frames(VOLUME / bytes);
        (Frames::noise(bytes, 2), [(long / 36).max(1) * 6, long])
    });
    let pairs = measure_each(bench, &variants)?;
    let mut rows = Vec::new();
    let mut rates = Vec::new();
    for (bytes, pairs) in SIZES.into_iter().zip(&pairs) {
        let values: Vec<_> = pairs.iter().map(|pair| pair.rate() * bytes as f64 / 1e6).collect();
        rates.extend(quantile(&sorted(values.clone()), 0.5));
        rows.push(Row::new("H", "vigie", format!("MB/s, frames of {} kB", bytes / 1000), values));
    }
    let rates = sorted(rates);
    let flat = rates.first().zip(rates.last()).map(|(least, most)| least / most);
    rows.push(Row::new("H", "vigie", "MB/s, least to most", Vec::from_iter(flat)).goal(AtLeast(0.8)));
    Ok(rows)
}

fn cameras(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let counts = FRAMES.map(|usual| bench.flags.frames(usual));
    let variants = CAMERAS.map(|cameras| (Frames::noise(USUAL, cameras), counts));
    let pairs = measure_each(bench, &variants)?;
    let mut rows = Vec::new();
    for (cameras, pairs) in CAMERAS.into_iter().zip(&pairs) {
        let values = pairs.iter().map(Pair::cpu).collect();
        rows.push(Row::new("H", "vigie", format!("CPU-seconds a 1,000 frames, {cameras} cameras"), values));
    }
    let ratios = pairs[2].iter().zip(&pairs[0]).map(|(many, one)| many.cpu() / one.cpu()).collect();
    rows.push(Row::new("H", "vigie", "CPU, 1,000 cameras to one", ratios).goal(AtMost(1.05)));
    Ok(rows)
}

/// Short and long backlogs of each variant, drained in turns.
fn measure_each<const N: usize>(bench: &Bench, variants: &[(Frames, [usize; 2]); N]) -> anyhow::Result<[Vec<Pair>; N]> {
    let filled = variants.iter().map(|(frames, counts)| backlogs(bench, frames, *counts));
    let backlogs = filled.collect::<anyhow::Result<Vec<_>>>()?;
    let mut pairs: [Vec<Pair>; N] = std::array::from_fn(|_| Vec::new());
    for round in 1..=bench.flags.rounds() {
        for (backlogs, pairs) in backlogs.iter().zip(&mut pairs) {
            eprintln!(
                "lane H, round {round}: {} frames of {} bytes",
                backlogs[1].count,
                backlogs[1].frames.picture(0).len()
            );
            pairs.push(Pair::of(bench, &VIGIE, &Work::Null, backlogs)?);
        }
    }
    Ok(pairs)
}

fn backlogs<'a>(bench: &'a Bench, frames: &'a Frames, counts: [usize; 2]) -> anyhow::Result<[Backlog<'a>; 2]> {
    let fill = |count| Backlog::fill(&bench.brokers, frames, count);
    Ok([fill(counts[0])?, fill(counts[1])?])
}
