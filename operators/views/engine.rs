//! The tables of several views, kept right by one differential dataflow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cell, Change, Definition, Told};
use crate::UnixMillis;

/// Views, what they remember, and their tables.
pub struct Engine {}

/// How much a view holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Frames that are remembered: they count once, and can be corrected.
    pub remembered: usize,
    /// Rows of the table.
    pub rows: usize,
    /// Facts that came too late and were not taken.
    pub late: u64,
}

/// All that an engine knows, to be kept on disk or sent to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Saved {}

impl Engine {
    /// Views that were told nothing yet.
    pub fn new(_views: &[Definition]) -> Self {
        todo!()
    }

    /// Takes in what is told; it shows with the next [`pass`](Self::pass). What is for a view that is not there is nothing.
    pub fn tell(&mut self, _told: Told) {
        todo!()
    }

    /// Works until all that was told is in the tables, lets windows go on to `now` and forgets what is old: the rows that
    /// are another than before, one change a key. A `now` before that of an earlier pass counts as that one.
    pub fn pass(&mut self, _now: UnixMillis) -> Vec<Change> {
        todo!()
    }

    /// The table of a view as of the last pass.
    pub fn rows(&self, _view: usize) -> BTreeMap<Vec<Cell>, Vec<Cell>> {
        todo!()
    }

    /// How much a view holds.
    pub fn size(&self, _view: usize) -> Size {
        todo!()
    }

    /// All that it knows, as of the last pass and what was told since.
    pub fn save(&self) -> Saved {
        todo!()
    }

    /// An engine that knows what was saved of one with the same views. All its rows are changes of its first pass.
    pub fn restore(_views: &[Definition], _saved: Saved) -> Self {
        todo!()
    }

    /// Takes in what another engine with the same views knows; it shows with the next pass. What only one of them has
    /// forgotten is taken from the one that forgot furthest; of what both remember, nothing is lost or counted twice.
    pub fn merge(&mut self, _saved: Saved) {
        todo!()
    }
}
