//! `task.*`: what whoever sends a picture says along with it.

use ::operators::{Setting, Settings};

use super::*;

fn parameters() -> [Parameter; 3] {
    let declared = |name: &str, default| Parameter { name: name.to_owned(), default };
    [
        declared("strength", Setting::Number(0.5)),
        declared("who", Setting::Text("all".to_owned())),
        declared("hidden", Setting::Bool(false)),
    ]
}

/// Catches a parameter that is not what the task said, nor its default where the task said nothing.
#[test]
fn a_parameter_is_what_the_task_said_or_its_default() {
    let (sample, parameters) = (Sample::new(), parameters());
    let scope = Scope::PICTURE.with(&parameters);
    let said = Settings::from([("strength".to_owned(), Setting::Number(0.9))]);
    for (text, silent, told) in [
        ("task.strength", "0.5", "0.9"),
        ("task.strength > 0.8 && !task.hidden", "false", "true"),
        ("task.who + camera", "\"alldoor-1\"", "\"alldoor-1\""),
        ("has(task.who)", "true", "true"),
        ("[{'who': 1}].map(task, task.who)", "[1]", "[1]"),
    ] {
        let expression = Expression::parse(text, &scope).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
        let with = |settings| Facts { settings, ..sample.facts() };
        let of = |settings| shown(&expression.evaluate(&with(settings)).expect("a value"));
        assert_eq!((of(&NO_SETTINGS).as_str(), of(&said).as_str()), (silent, told), "{text}");
    }
}

/// Catches a parameter that nobody declared, or that is used as what it is not, and is let pass.
#[test]
fn parameters_are_checked_with_the_job() {
    let parameters = parameters();
    let scope = Scope::PICTURE.with(&parameters);
    for (text, column, words) in [
        ("task.strenght > 0.8", 6, "did you mean `strength`"),
        ("has(task.nothing)", 10, "unknown parameter `nothing`"),
        ("task.who > 0.8", 10, "can't compare a string with a double"),
        ("task == 1", 1, "no value of its own"),
        ("tusk.who == 'a'", 1, "did you mean `task`"),
    ] {
        let wrong = Expression::parse(text, &scope).map(|_| ()).expect_err(text);
        assert!(wrong.at.start + 1 == column && wrong.what.contains(words), "{text}: {wrong:?}");
    }
    let wrong = Expression::parse("task.who == 'a'", &Scope::PICTURE).map(|_| ()).expect_err("none is declared");
    assert!(wrong.what.contains("unknown name `task`"), "{}", wrong.what);
}
