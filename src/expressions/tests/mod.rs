//! Expressions on one frame: the table of `tests/expressions.txt`, what is sly, what is random.

mod random;
mod reference;
mod sly;
mod task;

use std::collections::BTreeMap;
use std::sync::Arc;

use ::operators::{Frame, Headers, Number, UnixMillis};
use serde_json::{Value as Json, json};

use super::parameter::NO_SETTINGS;
use super::value::Map;
use super::*;
use crate::report::{Detection, Label};

/// What the expressions of the tests are about.
struct Sample {
    frame: Frame,
    detections: Vec<Detection>,
    kinds: Vec<Label>,
    values: BTreeMap<String, Json>,
}

impl Sample {
    fn new() -> Self {
        let mut headers = Headers::default();
        headers.add("label", "cat");
        headers.add("x-lens", "wide");
        let frame = Frame {
            captured_at: Some(UnixMillis(1_795_249_801_250)),
            received_at: UnixMillis(1_795_249_801_300),
            headers: Some(Arc::new(headers)),
            ..Frame::new("door-1".into(), Number(7), "a-7".into(), Default::default())
        };
        let found = |class, label: &str, score, area| Detection {
            class,
            label: label.into(),
            score,
            area,
            landmarks: None,
            by: Default::default(),
        };
        let mut detections = vec![
            found(0, "person", 0.87, [10.0, 20.0, 100.0, 200.0]),
            found(0, "person", 0.5, [300.004, 20.0, 50.0, 100.0]),
            found(15, "cat", 0.8, [0.0, 400.0, 64.0, 48.0]),
            found(15, "cat", f32::NAN, [0.0; 4]),
        ];
        detections[2].landmarks = Some([[10.0, 410.0], [50.0, 410.0], [30.0, 420.0], [10.0, 440.0], [30.0, 440.0]]);
        let values = json!({
            "gender": "woman", "age": 31, "height": 1.75, "tags": ["a", "b"], "nested": {"deep": {"x": 1}},
            "none": null, "ok": true,
        });
        let kinds = vec![Label { label: "cat".into(), score: 0.7 }];
        Self { frame, detections, kinds, values: serde_json::from_value(values).expect("an object") }
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            frame: &self.frame,
            size: Some([640, 480]),
            detections: &self.detections,
            detection: None,
            kinds: &self.kinds,
            values: &self.values,
            settings: &NO_SETTINGS,
            now: UnixMillis(self.frame.received_at.0 + 3_600_000),
        }
    }
}

/// A value as the table writes it.
fn shown(value: &Value<'_>) -> String {
    let quoted = |text: &str| serde_json::to_string(text).expect("a text is JSON");
    let listed = |values: Vec<String>| values.join(", ");
    match value {
        Value::Null => "null".to_owned(),
        Value::Double(value) => format!("{value:?}"),
        Value::List(values) => format!("[{}]", listed(values.iter().map(|value| shown(&value)).collect())),
        Value::Map(map) => format!("{{{}}}", listed(entries(map))),
        other => other.as_text().map(quoted).or_else(|| functions::written(other)).expect("all others are above"),
    }
}

fn entries(map: &Map<'_>) -> Vec<String> {
    let entry = |key: Value<'_>| {
        let value = map.get(key.as_text().unwrap_or_default()).expect("a key of its own");
        format!("{}: {}", shown(&key), shown(&value))
    };
    map.keys().into_iter().map(entry).collect()
}

/// What becomes of an expression, as the table writes it.
fn outcome(text: &str, facts: &Facts<'_>) -> String {
    let column = |at: usize| text[..at].chars().count() + 1;
    match Expression::parse(text, &Scope::PICTURE) {
        Err(wrong) => format!("!! {} {}", column(wrong.at.start), wrong.what),
        Ok(expression) => match expression.evaluate(facts) {
            Err(trouble) => format!("?? {} {}", column(trouble.at), trouble.what),
            Ok(value) => format!("=> {}", shown(&value)),
        },
    }
}

