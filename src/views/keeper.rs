//! The views of a job at work on one process: what they are told is durable before it is answered, and then in the tables.

use std::collections::BTreeSet;
use std::sync::Arc;

use operators::views::{Cell, Change, Definition, Engine, Told};
use operators::{Epoch, UnixMillis, Work};
use serde::{Deserialize, Serialize};

use super::measures::{Measure, Measures};
use super::reunion::{Reunion, engine, until_done};
use super::showcase::Showcase;
use super::state::{Kept, State, for_view, view_of};
use crate::board::Post;

/// What comes to a keeper.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Item {
    /// What views are told.
    Told(Vec<Told>),
    /// Time passes.
    Tick,
}

/// What a keeper is made of.
pub struct Setup {
    /// The job's name.
    pub job: String,
    /// What is asked.
    pub definitions: Vec<Definition>,
    /// Where tables are shown.
    pub showcase: Showcase,
    /// Where it is told how large they are.
    pub measures: Measures,
    /// Whose rows go to sinks from here.
    pub written: Vec<bool>,
    /// Where it tells what it waits for.
    pub post: Post,
    /// What time it is.
    pub clock: fn() -> UnixMillis,
}

/// Keeps the views of a job. It answers with the rows that sinks are to write; they come with the first item of several.
pub struct Keeper {
    setup: Setup,
    reunion: Reunion,
    desk: Option<Desk>,
}

/// What one process knows of each view.
type Known = Arc<Vec<Kept>>;

/// The views, once their state is there.
struct Desk {
    state: State,
    tables: Vec<Table>,
    epoch: Epoch,
}

/// One view. It has an engine of its own, so that its state is its own too.
struct Table {
    engine: Engine,
    /// Keys that may still stand in sinks although their rows are gone: since it was saved last, and before that. A delete
    /// that is not written when the process is killed is made again at the next start.
    gone: [BTreeSet<Vec<Cell>>; 2],
}

impl Keeper {
    /// A keeper that begins when all processes have told what they know.
    pub fn new(setup: Setup, reunion: Reunion) -> Self {
        Self { setup, reunion, desk: None }
    }

    /// The views; begun with the first item. `None` where the workers stop.
    fn desk(&mut self) -> Option<(&Setup, &mut Desk, Vec<Change>)> {
        let mut first = Vec::new();
        if self.desk.is_none() {
            let (state, all) = self.reunion.wait()?;
            let mut desk = Desk::new(&self.setup, state, &all);
            first = desk.begin(&self.setup, &all);
            self.desk = Some(desk);
        }
        Some((&self.setup, self.desk.as_mut()?, first))
    }
}

impl Work<Item> for Keeper {
    type Done = Vec<Change>;

    fn work(&mut self, items: Vec<Item>) -> Vec<Vec<Change>> {
        let mut answers = vec![Vec::new(); items.len()];
        let Some((setup, desk, mut rows)) = self.desk() else { return answers };
        let told = items.into_iter().flat_map(|item| if let Item::Told(told) = item { told } else { Vec::new() });
        rows.extend(desk.step(setup, told.collect()));
        if let Some(first) = answers.first_mut() {
            *first = rows;
        }
        answers
    }

    fn frames(item: &Item) -> u64 {
        if let Item::Told(told) = item { told.len() as u64 } else { 0 }
    }

    /// The tables stand still from then on, but nothing is lost: what they are told is in the log, and the next start reads
    /// it.
    fn panicked(&mut self, items: Vec<Item>, panic: &str) -> Vec<Vec<Change>> {
        tracing::error!(
            "the views of job {} stand still by a mistake in Vigie, until it is restarted: {panic}",
            self.setup.job
        );
        if let Some(desk) = &mut self.desk {
            desk.tables.clear();
        }
        vec![Vec::new(); items.len()]
    }
}

