//! What a job should say, by what was measured: each choice with its reason.

use std::time::Duration;

use bytesize::ByteSize;
use serde::Serialize;

use super::measure::{Account, Measured};
use crate::job::{Batch, Limits};
use crate::units::Time;

/// A rate that is less than this share of another is worth a change: rates of one machine move by a few per cent by themselves.
const WORTH: f64 = 0.95;

/// How long sinks that are not played may hold a frame before workers wait for them.
const HELD: Duration = Duration::from_millis(250);

/// Of the rate, cameras may fill this share: what comes in a rush finds room.
const ROOM: f64 = 0.8;

/// Rates of cameras that are told, in frames a second.
const RATES: [f64; 4] = [1.0, 5.0, 10.0, 25.0];

/// From this share of the time on a thread is what limits.
const BUSY: f64 = 0.9;

/// What to choose.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// What keeps the job from being faster.
    pub limit: String,
    /// Worker threads: `-w`.
    pub workers: usize,
    /// Frames a batch: `size` under `[batch]`.
    pub batch: usize,
    /// How long a batch waits to fill, in milliseconds: `timeout` under `[batch]`.
    pub timeout_ms: u64,
    /// Frames under way: `window` under `[limits]`.
    pub window: usize,
    /// Why, one sentence for each of these four.
    pub why: [String; 4],
    /// How many cameras that carries.
    pub cameras: Vec<Cameras>,
    /// What else has to be known of the figures.
    pub notes: Vec<String>,
    /// Lines for the job file, where it should say something else than it does.
    pub write: Vec<String>,
}

/// Cameras of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cameras {
    /// Frames a second of each.
    pub rate: f64,
    /// How many of them.
    pub cameras: u64,
}

/// What the job says now.
#[derive(Clone, Debug)]
pub struct Says {
    /// `[batch]`
    pub batch: Batch,
    /// `[limits]`
    pub limits: Limits,
    /// Bytes of a frame as it comes, on average.
    pub frame_bytes: f64,
    /// Cores of the machine.
    pub cores: usize,
}

/// The trial of those that differ in workers which to choose: the fewest that are as fast as any.
pub fn best(trials: &[Measured]) -> Option<&Measured> {
    let most = trials.iter().map(|trial| trial.frames_per_second).fold(0.0, f64::max);
    trials.iter().find(|trial| trial.frames_per_second >= WORTH * most)
}

impl Advice {
    /// By trials that differ in workers, of which `best` is one, and by some that differ from that one in their batches.
    pub fn of(says: &Says, workers: &[Measured], best: &Measured, batches: &[Measured]) -> Self {
        let (batch, why_batch) = batch(says, best, batches);
        let (timeout, why_timeout) = timeout(says, batch);
        let (window, why_window) = window(says, batch);
        Self {
            limit: limit(says, best),
            workers: best.workers,
            batch: batch.batch,
            timeout_ms: timeout.as_millis() as u64,
            window,
            why: [why_workers(best, workers), why_batch, why_timeout, why_window],
            cameras: RATES.map(|rate| carried(batch, rate)).into_iter().filter(|of| of.cameras > 0).collect(),
            notes: notes(says, best, batches),
            write: lines(says, batch.batch, timeout, window),
        }
    }
}

/// `12 % less`, as a rate is beside another.
fn beside(rate: f64, other: f64) -> String {
    match ((rate / other - 1.0) * 100.0).round() {
        0.0 => "as many".to_owned(),
        more if more > 0.0 => format!("{more} % more"),
        less => format!("{} % less", -less),
    }
}

fn why_workers(best: &Measured, all: &[Measured]) -> String {
    let rate = best.frames_per_second;
    let other = |trial: &Measured| format!("-w {} {}", trial.workers, beside(trial.frames_per_second, rate));
    let others: Vec<_> = all.iter().filter(|trial| trial.workers != best.workers).map(other).collect();
    let others = if others.is_empty() { "no other was tried".to_owned() } else { others.join(", ") };
    format!("{rate:.1} frames/s; {others}")
}

/// Whether the steps had work for more cores than the machine gave them: then a rate says little beside another.
fn is_starved(says: &Says, trial: &Measured) -> bool {
    let threads = trial.workers.min(says.cores) as f64;
    trial.busy >= BUSY && trial.cores.is_some_and(|cores| cores < BUSY * threads)
}

