use super::*;
use crate::delivery::insist;
use crate::letter::Letter;
use crate::sinks::Parcel;
use crate::sinks::objects::tests::{self as fixtures, parcel};

struct Bench {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), runtime: fixtures::runtime() }
    }

    fn config(&self, path: &str) -> Files {
        Files { path: format!("{}/{path}", self.folder.path().display()), sync: true, keep: None }
    }

    fn context(&self, part: &str) -> Context {
        fixtures::context(part, &self.runtime)
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
fn a_full_disk_is_waited_for_and_the_folder_is_made_again() {
    let bench = Bench::new();
    let root = fs::canonicalize(bench.folder.path()).unwrap();
    let disk = Disk {
        store: LocalFileSystem::new_with_prefix(&root).unwrap(),
        folder: "out".into(),
        root: root.clone(),
        sync: true,
        folders: Mutex::new([(root.join("door"), Instant::now())].into()),
    };
    assert!(disk.believes_in(&root.join("door")));
    let mut left = [ErrorKind::StorageFull, ErrorKind::PermissionDenied, ErrorKind::NotFound].into_iter();
    let attempt = || {
        let trouble = left.next().map(|kind| disk.trouble("door/1", &failed(io::Error::from(kind))));
        std::future::ready(trouble.map_or(Ok(()), Err))
    };
    let context = bench.context("pictures");
    assert_eq!(bench.runtime.block_on(insist(&context.post("files"), attempt)), Ok(()));
    assert_eq!(left.next(), None, "all three were met, and got over");
    assert!(!disk.believes_in(&root.join("door")));
}

#[test]
fn a_folder_that_was_removed_is_made_again() {
    let bench = Bench::new();
    let mut sink = bench.config("out/{camera}/{id}").open(&bench.context("pictures")).unwrap();
    assert_eq!(sink.write(&[parcel("door", "1", "first")]), [Ok(())]);
    fs::remove_dir_all(bench.folder.path().join("out/door")).unwrap();
    assert_eq!(sink.write(&[parcel("door", "2", "second")]), [Ok(())]);
    assert_eq!(bench.files(), [("out/door/2".to_owned(), "second".to_owned())]);
}

#[test]
fn a_place_is_the_path_as_the_job_writes_it() {
    let bench = Bench::new();
    let sink = bench.config("out/{camera}/{id}.jpg").open(&bench.context("pictures")).unwrap();
    let place = format!("{}/out/a%2Fb/7.jpg", bench.folder.path().display());
    assert_eq!(sink.place(&parcel("a/b", "7", "")), place);
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
    let keep = Some(toml::from_str("every = '1s'").unwrap());
    let forgetful = Files { keep, ..bench.config("new/{id}") };
    assert!(forgetful.check(&bench.context("pictures")).unwrap_err().what.contains("neither `age` nor `size`"));
}

/// Catches a keeper that is not started, or one that each worker starts.
#[test]
fn the_first_worker_looks_after_what_is_kept() {
    let bench = Bench::new();
    let config = || {
        let keep = toml::from_str("size = 10\nevery = '100ms'").unwrap();
        Files { keep: Some(keep), ..bench.config("out/{camera}/{id}.jpg") }
    };
    let notes = bench.folder.path().join("out/door/notes.txt");
    let count = || fs::read_dir(notes.parent().unwrap()).unwrap().count();
    for (worker, kept) in [(1, 40), (0, 5)] {
        let context = Context { worker, ..bench.context("pictures") };
        let mut sink = config().open(&context).unwrap();
        let parcels: Vec<_> = (0..40).map(|i| parcel("door", &format!("{i}"), "xy")).collect();
        assert!(sink.write(&parcels).iter().all(Result::is_ok));
        fs::write(&notes, "of others").unwrap();
        let start = Instant::now();
        let long = Duration::from_millis(if worker == 0 { 20_000 } else { 300 });
        while (count() > 6 || context.board.stocks().is_empty()) && start.elapsed() < long {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(count(), kept + 1, "with the file of others");
        assert_eq!(context.board.stocks().len(), usize::from(worker == 0));
    }
}
