//! Work on a thread of its own.
//!
//! A worker thread that decodes, infers or waits for a server holds up every dataflow it runs. So each
//! record goes to a thread, its capability stays here until the answer is back, and the worker goes on.
//!
//! The thread takes what has queued up, up to a limit, in one call: a sink writes and syncs what has
//! come together at the price of one, a model takes one batch at a time. Nothing bounds the queue but
//! the window of [`ingest`](crate::ingest), and nothing else needs to.
//!
//! A wake-up of the worker costs more than a record does, so answers that are quick to come by share one: while more is
//! queued, they are told of every millisecond.
//!
//! What it gives up: answers come in the order of the records, so a slow one holds up those behind it.
//! More threads are more workers. And a quick answer that is followed by slow work may be told of after that.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;
use timely::scheduling::SyncActivator;

use crate::Epoch;
use crate::company::give_all;

/// Work that takes no longer than this is quick, and its answers are told of together …
const QUICK: Duration = Duration::from_micros(100);
/// … at the latest after so long.
const SOON: Duration = Duration::from_millis(1);

/// What a thread does with records of type `D`.
pub trait Work<D> {
    /// The answer for one record.
    type Done: Send;

    /// One answer for each item, in their order.
    fn work(&mut self, items: Vec<D>) -> Vec<Self::Done>;

    /// How many frames an item stands for.
    fn frames(_: &D) -> u64 {
        1
    }

    /// Whether it never takes longer than handing it to another thread would: then it is done on the worker's own.
    fn is_quick(&self) -> bool {
        false
    }

    /// One answer for each item, after [`Work::work`] panicked over them. `panic` is what it said.
    fn panicked(&mut self, items: Vec<D>, panic: &str) -> Vec<Self::Done>;
}

/// What such a thread has to do and has done, for whoever asks how busy it is.
#[derive(Debug, Default)]
pub struct Load {
    waiting: AtomicU64,
    done: AtomicU64,
    nanos: AtomicU64,
}

impl Load {
    /// Frames that wait for the thread.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Relaxed)
    }

    /// Frames that it has answered, and the time that it took for them.
    pub fn done(&self) -> (u64, Duration) {
        (self.done.load(Relaxed), Duration::from_nanos(self.nanos.load(Relaxed)))
    }

    fn take(&self, frames: u64) {
        self.waiting.fetch_sub(frames, Relaxed);
    }

    fn did(&self, frames: u64, time: Duration) {
        self.done.fetch_add(frames, Relaxed);
        self.nanos.fetch_add(time.as_nanos() as u64, Relaxed);
    }
}

/// Sending records away to be worked on.
pub trait Offload<'s, D> {
    /// The answer to each record, at the record's time. At most `most` (at least 1) records are given
    /// to `work` in one call. A panic in the work is an answer like any other. `load` tells how busy the thread is. Work that
    /// [is quick](Work::is_quick) gets no thread, and what comes together in one call.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use operators::{Epoch, Offload, Work};
    /// use timely::dataflow::operators::{Inspect, ToStream};
    ///
    /// struct Halve;
    /// impl Work<u64> for Halve {
    ///     type Done = Result<u64, String>;
    ///     fn work(&mut self, items: Vec<u64>) -> Vec<Self::Done> {
    ///         items.into_iter().map(|n| if n % 2 == 0 { Ok(n / 2) } else { panic!("{n} is odd") }).collect()
    ///     }
    ///     fn panicked(&mut self, items: Vec<u64>, panic: &str) -> Vec<Self::Done> {
    ///         items.into_iter().map(|_| Err(panic.to_owned())).collect()
    ///     }
    /// }
    /// std::panic::set_hook(Box::new(|_| ())); // silence
    /// let (seen, answers) = std::sync::mpsc::channel();
    /// timely::execute_directly(move |worker| {
    ///     worker.dataflow::<Epoch, _, _>(|scope| {
    ///         let halves = [2, 3, 4].to_stream(scope).container::<Vec<_>>().offload("halve", 1, Arc::default(), Halve);
    ///         halves.inspect(move |half| seen.send(half.clone()).unwrap());
    ///     });
    /// });
    /// assert!(answers.iter().eq([Ok(1), Err("3 is odd".to_owned()), Ok(2)]));
    /// ```
    fn offload<W>(self, name: &str, most: usize, load: Arc<Load>, work: W) -> StreamVec<'s, Epoch, W::Done>
    where
        W: Work<D> + Send + 'static;

    /// As [`Offload::offload`], for work that can't leave its thread: `hire` makes it there.
    fn offload_to<W, F>(self, name: &str, most: usize, load: Arc<Load>, hire: F) -> StreamVec<'s, Epoch, W::Done>
    where
        W: Work<D> + 'static,
        F: FnOnce() -> W + Send + 'static;
}

