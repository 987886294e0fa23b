//! `kind = "latency"`: how long frames take.

use operators::views::{LatencyRows, Question};
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{Found, Key, Over, Terms, ViewConfig, defaults};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::units::Time;

/// How long frames spend where, by stage: `travel` (from the camera to Vigie, where the camera says when it took a frame),
/// `wait` (in Vigie, for the steps), each stage of the steps by its name (`decode`, `infer` …), and `total`, from the camera
/// (or else from when the frame was received) until it is where the view takes from. `count`, and in milliseconds `p50`,
/// `p95`, `p99`, `max`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// What has a row: each stage (`stages`), or each stage and span of time (`buckets`), the whole distribution.
    #[serde(default)]
    rows: Rows,
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

/// What has a row.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Rows {
    #[default]
    Stages,
    Buckets,
}

impl ViewConfig for Latency {
    fn kind(&self) -> &'static str {
        "latency"
    }

    fn check(&self, _: &Context) -> Result<(), Mistake> {
        self.terms().check(false)
    }

    fn describe(&self) -> String {
        format!("latency of stages{}", self.terms().describe())
    }

    fn terms(&self) -> Terms<'_> {
        Terms { by: &self.by, over: self.over, lateness: self.lateness, remember: self.remember }
    }

    fn question(&self) -> Question {
        let rows = match self.rows {
            Rows::Stages => LatencyRows::Stages,
            Rows::Buckets => LatencyRows::Buckets,
        };
        Question::Latency { rows }
    }

    fn found(&self) -> Found {
        Found::Stages
    }
}
