//! What the engine costs around a model that costs nothing: a job's own dataflow without steps, frames of 100 kB from a source
//! in this process to a sink that answers at once, a report each.
//!
//! ```text
//! cargo bench --bench engine
//! ```
//!
//! No figure here is a time, so none depends on the machine: allocations, wake-ups, messages about progress, and instructions
//! (under callgrind, where valgrind is installed). Each is what more frames take, so that start-up falls out. Over what is
//! committed ([`HELD`], [`BOUNDED`], `instructions.txt`), the bench ends with an error.

mod callgrind;
mod counting;
mod job;
mod progress;

use std::process::ExitCode;

use counting::Counting;
use job::Pace;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Frames of a short run and of a long one.
const RUNS: [u64; 2] = [2_400, 12_000];

/// Allocations a frame, and bytes of them, at most. Two are the source's own: the frame's names. A copy of a frame is 100,000.
const HELD: [f64; 2] = [25.2, 9_000.0];

/// Wake-ups a frame of all threads, and messages about progress, at most. They move with the machine; an engine that wakes its
/// threads for each frame, or tells of each, has one and more.
const BOUNDED: [f64; 2] = [0.5, 0.15];

fn main() -> ExitCode {
    if let Some(frames) = std::env::var("VIGIE_BENCH_FRAMES").ok().and_then(|frames| frames.parse().ok()) {
        job::run(frames, Pace::InStep);
        return ExitCode::SUCCESS;
    }
    println!("frames of {} kB, no steps, one worker, reports", job::SIZE / 1_000);
    let is_well = [allocations(), wake_ups(), progress(), callgrind::hold(RUNS)];
    if is_well.contains(&false) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What more frames take: `measure` at the end of a short run and of a long one.
fn marginal<const N: usize>(mut measure: impl FnMut(u64) -> [u64; N]) -> [f64; N] {
    let [short, long] = RUNS.map(&mut measure);
    let more = (RUNS[1] - RUNS[0]) as f64;
    std::array::from_fn(|index| (long[index] as f64 - short[index] as f64) / more)
}

/// Whether no more is allocated than is committed.
fn allocations() -> bool {
    job::run(RUNS[0], Pace::InStep);
    let [count, bytes] = marginal(|frames| {
        let before = ALLOCATOR.so_far();
        job::run(frames, Pace::InStep);
        let after = ALLOCATOR.so_far();
        [after[0] - before[0], after[1] - before[1]]
    });
    println!("allocations a frame: {count:.1} (held: {}), {bytes:.0} bytes (held: {})", HELD[0], HELD[1]);
    count <= HELD[0] && bytes <= HELD[1]
}

/// Of all threads, with a sink on a thread of its own and frames as fast as they go.
fn wake_ups() -> bool {
    let switches = job::run(RUNS[1], Pace::AtOnce);
    bounded("wake-ups a frame", switches as f64 / (RUNS[1] - job::SETTLED) as f64, BOUNDED[0])
}

/// Between two workers, as between two processes.
fn progress() -> bool {
    let messages = progress::messages(RUNS[1]);
    bounded("messages about progress a frame, of two workers", messages as f64 / RUNS[1] as f64, BOUNDED[1])
}

fn bounded(what: &str, figure: f64, most: f64) -> bool {
    println!("{what}: {figure:.2} (at most: {most})");
    figure <= most
}
