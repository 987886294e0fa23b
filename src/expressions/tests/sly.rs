//! Expressions that are written to hold up a worker, to fill its memory or to end it.

use super::*;
use crate::expressions::machine::Machine;
use crate::expressions::parameter::NO_SETTINGS;

/// Runs it where the stack is small: a quarter of what threads have otherwise.
fn on_a_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(work).expect("a thread");
    thread.join().expect("it neither panics nor overflows")
}

/// Catches a text of four kilobytes that overflows the stack of whoever reads, checks, evaluates or drops it.
#[test]
fn what_is_nested_is_refused_before_the_stack_ends() {
    on_a_small_stack(|| {
        let sample = Sample::new();
        for (start, middle, end) in [
            ("(", "1", ")"),
            ("[", "", "]"),
            ("{\"a\":", "1", "}"),
            ("!", "true", ""),
            ("-", "number", ""),
            ("!-", "1", ""),
            ("true ? 1 : ", "2", ""),
            ("1 + (", "1", ")"),
            ("1 + ", "1", ""),
            ("size(", "labels", ")"),
            ("", "values", ".a"),
            ("", "values", "[0]"),
            ("[1].map(x, ", "x", ")"),
            ("true && (false || ", "true", ")"),
        ] {
            for count in [3, 10, 30, 62, 63, 64, 65, 66, 100, 300] {
                let text = start.repeat(count) + middle + &end.repeat(count);
                let found = outcome(&text, &sample.facts());
                let refused = found.contains("nested deeper than") || found.contains("bytes at most");
                assert!(refused || count < 66, "{text}: {found}");
            }
        }
    });
}

/// Catches conditions of many parts that are refused: people list cameras.
#[test]
fn many_parts_side_by_side_are_sound() {
    let sample = Sample::new();
    let text = vec!["camera == \"door\""; 200].join(" || ");
    assert_eq!(outcome(&text, &sample.facts()), "=> false");
    let long = "true && ".repeat(600) + "true";
    assert!(outcome(&long, &sample.facts()).contains("4096 bytes at most"));
}

/// Catches an evaluation that takes more steps than it may, or makes more.
#[test]
fn steps_and_memory_are_bounded() {
    let mut sample = Sample::new();
    let one = sample.detections[0].clone();
    sample.detections = vec![one; 3000];
    sample.values.insert("long".to_owned(), json!("x".repeat(100_000)));
    sample.values.insert("many".to_owned(), json!(vec![1; 100_000]));
    sample.values.insert("deep".to_owned(), json!([vec![vec![1; 1000]; 1000]]));
    let doubled = |what: &str| format!("[{what}]{}", ".map(x, x + x)".repeat(60));
    let cases = [
        "detections.exists(a, detections.exists(b, a.score > b.score))".to_owned(),
        "detections.map(a, detections.map(b, b))".to_owned(),
        "detections.all(a, detections == detections)".to_owned(),
        "detections.all(a, values.many == values.many)".to_owned(),
        "detections.all(a, values.long.contains(\"y\") || true)".to_owned(),
        "detections.all(a, values.long == values.long)".to_owned(),
        "detections.all(a, values.many.all(n, n == 1))".to_owned(),
        "detections.all(a, values.many.all(n, !(n in values.deep[0])))".to_owned(),
        "detections.all(a, size(values.long) > 0)".to_owned(),
        "detections.map(a, values.long.upperAscii())".to_owned(),
        "detections.map(a, detections.filter(b, true)) == []".to_owned(),
        "detections.map(a, [string(1e308), string(-1e308)])".to_owned(),
        doubled("\"abcdefgh\""),
        doubled("[1]"),
        doubled("values.long"),
    ];
    for text in cases {
        let expression = Expression::parse(&text, &Scope::PICTURE).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
        let variables = expression.variables.iter().map(|variable| sample.facts().value(*variable)).collect();
        let mut machine = Machine::new(variables, &NO_SETTINGS);
        let trouble = machine.evaluate(&expression.root).map(|_| ()).expect_err(&text);
        assert!(trouble.limit, "{text}: {trouble:?}");
        assert!(machine.taken() <= STEPS, "{text}");
    }
}

/// Catches a limit that `||` swallows, and goes on.
#[test]
fn a_limit_ends_everything() {
    let mut sample = Sample::new();
    sample.detections = vec![sample.detections[0].clone(); 3000];
    let text = "detections.exists(a, detections.exists(b, a.score > b.score)) || true";
    assert!(outcome(text, &sample.facts()).contains("more than 100000 steps"), "{}", outcome(text, &sample.facts()));
    let plain = "detections.exists(d, d.score > 0.9) || size(detections) == 3000";
    assert_eq!(outcome(plain, &sample.facts()), "=> true");
}
