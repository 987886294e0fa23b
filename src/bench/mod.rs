//! `vigie bench JOB`: what this machine can do with a job, and what the job should say for it.
//!
//! The job runs in this process as `vigie run` runs it, but for what is outside of it, which is played.
//!
//! # Layout
//!
//! * [`trial`]: the job for a few seconds, with one setting; [`offer`] and [`take`]: in place of its sources and sinks;
//!   [`pictures`]: what is shown to it.
//! * [`clocked`]: what each step costs; [`measure`]: what a trial has shown.
//! * [`advice`]: what to choose, and why; [`text`]: all of it for a terminal.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::job::Job;
use crate::mistake::Mistake;
use crate::rehearsal::mock::Mock;
use crate::run::Failure;
use crate::threads::threads;

pub mod advice;
pub mod clocked;
pub mod measure;
pub mod offer;
pub mod pictures;
pub mod take;
pub mod text;
pub mod trial;

use advice::{Advice, Says, best};
use measure::Measured;
use pictures::Pictures;
use trial::{Setting, Stage};

/// How long all trials take together, about.
const WHOLE: f64 = 20.0;

/// Of each trial, in seconds, what is not measured: models are loaded, the warm-up.
const AROUND: f64 = 2.0;

/// Said under all figures.
const OUTSIDE: &str =
    "Brokers, stores and services were played: where they share this machine, they take their part of it.";

/// `vigie bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// The job file.
    pub job: PathBuf,
    /// Worker threads to try: `-w 1,2,4` [default: 1, 2, 4 … up to one a core]
    #[arg(short = 'w', long, value_name = "COUNTS", value_delimiter = ',', value_parser = count)]
    pub threads: Vec<usize>,
    /// How long each trial is measured, in seconds, after one that does not count [default: 1 to 3, so that all trials take
    /// about 20]
    #[arg(long, value_parser = seconds)]
    pub seconds: Option<f64>,
    /// The folder of pictures (.jpg, .jpeg, .png) that are shown to it, 64 at most; rendered ones without it.
    #[arg(long, value_name = "FOLDER")]
    pub pictures: Option<PathBuf>,
    /// Width and height of rendered pictures.
    #[arg(long, default_value = "640x480", conflicts_with = "pictures")]
    pub size: String,
    /// A file that says what services answer, and what comes along with the pictures (docs/try.md). A job that asks services
    /// needs one.
    #[arg(long, value_name = "FILE")]
    pub mock: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// All that was found out.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// The job's name.
    pub job: String,
    /// Its file.
    pub file: String,
    /// What was shown to it.
    pub pictures: String,
    /// Bytes of a picture, on average.
    pub picture_bytes: f64,
    /// Cores of the machine.
    pub cores: usize,
    /// Trials of the job as it is, one a number of workers.
    pub workers: Vec<Measured>,
    /// Trials with the workers that are advised, of batches of other sizes.
    pub batches: Vec<Measured>,
    /// What to choose.
    pub advice: Advice,
}

fn count(text: &str) -> Result<usize, String> {
    let wrong = || "workers are 1 to 256: write -w 1,2,4".to_owned();
    text.trim().parse().ok().filter(|count| (1..=256).contains(count)).ok_or_else(wrong)
}

fn seconds(text: &str) -> Result<f64, String> {
    let wrong = || "a trial is measured for 0.5 to 600 seconds: write --seconds 5".to_owned();
    text.trim().parse().ok().filter(|seconds| (0.5..=600.0).contains(seconds)).ok_or_else(wrong)
}

