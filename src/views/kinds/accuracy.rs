//! `kind = "accuracy"`: how often a model is right.

use operators::views::{AccuracyRows, Question};
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::truth::Reading;
use super::super::{Found, Key, Over, Terms, ViewConfig, defaults};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::units::Time;

/// How often the label that a model gave is the true one: `total`, `correct`, `share` (0 to 1), and `unknown`, frames of
/// which nobody has said yet what is true. A truth that comes later, or is another than before, corrects it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// Where the truth stands: `"header:NAME"` (a header of the frame's message, or a plain field of a JSON message),
    /// `"value:NAME"` (what a step found out), `"csv:PATH"` (a table with the columns camera, id and label) or `"rendered"`
    /// (frames of a rendered camera). Without it, where the job's `truth` says. What a source tells that `holds` the truth
    /// counts in any case, before its frame or after it, and more than what came with the frame.
    #[serde(default)]
    truth: Option<String>,
    /// Where the label stands: the name of a value, `"label"`. Without it, the likeliest class that a `classify` told, or the
    /// one value that has a score beside it, as the step `describe` writes.
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

impl ViewConfig for Accuracy {
    fn kind(&self) -> &'static str {
        "accuracy"
    }

    fn check(&self, context: &Context) -> Result<(), Mistake> {
        self.truth.as_ref().map(|text| Reading::read(text, context)).transpose()?;
        self.terms().check(false)
    }

    fn describe(&self) -> String {
        let truth = self.truth.as_deref().map(|truth| format!(", truth in {truth}")).unwrap_or_default();
        format!("labels that are true{truth}{}", self.terms().describe())
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

    fn needs_truth(&self) -> bool {
        true
    }

    fn truth(&self) -> Option<&str> {
        self.truth.as_deref()
    }
}
