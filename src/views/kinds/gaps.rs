//! `kind = "gaps"`: which frames did not come.

use operators::views::Question;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{Found, Key, Over, Terms, ViewConfig, defaults};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::units::Time;

/// Which numbers of a camera's frames are missing: how many were `expected`, how many have `arrived`, how many of these `late`
/// (after one with a greater number), how many are `missing` and may still come, how many are `lost`, and which.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gaps {
    /// How long a number that is missing may still come before it counts as lost.
    #[serde(default = "defaults::lateness")]
    lateness: Time,
    /// How long a frame is remembered, in the time of the frames: so long it counts once however often it comes, and can be
    /// corrected. At most 100,000 frames are. What is older stays in the sums.
    #[serde(default = "defaults::remember")]
    remember: Time,
}

/// Numbers are a camera's own.
static BY: [Key; 1] = [Key::Camera];

impl ViewConfig for Gaps {
    fn kind(&self) -> &'static str {
        "gaps"
    }

    fn check(&self, _: &Context) -> Result<(), Mistake> {
        self.terms().check(false)
    }

    fn describe(&self) -> String {
        format!("missing numbers{}", self.terms().describe())
    }

    fn terms(&self) -> Terms<'_> {
        Terms { by: &BY, over: Over::AllTime, lateness: self.lateness, remember: self.remember }
    }

    fn question(&self) -> Question {
        Question::Gaps
    }

    fn found(&self) -> Found {
        Found::Nothing
    }
}
