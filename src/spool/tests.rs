//! What was put in is there, whatever a crash does to the files.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use proptest::prelude::*;

use super::{Cursor, Head, Log, lock};

/// Files of the tests are small, so that there are several.
const FULL: u64 = 200;

fn all(log: &Log, from: u64) -> Vec<(u64, Bytes)> {
    let mut cursor = Cursor::at(from);
    std::iter::from_fn(|| log.read(&mut cursor).expect("a disk")).collect()
}

fn last_file(folder: &Path) -> PathBuf {
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths.pop().expect("a file")
}

/// What a crash does to the last file, behind what was synced.
#[derive(Clone, Debug)]
enum Crash {
    Cut(usize),
    Garbage(Vec<u8>),
    Zeros(usize),
}

fn crash() -> impl Strategy<Value = Crash> {
    prop_oneof![
        (0..400_usize).prop_map(Crash::Cut),
        prop::collection::vec(any::<u8>(), 0..90).prop_map(Crash::Garbage),
        (0..90_usize).prop_map(Crash::Zeros),
    ]
}

fn happen(crash: &Crash, file: &Path, synced: u64) {
    let handle = OpenOptions::new().append(true).open(file).expect("a file");
    let length = handle.metadata().expect("a file").len();
    match crash {
        Crash::Cut(bytes) => handle.set_len(length.saturating_sub(*bytes as u64).max(synced)).expect("a disk"),
        Crash::Garbage(bytes) => (&handle).write_all(bytes).expect("a disk"),
        Crash::Zeros(count) => (&handle).write_all(&vec![0; *count]).expect("a disk"),
    }
}

proptest! {
    /// Catches a record that was synced and is lost by a crash, one that nobody wrote, and one under another's number.
    #[test]
    fn what_was_synced_survives_a_crash(
        rounds in prop::collection::vec((prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90), 1..4), any::<bool>(), crash(), any::<bool>()), 1..12),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut log, _) = Log::open(folder.path(), FULL, 0).expect("a log");
        // All that may be there, and how much of it must.
        let (mut written, mut promised): (Vec<Bytes>, usize) = (Vec::new(), 0);
        for (records, sync, crash, crashes) in rounds {
            let records: Vec<Bytes> = records.into_iter().map(Bytes::from).collect();
            let before = last_file(folder.path());
            let length = fs::metadata(&before).expect("a file").len();
            prop_assert_eq!(log.append(&records, sync).expect("a disk"), written.len() as u64);
            written.extend(records);
            if sync {
                promised = written.len();
            }
            if !crashes {
                continue;
            }
            let last = last_file(folder.path());
            let synced = if sync { fs::metadata(&last).expect("a file").len() } else if last == before { length } else { 0 };
            // What lay in the file before may not have been synced either; what must be there is checked below.
            happen(&crash, &last, synced);
            drop(log);
            log = Log::open(folder.path(), FULL, 0).expect("a log").0;
            let found = all(&log, 0);
            prop_assert!(found.len() >= promised, "{} of {promised}", found.len());
            for (at, (number, record)) in found.iter().enumerate() {
                prop_assert_eq!((at as u64, record), (*number, &written[at]));
            }
            written.truncate(found.len());
            promised = promised.min(written.len());
        }
        prop_assert_eq!(all(&log, 0).len(), written.len());
    }

    /// Catches files that go while they are needed, and files that stay although they are not.
    #[test]
    fn files_go_when_all_of_them_is_done(sizes in prop::collection::vec(0..120_usize, 1..30), done in 0..40_u64) {
        let folder = tempfile::tempdir().expect("a folder");
        let (log, _) = Log::open(folder.path(), FULL, 0).expect("a log");
        for size in &sizes {
            log.append(&[vec![7; *size].into()], false).expect("a disk");
        }
        let done = done.min(sizes.len() as u64);
        log.drop_before(done).expect("a disk");
        prop_assert_eq!(all(&log, done).len() as u64, sizes.len() as u64 - done);
        prop_assert!(log.first() <= done);
        drop(log);
        let (log, torn) = Log::open(folder.path(), FULL, done).expect("a log");
        prop_assert_eq!((torn, log.next()), (0, sizes.len() as u64));
        prop_assert_eq!(all(&log, done).len() as u64, sizes.len() as u64 - done);
    }
}

/// Catches numbers that are given twice: what is done under one would be forgotten under the other.
#[test]
fn numbers_go_up_although_all_files_are_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, _) = Log::open(folder.path(), FULL, 7).expect("a log");
    assert_eq!((log.next(), log.append(&["a".into()], true).expect("a disk")), (7, 7));
    drop(log);
    fs::remove_file(last_file(folder.path())).expect("a file");
    let (log, _) = Log::open(folder.path(), FULL, 8).expect("a log");
    assert_eq!(log.append(&["b".into()], true).expect("a disk"), 8);
    assert_eq!(all(&log, 0), [(8, Bytes::from("b"))]);
}

/// Catches a reader that holds on to a record that was damaged after the log was opened.
#[test]
fn what_goes_bad_is_skipped() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, _) = Log::open(folder.path(), 50, 0).expect("a log");
    for record in ["first, which is long enough for a file", "second, which is long enough for a file"] {
        log.append(&[record.into()], true).expect("a disk");
    }
    let mut first: Vec<_> = fs::read_dir(folder.path()).expect("a folder").map(|e| e.expect("a file").path()).collect();
    first.sort();
    fs::write(&first[0], vec![1; 60]).expect("a disk");
    assert_eq!(all(&log, 0), [(1, Bytes::from("second, which is long enough for a file"))]);
}

/// Catches a head that is guessed, and a folder that two have.
#[test]
fn a_head_is_known_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (head, number) = Head::open(folder.path()).expect("a file");
    assert_eq!(number, 0);
    head.set(41).expect("a disk");
    head.set(42).expect("a disk");
    assert_eq!(Head::open(folder.path()).expect("a file").1, 42);
    fs::write(folder.path().join("head"), b"0123456789abcdef").expect("a disk");
    assert_eq!(Head::open(folder.path()).expect("a file").1, 0);
    let held = lock(folder.path()).expect("a disk");
    assert!(held.is_some() && lock(folder.path()).expect("a disk").is_none());
    drop(held);
    assert!(lock(folder.path()).expect("a disk").is_some());
}
