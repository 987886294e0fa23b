//! What the parts of a job have to tell while it runs: what they wait for, how full their stores are, which models they run.
//!
//! A part pins its notice here; the live line and the metrics page read it. Nothing is decided by it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::Model;

/// The notices of one job on one process.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Notices>>);

#[derive(Debug, Default)]
struct Notices {
    over: bool,
    waits: BTreeMap<(String, usize), Wait>,
    stocks: BTreeMap<String, Stock>,
    /// Requests that have ended, by who asked and how it ended.
    requests: BTreeMap<(String, &'static str), u64>,
    /// What is run, by the step that runs it.
    models: BTreeMap<String, Arc<Model>>,
}

/// A part waits for a server.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The part: `store` of `[sink.store]`.
    pub part: String,
    /// What it waits for: `mongodb`.
    pub server: &'static str,
    /// Why: `connection refused`.
    pub reason: String,
    /// Since when.
    pub since: Instant,
    /// When it tries again.
    pub again: Instant,
}

/// How full a store is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stock {
    /// Bytes of all that is kept.
    pub bytes: u64,
    /// How many there are.
    pub items: u64,
    /// Age of the oldest.
    pub oldest: Duration,
    /// When the limit is reached, at the rate of the last hour; `None` where there is no limit, or nothing comes in.
    pub full_in: Option<Duration>,
}

impl Board {
    fn notices(&self) -> MutexGuard<'_, Notices> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who waits, the longest first.
    pub fn waits(&self) -> Vec<Wait> {
        let mut waits: Vec<_> = self.notices().waits.values().cloned().collect();
        waits.sort_by_key(|wait| wait.since);
        // Several workers of a part wait for the same server: one of them speaks for all.
        let mut parts = std::collections::BTreeSet::new();
        waits.retain(|wait| parts.insert(wait.part.clone()));
        waits
    }

    /// Whether it is the same board.
    pub fn is(&self, other: &Board) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The job is no longer installed: whoever waits in its name waits in vain.
    pub fn close(&self) {
        let mut notices = self.notices();
        notices.over = true;
        notices.waits.clear();
    }

    /// Whether the job is no longer installed: nobody wants to know any more what becomes of the work.
    pub fn is_over(&self) -> bool {
        self.notices().over
    }

    /// Requests to services that have ended: who asked, how it ended, how many.
    pub fn requests(&self) -> Vec<(String, &'static str, u64)> {
        self.notices().requests.iter().map(|((part, outcome), count)| (part.clone(), *outcome, *count)).collect()
    }

    /// The models that steps run, by the step.
    pub fn models(&self) -> Vec<(String, Arc<Model>)> {
        self.notices().models.iter().map(|(step, model)| (step.clone(), model.clone())).collect()
    }

    /// The step runs this model.
    pub fn runs(&self, step: &str, model: &Arc<Model>) {
        self.notices().models.insert(step.to_owned(), model.clone());
    }

    /// How full each store is, by its part.
    pub fn stocks(&self) -> Vec<(String, Stock)> {
        self.notices().stocks.iter().map(|(part, stock)| (part.clone(), *stock)).collect()
    }
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { part, server, reason, since, again } = self;
        let (waited, left) = (since.elapsed().as_secs(), again.saturating_duration_since(Instant::now()));
        write!(f, "waiting for {server} ({part}): {reason}, {waited} s, retry in {} s", left.as_secs_f32().ceil())
    }
}

/// What one part on one worker uses to pin its notices. They go with it.
#[derive(Debug)]
pub struct Post {
    board: Board,
    part: String,
    worker: usize,
    server: &'static str,
}

impl Post {
    /// A part's place on the board; `server` is what it may have to wait for.
    pub fn new(board: &Board, part: &str, worker: usize, server: &'static str) -> Self {
        Self { board: board.clone(), part: part.to_owned(), worker, server }
    }

    /// The part's name.
    pub fn part(&self) -> &str {
        &self.part
    }

    /// It waits, and tries again after `pause`; whether this is news.
    pub fn waits(&self, reason: &str, pause: Duration) -> bool {
        let now = Instant::now();
        let (part, server) = (self.part.clone(), self.server);
        let mut notices = self.board.notices();
        let key = (part.clone(), self.worker);
        let since = notices.waits.get(&key).map(|wait| wait.since);
        let wait = Wait { part, server, reason: reason.to_owned(), since: since.unwrap_or(now), again: now + pause };
        notices.waits.insert(key, wait);
        since.is_none()
    }

    /// It goes on; how long it has waited, if it did.
    pub fn goes_on(&self) -> Option<Duration> {
        let wait = self.board.notices().waits.remove(&(self.part.clone(), self.worker));
        wait.map(|wait| wait.since.elapsed())
    }

    /// As [`Post::waits`], and told to the user where it is news.
    pub fn tell_waits(&self, reason: &str, pause: Duration) {
        if self.waits(reason, pause) {
            tracing::warn!("{}: waiting for {}: {reason}; it is tried again until it can", self.part, self.server);
        }
    }

    /// As [`Post::goes_on`], and told to the user where it has waited.
    pub fn tell_goes_on(&self) {
        if let Some(waited) = self.goes_on() {
            tracing::info!("{}: {} answers again, after {} s", self.part, self.server, waited.as_secs());
        }
    }

    /// As [`Board::is_over`].
    pub fn is_over(&self) -> bool {
        self.board.is_over()
    }

    /// A request of the part has ended: `answered`, `refused`, `failed`.
    pub fn count(&self, outcome: &'static str) {
        *self.board.notices().requests.entry((self.part.clone(), outcome)).or_default() += 1;
    }

    /// How full the part's store is.
    pub fn stock(&self, stock: Stock) {
        self.board.notices().stocks.insert(self.part.clone(), stock);
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.goes_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_with_its_reason_and_ends() {
        let board = Board::default();
        let posts = [0, 1].map(|worker| Post::new(&board, "store", worker, "mongodb"));
        assert!(posts[0].waits("connection refused", Duration::from_secs(2)), "news");
        assert!(!posts[0].waits("connection reset", Duration::from_secs(2)), "no news");
        assert!(posts[1].waits("connection refused", Duration::from_secs(9)));
        let waits = board.waits();
        assert_eq!(waits.len(), 1, "one a part");
        assert_eq!(waits[0].to_string(), "waiting for mongodb (store): connection reset, 0 s, retry in 2 s");
        assert!(posts[0].goes_on().is_some() && posts[0].goes_on().is_none());
        drop(posts);
        assert!(board.waits().is_empty(), "nobody waits who is not there");
    }
}
