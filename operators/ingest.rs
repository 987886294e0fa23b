//! The way in: window, epochs, receipts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError};
use std::sync::OnceLock;
use std::time::Duration;

use timely::scheduling::SyncActivator;

use crate::Frame;

/// How far apart two epochs are.
pub const TICK: Duration = Duration::from_millis(10);

/// How much may be in flight: admitted and not yet acknowledged. One frame is always let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Frames at most.
    pub frames: usize,
    /// Bytes of compressed pictures at most.
    pub bytes: usize,
}

/// An I/O thread's half of a mailbox: frames go in, receipts come back.
#[derive(Debug)]
pub struct Inlet<R> {
    frames: SyncSender<(Frame, R)>,
    receipts: Receiver<R>,
    shared: Arc<Shared>,
}

/// The dataflow's half of a mailbox.
#[derive(Debug)]
pub struct Inbox<R> {
    pub(crate) frames: Receiver<(Frame, R)>,
    pub(crate) receipts: Sender<R>,
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) wake: OnceLock<SyncActivator>,
    pub(crate) closing: AtomicBool,
}
/// Nobody listens at the other end of a mailbox any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// What an ingest counts.
#[derive(Debug, Default)]
pub struct Meter {
    /// Frames admitted.
    pub frames: AtomicU64,
}

/// The two halves.
pub fn mailbox<R>(depth: usize) -> (Inlet<R>, Inbox<R>) {
    let _ = depth;
    todo!()
}
/// x
pub fn ingest() {}

impl<R> Inlet<R> {
    /// Puts a frame in, waiting while the mailbox is full. For threads; `Err` when nobody listens any more.
    pub fn send(&self, frame: Frame, receipt: R) -> Result<(), Gone> {
        let sent = self.frames.send((frame, receipt)).map_err(|_| Gone);
        self.wake();
        sent
    }

    /// Puts a frame in, or gives it back where the mailbox is full (`Ok(Some(…))`). For tasks that must not wait.
    pub fn try_send(&self, frame: Frame, receipt: R) -> Result<Option<(Frame, R)>, Gone> {
        let sent = match self.frames.try_send((frame, receipt)) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(back)) => Ok(Some(back)),
            Err(TrySendError::Disconnected(_)) => Err(Gone),
        };
        self.wake();
        sent
    }

    /// A receipt that came back, if there is one: all that its frame led to is durable. They come in the order of the frames.
    pub fn receipt(&self) -> Result<Option<R>, Gone> {
        todo!()
    }

    /// Has `bell` called whenever receipts came back, the mailbox has room again, or the job begins to close.
    pub fn on_news(&self, bell: impl Fn() + Send + Sync + 'static) {
        let _ = bell;
        todo!()
    }

    /// Whether the job wants no more frames: stop sending, then call [`Inlet::finish`].
    pub fn is_closing(&self) -> bool {
        self.shared.closing.load(Ordering::Acquire)
    }

    /// No more frames will come. What is left of the inlet gives the receipts that are still out, then ends.
    pub fn finish(self) -> Receipts<R> {
        todo!()
    }

    fn wake(&self) {
        if let Some(wake) = self.shared.wake.get() {
            let _ = wake.activate();
        }
    }
}

/// The receipts that are still out when a source has sent its last frame: a blocking iterator, and `try_next` for tasks.
#[derive(Debug)]
pub struct Receipts<R>(Receiver<R>);

impl<R> Receipts<R> {
    /// A receipt that came back, `Ok(None)` where none is there yet, `Err` after the last.
    pub fn receipt(&self) -> Result<Option<R>, Gone> {
        todo!()
    }
}

impl<R> Iterator for Receipts<R> {
    type Item = R;
    fn next(&mut self) -> Option<R> {
        self.0.recv().ok()
    }
}