impl Desk {
    /// The views with what all processes know of them.
    fn new(setup: &Setup, state: State, all: &[Known]) -> Self {
        let table = |(view, definition): (usize, &Definition)| {
            let mut known = all.iter().filter_map(|kept| kept.get(view)?.engine.clone());
            let mut engine = engine(definition, known.next());
            known.for_each(|saved| engine.merge(saved));
            Table { engine, gone: Default::default() }
        };
        let tables = setup.definitions.iter().enumerate().map(table).collect();
        let epoch = all.iter().flat_map(|kept| kept.iter()).map(|kept| kept.epoch).max().unwrap_or_default();
        Self { state, tables, epoch }
    }

    /// Saves what all know together; all rows, for the sinks, and what may stand there and is gone.
    fn begin(&mut self, setup: &Setup, all: &[Known]) -> Vec<Change> {
        let mut rows = self.pass(setup);
        for (view, table) in self.tables.iter_mut().enumerate() {
            let shown = all.iter().filter_map(|kept| kept.get(view)).flat_map(|kept| &kept.shown);
            let now = table.engine.rows(0);
            let gone: BTreeSet<_> = shown.filter(|key| !now.contains_key(*key)).cloned().collect();
            if setup.written[view] {
                rows.extend(gone.iter().map(|key| Change { view, key: key.clone(), row: None }));
            }
            table.gone[0].extend(gone);
        }
        self.save(setup);
        rows
    }

    fn tell(&mut self, told: Told) {
        if let Some(table) = self.tables.get_mut(view_of(&told)) {
            table.engine.tell(for_view(told, 0));
        }
    }

    /// Makes durable what is told, and takes it in; the rows that sinks are to write.
    fn step(&mut self, setup: &Setup, told: Vec<Told>) -> Vec<Change> {
        if !told.is_empty() && until_done(&setup.post, || self.state.append(&told)).is_none() {
            return Vec::new();
        }
        told.into_iter().for_each(|told| self.tell(told));
        let rows = self.pass(setup);
        if self.state.is_long() && !self.tables.is_empty() {
            self.save(setup);
        }
        rows
    }

    /// Has the tables go on to now, and shows them; the rows that sinks are to write.
    fn pass(&mut self, setup: &Setup) -> Vec<Change> {
        let now = (setup.clock)();
        let mut changes = Vec::new();
        for (view, table) in self.tables.iter_mut().enumerate() {
            for change in table.engine.pass(now) {
                match change.row {
                    Some(_) => table.gone.iter_mut().for_each(|gone| _ = gone.remove(&change.key)),
                    None => _ = table.gone[0].insert(change.key.clone()),
                }
                changes.push(Change { view, ..change });
            }
        }
        if !changes.is_empty() {
            self.epoch = now.0.max(self.epoch + 1);
            setup.showcase.publish(self.epoch, changes.clone());
        }
        self.measure(setup);
        changes.retain(|change| setup.written[change.view]);
        changes
    }

    fn measure(&self, setup: &Setup) {
        let measure = |(table, definition): (&Table, &Definition)| Measure {
            view: definition.name.clone(),
            size: table.engine.size(0),
        };
        setup.measures.set(self.tables.iter().zip(&setup.definitions).map(measure).collect(), self.state.bytes());
    }

    /// Saves all that is known, so that the log can begin anew.
    fn save(&mut self, setup: &Setup) {
        let (next, epoch) = (self.state.next(), self.epoch);
        let kept = |table: &Table| Kept {
            next,
            epoch,
            engine: Some(table.engine.save()),
            shown: table.engine.rows(0).into_keys().chain(table.gone.iter().flatten().cloned()).collect(),
        };
        let kept: Vec<_> = self.tables.iter().map(kept).collect();
        let state = &mut self.state;
        if until_done(&setup.post, || state.save(&kept)).is_some() {
            // By the next time, what is gone now has long been written.
            self.tables.iter_mut().for_each(|table| table.gone = [BTreeSet::new(), std::mem::take(&mut table.gone[0])]);
        }
    }
}

#[cfg(test)]
mod tests;
