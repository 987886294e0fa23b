//! The tables of several views, kept right by one differential dataflow.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use differential_dataflow::consolidation::consolidate;
use serde::{Deserialize, Serialize};
use timely::communication::allocator::Allocator;
use timely::communication::allocator::thread::Thread;
use timely::dataflow::{ProbeHandle, Scope};
use timely::worker::Worker;

use super::ask::{Key, Pass, Row};
use super::view::{Input, SavedView, View};
use super::window::Window;
use super::{Cell, Change, Definition, Told};
use crate::UnixMillis;

/// A row of a view, that has come or gone.
type Difference = ((usize, Key, Row), isize);

/// Views, what they remember, and their tables.
///
/// It has a timely worker of its own, for differential dataflow exchanges what it is told over all workers of a cluster, and
/// here each process has all: it runs on whatever thread it was made on. It reads no clock and no file, and what it says
/// depends on nothing but what it is told.
pub struct Engine {
    worker: Worker,
    views: Vec<View>,
    /// How far all tables are.
    probe: ProbeHandle<Pass>,
    /// The pass to come.
    pass: Pass,
    /// What the dataflow says since the last pass.
    said: Rc<RefCell<Vec<Difference>>>,
    tables: Vec<BTreeMap<Key, Row>>,
}

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved(Vec<SavedView>);

impl Engine {
    /// Views that were told nothing yet.
    pub fn new(views: &[Definition]) -> Self {
        let mut worker = Worker::new(Default::default(), Allocator::Thread(Thread::default()), None);
        let (probe, said) = (ProbeHandle::new(), Rc::default());
        let inputs = worker.dataflow(|scope| {
            let inputs = views.iter().enumerate().map(|(index, view)| flow(scope, index, view, &probe, &said));
            inputs.collect::<Vec<_>>()
        });
        let views: Vec<View> = views.iter().zip(inputs).map(|(view, input)| View::new(view, input)).collect();
        let tables = views.iter().map(|_| BTreeMap::new()).collect();
        Self { worker, views, probe, pass: 0, said, tables }
    }

    /// Takes in what is told; it shows with the next [`pass`](Self::pass). What is for a view that is not there is nothing.
    pub fn tell(&mut self, told: Told) {
        match told {
            Told::Fact(view, fact) => self.views.get_mut(view).map(|view| view.fact(fact)),
            Told::Truth(view, truth) => self.views.get_mut(view).map(|view| view.truth(truth)),
        };
    }

    /// Works until all that was told is in the tables, lets windows go on to `now` and forgets what is old: the rows that
    /// are another than before, one change a key. A `now` before that of an earlier pass counts as that one.
    pub fn pass(&mut self, now: UnixMillis) -> Vec<Change> {
        self.pass += 1;
        for view in &mut self.views {
            view.pass(now, self.pass);
        }
        while self.probe.less_than(&self.pass) {
            self.worker.step();
        }
        let changes = changes(std::mem::take(&mut *self.said.borrow_mut()));
        for Change { view, key, row } in &changes {
            match row {
                Some(row) => self.tables[*view].insert(key.clone(), row.clone()),
                None => self.tables[*view].remove(key),
            };
        }
        changes
    }

    /// The table of a view as of the last pass; empty where there is no such view.
    pub fn rows(&self, view: usize) -> BTreeMap<Vec<Cell>, Vec<Cell>> {
        self.tables.get(view).cloned().unwrap_or_default()
    }

    /// How much a view holds; nothing where there is no such view.
    pub fn size(&self, view: usize) -> Size {
        let size = |(view, table): (&View, &BTreeMap<_, _>)| Size {
            remembered: view.remembered(),
            rows: table.len(),
            late: view.late(),
        };
        self.views.get(view).zip(self.tables.get(view)).map(size).unwrap_or_default()
    }

    /// All that it knows, as of the last pass and what was told since.
    pub fn save(&self) -> Saved {
        Saved(self.views.iter().map(View::save).collect())
    }

    /// An engine that knows what was saved of one with the same views. All its rows are changes of its first pass.
    pub fn restore(views: &[Definition], saved: Saved) -> Self {
        let mut engine = Self::new(views);
        engine.views.iter_mut().zip(saved.0).for_each(|(view, saved)| view.restore(saved));
        engine
    }

    /// Takes in what another engine with the same views knows; it shows with the next pass. What only one of them has
    /// forgotten is taken from the one that forgot furthest; of what both remember, nothing is lost or counted twice.
    pub fn merge(&mut self, saved: Saved) {
        self.views.iter_mut().zip(saved.0).for_each(|(view, saved)| view.merge(saved));
    }
}

/// The part of the dataflow that is one view's: from the differences of weights to those of its table.
fn flow(
    scope: Scope<'_, Pass>,
    index: usize,
    view: &Definition,
    probe: &ProbeHandle<Pass>,
    said: &Rc<RefCell<Vec<Difference>>>,
) -> Input {
    let mut input = Input::new();
    let said = Rc::clone(said);
    let lead = usize::from(matches!(view.window(), Window::Tumbling { .. }));
    let rows = view.ask().rows(input.to_collection(scope), lead);
    rows.inspect(move |((key, row), _, diff)| said.borrow_mut().push(((index, key.clone(), row.clone()), *diff)))
        .probe_with(probe);
    input
}

/// The changes that differences come to. A row that goes while another of its key comes has changed.
fn changes(mut differences: Vec<Difference>) -> Vec<Change> {
    consolidate(&mut differences);
    let mut changes = BTreeMap::new();
    for ((view, key, row), diff) in differences {
        let now = changes.entry((view, key)).or_insert(None);
        if diff > 0 {
            *now = Some(row);
        }
    }
    changes.into_iter().map(|((view, key), row)| Change { view, key, row }).collect()
}
