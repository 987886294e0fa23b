//! From a request to who does it: commands go in, each with a place for its answer.

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::problem::Problem;
use super::types::{ClusterStatus, JobDetail, JobStatus, Submission};

/// Commands that wait for their turn; more of them wait at their caller.
const WAITING: usize = 64;

/// What a process can be asked. It travels to the leader as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Run a job.
    Submit(Submission),
    /// Give the job of that name another text.
    Update(String, Submission),
    /// Stop a job at once and forget it.
    Cancel(String),
    /// Take no more frames in, and end when all that were are done.
    Drain(String),
    /// Drain every job.
    DrainAll,
    /// Take no more frames in, until it is resumed.
    Pause(String),
    /// Go on.
    Resume(String),
    /// Stop a job and start it anew with the same text.
    Restart(String),
    /// How all jobs are.
    Jobs,
    /// All that is known of a job.
    Show(String),
    /// How the cluster is.
    Cluster,
    /// What the whole cluster counts, as Prometheus' text.
    Metrics,
    /// End all processes of the cluster.
    Stop,
}

impl Command {
    /// Whether it changes nothing.
    pub fn only_looks(&self) -> bool {
        matches!(self, Self::Jobs | Self::Show(_) | Self::Cluster | Self::Metrics)
    }
}

/// What a command is answered with. It travels back from the leader as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The job that the command was about, as it is now.
    Job(JobStatus),
    /// Several jobs.
    Jobs(Vec<JobStatus>),
    /// All that is known of a job.
    Detail(JobDetail),
    /// How the cluster is.
    Cluster(ClusterStatus),
    /// Text as it is shown.
    Text(String),
    /// It is done, and there is nothing to show.
    Done,
}

/// A command, and where its answer goes.
pub type Request = (Command, oneshot::Sender<Result<Reply, Problem>>);

/// Where commands are given.
#[derive(Clone, Debug)]
pub struct Control(mpsc::Sender<Request>);

/// Where commands are given, and where they come out, one at a time.
pub fn control() -> (Control, mpsc::Receiver<Request>) {
    let (give, take) = mpsc::channel(WAITING);
    (Control(give), take)
}

impl Control {
    /// Gives a command, and waits for its answer.
    ///
    /// # Errors
    /// What whoever does it has to say, or that nobody does any more.
    pub async fn ask(&self, command: Command) -> Result<Reply, Problem> {
        let gone = || Problem::unavailable("this process is about to end: ask another one");
        let (give, answer) = oneshot::channel();
        self.0.send((command, give)).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}
