//! Our CEL against that of the crate `cel`: the same expressions on the same frame.

use cel::{Context, ExecutionError, Program, Value as Theirs};
use proptest::prelude::*;

use super::random::{Dice, sound};
use super::*;

/// What the crate makes of an expression, or why nothing.
fn theirs(text: &str, sample: &Sample) -> Result<String, ExecutionError> {
    let mut context = Context::default();
    let detections = sample.detections.iter().filter(|found| found.is_finite());
    let detections: Vec<_> = detections
        .map(|found| json!({"label": &*found.label, "score": (f64::from(found.score) * 1e6).round() / 1e6}))
        .collect();
    let known = "a value of the crate's";
    context.add_variable("camera", sample.frame.camera.as_str()).expect(known);
    context.add_variable("number", sample.frame.number.0 as i64).expect(known);
    context.add_variable("labels", vec!["person", "cat"]).expect(known);
    context.add_variable("detections", cel::to_value(detections).expect(known)).expect(known);
    let program = Program::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    program.execute(&context).map(|value| written(&value))
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
    let expression = Expression::parse(text, &Scope::PICTURE).ok()?;
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
        match theirs(&text, &sample) {
            // What is no number (0.0 / 0.0) is neither less nor more than another, says CEL; the crate compares it with none.
            Err(ExecutionError::NoSuchOverload(_)) if text.contains(" / ") => {}
            theirs => prop_assert_eq!(ours(&text, &sample), theirs.ok(), "{}", text),
        }
    }
}
