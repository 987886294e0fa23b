//! The way in: window, epochs, receipts.
//!
//! A source runs on a thread of its own and talks to its dataflow through a [`mailbox`]: frames go in
//! with a receipt each (whatever its broker needs to hear), receipts come back when all that their
//! frames led to is durable, in the order of the frames.
//!
//! [`ingest`] admits a frame only while what is admitted and not yet acknowledged is under the
//! [`Window`]. This is the only thing that bounds memory: timely's own channels and queues are unbounded.
//!
//! What it gives up: a receipt comes back up to a few milliseconds after its frame is durable, because
//! an epoch ends only when the clock has moved on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TryRecvError, TrySendError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::source as timely_source;
use timely::dataflow::{ProbeHandle, Scope, Stream};
use timely::scheduling::SyncActivator;

use crate::{Epoch, Frame, FrameBatch, Origin, UnixMillis};

/// How soon an ingest looks again while it is busy, and how late while nothing happens. A source that
/// is idle keeps its clock going all the same: one that does not would stop every receipt of the job.
const SOONEST: Duration = Duration::from_millis(1);
const LATEST: Duration = Duration::from_millis(16);

/// How much may be in flight: admitted and not yet acknowledged. One frame is always let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Frames at most.
    pub frames: usize,
    /// Bytes of compressed pictures at most.
    pub bytes: usize,
}

/// What an ingest counts, for whoever shows it.
#[derive(Debug, Default)]
pub struct Meter {
    /// Frames admitted.
    pub frames: AtomicU64,
    /// Bytes admitted.
    pub bytes: AtomicU64,
    /// Frames whose receipt went back.
    pub acknowledged: AtomicU64,
    /// Frames admitted whose receipt is still out.
    pub open_frames: AtomicU64,
    /// Their bytes.
    pub open_bytes: AtomicU64,
    /// How far the oldest of them lies behind the clock, in milliseconds.
    pub lag: AtomicU64,
}

/// The clock of a job: milliseconds since 1970, read once and counted from there, because a wall clock that
/// is set back would stop every receipt until it has caught up. Clocks of several machines may differ:
/// what differs is how long a receipt takes, not what it means.
pub fn clock() -> impl Fn() -> Epoch + 'static {
    let (base, start) = (UnixMillis::now().0, Instant::now());
    move || base + start.elapsed().as_millis() as Epoch
}

/// Nobody listens at the other end of a mailbox any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// An I/O thread's half of a mailbox: frames go in, receipts come back.
#[derive(Debug)]
pub struct Inlet<R> {
    frames: SyncSender<(Frame, R)>,
    receipts: Receipts<R>,
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
    receipts: Sender<R>,
    /// Last, as it rings when all above is gone: whoever hears it finds that nobody listens.
    shared: Parting,
}

/// Rings the bell when it is dropped.
#[derive(Debug)]
struct Parting(Arc<Shared>);

impl Drop for Parting {
    fn drop(&mut self) {
        self.0.ring();
    }
}

/// Asks the source behind a mailbox to send no more.
#[derive(Clone, Debug)]
pub struct Closer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Wakes the dataflow; there once the ingest is built.
    wake: OnceLock<SyncActivator>,
    /// Wakes the source.
    bell: OnceLock<Box<dyn Fn() + Send + Sync>>,
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

    fn ring(&self) {
        if let Some(bell) = self.bell.get() {
            bell();
        }
    }
}

/// The two halves of a mailbox that holds up to `depth` frames which are not admitted yet.
pub fn mailbox<R>(depth: usize) -> (Inlet<R>, Inbox<R>) {
    let (frames, waiting) = mpsc::sync_channel(depth);
    let (receipts, returned) = mpsc::channel();
    let shared = Arc::new(Shared::default());
    let inlet = Inlet { frames, receipts: Receipts { returned, shared: shared.clone() } };
    (inlet, Inbox { frames: waiting, receipts, shared: Parting(shared) })
}

