//! Pictures that somebody hands in over HTTP: tasks (`src/tasks/`).
//!
//! Every process takes its own. One thread makes durable what comes in, many with one sync, and only then is it taken;
//! another one reads it from the disk, as the window has room, and forgets what is acknowledged.

mod feeder;
mod writer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Inlet, Source, SourceConfig};
use crate::board::Post;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::spool;
use crate::tasks::terms::Parameter;
use crate::tasks::{Rules, Tasks, Terms};
use crate::units::{Size, Time};
use crate::write::Write;

use feeder::{Bell, Feeder, Names};
use writer::Writer;

/// Takes pictures as tasks: `POST /api/v1/jobs/JOB/tasks`, as `docs/tasks.md` says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// How many tasks may wait or be at work, at each process: more are told to come again later.
    #[serde(default = "queue")]
    queue: usize,
    /// The bytes of their pictures at most, on each process's disk.
    #[serde(default = "queue_bytes")]
    queue_bytes: Size,
    /// How many come in a second at most, at each process. Without it, as many as there is room for.
    #[serde(default)]
    rate: Option<f64>,
    /// How long it can be asked what became of a task.
    #[serde(default = "keep")]
    keep: Time,
    /// In how much room of each process that is kept; the oldest go first.
    #[serde(default = "keep_bytes")]
    keep_bytes: Size,
    /// What is kept of what became of a task: `report`, `image`, `frame`, taken where the sinks take it.
    #[serde(default = "results")]
    results: Vec<Write>,
    /// What a task may say along with its picture, by name: `strength = { type = "number", default = 0.5 }`. Steps read it
    /// as `task.strength`.
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
}

fn queue() -> usize {
    1000
}

fn queue_bytes() -> Size {
    Size(1 << 30)
}

fn keep() -> Time {
    Time(Duration::from_secs(3600))
}

fn keep_bytes() -> Size {
    Size(256 << 20)
}

fn results() -> Vec<Write> {
    vec![Write::Report]
}

impl Http {
    fn rules(&self, context: &Context) -> Rules {
        Rules {
            terms: Terms { parameters: self.parameters.clone(), results: self.results.clone() },
            queue: self.queue,
            queue_bytes: self.queue_bytes.0,
            rate: self.rate,
            keep: self.keep.0,
            keep_bytes: self.keep_bytes.0,
            largest: context.max_frame_bytes,
            receiving: (context.window.bytes as u64).max(1 << 20),
        }
    }
}

impl SourceConfig for Http {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        let terms = Terms { parameters: self.parameters.clone(), results: Vec::new() };
        terms.check().map_err(|what| Mistake::at("parameters", what))?;
        if self.queue == 0 {
            return Err(Mistake::at("queue", "`queue` can't be 0, as no task would be taken: set more"));
        }
        if self.rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
            return Err(Mistake::at("rate", "`rate` is tasks a second, more than 0: set more, or remove it"));
        }
        Ok(())
    }

    fn describe(&self) -> String {
        let rate = self.rate.map(|rate| format!(", {rate} a second")).unwrap_or_default();
        let names: Vec<_> = self.parameters.keys().map(String::as_str).collect();
        let parameters = if names.is_empty() { String::new() } else { format!(", parameters {}", names.join(", ")) };
        format!("HTTP tasks, {} at a time{rate}, results kept for {}{parameters}", self.queue, self.keep)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn terms(&self) -> Option<Terms> {
        Some(Terms { parameters: self.parameters.clone(), results: self.results.clone() })
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Source>> {
        // Neither name has a `+`.
        let folder = context.state.join("tasks").join(format!("{}+{}", context.job, context.part));
        Ok(Box::new(Running {
            folder,
            tasks: context.tasks.clone(),
            rules: self.rules(context),
            post: context.post("disk"),
            names: Names { part: context.part.clone(), largest: context.max_frame_bytes },
        }))
    }
}

struct Running {
    folder: PathBuf,
    tasks: Tasks,
    rules: Rules,
    post: Post,
    names: Names,
}

impl Source for Running {
    fn run(self: Box<Self>, inlet: Inlet) -> anyhow::Result<()> {
        let bell = Arc::new(Bell::default());
        let heard = bell.clone();
        inlet.on_news(move || heard.ring());
        let Some(lock) = self.lock(&inlet, &bell)? else { return Ok(()) };
        let Running { folder, tasks, rules, post, names } = *self;
        let unusable = || format!("the folder of tasks {} can't be used", folder.display());
        let (mut feeder, waiting) = Feeder::open(&folder, &rules, &tasks, names, post).with_context(unusable)?;
        let (give, coming) = channel();
        let writer = Writer { log: feeder.log.clone(), tasks: tasks.clone(), coming, bell: bell.clone() };
        let writing = thread::Builder::new().name("tasks:disk".into()).spawn(move || writer.run())?;
        tasks.open(rules, give, waiting);
        feeder.feed(&inlet, &bell);
        tasks.close();
        // What was on its way in is answered: it is durable, and comes the next time.
        let _ = writing.join();
        feeder.finish(inlet, &bell);
        drop(lock);
        Ok(())
    }
}

impl Running {
    /// The folder for itself. Another one may still be giving it up: this job's source of a moment ago. `None` where nobody
    /// wants the frames any more.
    fn lock(&self, inlet: &Inlet, bell: &Bell) -> anyhow::Result<Option<std::fs::File>> {
        loop {
            if inlet.is_closing() || inlet.receipt().is_err() {
                return Ok(None);
            }
            let held = spool::lock(&self.folder);
            let held = held.with_context(|| format!("the folder of tasks {} can't be used", self.folder.display()))?;
            if let Some(lock) = held {
                self.post.goes_on();
                return Ok(Some(lock));
            }
            let why = format!("another process has the tasks in {}", self.folder.display());
            self.post.waits(&why, Duration::from_millis(100));
            bell.wait();
        }
    }
}
