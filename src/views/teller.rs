//! What a view is told of a frame.

use std::collections::BTreeMap;
use std::sync::Arc;

use operators::views::Fact;
use operators::{Frame, UnixMillis};
use serde_json::Value;

use super::seed::Seed;
use super::truth::Reading;
use super::{Key, ViewConfig};
use crate::picture::Picture;

/// What a fact takes from a frame as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: that the frame is there is all.
    Nothing,
    /// How often each class was found, or that one class.
    Classes(Option<String>),
    /// The label that a model gave: what that value says; else the likeliest class, or the one value that has a score
    /// beside it.
    Label(Option<String>),
    /// How long the frame spent where, in microseconds.
    Stages,
    /// That it is a dead letter. The frames of such a view are the dead ones, and no others.
    Dead,
}

/// Makes the facts of one view. It is the same for pictures and for the reports that were written of them.
#[derive(Clone, Debug)]
pub struct Teller {
    by: Vec<Key>,
    found: Found,
    needs_truth: bool,
    truth: Option<Reading>,
}

impl Teller {
    /// The teller of a view; `truth` is where it stands what is true of a picture, if the view says so itself.
    pub fn new(config: &dyn ViewConfig, truth: Option<Reading>) -> Self {
        let by = config.terms().by.iter().filter(|key| **key != Key::Class).cloned().collect();
        Self { by, found: config.found(), needs_truth: config.needs_truth(), truth }
    }

    /// Whether the view is about dead letters.
    pub fn is_of_the_dead(&self) -> bool {
        self.found == Found::Dead
    }

    /// Whether the view is about frames that came, whatever became of them. Any other one is not told of dead letters, as no
    /// sink is.
    pub fn is_of_all(&self) -> bool {
        self.found == Found::Nothing
    }

    /// Whether the view compares with what is true.
    pub fn needs_truth(&self) -> bool {
        self.needs_truth
    }

    /// What is told of a picture that is now where the view takes from.
    pub fn of_picture(&self, picture: &Picture) -> Fact {
        let fact = self.fact(&Seed::from(picture), UnixMillis::now());
        match &self.truth {
            Some(own) => Fact { truth: own.of(picture), ..fact },
            None => fact,
        }
    }

    /// What is told of a frame that became a dead letter.
    pub fn of_the_dead(&self, frame: &Frame) -> Fact {
        self.fact(&Seed::from(&Picture::new(frame.clone())), UnixMillis::now())
    }

    /// What is told of a frame that is where the view takes from at `now`.
    pub fn fact(&self, seed: &Seed<'_>, now: UnixMillis) -> Fact {
        Fact {
            camera: seed.camera.into(),
            id: seed.id.into(),
            version: seed.received_at,
            at: seed.at(),
            number: operators::Number(seed.number),
            by: self.by.iter().map(|key| key.of(seed)).collect(),
            found: self.found(seed, now),
            truth: seed.truth.clone(),
        }
    }

    fn found(&self, seed: &Seed<'_>, now: UnixMillis) -> Vec<(Arc<str>, i64)> {
        match &self.found {
            Found::Nothing => Vec::new(),
            Found::Dead => vec![("dead".into(), 1)],
            Found::Classes(wanted) => classes(seed, wanted.as_deref()),
            Found::Label(name) => label(seed, name.as_deref()).into_iter().map(|label| (label.into(), 1)).collect(),
            Found::Stages => stages(seed, now),
        }
    }
}

