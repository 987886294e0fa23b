//! A rehearsal as lines for a terminal.

use std::fmt::Write as _;

use super::Rehearsed;
use super::delivery::Ending;
use super::scenes::{End, Scene};

/// The lines, a scene each, and what the sinks would do.
pub fn written(all: &[Rehearsed]) -> String {
    let mut text = String::new();
    for rehearsed in all {
        writeln!(text, "{}", rehearsed.name).expect("a string takes all");
        let width = rehearsed.scenes.iter().map(|scene| scene.part.chars().count()).max().unwrap_or_default();
        for scene in &rehearsed.scenes {
            writeln!(text, "  {:<width$}  {}", scene.part, line(scene, &rehearsed.name)).expect("a string takes all");
        }
        for line in ends(&rehearsed.ending) {
            writeln!(text, "  → {line}").expect("a string takes all");
        }
    }
    text
}

fn line(scene: &Scene, name: &str) -> String {
    let mut words = Vec::new();
    words.extend(piece(scene, name).map(|piece| format!("piece {piece}")));
    words.extend(scene.size.map(|[width, height]| format!("{width}×{height}")));
    words.extend((!scene.detections.is_empty()).then(|| found(scene)));
    words.extend((!scene.values.is_empty()).then(|| values(scene)));
    let time: f64 = scene.times.iter().map(|(_, time)| time).sum();
    words.extend((time > 0.0).then(|| format!("{time:.1} ms")));
    words.extend(scene.played_by.as_ref().map(|file| format!("answered by {file}")));
    words.extend(match &scene.end {
        End::On => None,
        End::LetGo => Some("is let go here".to_owned()),
        End::Fault(why) => Some(format!("FAULT {why}")),
    });
    words.join("  ")
}

/// What a piece of the picture of that name is called, if it is one.
pub fn piece<'s>(scene: &'s Scene, name: &str) -> Option<&'s str> {
    scene.id.strip_prefix(name)?.strip_prefix('.')
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

/// What the sinks would do, and how the frame ends.
fn ends(ending: &Ending) -> impl Iterator<Item = String> {
    let delivered = ending.deliveries.iter().map(|delivery| format!("{} {}", delivery.sink, delivery.said));
    delivered.chain([ending.said.clone()])
}
