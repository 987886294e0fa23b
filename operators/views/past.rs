//! What forgotten frames weighed.

use std::collections::BTreeMap;

use differential_dataflow::difference::{Abelian, IsZero, Semigroup};
use serde::{Deserialize, Serialize};

use super::Cell;
use super::ask::{Ask, Item, Key, Weight};

/// The sums of the weights of forgotten frames: as many as a table has rows, and not as many as there were frames.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Past {
    /// How many frames (and late facts).
    pub count: u64,
    sums: BTreeMap<Key, BTreeMap<Item, Weight>>,
}

impl Past {
    /// Adds a weight.
    pub fn add(&mut self, key: Key, item: Item, weight: Weight) {
        let sums = self.sums.entry(key).or_default();
        let sum = sums.entry(item.clone()).or_default();
        sum.plus_equals(&weight);
        if sum.is_zero() {
            sums.remove(&item);
        }
    }

    /// All sums.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Item, Weight)> {
        self.sums.iter().flat_map(|(key, sums)| sums.iter().map(move |(item, weight)| (key, item, *weight)))
    }

    /// Takes out what lies in windows before this one.
    pub fn drop_windows(&mut self, before: &Cell) -> Vec<(Key, Item, Weight)> {
        let gone: Vec<Key> = self.sums.keys().take_while(|key| key.first() < Some(before)).cloned().collect();
        gone.into_iter()
            .flat_map(|key| {
                let sums = self.sums.remove(&key).unwrap_or_default();
                sums.into_iter().map(move |(item, weight)| (key.clone(), item, weight))
            })
            .collect()
    }

    /// Puts together what the question can do without: what changes thereby.
    pub fn fold(&mut self, ask: &dyn Ask) -> Vec<(Key, Item, Weight)> {
        let mut changes = Vec::new();
        for (key, sums) in &mut self.sums {
            let Some(folded) = ask.fold(sums) else { continue };
            let before = std::mem::replace(sums, folded);
            changes.extend(before.into_iter().map(|(item, weight)| (key.clone(), item, negative(weight))));
            changes.extend(sums.iter().map(|(item, weight)| (key.clone(), item.clone(), *weight)));
        }
        changes
    }
}

/// The weight that takes another one away.
pub(super) fn negative(mut weight: Weight) -> Weight {
    weight.negate();
    weight
}
