//! The list of jobs that should be there, and what may be done to it.
//!
//! ```text
//!            submit, resume           drain          done
//!  (nothing) ───────────▶ Running ◀─▶ Paused ──▶ Draining ──▶ Drained
//!                            │ done: Done    │ failed: Failed     │
//!                            ◀──────── submit, update, restart ───┘
//! ```
//!
//! It is pure: no clock, no I/O. A command either changes it, which makes a version more, or leaves it as it was and says
//! why. Only the leader of a generation changes it; each process keeps what it is handed in its [`Store`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::api::events::Level;
use crate::api::problem::Problem;
use crate::job::words;

mod change;
mod shown;
mod store;
#[cfg(test)]
mod tests;

pub use change::{Change, MOST_FAILURES};
pub use shown::masked;
pub use store::{Loaded, Store, decode, encode};

/// How many events of a job are kept.
pub const HISTORY: usize = 100;

/// How many changes a generation may make before its versions are taken for those of the next.
pub const VERSIONS: u64 = 1 << 20;

/// All jobs that should be there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// Grows by one with each change, and to [`VERSIONS`] times the number of a generation with its first one.
    pub version: u64,
    /// The jobs, by name.
    pub jobs: BTreeMap<String, Entry>,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its file as submitted.
    pub text: String,
    /// The absolute folder of its file, where it was submitted.
    pub folder: PathBuf,
    /// The name of its file.
    pub file: String,
    /// What it should be.
    pub wanted: Wanted,
    /// Since when it should be that: milliseconds since 1970.
    pub since: u64,
    /// What it was, the oldest first; the last [`HISTORY`] of it.
    pub history: Vec<Event>,
    /// How many generations in a row it has brought down.
    pub failures: u32,
    /// The version of the list that gave it its text or restarted it last: what runs with another one is to be started
    /// anew.
    pub revision: u64,
}

/// What a job should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase", deny_unknown_fields)]
pub enum Wanted {
    /// At work.
    Running,
    /// There, and takes no frames in.
    Paused,
    /// Takes no frames in, and ends when all that were are done.
    Draining,
    /// Has ended because it was drained.
    Drained,
    /// Does not run any more because it can't.
    Failed {
        /// Why.
        reason: String,
    },
    /// Has ended because its sources have.
    Done,
}

impl Wanted {
    /// Its name: `running`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Drained => "drained",
            Self::Failed { .. } => "failed",
            Self::Done => "done",
        }
    }

    /// Whether nothing of it runs, and nothing should.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Drained | Self::Failed { .. } | Self::Done)
    }
}

/// Something that became of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When: milliseconds since 1970.
    pub at: u64,
    /// What it became.
    pub state: String,
    /// Why.
    pub reason: String,
    /// In which generation.
    pub generation: u64,
}

impl Event {
    /// What a job became, and why, for people.
    pub fn told(&self, job: &str) -> (Level, String) {
        let level = if self.state == "failed" { Level::Error } else { Level::Info };
        (level, format!("job {job} is {}: {}", self.state, self.reason))
    }
}

/// The moment of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// Milliseconds since 1970.
    pub at: u64,
    /// The generation at work.
    pub generation: u64,
}

impl Roster {
    /// The job of that name.
    ///
    /// # Errors
    /// 404, with the nearest name and the known ones.
    pub fn job(&self, name: &str) -> Result<&Entry, Problem> {
        self.jobs.get(name).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> Problem {
        let known: Vec<_> = self.jobs.keys().map(String::as_str).collect();
        Problem::not_found(match known.is_empty() {
            true => format!("there is no job `{name}`, nor any other: submit one with `vigie submit FILE`"),
            false => words::unknown("job", name, &known),
        })
    }
}

impl Entry {
    /// Where its file lies: what its relative paths start from.
    pub fn path(&self) -> PathBuf {
        self.folder.join(Path::new(&self.file))
    }

    /// Why it is what it is.
    pub fn reason(&self) -> &str {
        match &self.wanted {
            Wanted::Failed { reason } => reason,
            _ => self.history.last().map_or("", |event| &event.reason),
        }
    }
}
