//! What views are told of frames, whatever becomes of those.

use super::*;

/// What a view is told of four frames: 2 has a fault in a step, 3 is no picture at all, and 4 says what is true of another one.
fn told_of(kind: &str, inputs: Vec<Input>) -> Vec<String> {
    let graph = Graph { steps: vec![(Kind::Fault(4), vec![Input::Source(0)])], nests: vec![vec![]], sinks: vec![] };
    let mut plan = graph.plan();
    let kinds = crate::views::KINDS.iter().find(|row| kind.starts_with(row.name)).expect("a kind");
    let table = toml::de::ValueDeserializer::parse(&kind[kinds.name.len()..]).expect("a table");
    let config = (kinds.parse)(table).expect("a sound table");
    plan.wishes.ears = vec![Ear { inputs, teller: Teller::new(config.as_ref(), None) }];
    let truth = Frame { truth: Some("cat".into()), ..frame(4) };
    let flawed = Frame { flaw: Some(Flaw::new(Reason::Empty, "nothing")), ..frame(3) };
    let batch = Batch { frames: vec![frame(1), frame(2), flawed, truth], cause: operators::Cause::Full };
    let worked = operators::Work::work(&mut plan, vec![batch]).pop().expect("one answer");
    assert_eq!(worked.outcomes.len(), 4);
    let id = |told: Told| match told {
        Told::Fact(_, fact) => fact.id.to_string(),
        Told::Truth(_, truth) => format!("{} is {}", truth.id, truth.label),
    };
    worked.told.into_iter().map(id).collect()
}

/// Catches a view that counts what no sink was given, one about frames that leaves out those that came and died, one that
/// is told of frames in front of its `from`, and dead letters that nobody hears of.
#[test]
fn views_are_told_what_sinks_are_given() {
    let (source, step) = (|| vec![Input::Source(0)], || vec![Input::Step(0)]);
    assert_eq!(told_of("count{}", source()), ["1"]);
    assert_eq!(told_of("seen{}", source()), ["1", "2"]);
    assert_eq!(told_of("seen{}", step()), ["1"]);
    assert_eq!(told_of("accuracy{}", step()), ["1", "4 is cat"]);
    assert_eq!(told_of("top{ of = 'dead' }", source()), ["2", "3"]);
}
