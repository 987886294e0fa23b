//! What was told is there after a crash, and what is not a view's own is set aside.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::sync::Mutex;

use operators::UnixMillis;
use operators::views::{Definition, Engine, Fact, Question};

use super::*;

fn sealed(names: &[(&str, &str)]) -> Vec<Sealed> {
    names.iter().map(|(name, asked)| Sealed { name: (*name).to_owned(), seal: Seal::of(asked) }).collect()
}

fn told(view: usize, id: u64) -> Told {
    let fact = Fact {
        camera: "door".into(),
        id: id.to_string().into(),
        version: UnixMillis(id),
        at: UnixMillis(id),
        number: Default::default(),
        by: Vec::new(),
        found: Vec::new(),
        truth: None,
    };
    Told::Fact(view, fact)
}

fn open(folder: &Path, views: &[Sealed]) -> (State, Found, Vec<String>) {
    let said = Mutex::new(Vec::new());
    let tell = |what: String| said.lock().expect("nobody panics").push(what);
    let (state, found) = State::open(folder, views, &tell).expect("a disk").expect("nobody else has it");
    let said = std::mem::take(&mut *said.lock().expect("nobody panics"));
    (state, found, said)
}

fn kept(next: u64) -> Kept {
    let engine = Engine::new(&[Definition::new("seen", Question::Seen)]);
    Kept { next, epoch: 7, engine: Some(engine.save()), shown: vec![vec!["door".into()]] }
}

/// Catches facts that are lost or read twice over a crash, before or after views were saved, and a tail that stops the start.
#[test]
fn what_was_told_is_there_after_a_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    let views = sealed(&[("a", "1"), ("b", "2")]);
    let (mut state, found, _) = open(folder.path(), &views);
    assert_eq!((found.kept, found.told), (vec![Kept::default(); 2], vec![]));
    state.append(&[told(0, 1), told(1, 2)]).expect("a disk");
    state.append(&[told(0, 3)]).expect("a disk");
    assert!(State::open(folder.path(), &views, &|_| ()).expect("a disk").is_none(), "one at a time");
    drop(state);
    (state, ..) = open(folder.path(), &views);
    let next = state.next();
    state.save(&[kept(next), kept(next)]).expect("a disk");
    state.append(&[told(1, 4)]).expect("a disk");
    drop(state);
    let log = fs::read_dir(folder.path().join("log")).expect("a log").flatten().map(|entry| entry.path()).max();
    let mut log = OpenOptions::new().append(true).open(log.expect("a file")).expect("a file");
    log.write_all(b"half a gro").expect("a disk");
    let (_state, found, said) = open(folder.path(), &views);
    assert_eq!((found.kept, found.told), (vec![kept(2), kept(2)], vec![told(1, 4)]));
    assert!(said.len() == 1 && said[0].contains("the last 10 bytes"), "{said:?}");
}

/// Catches a view that goes on with what was asked otherwise, that takes the facts of another one, or whose broken file
/// stops the job; and one whose neighbour's change costs it what it knows.
#[test]
fn what_is_not_a_views_own_is_set_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut state, ..) = open(folder.path(), &sealed(&[("a", "1"), ("b", "2"), ("c", "3")]));
    state.save(&[kept(0), kept(0), kept(0)]).expect("a disk");
    state.append(&[told(0, 1), told(1, 2), told(2, 3)]).expect("a disk");
    drop(state);
    let broken = folder.path().join("c.saved");
    let mut bytes = fs::read(&broken).expect("a file");
    *bytes.last_mut().expect("bytes") ^= 1;
    fs::write(&broken, bytes).expect("a disk");
    let (state, found, said) = open(folder.path(), &sealed(&[("new", "9"), ("b", "2"), ("a", "other"), ("c", "3")]));
    let known: Vec<_> = found.kept.iter().map(|kept| kept.engine.is_some()).collect();
    assert_eq!(known, [false, true, false, false]);
    assert_eq!(found.told, [told(1, 2), told(3, 3)], "by what they are, not by their place");
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("the view a begins anew: what it knew is of another configuration"), "{said:?}");
    assert!(said[1].contains("the view c begins anew: what it knew is broken"), "{said:?}");
    assert!(folder.path().join("a.aside").exists() && !folder.path().join("a.saved").exists());
    // What a view knew that was away for a while is not all that came.
    drop(state);
    let (mut state, _, said) = open(folder.path(), &sealed(&[("a", "other")]));
    assert!(said.len() == 1 && said[0].contains("it has no view b any more"), "{said:?}");
    let next = state.next();
    state.save(&[kept(next)]).expect("a disk");
    drop(state);
    let (_state, found, _) = open(folder.path(), &sealed(&[("b", "2")]));
    assert_eq!((found.kept[0].engine.is_some(), found.told), (false, vec![]));
}

/// Catches a log that grows for ever, or is folded at every word.
#[test]
fn the_log_is_folded_when_it_is_long() {
    let folder = tempfile::tempdir().expect("a folder");
    let views = sealed(&[("a", "1")]);
    let (mut state, ..) = open(folder.path(), &views);
    let group: Vec<_> = (0..1000).map(|id| told(0, id)).collect();
    state.append(&group).expect("a disk");
    assert!(!state.is_long());
    while !state.is_long() {
        state.append(&group).expect("a disk");
    }
    assert!(state.bytes() > MOST_LOG);
    let next = state.next();
    state.save(&[kept(next)]).expect("a disk");
    // What is left is the last file of the log, which is full by the group that made it so, and what is saved.
    assert!(!state.is_long() && state.bytes() < 2 * FULL, "{}", state.bytes());
}
