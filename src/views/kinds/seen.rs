//! `kind = "seen"`: which frames came.

use operators::views::Question;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{Found, Key, Over, Terms, ViewConfig, defaults};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::units::Time;

/// Counts pictures that came, each once and whatever the steps made of it (what a source could not read is in `dead` alone): `frames`;
/// `duplicates`, how often one came that had come before; `late`, those that came too late to be told from others; `first` and `last`, the times of the first and the last one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// What its rows are about: `camera`, `minute`, `hour`, `date` (of the frame's time, UTC), `noise`, `header:NAME` (of the
    /// frame's message), `values.NAME` (what a step found out). An empty list: one row for all.
    #[serde(default = "defaults::by")]
    by: Vec<Key>,
    /// Which frames: `"10s"`, those of the last ten seconds; `{ every = "1m", keep = 60 }`, windows side by side, of which
    /// the last `keep` have rows; `"last"`, the last frame of each camera. Without it, all there ever were.
    #[serde(default)]
    over: Over,
    /// How late a frame may come and still correct its window.
    #[serde(default = "defaults::lateness")]
    lateness: Time,
    /// How long a frame is remembered, in the time of the frames: so long it counts once however often it comes, and can be
    /// corrected. At most 100,000 frames are. What is older stays in the sums.
    #[serde(default = "defaults::remember")]
    remember: Time,
}

impl ViewConfig for Seen {
    fn kind(&self) -> &'static str {
        "seen"
    }

    fn check(&self, _: &Context) -> Result<(), Mistake> {
        self.terms().check(false)
    }

    fn describe(&self) -> String {
        format!("frames seen{}", self.terms().describe())
    }

    fn terms(&self) -> Terms<'_> {
        Terms { by: &self.by, over: self.over, lateness: self.lateness, remember: self.remember }
    }

    fn question(&self) -> Question {
        Question::Seen
    }

    fn found(&self) -> Found {
        Found::Nothing
    }
}
