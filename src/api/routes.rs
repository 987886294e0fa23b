//! All that can be asked over HTTP: one row a route. The router and `docs/openapi.json` are made from this table.

use std::collections::HashMap;

use axum::http::HeaderMap;
use axum::routing::MethodFilter;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::control::Command;
use super::problem::Problem;
use super::tokens::Role;
use super::types::Submission;

/// Where the API begins.
pub const BASE: &str = "/api/v1";

/// A name as it stands in a path.
pub fn in_path(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let as_is = |byte: u8| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(as_is).collect()
}

/// A way to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Looks.
    Get,
    /// Does.
    Post,
    /// Replaces.
    Put,
    /// Removes.
    Delete,
}

impl Verb {
    /// Its name in an OpenAPI file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }

    pub(super) fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// What a request says beside its route.
#[derive(Debug, Default)]
pub struct Call {
    /// `{name}` of the path.
    pub name: String,
    /// `{id}` of the path: a task, or the secret of a callback.
    pub id: String,
    /// `{index}` of the path: one of the things that came of it.
    pub index: String,
    /// `{view}` of the path.
    pub view: String,
    /// What stands behind `?`.
    pub query: HashMap<String, String>,
    /// What its headers say.
    pub headers: HeaderMap,
    /// What was sent.
    pub body: Bytes,
}

impl Call {
    fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Problem::wrong(format!("what was sent is no such JSON: {error}")))
    }

    /// A number behind `?`.
    pub(super) fn number(&self, key: &str, default: usize) -> Result<usize, Problem> {
        let Some(text) = self.query.get(key) else { return Ok(default) };
        text.parse().map_err(|_| Problem::wrong(format!("`{key}` is a whole number, and not \"{text}\"")))
    }

    /// `true` or `false` behind `?`.
    pub(super) fn yes(&self, key: &str, default: bool) -> Result<bool, Problem> {
        let Some(text) = self.query.get(key) else { return Ok(default) };
        text.parse().map_err(|_| Problem::wrong(format!("`{key}` is true or false, and not \"{text}\"")))
    }
}

/// Who answers.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Whoever is at the other end of [`super::Control`].
    Command(fn(&Call) -> Result<Command, Problem>),
    /// As [`Act::Command`], with what the cluster counts.
    Metrics,
    /// The events of this process, as they come.
    Events,
    /// The counters of this process.
    Page,
    /// This process: it is there.
    Health,
    /// A task is taken.
    Take,
    /// An answer is brought.
    Callback,
    /// How a task is, or what came of it.
    Task,
    /// The views of a job.
    Views,
    /// The table of one.
    View,
    /// What becomes of it, as it does.
    Changes,
    /// The OpenAPI document, with the tasks of the jobs that there are.
    Document,
}

/// What is sent with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// A [`Submission`].
    Job,
    /// A picture.
    Picture,
    /// What a service has to say.
    Answer,
}

/// What is answered, for the OpenAPI file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// A [`super::JobStatus`].
    Job,
    /// A list of them.
    Jobs,
    /// A [`super::JobDetail`].
    Detail,
    /// A [`super::ClusterStatus`].
    Cluster,
    /// Prometheus' text, or a list of [`super::Sample`].
    Metrics,
    /// A stream of [`super::Event`].
    Events,
    /// A [`crate::tasks::TaskStatus`].
    Task,
    /// The same, of one that was just taken.
    Taken,
    /// A picture, or a report.
    Found,
    /// A list of [`crate::views::sheet::ViewStatus`].
    Views,
    /// A [`crate::views::sheet::Sheet`], or the same as CSV.
    View,
    /// A stream of a [`crate::views::sheet::Sheet`] and [`crate::views::sheet::Changes`].
    Changes,
    /// JSON that another document describes.
    Json,
    /// Text.
    Text,
    /// Nothing.
    Nothing,
}

/// One thing that can be asked.
#[derive(Debug)]
pub struct Route {
    /// How.
    pub verb: Verb,
    /// Where; `{name}` is a job's.
    pub path: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// Who may; nobody is asked where it is none.
    pub role: Option<Role>,
    /// What is sent with it.
    pub takes: Takes,
    /// What may stand behind `?`, and what it means.
    pub query: &'static [(&'static str, &'static str)],
    /// What comes back.
    pub gives: Gives,
    /// Who answers.
    pub act: Act,
}

const VIEW: Route = Route {
    verb: Verb::Get,
    path: "",
    summary: "",
    role: Some(Role::View),
    takes: Takes::Nothing,
    query: &[],
    gives: Gives::Nothing,
    act: Act::Health,
};
const SUBMIT: Route = Route { verb: Verb::Post, role: Some(Role::Submit), gives: Gives::Job, ..VIEW };

const TASK: Route = Route { role: Some(Role::Task), ..SUBMIT };

const WAIT: (&str, &str) = ("wait", "how long the end is waited for: `10s`, at most a minute");
const CAMERA: (&str, &str) = ("camera", "the name of the camera, for paths and topics; without it, the source's");