impl<R> Inlet<R> {
    /// Puts a frame in, and waits while the mailbox is full. For threads.
    ///
    /// # Errors
    /// [`Gone`] when nobody listens any more.
    pub fn send(&self, frame: Frame, receipt: R) -> Result<(), Gone> {
        let sent = self.frames.send((frame, receipt)).map_err(|_| Gone);
        self.receipts.shared.wake();
        sent
    }

    /// Puts a frame in, or gives it back where the mailbox is full. For tasks, which must not wait.
    ///
    /// # Errors
    /// [`Gone`] when nobody listens any more.
    pub fn try_send(&self, frame: Frame, receipt: R) -> Result<Option<(Frame, R)>, Gone> {
        let sent = match self.frames.try_send((frame, receipt)) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(back)) => Ok(Some(back)),
            Err(TrySendError::Disconnected(_)) => Err(Gone),
        };
        self.receipts.shared.wake();
        sent
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
        let Self { frames, receipts } = self;
        drop(frames);
        receipts.shared.wake();
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

/// Frames admitted whose receipts are still out, oldest first.
struct Open<R> {
    frames: VecDeque<(Epoch, usize, Option<R>)>,
    bytes: usize,
    window: Window,
    meter: Arc<Meter>,
}

impl<R> Open<R> {
    fn has_room(&self) -> bool {
        self.frames.is_empty() || (self.frames.len() < self.window.frames && self.bytes < self.window.bytes)
    }

    fn admit(&mut self, epoch: Epoch, size: usize, receipt: Option<R>) {
        self.frames.push_back((epoch, size, receipt));
        self.bytes += size;
        self.meter.frames.fetch_add(1, Ordering::Relaxed);
        self.meter.bytes.fetch_add(size as u64, Ordering::Relaxed);
    }

    /// The next receipt whose epoch `done` has passed.
    fn settled(&mut self, done: &ProbeHandle<Epoch>) -> Option<Option<R>> {
        let (epoch, ..) = self.frames.front()?;
        if done.less_equal(epoch) {
            return None;
        }
        let (_, size, receipt) = self.frames.pop_front()?;
        self.bytes -= size;
        self.meter.acknowledged.fetch_add(1, Ordering::Relaxed);
        Some(receipt)
    }

    fn measure(&self, now: Epoch) {
        let lag = self.frames.front().map_or(0, |(epoch, ..)| now.saturating_sub(*epoch));
        self.meter.open_frames.store(self.frames.len() as u64, Ordering::Relaxed);
        self.meter.open_bytes.store(self.bytes as u64, Ordering::Relaxed);
        self.meter.lag.store(lag, Ordering::Relaxed);
    }
}

