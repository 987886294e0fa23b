//! From the disk into the mailbox, and what is acknowledged off the disk again.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use operators::Frame;

use crate::board::Post;
use crate::body::Body;
use crate::sources::ledger::Ledger;
use crate::sources::message::{self, Otherwise, Told};
use crate::sources::{Inlet, Receipt};
use crate::spool::{Cursor, Head, Log};
use crate::tasks::{Kept, Rules, Task, Tasks};

/// A file of the spool, and one of results.
const FULL: u64 = 16 << 20;
const FULL_RESULTS: u64 = 4 << 20;

/// How long nothing is looked at while nobody rings.
const GLANCE: Duration = Duration::from_millis(100);

/// The pause before a disk that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Wakes the feeder.
#[derive(Debug, Default)]
pub struct Bell(Mutex<bool>, Condvar);

impl Bell {
    /// Something is new.
    pub fn ring(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.1.notify_one();
    }

    /// Waits for that. The mailbox rings just before its other half is gone, so it is not waited for alone.
    pub fn wait(&self) {
        let rung = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.1.wait_timeout_while(rung, GLANCE, |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// How frames are made of tasks.
pub struct Names {
    /// The camera of a task that names none.
    pub part: String,
    pub largest: usize,
}

/// A task that is under way.
struct Out {
    number: u64,
    id: String,
    size: u64,
}

pub struct Feeder {
    pub log: Arc<Log>,
    head: Head,
    results: Log,
    keep: (Duration, u64),
    tasks: Tasks,
    names: Names,
    post: Post,
    cursor: Cursor,
    out: Ledger<Out>,
    /// What the mailbox had no room for.
    waiting: Option<(Frame, Receipt)>,
}

impl Feeder {
    /// Opens what is on the disk, and tells of it: tasks that were taken and are not done, with how many and how many bytes
    /// those are, and what became of those that are.
    pub fn open(
        folder: &Path,
        rules: &Rules,
        tasks: &Tasks,
        names: Names,
        post: Post,
    ) -> io::Result<(Self, (usize, u64))> {
        let (head, done) = Head::open(folder)?;
        let (log, torn) = Log::open(&folder.join("frames"), FULL, done)?;
        if torn > 0 {
            tracing::info!("{torn} bytes of a task that was not taken are cut off in {}", folder.display());
        }
        let (results, _) = Log::open(&folder.join("results"), FULL_RESULTS, 0)?;
        tasks.keep(rules);
        recall(&results, tasks)?;
        let waiting = queue(&log, done, tasks)?;
        let (tasks, keep) = (tasks.clone(), (rules.keep, rules.keep_bytes));
        let (cursor, out, log) = (Cursor::at(done), Ledger::default(), Arc::new(log));
        Ok((Self { log, head, results, keep, tasks, names, post, cursor, out, waiting: None }, waiting))
    }

    /// Feeds the mailbox until the job closes or nobody listens any more.
    pub fn feed(&mut self, inlet: &Inlet, bell: &Bell) {
        while !inlet.is_closing() {
            let Ok(settled) = self.receive(|| inlet.receipt()) else { return };
            let Ok(fed) = self.feed_some(inlet) else { return };
            if settled + fed == 0 {
                self.tasks.tidy();
                bell.wait();
            }
        }
    }

    /// Waits for the receipts that are out. What is on the disk comes the next time.
    pub fn finish(mut self, inlet: Inlet, bell: &Bell) {
        let receipts = inlet.finish();
        while let Ok(settled) = self.receive(|| receipts.receipt()) {
            if settled == 0 {
                bell.wait();
            }
        }
    }

    /// Feeds what the mailbox has room for; how many tasks.
    fn feed_some(&mut self, inlet: &Inlet) -> Result<usize, operators::mailbox::Gone> {
        let mut fed = 0;
        loop {
            let Some((frame, receipt)) = self.waiting.take().or_else(|| self.next()) else { return Ok(fed) };
            let id = frame.id.clone();
            self.waiting = inlet.try_send(frame, receipt)?;
            if self.waiting.is_some() {
                return Ok(fed);
            }
            self.tasks.running(id.as_str());
            fed += 1;
        }
    }

    /// The next task as a frame. A disk that fails is waited for.
    fn next(&mut self) -> Option<(Frame, Receipt)> {
        loop {
            let (number, record) = match self.log.read(&mut self.cursor) {
                Ok(record) => record?,
                Err(error) => {
                    self.post.tell_waits(&error.to_string(), PAUSE);
                    std::thread::sleep(PAUSE);
                    return None;
                }
            };
            self.post.goes_on();
            match Task::unpack(record) {
                Some(task) => return Some(self.frame(number, task)),
                None => tracing::error!(
                    "task {number} of job {} is of another version of Vigie: it is left out",
                    self.tasks.job()
                ),
            }
        }
    }

    fn frame(&mut self, number: u64, task: Task) -> (Frame, Receipt) {
        let Task { said, picture } = task;
        let (id, size) = (said.id.clone(), picture.len() as u64);
        let otherwise = Otherwise { camera: self.names.part.clone(), number, id: None };
        let told = Told {
            camera: said.camera,
            number: Some(number),
            id: Some(said.id),
            captured_at: said.captured_at,
            headers: said.headers,
        };
        let frame = message::frame(Ok(Body::from(picture)), Bytes::new(), told, otherwise, self.names.largest);
        let frame = Frame { received_at: said.taken_at, task: Some(said.settings), ..frame };
        (frame, self.out.note(Out { number, id, size }))
    }

    /// Takes the receipts that are there; how many.
    fn receive<E>(&mut self, receipt: impl Fn() -> Result<Option<Receipt>, E>) -> Result<usize, E> {
        let (mut done, mut ended) = (Vec::new(), Ok(()));
        loop {
            match receipt() {
                Ok(Some(receipt)) => done.extend(self.out.settle(receipt)),
                Ok(None) => break,
                Err(gone) => {
                    ended = Err(gone);
                    break;
                }
            }
        }
        if !done.is_empty() {
            self.settle(&done);
        }
        // What came before the end counts.
        if done.is_empty() { ended.map(|()| 0) } else { Ok(done.len()) }
    }

    /// All that these led to is durable: what became of them is kept, and they are forgotten.
    fn settle(&mut self, done: &[Out]) {
        let kept: Vec<Kept> = done.iter().filter_map(|out| self.tasks.acknowledged(&out.id)).collect();
        let records =
            kept.iter().map(|kept| serde_json::to_vec(kept).expect("texts, numbers and bytes are JSON").into());
        let next = done.last().map_or(0, |out| out.number + 1);
        let (longest, most) = self.keep;
        let old = SystemTime::now().checked_sub(longest).unwrap_or(SystemTime::UNIX_EPOCH);
        let records: Vec<Bytes> = records.collect();
        let keep = |most| self.results.append(&records, false).and_then(|_| self.results.drop_old(old, most));
        // A full disk: what is kept of others goes first.
        let kept = keep(most).or_else(|_| self.results.drop_old(old, 0).and_then(|()| keep(most)));
        if let Err(error) = kept {
            let job = self.tasks.job();
            tracing::error!(
                "what became of tasks of job {job} is known until it is started again, and can't be kept: {error}"
            );
        }
        // Where nothing can be kept, they are forgotten all the same: they are done, and hold the room that is missing.
        if let Err(error) = self.head.set(next).and_then(|()| self.log.drop_before(next)) {
            tracing::warn!(
                "that tasks of job {} are done can't be noted ({error}): they may be done again",
                self.tasks.job()
            );
        }
        self.tasks.make_room(done.len(), done.iter().map(|out| out.size).sum());
    }
}

/// Tells what became of the tasks of before.
fn recall(results: &Log, tasks: &Tasks) -> io::Result<()> {
    let mut cursor = Cursor::default();
    while let Some((_, record)) = results.read(&mut cursor)? {
        if let Ok(kept) = serde_json::from_slice(&record) {
            tasks.recall(kept);
        }
    }
    Ok(())
}

/// Tells of the tasks that are still to be done: how many, and their bytes.
fn queue(log: &Log, done: u64, tasks: &Tasks) -> io::Result<(usize, u64)> {
    let (mut cursor, mut waiting) = (Cursor::at(done), (0, 0));
    while let Some((_, record)) = log.read(&mut cursor)? {
        let Some(task) = Task::unpack(record) else { continue };
        waiting = (waiting.0 + 1, waiting.1 + task.picture.len() as u64);
        tasks.queued(&task.said);
    }
    Ok(waiting)
}
