//! A batch that comes while nothing else is at work has all cores: they would lie idle, and its frames wait.
//!
//! What it gives up: one more session a model, made when some such batches have come. Where batches follow one another, each
//! worker's own session on one thread does more in the same time, and this one is not used.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// More threads than that share the layers of a small model for nothing.
const MOST: usize = 8;

/// Lone batches after which a model is known to be at work, and not only looked at: what a command tries does not get so far.
const SOME: usize = 10;

/// Batches that are in a model right now, of all jobs of this process.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// Threads that a lone batch may have; 1 where there is nothing to share.
pub(super) fn threads() -> usize {
    // Asked for once: the answer is read from files.
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST)))
}

/// When a model had nothing to do.
#[derive(Debug, Default)]
pub(super) struct Calm {
    rest: Mutex<Option<Rest>>,
    /// Batches that were alone.
    lone: AtomicUsize,
}

/// The end of a model's last batch, and how long it took.
#[derive(Clone, Copy, Debug)]
struct Rest {
    since: Instant,
    took: Duration,
}

/// A batch in a model.
pub(super) struct Turn<'a> {
    calm: &'a Calm,
    began: Instant,
    /// Whether it may have all cores, of which there are more than one.
    pub is_alone: bool,
}

impl Calm {
    fn rest(&self) -> MutexGuard<'_, Option<Rest>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A batch begins. It is alone if no other is at work, and the model has rested for as long as it last worked: at more
    /// than half of a core's time, batches are bound to meet.
    pub(super) fn begin(&self) -> Turn<'_> {
        let began = Instant::now();
        let others = AT_WORK.fetch_add(1, Ordering::Relaxed);
        let has_rested = self.rest().is_some_and(|rest| began - rest.since >= rest.took);
        let is_alone = others == 0 && has_rested && threads() > 1;
        let is_alone = is_alone && self.lone.fetch_add(1, Ordering::Relaxed) >= SOME;
        Turn { calm: self, began, is_alone }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        AT_WORK.fetch_sub(1, Ordering::Relaxed);
        let since = Instant::now();
        *self.calm.rest() = Some(Rest { since, took: since - self.began });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rested(took: Duration, ago: Duration) -> Calm {
        let rest = Mutex::new(Some(Rest { since: Instant::now() - ago, took }));
        Calm { rest, lone: AtomicUsize::new(SOME) }
    }

    /// Catches sessions on all cores that get in each other's way where batches follow one another.
    #[test]
    fn who_follows_at_once_is_not_alone() {
        let (short, long) = (Duration::from_millis(1), Duration::from_secs(60));
        assert!(!Calm::default().begin().is_alone, "how long a batch takes is not known before the first");
        assert!(!rested(long, short).begin().is_alone);
        let seldom = Calm { lone: AtomicUsize::new(SOME - 1), ..rested(short, long) };
        assert!(!seldom.begin().is_alone, "it may be a command that tries the model");
    }

    /// Catches a batch that waits on one core while the others have nothing to do, and one that takes them from another.
    #[test]
    fn who_comes_after_a_rest_is_alone() {
        if threads() == 1 {
            return println!("skipped: this machine has one core");
        }
        let calm = rested(Duration::from_millis(1), Duration::from_secs(60));
        // Other tests of this process may be at work in their models.
        let free = rested(Duration::ZERO, Duration::ZERO);
        let turn = std::iter::repeat_with(|| free.begin()).find(|turn| turn.is_alone);
        assert!(!calm.begin().is_alone, "somebody else is at work");
        drop(turn);
    }
}
