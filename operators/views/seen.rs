//! Which frames came, and how often again.
//!
//! A row for each key (`by`) has the columns
//!
//! * `frames`: how many different ones;
//! * `duplicates`: how often one of them came again while it was remembered, received at another time;
//! * `late`: how many came too late to be taken;
//! * `first`, `last`: when the first and the last happened, in milliseconds since 1970, to the second below.
//!
//! ```
//! use operators::UnixMillis;
//! use operators::views::{Cell, Definition, Engine, Fact, Question, Told};
//!
//! let mut engine = Engine::new(&[Definition::new("seen", Question::Seen)]);
//! let frame = |id: &str, at: u64, received: u64| Fact {
//!     camera: "yard".into(),
//!     id: id.into(),
//!     version: UnixMillis(received),
//!     at: UnixMillis(at),
//!     number: Default::default(),
//!     by: vec![],
//!     found: vec![],
//!     truth: None,
//! };
//! engine.tell(Told::Fact(0, frame("1", 5_000, 5_100)));
//! engine.tell(Told::Fact(0, frame("2", 8_000, 8_100)));
//! engine.tell(Told::Fact(0, frame("1", 5_000, 9_100))); // its broker sent it again
//! engine.pass(UnixMillis(10_000));
//! assert_eq!(engine.rows(0)[&vec![]], [2, 1, 0, 5_000, 8_000].map(Cell::from));
//! ```

use std::collections::BTreeMap;

use differential_dataflow::difference::Semigroup;

use super::ask::{Ask, Item, Row, Scale, Weight, columns};
use super::known::Known;
use super::{Cell, Columns, Fact};
use crate::UnixMillis;

/// Seconds of a key's past that are kept apart before those between the first and the last are put to the first.
const KEPT: usize = 64;

pub(super) struct Seen;

/// A key's sums are of seconds, with a weight of (frames, duplicates, nothing). What is late has none: (0, 0, late).
impl Ask for Seen {
    fn columns(&self, key: Vec<String>) -> Columns {
        columns(key, &[], &["frames", "duplicates", "late", "first", "last"])
    }

    fn weigh(&self, frame: &Known, scale: &mut Scale) {
        let second = UnixMillis(frame.fact.at.0 / 1000 * 1000);
        scale(&[], vec![second.into()], (1, frame.again(), 0));
    }

    fn weigh_late(&self, _: &Fact, scale: &mut Scale) {
        scale(&[], Item::new(), (0, 0, 1));
    }

    fn row(&self, sums: &[(&Item, Weight)]) -> Row {
        let mut all = Weight::default();
        sums.iter().for_each(|(_, weight)| all.plus_equals(weight));
        let mut seconds = sums.iter().filter_map(|(item, _)| item.first().cloned());
        let first = seconds.next().unwrap_or(Cell::Empty);
        let last = seconds.last().unwrap_or_else(|| first.clone());
        vec![all.0.into(), all.1.into(), all.2.into(), first, last]
    }

    fn fold(&self, sums: &BTreeMap<Item, Weight>) -> Option<BTreeMap<Item, Weight>> {
        let seconds = || sums.keys().filter(|item| !item.is_empty());
        if sums.len() <= KEPT {
            return None;
        }
        let (first, last) = (seconds().next()?, seconds().next_back()?);
        let mut folded = BTreeMap::new();
        for (item, weight) in sums {
            let place = if item.is_empty() || item == last { item } else { first };
            folded.entry(place.clone()).or_insert_with(Weight::default).plus_equals(weight);
        }
        Some(folded)
    }
}
