//! What is typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand};

use crate::camera::Camera;
use crate::cluster::ClusterFlags;

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
    /// Run a job, alone or as one of several worker processes.
    Run(Run),
    /// Say what is wrong with a job file, or what it will do.
    Check {
        /// The job file.
        job: PathBuf,
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
