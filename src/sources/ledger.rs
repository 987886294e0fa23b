//! What is to be acknowledged, in the order of the frames.

use std::collections::VecDeque;

use super::Receipt;

/// What each receipt that is out acknowledges.
#[derive(Debug)]
pub struct Ledger<T> {
    open: VecDeque<(Receipt, T)>,
    next: Receipt,
}

impl<T> Default for Ledger<T> {
    fn default() -> Self {
        Self { open: VecDeque::new(), next: 0 }
    }
}

impl<T> Ledger<T> {
    /// Notes a message; its receipt.
    pub fn note(&mut self, message: T) -> Receipt {
        let receipt = self.next;
        self.open.push_back((receipt, message));
        self.next += 1;
        receipt
    }

    /// What `receipt` acknowledges.
    pub fn settle(&mut self, receipt: Receipt) -> Option<T> {
        // Receipts come back in order; one that is missing never comes, and its message is not acknowledged.
        while self.open.front().is_some_and(|(oldest, _)| *oldest < receipt) {
            self.open.pop_front();
        }
        let found = self.open.front().is_some_and(|(oldest, _)| *oldest == receipt);
        found.then(|| self.open.pop_front()).flatten().map(|(_, message)| message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever comes and goes, receipts give their own message, in order, and each once.
        #[test]
        fn a_receipt_settles_its_own_message(steps in prop::collection::vec(0_u8..4, 0..200)) {
            let (mut ledger, mut generation, mut out) = (Ledger::default(), 1, VecDeque::new());
            for (token, step) in steps.into_iter().enumerate() {
                match step {
                    0 | 1 => out.push_back((ledger.note((generation, token)), generation, token)),
                    2 => generation += 1,
                    _ => if let Some((receipt, generation, token)) = out.pop_front() {
                        prop_assert_eq!(ledger.settle(receipt), Some((generation, token)));
                        prop_assert_eq!(ledger.settle(receipt), None);
                    },
                }
            }
        }
    }

    /// A broker that sends what was not acknowledged again on the next connection, and a job as it looks from there.
    struct Model {
        window: usize,
        waiting: VecDeque<u64>,
        unacknowledged: VecDeque<u64>,
        acknowledged: Vec<u64>,
        generation: Option<u64>,
        generations: u64,
        ledger: Ledger<(u64, u64)>,
        /// Admitted and not given back, oldest first: receipt, number, whether it is durable.
        open: VecDeque<(Receipt, u64, bool)>,
        gathered: VecDeque<Receipt>,
        working: VecDeque<Receipt>,
        sinking: VecDeque<Receipt>,
        durable: Vec<u64>,
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Arrive,
        Flush,
        Ok,
        Fail,
        SinkOk,
        SinkFails,
        Disconnect,
        Reconnect,
        Commit,
    }

    fn step() -> impl Strategy<Value = Step> {
        use Step::*;
        prop::sample::select(vec![
            Arrive, Arrive, Arrive, Flush, Flush, Ok, Ok, Fail, SinkOk, SinkOk, SinkFails, Disconnect, Reconnect,
            Commit, Commit,
        ])
    }

    impl Model {
        fn new(window: usize, issued: u64) -> Self {
            let (unacknowledged, acknowledged, generation) = Default::default();
            let (open, gathered, working, sinking, durable) = Default::default();
            let (waiting, ledger, generations) = ((0..issued).collect(), Ledger::default(), 0);
            Self {
                window,
                waiting,
                unacknowledged,
                acknowledged,
                generation,
                generations,
                ledger,
                open,
                gathered,
                working,
                sinking,
                durable,
            }
        }

        fn go(&mut self, step: Step) {
            match step {
                Step::Arrive => self.arrive(),
                Step::Flush => self.working.extend(self.gathered.drain(..self.gathered.len().min(3))),
                // A frame that fails is a dead letter: that has to be written, too.
                Step::Ok | Step::Fail => self.sinking.extend(self.working.pop_front()),
                Step::SinkOk => self.sunk(),
                // It is tried again, after the others.
                Step::SinkFails => self.sinking.rotate_left(usize::from(!self.sinking.is_empty())),
                Step::Disconnect => self.disconnect(),
                Step::Reconnect if self.generation.is_none() => {
                    self.generations += 1;
                    self.generation = Some(self.generations);
                }
                Step::Reconnect => {}
                Step::Commit => self.commit(),
            }
        }

        fn arrive(&mut self) {
            let Some(generation) = self.generation.filter(|_| self.open.len() < self.window) else { return };
            let Some(number) = self.waiting.pop_front() else { return };
            self.unacknowledged.push_back(number);
            let receipt = self.ledger.note((generation, number));
            self.open.push_back((receipt, number, false));
            self.gathered.push_back(receipt);
        }

        fn sunk(&mut self) {
            let Some(receipt) = self.sinking.pop_front() else { return };
            let open = self.open.iter_mut().find(|(open, ..)| *open == receipt).expect("it is open");
            open.2 = true;
            self.durable.push(open.1);
        }

        fn disconnect(&mut self) {
            self.generation = None;
            while let Some(number) = self.unacknowledged.pop_back() {
                self.waiting.push_front(number);
            }
        }

        /// What is durable comes back in order, as the frontier gives it; what belongs to this connection is acknowledged.
        fn commit(&mut self) {
            while let Some((receipt, ..)) = self.open.front().filter(|(.., durable)| *durable).copied() {
                self.open.pop_front();
                let (generation, number) = self.ledger.settle(receipt).expect("each receipt settles once");
                if self.generation == Some(generation) {
                    assert_eq!(self.unacknowledged.pop_front(), Some(number), "in the order in which they were sent");
                    self.acknowledged.push(number);
                }
            }
        }
    }

    proptest! {
        /// Catches a message that is acknowledged before what it led to is durable, out of order, or on a connection that it
        /// did not come on; and one that is never acknowledged.
        #[test]
        fn what_is_acknowledged_is_durable(steps in prop::collection::vec(step(), 0..400), window in 1_usize..=20) {
            const ISSUED: u64 = 40;
            let mut model = Model::new(window, ISSUED);
            for step in steps {
                model.go(step);
                prop_assert!(model.open.len() <= window);
                prop_assert!(model.acknowledged.iter().all(|number| model.durable.contains(number)));
            }
            for _ in 0..10 * ISSUED {
                for step in [Step::Reconnect, Step::Arrive, Step::Flush, Step::Ok, Step::SinkOk, Step::Commit] {
                    model.go(step);
                }
            }
            let mut acknowledged = model.acknowledged;
            acknowledged.sort_unstable();
            prop_assert_eq!(acknowledged, (0..ISSUED).collect::<Vec<_>>(), "each once, and all");
        }
    }
}
