//! The loop of one worker: a job from its first frame to its last receipt.

use std::thread::JoinHandle;

use timely::worker::Worker;

use crate::cluster::Guard;
use crate::command::{Command, Commands, Inbox};
use crate::render::{Parts, render};

/// The sources of a worker, which may still have receipts to hand on when its dataflow has ended.
pub type Threads = Vec<JoinHandle<anyhow::Result<()>>>;

/// Runs a job on this worker until it is done, or until a command ends it.
pub fn work(worker: &mut Worker, guard: &Guard, parts: Parts, inbox: Option<Inbox>) -> Threads {
    let mut commands = Commands::new(worker, inbox);
    let running = render(worker, parts);
    while !running.done.done() {
        guard.check();
        worker.step_or_park(None);
        for command in commands.poll() {
            match command {
                Command::Drain => running.closers.iter().for_each(|closer| closer.close()),
            }
        }
    }
    commands.close();
    running.threads
}
