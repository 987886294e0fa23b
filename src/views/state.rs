//! What outlives the views of a job: what they were told since they were saved, and what was saved of each.
//!
//! ```text
//!  STATE/views/JOB.views/
//!                  log/…          groups of facts, each synced before its frames are acknowledged
//!                  head           that group's number
//!                  NAME.saved     what a view knew before the log's first group that still counts
//!                  NAME.aside     what was there of another configuration or format, or broken
//! ```

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use operators::Epoch;
use operators::views::{Cell, Saved, Told};
use serde::{Deserialize, Serialize};

use crate::spool::{self, Cursor, Head, Log};

/// The format of all this: state of another one is set aside.
const FORMAT: u32 = 1;

/// What a file of a saved view begins with.
const MAGIC: &[u8; 12] = b"vigie view\n\0";

/// A file of the log is full at so many bytes.
const FULL: u64 = 1 << 20;

/// The log is folded into what is saved when it has so many bytes, or as many times what is saved.
const MOST_LOG: u64 = 4 << 20;
const MOST_TIMES: u64 = 4;

/// What a view is asked, as a number: state of a view that was asked something else is not its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seal(u64);

impl Seal {
    /// The seal of a view with this configuration.
    pub fn of(configuration: &str) -> Self {
        let hash = blake3::hash(format!("{FORMAT} {configuration}").as_bytes());
        Self(u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("eight bytes")))
    }
}

/// A view as it is known here: its name, and its seal.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Its name.
    pub name: String,
    /// Its seal.
    pub seal: Seal,
}

/// What is saved of a view.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The first group of the log that is not in it.
    pub next: u64,
    /// The epoch of its table.
    pub epoch: Epoch,
    /// What the engine knew.
    pub engine: Option<Saved>,
    /// The keys of the rows that may stand in sinks.
    pub shown: Vec<Vec<Cell>>,
}

/// One group in the log: whom the facts are for, by their index, and the facts.
type Group = (Vec<Seal>, Vec<Told>);

/// The state of a job's views on this process. While it is open, nobody else has it.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    views: Vec<Sealed>,
    log: Log,
    /// The group before which all is saved.
    head: Head,
    /// Bytes of what is saved.
    saved: u64,
    _lock: File,
}

/// What was found there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What is saved of each view.
    pub kept: Vec<Kept>,
    /// What they were told since.
    pub told: Vec<Told>,
}

impl State {
    /// Opens the state of these views in that folder, and what there is of it; `None` while another one has it. What is not
    /// theirs is set aside, which `tell` is told.
    ///
    /// # Errors
    /// The disk's.
    pub fn open(folder: &Path, views: &[Sealed], tell: &dyn Fn(String)) -> io::Result<Option<(Self, Found)>> {
        let Some(lock) = spool::lock(folder)? else { return Ok(None) };
        clear(folder, views, tell)?;
        let (head, since) = Head::open(folder)?;
        // A view of which nothing is saved begins where the others were saved: what lies before is of another life.
        let kept = |view| kept(folder, view, tell).map(|kept| kept.unwrap_or(Kept { next: since, ..Kept::default() }));
        let kept = views.iter().map(kept).collect::<io::Result<Vec<_>>>()?;
        let next = kept.iter().map(|kept| kept.next).min().unwrap_or(since);
        let (log, torn) = Log::open(&folder.join("log"), FULL, next)?;
        if torn > 0 {
            tell(format!("the last {torn} bytes of what they were told were not whole: those frames come again"));
        }
        let state = Self { folder: folder.to_owned(), views: views.to_vec(), log, head, saved: 0, _lock: lock };
        let told = state.told(&kept)?;
        Ok(Some((state, Found { kept, told })))
    }

    /// What the log says that is in nothing that is saved.
    fn told(&self, kept: &[Kept]) -> io::Result<Vec<Told>> {
        let (mut all, mut cursor) = (Vec::new(), Cursor::at(self.log.first()));
        while let Some((number, bytes)) = self.log.read(&mut cursor)? {
            // Its checksum was sound: a group that can't be read is one of another format.
            let Ok((seals, told)) = bincode::deserialize::<Group>(&bytes) else { continue };
            let here = |index: usize| self.views.iter().position(|view| Some(&view.seal) == seals.get(index));
            let news = |told: Told| {
                let index = here(view_of(&told)).filter(|index| number >= kept[*index].next)?;
                Some(for_view(told, index))
            };
            all.extend(told.into_iter().filter_map(news));
        }
        Ok(all)
    }

    /// Appends what views are told; it is on the disk when this returns.
    ///
    /// # Errors
    /// The disk's.
    pub fn append(&self, told: &[Told]) -> io::Result<()> {
        let seals: Vec<_> = self.views.iter().map(|view| view.seal).collect();
        let bytes: Bytes = bincode::serialize(&(seals, told)).expect("plain data").into();
        self.log.append(&[bytes], true).map(drop)
    }

