//! `kind = "accuracy"`: how often a model is right.

use operators::views::{AccuracyRows, Question};
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{Found, Key, Over, Terms, ViewConfig, defaults};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::units::Time;

/// How often the label that a model gave is the true one: `total`, `correct`, `share` (0 to 1), and `unknown`, frames of
/// which nobody has said yet what is true. A truth that comes later, or is another than before, corrects it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// Where the truth stands: `"header:NAME"` (a header of the frame's message), `"values.NAME"` (what a step found out).
    truth: String,
    /// Where the label stands: the name of a value, `"label"`. Without it, the one value that has a score beside it, as the
    /// step `describe` writes.
    #[serde(default)]
    label: Option<String>,
    /// What has a row: each of `by` (`total`), also each true label (`class`), or also each true label with each label that
    /// was given (`confusion`).
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
    Total,
    Class,
    Confusion,
}

impl Accuracy {
    fn truth_key(&self) -> Result<Key, String> {
        let key = Key::parse(&self.truth).filter(|key| matches!(key, Key::Header(_) | Key::Value(_)));
        key.ok_or_else(|| {
            format!("\"{}\" is no place of a truth: write \"header:NAME\" or \"values.NAME\"", self.truth)
        })
    }
}

impl ViewConfig for Accuracy {
    fn kind(&self) -> &'static str {
        "accuracy"
    }

    fn check(&self, _: &Context) -> Result<(), Mistake> {
        self.truth_key().map_err(|what| Mistake::at("truth", what))?;
        self.terms().check(false)
    }

    fn describe(&self) -> String {
        format!("labels right, by {}{}", self.truth, self.terms().describe())
    }

    fn terms(&self) -> Terms<'_> {
        Terms { by: &self.by, over: self.over, lateness: self.lateness, remember: self.remember }
    }

    fn question(&self) -> Question {
        let rows = match self.rows {
            Rows::Total => AccuracyRows::Total,
            Rows::Class => AccuracyRows::Class,
            Rows::Confusion => AccuracyRows::Confusion,
        };
        Question::Accuracy { rows }
    }

    fn found(&self) -> Found {
        Found::Label(self.label.clone())
    }

    fn truth(&self) -> Option<Key> {
        self.truth_key().ok()
    }
}
