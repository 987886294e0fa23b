//! What a step costs that does nothing, a branch, and a condition: the graph's own price, without any pixel.
//!
//! ```text
//! cargo bench --bench graph
//! ```

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use operators::{Flaw, Frame, Number, UnixMillis};
use vigie::codec::{Enough, Limits};
use vigie::expressions::{Condition, Scope};
use vigie::metrics::Metrics;
use vigie::picture::Picture;
use vigie::plan::{Input, Node, Plan, Wishes};
use vigie::report::Detection;
use vigie::steps::{Choose, Each, Verdict, Work};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Steps in a row: enough that what a frame costs without any does not count.
const STEPS: usize = 32;
/// Frames a batch.
const BATCH: u64 = 3;
/// Batches a measurement, of which there are several: the least disturbed counts.
const BATCHES: u64 = 5_000;
const TIMES: usize = 9;
/// What a step may cost a frame.
const GOAL: Duration = Duration::from_micros(1);

/// A step, and a branch, that do nothing.
struct Nothing;

impl Each for Nothing {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        black_box(picture);
        Ok(Verdict::GoesOn)
    }
}

struct First;

impl Choose for First {
    fn choose(&mut self, picture: &mut Picture) -> Result<bool, Flaw> {
        black_box(picture);
        Ok(true)
    }
}

fn main() {
    let none = time(&mut plan(0, || Work::line(Nothing)));
    println!("{BATCH} frames a batch, {STEPS} steps in a row");
    println!("a frame without steps: {:>8.0} ns", none * 1e9);
    for (name, work) in [
        ("a step that does nothing", (|| Work::line(Nothing)) as fn() -> Work),
        ("a branch", || Work::Branch(Box::new(First))),
    ] {
        let cost = (time(&mut plan(STEPS, work)) - none) / STEPS as f64;
        println!("{name}: {:>8.0} ns a frame (goal {} ns)", cost * 1e9, GOAL.as_nanos());
    }
    conditions();
}

/// What conditions cost a frame in which two things were found.
fn conditions() {
    let found = |score| Detection {
        class: 0,
        label: "person".into(),
        score,
        area: [10.0, 10.0, 50.0, 90.0],
        landmarks: None,
        by: "persons".into(),
    };
    let mut picture = Picture::new(frame(1));
    picture.detections = vec![found(0.5), found(0.9)];
    for text in [
        "camera == 'door'",
        "size(detections) > 0 && detections.exists(d, d.score > 0.8)",
        "has(values.gender) && values.gender == 'woman'",
    ] {
        let condition = Condition::read(text, &Scope::PICTURE, Limits::default()).expect("a sound condition");
        let cost = quickest(|| {
            (0..BATCHES).for_each(|_| _ = black_box(condition.holds(&mut picture)));
            BATCHES
        });
        println!("{text}: {:>8.0} ns", cost * 1e9);
    }
}

/// So many steps in a row.
fn plan(steps: usize, work: impl Fn() -> Work) -> Plan {
    let input = |index: usize| if index == 0 { Input::Source(0) } else { Input::Step(index - 1) };
    let node =
        |index: usize| Node { name: index.to_string(), work: work(), enough: Enough::All, inputs: vec![input(index)] };
    let wishes =
        Wishes { taps: Vec::new(), ears: Vec::new(), job: "graph".into(), limits: Default::default(), truth: None };
    Plan::new((0..steps).map(node).collect(), wishes, Arc::new(Metrics::new("graph")))
}

/// Seconds a frame.
fn time(plan: &mut Plan) -> f64 {
    quickest(|| {
        for number in 0..BATCHES {
            black_box(plan.run((0..BATCH).map(|place| frame(number * BATCH + place)).collect()));
        }
        BATCHES * BATCH
    })
}

/// Seconds for one of what `work` does so many times, in the quickest of several measurements.
fn quickest(mut work: impl FnMut() -> u64) -> f64 {
    let measure = |_| {
        let start = Instant::now();
        let count = work();
        start.elapsed().as_secs_f64() / count as f64
    };
    (0..TIMES).map(measure).fold(f64::INFINITY, f64::min)
}

fn frame(number: u64) -> Frame {
    Frame { received_at: UnixMillis(0), ..Frame::new("door".into(), Number(number), "1".into(), Default::default()) }
}
