//! How the jobs are: what each process tells of its part with every beat, and all of it put together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use operators::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::api::{ClusterStatus, JobDetail, JobStatus, Level, ModelRuns, ProcessStatus, Share};
use crate::board::Wait;
use crate::clock;
use crate::engine::{Manner, Model};
use crate::metrics::Metrics;
use crate::roster::Entry;
use crate::stages::{Lately, Looks, together};

use super::Process;

/// What a process tells of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Told {
    /// Where it answers over HTTP.
    pub http: String,
    /// Its workers.
    pub threads: usize,
    /// Its part of each job.
    pub jobs: BTreeMap<String, Part>,
}

/// A process's part of a job.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Part {
    /// Whether its workers have it installed.
    pub installed: bool,
    /// Why it is not, although it should be, where this process leads.
    pub refused: Option<String>,
    frames: u64,
    results: u64,
    #[serde(default)]
    filtered: u64,
    dead: u64,
    in_flight: u64,
    rate: f64,
    p95_ms: f64,
    waiting: Vec<String>,
    stages: Lately,
    #[serde(default)]
    models: Vec<ModelRuns>,
}

/// What is remembered of a job from one look to the next.
#[derive(Debug, Default)]
pub struct Pulse {
    /// How many results there were, and when, for a rate over the last seconds.
    results: VecDeque<(Instant, u64)>,
    /// Which parts waited for their servers.
    waiting: BTreeSet<String>,
    stages: Looks,
}

/// Over how long a rate is.
const LATELY: Duration = Duration::from_secs(5);

impl Pulse {
    /// Results a second lately, now that there are so many.
    pub fn rate(&mut self, results: u64) -> f64 {
        let now = Instant::now();
        if self.results.back().is_none_or(|(at, _)| now - *at > LATELY / 20) {
            self.results.push_back((now, results));
        }
        while self.results.len() > 2 && self.results.front().is_some_and(|(at, _)| now - *at > LATELY) {
            self.results.pop_front();
        }
        let (since, before) = self.results.front().copied().unwrap_or((now, results));
        let seconds = (now - since).as_secs_f64();
        if seconds > 0.2 { results.saturating_sub(before) as f64 / seconds } else { 0.0 }
    }

    /// Tells which parts have begun to wait, and which go on.
    fn tell_waits(&mut self, waits: &[Wait], tell: impl Fn(Level, String)) {
        let now: BTreeSet<_> = waits.iter().map(|wait| wait.part.clone()).collect();
        let new = waits.iter().filter(|wait| !self.waiting.contains(&wait.part));
        new.for_each(|wait| tell(Level::Warn, wait.to_string()));
        self.waiting.difference(&now).for_each(|part| tell(Level::Info, format!("{part} goes on")));
        self.waiting = now;
    }
}

impl Part {
    /// What this process's counters say of a job.
    pub fn new(metrics: &Arc<Metrics>, pulse: &mut Pulse, installed: bool, refused: Option<String>) -> Self {
        let balance = metrics.account.balance();
        Self {
            installed,
            refused,
            frames: balance.frames,
            results: balance.results,
            filtered: balance.filtered.values().sum(),
            dead: balance.dead.iter().map(|(_, count)| count).sum(),
            in_flight: balance.in_flight,
            rate: pulse.rate(balance.results),
            p95_ms: balance.latency[1].as_secs_f64() * 1e3,
            waiting: metrics.board().waits().iter().map(ToString::to_string).collect(),
            stages: pulse.stages.look(Instant::now(), metrics.spent()),
            models: metrics.board().models().iter().map(|(step, model)| model_runs(step, model)).collect(),
        }
    }

    fn share(&self, process: usize, workers: usize) -> Share {
        let Self { frames, in_flight, dead, .. } = *self;
        Share { process, workers, frames, rate: self.stages.rate("steps"), in_flight, dead }
    }
}

fn model_runs(step: &str, model: &Model) -> ModelRuns {
    let Manner { runs, why } = model.manner();
    let (step, engine) = (step.to_owned(), model.engine.to_string());
    ModelRuns { step, model: model.tag.name.to_string(), engine, runs, why }
}

/// What processes tell of their models, without what another one has told already.
fn models<'a>(told: impl Iterator<Item = &'a ModelRuns>) -> Vec<ModelRuns> {
    let mut rows: Vec<ModelRuns> = Vec::new();
    for one in told {
        let same = |row: &ModelRuns| (&row.step, &row.engine, &row.runs) == (&one.step, &one.engine, &one.runs);
        if !rows.iter().any(same) {
            rows.push(one.clone());
        }
    }
    rows
}

