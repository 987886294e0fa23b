//! Delivery: nothing lost, nothing doubled in a sink, whatever is killed, stopped or cut off. The harness is tested by builds
//! that make mistakes on purpose: it must go red with each.

mod faults;
mod feeds;
mod jobs;
mod kafka;
mod kills;
mod mistakes;
mod oracle;
mod qos;
mod refusals;
mod secrets;
mod secure;
mod sizes;
mod stalls;
mod stores;

use std::path::Path;

pub use feeds::{Feed, make_topics};
pub use kills::{job, job_to};
pub use mistakes::broken;
pub use oracle::{Verdict, judge};
pub use stores::{KafkaTopic, Store};

use crate::support::Process;
use crate::support::servers::S3;

/// Starts `count` processes of a job, and waits until its source is connected.
fn start(vigie: &Path, mistake: &str, job: &str, cluster: &str, count: usize) -> Vec<Process> {
    let start = |process: usize| {
        let (count, process) = (count.to_string(), process.to_string());
        let arguments = ["run", job, "--cluster", cluster, "-n", &count, "-p", &process, "-w", "1"];
        let environment =
            [("VIGIE_BROKEN", mistake), ("AWS_ACCESS_KEY_ID", S3::KEY), ("AWS_SECRET_ACCESS_KEY", S3::SECRET)];
        Process::start(vigie, &arguments, &environment)
    };
    let mut workers: Vec<_> = (0..count).map(start).collect();
    workers[0].connected();
    workers
}
