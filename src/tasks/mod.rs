//! Tasks: pictures that somebody hands in over HTTP, and asks for what became of them.
//!
//! ```text
//!  POST ─▶ Room ─▶ Desk ─▶ spool ─▶ 202        source ─▶ dataflow ─▶ settle ─▶ Ended ─▶ Tasks ◀─ GET
//!          429      503     fsync                        on any worker       home, to who took it
//! ```
//!
//! A task is a frame like any other. That it is one is written on it ([`operators::Frame::task`]); so what is to be kept
//! of it comes back, with its end, to the process that took it.
//!
//! * [`terms`]: what a task may say. [`task`]: how it lies in the spool.
//! * [`desk`]: where tasks are taken; [`room`]: whether there is room for one.
//! * [`outcome`], [`status`]: what becomes of one, and how that is shown.

pub mod desk;
pub mod outcome;
pub mod room;
pub mod status;
pub mod task;
pub mod terms;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use operators::UnixMillis;
use tokio::sync::{oneshot, watch};

pub use desk::{Desk, Put, Rules};
pub use outcome::{Found, How, Kept, Outcome, Told};
pub use room::{Busy, Room};
pub use status::TaskStatus;
pub use task::{Said, Task};
pub use terms::Terms;

/// The tasks of one job that one process took. They outlive its workers. Clones are the same.
#[derive(Clone, Debug)]
pub struct Tasks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    job: String,
    book: Mutex<Book>,
    /// Where tasks are taken, while the job's source is at work.
    desk: watch::Sender<Option<Desk>>,
}

/// What is known of tasks.
#[derive(Debug, Default)]
struct Book {
    entries: HashMap<String, Entry>,
    /// Those that have ended, the oldest first.
    ended: VecDeque<String>,
    /// How much room their results take.
    bytes: u64,
    /// For how long, and in how much room, results are kept.
    keep: (Duration, u64),
    load: room::Load,
    /// Whether the disk was read.
    is_read: bool,
}

/// One task.
#[derive(Debug)]
pub(crate) struct Entry {
    said: Said,
    running: bool,
    outcome: Option<Arc<Outcome>>,
    /// Whoever waits for its end.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Entry {
    fn new(said: Said) -> Self {
        Self { said, running: false, outcome: None, waiting: Vec::new() }
    }

    fn state(&self) -> &'static str {
        match &self.outcome {
            None if self.running => "running",
            None => "queued",
            Some(outcome) if matches!(outcome.how, How::Failed(..)) => "failed",
            Some(_) => "done",
        }
    }
}

impl Tasks {
    /// Those of a job of that name: none so far.
    pub fn new(job: &str) -> Self {
        Self(Arc::new(Shared { job: job.to_owned(), book: Mutex::default(), desk: watch::Sender::new(None) }))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of the job.
    pub fn job(&self) -> &str {
        &self.0.job
    }

    /// A task is durable, or about to be.
    pub fn queued(&self, said: &Said) {
        // One that comes again after a restart may have ended before.
        self.book().entries.entry(said.id.clone()).or_insert_with(|| Entry::new(said.clone()));
    }

    /// It could not be made durable: nobody was told that it is taken.
    pub fn refused(&self, id: &str) {
        self.book().entries.remove(id);
    }

    /// It is on its way through the job.
    pub fn running(&self, id: &str) {
        if let Some(entry) = self.book().entries.get_mut(id) {
            entry.running = true;
        }
    }

    /// It has ended.
    pub fn ended(&self, told: &Told, how: How) {
        let outcome = Outcome { how, at: UnixMillis::now(), found: told.found.clone() };
        self.book().end(told.id.as_str(), outcome.into());
    }

    /// A task that had ended before this process was started again.
    pub fn recall(&self, kept: Kept) {
        let mut book = self.book();
        let id = kept.said.id.clone();
        book.entries.insert(id.clone(), Entry::new(kept.said));
        book.end(&id, kept.outcome);
    }

    /// All that it led to is durable everywhere; what is to be kept of it.
    pub fn acknowledged(&self, id: &str) -> Option<Kept> {
        let book = self.book();
        let entry = book.entries.get(id)?;
        Some(Kept { said: entry.said.clone(), outcome: entry.outcome.clone()? })
    }

    /// How a task is; `None` where this process does not know it, or no longer.
    pub fn look(&self, id: &str) -> Option<TaskStatus> {
        let mut book = self.book();
        book.tidy(UnixMillis::now());
        book.entries.get(id).map(|entry| TaskStatus::of(&self.0.job, id, entry))
    }

    /// Something that came of a task: which one, as its status numbers them.
    pub fn found(&self, id: &str, index: usize) -> Option<Found> {
        let book = self.book();
        book.entries.get(id)?.outcome.as_ref()?.found.get(index).cloned()
    }

    /// Waits until a task has ended, for so long at most. Ends at once where it is not known.
    pub async fn wait(&self, id: &str, patience: Duration) {
        let ended = match self.book().entries.get_mut(id) {
            Some(entry) if entry.outcome.is_none() => {
                let (end, ended) = oneshot::channel();
                entry.waiting.retain(|waiting| !waiting.is_closed());
                entry.waiting.push(end);
                ended
            }
            _ => return,
        };
        let _ = tokio::time::timeout(patience, ended).await;
    }

    /// Forgets what has been kept for long enough.
    pub fn tidy(&self) {
        self.book().tidy(UnixMillis::now());
    }
}

impl Book {
    fn end(&mut self, id: &str, outcome: Arc<Outcome>) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        self.bytes += outcome.size();
        let now = outcome.at;
        match entry.outcome.replace(outcome) {
            // It came again: what is found now counts.
            Some(before) => self.bytes -= before.size(),
            None => self.ended.push_back(id.to_owned()),
        }
        entry.waiting.clear();
        self.tidy(now);
    }

    fn tidy(&mut self, now: UnixMillis) {
        let (longest, most) = self.keep;
        while let Some(id) = self.ended.front() {
            let outcome = self.entries.get(id).and_then(|entry| entry.outcome.clone());
            let is_old = |outcome: &Outcome| Duration::from_millis(now.0.saturating_sub(outcome.at.0)) > longest;
            // The last one stays, however large it is.
            let goes =
                outcome.as_deref().is_none_or(|outcome| is_old(outcome) || (self.bytes > most && self.ended.len() > 1));
            if !goes {
                return;
            }
            self.bytes -= outcome.map_or(0, |outcome| outcome.size());
            if let Some(id) = self.ended.pop_front() {
                self.entries.remove(&id);
            }
        }
    }
}
