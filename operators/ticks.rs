//! A clock for what has to go on while no record comes.

use std::time::{Duration, Instant};

use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::operator::Operator;

use crate::Epoch;

/// Ticks among the records of a stream.
pub trait Ticks<'s, D> {
    /// The records as they come, and among them a `tick` about `every` so often, at the time that the stream has come to, for
    /// as long as a record may come. Without a `tick`, the records alone.
    ///
    /// ```
    /// use operators::{Epoch, Ticks};
    /// use std::time::Duration;
    /// use timely::dataflow::operators::{Capture, Input, capture::Extract};
    ///
    /// let seen = timely::execute_directly(|worker| {
    ///     let (mut input, seen) = worker.dataflow::<Epoch, _, _>(|scope| {
    ///         let (input, stream) = scope.new_input::<Vec<&str>>();
    ///         (input, stream.ticks(Duration::from_millis(1), Some("tick")).capture())
    ///     });
    ///     input.send("record");
    ///     input.advance_to(7);
    ///     for _ in 0..100 {
    ///         worker.step_or_park(Some(Duration::from_millis(1)));
    ///     }
    ///     seen
    /// });
    /// let seen = seen.extract();
    /// assert!(seen[0].1.contains(&"record"));
    /// assert_eq!(seen.last(), Some(&(7, vec!["tick"; seen.last().unwrap().1.len()])), "and it has ended with its input");
    /// ```
    fn ticks(self, every: Duration, tick: Option<D>) -> StreamVec<'s, Epoch, D>;
}

impl<'s, D: Clone + 'static> Ticks<'s, D> for StreamVec<'s, Epoch, D> {
    fn ticks(self, every: Duration, tick: Option<D>) -> StreamVec<'s, Epoch, D> {
        let scope = self.scope();
        self.unary_frontier(Pipeline, "Ticks", move |capability, info| {
            let activator = scope.activator_for(info.address);
            let mut held = tick.map(|tick| (tick, capability));
            let mut next = Instant::now();
            move |(input, frontier), output| {
                input.for_each(|time, data| output.session(&time).give_container(data));
                // Where no record can come any more, nothing is held back either.
                let Some(reached) = frontier.frontier().first().copied() else {
                    held = None;
                    return;
                };
                let Some((tick, capability)) = &mut held else { return };
                capability.downgrade(&reached);
                if next <= Instant::now() {
                    output.session(capability).give(tick.clone());
                    next = Instant::now() + every;
                    activator.activate_after(every);
                }
            }
        })
    }
}