/// Every route.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/api/v1/jobs",
        summary: "All jobs, and how they are.",
        gives: Gives::Jobs,
        act: Act::Command(|_| Ok(Command::Jobs)),
        ..VIEW
    },
    Route {
        path: "/api/v1/jobs",
        summary: "Run a job. The same job once more changes nothing.",
        takes: Takes::Job,
        act: Act::Command(|call| Ok(Command::Submit(call.json::<Submission>()?))),
        ..SUBMIT
    },
    Route {
        path: "/api/v1/jobs/{name}",
        summary: "All that is known of a job.",
        gives: Gives::Detail,
        act: Act::Command(|call| Ok(Command::Show(call.name.clone()))),
        ..VIEW
    },
    Route {
        verb: Verb::Put,
        path: "/api/v1/jobs/{name}",
        summary: "Give a job another text.",
        takes: Takes::Job,
        act: Act::Command(|call| Ok(Command::Update(call.name.clone(), call.json()?))),
        ..SUBMIT
    },
    Route {
        verb: Verb::Delete,
        path: "/api/v1/jobs/{name}",
        summary: "Stop a job at once, and forget it. What it has not acknowledged is sent again by its source.",
        gives: Gives::Nothing,
        act: Act::Command(|call| Ok(Command::Cancel(call.name.clone()))),
        ..SUBMIT
    },
    Route {
        path: "/api/v1/jobs/{name}/drain",
        summary: "Take no more frames in, and end when all that were are done.",
        act: Act::Command(|call| Ok(Command::Drain(call.name.clone()))),
        ..SUBMIT
    },
    Route {
        path: "/api/v1/jobs/{name}/pause",
        summary: "Take no more frames in, until it is resumed.",
        act: Act::Command(|call| Ok(Command::Pause(call.name.clone()))),
        ..SUBMIT
    },
    Route {
        path: "/api/v1/jobs/{name}/resume",
        summary: "Go on after a pause.",
        act: Act::Command(|call| Ok(Command::Resume(call.name.clone()))),
        ..SUBMIT
    },
    Route {
        path: "/api/v1/jobs/{name}/restart",
        summary: "Stop a job, and start it anew with the same text.",
        act: Act::Command(|call| Ok(Command::Restart(call.name.clone()))),
        ..SUBMIT
    },
    Route {
        path: "/api/v1/jobs/{name}/tasks",
        summary: "Hand in a picture. It is answered when the picture is durable.",
        takes: Takes::Picture,
        query: &[WAIT, CAMERA],
        gives: Gives::Taken,
        act: Act::Take,
        ..TASK
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/jobs/{name}/tasks/{id}",
        summary: "How a task is, and what was found.",
        query: &[WAIT],
        gives: Gives::Task,
        act: Act::Task,
        ..TASK
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/jobs/{name}/tasks/{id}/results/{index}",
        summary: "Something that came of a task: the image, for one.",
        gives: Gives::Found,
        act: Act::Task,
        ..TASK
    },
    Route {
        path: "/api/v1/callbacks/{id}",
        summary: "Bring the answer that a step of kind `http` waits for. The address came with the picture, and is a secret.",
        role: None,
        takes: Takes::Answer,
        gives: Gives::Nothing,
        act: Act::Callback,
        ..SUBMIT
    },
    Route {
        path: "/api/v1/jobs/{name}/views",
        summary: "The views of a job.",
        gives: Gives::Views,
        act: Act::Views,
        ..VIEW
    },
    Route {
        path: "/api/v1/jobs/{name}/views/{view}",
        summary: "The table of a view as it is now, with its epoch.",
        query: &[("format", "`csv` for a table instead of JSON; `Accept: text/csv` says the same")],
        gives: Gives::View,
        act: Act::View,
        ..VIEW
    },
    Route {
        path: "/api/v1/jobs/{name}/views/{view}/changes",
        summary: "What becomes of a view's table, as server-sent events: the whole table, then what changes. Who comes \
                  again with `Last-Event-ID` goes on from there, where that is still known.",
        query: &[("follow", "`false` ends with what is known now")],
        gives: Gives::Changes,
        act: Act::Changes,
        ..VIEW
    },
    Route {
        path: "/api/v1/cluster",
        summary: "The processes, which of them are there, and the generation at work.",
        gives: Gives::Cluster,
        act: Act::Command(|_| Ok(Command::Cluster)),
        ..VIEW
    },
    Route {
        path: "/api/v1/drain",
        summary: "Drain every job.",
        gives: Gives::Jobs,
        act: Act::Command(|_| Ok(Command::DrainAll)),
        ..SUBMIT
    },
    Route {
        path: "/api/v1/stop",
        summary: "End all processes of the cluster. The list of jobs stays on their disks.",
        role: Some(Role::Admin),
        gives: Gives::Nothing,
        act: Act::Command(|_| Ok(Command::Stop)),
        ..SUBMIT
    },
    Route {
        path: "/api/v1/metrics",
        summary: "What the whole cluster counts, in Prometheus' text format or as JSON.",
        query: &[("format", "`json` for a list of samples instead of the text")],
        gives: Gives::Metrics,
        act: Act::Metrics,
        ..VIEW
    },
    Route {
        path: "/api/v1/events",
        summary: "What happens, as server-sent events: the last ones, then those that come.",
        query: &[
            ("job", "the job whose events are meant; without it, all"),
            ("last", "how many of the last ones come first, by default 20"),
            ("follow", "`false` ends after these"),
        ],
        gives: Gives::Events,
        act: Act::Events,
        ..VIEW
    },
    Route {
        path: "/metrics",
        summary: "What this process counts, for Prometheus.",
        gives: Gives::Text,
        act: Act::Page,
        ..VIEW
    },
    Route {
        path: "/api/v1/openapi.json",
        summary: "This API as an OpenAPI document, with the tasks of each job and their parameters.",
        gives: Gives::Json,
        act: Act::Document,
        ..VIEW
    },
    Route { path: "/healthz", summary: "This process is there.", role: None, gives: Gives::Text, ..VIEW },
];