impl Bench {
    /// Measures, and prints what came out.
    pub fn run(&self) -> ExitCode {
        match self.try_run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.told(),
        }
    }

    fn try_run(&self) -> Result<(), Failure> {
        let runtime = threads("io")?;
        let (job, mock) = self.load(&runtime)?;
        let findings = self.find_out(&job, mock, &runtime)?;
        runtime.shutdown_timeout(Duration::from_millis(100));
        match self.json {
            true => println!("{}", serde_json::to_string_pretty(&findings).map_err(anyhow::Error::from)?),
            false => print!("{}", text::written(&findings)),
        }
        Ok(())
    }

    /// The job, checked as `vigie check` does.
    fn load(&self, runtime: &Runtime) -> Result<(Job, Mock), Failure> {
        let mut job = Job::load(&self.job)?;
        let mock = self.mock.as_ref().map(|path| Mock::load(path, &job)).transpose()?.unwrap_or_default();
        job.services.rehearsal = Some(mock.rehearsal());
        job.check(runtime.handle())?;
        let asks = job.steps.iter().find(|step| step.config.asks() && !mock.plays(&step.name));
        if let Some(step) = asks {
            let what = format!(
                "step `{}` asks a service, and nobody wants to be asked so often: say what it answers in a file, and name that \
                 with --mock (docs/try.md)",
                step.name
            );
            return Err(Mistake::new(what).into());
        }
        Ok((job, mock))
    }

    fn find_out(&self, job: &Job, mock: Mock, runtime: &Runtime) -> Result<Findings, Failure> {
        let cores = available_parallelism().map_or(1, usize::from);
        let (counts, sizes) = (self.counts(cores), other_batches(job.batch.size));
        let pictures = match &self.pictures {
            Some(folder) => Pictures::of_folder(folder)?,
            None => Pictures::rendered(&self.size)?,
        };
        let span = Duration::from_secs_f64(self.seconds.unwrap_or_else(|| each(counts.len() + sizes.len())));
        let (what, picture_bytes) = (pictures.what.clone(), pictures.bytes().round());
        let stage = Stage { path: self.job.clone(), pictures, mock, span };

        let trial = |workers, batch| stage.run(Setting { workers, batch }, runtime);
        let workers = counts.iter().map(|count| trial(*count, job.batch.size)).collect::<Result<Vec<_>, _>>()?;
        let best = best(&workers).expect("there is a trial");
        let batches = sizes.iter().map(|size| trial(best.workers, *size)).collect::<Result<Vec<_>, _>>()?;
        let (batch, limits) = (job.batch.clone(), job.limits.clone());
        let advice = Advice::of(&Says { batch, limits, frame_bytes: picture_bytes, cores }, &workers, best, &batches);
        let file = shown(&self.job);
        Ok(Findings { job: job.name.clone(), file, pictures: what, picture_bytes, cores, workers, batches, advice })
    }

    /// Numbers of workers to try, the fewest first.
    fn counts(&self, cores: usize) -> Vec<usize> {
        let mut counts = match self.threads.is_empty() {
            true => {
                std::iter::successors(Some(1), |count| Some(count * 2)).take_while(|count| *count < cores).collect()
            }
            false => self.threads.clone(),
        };
        if self.threads.is_empty() {
            counts.push(cores);
        }
        counts.sort_unstable();
        counts.dedup();
        counts
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Sizes of batches to try beside the job's own: frame by frame, and twice as many.
fn other_batches(own: usize) -> Vec<usize> {
    const MOST: usize = 1024;
    let mut sizes = vec![1, (2 * own).clamp(3, MOST)];
    sizes.retain(|size| *size != own);
    sizes
}

/// How long each of so many trials is measured, in seconds.
fn each(trials: usize) -> f64 {
    (WHOLE / trials as f64 - AROUND).clamp(1.0, 3.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench(threads: &[usize]) -> Bench {
        let (seconds, pictures, mock) = Default::default();
        Bench {
            job: "a.toml".into(),
            threads: threads.to_vec(),
            seconds,
            pictures,
            size: String::new(),
            mock,
            json: false,
        }
    }

    /// Catches a machine whose last core is not tried, a trial that is run twice, and a command that takes minutes.
    #[test]
    fn trials_go_up_to_the_cores_and_end_in_time() {
        assert_eq!(bench(&[]).counts(1), [1]);
        assert_eq!(bench(&[]).counts(6), [1, 2, 4, 6]);
        assert_eq!(bench(&[4, 1, 4]).counts(2), [1, 4]);
        assert_eq!((other_batches(3), other_batches(1), other_batches(1024)), (vec![1, 6], vec![3], vec![1]));
        for trials in 3..9 {
            assert!(trials as f64 * (each(trials) + AROUND) < 25.0, "{trials}");
        }
    }

    /// Catches numbers that lead to no trial, or to one without an end.
    #[test]
    fn what_can_be_typed_is_bounded() {
        assert_eq!((count("2"), seconds("0.5")), (Ok(2), Ok(0.5)));
        for text in ["0", "257", "-1", "two", ""] {
            assert!(count(text).is_err(), "{text}");
        }
        for text in ["0", "601", "NaN", "long"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
