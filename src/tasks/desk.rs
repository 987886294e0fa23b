//! Where tasks are taken, while the job's source is at work.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Room, Task, Tasks, Terms};

/// What a job says of its tasks.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What they may say, and what they get back.
    pub terms: Terms,
    /// How many may wait or be at work.
    pub queue: usize,
    /// The bytes of their pictures at most.
    pub queue_bytes: u64,
    /// How many come in a second at most.
    pub rate: Option<f64>,
    /// How long results are kept.
    pub keep: Duration,
    /// … and in how much room.
    pub keep_bytes: u64,
    /// The largest picture.
    pub largest: usize,
    /// Bytes that are sent at the same time at most.
    pub receiving: u64,
}

/// A task that is to be made durable.
#[derive(Debug)]
pub struct Put {
    /// The task.
    pub task: Task,
    /// Its room, which it keeps though whoever sent it may go.
    pub room: Room,
    /// Who waits to hear that it is durable, or in words why it can't be.
    pub tell: oneshot::Sender<Result<(), String>>,
}

/// A job's source at work, as those see it that have a task for it.
#[derive(Clone, Debug)]
pub struct Desk {
    /// What the job says of its tasks.
    pub rules: Arc<Rules>,
    give: Sender<Put>,
}

impl Tasks {
    /// So much is kept of what becomes of tasks.
    pub fn keep(&self, rules: &Rules) {
        self.book().keep = (rules.keep, rules.keep_bytes);
    }

    /// From now on tasks are taken, under these rules; so many of so many bytes wait already.
    pub fn open(&self, rules: Rules, give: Sender<Put>, waiting: (usize, u64)) {
        let mut book = self.book();
        book.load.begin(waiting);
        book.is_read = true;
        drop(book);
        self.0.desk.send_replace(Some(Desk { rules: rules.into(), give }));
    }

    /// No more tasks are taken.
    pub fn close(&self) {
        self.0.desk.send_replace(None);
    }

    /// Whether all that lies on this process's disk is known: not before the job is at work for the first time.
    pub fn is_read(&self) -> bool {
        self.book().is_read
    }

    /// Where tasks are taken; waits so long for it to open.
    pub async fn desk(&self, patience: Duration) -> Option<Desk> {
        let mut desks = self.0.desk.subscribe();
        let opened = tokio::time::timeout(patience, desks.wait_for(Option::is_some)).await;
        opened.ok()?.ok()?.clone()
    }

    /// Makes a task durable. When this returns, what becomes of it can be asked for.
    ///
    /// # Errors
    /// Why it can't be, in words.
    pub async fn put(&self, task: Task, room: Room) -> Result<(), String> {
        let closed = || "the job takes no more tasks just now".to_owned();
        let (tell, told) = oneshot::channel();
        let desk = self.0.desk.borrow().clone().ok_or_else(closed)?;
        desk.give.send(Put { task, room, tell }).map_err(|_| closed())?;
        // Nobody but this holds the source's end open while it waits.
        drop(desk);
        told.await.unwrap_or_else(|_| Err(closed()))
    }
}
