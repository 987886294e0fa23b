//! What keepers know together, after whatever became of each of them.

use std::cell::Cell as Held;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use operators::views::{Fact, Over, Question, Remember};

use super::super::reunion::{Memory, Opening};
use super::super::state::{Seal, Sealed};
use super::*;
use crate::board::Board;

thread_local! {
    /// The time of a test, in milliseconds.
    static CLOCK: Held<u64> = const { Held::new(1_795_249_800_000) };
}

fn now() -> UnixMillis {
    UnixMillis(CLOCK.get())
}

fn definition() -> Definition {
    Definition { by: vec!["camera".to_owned()], ..Definition::new("seen", Question::Seen) }
}

fn post() -> Post {
    Post::new(&Board::default(), "views", 0, "disk")
}

/// A keeper of one process, and what this process tells the others.
struct Process {
    keeper: Keeper,
    showcase: Showcase,
    door: super::super::reunion::Door,
    memory: Memory,
}

impl Process {
    fn of(folder: &Path, definition: &Definition, processes: usize) -> Self {
        let (door, reunion) = Reunion::of(processes);
        let views = vec![Sealed { name: definition.name.clone(), seal: Seal::of(&format!("{definition:?}")) }];
        let definitions = vec![definition.clone()];
        let (folder, job, door_too) = (PathBuf::from(folder), "room".to_owned(), door.clone());
        let mut opening =
            Opening { folder, views, definitions: definitions.clone(), job: job.clone(), post: post(), door: door_too };
        let memory = opening.work(vec![()]).pop().flatten().expect("its state");
        let showcase = Showcase::new(vec![("seen".to_owned(), "seen".to_owned(), definition.columns())]);
        let (shown, measures, written) = (showcase.clone(), Measures::default(), vec![true]);
        let setup = Setup { job, definitions, showcase: shown, measures, written, post: post(), clock: now };
        Self { keeper: Keeper::new(setup, reunion), showcase, door, memory }
    }

    fn tell(&mut self, told: Vec<Told>) -> Vec<Change> {
        let item = if told.is_empty() { Item::Tick } else { Item::Told(told) };
        self.keeper.work(vec![item]).pop().expect("an answer")
    }

    /// Frames by camera.
    fn frames(&self) -> BTreeMap<String, i64> {
        let table = self.showcase.table("seen").expect("a table");
        let frames = |row: &Vec<Cell>| if let Cell::Whole(frames) = row[0] { frames } else { panic!("{row:?}") };
        table.rows.iter().map(|(key, row)| (key[0].to_string(), frames(row))).collect()
    }
}

/// Processes of one generation, each with its folder.
fn together(folders: &[&Path]) -> Vec<Process> {
    let all: Vec<_> = folders.iter().map(|folder| Process::of(folder, &definition(), folders.len())).collect();
    let memories: Vec<_> = all.iter().map(|process| process.memory.clone()).collect();
    for process in &all {
        memories.iter().for_each(|memory| process.door.hand_in(memory));
    }
    all
}

fn facts(camera: &str, ids: std::ops::Range<u64>) -> Vec<Told> {
    let now = now();
    let fact = |id: u64| Fact {
        camera: camera.into(),
        id: id.to_string().into(),
        version: now,
        at: UnixMillis(now.0 - 60_000 + id),
        number: Default::default(),
        by: vec![camera.into()],
        found: Vec::new(),
        truth: None,
    };
    ids.map(|id| Told::Fact(0, fact(id))).collect()
}

/// Catches a frame that is counted twice because two processes knew of it, one that is lost because its process was alone
/// with it, and a process that answers otherwise than its peer.
#[test]
fn processes_that_meet_know_all_that_each_of_them_knew() {
    let folders = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let [a, b, c] = [0, 1, 2].map(|index| folders[index].path());
    let all = |told: &[Told], generation: &mut Vec<Process>| {
        generation.iter_mut().for_each(|process| drop(process.tell(told.to_vec())));
    };
    all(&facts("door", 0..10), &mut together(&[a, b]));
    all(&facts("door", 10..20), &mut together(&[a]));
    all(&facts("door", 20..30), &mut together(&[b, c]));
    all(&facts("yard", 0..5), &mut together(&[c, a]));
    let mut generation = together(&[a, b, c]);
    all(&facts("door", 15..25), &mut generation);
    for process in &generation {
        assert_eq!(process.frames(), BTreeMap::from([("door".to_owned(), 30), ("yard".to_owned(), 5)]));
    }
}

/// Catches rows that sinks are not given again after a crash, and rows that stand there for ever because the process was
/// killed before it could delete them.
#[test]
fn sinks_are_given_all_rows_again_and_what_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let short = Duration::from_millis(300);
    let asked = Definition {
        over: Over::Sliding(short),
        lateness: Duration::ZERO,
        remember: Remember { span: short, frames: 100 },
        ..definition()
    };
    let start = || {
        let process = Process::of(folder.path(), &asked, 1);
        process.door.hand_in(&process.memory);
        process
    };
    let fresh = |camera: &str| {
        let Some(Told::Fact(view, fact)) = facts(camera, 0..1).pop() else { panic!("a fact") };
        vec![Told::Fact(view, Fact { at: now(), ..fact })]
    };
    let is = |changes: &[Change], camera: &str, there: bool| {
        let key = vec![Cell::from(camera)];
        changes.iter().any(|change| change.key == key && change.row.is_some() == there)
    };
    let mut process = start();
    assert!(is(&process.tell(fresh("door")), "door", true));
    // It is killed, and starts again: what was to be written may not have been.
    drop(process);
    process = start();
    assert!(is(&process.tell(Vec::new()), "door", true));
    // Its row goes, and it is killed before that is written.
    CLOCK.set(CLOCK.get() + 1000);
    assert!(is(&process.tell(Vec::new()), "door", false));
    drop(process);
    process = start();
    let rows = process.tell(fresh("yard"));
    assert!(is(&rows, "door", false) && is(&rows, "yard", true), "{rows:?}");
}
