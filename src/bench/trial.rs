//! The job in this process for a few seconds, with as many frames as it takes.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use bytes::Bytes;
use operators::Frame;
use tokio::runtime::Runtime;

use super::clocked::{Book, clocked};
use super::measure::{Counted, Measured, Moment};
use super::offer::Offer;
use super::pictures::Pictures;
use super::take::{Take, Taken};
use crate::cluster::{Cluster, Door};
use crate::command::{Command, orders};
use crate::job::Job;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::mistake::Mistakes;
use crate::opening::{Place, open};
use crate::rehearsal::frame;
use crate::rehearsal::mock::Mock;
use crate::render::Parts;
use crate::run::{self, Failure, ONLY};
use crate::usage;

/// How long the first frames have to come to their end, and how often it is looked whether they have.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(10);

/// After the first frames, so long is not measured: caches and queues fill.
pub const WARM_UP: Duration = Duration::from_secs(1);

/// Parts of the time that is measured: a rate is the median of theirs.
const SLICES: u32 = 5;

/// Batches of each worker that the window of a trial has room for at least: or it would tell how small the window is.
const BATCHES: usize = 4;

/// What all trials of a job have in common.
#[derive(Debug)]
pub struct Stage {
    /// The job's file.
    pub path: PathBuf,
    /// What is shown in place of its cameras' frames.
    pub pictures: Pictures,
    /// What its services answer, and what comes along with its pictures.
    pub mock: Mock,
    /// How long each trial is measured.
    pub span: Duration,
}

/// What differs from trial to trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Worker threads: `-w`.
    pub workers: usize,
    /// Frames a batch.
    pub batch: usize,
}

impl Stage {
    /// Runs the job with that setting, as `vigie run` does, until it was measured.
    pub(crate) fn run(&self, setting: Setting, runtime: &Runtime) -> Result<Measured, Failure> {
        let taken = Taken::default();
        let job = self.job(setting, &taken)?;
        let (metrics, book) = (Arc::new(Metrics::new(&job.name)), Book::default());
        let cluster = Cluster { threads: setting.workers, ..Cluster::default() };
        let clock = |parts: Parts| Parts { plan: parts.plan.dressed(|name, work| clocked(name, work, &book)), ..parts };
        let parts = open(&job, Place::from(&cluster), runtime.handle(), &metrics)?.into_iter().map(clock).collect();
        let opened = usage::resident();

        let moments = self.watched(&job, &cluster, parts, &metrics, &book);
        job.state.iter().for_each(|folder| drop(fs::remove_dir_all(folder)));
        let (moments, account) = (moments?, metrics.account.balance());
        let counted = Counted { window: job.limits.window, opened, moments, account, sinks: taken.sinks() };
        Ok(judged(Measured::of(setting, counted), &taken)?)
    }

    /// The job of the file with what is outside of it played.
    fn job(&self, setting: Setting, taken: &Taken) -> Result<Job, Mistakes> {
        let Setting { workers, batch } = setting;
        let mut job = Job::load(&self.path)?;
        // What a job keeps for its next start is that of `vigie run`, and not of a measurement.
        job.state = Some(job.beside().join(".vigie").join("bench"));
        job.services.rehearsal = Some(self.mock.rehearsal());
        job.batch.size = batch;
        job.limits.window = job.limits.window.max(BATCHES * batch * workers * job.sources.len());
        let frames: Vec<_> = (0..job.sources.len()).map(|source| self.frame(&job, source)).collect();
        let mut frames = frames.into_iter();
        let pictures = &self.pictures;
        Ok(job.played(
            |real| {
                let frame = frames.next().expect("one a source");
                Box::new(Offer { real, pictures: pictures.clone(), frame, workers })
            },
            |real| Box::new(Take { real, taken: taken.clone() }),
        ))
    }

    /// What each frame of a source has but for its picture and its names.
    fn frame(&self, job: &Job, source: usize) -> Frame {
        let mut like = frame(source, "", 0, "", Bytes::new());
        self.mock.arrive(job, &job.sources[source].name, 0, &mut like);
        let terms = job.sources[source].config.terms();
        like.task = like.task.or_else(|| terms.map(|terms| terms.defaults().into()));
        like
    }

    /// Runs the workers until the watch has seen enough; what it has seen.
    fn watched(
        &self,
        job: &Job,
        cluster: &Cluster,
        parts: Vec<Parts>,
        metrics: &Arc<Metrics>,
        book: &Book,
    ) -> Result<Vec<Moment>, Failure> {
        let (orders, inbox) = orders();
        let (running, over) = channel::<()>();
        let watch = {
            let (metrics, book, span) = (metrics.clone(), book.clone(), self.span);
            move || {
                let moments = watch(&metrics, &book, span, &over);
                orders.give(Command::Drain(ONLY));
                moments
            }
        };
        let watch =
            thread::Builder::new().name("watch".to_owned()).spawn(watch).expect("this machine can start a thread");
        let live = Live::new(&job.name, metrics.clone());
        let door = Door::open(cluster)?;
        let ended = run::start(cluster, door, job, parts, inbox, Arc::new(AtomicBool::new(false)));
        drop((live, running));
        run::goodbye(&job.name, ended?)?;
        Ok(watch.join().expect("a watch does not panic"))
    }
}

/// Looks at the job at the beginning and at the end of each slice; at fewer moments where it ends before.
fn watch(metrics: &Metrics, book: &Book, span: Duration, over: &Receiver<()>) -> Vec<Moment> {
    let runs_on = |time| over.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
    let (start, mut moments) = (Instant::now(), Vec::new());
    while Moment::now(metrics, book).ended == 0 {
        if start.elapsed() > PATIENCE || !runs_on(GLANCE) {
            return moments;
        }
    }
    let pauses = std::iter::once(WARM_UP).chain((0..SLICES).map(|_| span / SLICES));
    for pause in pauses {
        if !runs_on(pause) {
            break;
        }
        moments.push(Moment::now(metrics, book));
    }
    moments
}

/// What was measured, if that is anything to go by.
fn judged(measured: Option<Measured>, taken: &Taken) -> anyhow::Result<Measured> {
    match (measured, taken.first_flaw()) {
        (Some(measured), _) if measured.account.results + measured.account.filtered() > 0 => Ok(measured),
        (_, Some(flaw)) => {
            bail!("every frame becomes a dead letter ({flaw}): `vigie try` shows what the steps make of a picture")
        }
        (_, None) => {
            bail!("no frame came through the job in the time that was measured: give it more, as --seconds 30")
        }
    }
}