    /// The number of the next group.
    pub fn next(&self) -> u64 {
        self.log.next()
    }

    /// Whether it is time to save: a start would have to read too much.
    pub fn is_long(&self) -> bool {
        self.log.bytes() > MOST_LOG.max(MOST_TIMES * self.saved)
    }

    /// Bytes on the disk.
    pub fn bytes(&self) -> u64 {
        self.log.bytes() + self.saved
    }

    /// Saves all views, and lets go of what the log said before.
    ///
    /// # Errors
    /// The disk's; what was saved before is there then.
    pub fn save(&mut self, kept: &[Kept]) -> io::Result<()> {
        let mut bytes = 0;
        for (view, kept) in self.views.iter().zip(kept) {
            bytes += write(&self.folder, view, kept)?;
        }
        self.saved = bytes;
        File::open(&self.folder)?.sync_all()?;
        match kept.iter().map(|kept| kept.next).min() {
            Some(next) => self.head.set(next).and_then(|()| self.log.drop_before(next)),
            None => Ok(()),
        }
    }
}

/// The view that it is for.
pub fn view_of(told: &Told) -> usize {
    match told {
        Told::Fact(view, _) | Told::Truth(view, _) => *view,
    }
}

/// The same for the view of another index.
pub fn for_view(told: Told, view: usize) -> Told {
    match told {
        Told::Fact(_, fact) => Told::Fact(view, fact),
        Told::Truth(_, truth) => Told::Truth(view, truth),
    }
}

/// Writes what is saved of a view, whole or not at all; how many bytes that are.
fn write(folder: &Path, view: &Sealed, kept: &Kept) -> io::Result<u64> {
    let body = bincode::serialize(kept).expect("plain data");
    let seal = view.seal.0.to_le_bytes();
    let sum = blake3::hash(&[&seal[..], &body].concat());
    let passing = folder.join(format!("{}.passing", view.name));
    let mut file = File::create(&passing)?;
    for part in [&MAGIC[..], &FORMAT.to_le_bytes(), &seal, sum.as_bytes(), &body] {
        file.write_all(part)?;
    }
    file.sync_all()?;
    fs::rename(passing, folder.join(format!("{}.saved", view.name)))?;
    Ok((MAGIC.len() + 4 + 8 + 32 + body.len()) as u64)
}

/// Sets aside what is saved of views that the job no longer has: frames go by that they are not told of.
fn clear(folder: &Path, views: &[Sealed], tell: &dyn Fn(String)) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_saved = path.extension().is_some_and(|ending| ending == "saved");
        let name = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_saved);
        if let Some(name) = name.filter(|name| views.iter().all(|view| view.name != **name)) {
            let aside = folder.join(format!("{name}.aside"));
            fs::rename(&path, &aside)?;
            tell(format!("it has no view {name} any more: what that knew lies aside in {}", aside.display()));
        }
    }
    Ok(())
}

/// What is saved of a view; nothing where nothing is, or where it had to be set aside.
fn kept(folder: &Path, view: &Sealed, tell: &dyn Fn(String)) -> io::Result<Option<Kept>> {
    let path = folder.join(format!("{}.saved", view.name));
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match read(&bytes, view.seal) {
        Ok(kept) => Ok(Some(kept)),
        Err(why) => {
            let aside = folder.join(format!("{}.aside", view.name));
            fs::rename(&path, &aside)?;
            let name = &view.name;
            tell(format!("the view {name} begins anew: what it knew is {why}, and lies aside in {}", aside.display()));
            Ok(None)
        }
    }
}

/// What such a file holds, or why not, in words.
fn read(bytes: &[u8], seal: Seal) -> Result<Kept, &'static str> {
    const BROKEN: &str = "broken";
    let rest = bytes.strip_prefix(MAGIC).ok_or(BROKEN)?;
    let (format, rest) = rest.split_first_chunk().ok_or(BROKEN)?;
    if u32::from_le_bytes(*format) != FORMAT {
        return Err("of another version of Vigie");
    }
    let (found, rest) = rest.split_first_chunk::<8>().ok_or(BROKEN)?;
    let (sum, body) = rest.split_first_chunk::<32>().ok_or(BROKEN)?;
    if blake3::hash(&[&found[..], body].concat()) != *sum {
        return Err(BROKEN);
    }
    match u64::from_le_bytes(*found) == seal.0 {
        true => bincode::deserialize(body).map_err(|_| "of another version of Vigie"),
        false => Err("of another configuration"),
    }
}

#[cfg(test)]
mod tests;
