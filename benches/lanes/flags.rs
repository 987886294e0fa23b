//! What is asked for.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::contender::Contender;
use crate::frames::CYCLE;

/// The lanes, in the order in which they run.
pub const LANES: [&str; 9] = ["A", "B", "B'", "C", "D", "E", "F", "G", "H"];

/// Frames of the long backlog of lane A: seconds, in which what starting takes more or less does not show.
pub const LONG: usize = 60_000;

/// What is measured, and at which length.
#[derive(Debug, Parser)]
pub struct Flags {
    /// The lanes; all of them without.
    #[arg(long, value_delimiter = ',', value_parser = LANES)]
    pub lane: Vec<String>,
    /// Rounds: each contender takes its turn in each.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Frames of the long backlog of lane A; the other lanes keep their proportion to it.
    #[arg(long, default_value_t = LONG)]
    pub frames: usize,
    /// The peers take part, in the lanes A to E.
    #[arg(long)]
    pub peers: bool,
    /// Contenders that take part, by name; all of them without.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// One round of a tenth of the frames: to see that all works, not to measure.
    #[arg(long)]
    pub quick: bool,
    /// What cargo says to every bench.
    #[arg(long, hide = true)]
    pub bench: bool,
    /// A contender of this binary's own, started by the harness.
    #[command(subcommand)]
    pub child: Option<Child>,
}

/// What this binary is when the harness starts it.
#[derive(Debug, Subcommand)]
pub enum Child {
    /// The bare loop between two topics, told by `BENCH_…` as a peer is.
    #[command(hide = true)]
    Bare,
    /// The bare loop from files to files.
    #[command(hide = true)]
    Folders {
        /// The job whose steps and sinks it has.
        job: PathBuf,
        /// The folder of the frames.
        frames: PathBuf,
        /// How many they are.
        count: usize,
    },
    /// What ends the contenders when the harness is gone.
    #[command(hide = true)]
    Guard,
    /// The model alone, measured.
    #[command(hide = true)]
    Inference {
        /// Its file.
        model: PathBuf,
    },
}

impl Flags {
    /// Whether a lane is wanted.
    pub fn wants(&self, lane: &str) -> bool {
        self.lane.is_empty() || self.lane.iter().any(|wanted| wanted == lane)
    }

    /// Whether a contender is to take part.
    pub fn takes(&self, contender: &Contender) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == contender.name)
    }

    /// Rounds to take.
    pub fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    /// So many frames of a lane, where lane A has [`LONG`].
    pub fn frames(&self, usual: usize) -> usize {
        let scaled = usual * self.frames / LONG / if self.quick { 10 } else { 1 };
        // Whole batches, as many for each partition and each worker.
        (scaled / CYCLE).max(3) * CYCLE
    }
}
