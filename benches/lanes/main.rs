//! One harness for all lanes: what Vigie costs and gives beside a bare loop of the same parts and, with `--peers`, beside
//! what people would use instead (`benches/peers/`). `docs/performance.md` keeps what comes out.
//!
//! A contender is a tree of processes that drains a topic of Kafka into another. What it costs is read from `/proc`, what it
//! does from the topics, by a reader that is none of its own. Contenders take turns, round by round, over the same frames,
//! and each must have given each result once. A rate or a cost is what a long backlog takes more than a short one, each from
//! the start of the process: so neither starting nor results that come in lumps count.
//!
//! | lane | what is measured |
//! |---|---|
//! | A, E | frames through no step: the engine alone; start, memory, size |
//! | B, G | frames through YOLOX-nano; one worker and two |
//! | B' | the same from files to files |
//! | C | how late results are at 20 frames a second |
//! | D | `kill -9` at 20 frames a second |
//! | F | a backlog of 10,000 frames |
//! | H | sizes of frames, many cameras, many idle jobs |
//!
//! `cargo bench --features turbo --bench lanes -- --lane A,C --rounds 3 --quick`. Needs Kafka: `tests/servers/install.sh
//! kafka`, or brokers under `VIGIE_KAFKA`.

mod about;
mod backlog;
mod bare;
mod bench;
mod boxes;
mod contender;
mod drain;
mod flags;
mod frames;
mod guard;
mod kafka;
mod line;
mod observer;
mod plot;
mod procfs;
mod result;
mod size;
mod stream;
mod table;
mod tree;
mod turns;

mod lane {
    //! One file a lane, or a few that share their measurement.
    pub mod folders;
    pub mod idle;
    pub mod inference;
    pub mod killed;
    pub mod late;
    pub mod long;
    pub mod throughput;
    pub mod wide;
}

#[path = "../../tests/standing/cluster.rs"]
#[allow(dead_code)]
mod cluster;
#[path = "../../tests/standing/door.rs"]
#[allow(dead_code)]
mod door;
#[path = "../../tests/standing/net.rs"]
#[allow(dead_code)]
mod net;
#[path = "../../tests/support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::process::ExitCode;

use clap::Parser;

use bench::Bench;
use flags::{Child, Flags};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    let flags = Flags::parse();
    match &flags.child {
        Some(Child::Bare) => bare::run()?,
        Some(Child::Folders { job, frames, count }) => lane::folders::bare(job, frames, *count)?,
        Some(Child::Inference { model }) => lane::inference::measure(model)?,
        Some(Child::Guard) => guard::watch()?,
        None => return measure(flags),
    }
    Ok(ExitCode::SUCCESS)
}

/// The lanes that are asked for, and their table. It fails where one of ours did.
fn measure(flags: Flags) -> anyhow::Result<ExitCode> {
    let Some(bench) = Bench::prepare(flags)? else { return Ok(ExitCode::SUCCESS) };
    let wants = |lanes: &[&str]| lanes.iter().any(|lane| bench.flags.wants(lane));
    let mut rows = Vec::new();
    if wants(&["A", "E"]) {
        rows.extend(lane::throughput::null(&bench)?);
    }
    if wants(&["B", "G"]) {
        rows.extend(lane::throughput::detect(&bench)?);
    }
    if wants(&["B'"]) {
        rows.extend(lane::folders::measure(&bench)?);
    }
    if wants(&["C"]) {
        rows.extend(lane::late::measure(&bench)?);
    }
    if wants(&["D"]) {
        rows.extend(lane::killed::measure(&bench)?);
    }
    if wants(&["F"]) {
        rows.extend(lane::long::measure(&bench)?);
    }
    if wants(&["H"]) {
        rows.extend(lane::wide::measure(&bench)?);
        rows.extend(lane::idle::measure(&bench)?);
    }
    plot::bars(&rows)?;
    let (failures, ours) = bench.failures();
    table::publish(&rows, &about::machine(), &failures)?;
    Ok(if ours { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
