//! Between an I/O thread and its dataflow: frames go in with a receipt each, receipts come back.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, TrySendError};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::Duration;

use timely::scheduling::SyncActivator;

use crate::Frame;

/// A mailbox takes another frame while fewer bytes than this lie in it: enough for a group of usual frames, and no window of its
/// own.
const BYTES: usize = 4 << 20;

/// Who waits for room looks again after so long, should nobody have told: it is told on the thread that waited first.
const SOON: Duration = Duration::from_millis(100);

/// Nobody listens at the other end of a mailbox any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// An I/O thread's half of a mailbox: frames go in, receipts come back.
#[derive(Debug)]
pub struct Inlet<R> {
    frames: SyncSender<(Frame, R)>,
    receipts: Receipts<R>,
    /// After the frames, as it wakes the dataflow when they are gone: one that sleeps would not find out.
    leaving: Leaving,
}

/// Wakes the dataflow when it is dropped.
#[derive(Debug)]
struct Leaving(Arc<Shared>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.wake();
    }
}

/// The receipts of a mailbox: an iterator that blocks until the next one comes back, and ends after the last.
#[derive(Debug)]
pub struct Receipts<R> {
    returned: Receiver<R>,
    shared: Arc<Shared>,
}

/// The dataflow's half of a mailbox.
#[derive(Debug)]
pub struct Inbox<R> {
    frames: Receiver<(Frame, R)>,
    pub(crate) receipts: Sender<R>,
    /// Nobody waits for the clock of its ingest.
    pub(crate) sole: bool,
    /// Last, as it rings when all above is gone: whoever hears it finds that nobody listens.
    pub(crate) shared: Parting,
}

/// Rings the bell when it is dropped.
#[derive(Debug)]
pub(crate) struct Parting(pub(crate) Arc<Shared>);

impl Drop for Parting {
    fn drop(&mut self) {
        // Whoever waits for room is not to wait for what nobody will take out.
        self.0.gone.store(true, Ordering::Release);
        self.0.ring();
    }
}

/// Asks the source behind a mailbox to send no more.
#[derive(Clone, Debug)]
pub struct Closer(Arc<Shared>);

#[derive(Default)]
pub(crate) struct Shared {
    /// Wakes the dataflow; there once the ingest is built.
    pub(crate) wake: OnceLock<SyncActivator>,
    /// Wakes the source.
    bell: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// The source, where it is a thread that waits for room.
    waiter: OnceLock<Thread>,
    /// Of the frames that are in it.
    bytes: AtomicUsize,
    /// Nobody listens any more.
    gone: AtomicBool,
    closing: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("closing", &self.closing).finish_non_exhaustive()
    }
}

impl Shared {
    fn wake(&self) {
        if let Some(wake) = self.wake.get() {
            // An error says that the worker is gone, and then so is the other half of the mailbox.
            let _ = wake.activate();
        }
    }

    pub(crate) fn ring(&self) {
        if let Some(bell) = self.bell.get() {
            bell();
        }
        if let Some(waiter) = self.waiter.get() {
            waiter.unpark();
        }
    }
}

/// The two halves of a mailbox that holds up to `depth` frames which are not admitted yet, and of large ones fewer: 4 MiB
/// and one frame.
pub fn mailbox<R>(depth: usize) -> (Inlet<R>, Inbox<R>) {
    let (frames, waiting) = mpsc::sync_channel(depth);
    let (receipts, returned) = mpsc::channel();
    let shared = Arc::new(Shared::default());
    let leaving = Leaving(shared.clone());
    let inlet = Inlet { frames, receipts: Receipts { returned, shared: shared.clone() }, leaving };
    (inlet, Inbox { frames: waiting, receipts, sole: false, shared: Parting(shared) })
}

impl<R> Inlet<R> {
    /// Puts a frame in, and waits while the mailbox is full. For threads.
    ///
    /// # Errors
    /// [`Gone`] when nobody listens any more.
    pub fn send(&self, frame: Frame, receipt: R) -> Result<(), Gone> {
        self.receipts.shared.waiter.get_or_init(thread::current);
        let mut waiting = self.try_send(frame, receipt)?;
        while let Some((frame, receipt)) = waiting {
            thread::park_timeout(SOON);
            waiting = self.try_send(frame, receipt)?;
        }
        Ok(())
    }

    /// Puts a frame in, or gives it back where the mailbox is full. For tasks, which must not wait.
    ///
    /// # Errors
    /// [`Gone`] when nobody listens any more.
    pub fn try_send(&self, frame: Frame, receipt: R) -> Result<Option<(Frame, R)>, Gone> {
        let sent = self.put((frame, receipt));
        self.receipts.shared.wake();
        sent
    }

