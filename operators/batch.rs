//! Exchange, gather, flush the late.
//!
//! Frames go to the worker that their number (or camera) names and leave it in batches. A batch
//! travels at the **least** time of its members: at any later one, a receipt could go back before its
//! frame is durable. A batch that does not fill within its timeout goes as it is: without that, a
//! window smaller than what the workers gather would wait for itself for ever.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::ExchangeCore;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::{Stream, StreamVec};

use crate::company::give_all;
use crate::{Epoch, Frame, FrameBatch};

/// Frames that go through the steps together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// One to `size` frames, in the order in which they came.
    pub frames: Vec<Frame>,
    /// What sent it on its way.
    pub cause: Cause,
}

/// What sent a batch on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// It was full.
    Full,
    /// Its oldest frame had waited for the timeout.
    Timeout,
    /// No more frames will come.
    End,
}

/// What decides the worker of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partition {
    /// Its number: `(number / size) mod workers`, so that the neighbours which make up a batch meet at
    /// once and the workers' shares differ by one batch at most.
    #[default]
    Number,
    /// Its camera, for steps that keep a state per camera.
    Camera,
}

impl Partition {
    /// Where a frame goes: this, modulo the number of workers.
    pub fn route(self, frame: &Frame, size: usize) -> u64 {
        match self {
            Partition::Number => frame.number.0 / size as u64,
            Partition::Camera => {
                // Its keys are fixed, and all processes of a cluster are of one build.
                let mut hasher = DefaultHasher::new();
                frame.camera.hash(&mut hasher);
                hasher.finish()
            }
        }
    }
}

/// Gathering frames into batches.
pub trait BatchFrames<'s> {
    /// Batches of `size` frames (at least 1), on the worker that `partition` names; a smaller one when
    /// its oldest frame has waited for `timeout`, or when no more will come.
    ///
    /// ```
    /// use std::{sync::mpsc, time::Duration};
    /// use operators::{BatchFrames, Cause, Epoch, Frame, FrameBatch, Number, Partition};
    /// use timely::container::CapacityContainerBuilder;
    /// use timely::dataflow::{InputHandle, operators::{Input, Inspect}};
    ///
    /// let (seen, batches) = mpsc::channel();
    /// timely::execute_directly(move |worker| {
    ///     let mut input = InputHandle::<Epoch, CapacityContainerBuilder<FrameBatch>>::new_with_builder();
    ///     worker.dataflow(|scope| {
    ///         let batches = input.to_stream(scope).batch(3, Duration::from_secs(1), Partition::Number);
    ///         batches.inspect(move |batch| seen.send((batch.frames.len(), batch.cause)).unwrap());
    ///     });
    ///     for number in 0..7 {
    ///         input.send(Frame { received_at: Default::default(), ..Frame::new("door".into(), Number(number), "a".into(), "jpeg".into()) });
    ///     }
    /// });
    /// assert!(batches.iter().eq([(3, Cause::Full), (3, Cause::Full), (1, Cause::End)]));
    /// ```
    fn batch(self, size: usize, timeout: Duration, partition: Partition) -> StreamVec<'s, Epoch, Batch>;
}

impl<'s> BatchFrames<'s> for Stream<'s, Epoch, FrameBatch> {
    fn batch(self, size: usize, timeout: Duration, partition: Partition) -> StreamVec<'s, Epoch, Batch> {
        let scope = self.scope();
        let exchange = ExchangeCore::<CapacityContainerBuilder<FrameBatch>, _>::new_core(move |frame: &Frame| {
            partition.route(frame, size)
        });
        self.unary_frontier(exchange, "Batch", move |_, info| {
            let activator = scope.activator_for(info.address);
            let mut gathered = Gathered { size: size.max(1), timeout, waiting: VecDeque::new() };
            move |(input, frontier), output| {
                let now = Instant::now();
                input.for_each(|time, frames| {
                    use timely::container::DrainContainer;
                    let capability = time.retain(output.output_index());
                    gathered.waiting.extend(frames.drain().map(|frame| (capability.clone(), now, sound(frame))));
                });
                let ended = frontier.is_empty();
                give_all(output, std::iter::from_fn(|| gathered.next(now, ended)));
                if let Some((_, since, _)) = gathered.waiting.front() {
                    activator.activate_after(timeout.saturating_sub(now.duration_since(*since)));
                }
            }
        })
    }
}

/// Frames that wait for company, oldest first, each with its right to be sent.
struct Gathered {
    size: usize,
    timeout: Duration,
    waiting: VecDeque<(Capability<Epoch>, Instant, Frame)>,
}

impl Gathered {
    /// The next batch that is due, with the least capability of its members.
    fn next(&mut self, now: Instant, ended: bool) -> Option<(Capability<Epoch>, Batch)> {
        let (_, since, _) = self.waiting.front()?;
        let cause = match () {
            () if self.waiting.len() >= self.size => Cause::Full,
            () if ended => Cause::End,
            () if now.duration_since(*since) >= self.timeout => Cause::Timeout,
            () => return None,
        };
        let members = self.size.min(self.waiting.len());
        let mut members: Vec<_> = self.waiting.drain(..members).collect();
        let least = travels_with(&members)?.clone();
        let frames = members.drain(..).map(|(_, _, frame)| frame).collect();
        Some((least, Batch { frames, cause }))
    }
}

/// The frame. A worker of the build that is broken on purpose panics over some.
fn sound(frame: Frame) -> Frame {
    let panics = frame.camera.as_str() == "yard-0" && crate::broken::makes("panic");
    assert!(!panics, "on purpose");
    frame
}

/// The least capability of a batch. The build that is broken on purpose takes the latest, which looks right until a
/// crash: the kill test must find that out.
fn travels_with(members: &[(Capability<Epoch>, Instant, Frame)]) -> Option<&Capability<Epoch>> {
    let capabilities = members.iter().map(|(capability, ..)| capability);
    if crate::broken::makes("latest-time") {
        return capabilities.max_by_key(|capability| *capability.time());
    }
    capabilities.min_by_key(|capability| *capability.time())
}
