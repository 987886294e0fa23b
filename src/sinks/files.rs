//! Files in a folder, each whole or not there at all.
//!
//! A file is written under a passing name (`…#1`) and then renamed, so that nobody ever sees half of it. It counts as
//! written when the file and its folder are synced: it is there after a power cut. What this gives up: a process that is
//! killed between the two leaves the passing file behind, which nothing reads and anybody may remove.

mod stored;
mod tidy;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Place;
use object_store::{ObjectStoreExt as _, PutPayload};
use operators::{Flaw, Reason};
use schemars::JsonSchema;
use serde::Deserialize;

use super::objects::{self, Draft, Objects, Origin, Target};
use super::{Name, Parcel, Sink, SinkConfig, Stored};
use crate::context::Context;
use crate::delivery::{Keep, Trouble, keep};
use crate::mistake::Mistake;
use crate::template::{Template, levels};
pub use stored::stored;
use tidy::Tidy;

/// Folders that are remembered as being there.
const FOLDERS: usize = 10_000;

/// How long a folder that was made counts as being there, synced. Shorter than [`tidy::GRACE`]: nobody believes in a folder
/// that was removed, whichever worker of whichever process removed it.
const BELIEF: Duration = Duration::from_secs(300);

/// One file a picture.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Where each file goes, relative to the current folder: `out/{camera}/{id}.jpg`. Knows `{camera}`, `{id}`,
    /// `{number}`, `{job}` and `{date}` (UTC), and expressions: `out/{values.gender}/{id}.jpg`; in `[dead]` it knows
    /// `{reason}` and no expressions. Folders are made where they are missing. A
    /// file of that name is written over: the same frame, sent again, gives the same file.
    path: String,
    /// Whether a file is synced to the disk before its frame is acknowledged. It costs one wait for the disk per file
    /// (up to 16 files share it): a millisecond or less on a good SSD, 10 to 30 on a spinning disk. Without it, a power
    /// cut loses what was written in the last half minute, though it was acknowledged; a crash of Vigie loses nothing.
    #[serde(default = "yes")]
    sync: bool,
    /// What is kept: `{ age = "48h", size = "5GiB" }`, the oldest goes first. Every file whose path could be one of
    /// `path` counts, whoever wrote it: give it a folder of its own (docs/retention.md).
    #[serde(default)]
    keep: Option<Keep>,
}

fn yes() -> bool {
    true
}

impl Files {
    fn template(&self, context: &Context) -> Result<Template, Mistake> {
        objects::path(&self.path, context, "path")
    }

    /// The folder that all files lie in, and the rest of the path.
    fn split(&self, context: &Context) -> Result<(PathBuf, &str), Mistake> {
        let wrong = |what: String| Mistake::at("path", what);
        self.template(context)?;
        let literal = self.path.find(['{', '}']).unwrap_or(self.path.len());
        let cut = self.path[..literal].rfind('/').map_or(0, |slash| slash + 1);
        let (folder, rest) = self.path.split_at(cut);
        if !objects::names_a_file(rest) {
            let path = &self.path;
            return Err(wrong(format!(
                "`{path}` names no file: end it with a file name, like `out/{{camera}}/{{id}}.jpg`, and write no `..` after a field"
            )));
        }
        let folder = if folder.is_empty() { "." } else { folder };
        // Without the slash at its end, which would hide a file of that name.
        let folder: PathBuf = Path::new(folder).components().collect();
        context.allowed.check("path", &folder)?;
        Ok((folder, rest))
    }

    /// What looks through its folder.
    fn tidy(&self, context: &Context) -> anyhow::Result<Tidy> {
        let (folder, rest) = self.split(context)?;
        let of = |level| objects::path(level, context, "path");
        let levels = levels(rest).into_iter().map(of).collect::<Result<_, _>>()?;
        let root = fs::canonicalize(&folder).with_context(|| format!("can't look into `{}`", folder.display()))?;
        Ok(Tidy::new(root, Origin::new(of(rest)?, context), levels, context))
    }

    fn sink(&self, context: &Context) -> anyhow::Result<Objects<Disk>> {
        let (folder, rest) = self.split(context)?;
        let origin = Origin::new(objects::path(rest, context, "path")?, context);
        let cannot = || format!("can't make the folder `{}` of `path`", folder.display());
        let absolute = std::path::absolute(&folder).with_context(cannot)?;
        let there = absolute.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
        make_folders(&absolute, there, self.sync).with_context(cannot)?;
        let disk = Disk {
            store: LocalFileSystem::new_with_prefix(&folder).with_context(cannot)?.with_fsync(self.sync),
            root: fs::canonicalize(&folder).with_context(cannot)?,
            folder,
            sync: self.sync,
            folders: Mutex::default(),
        };
        Ok(Objects::new(origin, disk, "files", context))
    }
}

