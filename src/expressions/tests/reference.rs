//! Our CEL against that of the crate `cel`: the same expressions on the same frame.

use cel::{Context, Program, Value as Theirs};
use proptest::prelude::*;

use super::random::{Dice, sound};
use super::*;

/// What the crate makes of an expression; `None` where it is nothing.
fn theirs(text: &str, sample: &Sample) -> Option<String> {
    let mut context = Context::default();
    let detections = sample.detections.iter().filter(|found| found.is_finite());
    let detections: Vec<_> = detections
        .map(|found| json!({"label": &*found.label, "score": (f64::from(found.score) * 1e6).round() / 1e6}))
        .collect();
    context.add_variable("camera", sample.frame.camera.as_str()).ok()?;
    context.add_variable("number", sample.frame.number.0 as i64).ok()?;
    context.add_variable("labels", vec!["person", "cat"]).ok()?;
    context.add_variable("detections", cel::to_value(detections).ok()?).ok()?;
    let program = Program::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    program.execute(&context).ok().map(|value| written(&value))
}

/// A value as the table writes it.
fn written(value: &Theirs) -> String {
    match value {
        Theirs::Null => "null".to_owned(),
        Theirs::Bool(value) => value.to_string(),
        Theirs::Int(value) => value.to_string(),
        Theirs::Float(value) => format!("{value:?}"),
        Theirs::String(text) => serde_json::to_string(text.as_str()).expect("a text is JSON"),
        Theirs::List(values) => format!("[{}]", values.iter().map(written).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}

fn ours(text: &str, sample: &Sample) -> Option<String> {
    let expression = Expression::parse(text, Scope::PICTURE).ok()?;
    expression.evaluate(&sample.facts()).ok().map(|value| shown(&value))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Catches an operator, a function or a loop that means something else here than in CEL.
    #[test]
    fn expressions_mean_what_cel_says(bytes in prop::collection::vec(any::<u8>(), 1..64)) {
        let sample = Sample::new();
        let mut dice = Dice::new(&bytes);
        let of = ["int", "double", "bool", "text", "list", "texts"][usize::from(bytes[0]) % 6];
        let text = sound(&mut dice, of, 3);
        prop_assert_eq!(ours(&text, &sample), theirs(&text, &sample), "{}", text);
    }
}
