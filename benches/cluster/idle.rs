//! What processes cost that have no job.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::cluster::Standing;
use crate::support::Process;

/// How long they are looked at.
const WHILE: Duration = Duration::from_secs(20);

/// Clock ticks a second in `/proc`, on every Linux of today.
const TICKS: f64 = 100.0;

/// Three processes without a job: their share of a core, and their memory.
pub fn measure() {
    let cluster = Standing::start(3);
    // What they did to find each other is not what they cost.
    thread::sleep(Duration::from_secs(3));
    let processes: Vec<_> = cluster.processes.iter().flatten().collect();
    let before: Vec<_> = processes.iter().map(|process| ticks(process)).collect();
    thread::sleep(WHILE);
    println!("idle process | of a core (goal 1 %) | resident (goal 60 MB)");
    for (index, (process, before)) in processes.iter().zip(before).enumerate() {
        let share = (ticks(process) - before) / TICKS / WHILE.as_secs_f64();
        println!("{index} | {:.2} % | {:.1} MB", share * 100.0, process.memory() as f64 / 1e6);
    }
}

/// The time that a process has worked, in ticks.
fn ticks(process: &Process) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap_or_default();
    // The name, in brackets, may hold anything.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default().split_whitespace();
    let times: Vec<f64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    times.iter().sum()
}
