//! Files in a folder, each whole or not there at all.
//!
//! A file is written under a passing name (`…#1`) and then renamed, so that nobody ever sees half of it. It counts as
//! written when the file and its folder are synced: it is there after a power cut. What this gives up: a process that is
//! killed between the two leaves the passing file behind, which nothing reads and anybody may remove.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Place;
use object_store::{ObjectStoreExt as _, PutPayload};
use operators::{Flaw, Reason};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::{Parcel, Sink, SinkConfig};
use crate::context::Context;
use crate::letter::Letter;
use crate::mistake::Mistake;
use crate::template::{Names, Template};

/// Files that are written at the same time: a disk syncs them together.
const AT_ONCE: usize = 16;

/// How long a failed write waits at first, and at most.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Folders that are remembered as being there.
const FOLDERS: usize = 10_000;

/// One file a picture.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Where each file goes, relative to the current folder: `out/{camera}/{id}.jpg`. Knows `{camera}`, `{id}`,
    /// `{number}`, `{job}` and `{date}` (UTC), in `[dead]` also `{reason}`. Folders are made where they are missing. A
    /// file of that name is written over: the same frame, sent again, gives the same file.
    path: String,
    /// Whether a file is synced to the disk before its frame is acknowledged. It costs one wait for the disk per file
    /// (up to 16 files share it): a millisecond or less on a good SSD, 10 to 30 on a spinning disk. Without it, a power
    /// cut loses what was written in the last half minute, though it was acknowledged; a crash of Vigie loses nothing.
    #[serde(default = "yes")]
    sync: bool,
}

fn yes() -> bool {
    true
}

impl Files {
    /// The folder that all files lie in, and the rest of the path.
    fn split(&self, context: &Context) -> Result<(PathBuf, Template), Mistake> {
        let wrong = |what: String| Mistake::at("path", what);
        let mut known = vec!["camera", "id", "number", "job", "date"];
        // The job keeps this name for the dead letters: no other part has a reason to tell.
        if context.part == "dead" {
            known.push("reason");
        }
        Template::parse(&self.path, &known).map_err(wrong)?;
        let literal = self.path.find(['{', '}']).unwrap_or(self.path.len());
        let cut = self.path[..literal].rfind('/').map_or(0, |slash| slash + 1);
        let (folder, rest) = self.path.split_at(cut);
        if rest.split('/').any(|level| matches!(level, "" | "." | "..")) {
            let path = &self.path;
            return Err(wrong(format!(
                "`{path}` names no file: end it with a file name, like `out/{{camera}}/{{id}}.jpg`, and write no `..` after a field"
            )));
        }
        let folder = if folder.is_empty() { "." } else { folder };
        // Without the slash at its end, which would hide a file of that name.
        let folder = Path::new(folder).components().collect();
        Ok((folder, Template::parse(rest, &known).map_err(wrong)?))
    }
}

impl SinkConfig for Files {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        let (folder, _) = self.split(context)?;
        let in_the_way = folder.ancestors().find(|path| path.exists() && !path.is_dir());
        match in_the_way {
            None => Ok(()),
            Some(file) => Err(Mistake::at(
                "path",
                format!("`{}` is a file, so it can't hold others: choose another folder", file.display()),
            )),
        }
    }

    fn describe(&self) -> String {
        let Self { path, sync } = self;
        format!("files {path}{}", if *sync { "" } else { ", not synced" })
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>> {
        let (folder, template) = self.split(context)?;
        let cannot = || format!("can't make the folder `{}` of `path`", folder.display());
        let absolute = std::path::absolute(&folder).with_context(cannot)?;
        let there = absolute.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
        make_folders(&absolute, there, self.sync).with_context(cannot)?;
        let store = LocalFileSystem::new_with_prefix(&folder).with_context(cannot)?.with_fsync(self.sync);
        let writer = Writer {
            name: context.part.clone(),
            root: fs::canonicalize(&folder).with_context(cannot)?,
            store,
            sync: self.sync,
            folders: Mutex::default(),
            room: Semaphore::new(AT_ONCE),
            told: AtomicBool::new(false),
        };
        let (job, runtime) = (context.job.clone(), context.runtime.clone());
        Ok(Box::new(FilesSink { template, job, runtime, writer: Arc::new(writer) }))
    }
}

