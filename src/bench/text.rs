//! The findings as lines for a terminal.

use std::fmt::Write as _;

use bytesize::ByteSize;

use super::advice::Advice;
use super::measure::{Cost, Measured};
use super::{Findings, OUTSIDE};
use crate::latency::table::aligned;

/// All of it.
pub fn written(findings: &Findings) -> String {
    let Findings { job, file, pictures, picture_bytes, cores, workers, batches, advice } = findings;
    let chosen = workers.iter().find(|trial| trial.workers == advice.workers);
    let mut text =
        format!("{job}: {pictures}, {} each, in place of its sources; {cores} cores\n\n", size(*picture_bytes));
    text += &trials(workers, batches);
    if let Some(chosen) = chosen {
        text += &format!("\nWhat a frame costs with -w {}, in milliseconds of a thread:\n\n", chosen.workers);
        text += &costs(&chosen.costs);
        text += &format!("\nWhat limits: {}.\n", advice.limit);
        text += &outcome(chosen);
    }
    advice.notes.iter().for_each(|note| text += &format!("Note: {note}.\n"));
    text += &choice(advice);
    text += &match advice.write.is_empty() {
        true => format!("\n{file} says so already. To run it: vigie run {file} -w {}\n", advice.workers),
        false => {
            format!("\nFor {file}:\n\n{}\n\nThen: vigie run {file} -w {}\n", advice.write.join("\n"), advice.workers)
        }
    };
    text + "\n" + OUTSIDE + "\n"
}

/// Bytes as people read them.
fn size(bytes: f64) -> ByteSize {
    ByteSize(bytes.round() as u64)
}

/// One row a trial; those of other batches after those of other workers.
fn trials(workers: &[Measured], batches: &[Measured]) -> String {
    let heads = ["-w", "batch", "frames/s", "CPU ms a frame", "cores", "memory opened", "at work"];
    let number = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    let bytes = |value: Option<u64>| value.map_or("-".to_owned(), |value| ByteSize(value).to_string());
    let row = |trial: &Measured| {
        vec![
            trial.workers.to_string(),
            trial.batch.to_string(),
            format!("{:.1}", trial.frames_per_second),
            number(trial.cpu_ms, 2),
            number(trial.cores, 2),
            bytes(trial.memory_opened),
            bytes(trial.memory),
        ]
    };
    let heads = heads.map(str::to_owned).to_vec();
    aligned(&std::iter::once(heads).chain(workers.iter().chain(batches).map(row)).collect::<Vec<_>>())
}

fn costs(costs: &[Cost]) -> String {
    let width = costs.iter().map(|cost| cost.stage.chars().count()).max().unwrap_or_default();
    let line = |Cost { stage, ms, share }: &Cost| format!("  {stage:<width$}  {ms:>8.3}  {:>3.0} %\n", share * 1e2);
    costs.iter().map(line).collect()
}

/// What came of the frames of a trial.
fn outcome(trial: &Measured) -> String {
    let frames = trial.account.frames as f64;
    let sink = |(name, load): (&String, &super::take::Load)| {
        format!("{name} {} in {:.2} things", size(load.bytes as f64 / frames), load.things as f64 / frames)
    };
    let sinks: Vec<_> = trial.sinks.iter().map(sink).collect();
    let sinks = if sinks.is_empty() { "nothing".to_owned() } else { sinks.join(", ") };
    format!("What sinks get of a frame: {sinks}.\n")
}

fn choice(advice: &Advice) -> String {
    let Advice { workers, batch, timeout_ms, window, why, cameras, .. } = advice;
    let values = [
        format!("-w {workers}"),
        format!("[batch] size = {batch}"),
        format!("[batch] timeout = \"{timeout_ms}ms\""),
        format!("[limits] window = {window}"),
    ];
    let mut text = "\nWhat to choose:\n\n".to_owned();
    for (value, why) in values.iter().zip(why) {
        writeln!(text, "  {value:<26}  {why}").expect("a string takes all");
    }
    let carried: Vec<_> = cameras.iter().map(|of| format!("{} of {} frames/s", of.cameras, of.rate)).collect();
    if !carried.is_empty() {
        text += &format!(
            "  {:<26}  {}; four fifths of the rate, so that a rush finds room\n",
            "cameras",
            carried.join(", or ")
        );
    }
    text
}
