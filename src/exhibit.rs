//! The views of a job as a part of its dataflow.
//!
//! ```text
//!  once a process ── open the state ── to every process ─┐ reunion
//!  what is told ──── to every process ── ticks ──────── keeper ── rows ── sinks (of one process)
//! ```
//!
//! Every process keeps all of every view: so any of them answers, and none that is lost takes a part of the answer along.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use operators::views::{Change, Columns, Definition, Told};
use operators::{Epoch, Offload, Ticks, UnixMillis};
use timely::dataflow::operators::vec::Map;
use timely::dataflow::operators::{Exchange, ToStream};
use timely::dataflow::{Scope, StreamVec};

use crate::board::{Board, Post};
use crate::rows;
use crate::settle::Shipment;
use crate::stages::Loads;
use crate::views::Showcase;
use crate::views::keeper::{Item, Keeper, Setup};
use crate::views::measures::Measures;
use crate::views::reunion::{Door, Memory, Opening, Reunion};
use crate::views::state::Sealed;

/// How often windows go on while no frame comes.
const TICK: Duration = Duration::from_millis(250);

/// What is told is taken in together, up to so many batches.
const GROUP: usize = 256;

/// The views of a job, for one worker.
#[derive(Clone)]
pub struct Exhibit {
    /// The job's name.
    pub job: String,
    /// What is asked.
    pub definitions: Vec<Definition>,
    /// As their state knows them.
    pub sealed: Vec<Sealed>,
    /// The sinks that take the rows of each, by their index.
    pub sinks: Vec<Vec<usize>>,
    /// Where their state lies.
    pub folder: PathBuf,
    /// How many processes there are …
    pub processes: usize,
    /// … and workers of each.
    pub threads: usize,
    /// Where tables are shown.
    pub showcase: Showcase,
    /// Where it is told how large they are.
    pub measures: Measures,
    /// Where it is told what they wait for.
    pub board: Board,
}

impl Exhibit {
    /// The tables, and how large they are.
    pub fn shown(&self) -> (Showcase, Measures) {
        (self.showcase.clone(), self.measures.clone())
    }

    fn post(&self, worker: usize) -> Post {
        Post::new(&self.board, "views", worker, "disk")
    }

    /// The first worker of each process.
    fn firsts(&self) -> impl Iterator<Item = u64> + Clone + use<> {
        let threads = self.threads;
        (0..self.processes).map(move |process| (process * threads) as u64)
    }

    fn opening(&self, door: Door, worker: usize) -> Opening {
        let (folder, views, definitions) = (self.folder.clone(), self.sealed.clone(), self.definitions.clone());
        Opening { folder, views, definitions, job: self.job.clone(), post: self.post(worker), door }
    }

    fn setup(&self, worker: usize) -> Setup {
        Setup {
            job: self.job.clone(),
            definitions: self.definitions.clone(),
            showcase: self.showcase.clone(),
            measures: self.measures.clone(),
            // One process writes rows, or they would be written as often as there are processes.
            written: self.sinks.iter().map(|sinks| worker == 0 && !sinks.is_empty()).collect(),
            post: self.post(worker),
            clock: UnixMillis::now,
        }
    }

    /// What is to be written where.
    fn rows(&self) -> impl Fn(Change) -> Vec<Shipment> + use<> {
        let names: Vec<(String, Columns)> =
            self.definitions.iter().map(|definition| (definition.name.clone(), definition.columns())).collect();
        let sinks = self.sinks.clone();
        move |change| {
            let (name, columns) = &names[change.view];
            let parcel = rows::parcel(name, columns, &change);
            sinks[change.view].iter().map(|sink| Shipment::of_row(*sink, parcel.clone())).collect()
        }
    }
}

/// Keeps views of what is told: the rows that sinks are to write, and a stream that ends when all processes know what the
/// others know.
pub fn exhibit<'s>(
    scope: Scope<'s, Epoch>,
    told: StreamVec<'s, Epoch, Vec<Told>>,
    views: Exhibit,
    loads: &Loads,
) -> (StreamVec<'s, Epoch, Shipment>, StreamVec<'s, Epoch, ()>) {
    let worker = scope.index();
    let is_first = worker.is_multiple_of(views.threads);
    let (door, reunion) = Reunion::of(views.processes);

    let (opening, all) = (views.opening(door.clone(), worker), views.clone());
    let waits = is_first
        .then_some(())
        .to_stream(scope)
        .container::<Vec<_>>()
        .offload("Remember", 1, Arc::default(), opening)
        .flat_map(move |memory: Option<Memory>| {
            let to = all.firsts();
            memory.into_iter().flat_map(move |memory| to.clone().map(move |first| (first, memory.clone())))
        })
        .exchange(|(to, _): &(u64, Memory)| *to)
        .map(move |(_, memory)| door.hand_in(&memory));

    let (setup, all, rows) = (views.setup(worker), views.clone(), views.rows());
    let rows = told
        .flat_map(move |told| all.firsts().map(move |first| (first, told.clone())))
        .exchange(|(to, _): &(u64, Vec<Told>)| *to)
        .map(|(_, told)| Item::Told(told))
        .ticks(TICK, is_first.then_some(Item::Tick))
        .offload_to("Views", GROUP, loads.add("views"), move || Keeper::new(setup, reunion))
        .flat_map(move |changes| changes.into_iter().flat_map(&rows).collect::<Vec<_>>());
    (rows, waits)
}