/// The job's own size, unless another one is worth a change.
fn batch<'t>(says: &Says, own: &'t Measured, others: &'t [Measured]) -> (&'t Measured, String) {
    let fastest = others.iter().max_by(|a, b| a.frames_per_second.total_cmp(&b.frames_per_second));
    let is_sure = |other: &Measured| !is_starved(says, own) && !is_starved(says, other);
    let is_better = |other: &Measured| own.frames_per_second < WORTH * other.frames_per_second && is_sure(other);
    let chosen = fastest.filter(|fastest| is_better(fastest)).unwrap_or(own);
    let mut rest: Vec<_> = others.iter().chain([own]).filter(|trial| trial.batch != chosen.batch).collect();
    rest.sort_by_key(|trial| trial.batch);
    let other = |trial: &&Measured| {
        format!("batches of {} {}", trial.batch, beside(trial.frames_per_second, chosen.frames_per_second))
    };
    let told: Vec<_> = rest.iter().map(other).collect();
    let mut why = format!("{:.1} frames/s; {}", chosen.frames_per_second, told.join(", "));
    let alone = rest.iter().find(|trial| trial.batch == 1);
    if alone.is_some_and(|alone| alone.frames_per_second >= WORTH * chosen.frames_per_second) {
        why += ". Where few frames come, 1 is better: none waits for others";
    }
    (chosen, why)
}

/// The job's own, unless batches would not be full when there is much to do.
fn timeout(says: &Says, chosen: &Measured) -> (Duration, String) {
    let own = says.batch.timeout();
    if chosen.batch == 1 {
        return (own, "a batch of 1 does not wait".to_owned());
    }
    let fill = (chosen.batch * chosen.workers) as f64 / chosen.frames_per_second;
    let least = Duration::from_millis((2e2 * fill).ceil() as u64 * 10);
    let told = format!("at this rate a batch of {} fills in {:.0} ms", chosen.batch, fill * 1e3);
    match own.as_secs_f64() < fill {
        true => (least, format!("{told}, and would go before it is full: twice that, for rates that are lower")),
        false => (own, format!("{told}; where few frames come, one waits so long at most")),
    }
}

/// The job's own, unless workers would wait for frames, or the machine could not hold them.
fn window(says: &Says, chosen: &Measured) -> (usize, String) {
    let (own, rate) = (says.limits.window, chosen.frames_per_second);
    let steps = 2 * chosen.workers * chosen.batch;
    let sinks = (rate * HELD.as_secs_f64()).ceil() as usize;
    let needed = (steps + sinks).next_multiple_of(8);
    let window = own.max(needed);
    let frames = format!("{steps} for two batches of each worker, {sinks} for sinks that take {} ms", HELD.as_millis());
    let bytes = ByteSize((window as f64 * says.frame_bytes) as u64);
    let late = window as f64 / rate;
    let cost = format!("{window} frames are {bytes}, and {late:.1} s under way when more come than are worked on");
    let word = if own < needed { "needed are" } else { "enough is" };
    (window, format!("{word} {needed}: {frames}; {cost}"))
}

fn carried(chosen: &Measured, rate: f64) -> Cameras {
    Cameras { rate, cameras: (ROOM * chosen.frames_per_second / rate) as u64 }
}

/// What keeps it from being faster.
fn limit(says: &Says, best: &Measured) -> String {
    let dearest = best.costs.iter().max_by(|a, b| a.ms.total_cmp(&b.ms));
    let dearest = dearest.map(|cost| format!("; the dearest is {}, {:.0} % of a frame", cost.stage, cost.share * 1e2));
    let (busy, dearest) = (best.busy * 1e2, dearest.unwrap_or_default());
    let all_cores = best.cores.is_some_and(|cores| cores >= BUSY * says.cores as f64);
    match (best.busy >= BUSY, all_cores) {
        (true, true) => {
            format!("the cores: all {} are at work, the steps' threads {busy:.0} % of the time{dearest}", says.cores)
        }
        (true, false) => format!("the steps: their threads are at work {busy:.0} % of the time{dearest}"),
        (false, true) => format!("the cores: all {} are at work{dearest}", says.cores),
        (false, false) if best.cores.is_some_and(|cores| cores < BUSY) => format!(
            "the window: frames wait for those before them, and the steps' threads are at work {busy:.0} % of the time"
        ),
        (false, false) => format!(
            "the engine, which hands frames on one after the other: the steps' threads are at work {busy:.0} % of the time \
             alone{dearest}"
        ),
    }
}

