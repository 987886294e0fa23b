//! What the API takes and gives, as JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// A job to be run, or the new text of one that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The text of the job file.
    pub text: String,
    /// The folder that the paths in it start from: absolute, and the same on each machine.
    pub folder: String,
    /// The name of the file, for what is said of it.
    pub file: String,
}

/// How a job is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobStatus {
    /// Its name.
    pub name: String,
    /// `running`, `paused`, `draining`, `drained`, `failed`, `done`.
    pub state: String,
    /// Since when it is in that state: RFC 3339.
    pub since: String,
    /// Why it is in that state; empty where nothing is to be said.
    pub reason: String,
    /// The generation that runs it; 0 where none does.
    pub generation: u64,
    /// Processes that run it.
    #[serde(default)]
    pub processes: usize,
    /// Workers of all these processes.
    #[serde(default)]
    pub workers: usize,
    /// Frames taken in.
    pub frames: u64,
    /// Frames whose results are all in their sinks.
    pub results: u64,
    /// Frames that a step let go on purpose.
    #[serde(default)]
    pub filtered: u64,
    /// Dead letters.
    pub dead: u64,
    /// Frames taken in that have not ended.
    pub in_flight: u64,
    /// Results a second.
    #[serde(serialize_with = "finite")]
    pub rate: f64,
    /// The time that 95 of 100 frames stay under, from source to durable, in milliseconds.
    #[serde(serialize_with = "finite")]
    pub p95_ms: f64,
    /// What its parts wait for, one sentence each.
    pub waiting: Vec<String>,
    /// What each process does of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<Share>,
    /// How busy each of its stages is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// How each of its models is run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelRuns>,
}

/// How a model of a job is run. Processes that run it otherwise have a row of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelRuns {
    /// The step that runs it.
    pub step: String,
    /// The model's file name.
    pub model: String,
    /// What runs it: `ONNX Runtime` or `tract`.
    pub engine: String,
    /// `once a frame`, `once a batch`, `once for 4 frames`.
    pub runs: String,
    /// Why so: what it took on this machine, or what the model takes.
    pub why: String,
}

/// What one process does of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// The process's index.
    pub process: usize,
    /// Its workers.
    pub workers: usize,
    /// Frames that it took in.
    pub frames: u64,
    /// Frames a second that its workers work on, wherever they were taken in.
    #[serde(serialize_with = "finite")]
    pub rate: f64,
    /// Frames that it took in that have not ended.
    pub in_flight: u64,
    /// Dead letters of these.
    pub dead: u64,
}

/// How busy a stage of a job is: decode, infer, encode and the like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// The share of the time that it works, of one worker: 0 to 1.
    #[serde(serialize_with = "finite")]
    pub busy: f64,
    /// What waits in front of it.
    pub queue: u64,
    /// The mean time of a frame in it, in milliseconds.
    #[serde(serialize_with = "finite")]
    pub mean_ms: f64,
}

/// A job with all that is known of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobDetail {
    /// How it is.
    pub status: JobStatus,
    /// The job file as submitted. Secrets are `***`.
    pub text: String,
    /// Its parts, one a line, in the order in which a frame meets them.
    pub graph: String,
    /// Its states, the oldest first.
    pub history: Vec<Moment>,
}

/// One state of a job in its history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// When: RFC 3339.
    pub at: String,
    /// What it became.
    pub state: String,
    /// Why.
    pub reason: String,
    /// In which generation.
    pub generation: u64,
}

/// How the cluster is, as one process sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterStatus {
    /// All processes that should be there, by index.
    pub processes: Vec<ProcessStatus>,
    /// The generation at work; null where there is none.
    pub generation: Option<u64>,
    /// The indexes of its processes; the first leads.
    pub members: Vec<usize>,
    /// Since when it works, or since when there is none: RFC 3339.
    pub since: String,
    /// Why there is no generation, or what is missing; empty where nothing is.
    pub waits: String,
    /// How long the last re-forming took, in milliseconds; null before the first.
    #[serde(default)]
    pub reforming_ms: Option<u64>,
    /// How many jobs there are.
    pub jobs: usize,
}

/// A process of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessStatus {
    /// Its index: `-p`.
    pub index: usize,
    /// Its address for the others.
    pub address: String,
    /// Whether it is heard of.
    pub present: bool,
    /// Its address for HTTP.
    pub http: String,
    /// Whether it leads.
    pub leader: bool,
}

/// One number of the metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// What is measured: `vigie_frames_in_total`.
    pub name: String,
    /// Of what: `{"job": "room"}`.
    pub labels: std::collections::BTreeMap<String, String>,
    /// The number; null where it is none (infinite, or not a number).
    pub value: Option<f64>,
}

/// JSON has no infinite numbers, and none that are none: these are 0.
fn finite<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(if number.is_finite() { *number } else { 0.0 })
}
