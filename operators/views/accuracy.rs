//! How often the label that a model gave is true.
//!
//! A frame's label is the first thing that was found in it. Its truth comes with the frame, or is told by itself, before
//! the frame or after it; then it corrects the one that came with the frame. A row for each key (`by`) has the columns
//!
//! * `total`: frames whose truth is known;
//! * `correct`: those of them whose label is the truth;
//! * `share`: `correct` of `total`, from 0 to 1; empty where there is none;
//! * `unknown`: frames whose truth is not known.
//!
//! With a row for each class (the key's last column is `truth`) there is no `unknown`. The confusion matrix has a row for
//! each `truth` and `label` (empty where a frame has none), with the column `count`.
//!
//! ```
//! use operators::UnixMillis;
//! use operators::views::{AccuracyRows, Cell, Definition, Engine, Fact, Question, Told, Truth};
//!
//! let mut engine = Engine::new(&[Definition::new("right", Question::Accuracy { rows: AccuracyRows::Total })]);
//! let frame = |id: &str, label: &str| Fact {
//!     camera: "yard".into(),
//!     id: id.into(),
//!     version: UnixMillis(1000),
//!     at: UnixMillis(1000),
//!     number: Default::default(),
//!     by: vec![],
//!     found: vec![(label.into(), 1)],
//!     truth: None,
//! };
//! let truth = |id: &str, label: &str| {
//!     Told::Truth(0, Truth { camera: "yard".into(), id: id.into(), version: UnixMillis(1000), label: label.into() })
//! };
//! engine.tell(truth("1", "cat")); // before its frame
//! engine.tell(Told::Fact(0, frame("1", "cat")));
//! engine.tell(Told::Fact(0, frame("2", "cat")));
//! engine.pass(UnixMillis(1000));
//! assert_eq!(engine.rows(0)[&vec![]], [Cell::from(1), Cell::from(1), Cell::from(1.0), Cell::from(1)]);
//!
//! engine.tell(truth("2", "dog")); // after it
//! engine.pass(UnixMillis(1001));
//! assert_eq!(engine.rows(0)[&vec![]], [Cell::from(2), Cell::from(1), Cell::from(0.5), Cell::from(0)]);
//! ```

use super::ask::{Ask, Item, Row, Scale, Weight, columns, sole};
use super::known::Known;
use super::{AccuracyRows, Cell, Columns};

pub(super) struct Accuracy {
    pub rows: AccuracyRows,
}

impl Ask for Accuracy {
    fn columns(&self, key: Vec<String>) -> Columns {
        match self.rows {
            AccuracyRows::Total => columns(key, &[], &["total", "correct", "share", "unknown"]),
            AccuracyRows::Class => columns(key, &["truth"], &["total", "correct", "share"]),
            AccuracyRows::Confusion => columns(key, &["truth", "label"], &["count"]),
        }
    }

    fn weigh(&self, frame: &Known, scale: &mut Scale) {
        let label = frame.fact.found.first().map(|(label, _)| label);
        let truth = frame.truth();
        let correct = i64::from(truth == label);
        let cell = |label: &_| Cell::Text(std::sync::Arc::clone(label));
        match (self.rows, truth) {
            (AccuracyRows::Total, None) => scale(&[], Item::new(), (0, 0, 1)),
            (AccuracyRows::Total, Some(_)) => scale(&[], Item::new(), (1, correct, 0)),
            (AccuracyRows::Class, Some(truth)) => scale(&[cell(truth)], Item::new(), (1, correct, 0)),
            (AccuracyRows::Confusion, Some(truth)) => {
                scale(&[cell(truth), label.map_or(Cell::Empty, cell)], Item::new(), (1, correct, 0));
            }
            (_, None) => {}
        }
    }

    fn row(&self, sums: &[(&Item, Weight)]) -> Row {
        let (total, correct, unknown) = sole(sums);
        let share = match total {
            0 => Cell::Empty,
            _ => Cell::from(correct as f64 / total as f64),
        };
        match self.rows {
            AccuracyRows::Total => vec![total.into(), correct.into(), share, unknown.into()],
            AccuracyRows::Class => vec![total.into(), correct.into(), share],
            AccuracyRows::Confusion => vec![total.into()],
        }
    }
}