struct FilesSink {
    template: Template,
    job: String,
    runtime: Handle,
    writer: Arc<Writer>,
}

/// A file to be: its path below the root, and what is in it.
type Draft = (String, Bytes);

impl FilesSink {
    /// The files of a parcel. A dead letter has a record beside it, which is there first: bytes without a record would
    /// be a riddle.
    fn drafts(&self, parcel: &Parcel) -> Vec<Draft> {
        let path = self.template.fill(&Names { job: &self.job, frame: &parcel.frame, reason: parcel.reason });
        let record = Letter::of(parcel, &self.job).map(|letter| (format!("{path}.json"), letter.to_json()));
        record.into_iter().chain([(path, parcel.body.clone())]).collect()
    }
}

impl Sink for FilesSink {
    fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
        let start = |parcel| self.runtime.spawn(deliver(self.writer.clone(), self.drafts(parcel)));
        let tasks: Vec<_> = parcels.iter().map(start).collect();
        let mut verdicts = Vec::with_capacity(tasks.len());
        for task in tasks {
            let ended = self.runtime.block_on(task);
            let panicked =
                |panic| Err(Flaw::new(Reason::Panicked, format!("a mistake in Vigie, while writing: {panic}")));
            verdicts.push(ended.unwrap_or_else(panicked));
        }
        verdicts
    }
}

async fn deliver(writer: Arc<Writer>, drafts: Vec<Draft>) -> Result<(), Flaw> {
    let _seat = writer.room.acquire().await;
    for (path, body) in drafts {
        let place = Place::parse(&path).map_err(|error| Flaw::new(Reason::Refused, error.to_string()))?;
        writer.insist(&path, || writer.put(&place, body.clone())).await?;
    }
    Ok(())
}

/// What writes files, for all that are under way.
struct Writer {
    name: String,
    root: PathBuf,
    store: LocalFileSystem,
    sync: bool,
    /// Folders that are there, synced.
    folders: Mutex<HashSet<PathBuf>>,
    room: Semaphore,
    /// Whether the user knows that files can't be written now.
    told: AtomicBool,
}

impl Writer {
    async fn put(self: &Arc<Self>, place: &Place, body: Bytes) -> object_store::Result<()> {
        let path = self.store.path_to_filesystem(place)?;
        if let Some(folder) = path.parent().filter(|folder| !self.folders().contains(*folder)) {
            let (writer, folder) = (self.clone(), folder.to_owned());
            let made = tokio::task::spawn_blocking(move || writer.make(folder)).await;
            let failed = |source: io::Error| object_store::Error::Generic { store: "files", source: source.into() };
            made.unwrap_or_else(|gone| Err(io::Error::other(gone))).map_err(failed)?;
        }
        self.store.put(place, PutPayload::from_bytes(body)).await.map(drop)
    }

    /// Makes a folder that lasts. The store makes folders too, but where two files need the same one, the second may be
    /// done before the folder itself is synced.
    fn make(&self, folder: PathBuf) -> io::Result<()> {
        make_folders(&folder, &self.root, self.sync)?;
        let mut folders = self.folders();
        if folders.len() >= FOLDERS {
            folders.clear();
        }
        folders.insert(folder);
        Ok(())
    }

    fn folders(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.folders.lock().expect("nothing panics in it")
    }