/// What has to be known of the figures.
fn notes(says: &Says, best: &Measured, batches: &[Measured]) -> Vec<String> {
    let Account { frames, filtered, dead, .. } = &best.account;
    let share = |count: u64| count as f64 * 1e2 / *frames as f64;
    let let_go = |(step, count): (&String, &u64)| {
        format!("{step} filters {:.0} % of the frames: what follows it costs more where it filters less", share(*count))
    };
    let died = |(reason, count): (&String, &u64)| {
        format!("{:.0} % of the frames become dead letters ({reason}): `vigie try` shows why", share(*count))
    };
    let mut notes: Vec<_> = filtered.iter().filter(|(_, count)| **count > 0).map(let_go).collect();
    notes.extend(dead.iter().map(died));
    if says.limits.window < best.window {
        notes.push(format!(
            "the window was {} frames for this, not the job's {}, which would have held it up",
            best.window, says.limits.window
        ));
    }
    if let Some(trial) = batches.iter().chain([best]).find(|trial| is_starved(says, trial)) {
        notes.push(format!(
            "the steps had work for {} cores and got {:.2}: something else is at work on this machine, the figures are lower than \
             they could be, and no other batch is advised",
            trial.workers.min(says.cores),
            trial.cores.unwrap_or_default()
        ));
    }
    notes
}

/// What the job file should say where it says something else.
fn lines(says: &Says, batch: usize, timeout: Duration, window: usize) -> Vec<String> {
    let (size, waits) = (batch != says.batch.size, timeout != says.batch.timeout());
    let mut lines = Vec::new();
    lines.extend((size || waits).then(|| "[batch]".to_owned()));
    lines.extend(size.then(|| format!("size = {batch}")));
    lines.extend(waits.then(|| format!("timeout = \"{}\"", Time(timeout))));
    if window != says.limits.window {
        lines.extend(["[limits]".to_owned(), format!("window = {window}")]);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::measure::tests::measured;
    use super::*;

    fn says() -> Says {
        Says { batch: Batch::default(), limits: Limits::default(), frame_bytes: 26e3, cores: 4 }
    }

    /// Catches a worker more for nothing, and an advice that follows what moves by itself.
    #[test]
    fn the_fewest_workers_that_are_as_fast_as_any() {
        let trials = [measured(1, 3, 60.0), measured(2, 3, 108.0), measured(4, 3, 110.0)];
        let chosen = best(&trials).expect("three trials");
        let batches = [measured(2, 1, 104.0), measured(2, 6, 109.0)];
        let advice = Advice::of(&says(), &trials, chosen, &batches);
        assert_eq!((advice.workers, advice.batch, advice.timeout_ms, advice.window), (2, 3, 100, 256));
        assert_eq!(advice.why[0], "108.0 frames/s; -w 1 44 % less, -w 4 2 % more");
        assert!(
            advice.why[1].starts_with("108.0 frames/s; batches of 1 4 % less, batches of 6 1 % more"),
            "{advice:?}"
        );
        assert!(advice.why[1].ends_with("1 is better: none waits for others"), "{advice:?}");
        assert_eq!((&*advice.write, &*advice.notes), (&[] as &[String], &[] as &[String]), "nothing to change");
        assert_eq!(advice.cameras.last(), Some(&Cameras { rate: 25.0, cameras: 3 }));
        assert!(best(&[]).is_none());
    }

    /// Catches a change that is told and not written, and a window or timeout that does not go with it.
    #[test]
    fn what_should_change_is_written_as_a_job_has_it() {
        let own = measured(4, 3, 2000.0);
        let batches = [measured(4, 1, 1000.0), measured(4, 6, 4000.0)];
        let mut says = says();
        says.batch.timeout = Time(Duration::from_millis(1));
        let advice = Advice::of(&says, std::slice::from_ref(&own), &own, &batches);
        assert_eq!(advice.write, ["[batch]", "size = 6", "timeout = \"20ms\"", "[limits]", "window = 1048"]);
        let table: toml::Table = advice.write.join("\n").parse().expect("lines of a job");
        assert_eq!(table["limits"]["window"].as_integer(), Some(1048));
        assert!(advice.why[0].ends_with("no other was tried"));
    }

    /// Catches figures that somebody believes although the machine was not free, or most frames were not worked on.
    #[test]
    fn what_has_to_be_known_of_the_figures_is_told() {
        let mut trial = measured(2, 3, 100.0);
        (trial.cores, trial.window) = (Some(1.2), 390);
        trial.account.filtered = [("still".to_owned(), 150)].into();
        trial.account.dead = [("undecodable".to_owned(), 3)].into();
        let advice = Advice::of(&says(), std::slice::from_ref(&trial), &trial, &[]);
        for word in
            ["still filters 50 %", "1 % of the frames become dead letters", "not the job's 256", "2 cores and got 1.20"]
        {
            assert!(advice.notes.iter().any(|note| note.contains(word)), "{word}: {:?}", advice.notes);
        }
        assert!(advice.limit.starts_with("the steps: ") && advice.limit.ends_with("persons: infer, 60 % of a frame"));
    }
}
