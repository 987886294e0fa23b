//! What is typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand};

use crate::api::tokens::Role;
use crate::bench::Bench;
use crate::camera::Camera;
use crate::client::Remote;
use crate::cluster::ClusterFlags;
use crate::count::Count;
use crate::graph::Form;
use crate::latency::Latency;
use crate::look::Look;
use crate::rehearsal::Try;

/// The lookout: camera frames in, batches through an ONNX model, pictures and reports out.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a job, alone or as one of several worker processes. It fails if dead letters are all that came of its frames.
    Run(Run),
    /// Say what is wrong with a job file, or what it will do; the same for a cluster.toml.
    Check {
        /// The job file, or the cluster file.
        job: PathBuf,
    },
    /// Show the graph of a job.
    Graph {
        /// The job file.
        job: PathBuf,
        /// How it is written down.
        #[arg(long = "as", value_enum, default_value_t)]
        form: Form,
    },
    /// Run pictures through the steps of a job, and show what each step makes of them. Nothing is read from its sources or
    /// written to its sinks.
    Try(Try),
    /// Measure what this machine can do with a job, and say what the job should say for it. Nothing is read from its sources or
    /// written to its sinks.
    Bench(Bench),
    /// Measure how late a job's results are: under loads that this command offers, or as it runs.
    Latency(Latency),
    /// Say what a model is: its family, how it wants its pictures, what it costs, and what to write in a job.
    Model(Look),
    /// Stand ready as one of the processes of a cluster, for the jobs that are submitted to it.
    Worker(Worker),
    /// What is asked of a standing cluster.
    #[command(flatten)]
    Remote(Remote),
    /// Count a view's table again, from the reports that its job has written.
    Count(Count),
    /// Make a token for callers of the cluster's HTTP, and the row of cluster.toml that lets it in.
    Token {
        /// Whose it is.
        #[arg(long, default_value = "me")]
        name: String,
        /// What it may do.
        #[arg(long, value_enum, default_value_t = Role::Submit)]
        role: Role,
    },
    /// Play a folder of pictures as a camera, or render cameras, or write a labelled data set.
    Camera(Camera),
    /// An MQTT broker in the box, for demos and small sites. It keeps nothing when it ends.
    Broker {
        /// Where it listens.
        #[arg(long, default_value = "127.0.0.1:1883", value_name = "HOST:PORT")]
        listen: SocketAddr,
        /// The largest message it takes.
        #[arg(long, default_value = "16MiB", value_name = "SIZE")]
        max_message: ByteSize,
    },
    /// Fetch what this machine lacks: ONNX Runtime, checked by its hash, kept in a cache.
    Setup,
}

/// `vigie run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The job file.
    pub job: PathBuf,
    /// Which processes make up the cluster, and which one this is.
    #[command(flatten)]
    pub cluster: ClusterFlags,
    /// Where to show /metrics and /healthz; by default a free port of this machine, which is printed.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    pub http: SocketAddr,
}

/// `vigie worker`.
#[derive(Debug, Args)]
pub struct Worker {
    /// Which processes make up the cluster, and which one this is.
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches flags that clash, which clap only notices when somebody types them.
    #[test]
    fn every_command_can_be_typed() {
        <Cli as clap::CommandFactory>::command().debug_assert();
        for words in [
            "worker -n 3 -p 0 -w 2",
            "submit a.toml --at here:1",
            "drain --all",
            "drain room",
            "logs room -f",
            "stop",
            "view room",
            "view room rooms --watch",
            "view room rooms --verify a.toml --sink b",
            "count a.toml rooms --from out",
            "count a.toml rooms --csv",
        ] {
            let typed = ["vigie"].into_iter().chain(words.split(' '));
            assert!(Cli::try_parse_from(typed).is_ok(), "{words}");
        }
        for words in [
            "drain",
            "drain room --all",
            "jobs --at a:1 --cluster b.toml",
            "view",
            "view room --watch",
            "view room rooms --csv --json",
            "count a.toml",
        ] {
            let typed = ["vigie"].into_iter().chain(words.split(' '));
            assert!(Cli::try_parse_from(typed).is_err(), "{words}");
        }
    }
}
