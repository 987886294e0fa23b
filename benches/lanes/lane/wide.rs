//! Lane H, where frames come: of any size, and from many cameras.

use crate::backlog::Backlog;
use crate::bench::Bench;
use crate::contender::{BARE, Contender, VIGIE, Work};
use crate::drain::Pair;
use crate::frames::{CYCLE, Frames};
use crate::table::Goal::{AtLeast, AtMost};
use crate::table::Row;
use vigie::latency::table::{quantile, sorted};

/// Bytes of a frame.
const SIZES: [usize; 4] = [50_000, 300_000, 1_000_000, 5_000_000];

/// Bytes of the long backlog of each size; the short one has a sixth.
const VOLUME: usize = 2_500_000_000;

/// Cameras, and the frames that they send together.
const CAMERAS: [usize; 3] = [1, 100, 1_000];
const FRAMES: [usize; 2] = [2_000, 30_000];

/// Bytes of a frame of theirs.
const USUAL: usize = 100_000;

/// Measures both.
///
/// # Errors
/// The brokers fail, or Vigie does.
pub fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    Ok([sizes(bench)?, cameras(bench)?].concat())
}

/// Bytes a second by the size of a frame, and what the loop without an engine makes of the same.
fn sizes(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let variants = SIZES.map(|bytes| {
        let long = bench.flags.frames(VOLUME / bytes);
        (Frames::noise(bytes, 2), [(long / (6 * CYCLE)).max(1) * CYCLE, long])
    });
    let contenders: Vec<_> = [VIGIE, BARE].into_iter().filter(|contender| bench.flags.takes(contender)).collect();
    let drained = drain(bench, &contenders, &fill(bench, &variants)?)?;
    let mut rows = Vec::new();
    for (contender, pairs) in contenders.iter().zip(&drained) {
        let mut rates = Vec::new();
        for (bytes, pairs) in SIZES.into_iter().zip(pairs) {
            let values: Vec<_> = pairs.iter().map(|pair| pair.rate() * bytes as f64 / 1e6).collect();
            rates.extend(quantile(&sorted(values.clone()), 0.5));
            rows.push(Row::new("H", contender.name, format!("MB/s, frames of {} kB", bytes / 1000), values));
        }
        let rates = sorted(rates);
        let flat = rates.first().zip(rates.last()).map(|(least, most)| least / most);
        let row = Row::new("H", contender.name, "MB/s, least to most", Vec::from_iter(flat));
        rows.push(if contender.is_vigie() { row.goal(AtLeast(0.8)) } else { row });
    }
    Ok(rows)
}

fn cameras(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let counts = FRAMES.map(|usual| bench.flags.frames(usual));
    let variants = CAMERAS.map(|cameras| (Frames::noise(USUAL, cameras), counts));
    let drained = drain(bench, &[VIGIE], &fill(bench, &variants)?)?;
    let pairs = &drained[0];
    let mut rows = Vec::new();
    for (cameras, pairs) in CAMERAS.into_iter().zip(pairs) {
        let values = pairs.iter().map(Pair::cpu).collect();
        rows.push(Row::new("H", "vigie", format!("CPU-seconds a 1,000 frames, {cameras} cameras"), values));
    }
    let ratios = pairs[2].iter().zip(&pairs[0]).map(|(many, one)| many.cpu() / one.cpu()).collect();
    rows.push(Row::new("H", "vigie", "CPU, 1,000 cameras to one", ratios).goal(AtMost(1.05)));
    Ok(rows)
}

/// A short backlog and a long one of each variant.
type Backlogs<'a> = Vec<[Backlog<'a>; 2]>;

fn fill<'a>(bench: &'a Bench, variants: &'a [(Frames, [usize; 2])]) -> anyhow::Result<Backlogs<'a>> {
    let fill = |frames, count| Backlog::fill(&bench.brokers, frames, count);
    let both = |(frames, [short, long]): &'a (Frames, [usize; 2])| Ok([fill(frames, *short)?, fill(frames, *long)?]);
    variants.iter().map(both).collect()
}

/// What each contender makes of the backlogs of each variant, in turns.
fn drain(bench: &Bench, contenders: &[Contender], backlogs: &Backlogs<'_>) -> anyhow::Result<Vec<Vec<Vec<Pair>>>> {
    let none = || backlogs.iter().map(|_| Vec::new()).collect::<Vec<_>>();
    let mut drained: Vec<_> = contenders.iter().map(|_| none()).collect();
    for round in 1..=bench.flags.rounds() {
        for (variant, backlogs) in backlogs.iter().enumerate() {
            for (contender, pairs) in contenders.iter().zip(&mut drained) {
                let (count, bytes) = (backlogs[1].count, backlogs[1].frames.picture(0).len());
                eprintln!("lane H, round {round}: {}, {count} frames of {bytes} bytes", contender.name);
                pairs[variant].push(Pair::of(bench, contender, &Work::Null, backlogs)?);
            }
        }
    }
    Ok(drained)
}
