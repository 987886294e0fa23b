//! Views: tables of a job that are always right. One file a kind, one row in [`KINDS`].
//!
//! ```text
//!  where steps run            to every process              on a thread of its own
//!  picture ── Teller ── Fact ─────────────────▶ Keeper: log, sync, engine ── Showcase ──▶ who looks
//!                                                 └── rows that changed ──▶ sinks (one process writes them)
//! ```
//!
//! # Layout
//!
//! * [`kinds`]: what `kind = "…"` may say.
//! * [`key`], [`over`]: what their tables share: `by`, `over`.
//! * [`seed`]: what views know of a frame; [`truth`]: what is true of it; [`teller`]: the facts that a view is told of it.
//! * [`keeper`]: the tables at work; [`measures`]: how large they are.
//! * [`state`]: what outlives them; [`reunion`]: what processes that come together tell each other.
//! * [`showcase`]: the tables, as whoever asks sees them; [`sheet`]: as JSON and CSV have them; [`text`]: for people.

pub mod keeper;
pub mod key;
pub mod kinds;
pub mod measures;
pub mod over;
pub mod reunion;
pub mod seed;
pub mod sheet;
pub mod showcase;
pub mod state;
pub mod teller;
pub mod text;
pub mod truth;

use std::fmt::Debug;
use std::time::Duration;

use operators::views::{Definition, Question, Remember};

use crate::context::Context;
use crate::mistake::Mistake;
use crate::units::Time;

pub use key::Key;
pub use kinds::KINDS;
pub use over::Over;
pub use showcase::{Follower, Mark, News, Showcase, Step, Table};
pub use teller::{Found, Teller};

/// Frames that a view remembers at most.
const MOST_REMEMBERED: usize = 100_000;

/// The longest that a frame is remembered.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

/// The table of a view in a job file, without `from`, which is the job's own.
pub trait ViewConfig: Debug + Send + Sync {
    /// What is wrong with it, as far as this machine can tell.
    ///
    /// # Errors
    /// The mistake, in words.
    fn check(&self, _context: &Context) -> Result<(), Mistake> {
        Ok(())
    }

    /// What its kind is called.
    fn kind(&self) -> &'static str;

    /// What it answers, in a few words: `persons by camera over 10s`.
    fn describe(&self) -> String;

    /// What it shares with others.
    fn terms(&self) -> Terms<'_>;

    /// What is asked.
    fn question(&self) -> Question;

    /// What it is told of a frame.
    fn found(&self) -> Found;

    /// Whether it compares with what is true.
    fn needs_truth(&self) -> bool {
        false
    }

    /// Where it stands what is true of a frame, as [`Reading::read`](truth::Reading::read) takes it.
    fn truth(&self) -> Option<&str> {
        None
    }
}

/// What the tables of views share.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What its rows are about.
    pub by: &'a [Key],
    /// Which frames it is asked of.
    pub over: Over,
    /// How late a frame may come.
    pub lateness: Time,
    /// How long a frame is remembered.
    pub remember: Time,
}

impl Terms<'_> {
    /// What is wrong with them.
    ///
    /// # Errors
    /// The mistake, in words.
    pub fn check(&self, takes_class: bool) -> Result<(), Mistake> {
        for (place, key) in self.by.iter().enumerate() {
            if self.by[..place].contains(key) {
                return Err(Mistake::at("by", format!("`by` names `{key}` twice: remove one of the two")));
            }
            if *key == Key::Class && !takes_class {
                return Err(Mistake::at("by", "a frame has no one class: `class` is for `count`, remove it here"));
            }
        }
        self.over.check()?;
        if self.remember.0 > LONGEST {
            return Err(Mistake::at(
                "remember",
                "`remember` is 31 days at most: what is older stays in the sums anyway",
            ));
        }
        match self.remember.0 < self.lateness.0 || self.remember.0.is_zero() {
            true => Err(Mistake::at(
                "remember",
                "a frame has to be remembered for `lateness` at least, or it could correct nothing: set more",
            )),
            false => Ok(()),
        }
    }

    /// By what, and over which frames, in words.
    pub fn describe(&self) -> String {
        let by = self.by.iter().map(Key::to_string).collect::<Vec<_>>().join(", ");
        let by = if by.is_empty() { by } else { format!(" by {by}") };
        format!("{by}{}", self.over.describe())
    }
}

/// What the engine is asked for a view.
pub fn definition(name: &str, config: &dyn ViewConfig) -> Definition {
    let Terms { by, over, lateness, remember } = config.terms();
    Definition {
        by: by.iter().filter(|key| **key != Key::Class).map(Key::to_string).collect(),
        over: over.into(),
        lateness: lateness.0,
        remember: Remember { span: remember.0, frames: MOST_REMEMBERED },
        ..Definition::new(name, config.question())
    }
}

/// The defaults of the keys that views share.
pub mod defaults {
    use std::time::Duration;

    use super::Key;
    use crate::units::Time;

    /// By camera.
    pub fn by() -> Vec<Key> {
        vec![Key::Camera]
    }

    /// 10 s.
    pub fn lateness() -> Time {
        Time(Duration::from_secs(10))
    }

    /// 10 minutes.
    pub fn remember() -> Time {
        Time(Duration::from_secs(600))
    }
}
