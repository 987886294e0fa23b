//! What is typed to ask a cluster something.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::views::View;

/// Where a process of the cluster is.
#[derive(Clone, Debug, Default, Args)]
pub struct At {
    /// A process of the cluster [default: VIGIE_AT, else those of ./cluster.toml, else localhost:2201 to 2203]
    #[arg(long, value_name = "HOST:PORT")]
    pub at: Option<String>,
    /// The file that says where the processes are [default: ./cluster.toml]
    #[arg(long, value_name = "FILE", conflicts_with = "at")]
    pub cluster: Option<PathBuf>,
    /// The CA (PEM) that signed the processes' certificates, for HTTPS [default: VIGIE_CA, else that of the file]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The certificate (PEM) to show where callers need one [default: VIGIE_CERTIFICATE, else that of the file]
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM) [default: VIGIE_KEY, else that of the file]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// A job of the cluster.
#[derive(Debug, Args)]
pub struct Named {
    /// The job's name, as `vigie jobs` shows it.
    pub name: String,
    /// Where the cluster is.
    #[command(flatten)]
    pub at: At,
}

/// What can be asked of a cluster.
#[derive(Debug, Subcommand)]
pub enum Remote {
    /// Have the cluster run a job. The same job once more changes nothing.
    Submit {
        /// The job file.
        file: PathBuf,
        /// Where the cluster is.
        #[command(flatten)]
        at: At,
    },
    /// Show the cluster's jobs.
    Jobs {
        /// As the API says it.
        #[arg(long)]
        json: bool,
        /// Where the cluster is.
        #[command(flatten)]
        at: At,
    },
    /// Show the cluster's jobs, processes and stages, live; q leaves.
    Top {
        /// Where the cluster is.
        #[command(flatten)]
        at: At,
    },
    /// Show a job: its file as submitted, its parts, its history.
    Show {
        /// The job's name.
        name: String,
        /// As the API says it.
        #[arg(long)]
        json: bool,
        /// Where the cluster is.
        #[command(flatten)]
        at: At,
    },
    /// Let a job end when all the frames that it took in are done.
    Drain {
        /// The job's name.
        #[arg(required_unless_present = "all")]
        name: Option<String>,
        /// Every job.
        #[arg(long, conflicts_with = "name")]
        all: bool,
        /// Do not wait for the end.
        #[arg(long)]
        no_wait: bool,
        /// Where the cluster is.
        #[command(flatten)]
        at: At,
    },
    /// Stop a job at once and forget it. What it has not acknowledged is sent again by its source.
    Cancel(Named),
    /// Let a job take no more frames in, until it is resumed.
    Pause(Named),
    /// Let a paused job go on.
    Resume(Named),
    /// Stop a job and start it anew with the same text.
    Restart(Named),
    /// Give a job another text.
    Update {
        /// The job's name.
        name: String,
        /// The job file.
        file: PathBuf,
        /// Where the cluster is.
        #[command(flatten)]
        at: At,
    },
    /// Show what the whole cluster counts, in Prometheus' text format.
    Metrics {
        /// As a list of samples.
        #[arg(long)]
        json: bool,
        /// Where the cluster is.
        #[command(flatten)]
        at: At,
    },
    /// Show what happened to a job.
    Logs {
        /// The job's name.
        name: String,
        /// And what happens from now on, until ^C.
        #[arg(short, long)]
        follow: bool,
        /// As the API says it, one object a line.
        #[arg(long)]
        json: bool,
        /// Where the cluster is.
        #[command(flatten)]
        at: At,
    },
    /// Show a job's views, or the table of one.
    View(Box<View>),
    /// End all processes of the cluster. Its list of jobs stays on their disks.
    Stop {
        /// Where the cluster is.
        #[command(flatten)]
        at: At,
    },
}

impl Remote {
    /// Where the cluster is.
    pub fn at(&self) -> &At {
        match self {
            Self::Submit { at, .. }
            | Self::Jobs { at, .. }
            | Self::Top { at }
            | Self::Show { at, .. }
            | Self::Drain { at, .. }
            | Self::Update { at, .. }
            | Self::Metrics { at, .. }
            | Self::Logs { at, .. }
            | Self::Stop { at } => at,
            Self::View(view) => &view.at,
            Self::Cancel(job) | Self::Pause(job) | Self::Resume(job) | Self::Restart(job) => &job.at,
        }
    }
}
