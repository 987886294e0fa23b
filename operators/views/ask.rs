//! What a question is made of: what a frame weighs, and what the sums of weights say.
//!
//! The first half is linear. So what frames weigh can be added and taken away in any order, be summed up when the frames
//! are forgotten, saved, and put together with what another process knows. The second half may be as crooked as it likes (a
//! median, a rank): it is a differential reduction over the few sums of one key, done again only where one has changed.

use std::collections::BTreeMap;
use std::rc::Rc;

use differential_dataflow::VecCollection;

use super::known::Known;
use super::window::millis;
use super::{Cell, Columns, Definition, Fact, Question};
use super::{
    accuracy::Accuracy, count::Count, gaps::Gaps, latency::Latency, occupancy::Occupancy, seen::Seen, top::Top,
};

/// The time of the dataflow: which pass of the engine it is.
pub(super) type Pass = u64;

/// What a row is about.
pub(super) type Key = Vec<Cell>;

/// What it says.
pub(super) type Row = Vec<Cell>;

/// What is summed within a key: a bucket of a histogram, a number, or nothing.
pub(super) type Item = Vec<Cell>;

/// What is summed: each question says of what. It is a difference of differential dataflow, as its tuples are.
pub(super) type Weight = (i64, i64, i64);

/// What all frames of the view's window weigh together.
pub(super) type Sums<'s> = VecCollection<'s, Pass, (Key, Item), Weight>;

/// A table.
pub(super) type Rows<'s> = VecCollection<'s, Pass, (Key, Row), isize>;

/// Takes a weight: under the view's key, made longer by these cells, for this item.
pub(super) type Scale<'a> = dyn FnMut(&[Cell], Item, Weight) + 'a;

/// A question.
pub(super) trait Ask {
    /// The columns of its table where frames have these keys.
    fn columns(&self, key: Vec<String>) -> Columns;

    /// What a frame weighs: the same for the same frame, whenever it is asked.
    fn weigh(&self, frame: &Known, scale: &mut Scale);

    /// What a fact weighs that came too late to be taken.
    fn weigh_late(&self, _fact: &Fact, _scale: &mut Scale) {}

    /// What the sums of one key say. They come in order, and none is zero.
    fn row(&self, sums: &[(&Item, Weight)]) -> Row;

    /// The whole table. The first `lead` cells of a key are its window.
    fn rows<'s>(self: Rc<Self>, sums: Sums<'s>, _lead: usize) -> Rows<'s>
    where
        Self: 'static,
    {
        sums.reduce(move |_, sums, rows| rows.push((self.row(sums), 1)))
    }

    /// Whether it is about cameras, whatever its key is.
    fn of_camera(&self) -> bool {
        false
    }

    /// It looks at the last so many frames of each camera, whatever its window is.
    fn looks_back(&self) -> Option<usize> {
        None
    }

    /// Whether frames weigh something else once they are older than the view's lateness.
    fn settles(&self) -> bool {
        false
    }

    /// Where the sums of a key's forgotten frames have become too many: fewer that say the same.
    fn fold(&self, _sums: &BTreeMap<Item, Weight>) -> Option<BTreeMap<Item, Weight>> {
        None
    }
}

impl Definition {
    /// The table of questions.
    pub(super) fn ask(&self) -> Rc<dyn Ask> {
        match self.question {
            Question::Count { classes } => Rc::new(Count { classes }),
            Question::Occupancy { frames } => Rc::new(Occupancy { frames: frames.max(1) }),
            Question::Accuracy { rows } => Rc::new(Accuracy { rows }),
            Question::Latency { rows } => Rc::new(Latency { rows }),
            Question::Seen => Rc::new(Seen),
            Question::Gaps => Rc::new(Gaps { lateness: millis(self.lateness) }),
            Question::Top { most, of } => Rc::new(Top { most, of }),
        }
    }
}

/// Columns of a table whose key is the frame's key and these, and whose row is that.
pub(super) fn columns(key: Vec<String>, more: &[&str], row: &[&str]) -> Columns {
    let more = more.iter().map(|&name| name.to_owned());
    Columns { key: key.into_iter().chain(more).collect(), row: row.iter().map(|&name| name.to_owned()).collect() }
}

/// How much was found in a frame, of everything.
pub(super) fn found(fact: &Fact) -> i64 {
    fact.found.iter().map(|(_, count)| count).sum()
}

/// The one sum of a key that has one.
pub(super) fn sole(sums: &[(&Item, Weight)]) -> Weight {
    sums.first().expect("a key without sums is not asked about").1
}
