//! The way in: window, epochs, receipts.
//!
//! A source runs on a thread of its own and talks to its dataflow through a [`mailbox`](crate::mailbox()): frames go in
//! with a receipt each (whatever its broker needs to hear), receipts come back when all that their
//! frames led to is durable, in the order of the frames.
//!
//! [`ingest`] admits a frame only while what is admitted and not yet acknowledged is under the
//! [`Window`]. This is the only thing that bounds memory: timely's own channels and queues are unbounded.
//!
//! What it gives up: a receipt comes back up to a few milliseconds after its frame is durable, because
//! an epoch ends only when the clock has moved on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::source as timely_source;
use timely::dataflow::{ProbeHandle, Scope, Stream};
use timely::scheduling::Activator;

use crate::mailbox::{Gone, Inbox};
use crate::{Epoch, FrameBatch, Origin, UnixMillis};

/// How soon an ingest looks again while it is busy, and how late while nothing happens. One that is idle keeps its clock going all
/// the same: one that did not would stop every receipt of the job.
const SOONEST: Duration = Duration::from_millis(1);
const LATEST: Duration = Duration::from_millis(16);

/// One that had nothing to do for so long is calm. Where nobody waits for its clock, it sleeps until a frame comes …
const CALM: Duration = Duration::from_secs(1);
/// … and else rests for so long, and lets its clock run ahead by that and [`LATEST`]: the receipts of others need not wait for it.
/// What comes first after that has the epoch that its clock had come to: up to half a window of frames, whose receipts come later
/// by as much.
const REST: Duration = Duration::from_millis(128);

/// Milliseconds from one epoch to the next: every operator of every worker hears of each, and frames of one share that. A
/// receipt waits for the end of its epoch, and results do not.
const TICK: Epoch = 4;

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

/// Tells the epoch of what is admitted now, and never goes back.
pub type Clock = Arc<dyn Fn() -> Epoch + Send + Sync>;

/// The clock of a job: milliseconds since 1970 in steps of four, read once and counted from there, because a wall clock that
/// is set back would stop every receipt until it has caught up. Clocks of several machines may differ: what differs is how
/// long a receipt takes, not what it means.
pub fn clock() -> Clock {
    let (base, start) = (UnixMillis::now().0, Instant::now());
    Arc::new(move || {
        let now = base + start.elapsed().as_millis() as Epoch;
        now - now % TICK
    })
}

impl Window {
    fn has_room(self, frames: usize, bytes: usize) -> bool {
        frames == 0 || (frames < self.frames && bytes < self.bytes)
    }

    /// What one epoch may fill. What waits to fill its batch holds up all of its epoch: were that the whole window, nothing
    /// could come to fill it, and a source that is faster than the clock would wait for a timeout each time.
    fn half(self) -> Self {
        Self { frames: self.frames / 2, bytes: self.bytes / 2 }
    }
}

/// Frames admitted whose receipts are still out, oldest first.
struct Open<R> {
    frames: VecDeque<(Epoch, usize, Option<R>)>,
    bytes: usize,
    /// How many were admitted in the latest epoch, and their bytes.
    latest: (Epoch, usize, usize),
    window: Window,
    meter: Arc<Meter>,
}

impl<R> Open<R> {
    fn has_room(&self, epoch: Epoch) -> bool {
        let (latest, frames, bytes) = self.latest;
        self.window.has_room(self.frames.len(), self.bytes)
            && (epoch != latest || self.window.half().has_room(frames, bytes))
    }

    fn admit(&mut self, epoch: Epoch, size: usize, receipt: Option<R>) {
        self.frames.push_back((epoch, size, receipt));
        self.bytes += size;
        let (latest, frames, bytes) = self.latest;
        let (frames, bytes) = if epoch == latest { (frames, bytes) } else { (0, 0) };
        self.latest = (epoch, frames + 1, bytes + size);
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

/// When an ingest looks again.
struct Pulse {
    /// Nobody waits for its clock.
    sole: bool,
    /// When it last had something to do.
    busy: Instant,
    /// How long it rests; `None` until it is woken.
    pause: Option<Duration>,
    /// When the next timer goes off: timely keeps every timer that it is given, and one is enough.
    armed: Instant,
}

impl Pulse {
    fn new(sole: bool) -> Self {
        let now = Instant::now();
        Self { sole, busy: now, pause: None, armed: now }
    }

    /// After something was moved or not, and with receipts that are out or not: how many milliseconds its clock may run ahead.
    fn beat(&mut self, moved: bool, open: bool) -> Epoch {
        if moved || open {
            self.busy = Instant::now();
        }
        let calm = self.busy.elapsed() > CALM;
        self.pause = match self.pause {
            _ if calm && self.sole => None,
            _ if calm => Some(REST),
            Some(pause) if !moved => Some(LATEST.min(pause * 2)),
            _ => Some(SOONEST),
        };
        // It is back before the time that it has promised.
        self.pause.filter(|_| calm).map_or(0, |pause| (pause + LATEST).as_millis() as Epoch)
    }

    fn arm(&mut self, activator: &Activator) {
        let (now, Some(pause)) = (Instant::now(), self.pause) else { return };
        if self.armed <= now || now + pause < self.armed {
            self.armed = now + pause;
            activator.activate_after(pause);
        }
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
///             let frame = Frame { received_at: operators::UnixMillis::now(), ..Frame::new("door".into(), operators::Number(receipt), "a".into(), "jpeg".into()) };
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
    clock: Clock,
) -> Stream<'s, Epoch, FrameBatch> {
    timely_source::<_, CapacityContainerBuilder<FrameBatch>, _, _>(scope, "Ingest", move |capability, info| {
        let origin = Origin { worker: scope.index(), source };
        let activator = scope.activator_for(info.address.clone());
        let mut live = inbox.map(|inbox| (capability, inbox));
        if let Some((_, inbox)) = &live {
            let _ = inbox.shared.0.wake.set(scope.worker().sync_activator_for(info.address.to_vec()));
        }
        let mut open = Open { frames: VecDeque::new(), bytes: 0, latest: (0, 0, 0), window, meter };
        let mut pulse = Pulse::new(live.as_ref().is_some_and(|(_, inbox)| inbox.sole));

        move |output| {
            let Some((capability, inbox)) = &mut live else {
                return;
            };
            let now = clock();
            let returned = give_back(&mut open, inbox, &done);
            advance(capability, now);
            let (admitted, ended) = admit(&mut open, inbox, capability, origin, output);
            open.measure(now);
            if returned + admitted > 0 {
                inbox.shared.0.ring();
            }
            if ended && open.frames.is_empty() {
                live = None;
                return;
            }
            let ahead = pulse.beat(returned + admitted > 0, !open.frames.is_empty());
            advance(capability, now + ahead);
            pulse.arm(&activator);
        }
    })
}

/// No frame from here on is older than `epoch`.
fn advance(capability: &mut Capability<Epoch>, epoch: Epoch) {
    let epoch = epoch.max(*capability.time());
    capability.downgrade(&epoch);
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
    while open.has_room(*capability.time()) {
        let (mut frame, receipt) = match inbox.next() {
            Ok(Some(letter)) => letter,
            Ok(None) => break,
            Err(Gone) => return (count, true),
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
