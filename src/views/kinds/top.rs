//! `kind = "top"`: who has most.

use operators::views::{Question, TopOf};
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{Found, Key, Over, Terms, ViewConfig, defaults};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::units::Time;

/// Who has most: `rank`, then what `by` says, and how much that is. Ranks are by frames, by what was found in them, or by
/// frames that became dead letters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Top {
    /// What is ranked: `"frames"`; `"dead"`, frames of the job that became dead letters before any sink had them; or a
    /// class: `"person"`.
    #[serde(default = "of")]
    of: String,
    /// How many ranks there are, from 1 to 1,000.
    #[serde(default = "most")]
    most: usize,
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

/// The most ranks.
const MOST: usize = 1000;

fn of() -> String {
    "frames".to_owned()
}

fn most() -> usize {
    10
}

impl ViewConfig for Top {
    fn kind(&self) -> &'static str {
        "top"
    }

    fn check(&self, _: &Context) -> Result<(), Mistake> {
        if !(1..=MOST).contains(&self.most) {
            return Err(Mistake::at("most", format!("`most` is the number of ranks, from 1 to {MOST}")));
        }
        self.terms().check(false)
    }

    fn describe(&self) -> String {
        format!("the {} with most {}{}", self.most, self.of, self.terms().describe())
    }

    fn terms(&self) -> Terms<'_> {
        Terms { by: &self.by, over: self.over, lateness: self.lateness, remember: self.remember }
    }

    fn question(&self) -> Question {
        let of = if self.of == "frames" { TopOf::Frames } else { TopOf::Found };
        Question::Top { most: self.most, of }
    }

    fn found(&self) -> Found {
        match self.of.as_str() {
            "frames" => Found::Nothing,
            "dead" => Found::Dead,
            class => Found::Classes(Some(class.to_owned())),
        }
    }
}
