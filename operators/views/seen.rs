//! Which frames came, and how often again.
//!
//! A row for each key (`by`) has the columns
//!
//! * `frames`: how many different ones;
//! * `duplicates`: how often one of them came again while it was remembered, received at another time;
//! * `late`: how many came too late to be taken;
//! * `first`, `last`: when the first and the last happened, in milliseconds since 1970, to the second below;
//! * `named`: the last few of those that came again, as `yard/17, yard/20`.
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
//! let row = engine.rows(0)[&vec![]].clone();
//! assert_eq!(row[..5], [2, 1, 0, 5_000, 8_000].map(Cell::from));
//! assert_eq!(row[5], Cell::from("yard/1"));
//! ```

use std::collections::{BTreeMap, BTreeSet};

use differential_dataflow::difference::Semigroup;

use super::ask::{Ask, Item, Row, Scale, Weight, columns};
use super::known::Known;
use super::{Cell, Columns, Fact};
use crate::UnixMillis;

/// Sums of a key's past that are kept apart. Of more, seconds between the first and the last are put to the first.
const KEPT: usize = 64;

/// Frames that came again and are named.
const NAMED: usize = 5;

pub(super) struct Seen;

/// A key's sums are of seconds, with a weight of (frames, duplicates, nothing); of nothing, with one of (nothing, nothing,
/// late ones); and of frames that came again, when and which, with one of (nothing, nothing, 1).
impl Ask for Seen {
    fn columns(&self, key: Vec<String>) -> Columns {
        columns(key, &[], &["frames", "duplicates", "late", "first", "last", "named"])
    }

    fn weigh(&self, frame: &Known, scale: &mut Scale) {
        let Fact { camera, id, at, .. } = &frame.fact;
        scale(&[], vec![UnixMillis(at.0 / 1000 * 1000).into()], (1, frame.again(), 0));
        if frame.again() > 0 {
            let name = Cell::from(format!("{camera}/{id}").as_str());
            scale(&[], vec![Cell::Empty, (*at).into(), name], (0, 0, 1));
        }
    }

    fn weigh_late(&self, _: &Fact, scale: &mut Scale) {
        scale(&[], Item::new(), (0, 0, 1));
    }

    fn row(&self, sums: &[(&Item, Weight)]) -> Row {
        let late = sums.iter().find(|(item, _)| item.is_empty()).map_or(0, |(_, weight)| weight.2);
        let seconds = || sums.iter().filter(|(item, _)| is_second(item));
        let (frames, again, _) = seconds().fold(Weight::default(), |mut all, (_, weight)| {
            all.plus_equals(weight);
            all
        });
        let time = |second: Option<&(&Item, Weight)>| second.map_or(Cell::Empty, |(item, _)| item[0].clone());
        let names: Vec<String> = sums.iter().filter_map(|(item, _)| name(item)).map(Cell::to_string).collect();
        let named = match &names[names.len().saturating_sub(NAMED)..] {
            [] => Cell::Empty,
            names => Cell::from(names.join(", ").as_str()),
        };
        vec![frames.into(), again.into(), late.into(), time(seconds().next()), time(seconds().next_back()), named]
    }

    fn fold(&self, sums: &BTreeMap<Item, Weight>) -> Option<BTreeMap<Item, Weight>> {
        if sums.len() <= KEPT {
            return None;
        }
        let mut seconds = sums.keys().filter(|item| is_second(item));
        let (first, last) = (seconds.next()?, seconds.next_back());
        let names = sums.keys().filter(|item| name(item).is_some()).count();
        let unnamed = sums.iter().filter(|(item, _)| name(item).is_some()).take(names.saturating_sub(NAMED));
        let unnamed: BTreeSet<&Item> = unnamed.map(|(item, _)| item).collect();
        let mut folded = BTreeMap::new();
        for (item, weight) in sums.iter().filter(|(item, _)| !unnamed.contains(item)) {
            let place = if is_second(item) && Some(item) != last { first } else { item };
            folded.entry(place.clone()).or_insert_with(Weight::default).plus_equals(weight);
        }
        Some(folded)
    }
}

fn is_second(item: &Item) -> bool {
    matches!(item[..], [Cell::Whole(_)])
}

/// The name of a frame that came again.
fn name(item: &Item) -> Option<&Cell> {
    match &item[..] {
        [Cell::Empty, _, name] => Some(name),
        _ => None,
    }
}