    /// Tries until it is done or will never be. What passes is told once, and once more when it has passed.
    async fn insist<F>(&self, path: &str, mut attempt: impl FnMut() -> F) -> Result<(), Flaw>
    where
        F: Future<Output = object_store::Result<()>>,
    {
        let mut wait = FIRST_WAIT;
        loop {
            let Err(error) = attempt().await else {
                if self.told.swap(false, Ordering::Relaxed) {
                    tracing::info!("sink {}: files are written again", self.name);
                }
                return Ok(());
            };
            if will_never_do(&error) {
                return Err(Flaw::new(Reason::Refused, format!("can't write `{path}`: {error}")));
            }
            // The folder may have been removed: it is made again.
            self.folders().clear();
            if !self.told.swap(true, Ordering::Relaxed) {
                tracing::warn!("sink {}: can't write `{path}`: {error}; it is tried again until it can", self.name);
            }
            tokio::time::sleep(wait).await;
            wait = LONGEST_WAIT.min(wait * 2);
        }
    }
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
mod tests {
    use super::*;
    use operators::{Frame, Number, UnixMillis};

    fn parcel(camera: &str, id: &str, body: &str) -> Parcel {
        let frame = Frame {
            camera: camera.into(),
            number: Number(0),
            id: id.into(),
            captured_at: None,
            received_at: UnixMillis(0),
            origin: Default::default(),
            flaw: None,
            bytes: Bytes::copy_from_slice(body.as_bytes()),
        };
        let body = frame.bytes.clone();
        Parcel { frame: Arc::new(frame), write: None, reason: None, detail: None, body, media: "image/jpeg" }
    }

    struct Bench {
        folder: tempfile::TempDir,
        runtime: tokio::runtime::Runtime,
    }

    impl Bench {
        fn new() -> Self {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            Self { folder: tempfile::tempdir().unwrap(), runtime }
        }

        fn config(&self, path: &str) -> Files {
            Files { path: format!("{}/{path}", self.folder.path().display()), sync: true }
        }

        fn context(&self, part: &str) -> Context {
            Context {
                job: "room".into(),
                part: part.into(),
                folder: ".".into(),
                max_frame_bytes: 1 << 20,
                picture: Default::default(),
                window: operators::Window { frames: 64, bytes: 1 << 20 },
                batch: 3,
                worker: 0,
                share: Default::default(),
                board: Default::default(),
                runtime: self.runtime.handle().clone(),
            }
        }

        fn write(&self, path: &str, part: &str, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
            self.config(path).open(&self.context(part)).unwrap().write(parcels)
        }

        /// Every file below the folder, by its path, in order.
        fn files(&self) -> Vec<(String, String)> {
            let pattern = format!("{}/**/*", self.folder.path().display());
            let files = glob::glob(&pattern).unwrap().map(Result::unwrap).filter(|path| path.is_file());
            files
                .map(|path| {
                    let name = path.strip_prefix(self.folder.path()).unwrap().display().to_string();
                    (name, fs::read_to_string(&path).unwrap())
                })
                .collect()
        }
    }

    #[test]
    fn each_parcel_is_one_file() {
        let bench = Bench::new();
        let parcels: Vec<_> = (0..40).map(|i| parcel("door", &format!("{i:02}"), &format!("body {i}"))).collect();
        assert!(bench.write("out/{camera}/{id}.jpg", "pictures", &parcels).iter().all(Result::is_ok));
        let expected: Vec<_> = (0..40).map(|i| (format!("out/door/{i:02}.jpg"), format!("body {i}"))).collect();
        assert_eq!(bench.files(), expected, "all of them whole, and no passing file left");
    }

    #[test]
    fn a_frame_that_comes_again_gives_the_same_file() {
        let bench = Bench::new();
        let parcels = [parcel("door", "1", "first"), parcel("door", "1", "first")];
        bench.write("{camera}/{id}", "pictures", &parcels);
        bench.write("{camera}/{id}", "pictures", &[parcel("door", "1", "again")]);
        assert_eq!(bench.files(), [("door/1".to_owned(), "again".to_owned())]);
    }