fn classes(seed: &Seed<'_>, wanted: Option<&str>) -> Vec<(Arc<str>, i64)> {
    let mut counts = BTreeMap::<Arc<str>, i64>::new();
    for found in seed.detections.iter().filter(|found| wanted.is_none_or(|wanted| *found.label == *wanted)) {
        *counts.entry(found.label.clone()).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// A label is the likeliest class, or a text with a score beside it: `label` and `label_score`.
fn label<'s>(seed: &'s Seed<'_>, name: Option<&str>) -> Option<&'s str> {
    if let (None, Some(likeliest)) = (name, seed.labels.first()) {
        return Some(&likeliest.label);
    }
    let scored = |name: &&String| seed.values.contains_key(&format!("{name}_score"));
    let name = name.or_else(|| seed.values.keys().find(scored).map(String::as_str))?;
    seed.values.get(name).and_then(Value::as_str)
}

/// `travel`, from the camera to Vigie; `wait`, for the steps; what steps did, each by its name; `total`, from the camera (or
/// from when it was received) until now. A clock of a camera that is ahead makes no time less than nothing.
fn stages(seed: &Seed<'_>, now: UnixMillis) -> Vec<(Arc<str>, i64)> {
    let micros = |from: UnixMillis, to: UnixMillis| to.0.saturating_sub(from.0).saturating_mul(1000);
    let worked: u64 = seed.timings.values().sum();
    let here = micros(seed.received_at, now);
    let mut all = BTreeMap::<&str, u64>::from([("wait", here.saturating_sub(worked)), ("total", here)]);
    if let Some(captured_at) = seed.captured_at {
        let travel = micros(captured_at, seed.received_at);
        all.extend([("travel", travel), ("total", here.saturating_add(travel))]);
    }
    all.extend(seed.timings.iter().map(|(stage, time)| (*stage, *time)));
    all.into_iter().map(|(stage, time)| (stage.into(), i64::try_from(time).unwrap_or(i64::MAX))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::picture::tests::{found, picture};

    fn teller(found: Found) -> Teller {
        Teller { by: vec![Key::Camera], found, needs_truth: false, truth: None }
    }

    fn told(found: Found, picture: &Picture, now: u64) -> Vec<(String, i64)> {
        let fact = teller(found).fact(&Seed::from(picture), UnixMillis(now));
        fact.found.into_iter().map(|(name, count)| (name.to_string(), count)).collect()
    }

    /// Catches classes that are not added up, and others than the one that was asked for.
    #[test]
    fn classes_are_counted() {
        let mut picture = picture("jpeg".into());
        picture.detections = vec![found("person", 0.9), found("cat", 0.8), found("person", 0.7)];
        assert_eq!(told(Found::Classes(None), &picture, 0), [("cat".into(), 1), ("person".into(), 2)]);
        assert_eq!(told(Found::Classes(Some("person".into())), &picture, 0), [("person".into(), 2)]);
        assert_eq!(told(Found::Classes(Some("dog".into())), &picture, 0), []);
    }

    /// Catches a value that is taken for a label because it is the first.
    #[test]
    fn a_label_is_what_has_a_score_or_what_was_named() {
        let mut picture = picture("jpeg".into());
        assert_eq!(told(Found::Label(None), &picture, 0), []);
        let values = [("age", 7.into()), ("kind", "x".into()), ("of", "cat".into()), ("of_score", 0.5.into())];
        picture.values = values.map(|(name, value): (&str, Value)| (name.to_owned(), value)).into();
        assert_eq!(told(Found::Label(None), &picture, 0), [("cat".into(), 1)]);
        assert_eq!(told(Found::Label(Some("kind".into())), &picture, 0), [("x".into(), 1)]);
        assert_eq!(told(Found::Label(Some("age".into())), &picture, 0), [], "no text");
    }

    /// Catches stages that do not add up to the whole, and a clock that is ahead.
    #[test]
    fn stages_add_up() {
        let mut picture = picture("jpeg".into());
        (picture.frame.captured_at, picture.frame.received_at) = (Some(UnixMillis(1000)), UnixMillis(1010));
        picture.timings = vec![("infer", Duration::from_millis(3)), ("infer", Duration::from_millis(2))];
        let expected = [("infer", 5_000), ("total", 40_000), ("travel", 10_000), ("wait", 25_000)];
        assert_eq!(told(Found::Stages, &picture, 1040), expected.map(|(stage, time)| (stage.to_owned(), time)));
        picture.frame.captured_at = Some(UnixMillis(2000));
        assert!(told(Found::Stages, &picture, 1040).contains(&("travel".to_owned(), 0)));
    }
}
