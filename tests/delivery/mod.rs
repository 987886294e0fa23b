//! Delivery: nothing lost, nothing doubled in a sink, whatever is killed, stopped or cut off. The harness is tested by builds
//! that make mistakes on purpose: it must go red with each.

mod faults;
mod feeds;
mod jobs;
mod kills;
mod mistakes;
mod oracle;
mod sizes;
mod stalls;
mod stores;

use std::path::Path;

use crate::support::Process;

/// Starts `count` processes of a job, and waits until its source is connected.
fn start(vigie: &Path, mistake: &str, job: &str, cluster: &str, count: usize) -> Vec<Process> {
    let start = |process: usize| {
        let (count, process) = (count.to_string(), process.to_string());
        let arguments = ["run", job, "--cluster", cluster, "-n", &count, "-p", &process, "-w", "1"];
        Process::start(vigie, &arguments, &[("VIGIE_BROKEN", mistake)])
    };
    let workers: Vec<_> = (0..count).map(start).collect();
    crate::support::wait("the source", || {
        let said = workers[0].said();
        assert!(!said.contains("error:"), "{said}");
        said.contains("connected ([source.").then_some(())
    });
    workers
}
