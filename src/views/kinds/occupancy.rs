//! `kind = "occupancy"`: how many are there now.

use operators::views::Question;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{Found, Key, Over, Terms, ViewConfig, defaults};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::units::Time;

/// How many are there now: the median of the last frames of each camera, so that one frame in which a detector misses
/// somebody changes nothing. A row changes when somebody enters or leaves: `before` is what it said until then, `since` when
/// that was.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Occupancy {
    /// The class that is counted: `"person"`. Without it, whatever is found.
    #[serde(default)]
    class: Option<String>,
    /// The median of so many frames counts, from 1 to 1,000.
    #[serde(default = "frames")]
    frames: usize,
    /// What its rows are about: `camera`, `minute`, `hour`, `date` (of the frame's time, UTC), `noise`, `header:NAME` (of the
    /// frame's message), `values.NAME` (what a step found out). An empty list: one row for all.
    #[serde(default = "defaults::by")]
    by: Vec<Key>,
    /// How late a frame may come and still correct its window.
    #[serde(default = "defaults::lateness")]
    lateness: Time,
    /// How long a frame is remembered, in the time of the frames: so long it counts once however often it comes, and can be
    /// corrected. At most 100,000 frames are. What is older stays in the sums.
    #[serde(default = "defaults::remember")]
    remember: Time,
}

/// The most frames of a median.
const MOST: usize = 1000;

fn frames() -> usize {
    5
}

impl ViewConfig for Occupancy {
    fn kind(&self) -> &'static str {
        "occupancy"
    }

    fn check(&self, _: &Context) -> Result<(), Mistake> {
        if !(1..=MOST).contains(&self.frames) {
            return Err(Mistake::at("frames", format!("`frames` is from 1 to {MOST}: the median of so many counts")));
        }
        self.terms().check(false)
    }

    fn describe(&self) -> String {
        let what = self.class.as_deref().unwrap_or("all that is found");
        format!("{what} now, median of {} frames{}", self.frames, self.terms().describe())
    }

    fn terms(&self) -> Terms<'_> {
        Terms { by: &self.by, over: Over::AllTime, lateness: self.lateness, remember: self.remember }
    }

    fn question(&self) -> Question {
        Question::Occupancy { frames: self.frames }
    }

    fn found(&self) -> Found {
        Found::Classes(self.class.clone())
    }
}
