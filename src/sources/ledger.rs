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
}
