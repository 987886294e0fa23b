//! Records that are numbered and lie on disk one behind the other, in files that go when nobody needs them any more.
//!
//! One thread appends; others read what is appended, while they know which number is the next.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

use super::segment::Segment;

/// A log in a folder of its own.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    /// How large a file gets before the next one begins.
    full: u64,
    files: Mutex<VecDeque<Segment>>,
}

/// A place in a log: in front of a record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    /// The number of that record.
    pub number: u64,
    /// The file that it was found in before, by its first number, and where it begins there.
    at: Option<(u64, u64)>,
}

impl Cursor {
    /// In front of the record of that number.
    pub fn at(number: u64) -> Self {
        Self { number, at: None }
    }
}

impl Log {
    /// Opens the log in that folder, in which all before number `next` is done with; a new one begins there. What a crash has left half written is cut off;
    /// how many bytes that were.
    ///
    /// # Errors
    /// The disk's.
    pub fn open(folder: &Path, full: u64, next: u64) -> io::Result<(Self, u64)> {
        super::make(folder)?;
        let (mut files, mut torn) = (VecDeque::new(), 0);
        for file in Segment::all(folder)? {
            torn += file.mend()?;
            match file.next > file.first.max(next) {
                true => files.push_back(file),
                false => file.remove()?,
            }
        }
        // Numbers go up, whatever became of the files.
        if files.back().is_none_or(|last: &Segment| last.next < next) {
            files.push_back(Segment::create(folder, next)?);
        }
        Ok((Self { folder: folder.to_owned(), full, files: Mutex::new(files) }, torn))
    }

    fn files(&self) -> MutexGuard<'_, VecDeque<Segment>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number that the next record gets.
    pub fn next(&self) -> u64 {
        self.files().back().map_or(0, |file| file.next)
    }

    /// The number of the oldest record; that of the next one, where there is none.
    pub fn first(&self) -> u64 {
        self.files().front().map_or(0, |file| file.first)
    }

    /// Bytes on the disk.
    pub fn bytes(&self) -> u64 {
        self.files().iter().map(|file| file.end).sum()
    }

    /// Appends records; their first number. With `sync` they are on the disk when this returns. Only one thread appends.
    ///
    /// # Errors
    /// The disk's; then none of them counts, and the next ones go into a new file.
    pub fn append(&self, records: &[Bytes], sync: bool) -> io::Result<u64> {
        let mut last = match self.files().back() {
            Some(last) if last.end < self.full => last.clone(),
            last => Segment::create(&self.folder, last.map_or(0, |last| last.next))?,
        };
        let number = last.next;
        // Readers go on meanwhile.
        let written = last.append(records, sync);
        let mut files = self.files();
        match written {
            Ok(()) if files.back().is_some_and(|file| file.first == last.first) => {
                *files.back_mut().expect("just seen") = last;
            }
            Ok(()) => files.push_back(last),
            // What a failed sync has left in the file is not known.
            Err(error) => {
                if last.next > last.first {
                    files.push_back(Segment::create(&self.folder, last.next)?);
                }
                return Err(error);
            }
        }
        Ok(number)
    }

    /// The record at a place, which then is the one behind it. What can't be read any more is skipped. `None` where there
    /// is no further one yet.
    ///
    /// # Errors
    /// The disk's.
    pub fn read(&self, cursor: &mut Cursor) -> io::Result<Option<(u64, Bytes)>> {
        loop {
            let found = self.files().iter().find(|file| file.next > cursor.number).cloned();
            let Some(file) = found else { return Ok(None) };
            let mut at = match cursor.at {
                Some((first, at)) if first == file.first && cursor.number >= first => at,
                _ => self.place(&file, cursor)?,
            };
            let number = cursor.number;
            let record = file.read(number, at)?;
            if let Some((_, after)) = &record {
                at = *after;
                cursor.number += 1;
            } else {
                // It was sound when the log was opened, and is not now.
                tracing::error!(
                    "records {number} to {} of {} can't be read any more",
                    file.next - 1,
                    self.folder.display()
                );
                cursor.number = file.next;
            }
            cursor.at = Some((file.first, at));
            if let Some((bytes, _)) = record {
                return Ok(Some((number, bytes)));
            }
        }
    }

    /// Where the record of a cursor begins in a file; a cursor in front of the file is put to its first one.
    fn place(&self, file: &Segment, cursor: &mut Cursor) -> io::Result<u64> {
        cursor.number = cursor.number.max(file.first);
        let mut at = 0;
        for number in file.first..cursor.number {
            let Some((_, after)) = file.read(number, at)? else { break };
            at = after;
        }
        Ok(at)
    }

    /// Removes the files of which all records lie before that number.
    ///
    /// # Errors
    /// The disk's.
    pub fn drop_before(&self, number: u64) -> io::Result<()> {
        self.drop_while(|file, _| file.next <= number)
    }

    /// Removes the oldest files: those written to last before that moment, and those without which there are still `most`
    /// bytes.
    ///
    /// # Errors
    /// The disk's.
    pub fn drop_old(&self, before: SystemTime, most: u64) -> io::Result<()> {
        self.drop_while(|file, bytes| bytes > most || file.written_at().is_ok_and(|at| at < before))
    }

    /// Never removes the last one, which is written to.
    fn drop_while(&self, goes: impl Fn(&Segment, u64) -> bool) -> io::Result<()> {
        let mut files = self.files();
        let mut bytes: u64 = files.iter().map(|file| file.end).sum();
        while files.len() > 1 && files.front().is_some_and(|file| goes(file, bytes)) {
            if let Some(file) = files.pop_front() {
                bytes -= file.end;
                file.remove()?;
            }
        }
        Ok(())
    }
}
