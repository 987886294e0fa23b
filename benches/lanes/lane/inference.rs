//! The model alone, without an engine and without pictures to decode: what no engine can be faster than.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use vigie::codec::Pixels;
use vigie::engine::{Model, Session};
use vigie::models::{self, Choice, Detector};

use crate::frames::BATCH;
use crate::procfs::Stat;

/// Batches of each measurement, after a few to warm up.
const BATCHES: usize = 40;
const WARM: usize = 6;

/// What the model takes. Milliseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Alone {
    /// A batch of three, on one thread while the other core has nothing to do.
    pub batch: f64,
    /// One frame, the same.
    pub one: f64,
    /// On a core for a frame, while two threads do so.
    pub cpu: f64,
}

/// Measures it in a process of its own, so that the harness loads no model.
///
/// # Errors
/// What that process says.
pub fn alone(model: &Path) -> anyhow::Result<Alone> {
    let output = Command::new(std::env::current_exe()?).arg("inference").arg(model).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).with_context(|| format!("inference alone: {said}"))
}

/// That process: prints what it has measured.
///
/// # Errors
/// The model can't be run.
pub fn measure(model: &Path) -> anyhow::Result<()> {
    let model = Model::load(model).map_err(anyhow::Error::msg)?;
    let (mut first, mut second) = (Lone::open(&model)?, Lone::open(&model)?);
    let (batch, one) = (first.milliseconds(BATCH, BATCHES)?, first.milliseconds(1, BATCHES)?);
    second.milliseconds(BATCH, 1)?;
    let before = cpu()?;
    std::thread::scope(|scope| {
        let other = scope.spawn(|| second.milliseconds(BATCH, BATCHES));
        first.milliseconds(BATCH, BATCHES).and(other.join().expect("it does not panic"))
    })?;
    let cpu = (cpu()? - before) * 1e3 / (2 * (BATCHES + WARM) * BATCH) as f64;
    println!("{}", serde_json::to_string(&Alone { batch, one, cpu })?);
    Ok(())
}

/// A model on one thread, and nothing around it.
struct Lone {
    session: Session,
    detector: Detector,
    grey: Pixels,
}

impl Lone {
    fn open(model: &Model) -> anyhow::Result<Self> {
        let detector = models::detector(model, &Choice::default()).map_err(anyhow::Error::msg)?;
        let grey = Pixels { width: 640, height: 480, rgb: vec![114; 640 * 480 * 3] };
        Ok(Self { session: detector.session(model)?, detector, grey })
    }

    /// What a batch of so many frames takes: the median of some.
    fn milliseconds(&mut self, frames: usize, batches: usize) -> anyhow::Result<f64> {
        let Self { session, detector, grey } = self;
        let mut times = Vec::new();
        for turn in 0..WARM + batches {
            let start = Instant::now();
            // The input stays as it is: only the first one has to be made.
            let fill = |_: usize, input: &mut [f32]| {
                if turn == 0 {
                    detector.prepare(&*grey, input);
                }
            };
            session.run(frames, fill, |_, _| {}).map_err(anyhow::Error::msg)?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let mut times = times.split_off(WARM);
        times.sort_by(f64::total_cmp);
        Ok(times[times.len() / 2])
    }
}

/// Seconds of this process on a core.
fn cpu() -> anyhow::Result<f64> {
    let line = std::fs::read_to_string("/proc/self/stat")?;
    Stat::read(&line).map(|stat| stat.cpu).context("/proc/self/stat is not as expected")
}
