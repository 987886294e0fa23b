//! Records that are due at one time travel as one message: each operator on their way takes one turn for all of them.

use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilderSession;

use crate::Epoch;

type Output<'a, D> = OutputBuilderSession<'a, Epoch, CapacityContainerBuilder<Vec<D>>>;

/// Gives the records in their order, each at its capability's time; neighbours of one time together.
pub(crate) fn give_all<D: 'static>(output: &mut Output<'_, D>, due: impl Iterator<Item = (Capability<Epoch>, D)>) {
    let mut due = due.peekable();
    while let Some((capability, first)) = due.next() {
        let mut session = output.session(&capability);
        session.give(first);
        while let Some((_, next)) = due.next_if(|(other, _)| other.time() == capability.time()) {
            session.give(next);
        }
    }
}
