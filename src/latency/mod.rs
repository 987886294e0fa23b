//! `vigie latency`: how late a job's results are.
//!
//! # Layout
//!
//! * [`load`]: frames that are offered, each at its time; [`trial`]: the job in this process, behind them.
//! * [`collect`]: where each frame of a load is; [`listen`]: the reports of a job that runs elsewhere.
//! * [`rows`]: one row a frame, as CSV; [`table`]: quantiles of each level; [`compare`]: an old CSV beside it.
//! * [`plot`]: the curves.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::runtime::Runtime;

use crate::client;
use crate::client::flags::At;
use crate::cluster::ClusterFlags;
use crate::job::Job;
use crate::run::Failure;
use crate::threads::threads;

pub mod collect;
pub mod compare;
pub mod listen;
pub mod load;
pub mod plot;
pub mod rows;
pub mod table;
pub mod trial;

use compare::Old;
use load::Rate;
use table::Measure;
use trial::Wanted;

/// Cameras of a load at most: each has a thread and a connection.
const CAMERAS: i64 = 256;

/// `vigie latency`.
#[derive(Debug, Args)]
pub struct Latency {
    /// The job file; or, without --at, the name of a job of the standing cluster, as `vigie jobs` shows it.
    pub job: PathBuf,
    /// Levels of load, one after the other: frames a second of all cameras together. The job runs in this process for it, so
    /// it may run nowhere else. Without --at, nothing is sent: the reports of the job, which runs elsewhere, are listened to.
    #[arg(long, value_name = "RATES", value_delimiter = ',')]
    pub at: Vec<Rate>,
    /// The file that says where the processes of the cluster are, for a job that is named [default: VIGIE_AT, else
    /// ./cluster.toml]
    #[arg(long, value_name = "FILE", conflicts_with = "at")]
    pub cluster: Option<PathBuf>,
    /// How long each level lasts, or how long it is listened.
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    pub span: Duration,
    /// The folder for latency.csv, latency.png and latency.svg.
    #[arg(long, value_name = "FOLDER", default_value = "latency")]
    pub out: PathBuf,
    /// The latency.csv of another time: its curves are drawn dashed, and its quantiles stand beside those of now.
    #[arg(long, value_name = "CSV")]
    pub compare: Option<PathBuf>,
    /// The source that the load is offered to, where the job has several.
    #[arg(long, requires = "at")]
    pub source: Option<String>,
    /// Cameras of the load: `latency-0`, `latency-1`, ….
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=CAMERAS))]
    pub cameras: u32,
    /// The folder of pictures (.jpg, .jpeg, .png) that they show; rendered ones without it.
    #[arg(long, value_name = "FOLDER", requires = "at")]
    pub pictures: Option<PathBuf>,
    /// Worker threads of the job [default: one a core]
    #[arg(short = 'w', long, value_name = "COUNT")]
    pub threads: Option<usize>,
}

impl Latency {
    /// Measures, and prints what came out.
    pub fn run(&self) -> ExitCode {
        match self.try_run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.told(),
        }
    }

    fn try_run(&self) -> Result<(), Failure> {
        let old = self.compare.as_deref().map(compare::read).transpose()?.unwrap_or_default();
        let runtime = threads("io")?;
        let job = self.job(&runtime)?;
        let place = || format!("can't write to {}", self.out.display());
        fs::create_dir_all(&self.out).with_context(place)?;
        let name = job.name.clone();
        let measured = match self.at.is_empty() {
            true => vec![listen::listen(&job, self.span, runtime.handle())?],
            false => {
                let flags = ClusterFlags { processes: Some(1), threads: self.threads, ..ClusterFlags::default() };
                trial::run(job, &flags.resolve()?, self.wanted(), &runtime)?
            }
        };
        runtime.shutdown_timeout(Duration::from_millis(100));
        Ok(self.tell(&name, &measured, &old)?)
    }

    /// The job of the file, checked where it is to run here; or that of the cluster.
    fn job(&self, runtime: &Runtime) -> Result<Job, Failure> {
        let name = self.job.to_string_lossy();
        let is_name = !self.job.exists() && self.job.extension().is_none() && !name.contains('/');
        if self.at.is_empty() && is_name {
            let at = At { cluster: self.cluster.clone(), ..At::default() };
            return Ok(Job::parse(&client::job_file(&at, &name)?, &self.job)?);
        }
        let job = Job::load(&self.job)?;
        if !self.at.is_empty() {
            job.check(runtime.handle())?;
        }
        Ok(job)
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            rates: self.at.clone(),
            span: self.span,
            source: self.source.clone(),
            cameras: self.cameras,
            pictures: self.pictures.clone(),
        }
    }

    /// Writes the files, and prints the tables.
    fn tell(&self, job: &str, measured: &[Measure], old: &[Old]) -> anyhow::Result<()> {
        let levels: Vec<_> = measured.iter().map(|measure| (measure.level.as_str(), measure.rows.as_slice())).collect();
        rows::write(&self.out.join("latency.csv"), &levels)?;
        plot::write(&self.out, job, measured, old)?;
        print!("{}", table::written(measured));
        if !old.is_empty() {
            print!("\n{}", compare::written(old, measured));
        }
        let files = ["latency.csv", "latency.png", "latency.svg"].map(|name| self.out.join(name).display().to_string());
        println!("\n{}", files.join(", "));
        Ok(())
    }
}
