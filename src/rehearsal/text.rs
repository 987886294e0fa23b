//! A rehearsal as lines for a terminal.

use std::fmt::Write as _;

use bytesize::ByteSize;

use super::Rehearsed;
use super::scenes::{End, Scene};
use crate::job::Job;
use crate::plan::Outcome;
use crate::sinks::Parcel;

/// The lines, a scene each, and what the sinks would be given.
pub fn written(job: &Job, all: &[Rehearsed]) -> String {
    let mut text = String::new();
    for rehearsed in all {
        writeln!(text, "{}", rehearsed.name).expect("a string takes all");
        let width = rehearsed.scenes.iter().map(|scene| scene.part.chars().count()).max().unwrap_or_default();
        for scene in &rehearsed.scenes {
            writeln!(text, "  {:<width$}  {}", scene.part, line(scene, &rehearsed.name)).expect("a string takes all");
        }
        for line in ends(job, &rehearsed.outcome) {
            writeln!(text, "  → {line}").expect("a string takes all");
        }
    }
    text
}

fn line(scene: &Scene, name: &str) -> String {
    let mut words = Vec::new();
    words.extend(
        scene.id.strip_prefix(name).filter(|rest| !rest.is_empty()).map(|rest| format!("piece {}", &rest[1..])),
    );
    words.extend(scene.size.map(|[width, height]| format!("{width}×{height}")));
    words.extend((!scene.detections.is_empty()).then(|| found(scene)));
    words.extend((!scene.values.is_empty()).then(|| values(scene)));
    let time: f64 = scene.times.iter().map(|(_, time)| time).sum();
    words.extend((time > 0.0).then(|| format!("{time:.1} ms")));
    words.extend(match &scene.end {
        End::On => None,
        End::LetGo => Some("is let go here".to_owned()),
        End::Fault(why) => Some(format!("FAULT {why}")),
    });
    words.join("  ")
}

/// Each class with its number: `2 person, 1 dog`.
pub fn found(scene: &Scene) -> String {
    let mut classes: Vec<(&str, usize)> = Vec::new();
    for found in &scene.detections {
        match classes.iter_mut().find(|(label, _)| *label == &*found.label) {
            Some((_, count)) => *count += 1,
            None => classes.push((&found.label, 1)),
        }
    }
    classes.iter().map(|(label, count)| format!("{count} {label}")).collect::<Vec<_>>().join(", ")
}

/// The values on one line, each cut to what can be read.
fn values(scene: &Scene) -> String {
    const MOST: usize = 60;
    let value = |(name, value): (&String, &serde_json::Value)| {
        let text = value.to_string();
        let cut: String = text.chars().take(MOST).collect();
        format!("{name} = {cut}{}", if cut.len() < text.len() { "…" } else { "" })
    };
    scene.values.iter().map(value).collect::<Vec<_>>().join(", ")
}

/// How the frame ends, and what would be written for it.
pub fn ends(job: &Job, outcome: &Outcome) -> Vec<String> {
    let parcel = |(sink, parcel): &(usize, Parcel)| {
        let part = &job.sinks[*sink];
        let (what, size) = (parcel.media, ByteSize(parcel.body.len() as u64));
        format!("{} would get {what}, {size}, for {}: {}", part.name, parcel.frame.id, part.config.describe())
    };
    let told = |parcels: &[(usize, Parcel)], end: String| parcels.iter().map(parcel).chain([end]).collect();
    match outcome {
        Outcome::Result(_, parcels, _) if parcels.is_empty() => vec!["it is done, and nothing is written".to_owned()],
        Outcome::Result(_, parcels, _) => told(parcels, "it is a result".to_owned()),
        Outcome::Filtered(step, _, parcels, _) => told(parcels, format!("it is filtered by {}", job.steps[*step].name)),
        Outcome::Dead(fault) => vec![format!("it is a dead letter, {}: {}", fault.flaw.reason, fault.flaw.detail)],
    }
}
