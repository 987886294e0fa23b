//! A million facts through each view, on one thread: 20 cameras that send a thousand frames a second together, a pass after
//! each thousand, the defaults of `remember` (100,000 frames).
//!
//! Time is what the thread was on a core, so that other work on the machine does not count; where nobody says, it is none,
//! and there are no rates. Memory is looked at when the view remembers as much as it may, and at the end: what lies between
//! is growth.

use std::time::Duration;

use operators::views::{AccuracyRows, Cell, Definition, Engine, Fact, LatencyRows, Over, Question, Told, TopOf};
use operators::{Number, UnixMillis};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Facts told to each view.
const FACTS: u64 = 1_000_000;
/// When it remembers as much as it may.
const SETTLED: u64 = 300_000;
/// Facts between two passes.
const GROUP: u64 = 1_000;
/// Cameras.
const CAMERAS: u64 = 20;
/// Facts a second that counting is to bear.
const GOAL: f64 = 300_000.0;

fn main() {
    println!("{:<24}{:>14}{:>14}{:>14}{:>10}", "view", "facts/s, core", "MB, settled", "MB, at end", "rows");
    for view in views() {
        measure(&view);
    }
    println!("goal: {GOAL} facts/s for counts");
}

fn views() -> Vec<Definition> {
    let of = |name: &str, question, over| {
        let by = vec!["camera".to_owned()];
        Definition { by, over, ..Definition::new(name, question) }
    };
    let minute = Over::Tumbling { every: Duration::from_secs(60), keep: 60 };
    let sliding = Over::Sliding(Duration::from_secs(10));
    vec![
        of("count", Question::Count { classes: false }, Over::AllTime),
        of("count, classes", Question::Count { classes: true }, Over::AllTime),
        of("count, 10 s", Question::Count { classes: true }, sliding),
        of("count, minutes", Question::Count { classes: true }, minute),
        of("count, last", Question::Count { classes: true }, Over::Last),
        of("occupancy", Question::Occupancy { frames: 5 }, Over::AllTime),
        of("accuracy", Question::Accuracy { rows: AccuracyRows::Total }, Over::AllTime),
        of("confusion", Question::Accuracy { rows: AccuracyRows::Confusion }, Over::AllTime),
        of("latency", Question::Latency { rows: LatencyRows::Stages }, Over::AllTime),
        of("seen", Question::Seen, Over::AllTime),
        of("gaps", Question::Gaps, Over::AllTime),
        of("top", Question::Top { most: 5, of: TopOf::Found }, sliding),
    ]
}

fn measure(view: &Definition) {
    let mut engine = Engine::new(std::slice::from_ref(view));
    let (mut spent, mut settled) = (Duration::ZERO, 0.0);
    for start in (0..FACTS).step_by(GROUP as usize) {
        let facts: Vec<Fact> = (start..start + GROUP).map(fact).collect();
        let since = worked();
        facts.into_iter().for_each(|fact| engine.tell(Told::Fact(0, fact)));
        engine.pass(UnixMillis(start + GROUP));
        spent += worked() - since;
        if start == SETTLED {
            settled = resident();
        }
    }
    let rate = FACTS as f64 / spent.as_secs_f64();
    let rows = engine.size(0).rows;
    println!("{:<24}{rate:>14.0}{settled:>14.1}{:>14.1}{rows:>10}", view.name, resident());
}

/// One frame in a hundred is lost; times and things found vary.
fn fact(n: u64) -> Fact {
    let camera = format!("camera-{}", n % CAMERAS);
    let number = n / CAMERAS;
    let classes = ["cat", "dog", "person"];
    let found = |class: usize, count: u64| (classes[class % 3].into(), count as i64);
    Fact {
        camera: camera.as_str().into(),
        id: number.to_string().into(),
        version: UnixMillis(n + 20),
        at: UnixMillis(n),
        number: Number(number + number / 100),
        by: vec![Cell::from(camera.as_str())],
        found: vec![found(n as usize, 1 + n.wrapping_mul(0x9E37_79B9) % 50_000), found(n as usize + 1, n % 5)],
        truth: Some(classes[n as usize / 7 % 3].into()),
    }
}

/// How long this thread was on a core.
fn worked() -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(said.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

/// Megabytes of memory that this process has; 0 where nobody says.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
