//! What happens to a view, from the dice.

use std::time::Duration;

use operators::views::{
    AccuracyRows, Cell, Definition, Fact, LatencyRows, Over, Question, Remember, Told, TopOf, Truth,
};
use operators::{Number, UnixMillis};
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub enum Event {
    /// Something is told to each view.
    Told(Told),
    /// Time goes on.
    Pass(UnixMillis),
    /// The engine is saved, and another one begins with that.
    Restart,
}

/// Over which frames a question is asked.
pub fn over() -> impl Strategy<Value = Over> {
    let seconds = Duration::from_secs;
    let tumbling = Over::Tumbling { every: seconds(2), keep: 3 };
    prop::sample::select(vec![Over::AllTime, Over::Last, Over::Sliding(seconds(4)), tumbling])
}

/// Each question.
pub fn definitions(over: Over, remember: Remember) -> Vec<Definition> {
    let questions = [
        Question::Count { classes: false },
        Question::Count { classes: true },
        Question::Occupancy { frames: 3 },
        Question::Accuracy { rows: AccuracyRows::Total },
        Question::Accuracy { rows: AccuracyRows::Class },
        Question::Accuracy { rows: AccuracyRows::Confusion },
        Question::Latency { rows: LatencyRows::Stages },
        Question::Latency { rows: LatencyRows::Buckets },
        Question::Seen,
        Question::Gaps,
        Question::Top { most: 2, of: TopOf::Frames },
        Question::Top { most: 2, of: TopOf::Found },
    ];
    let named = |question| Definition {
        by: vec!["site".to_owned()],
        over,
        lateness: Duration::from_secs(2),
        remember,
        ..Definition::new("it", question)
    };
    questions.into_iter().map(named).collect()
}

/// The same, for that view.
pub fn about(told: &Told, view: usize) -> Told {
    match told {
        Told::Fact(_, fact) => Told::Fact(view, fact.clone()),
        Told::Truth(_, truth) => Told::Truth(view, truth.clone()),
    }
}

/// Up to so many events, at a pace of four frames a second, from 20 s on.
pub fn events(most: usize) -> impl Strategy<Value = Vec<Event>> {
    (1..=most).prop_flat_map(|count| (0..count as u64).map(event).collect::<Vec<_>>())
}

fn event(step: u64) -> BoxedStrategy<Event> {
    let now = 20_000 + step * 250;
    prop_oneof![
        12 => fact(step, now).prop_map(|fact| Event::Told(Told::Fact(0, fact))),
        3 => truth(step, now).prop_map(|truth| Event::Told(Told::Truth(0, truth))),
        4 => (0..3_000_u64).prop_map(move |off| Event::Pass(UnixMillis(now + 1_000 - off))),
        1 => Just(Event::Restart),
    ]
    .boxed()
}

/// The same, where corrections leave a frame's time as it is.
pub fn steady(event: &Event) -> Event {
    let Event::Told(Told::Fact(view, fact)) = event else { return event.clone() };
    let turn: u64 = fact.id.as_str().parse().expect("it is called after its turn");
    let at = UnixMillis(20_000 + turn * 250 - turn % 5 * 900);
    Event::Told(Told::Fact(*view, Fact { at, ..fact.clone() }))
}

/// Which frame: mostly the one whose turn it is, or one not long ago; so some come twice, and some never.
fn turn(step: u64) -> impl Strategy<Value = u64> {
    (0..12_u64).prop_map(move |back| step.saturating_sub(back.saturating_sub(4)))
}

fn fact(step: u64, now: u64) -> impl Strategy<Value = Fact> {
    let camera = prop_oneof![Just("yard"), Just("gate")];
    let off = prop_oneof![6 => Just(0), 1 => 0..2_000_u64, 1 => Just(9_000)];
    let found = prop::collection::btree_map(prop_oneof![Just("cat"), Just("dog")], 0..400_i64, 0..=2);
    let truth = prop::option::of(prop_oneof![Just("cat"), Just("dog")]);
    let site = prop_oneof![Just("north"), Just("south")];
    (camera, turn(step), off, 0..3_000_u64, found, truth, site).prop_map(
        move |(camera, turn, off, wait, found, truth, site)| Fact {
            camera: camera.into(),
            id: turn.to_string().into(),
            version: UnixMillis(now + wait / 100 * 100),
            at: UnixMillis(20_000 + turn * 250 - off),
            number: Number(turn / 2),
            by: vec![Cell::from(site)],
            found: found.into_iter().map(|(class, count)| (class.into(), count)).collect(),
            truth: truth.map(Into::into),
        },
    )
}

fn truth(step: u64, now: u64) -> impl Strategy<Value = Truth> {
    let camera = prop_oneof![Just("yard"), Just("gate")];
    let label = prop_oneof![Just("cat"), Just("dog")];
    (camera, turn(step), 0..6_u64, label).prop_map(move |(camera, turn, ahead, label)| Truth {
        camera: camera.into(),
        id: (turn + ahead).to_string().into(),
        version: UnixMillis(now),
        label: label.into(),
    })
}

/// A fact at the edge of what can be said.
pub fn odd_fact(view: usize, time: u64, number: u64) -> Told {
    let fact = Fact {
        camera: "".into(),
        id: number.to_string().into(),
        version: UnixMillis(time),
        at: UnixMillis(time),
        number: Number(number),
        by: vec![],
        found: vec![("".into(), i64::MAX / 8), ("it".into(), -1)],
        truth: None,
    };
    Told::Fact(view, fact)
}
