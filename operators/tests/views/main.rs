//! Views against what is computed from scratch, and what must hold whatever they are asked.

mod naive;
mod sums;
mod world;

use std::time::Duration;

use operators::UnixMillis;
use operators::views::{Cell, Change, Definition, Engine, Over, Remember, Saved, Told};
use proptest::prelude::*;

use naive::{Naive, Table};
use world::{Event, about, definitions, events, over, steady};

/// An engine, whoever computes from scratch beside it, and a client that is shown nothing but changes.
struct Trial {
    definitions: Vec<Definition>,
    engine: Engine,
    naive: Vec<Naive>,
    shown: Vec<Table>,
}

impl Trial {
    fn new(definitions: &[Definition]) -> Self {
        Self {
            definitions: definitions.to_vec(),
            engine: Engine::new(definitions),
            naive: definitions.iter().map(Naive::new).collect(),
            shown: definitions.iter().map(|_| Table::new()).collect(),
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Told(told) => {
                for (view, naive) in self.naive.iter_mut().enumerate() {
                    match told {
                        Told::Fact(_, fact) => naive.fact(fact.clone()),
                        Told::Truth(_, truth) => naive.truth(truth.clone()),
                    }
                    self.engine.tell(about(told, view));
                }
            }
            Event::Pass(now) => {
                let changes = self.engine.pass(*now);
                apply(&mut self.shown, changes);
                self.naive.iter_mut().for_each(|naive| naive.pass(now.0));
                self.compare();
            }
            Event::Restart => {
                self.engine = Engine::restore(&self.definitions, carried(&self.engine.save()));
                self.shown.iter_mut().for_each(Table::clear);
            }
        }
    }

    fn compare(&self) {
        for (view, naive) in self.naive.iter().enumerate() {
            let (rows, wanted) = (self.engine.rows(view), naive.rows());
            let definition = &self.definitions[view];
            assert!(same(&rows, &wanted), "{definition:?}\nsays   {rows:?}\nwanted {wanted:?}");
            assert_eq!(self.shown[view], rows, "{definition:?}: what a client was shown");
            assert_eq!(self.engine.size(view).late, naive.late_count, "{definition:?}: late");
            let columns = definition.columns();
            let widths =
                |(key, row): (&Vec<Cell>, &Vec<Cell>)| (key.len(), row.len()) == (columns.key.len(), columns.row.len());
            assert!(rows.iter().all(widths), "{definition:?}: {columns:?} are not the columns of {rows:?}");
        }
    }
}

/// What comes out of bytes on a disk or a wire.
fn carried(saved: &Saved) -> Saved {
    let bytes = bincode::serialize(saved).expect("it is made of numbers and texts");
    bincode::deserialize(&bytes).expect("it was written by this very program")
}

fn apply(tables: &mut [Table], changes: Vec<Change>) {
    for Change { view, key, row } in changes {
        let before = tables[view].get(&key).cloned();
        assert_ne!(before, row, "a change changes something");
        match row {
            Some(row) => tables[view].insert(key, row),
            None => tables[view].remove(&key),
        };
    }
}

/// Whether the tables are the same; numbers may be off by a hundredth, as those of a histogram are.
fn same(one: &Table, other: &Table) -> bool {
    let close = |(one, other): (&Cell, &Cell)| match (one, other) {
        (Cell::Real(one), Cell::Real(other)) => (one.0 - other.0).abs() <= 0.01 * other.0.abs(),
        _ => one == other,
    };
    let rows = one.iter().zip(other).all(|((key, row), (other_key, other))| {
        key == other_key && row.len() == other.len() && row.iter().zip(other).all(close)
    });
    one.len() == other.len() && rows
}