    #[test]
    fn no_name_leaves_the_folder() {
        let bench = Bench::new();
        let names = ["../../x", "..", "/etc/x", "a%2Fb", "a#1", "é ü", "\0"];
        let parcels: Vec<_> = names.iter().map(|name| parcel(name, "1", name)).collect();
        let verdicts = bench.write("out/{camera}", "pictures", &parcels);
        assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
        let files = bench.files();
        assert_eq!(files.len(), names.len(), "{files:?}");
        assert!(files.iter().all(|(path, _)| path.starts_with("out/") && path.matches('/').count() == 1), "{files:?}");
        assert!(files.iter().any(|(path, _)| path == "out/a%252Fb"), "names stand on the disk as they were escaped");
    }

    #[test]
    fn what_will_never_be_taken_is_refused_and_the_rest_is_written() {
        let bench = Bench::new();
        fs::create_dir_all(bench.folder.path().join("out/folder")).unwrap();
        fs::write(bench.folder.path().join("out/file"), "").unwrap();
        let long = "n".repeat(200);
        let parcels = [parcel("a", "folder", ""), parcel("a", "good", "x")];
        let verdicts = bench.write("out/{id}", "pictures", &parcels);
        assert_eq!(verdicts[0].as_ref().unwrap_err().reason, Reason::Refused);
        assert!(verdicts[1].is_ok());
        let verdicts = bench.write("out/{camera}/{id}", "pictures", &[parcel("file", "1", "x")]);
        assert_eq!(verdicts[0].as_ref().unwrap_err().reason, Reason::Refused, "a file stands where a folder should");
        let verdicts = bench.write("out/{camera}{id}", "pictures", &[parcel(&long, &long, "x")]);
        assert_eq!(verdicts[0].as_ref().unwrap_err().reason, Reason::Refused, "a name that is too long");
    }

    #[test]
    fn a_dead_letter_has_a_record_beside_it() {
        let bench = Bench::new();
        let mut letter = parcel("door", "7", "not a picture");
        letter.reason = Some(Reason::Undecodable);
        letter.detail = Some("it starts with `not`".into());
        assert!(bench.write("dead/{camera}/{id}-{reason}", "dead", &[letter])[0].is_ok());
        let files = bench.files();
        assert_eq!(files[0], ("dead/door/7-undecodable".to_owned(), "not a picture".to_owned()));
        assert_eq!(files[1].0, "dead/door/7-undecodable.json");
        let record: Letter = serde_json::from_str(&files[1].1).unwrap();
        assert_eq!((record.reason.as_str(), record.bytes), ("undecodable", 13));
        assert_eq!(record.detail, "it starts with `not`");
    }

    #[test]
    fn a_full_disk_is_waited_for() {
        let bench = Bench::new();
        let config = bench.config("{id}");
        let (root, _) = config.split(&bench.context("pictures")).unwrap();
        let writer = Writer {
            name: "pictures".into(),
            store: LocalFileSystem::new_with_prefix(&root).unwrap(),
            root,
            sync: true,
            folders: Mutex::default(),
            room: Semaphore::new(1),
            told: AtomicBool::new(false),
        };
        let mut left = [ErrorKind::StorageFull, ErrorKind::PermissionDenied].into_iter();
        let attempt = || {
            let failed = left
                .next()
                .map(|kind| object_store::Error::Generic { store: "files", source: Box::new(io::Error::from(kind)) });
            std::future::ready(failed.map_or(Ok(()), Err))
        };
        assert_eq!(bench.runtime.block_on(writer.insist("a", attempt)), Ok(()));
        assert_eq!(left.next(), None, "both errors were met, and got over");
    }

    #[test]
    fn a_path_is_checked() {
        let bench = Bench::new();
        let wrong = |path: &str, part: &str| bench.config(path).check(&bench.context(part)).unwrap_err().what;
        assert!(wrong("out/{camera}/{reason}", "pictures").contains("unknown field `{reason}`"));
        assert!(wrong("out/{camera}/../{id}", "pictures").contains("names no file"));
        assert!(wrong("out/", "pictures").contains("names no file"));
        fs::write(bench.folder.path().join("file"), "").unwrap();
        assert!(wrong("file/{id}", "pictures").contains("is a file"));
        assert_eq!(bench.config("new/{camera}/{id}-{reason}").check(&bench.context("dead")), Ok(()));
    }
}
