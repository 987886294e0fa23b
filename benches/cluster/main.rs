//! What the standing cluster costs, and how soon it goes on: the figures of `docs/cluster.md`.
//!
//! Processes are real, and so is their Kafka (`tests/servers/install.sh` first). With words behind it, only the parts of
//! these names run: `cargo bench --bench cluster -- idle submit`.

#[path = "../../tests/standing/cluster.rs"]
#[allow(dead_code)]
mod cluster;
mod commands;
#[path = "../../tests/standing/door.rs"]
#[allow(dead_code)]
mod door;
#[path = "../../tests/delivery/feeds.rs"]
#[allow(dead_code)]
mod feeds;
mod healing;
mod idle;
#[path = "../../tests/standing/net.rs"]
#[allow(dead_code)]
mod net;
#[path = "../../tests/delivery/oracle.rs"]
#[allow(dead_code)]
mod oracle;
mod stream;
#[path = "../../tests/support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::time::Duration;

/// A part: its name, and what measures it.
type Part = (&'static str, fn());

const PARTS: [Part; 5] = [
    ("idle", idle::measure),
    ("submit", commands::submits),
    ("others", commands::others),
    ("kill", healing::kills),
    ("stop", healing::stops),
];

fn main() {
    let asked: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, measure) in PARTS {
        if asked.is_empty() || asked.iter().any(|word| word == name) {
            measure();
        }
    }
}

/// One row of a table: the median, the worst of so many, and what it should be.
fn row(what: &str, mut times: Vec<Duration>, goal: &str) {
    times.sort_unstable();
    let milliseconds = |time: &Duration| time.as_secs_f64() * 1e3;
    if let (Some(median), Some(worst)) = (times.get(times.len() / 2), times.last()) {
        let count = times.len();
        println!("{what} | {:.0} ms | {:.0} ms | {count} | {goal}", milliseconds(median), milliseconds(worst));
    }
}
