//! Delivery: nothing lost, nothing doubled in a sink, whatever is killed, stopped or cut off. The harness is tested by builds
//! that make mistakes on purpose: it must go red with each.

mod faults;
mod feeds;
mod jobs;
mod kafka;
mod kills;
mod mistakes;
mod oracle;
mod secrets;
mod sizes;
mod stalls;
mod stores;

use std::path::Path;

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
    let workers: Vec<_> = (0..count).map(start).collect();
    crate::support::wait("the source", || {
        let said = workers[0].said();
        // At the start of a line: a server that is not ready yet is waited for, and may say "error" of itself.
        assert!(!said.lines().any(|line| line.starts_with("error:")), "{said}");
        said.contains("connected ([source.").then_some(())
    });
    workers
}