/// The tables of an engine after a pass.
fn tables(engine: &mut Engine, views: usize, now: UnixMillis) -> Vec<Table> {
    engine.pass(now);
    (0..views).map(|view| engine.rows(view)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Catches a view that does not say what follows from all it was told, after any pass: duplicates, corrections, late
    /// frames, truths before and after, windows that go on, frames that are forgotten, restarts; and changes that do not
    /// lead from one table to the next.
    #[test]
    fn a_view_says_what_follows_from_what_it_was_told(
        events in events(60),
        over in over(),
        span in prop_oneof![Just(3_000_u64), Just(600_000)],
        frames in prop_oneof![Just(5_usize), Just(100_000)],
    ) {
        let remember = Remember { span: Duration::from_millis(span), frames };
        let mut trial = Trial::new(&definitions(over, remember));
        events.iter().for_each(|event| trial.happen(event));
        trial.happen(&Event::Pass(UnixMillis(1_000_000)));
        trial.happen(&Event::Pass(UnixMillis(1_100_000)));
    }

    /// Catches a table that depends on who heard what first: two that heard different parts say the same after each has
    /// taken in what the other knows, and the same as one that heard all.
    #[test]
    fn two_that_come_together_know_what_both_heard(
        events in events(40),
        over in over(),
        turns in prop::collection::vec(0..3_u8, 40),
    ) {
        let patient = |mut view: Definition| {
            view.lateness = Duration::from_secs(1_000);
            view
        };
        let views: Vec<Definition> = definitions(over, Remember::default()).into_iter().map(patient).collect();
        let [mut one, mut other, mut all] = [(); 3].map(|()| Engine::new(&views));
        for (event, turn) in events.iter().zip(turns.iter().cycle()) {
            for view in 0..views.len() {
                let Event::Told(told) = event else { continue };
                let heard = [(&mut one, *turn != 0), (&mut other, *turn != 1), (&mut all, true)];
                heard.into_iter().filter(|(_, hears)| *hears).for_each(|(engine, _)| engine.tell(about(told, view)));
            }
            if let Event::Pass(now) = event {
                [&mut one, &mut all].into_iter().for_each(|engine| drop(engine.pass(*now)));
            }
        }
        let (from_one, from_other) = (carried(&one.save()), carried(&other.save()));
        one.merge(from_other);
        other.merge(from_one);
        let now = UnixMillis(50_000);
        let wanted = tables(&mut all, views.len(), now);
        prop_assert_eq!(tables(&mut one, views.len(), now), wanted.clone());
        prop_assert_eq!(tables(&mut other, views.len(), now), wanted);
    }

    /// Catches one that was away while others forgot, and does not know what they know after it has heard from them; and
    /// one that stayed, and is led astray by who was away.
    #[test]
    fn who_was_away_is_right_again(
        events in events(60),
        over in over(),
        away in 0..60_usize,
        frames in prop_oneof![Just(5_usize), Just(100_000)],
    ) {
        let views = definitions(over, Remember { span: Duration::from_secs(3), frames });
        let (mut stayed, mut left) = (Trial::new(&views), Trial::new(&views));
        let events: Vec<Event> = events.iter().map(steady).filter(|event| !matches!(event, Event::Restart)).collect();
        events.iter().for_each(|event| stayed.happen(event));
        events.iter().take(away).for_each(|event| left.happen(event));
        let (from_stayed, from_left) = (carried(&stayed.engine.save()), carried(&left.engine.save()));
        left.engine.merge(from_stayed);
        stayed.engine.merge(from_left);
        let now = UnixMillis(50_000);
        let wanted = tables(&mut stayed.engine, views.len(), now);
        prop_assert_eq!(tables(&mut left.engine, views.len(), now), wanted);
        stayed.naive.iter_mut().for_each(|naive| naive.pass(now.0));
        for (view, naive) in stayed.naive.iter().enumerate() {
            prop_assert!(same(&stayed.engine.rows(view), &naive.rows()), "{:?}", views[view]);
        }
    }
}

/// Catches a panic over a view that is not there, or definitions at the edge of what can be said.
#[test]
fn odd_definitions_and_odd_facts_are_borne() {
    let odd = |mut view: Definition, over| {
        (view.over, view.remember, view.lateness) = (over, Remember { span: Duration::ZERO, frames: 0 }, Duration::MAX);
        view
    };
    let overs =
        [Over::Sliding(Duration::MAX), Over::Tumbling { every: Duration::ZERO, keep: 0 }, Over::Last, Over::AllTime];
    let known = definitions(Over::AllTime, Remember::default());
    let views: Vec<Definition> =
        overs.iter().flat_map(|over| known.iter().map(|view| odd(view.clone(), *over))).collect();
    let mut engine = Engine::new(&views);
    for (time, number) in [(0, 0), (1, u64::MAX), (u64::MAX, u64::MAX), (u64::MAX - 1, 5)] {
        (0..=views.len()).for_each(|view| engine.tell(world::odd_fact(view, time, number)));
        engine.pass(UnixMillis(time));
    }
    engine.merge(carried(&engine.save()));
    engine.pass(UnixMillis(0));
    assert_eq!(engine.rows(views.len()), Table::new());
    assert_eq!(engine.size(views.len()), Default::default());
}
