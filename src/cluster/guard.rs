//! When one worker stops, all stop, and no thread hangs.
//!
//! Timely alone leaves the others waiting for ever when an operator panics, and a worker that is
//! parked looks at no flag. So the first failure is kept as *the* cause, and a watch thread sees the rest
//! through: it closes the links, wakes whoever is parked, and in the end calls for an exit.

use std::any::Any;
use std::io;
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use timely::worker::Worker;

use super::wire::Wire;
use super::{Lost, Peer, quiet};

/// How long workers may take to stop after a failure, before the process is ended over their heads.
pub const STUCK: Duration = Duration::from_secs(3);

/// How long links stay open after a peer is lost: everyone is to see for themselves who died, before it
/// sees that those who noticed leave as well.
pub(super) const GRACE: Duration = Duration::from_millis(300);

/// How often those who should have stopped are woken.
const NUDGE: Duration = Duration::from_millis(20);

/// What the workers of a process share: whether to go on. Clones are the same guard.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// How long links stay open after a peer is lost: [`GRACE`], or none where others tell who it was.
    grace: Duration,
    failed: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// The first failure: everything after it follows from it.
    cause: Option<Lost>,
    /// Threads of the workers that have begun.
    workers: Vec<Thread>,
    /// Workers that have neither finished nor stopped.
    working: usize,
    /// All threads have ended.
    ended: bool,
    sockets: Vec<Wire>,
}

/// What [`Guard::check`] unwinds with.
struct Stopped;

impl Guard {
    pub(super) fn new(links: &[Option<(Peer, Wire)>], threads: usize, grace: Duration) -> io::Result<Self> {
        let sockets = links.iter().flatten().map(|(_, stream)| stream.try_clone()).collect::<io::Result<_>>()?;
        let state = State { cause: None, workers: Vec::new(), working: threads, ended: false, sockets };
        let (failed, state, changed) = (AtomicBool::new(false), Mutex::new(state), Condvar::new());
        Ok(Self(Arc::new(Shared { grace, failed, state, changed })))
    }

    /// Whether something failed, in this process or another, and nothing will come of the work any more.
    pub fn failed(&self) -> bool {
        self.0.failed.load(Ordering::Acquire)
    }

    /// Unwinds, without a message, once something failed. For the loop of a worker, before each step: a
    /// parked worker is woken, but only this makes it stop.
    pub fn check(&self) {
        if self.failed() {
            resume_unwind(Box::new(Stopped));
        }
    }

    /// Ends the workers of this process where they are, for a reason that is no failure.
    pub fn stop(&self, why: &str) {
        self.fail(Lost::Stopped(why.to_owned()));
    }

    /// Has every worker take a turn, whether there is something to do or not.
    pub fn wake(&self) {
        self.state().workers.iter().for_each(Thread::unpark);
    }

    /// Keeps the first failure; not one that comes when all the work is done.
    pub(super) fn fail(&self, cause: Lost) {
        let mut state = self.state();
        if state.cause.is_none() && state.working > 0 {
            state.cause = Some(cause);
            self.0.failed.store(true, Ordering::Release);
            self.0.changed.notify_all();
        }
    }

    /// The first failure.
    pub(super) fn cause(&self) -> Lost {
        let unknown = || Lost::Machine("timely's threads ended for a reason they did not give".into());
        self.state().cause.clone().unwrap_or_else(unknown)
    }

    /// Runs a worker's body, and what it leaves in dataflows to its end. A panic is everyone's failure.
    pub(super) fn around<T>(&self, worker: &mut Worker, body: impl Fn(&mut Worker, &Guard) -> T) -> T {
        self.state().workers.push(thread::current());
        quiet::watched_by(self);
        let done = catch_unwind(AssertUnwindSafe(|| {
            let result = body(worker, self);
            while worker.has_dataflows() {
                self.check();
                worker.step_or_park(None);
            }
            result
        }));
        done.map_or_else(
            |panic| self.panicked(worker.index(), panic),
            |result| {
                self.state().working -= 1;
                self.0.changed.notify_all();
                result
            },
        )
    }

    fn panicked(&self, worker: usize, panic: Box<dyn Any + Send>) -> ! {
        let what = quiet::message(&*panic);
        if what.is_some_and(quiet::follows_a_loss) {
            // Timely tells workers before it drops the link that knows why.
            drop(self.wait(GRACE, |state| state.cause.is_none()));
        }
        if !panic.is::<Stopped>() {
            self.fail(Lost::Panic { worker, what: what.unwrap_or("a panic without words").into() });
        }
        // Unwinding out of here poisons queues that other workers may be pushing into: see `Link`.
        self.state().working -= 1;
        self.0.changed.notify_all();
        drop(self.wait(STUCK, |state| state.working > 0));
        resume_unwind(panic)
    }

    /// All threads have ended: nothing is left to watch.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.0.changed.notify_all();
    }

    /// Starts the thread that sees a failure through.
    pub(super) fn watch(&self, stuck: impl Fn(&Lost) + Send + 'static) -> io::Result<JoinHandle<()>> {
        let guard = self.clone();
        let watch = move || {
            let waiting = |state: &State| state.cause.is_none() && !state.ended;
            let state = guard.wait(Duration::MAX, waiting);
            let peer_lost = matches!(state.cause, Some(Lost::Peer { .. }));
            drop(state);
            let until = Instant::now() + STUCK;
            if peer_lost {
                thread::sleep(guard.0.grace);
            }
            guard.shut();
            while !guard.nudge() {
                if Instant::now() > until {
                    return stuck(&guard.cause());
                }
            }
        };
        thread::Builder::new().name("vigie:watch".into()).spawn(watch)
    }

    fn shut(&self) {
        for socket in self.state().sockets.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Wakes all workers, and answers, a moment later, whether all is over.
    fn nudge(&self) -> bool {
        self.state().workers.iter().for_each(Thread::unpark);
        self.wait(NUDGE, |state| !state.ended).ended
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for at most `time`, while `condition` holds.
    fn wait(&self, time: Duration, condition: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.0.changed.wait_timeout_while(self.state(), time, |state| condition(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
