//! What is forgotten goes on to count, and takes no room.

use std::time::Duration;

use operators::views::{
    AccuracyRows, Cell, Definition, Engine, Fact, LatencyRows, Over, Question, Remember, Told, TopOf,
};
use operators::{Number, UnixMillis};

/// The frame of a camera that sends ten a second, and every second number of which is lost.
fn frame(number: u64) -> Fact {
    Fact {
        camera: "yard".into(),
        id: number.to_string().into(),
        version: UnixMillis(number * 100 + 7),
        at: UnixMillis(number * 100),
        number: Number(number * 2),
        by: vec![],
        found: vec![(["cat", "dog"][number as usize % 2].into(), number as i64 % 7)],
        truth: Some("cat".into()),
    }
}

/// Questions that sum, of all time; with a memory of a second, and with one of ever.
fn views(span: Duration) -> Vec<Definition> {
    let questions = [
        Question::Count { classes: true },
        Question::Accuracy { rows: AccuracyRows::Confusion },
        Question::Latency { rows: LatencyRows::Stages },
        Question::Seen,
        Question::Gaps,
        Question::Top { most: 3, of: TopOf::Found },
    ];
    let remember = Remember { span, frames: usize::MAX };
    let lateness = Duration::from_millis(500);
    questions.into_iter().map(|question| Definition { remember, lateness, ..Definition::new("it", question) }).collect()
}

fn run(engine: &mut Engine, views: usize, numbers: std::ops::Range<u64>) {
    for number in numbers {
        (0..views).for_each(|view| engine.tell(Told::Fact(view, frame(number))));
        if number % 100 == 99 {
            engine.pass(UnixMillis(number * 100));
        }
    }
}

/// Catches a total that falls when frames are forgotten, or when what is kept of them is put together.
#[test]
fn forgetting_changes_no_total() {
    let (short, long) = (views(Duration::from_secs(1)), views(Duration::from_secs(1_000_000)));
    let [mut forgetful, mut other] = [&short, &long].map(|views| Engine::new(views));
    run(&mut forgetful, short.len(), 0..5_000);
    run(&mut other, long.len(), 0..5_000);
    for (view, definition) in short.iter().enumerate() {
        assert!(forgetful.size(view).remembered < 20, "{definition:?}");
        assert_eq!(other.size(view).remembered, 5_000);
        assert_eq!(forgetful.rows(view), other.rows(view), "{definition:?}");
    }
}

/// Catches an engine that grows with the frames that it has forgotten.
#[test]
fn what_is_forgotten_takes_no_room() {
    let mut views = views(Duration::from_secs(1));
    views.extend([
        Definition { over: Over::Sliding(Duration::from_secs(5)), ..views[0].clone() },
        Definition { over: Over::Tumbling { every: Duration::from_secs(5), keep: 4 }, ..views[0].clone() },
        Definition { remember: views[0].remember, ..Definition::new("it", Question::Occupancy { frames: 5 }) },
    ]);
    let mut engine = Engine::new(&views);
    let size = |engine: &Engine| bincode::serialized_size(&engine.save()).expect("it is made of numbers and texts");
    run(&mut engine, views.len(), 0..5_000);
    let before = size(&engine);
    run(&mut engine, views.len(), 5_000..20_000);
    let after = size(&engine);
    // Gaps are halved when they are too many, so there may be twice as many at one time as at another; never four times.
    assert!(after < 2 * before, "{before} bytes before, {after} after");
}

/// Catches a window that goes on to have rows, and one whose row goes too early.
#[test]
fn a_window_has_a_row_for_as_long_as_it_is_kept() {
    let views = [Definition {
        over: Over::Tumbling { every: Duration::from_secs(10), keep: 2 },
        ..Definition::new("it", Question::Count { classes: false })
    }];
    let mut engine = Engine::new(&views);
    run(&mut engine, 1, 0..300);
    let windows: Vec<Cell> = engine.rows(0).into_keys().flatten().collect();
    assert_eq!(windows, [10_000, 20_000].map(Cell::from));
    engine.tell(Told::Fact(0, frame(300)));
    let changes = engine.pass(UnixMillis(30_000));
    let gone: Vec<_> = changes.iter().filter(|change| change.row.is_none()).map(|change| change.key.clone()).collect();
    assert_eq!(gone, [vec![Cell::from(10_000)]]);
}