    /// Puts in as many of these as there is room for, in their order, and wakes the dataflow once for all of them: a wake-up
    /// costs more than a frame. For frames that come in groups.
    ///
    /// # Errors
    /// [`Gone`] when nobody listens any more.
    pub fn try_send_all(&self, waiting: &mut VecDeque<(Frame, R)>) -> Result<(), Gone> {
        let before = waiting.len();
        while let Some(first) = waiting.pop_front() {
            if let Some(back) = self.put(first)? {
                waiting.push_front(back);
                break;
            }
        }
        if waiting.len() < before {
            self.receipts.shared.wake();
        }
        Ok(())
    }

    /// Puts a frame in where there is room. Its bytes are counted before somebody can take it out.
    fn put(&self, letter: (Frame, R)) -> Result<Option<(Frame, R)>, Gone> {
        let (counted, bytes) = (&self.receipts.shared.bytes, letter.0.bytes.len());
        if self.receipts.shared.gone.load(Ordering::Acquire) {
            return Err(Gone);
        }
        if counted.load(Ordering::Relaxed) >= BYTES {
            return Ok(Some(letter));
        }
        counted.fetch_add(bytes, Ordering::Relaxed);
        match self.frames.try_send(letter) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(back)) => {
                counted.fetch_sub(bytes, Ordering::Relaxed);
                Ok(Some(back))
            }
            Err(TrySendError::Disconnected(_)) => Err(Gone),
        }
    }

    /// A receipt that came back, if there is one.
    ///
    /// # Errors
    /// [`Gone`] when nobody listens any more.
    pub fn receipt(&self) -> Result<Option<R>, Gone> {
        self.receipts.receipt()
    }

    /// Has `bell` called whenever receipts came back, the mailbox has room again, or the job begins to
    /// close. There is one bell; a second one is not heard.
    pub fn on_news(&self, bell: impl Fn() + Send + Sync + 'static) {
        let _ = self.receipts.shared.bell.set(Box::new(bell));
    }

    /// Whether the job wants no more frames: stop sending, then call [`Inlet::finish`].
    pub fn is_closing(&self) -> bool {
        self.receipts.shared.closing.load(Ordering::Acquire)
    }

    /// No more frames will come; what is left are the receipts that are still out.
    pub fn finish(self) -> Receipts<R> {
        let Self { frames, receipts, leaving } = self;
        drop(frames);
        drop(leaving);
        receipts
    }
}

impl<R> Receipts<R> {
    /// A receipt that came back, if there is one.
    ///
    /// # Errors
    /// [`Gone`] after the last, or when nobody listens any more.
    pub fn receipt(&self) -> Result<Option<R>, Gone> {
        match self.returned.try_recv() {
            Ok(receipt) => Ok(Some(receipt)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Gone),
        }
    }
}

impl<R> Iterator for Receipts<R> {
    type Item = R;
    fn next(&mut self) -> Option<R> {
        self.returned.recv().ok()
    }
}

impl<R> Inbox<R> {
    /// The next frame, whose receipt goes back at once: for who only listens. `None` where none comes within `patience`.
    ///
    /// # Errors
    /// [`Gone`] when the source has ended.
    pub fn take(&self, patience: Duration) -> Result<Option<Frame>, Gone> {
        let (frame, receipt) = match self.frames.recv_timeout(patience) {
            Ok(letter) => self.taken(letter),
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => return Err(Gone),
        };
        // An error says that the source is gone; what it had sent is still taken.
        let _ = self.receipts.send(receipt);
        self.shared.0.ring();
        Ok(Some(frame))
    }

    /// The next frame and its receipt, if there is one.
    ///
    /// # Errors
    /// [`Gone`] when the source has ended.
    pub(crate) fn next(&self) -> Result<Option<(Frame, R)>, Gone> {
        match self.frames.try_recv() {
            Ok(letter) => Ok(Some(self.taken(letter))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Gone),
        }
    }

    fn taken(&self, letter: (Frame, R)) -> (Frame, R) {
        self.shared.0.bytes.fetch_sub(letter.0.bytes.len(), Ordering::Relaxed);
        letter
    }

    /// The mailbox of the only source that its dataflow has, on all workers, where nothing else needs a clock: while no frame
    /// comes, its ingest costs nothing.
    #[must_use]
    pub fn sole(self, sole: bool) -> Self {
        Self { sole, ..self }
    }

    /// What asks the source to stop.
    pub fn closer(&self) -> Closer {
        Closer(self.shared.0.clone())
    }
}

impl Closer {
    /// Asks the source to send no more. What is in flight goes on, and its receipts come back.
    pub fn close(&self) {
        self.0.closing.store(true, Ordering::Release);
        self.0.ring();
        self.0.wake();
    }
}