impl<'s, D: Clone + Send + 'static> Offload<'s, D> for StreamVec<'s, Epoch, D> {
    fn offload<W>(self, name: &str, most: usize, load: Arc<Load>, work: W) -> StreamVec<'s, Epoch, W::Done>
    where
        W: Work<D> + Send + 'static,
    {
        match work.is_quick() {
            true => in_place(self, name, load, work),
            false => self.offload_to(name, most, load, move || work),
        }
    }

    fn offload_to<W, F>(self, name: &str, most: usize, load: Arc<Load>, hire: F) -> StreamVec<'s, Epoch, W::Done>
    where
        W: Work<D> + 'static,
        F: FnOnce() -> W + Send + 'static,
    {
        let scope = self.scope();
        self.unary(Pipeline, name, move |_, info| {
            let wake = scope.worker().sync_activator_for(info.address.to_vec());
            let (items, answers) = employ(&info.global_id.to_string(), most.max(1), load.clone(), hire, wake);
            let mut held: VecDeque<Capability<Epoch>> = VecDeque::new();
            move |input, output| {
                input.for_each(|time, data| {
                    let capability = time.retain(output.output_index());
                    for item in data.drain(..) {
                        held.push_back(capability.clone());
                        load.waiting.fetch_add(W::frames(&item), Relaxed);
                        items.send(item).expect("the thread outlives its operator");
                    }
                });
                let answered = || match answers.try_recv() {
                    Ok(answer) => Some((held.pop_front().expect("one capability for each record"), answer)),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => panic!("a thread of work ended before its operator"),
                };
                give_all(output, std::iter::from_fn(answered));
            }
        })
    }
}

/// Work that is done where it comes up.
fn in_place<'s, D, W>(
    items: StreamVec<'s, Epoch, D>,
    name: &str,
    load: Arc<Load>,
    mut work: W,
) -> StreamVec<'s, Epoch, W::Done>
where
    D: Clone + 'static,
    W: Work<D> + 'static,
{
    items.unary(Pipeline, name, move |_, _| {
        move |input, output| {
            input.for_each(|time, data| {
                let (frames, since) = (data.iter().map(W::frames).sum(), Instant::now());
                let answered = answer(&mut work, std::mem::take(data));
                load.did(frames, since.elapsed());
                output.session(&time).give_iterator(answered.into_iter());
            });
        }
    })
}

/// Starts the thread: what goes to it, and what comes back. It ends when its operator is gone.
fn employ<D, W, F>(
    name: &str,
    most: usize,
    load: Arc<Load>,
    hire: F,
    wake: SyncActivator,
) -> (Sender<D>, Receiver<W::Done>)
where
    D: Clone + Send + 'static,
    W: Work<D> + 'static,
    F: FnOnce() -> W + Send + 'static,
{
    let (items, queue) = mpsc::channel::<D>();
    let (done, answers) = mpsc::channel();
    let body = move || {
        let mut work = hire();
        let mut told = Instant::now();
        let mut next = queue.recv().ok();
        while let Some(first) = next {
            let group: Vec<D> = std::iter::once(first).chain(queue.try_iter()).take(most).collect();
            let (frames, since) = (group.iter().map(W::frames).sum(), Instant::now());
            load.take(frames);
            let answered = answer(&mut work, group);
            let until = Instant::now();
            load.did(frames, until - since);
            if answered.into_iter().any(|answer| done.send(answer).is_err()) {
                return;
            }
            next = queue.try_recv().ok();
            // What comes next takes as long, as far as one can tell.
            if next.is_none() || until - since > QUICK || until - told > SOON {
                if wake.activate().is_err() {
                    return;
                }
                told = until;
                next = next.or_else(|| queue.recv().ok());
            }
        }
    };
    thread::Builder::new().name(format!("work-{name}")).spawn(body).expect("this machine can start a thread");
    (items, answers)
}

/// One answer for each item of the group, come what may.
fn answer<D: Clone, W: Work<D>>(work: &mut W, group: Vec<D>) -> Vec<W::Done> {
    let kept = group.clone();
    let count = kept.len();
    let answers = guard(|| work.work(group)).unwrap_or_else(|panic| work.panicked(kept, &panic));
    assert_eq!(answers.len(), count, "work gives one answer for each item");
    answers
}

/// Runs `work`; a panic in it is an error that says what the panic said.
pub fn guard<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    // Whoever goes on with the state after a panic answers for it: here, the work itself.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| said(&*panic))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it said nothing".to_owned())
}
