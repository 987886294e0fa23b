//! Questions that wait for their answers.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::oneshot;

/// What was asked and is not answered: of whom, and who waits.
#[derive(Default)]
pub(super) struct Questions {
    last: AtomicU64,
    open: Mutex<HashMap<u64, (usize, oneshot::Sender<Bytes>)>>,
}

/// One question. Nobody waits for its answer once it is dropped.
pub(super) struct Question<'a> {
    questions: &'a Questions,
    pub number: u64,
    pub answer: oneshot::Receiver<Bytes>,
}

impl Questions {
    /// A new question to `process`.
    pub fn open(&self, process: usize) -> Question<'_> {
        let (sender, answer) = oneshot::channel();
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        self.waiting().insert(number, (process, sender));
        Question { questions: self, number, answer }
    }

    /// An answer came from `process`. It counts if that was asked, and if someone still waits.
    pub fn answer(&self, process: usize, number: u64, answer: Bytes) {
        let mut waiting = self.waiting();
        if waiting.get(&number).is_some_and(|(asked, _)| *asked == process)
            && let Some((_, sender)) = waiting.remove(&number)
        {
            let _ = sender.send(answer);
        }
    }

    /// `process` is gone: it will answer nothing any more.
    pub fn lost(&self, process: usize) {
        self.waiting().retain(|_, (asked, _)| *asked != process);
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<u64, (usize, oneshot::Sender<Bytes>)>> {
        self.open.lock().expect("nothing panics while it holds the questions")
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.questions.waiting().remove(&self.number);
    }
}
