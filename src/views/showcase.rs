//! The tables of a job's views, as whoever asks sees them.
//!
//! ```text
//!  keeper ── publish(epoch, changes) ──▶ Showcase ── table ──▶ who looks once
//!                                            └── follow ──▶ a Follower: a table, then each step from it to the next
//! ```
//!
//! A table is right at its epoch, and only there: rows and epoch change together. Who applies each step to the table that
//! came first has the table of each step's epoch.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use operators::Epoch;
use operators::views::{Cell, Change, Columns};
use tokio::sync::watch;

/// Rows that changed in steps which are remembered beyond those that the table has.
const REMEMBERED: usize = 1000;

/// The tables of a job. A clone shows the same ones.
#[derive(Clone, Debug)]
pub struct Showcase {
    stamp: u64,
    views: Arc<[watch::Sender<Shown>]>,
}

/// A view's table at an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The view's name.
    pub name: String,
    /// Its kind: `count`.
    pub kind: String,
    /// What its columns are called.
    pub columns: Columns,
    /// The milliseconds of the step that made it what it is; 0 before the first.
    pub epoch: Epoch,
    /// Its rows by their keys.
    pub rows: BTreeMap<Vec<Cell>, Vec<Cell>>,
}

/// What makes a table that of a later epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The epoch that it leads to.
    pub epoch: Epoch,
    /// The rows that come, change or go; each once.
    pub changes: Vec<Change>,
}

/// What a follower is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The whole table: it stands in place of all that was told before.
    Table(Arc<Table>),
    /// What has changed since.
    Step(Arc<Step>),
}

/// How far somebody has heard, so that they can go on from there. A showcase knows its own marks alone: another process
/// may have made another table at the same millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The epoch that was heard last.
    pub epoch: Epoch,
    stamp: u64,
}

/// A table, and the last steps to it.
#[derive(Debug)]
struct Shown {
    table: Arc<Table>,
    /// The epoch in front of the first step that is remembered.
    from: Epoch,
    steps: VecDeque<Arc<Step>>,
    /// The changes in all of them.
    changes: usize,
}

/// Somebody who hears all that becomes of a table.
#[derive(Debug)]
pub struct Follower {
    shown: watch::Receiver<Shown>,
    stamp: u64,
    heard: Option<Epoch>,
}

impl Showcase {
    /// Empty tables for views: name, kind, columns.
    pub fn new(views: Vec<(String, String, Columns)>) -> Self {
        let empty = |(name, kind, columns)| {
            let table = Table { name, kind, columns, epoch: 0, rows: BTreeMap::new() };
            watch::Sender::new(Shown { table: table.into(), from: 0, steps: VecDeque::new(), changes: 0 })
        };
        // Its keys are random: no other showcase has the same.
        Self { stamp: RandomState::new().build_hasher().finish(), views: views.into_iter().map(empty).collect() }
    }

    /// Takes the tables to `epoch`: those that these changes are about, by the views' places in [`Showcase::new`]. An epoch
    /// that is not greater than that of a table is taken for the next one.
    pub fn publish(&self, epoch: Epoch, changes: Vec<Change>) {
        let mut parts = BTreeMap::<usize, Vec<Change>>::new();
        changes.into_iter().for_each(|change| parts.entry(change.view).or_default().push(change));
        for (view, changes) in parts {
            let view = self.views.get(view).expect("changes are about the views that there are");
            view.send_modify(|shown| shown.take(epoch, changes));
        }
    }

    /// The views' tables, in the order of the job file.
    pub fn tables(&self) -> Vec<Arc<Table>> {
        self.views.iter().map(|view| view.borrow().table.clone()).collect()
    }

    /// The table of the view of that name as it is now.
    pub fn table(&self, view: &str) -> Option<Arc<Table>> {
        self.find(view).map(|view| view.borrow().table.clone())
    }

    /// Follows a view from its whole table on.
    pub fn follow(&self, view: &str) -> Option<Follower> {
        self.follow_from(view, None)
    }

    /// Follows a view from there on, where the steps since are still known; else from its whole table on.
    pub fn follow_from(&self, view: &str, mark: Option<Mark>) -> Option<Follower> {
        let heard = mark.filter(|mark| mark.stamp == self.stamp).map(|mark| mark.epoch);
        Some(Follower { shown: self.find(view)?.subscribe(), stamp: self.stamp, heard })
    }

    fn find(&self, name: &str) -> Option<&watch::Sender<Shown>> {
        self.views.iter().find(|view| view.borrow().table.name == name)
    }
}

impl Shown {
    fn take(&mut self, epoch: Epoch, changes: Vec<Change>) {
        let table = Arc::make_mut(&mut self.table);
        table.epoch = epoch.max(table.epoch + 1);
        table.apply(&changes);
        let step = Step { epoch: table.epoch, changes };
        self.changes += step.changes.len();
        self.steps.push_back(step.into());
        // What is longer to tell than the table itself, nobody needs to be told.
        while self.changes > self.table.rows.len() + REMEMBERED
            && let Some(first) = self.steps.pop_front()
        {
            (self.from, self.changes) = (first.epoch, self.changes - first.changes.len());
        }
    }

    /// What comes after `heard`; nothing, where that is all.
    fn after(&self, heard: Option<Epoch>) -> Option<News> {
        let heard = heard.filter(|heard| *heard >= self.from && *heard <= self.table.epoch);
        let Some(heard) = heard else { return Some(News::Table(self.table.clone())) };
        let next = self.steps.partition_point(|step| step.epoch <= heard);
        self.steps.get(next).cloned().map(News::Step)
    }
}

impl Table {
    /// Applies changes to its rows.
    pub fn apply(&mut self, changes: &[Change]) {
        for Change { key, row, .. } in changes {
            match row {
                Some(row) => drop(self.rows.insert(key.clone(), row.clone())),
                None => drop(self.rows.remove(key)),
            }
        }
    }
}

impl Follower {
    /// What is to be told by now, if anything is.
    pub fn look(&mut self) -> Option<News> {
        let news = self.shown.borrow_and_update().after(self.heard)?;
        self.heard = Some(news.epoch());
        Some(news)
    }

    /// What comes next; `None` where the tables are no longer kept.
    pub async fn next(&mut self) -> Option<News> {
        loop {
            if let Some(news) = self.look() {
                return Some(news);
            }
            self.shown.changed().await.ok()?;
        }
    }

    /// How far it has heard, to be told by whoever comes again.
    pub fn mark(&self) -> Option<Mark> {
        self.heard.map(|epoch| Mark { epoch, stamp: self.stamp })
    }
}

impl News {
    /// The epoch that it tells of.
    pub fn epoch(&self) -> Epoch {
        match self {
            Self::Table(table) => table.epoch,
            Self::Step(step) => step.epoch,
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:x}", self.epoch, self.stamp)
    }
}

impl FromStr for Mark {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, stamp) = text.split_once('-').unwrap_or((text, ""));
        Ok(Self { epoch: epoch.parse()?, stamp: u64::from_str_radix(stamp, 16)? })
    }
}

#[cfg(test)]
mod tests;
