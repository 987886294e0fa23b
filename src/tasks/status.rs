//! How a task is, as JSON.

use operators::UnixMillis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Entry;
use super::outcome::{Found, How, Outcome};
use super::terms;
use crate::api::routes::{BASE, in_path};
use crate::clock;
use crate::write::Write;

/// How a task is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskStatus {
    /// Its name, which is the `id` of its frame: `{id}` in paths and topics.
    pub id: String,
    /// The job that it is for.
    pub job: String,
    /// `queued`, `running`, `done` or `failed`.
    pub state: String,
    /// When it was taken (RFC 3339, UTC).
    pub taken_at: String,
    /// When it was done or failed (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Its parameters, with the defaults of those that it did not name.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub parameters: serde_json::Map<String, Value>,
    /// Why it failed, in a word: `undecodable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// … and in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The step that let it go: it is done, and nothing comes after that step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filtered_by: Option<String>,
    /// What was found, as `docs/report.schema.json` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Value>,
    /// All that came of it, as far as the job's `results` name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<TaskResult>,
    /// Where to ask on.
    pub links: TaskLinks,
}

/// Something that came of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskResult {
    /// What it is of: the task's own `id`, or `ID.STEP.INDEX` of a piece of its picture.
    pub of: String,
    /// What it is: `report`, `image` or `frame`.
    pub write: String,
    /// Its media type.
    pub media: String,
    /// How large it is.
    pub bytes: usize,
    /// Where it is.
    pub href: String,
}

/// Where to ask on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskLinks {
    /// The task.
    #[serde(rename = "self")]
    pub itself: String,
    /// Its picture as the steps left it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

impl TaskStatus {
    /// How that one is.
    pub(super) fn of(job: &str, id: &str, entry: &Entry) -> Self {
        let itself = format!("{BASE}/jobs/{}/tasks/{id}", in_path(job));
        let status = Self {
            id: id.to_owned(),
            job: job.to_owned(),
            state: entry.state().to_owned(),
            taken_at: clock::rfc3339(entry.said.taken_at),
            parameters: terms::json(&entry.said.settings),
            links: TaskLinks { itself, image: None },
            ..Self::default()
        };
        match &entry.outcome {
            Some(outcome) => status.with(outcome),
            None => status,
        }
    }

    fn with(mut self, outcome: &Outcome) -> Self {
        let Outcome { how, at: UnixMillis(at), found } = outcome;
        self.ended_at = Some(clock::rfc3339(UnixMillis(*at)));
        match how {
            How::Done => {}
            How::Filtered(step) => self.filtered_by = Some(step.clone()),
            How::Failed(reason, detail) => {
                (self.reason, self.detail) = (Some(reason.to_string()), Some(detail.clone()));
            }
        }
        let itself = self.links.itself.clone();
        let href = |index: usize| format!("{itself}/results/{index}");
        let result = |(index, Found { id, write, media, body }): (usize, &Found)| TaskResult {
            of: id.clone(),
            write: write.as_str().to_owned(),
            media: media.clone(),
            bytes: body.len(),
            href: href(index),
        };
        self.results = found.iter().enumerate().map(result).collect();
        // The last one is what stands at the end of the steps.
        let last = |write| found.iter().rposition(|found| found.write == write);
        self.report = last(Write::Report).and_then(|index| serde_json::from_slice(&found[index].body).ok());
        self.links.image = last(Write::Image).map(href);
        self
    }

    /// Whether nothing of it will change any more.
    pub fn has_ended(&self) -> bool {
        self.ended_at.is_some()
    }
}
