//! The loop of one worker: the jobs that are installed on it, each from its first frame to its last receipt.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use timely::worker::Worker;

use crate::cluster::Guard;
use crate::command::{Command, Commands, Inbox, Ticket};
use crate::render::{Parts, Running, render};

/// The sources of a worker, which may still have receipts to hand on when its dataflow has ended.
pub type Threads = Vec<JoinHandle<anyhow::Result<()>>>;

/// How long the sources may take to hand on their last receipts and to say goodbye to their brokers.
const GOODBYE: Duration = Duration::from_secs(10);

/// A source that has not ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Which one, and why, in words.
    pub what: String,
    /// Whether it is Vigie's own mistake.
    pub by_mistake: bool,
}

/// Waits until the sources of a job have said goodbye to their brokers; those that stopped by an error. What one that takes
/// too long still holds is sent again by its broker: nothing is lost by not waiting.
pub fn goodbye(job: &str, threads: Threads) -> Vec<Stopped> {
    let until = Instant::now() + GOODBYE;
    let part = |thread: JoinHandle<anyhow::Result<()>>| {
        let name = thread.thread().name().unwrap_or_default().to_owned();
        while !thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(2));
        }
        let ended = thread.is_finished().then(|| thread.join())?;
        let (why, by_mistake) = match ended {
            Ok(Ok(())) => return None,
            Ok(Err(error)) => (format!(": {error:#}"), false),
            Err(_) => (" by a mistake in Vigie".to_owned(), true),
        };
        Some(Stopped { what: format!("source {name} of job {job} stopped{why}"), by_mistake })
    };
    threads.into_iter().filter_map(part).collect()
}

/// What a worker has to tell.
#[derive(Debug)]
pub enum Report {
    /// It has built a job's dataflow.
    Installed(Ticket),
    /// A job has ended on it: by itself, or because it was cancelled.
    Ended(Ticket, Threads),
}

/// Where the workers of one process find their work, and tell what becomes of it.
#[derive(Debug)]
pub struct Desk {
    /// What lies ready, by the worker that it is for.
    shelf: Mutex<HashMap<(Ticket, usize), Parts>>,
    reports: Sender<Report>,
    guard: OnceLock<Guard>,
    closing: AtomicBool,
    turns: Vec<AtomicU64>,
}

impl Desk {
    /// A desk for so many workers.
    pub fn new(threads: usize, reports: Sender<Report>) -> Self {
        let turns = (0..threads).map(|_| AtomicU64::new(0)).collect();
        Self { shelf: Mutex::default(), reports, guard: OnceLock::new(), closing: AtomicBool::new(false), turns }
    }

    fn shelf(&self) -> MutexGuard<'_, HashMap<(Ticket, usize), Parts>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lays a job's parts ready, one set a worker.
    pub fn lay(&self, ticket: Ticket, parts: Vec<Parts>) {
        self.shelf().extend(parts.into_iter().enumerate().map(|(local, parts)| ((ticket, local), parts)));
    }

    /// Clears away what nobody is to install.
    pub fn clear(&self, ticket: Ticket) {
        self.shelf().retain(|(laid, _), _| *laid != ticket);
    }

    /// Asks all sources of this process to stop: what is in flight is finished.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake();
    }

    /// Ends the workers where they are, once they have begun.
    pub fn stop(&self, why: &str) {
        if let Some(guard) = self.guard.get() {
            guard.stop(why);
        }
    }

    /// Has every worker take a turn.
    pub fn wake(&self) {
        if let Some(guard) = self.guard.get() {
            guard.wake();
        }
    }

    /// How many turns each worker has taken: one whose count stands still, although it was woken, is stuck.
    pub fn turns(&self) -> Vec<u64> {
        self.turns.iter().map(|turns| turns.load(Ordering::Relaxed)).collect()
    }

    fn tell(&self, report: Report) {
        // Nobody listens any more: the process is about to end.
        let _ = self.reports.send(report);
    }
}

/// Runs jobs on this worker: the `first`, if there is one, and those that the commands install. Ends when that one has
/// ended, or, where there is no first one, when it was told to leave and nothing is installed any more.
pub fn work(worker: &mut Worker, guard: &Guard, desk: &Desk, inbox: Option<Inbox>, first: Option<Ticket>) {
    let local = worker.index() % desk.turns.len();
    desk.guard.get_or_init(|| guard.clone());
    let mut commands = Commands::new(worker, inbox);
    let mut floor = Floor { desk, local, installed: BTreeMap::new(), leaving: first.is_some(), closed: false };
    first.into_iter().for_each(|ticket| floor.obey(worker, Command::Install(ticket)));
    while !floor.is_done() {
        guard.check();
        worker.step_or_park(None);
        desk.turns[local].fetch_add(1, Ordering::Relaxed);
        commands.poll().into_iter().for_each(|command| floor.obey(worker, command));
        floor.look();
    }
    commands.close();
}

/// What is installed on one worker.
struct Floor<'a> {
    desk: &'a Desk,
    local: usize,
    /// The dataflow of each job, by timely's number.
    installed: BTreeMap<Ticket, (usize, Running)>,
    leaving: bool,
    closed: bool,
}

impl Floor<'_> {
    fn is_done(&self) -> bool {
        self.leaving && self.installed.is_empty()
    }

    fn obey(&mut self, worker: &mut Worker, command: Command) {
        match command {
            Command::Install(ticket) => self.install(worker, ticket),
            Command::Drain(ticket) => {
                self.installed.get(&ticket).into_iter().for_each(|(_, running)| running.close());
            }
            Command::Cancel(ticket) => {
                if let Some((dataflow, running)) = self.installed.remove(&ticket) {
                    worker.drop_dataflow(dataflow);
                    self.desk.tell(Report::Ended(ticket, running.threads));
                }
            }
            Command::Leave => self.leaving = true,
        }
    }

    fn install(&mut self, worker: &mut Worker, ticket: Ticket) {
        // Every worker builds the same: what is ordered was laid ready on every process before.
        let parts = self.desk.shelf().remove(&(ticket, self.local)).expect("it was laid ready");
        parts.begin();
        let dataflow = worker.next_dataflow_index();
        self.installed.insert(ticket, (dataflow, render(worker, parts)));
        self.closed = false;
        self.desk.tell(Report::Installed(ticket));
    }

    /// Looks what has ended, and whether all is to end.
    fn look(&mut self) {
        if self.desk.closing.load(Ordering::Acquire) && !self.closed {
            self.closed = true;
            self.installed.values().for_each(|(_, running)| running.close());
        }
        let ended: Vec<_> =
            self.installed.iter().filter(|(_, (_, running))| running.done.done()).map(|(ticket, _)| *ticket).collect();
        for ticket in ended {
            if let Some((_, running)) = self.installed.remove(&ticket) {
                self.desk.tell(Report::Ended(ticket, running.threads));
            }
        }
    }
}
