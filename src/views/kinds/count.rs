//! `kind = "count"`: how often things were found.

use operators::views::Question;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{Found, Key, Over, Terms, ViewConfig, defaults};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::units::Time;

/// Counts what was found: `frames`, and `count` in all of them together. With `class` in `by`, a row for each class.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// The class that is counted: `"person"`. Without it, whatever is found.
    #[serde(default)]
    class: Option<String>,
    /// What its rows are about: `camera`, `minute`, `hour`, `date` (of the frame's time, UTC), `noise`, `header:NAME` (of the
    /// frame's message), `values.NAME` (what a step found out), and `class` (of what
    /// was found). An empty list: one row for all.
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

impl ViewConfig for Count {
    fn kind(&self) -> &'static str {
        "count"
    }

    fn check(&self, _: &Context) -> Result<(), Mistake> {
        self.terms().check(true)
    }

    fn describe(&self) -> String {
        format!("{}{}", self.class.as_deref().unwrap_or("all that is found"), self.terms().describe())
    }

    fn terms(&self) -> Terms<'_> {
        Terms { by: &self.by, over: self.over, lateness: self.lateness, remember: self.remember }
    }

    fn question(&self) -> Question {
        Question::Count { classes: self.by.contains(&Key::Class) }
    }

    fn found(&self) -> Found {
        Found::Classes(self.class.clone())
    }
}