/// The frames of a source, as far as the window allows.
///
/// A frame's epoch is the `clock` when it was admitted. Its receipt goes back when `done`, the probe
/// behind the sinks, has passed that epoch: everything derived from it, on whatever worker, is durable.
/// `source` is the source's index in the job. A worker without a source gives `None`, and stands in
/// nobody's way.
///
/// ```
/// use std::{sync::Arc, thread};
/// use operators::{Frame, Meter, Window, ingest, ingest::clock, mailbox};
/// use timely::dataflow::{ProbeHandle, operators::Probe};
///
/// timely::execute_directly(|worker| {
///     let (inlet, inbox) = mailbox(4);
///     thread::spawn(move || {
///         for receipt in 0..10 {
///             let frame = Frame {
///                 camera: "door".into(), number: operators::Number(receipt), id: "a".into(), captured_at: None,
///                 received_at: operators::UnixMillis::now(), origin: Default::default(), flaw: None, bytes: "jpeg".into(),
///             };
///             inlet.send(frame, receipt).expect("somebody listens");
///         }
///         assert!(inlet.finish().eq(0..10), "every receipt comes back, in order");
///     });
///     worker.dataflow(|scope| {
///         let done = ProbeHandle::new();
///         let window = Window { frames: 3, bytes: 1 << 20 };
///         ingest(scope, 0, Some(inbox), window, done.clone(), Arc::new(Meter::default()), clock())
///             .probe_with(&done);
///     });
/// });
/// ```
pub fn ingest<'s, R: 'static>(
    scope: Scope<'s, Epoch>,
    source: usize,
    inbox: Option<Inbox<R>>,
    window: Window,
    done: ProbeHandle<Epoch>,
    meter: Arc<Meter>,
    clock: impl Fn() -> Epoch + 'static,
) -> Stream<'s, Epoch, FrameBatch> {
    timely_source::<_, CapacityContainerBuilder<FrameBatch>, _, _>(scope, "Ingest", move |capability, info| {
        let origin = Origin { worker: scope.index(), source };
        let activator = scope.activator_for(info.address.clone());
        let mut live = inbox.map(|inbox| (capability, inbox));
        if let Some((_, inbox)) = &live {
            let _ = inbox.shared.0.wake.set(scope.worker().sync_activator_for(info.address.to_vec()));
        }
        let mut open = Open { frames: VecDeque::new(), bytes: 0, window, meter };
        let mut pause = SOONEST;
        // When the next timer goes off: timely keeps every timer that it is given, and one is enough.
        let mut armed = Instant::now();

        move |output| {
            let Some((capability, inbox)) = &mut live else {
                return;
            };
            let returned = give_back(&mut open, inbox, &done);
            let now = clock().max(*capability.time());
            capability.downgrade(&now);
            let (admitted, ended) = admit(&mut open, inbox, capability, origin, output);
            open.measure(now);
            if returned + admitted > 0 {
                inbox.shared.0.ring();
            }
            if ended && open.frames.is_empty() {
                live = None;
                return;
            }
            pause = if returned + admitted > 0 { SOONEST } else { LATEST.min(pause * 2) };
            let now = Instant::now();
            if armed <= now || now + pause < armed {
                armed = now + pause;
                activator.activate_after(pause);
            }
        }
    })
}

/// Gives back the receipts that `done` has passed; how many.
fn give_back<R>(open: &mut Open<R>, inbox: &Inbox<R>, done: &ProbeHandle<Epoch>) -> usize {
    let mut count = 0;
    while let Some(receipt) = open.settled(done) {
        // Nobody to give it to: the source is gone, and its broker will send the frame again.
        let _ = receipt.map(|receipt| inbox.receipts.send(receipt));
        count += 1;
    }
    count
}

type Output<'a, 'b> =
    timely::dataflow::operators::generic::OutputBuilderSession<'a, Epoch, CapacityContainerBuilder<FrameBatch>>;

/// Admits what the window has room for; how many, and whether the source has sent its last.
fn admit<R>(
    open: &mut Open<R>,
    inbox: &Inbox<R>,
    capability: &Capability<Epoch>,
    origin: Origin,
    output: &mut Output<'_, '_>,
) -> (usize, bool) {
    let mut session = output.session(capability);
    let mut count = 0;
    while open.has_room() {
        let (mut frame, receipt) = match inbox.frames.try_recv() {
            Ok(sent) => sent,
            Err(TryRecvError::Empty) => break,
            Err(TryRecvError::Disconnected) => return (count, true),
        };
        let receipt = keep_until_done(receipt, &inbox.receipts);
        open.admit(*capability.time(), frame.bytes.len(), receipt);
        frame.origin = origin;
        session.give(frame);
        count += 1;
    }
    (count, false)
}

/// Every receipt is kept until its frame is done. The build that is broken on purpose gives it away at
/// once, as most stream processors do: the kill test must find that out.
fn keep_until_done<R>(receipt: R, receipts: &Sender<R>) -> Option<R> {
    if crate::broken::makes("early-ack") {
        let _ = receipts.send(receipt);
        return None;
    }
    Some(receipt)
}
