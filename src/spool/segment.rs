//! One file of a log: records one behind the other, from a number on that is the file's name.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::record::{self, HEAD};

const ENDING: &str = "log";

/// A file of a log, and how much of it counts.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The number of its first record.
    pub first: u64,
    /// The number after its last one.
    pub next: u64,
    /// Where its last record ends.
    pub end: u64,
    path: PathBuf,
    file: Arc<File>,
}

impl Segment {
    /// A new one, which is in its folder for good.
    pub fn create(folder: &Path, first: u64) -> io::Result<Self> {
        let path = folder.join(format!("{first:020}.{ENDING}"));
        // Another one of that name holds nothing that counts.
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        File::open(folder)?.sync_all()?;
        Ok(Self { first, next: first, end: 0, path, file: file.into() })
    }

    /// Those of a folder, in their order, each up to its last sound record.
    pub fn all(folder: &Path) -> io::Result<Vec<Self>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
            let ours = path.extension().is_some_and(|ending| ending == ENDING);
            paths.extend(name.filter(|_| ours).map(|first| (first, path)));
        }
        paths.sort();
        paths.into_iter().map(|(first, path)| Self::open(first, path)).collect()
    }

    fn open(first: u64, path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let length = file.metadata()?.len();
        let mut segment = Self { first, next: first, end: length, path, file: file.into() };
        let mut end = 0;
        while let Some((_, after)) = segment.read(segment.next, end)? {
            segment.next += 1;
            end = after;
        }
        segment.end = end;
        Ok(segment)
    }

    /// Cuts off what lies behind its last sound record; how many bytes that were.
    pub fn mend(&self) -> io::Result<u64> {
        let torn = self.file.metadata()?.len().saturating_sub(self.end);
        if torn > 0 {
            self.file.set_len(self.end)?;
            self.file.sync_all()?;
        }
        Ok(torn)
    }

    /// The record of that number, which begins there, and where it ends. `None` behind the last sound one.
    pub fn read(&self, number: u64, at: u64) -> io::Result<Option<(Bytes, u64)>> {
        let rest = self.end.saturating_sub(at);
        if rest < HEAD as u64 {
            return Ok(None);
        }
        let mut head = [0; HEAD];
        self.file.read_exact_at(&mut head, at)?;
        let Some(length) = record::length(&head).filter(|length| *length as u64 <= rest - HEAD as u64) else {
            return Ok(None);
        };
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at + HEAD as u64)?;
        let after = at + (HEAD + length) as u64;
        Ok(record::check(number, &head, bytes.into()).map(|bytes| (bytes, after)))
    }

    /// Writes records behind its last one, and has them on the disk if `sync` says so. Where that fails, nothing of them
    /// counts.
    pub fn append(&mut self, records: &[Bytes], sync: bool) -> io::Result<()> {
        let mut bytes = Vec::new();
        for (number, record) in (self.next..).zip(records) {
            record::write(&mut bytes, number, record);
        }
        let written = self.file.write_all_at(&bytes, self.end);
        let written = written.and_then(|()| if sync { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end += bytes.len() as u64;
        self.next += records.len() as u64;
        Ok(())
    }

    /// When it was written to last.
    pub fn written_at(&self) -> io::Result<std::time::SystemTime> {
        self.file.metadata()?.modified()
    }

    /// Removes it.
    pub fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}
