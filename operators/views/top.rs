//! Who has most.
//!
//! The keys (`by`) with the most frames, or with the most that was found in them. A row for each `rank`, from 1 on, has the
//! columns of the key, and
//!
//! * `count`: how many.
//!
//! Of keys that have the same, the lesser comes first.
//!
//! ```
//! use operators::UnixMillis;
//! use operators::views::{Cell, Definition, Engine, Fact, Question, Told, TopOf};
//!
//! let busiest = Definition {
//!     by: vec!["camera".to_owned()],
//!     ..Definition::new("busiest", Question::Top { most: 2, of: TopOf::Frames })
//! };
//! let mut engine = Engine::new(&[busiest]);
//! for (id, camera) in ["yard", "gate", "hall", "gate"].into_iter().enumerate() {
//!     engine.tell(Told::Fact(0, Fact {
//!         camera: camera.into(),
//!         id: id.to_string().into(),
//!         version: UnixMillis(1000),
//!         at: UnixMillis(1000),
//!         number: Default::default(),
//!         by: vec![camera.into()],
//!         found: vec![],
//!         truth: None,
//!     }));
//! }
//! engine.pass(UnixMillis(1000));
//! let rows: Vec<_> = engine.rows(0).into_iter().collect();
//! assert_eq!(rows[0], (vec![Cell::from(1)], vec![Cell::from("gate"), Cell::from(2)]));
//! assert_eq!(rows[1], (vec![Cell::from(2)], vec![Cell::from("hall"), Cell::from(1)]));
//! assert_eq!(rows.len(), 2);
//! ```

use std::cmp::Reverse;
use std::rc::Rc;

use super::ask::{Ask, Item, Row, Rows, Scale, Sums, Weight, columns, found, sole};
use super::known::Known;
use super::{Cell, Columns, TopOf};

pub(super) struct Top {
    /// So many ranks.
    pub most: usize,
    pub of: TopOf,
}

impl Ask for Top {
    fn columns(&self, mut key: Vec<String>) -> Columns {
        key.push("count".to_owned());
        Columns { row: key, ..columns(Vec::new(), &["rank"], &[]) }
    }

    fn weigh(&self, frame: &Known, scale: &mut Scale) {
        let count = match self.of {
            TopOf::Frames => 1,
            TopOf::Found => found(&frame.fact),
        };
        scale(&[], Item::new(), (count, 0, 0));
    }

    fn row(&self, sums: &[(&Item, Weight)]) -> Row {
        vec![sole(sums).0.into()]
    }

    /// Two reductions: first each key's count, then the ranks of all keys of a window.
    fn rows<'s>(self: Rc<Self>, sums: Sums<'s>, lead: usize) -> Rows<'s> {
        let most = self.most;
        let counts = sums.reduce(move |_, sums, counts| counts.push((sole(sums).0, 1)));
        let ranked = counts.map(move |(key, count)| (key[..lead].to_vec(), (Reverse(count), key[lead..].to_vec())));
        let rows = ranked.reduce(move |_, ranked, rows| {
            for (rank, ((Reverse(count), key), _)) in (1..).zip(ranked).take(most) {
                rows.push(((Cell::Whole(rank), [&key[..], &[Cell::Whole(*count)]].concat()), 1));
            }
        });
        rows.map(|(mut key, (rank, row))| {
            key.push(rank);
            (key, row)
        })
    }
}
