//! A generation at work in this process: its workers, and what is installed on them.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::board::Board;
use crate::cluster::{Lost, Meeting};
use crate::command::{Command, Orders, Ticket, orders};
use crate::mesh::Generation;
use crate::metrics::Metrics;
use crate::opening::Place;
use crate::render::Parts;
use crate::worker::{self, Desk, Report, Threads};

/// How long what is in flight may take when workers are about to stop for a new generation.
const LAST_FRAMES: Duration = Duration::from_secs(1);

/// How often a worker is looked at before it is taken for stuck.
const LOOKS: u32 = 20;

/// How often a thread that listens looks whether all is over.
const GLANCE: Duration = Duration::from_millis(200);

/// The workers of this process in one generation. Clones are the same workers.
#[derive(Clone)]
pub struct Working(Arc<Shared>);

struct Shared {
    generation: Generation,
    place: Place,
    desk: Arc<Desk>,
    orders: Orders,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: BTreeMap<Ticket, Job>,
    /// Set when all workers have ended: how.
    over: Option<Result<(), Lost>>,
    /// They were asked to stop.
    stopping: bool,
}

/// A job that is laid ready or installed.
struct Job {
    name: String,
    metrics: Arc<Metrics>,
    /// The board of this installation: the metrics are of all that a job ever has.
    board: Board,
    /// Workers that have it installed.
    workers: usize,
    /// Workers on which it has ended.
    ended: usize,
}

/// Who hears of the workers.
type Hear = dyn Fn(&Working, News) + Send + Sync;

/// What the supervisor hears of the workers.
pub enum News {
    /// All workers of this process have a job installed.
    Installed,
    /// A job has ended on all workers of this process; its sources, if it was not cancelled, are still saying goodbye.
    Ended(Ticket, String),
    /// A source of a job has stopped with an error.
    Failed(Ticket, String, String),
    /// All workers have ended; the job that was installed last.
    Over(Result<(), Lost>, Option<String>),
}

impl Working {
    /// Starts the workers. `news` is called on threads of their own; `stuck` where a worker can't be ended.
    pub fn start(
        generation: Generation,
        meeting: Meeting,
        place: Place,
        stuck: impl Fn(&Lost) + Send + 'static,
        news: impl Fn(&Working, News) + Send + Sync + 'static,
    ) -> Self {
        let (reports, told) = channel();
        let (orders, inbox) = orders();
        let desk = Arc::new(Desk::new(place.threads, reports));
        let shared = Shared { generation, place, desk, orders, state: Mutex::default(), changed: Condvar::new() };
        let working = Self(Arc::new(shared));
        let news: Arc<Hear> = Arc::new(news);
        let (listener, heard) = (working.clone(), news.clone());
        spawn("reports", move || listener.listen(&told, &heard));
        let runner = working.clone();
        spawn("generation", move || {
            let (desk, inbox) = (runner.0.desk.clone(), Mutex::new(Some(inbox)));
            let ran = meeting.run(stuck, move |worker, guard| {
                let inbox = inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
                worker::work(worker, guard, &desk, inbox, None);
            });
            runner.end(ran.map(drop), &*news);
        });
        working
    }

    /// Which generation it is.
    pub fn generation(&self) -> &Generation {
        &self.0.generation
    }

    /// This process among its members.
    pub fn place(&self) -> Place {
        self.0.place
    }

    /// Lays a job's parts ready.
    pub fn lay(&self, ticket: Ticket, name: &str, metrics: Arc<Metrics>, parts: Vec<Parts>) {
        let board = parts.first().map(|parts| parts.board.clone()).unwrap_or_default();
        self.0.desk.lay(ticket, parts);
        let job = Job { name: name.to_owned(), metrics, board, workers: 0, ended: 0 };
        self.state().jobs.insert(ticket, job);
    }

    /// Clears away what was laid ready.
    pub fn discard(&self, ticket: Ticket) {
        self.0.desk.clear(ticket);
        self.state().jobs.remove(&ticket);
    }

    /// Tells all workers of the generation. For the leader.
    pub fn order(&self, command: Command) {
        self.0.orders.give(command);
    }

    /// The jobs that are installed, the newest first.
    pub fn installed(&self) -> Vec<(Ticket, String)> {
        let state = self.state();
        let installed = state.jobs.iter().rev().filter(|(_, job)| job.workers > 0);
        installed.map(|(ticket, job)| (*ticket, job.name.clone())).collect()
    }

