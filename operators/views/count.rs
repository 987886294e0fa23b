//! How often things were found.
//!
//! A row for each key (`by`), and with `classes` for each class in it, with the columns
//!
//! * `frames`: how many frames;
//! * `count`: how often something was found in them, or something of the class.
//!
//! A frame in which a class was not looked for has no part in the row of that class; one that says that it found none (0) has.
//!
//! ```
//! use operators::UnixMillis;
//! use operators::views::{Cell, Definition, Engine, Fact, Question, Told};
//!
//! let mut engine = Engine::new(&[Definition::new("found", Question::Count { classes: true })]);
//! let frame = |id: &str, found: &[(&str, i64)]| Fact {
//!     camera: "yard".into(),
//!     id: id.into(),
//!     version: UnixMillis(1000),
//!     at: UnixMillis(1000),
//!     number: Default::default(),
//!     by: vec![],
//!     found: found.iter().map(|&(class, count)| (class.into(), count)).collect(),
//!     truth: None,
//! };
//! engine.tell(Told::Fact(0, frame("1", &[("cat", 1), ("dog", 2)])));
//! engine.tell(Told::Fact(0, frame("2", &[("dog", 1)])));
//! engine.tell(Told::Fact(0, frame("2", &[("dog", 1)]))); // twice, which changes nothing
//! engine.pass(UnixMillis(1000));
//!
//! let row = |class: &str| engine.rows(0)[&vec![Cell::from(class)]].clone();
//! assert_eq!(row("cat"), [Cell::from(1), Cell::from(1)]);
//! assert_eq!(row("dog"), [Cell::from(2), Cell::from(3)]);
//! ```

use super::ask::{Ask, Item, Row, Scale, Weight, columns, found, sole};
use super::known::Known;
use super::{Cell, Columns};

pub(super) struct Count {
    pub classes: bool,
}

impl Ask for Count {
    fn columns(&self, key: Vec<String>) -> Columns {
        let class: &[&str] = if self.classes { &["class"] } else { &[] };
        columns(key, class, &["frames", "count"])
    }

    fn weigh(&self, frame: &Known, scale: &mut Scale) {
        match self.classes {
            true => frame.fact.found.iter().for_each(|(class, count)| {
                scale(&[Cell::Text(class.clone())], Item::new(), (1, *count, 0));
            }),
            false => scale(&[], Item::new(), (1, found(&frame.fact), 0)),
        }
    }

    fn row(&self, sums: &[(&Item, Weight)]) -> Row {
        let (frames, count, _) = sole(sums);
        vec![frames.into(), count.into()]
    }
}