impl SinkConfig for Files {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        let (folder, _) = self.split(context)?;
        let in_the_way = folder.ancestors().find(|path| path.exists() && !path.is_dir());
        if let Some(file) = in_the_way {
            let what = format!("`{}` is a file, so it can't hold others: choose another folder", file.display());
            return Err(Mistake::at("path", what));
        }
        self.keep.as_ref().map_or(Ok(()), Keep::check)
    }

    fn describe(&self) -> String {
        let Self { path, sync, keep } = self;
        format!("files {path}{}{}", if *sync { "" } else { ", not synced" }, keep::told(keep.as_ref()))
    }

    fn place(&self, context: &Context, parcel: &Parcel) -> Result<String, Mistake> {
        let (folder, rest) = self.split(context)?;
        let path = Origin::new(objects::path(rest, context, "path")?, context).path(parcel);
        Ok(folder.join(path).display().to_string())
    }

    fn names(&self, context: &Context) -> Result<Vec<Name>, Mistake> {
        Ok(vec![Name { field: "path", template: self.template(context)?, replaces: true }])
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>> {
        let sink = self.sink(context)?;
        let Some(keep) = &self.keep else { return Ok(Box::new(sink)) };
        Ok(Box::new(sink.keeping(keep, self.tidy(context)?, context)))
    }

    fn open_overflow(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>> {
        Ok(Box::new(self.sink(context)?))
    }

    fn stored(&self, context: &Context) -> anyhow::Result<Stored> {
        Ok(Box::new(stored(self.tidy(context)?.paths()?)))
    }
}

/// What writes files.
struct Disk {
    store: LocalFileSystem,
    /// The folder as the job names it, and as the system does.
    folder: PathBuf,
    root: PathBuf,
    sync: bool,
    /// Folders that are there, synced, and since when that is known.
    folders: Mutex<HashMap<PathBuf, Instant>>,
}

impl Target for Disk {
    async fn put(&self, draft: &Draft, body: &Bytes, _: u32) -> Result<(), Trouble> {
        self.try_put(draft, body).await.map_err(|error| self.trouble(&draft.path, &error))
    }

    async fn remove(&self, path: &str) -> Result<(), Trouble> {
        match self.try_remove(path).await {
            Err(error) if !matches!(error, object_store::Error::NotFound { .. }) => Err(self.trouble(path, &error)),
            _ => Ok(()),
        }
    }

    fn place(&self, path: &str) -> String {
        self.folder.join(path).display().to_string()
    }
}

impl Disk {
    async fn try_remove(&self, path: &str) -> object_store::Result<()> {
        self.store.delete(&Place::parse(path)?).await
    }

    async fn try_put(&self, draft: &Draft, body: &Bytes) -> object_store::Result<()> {
        let place = Place::parse(&draft.path)?;
        let path = self.store.path_to_filesystem(&place)?;
        if let Some(folder) = path.parent().filter(|folder| !self.believes_in(folder)) {
            self.make(folder).await.map_err(failed)?;
        }
        self.store.put(&place, PutPayload::from_bytes(body.clone())).await.map(drop)
    }

    fn trouble(&self, path: &str, error: &object_store::Error) -> Trouble {
        // The folder may have been removed: it is made again.
        self.folders().clear();
        let what = format!("can't write `{path}`: {error}");
        match will_never_do(error) {
            true => Trouble::Lasting(Flaw::new(Reason::Refused, what)),
            false => Trouble::Passing(what),
        }
    }

    /// Makes a folder that lasts. The store makes folders too, but where two files need the same one, the second may be
    /// done before the folder itself is synced.
    async fn make(&self, folder: &Path) -> io::Result<()> {
        let now = Instant::now();
        let (made, root, sync) = (folder.to_owned(), self.root.clone(), self.sync);
        let make = tokio::task::spawn_blocking(move || make_folders(&made, &root, sync));
        make.await.unwrap_or_else(|gone| Err(io::Error::other(gone)))?;
        let mut folders = self.folders();
        if folders.len() >= FOLDERS {
            folders.clear();
        }
        folders.insert(folder.to_owned(), now);
        Ok(())
    }

    fn believes_in(&self, folder: &Path) -> bool {
        self.folders().get(folder).is_some_and(|since| since.elapsed() < BELIEF)
    }

    fn folders(&self) -> MutexGuard<'_, HashMap<PathBuf, Instant>> {
        self.folders.lock().expect("nothing panics in it")
    }
}

fn failed(source: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "files", source: source.into() }
}

/// Makes a folder and those above it, and syncs them as far up as `root`, which is there.
fn make_folders(folder: &Path, root: &Path, sync: bool) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // Other systems than Unix can't sync a folder.
    if sync && cfg!(unix) {
        let changed = folder.ancestors().take_while(|folder| folder.starts_with(root));
        return changed.map(File::open).try_for_each(|folder| folder?.sync_all());
    }
    Ok(())
}

/// Whether an error lies in the name or in what stands at it. All else (a full disk, a missing right, a broken cable) is
/// for the operator to mend, and passes.
fn will_never_do(error: &object_store::Error) -> bool {
    let mut causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let Some(error) = causes.find_map(|error| error.downcast_ref::<io::Error>()) else {
        // Not a word from the disk: the store itself does not take the name.
        return true;
    };
    matches!(
        error.kind(),
        ErrorKind::InvalidFilename
            | ErrorKind::InvalidInput
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::AlreadyExists
            | ErrorKind::FileTooLarge
    )
}

#[cfg(test)]
mod tests;
