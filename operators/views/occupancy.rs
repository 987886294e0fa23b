//! How many are there now, without flicker.
//!
//! What counts is the median of what was found in a camera's last few frames (by their time; of an even number of frames the
//! lower one of the two in the middle): one frame in which somebody was missed changes nothing. A row for each camera
//! (`by`, and the camera in front of it where `by` does not name it) has the columns
//!
//! * `count`: how many are there now;
//! * `before`: how many were there before that;
//! * `since`: when the frame happened that changed it, in milliseconds since 1970.
//!
//! So a change of a row's `count` is an event: somebody has entered where it is more than `before`, and has left where it
//! is less. `before` and `since` are empty where nothing has changed in the camera's last 600 frames.
//!
//! A camera that is silent for as long as frames are remembered has no row.
//!
//! ```
//! use operators::UnixMillis;
//! use operators::views::{Cell, Definition, Engine, Fact, Question, Told};
//!
//! let mut engine = Engine::new(&[Definition::new("room", Question::Occupancy { frames: 3 })]);
//! for (at, persons) in [(1, 2), (2, 2), (3, 0), (4, 2), (5, 3), (6, 3)] {
//!     engine.tell(Told::Fact(0, Fact {
//!         camera: "yard".into(),
//!         id: at.to_string().into(),
//!         version: UnixMillis(at),
//!         at: UnixMillis(at),
//!         number: Default::default(),
//!         by: vec![],
//!         found: vec![("person".into(), persons)],
//!         truth: None,
//!     }));
//! }
//! engine.pass(UnixMillis(6));
//! assert_eq!(engine.rows(0)[&vec![Cell::from("yard")]], [3, 2, 6].map(Cell::from)); // the 0 was a mistake
//! ```

use super::ask::{Ask, Item, Row, Scale, Weight, columns, found};
use super::known::Known;
use super::{Cell, Columns};

/// How many of a camera's frames are looked through for the last change.
const LOOKS_BACK: usize = 600;

pub(super) struct Occupancy {
    /// The median of so many frames counts.
    pub frames: usize,
}

/// A key's sums are of frames: when, which, and how much was found. Each weighs (1, nothing, nothing).
impl Ask for Occupancy {
    fn columns(&self, key: Vec<String>) -> Columns {
        columns(key, &[], &["count", "before", "since"])
    }

    fn weigh(&self, Known { fact, .. }: &Known, scale: &mut Scale) {
        let item = vec![Cell::from(fact.at), Cell::from(fact.id.as_str()), Cell::Whole(found(fact))];
        scale(&[], item, (1, 0, 0));
    }

    fn row(&self, sums: &[(&Item, Weight)]) -> Row {
        let frames: Vec<(&Cell, i64)> = sums.iter().filter_map(|(item, _)| frame(item)).collect();
        let counts: Vec<i64> = frames.iter().map(|(_, count)| *count).collect();
        // A median of fewer frames is one only where there are no more.
        let whole = self.frames.min(counts.len());
        let mut medians = counts.windows(whole).rev().map(median);
        let now = medians.next().expect("a key without frames is not asked about");
        let (before, since) = match (1..).zip(medians).find(|(_, median)| *median != now) {
            Some((back, before)) => (Cell::Whole(before), frames[frames.len() - back].0.clone()),
            None => (Cell::Empty, Cell::Empty),
        };
        vec![Cell::Whole(now), before, since]
    }

    fn of_camera(&self) -> bool {
        true
    }

    fn looks_back(&self) -> Option<usize> {
        Some(LOOKS_BACK.max(self.frames))
    }
}

fn frame(item: &Item) -> Option<(&Cell, i64)> {
    match &item[..] {
        [at, _, Cell::Whole(count)] => Some((at, *count)),
        _ => None,
    }
}

fn median(counts: &[i64]) -> i64 {
    let mut counts = counts.to_vec();
    let middle = (counts.len() - 1) / 2;
    *counts.select_nth_unstable(middle).1
}