    /// Whether every worker here has it installed, or none has it any more.
    pub fn await_gone(&self, ticket: Ticket, patience: Duration) -> bool {
        let state = self.wait(patience, |state| state.over.is_none() && state.jobs.contains_key(&ticket));
        !state.jobs.contains_key(&ticket)
    }

    /// Stops the workers: at once, or when what is in flight has ended, if that is soon.
    pub fn stop(&self, why: &str, at_once: bool) {
        self.state().stopping = true;
        self.0.changed.notify_all();
        if !at_once {
            self.0.desk.close();
            drop(self.wait(LAST_FRAMES, |state| state.over.is_none() && !state.jobs.is_empty()));
        }
        // Workers that are just beginning can't be told yet.
        while self.state().over.is_none() {
            self.0.desk.stop(why);
            drop(self.wait(Duration::from_millis(20), |state| state.over.is_none()));
        }
    }

    /// Waits until they are asked to stop, for so long at most.
    pub fn await_stop(&self, patience: Duration) {
        drop(self.wait(patience, |state| !state.stopping));
    }

    /// Whether they were asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    /// Whether a worker has not taken a turn for so long, although it was woken.
    pub fn is_stuck(&self, patience: Duration) -> bool {
        let before = self.0.desk.turns();
        // By looks, not by the clock: that one runs on while the whole process stands still.
        (0..LOOKS).all(|_| {
            self.0.desk.wake();
            let over = self.wait(patience / LOOKS, |state| state.over.is_none()).over.is_some();
            let moved = self.0.desk.turns().iter().zip(&before).all(|(now, before)| now > before);
            !moved && !over
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, time: Duration, condition: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.0.changed.wait_timeout_while(self.state(), time, |state| condition(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn listen(&self, told: &Receiver<Report>, news: &Arc<Hear>) {
        let mut threads: BTreeMap<Ticket, Threads> = BTreeMap::new();
        loop {
            match told.recv_timeout(GLANCE) {
                Ok(Report::Installed(ticket)) => {
                    if self.installed_on_one(ticket) {
                        news(self, News::Installed);
                    }
                }
                Ok(Report::Ended(ticket, some)) => {
                    threads.entry(ticket).or_default().extend(some);
                    if let Some(name) = self.ended(ticket) {
                        let (working, news) = (self.clone(), news.clone());
                        let threads = threads.remove(&ticket).unwrap_or_default();
                        spawn("goodbye", move || working.part(ticket, name, threads, &*news));
                    }
                }
                Err(_) if self.state().over.is_some() => return,
                Err(_) => {}
            }
        }
    }

    /// A job has ended here: waits for its sources, and closes its account.
    fn part(&self, ticket: Ticket, name: String, threads: Threads, news: &Hear) {
        for stopped in worker::goodbye(&name, threads) {
            news(self, News::Failed(ticket, name.clone(), stopped.what));
        }
        let job = self.state().jobs.remove(&ticket);
        if let Some(job) = job {
            job.metrics.end(&job.board);
            self.0.changed.notify_all();
            news(self, News::Ended(ticket, name));
        }
    }

    /// One worker more has it; whether that was the last of this process.
    fn installed_on_one(&self, ticket: Ticket) -> bool {
        let mut state = self.state();
        let Some(job) = state.jobs.get_mut(&ticket) else { return false };
        job.workers += 1;
        job.workers == self.0.place.threads
    }

    /// One worker less has it; the job, if that was the last of this process.
    fn ended(&self, ticket: Ticket) -> Option<String> {
        let mut state = self.state();
        let job = state.jobs.get_mut(&ticket)?;
        job.ended += 1;
        (job.ended == self.0.place.threads).then(|| job.name.clone())
    }

    /// All workers have ended: what was installed gives back what it had not finished.
    fn end(&self, how: Result<(), Lost>, news: &Hear) {
        let newest = self.installed().into_iter().next().map(|(_, name)| name);
        let jobs = std::mem::take(&mut self.state().jobs);
        jobs.values().filter(|job| job.workers > 0).for_each(|job| job.metrics.end(&job.board));
        self.state().over = Some(how.clone());
        self.0.changed.notify_all();
        news(self, News::Over(how, newest));
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) {
    let spawned = thread::Builder::new().name(name.into()).spawn(body);
    spawned.expect("this machine can start a thread");
}