/// A job's status, from the roster and what all processes tell.
pub fn job(
    entry: &Entry,
    generation: Option<(u64, &[usize])>,
    processes: usize,
    told: &BTreeMap<usize, Told>,
) -> JobStatus {
    let parts: Vec<_> =
        told.iter().filter_map(|(index, told)| Some((*index, told, told.jobs.get(&entry.name)?))).collect();
    let (mut state, mut reason) = (entry.wanted.as_str(), entry.reason().to_owned());
    let refused = parts.iter().find_map(|(.., part)| part.refused.clone());
    let members = generation.map_or(&[][..], |(_, members)| members);
    if state == "running" {
        let installed = parts.iter().filter(|(index, _, part)| members.contains(index) && part.installed).count();
        (state, reason) = match refused {
            _ if members.is_empty() => ("waiting", "there is no generation at work: see `vigie top`".to_owned()),
            Some(refused) => ("refused", refused),
            None if installed < members.len() => ("starting", String::new()),
            None if members.len() < processes => {
                ("degraded", format!("{} of {processes} processes are there", members.len()))
            }
            None => ("running", String::new()),
        };
    }
    let at_work = ["running", "degraded", "draining"].contains(&state);
    JobStatus {
        state: state.to_owned(),
        reason,
        generation: generation.filter(|_| at_work).map_or(0, |(number, _)| number),
        processes: if at_work { members.len() } else { 0 },
        workers: if at_work {
            members.iter().filter_map(|index| told.get(index)).map(|told| told.threads).sum()
        } else {
            0
        },
        frames: parts.iter().map(|(.., part)| part.frames).sum(),
        results: parts.iter().map(|(.., part)| part.results).sum(),
        filtered: parts.iter().map(|(.., part)| part.filtered).sum(),
        dead: parts.iter().map(|(.., part)| part.dead).sum(),
        in_flight: parts.iter().map(|(.., part)| part.in_flight).sum(),
        rate: parts.iter().map(|(.., part)| part.rate).sum(),
        p95_ms: parts.iter().map(|(.., part)| part.p95_ms).fold(0.0, f64::max),
        waiting: parts.iter().flat_map(|(.., part)| part.waiting.clone()).collect(),
        stages: together(parts.iter().map(|(_, told, part)| (told.threads, &part.stages))),
        models: models(parts.iter().flat_map(|(.., part)| &part.models)),
        shares: parts.iter().map(|(index, told, part)| part.share(*index, told.threads)).collect(),
        ..entry.status()
    }
}

impl Process {
    /// What this process tells of itself.
    pub(super) fn told(&self) -> Told {
        let mut inner = self.inner();
        let inner = &mut *inner;
        let installed: Vec<_> =
            inner.working.iter().flat_map(|working| working.installed()).map(|(_, name)| name).collect();
        let part = |(name, (metrics, pulse)): (&String, &mut (Arc<Metrics>, Pulse))| {
            let part = Part::new(metrics, pulse, installed.contains(name), inner.refused.get(name).cloned());
            pulse.tell_waits(&metrics.board().waits(), |level, text| self.events.tell(level, Some(name), text));
            (name.clone(), part)
        };
        Told {
            http: self.http.clone(),
            threads: self.cluster.threads,
            jobs: inner.metrics.iter_mut().map(part).collect(),
        }
    }

    /// What all processes tell that are heard of.
    fn told_by_all(&self) -> BTreeMap<usize, Told> {
        let statuses = self.mesh().view().statuses;
        let read = |(index, status): (usize, Vec<u8>)| Some((index, serde_json::from_slice(&status).ok()?));
        let mut told: BTreeMap<usize, Told> = statuses.into_iter().filter_map(read).collect();
        told.insert(self.index(), self.told());
        told
    }

    /// How all jobs are.
    pub(super) fn jobs(&self) -> Vec<JobStatus> {
        let (told, view) = (self.told_by_all(), self.mesh().view());
        let generation = view.generation.as_ref().map(|generation| (generation.number, &generation.members[..]));
        let inner = self.inner();
        inner.roster.jobs.values().map(|entry| job(entry, generation, view.processes, &told)).collect()
    }

    /// All that is known of a job.
    pub(super) fn detail(&self, name: &str) -> Option<JobDetail> {
        let status = self.jobs().into_iter().find(|job| job.name == name)?;
        let entry = self.inner().roster.jobs.get(name)?.clone();
        Some(entry.detail(status))
    }

    /// How the cluster is.
    pub(super) fn cluster_status(&self) -> ClusterStatus {
        let (told, view) = (self.told_by_all(), self.mesh().view());
        let members = view.generation.as_ref().map(|generation| generation.members.clone()).unwrap_or_default();
        let process = |index: usize| ProcessStatus {
            index,
            address: self.cluster.addresses[index].clone(),
            present: view.present.contains(&index) || index == self.index(),
            http: told.get(&index).map(|told| told.http.clone()).unwrap_or_default(),
            leader: members.first() == Some(&index),
        };
        ClusterStatus {
            processes: (0..view.processes).map(process).collect(),
            generation: view.generation.as_ref().map(|generation| generation.number),
            members,
            since: view.since.map(unix).map(clock::rfc3339).unwrap_or_default(),
            waits: view.waits,
            reforming_ms: view.last_reforming.map(|took| took.as_millis() as u64),
            jobs: self.inner().roster.jobs.len(),
        }
    }

    /// The gauges of the cluster, as this process sees it.
    pub(super) fn cluster_page(&self) -> String {
        let view = self.mesh().view();
        let reforming = view.last_reforming.unwrap_or_default().as_secs_f64();
        let since = view.since.map_or(0.0, |since| unix(since).0 as f64 / 1e3);
        let gauges = [
            (
                "generation",
                "The generation at work; 0 where there is none",
                view.generation.map_or(0, |g| g.number) as f64,
            ),
            ("generation_since_seconds", "When it began, in seconds since 1970", since),
            ("processes_present", "Processes that are heard of", view.present.len() as f64),
            ("processes_expected", "Processes that should be there", view.processes as f64),
            ("reforming_seconds", "How long nothing worked when the last generation was formed", reforming),
        ];
        let page = |(name, help, value)| {
            format!("# HELP vigie_{name} {help}.\n# TYPE vigie_{name} gauge\nvigie_{name} {value}\n")
        };
        gauges.map(page).concat()
    }
}

fn unix(time: std::time::SystemTime) -> UnixMillis {
    let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(since.as_millis() as u64)
}