/// Whether a line of the table says what happened: of a mistake it tells the place and a piece of the words.
fn agrees(expected: &str, found: &str) -> bool {
    let mut parts = expected.splitn(3, ' ').zip(found.splitn(3, ' '));
    let (mark, column) = (parts.next(), parts.next());
    match mark {
        Some(("=>", _)) => expected == found,
        Some((a, b)) => {
            let words = parts.next().is_some_and(|(piece, words)| words.contains(piece));
            a == b && column.is_some_and(|(a, b)| a == b) && words
        }
        None => false,
    }
}

/// Catches a value, a mistake or its column that is not what it was: each line of the table.
#[test]
fn the_table_of_expressions_holds() {
    let (sample, mut wrong) = (Sample::new(), Vec::new());
    let table = include_str!("../../../tests/expressions.txt");
    let rows = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut count = 0;
    for row in rows {
        let mark = ["=>", "!!", "??"].into_iter().find_map(|mark| row.find(&format!(" {mark} ")));
        let (text, expected) = row.split_at(mark.expect("a mark in each line"));
        let found = outcome(text, &sample.facts());
        if !agrees(&expected[1..], &found) {
            wrong.push(format!("{text}\n  expected {}\n  found    {found}", &expected[1..]));
        }
        count += 1;
    }
    assert!(count >= 200, "{count} lines");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Catches a condition that is none, or points beside what is wrong.
#[test]
fn a_condition_is_true_or_false() {
    let wrong = Expression::condition("size(detections)", &Scope::PICTURE).expect_err("a number");
    assert_eq!((wrong.at.start, wrong.what.contains("this is an int")), (0, true), "{}", wrong.what);
    for text in ["camera == 'a'", "values.ok", "true"] {
        Expression::condition(text, &Scope::PICTURE).expect("a condition");
    }
}

/// Catches a trouble that ends in something else than a flaw that names its expression.
#[test]
fn what_comes_to_nothing_is_a_flaw_of_the_frame() {
    let sample = Sample::new();
    let told = |text: &str| {
        let expression = Expression::condition(text, &Scope::PICTURE).expect("a condition");
        expression.holds(&sample.facts()).expect_err("nothing comes of it")
    };
    let flaw = told("values.nothing == 1");
    assert_eq!(flaw.reason, Reason::ExpressionFailed);
    assert_eq!(
        flaw.detail,
        "the expression `values.nothing == 1` came to nothing at its column 8: there is no `nothing`: ask \
         has(….nothing) first"
    );
    assert!(told("values.age").detail.contains("has to be true or false, and is an int"));
}

/// Catches a variable that is made although nobody names it: each costs time on every frame.
#[test]
fn only_what_is_named_is_made() {
    let expression = Expression::parse("size(detections) > 0 && size(detections) < 9", &Scope::PICTURE).expect("sound");
    assert_eq!(expression.variables, [Variable::Detections]);
    assert!(!expression.names(Variable::Width));
}

/// Catches a mistake that points to the field, and not into it; and one that points somewhere else where it can't.
#[test]
fn a_mistake_points_into_the_job_file() {
    for (job, place) in [
        ("[step.a]\nwhen = \"kamera == 'a'\"", Some(":2:9")),
        ("[step.a]\nwhen = '''\ntrue &&\n  kamera == 'a'\n'''", Some(":4:3")),
        ("[step.a]\nwhen = \"\\\"a\\\" == kamera\"", None),
    ] {
        let value = toml::from_str::<toml::Table>(job).expect("TOML");
        let text = value["step"]["a"]["when"].as_str().expect("text");
        let wrong = Expression::condition(text, &Scope::PICTURE).map(|_| ()).expect_err("a mistake");
        let start = job.find("when = ").expect("the field") + "when = ".len();
        let mut mistake = Mistake { span: Some(start..job.len()), ..wrong.in_field("when") };
        mistake.narrow(job);
        let told = mistake.told("error", std::path::Path::new("a.toml"), job);
        match place {
            Some(place) => assert!(told.contains(place), "{told}"),
            None => assert!(told.contains(":2:8") && told.contains("(at its column 8)"), "{told}"),
        }
    }
}
