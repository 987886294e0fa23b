//! Documents in servers that speak MongoDB's language. None of them is MongoDB: they know no quorum and no expiry, and what
//! MongoDB says of those is tested where its words are read (`src/sinks/mongodb`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Instant;

use ::mongodb::bson::{Binary, Bson, DateTime, Document, doc};
use ::mongodb::{Client, Database};
use tokio::runtime::Runtime;
use vigie::codec;
use vigie::sources::synthetic::View;

use crate::support::servers::Mongo;
use crate::support::toxiproxy::Toxiproxy;
use crate::support::{Process, files, frames, free_port, page, turn, wait};

/// What tests look at a server with.
struct Eye {
    runtime: Runtime,
    database: Database,
}

impl Eye {
    fn on(server: &Mongo) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let client = runtime.block_on(Client::with_uri_str(server.url())).expect("a client");
        Self { database: client.database("room"), runtime }
    }

    /// The documents of a collection, by their `_id`.
    fn documents(&self, collection: &str) -> BTreeMap<String, Document> {
        let all = async {
            let mut cursor = self.database.collection::<Document>(collection).find(doc! {}).await?;
            let mut found = BTreeMap::new();
            while cursor.advance().await? {
                let document = Document::try_from(cursor.current())?;
                let id = document.get_str("_id").expect("a text").to_owned();
                assert!(found.insert(id, document).is_none(), "an id names one document");
            }
            ::mongodb::error::Result::Ok(found)
        };
        self.runtime.block_on(all).expect("the server answers")
    }

    fn insert(&self, collection: &str, documents: Vec<Document>) {
        let collection = self.database.collection::<Document>(collection);
        self.runtime.block_on(async { collection.insert_many(documents).await }).expect("they are written");
    }

    fn names(&self) -> BTreeSet<String> {
        let names = self.runtime.block_on(async { self.database.list_collection_names().await });
        names.expect("the server answers").into_iter().collect()
    }

    /// The indexes of a collection, by their names.
    fn indexes(&self, collection: &str) -> Vec<String> {
        let collection = self.database.collection::<Document>(collection);
        self.runtime.block_on(async { collection.list_index_names().await }).expect("the server answers")
    }
}

/// A job file: a source and what else stands in it.
fn job(folder: &Path, name: &str, source: &str, rest: &str) -> String {
    let path = folder.join(format!("{name}.toml"));
    let text = format!("name = \"{name}\"\n\n[source.cameras]\n{source}\n{rest}\n");
    fs::write(&path, text).expect("a job file");
    path.display().to_string()
}

/// Rendered cameras of small pictures.
fn cameras(cameras: u32, count: u64, more: &str) -> String {
    format!(
        "kind = \"synthetic\"\ncameras = {cameras}\ncount = {count}\nsize = \"160x120\"\nscene = \"room\"\nseed = 7\n{more}"
    )
}

/// A sink of documents.
fn sink(name: &str, url: &str, collection: &str, write: &str, more: &str) -> String {
    format!(
        "[sink.{name}]\nkind = \"mongodb\"\nfrom = \"cameras\"\nurl = \"{url}\"\ndatabase = \"room\"\n\
         collection = \"{collection}\"\nwrite = {write}\n{more}\n"
    )
}

/// Runs a job to its end.
fn run(job: &str, workers: &str) -> String {
    let mut process = Process::vigie(&["run", job, "-w", workers]);
    assert!(process.end().success(), "{}", process.said());
    process.said()
}

/// The bytes of a field.
fn bytes<'d>(document: &'d Document, field: &str) -> &'d [u8] {
    match document.get(field) {
        Some(Bson::Binary(Binary { bytes, .. })) => bytes,
        other => panic!("{field} is {:?}", other.map(Bson::element_type)),
    }
}

fn one_document_a_frame(server: &Mongo) {
    let (folder, eye) = (tempfile::tempdir().expect("a folder"), Eye::on(server));
    let sink = sink("store", &server.url(), "camera-{camera}-processed", "[\"image\", \"report\"]", "");
    let job = job(folder.path(), "room", &cameras(4, 50, ""), &sink);
    let mut first = None;
    for _ in 0..2 {
        let start = Instant::now();
        run(&job, "2");
        println!("200 frames took {:?}", start.elapsed());
        assert_eq!(eye.names().len(), 4, "{:?}", eye.names());
        for camera in 0..4 {
            let view = View::new(7, camera, (160, 120), Some("room"));
            let documents = eye.documents(&format!("camera-room-{camera}-processed"));
            assert_eq!(documents.len(), 50, "one a frame, however often it comes");
            for number in 0..50 {
                let document = &documents[&format!("room/room-{camera}/{number}")];
                let image = bytes(document, "image");
                assert_eq!(image, &view.frame(number).0[..]);
                assert!(codec::decode(image, &Default::default()).is_ok());
                let report = document.get_document("report").expect("fields");
                assert_eq!(report.get_i64("number").expect("a number"), number as i64);
                assert_eq!(report.get_str("camera").expect("text"), format!("room-{camera}"));
                assert_eq!(document.get_i64("number").expect("a number"), number as i64);
                assert_eq!(document.get_str("job").expect("text"), "room");
                assert_eq!(document.get_str("image_media").expect("text"), "image/jpeg");
                assert_eq!(document.get_i64("image_bytes").expect("a number"), image.len() as i64);
                assert!(document.get_i64("report_bytes").expect("a number") > 0);
                assert!(document.get_datetime("received_at").is_ok() && document.get_datetime("stored_at").is_ok());
            }
            if camera == 0 {
                let stored = *documents["room/room-0/0"].get_datetime("stored_at").expect("a date");
                assert!(first.is_none_or(|first| first < stored), "it was written anew");
                first = Some(stored);
            }
        }
    }
}

/// Catches a picture that is changed on its way, a report that is in another document, and doubles.
#[test]
fn one_document_a_frame_in_mongo_java() {
    let _turn = turn();
    Mongo::fast().iter().for_each(one_document_a_frame);
}

/// The same, on a server with a store.
#[test]
fn one_document_a_frame_in_ferretdb() {
    let _turn = turn();
    Mongo::ferret().iter().for_each(one_document_a_frame);
}

/// Runs two jobs, at once or one after the other, that write to the same documents.
fn what_has_one_name_meets(server: &Mongo, at_once: bool) {
    let (folder, eye) = (tempfile::tempdir().expect("a folder"), Eye::on(server));
    let (source, url) = (cameras(2, 20, ""), server.url());
    let one = "id = \"{camera}/{id}\"";
    let raw = job(folder.path(), "raw", &source, &sink("raw", &url, "all", "\"frame\"", one));
    let apart = || sink("pictures", &url, "all", "\"image\"", one) + &sink("reports", &url, "all", "\"report\"", one);
    let together = || sink("both", &url, "all", "[\"image\", \"report\"]", one);
    let seen = job(folder.path(), "seen", &source, &if at_once { apart() } else { together() });
    let mut processes = Vec::new();
    for job in [raw, seen] {
        processes.push(Process::vigie(&["run", &job, "-w", "2"]));
        if !at_once {
            processes.last_mut().map(Process::end);
        }
    }
    for process in &mut processes {
        assert!(process.end().success(), "{}", process.said());
        assert!(process.said().contains("40 results"), "{}", process.said());
    }
    let documents = eye.documents("all");
    assert_eq!(documents.len(), 40);
    for (id, document) in documents {
        assert_eq!(bytes(&document, "frame"), bytes(&document, "image"), "{id}");
        assert!(document.get_document("report").is_ok(), "{id}");
    }
}

/// Catches a document that one job takes from another, and two that write one at the same moment. FerretDB itself loses
/// one of those: it reads a document, and writes it back as a whole.
#[test]
fn two_jobs_meet_in_one_document() {
    let _turn = turn();
    Mongo::fast().iter().for_each(|server| what_has_one_name_meets(server, true));
    Mongo::ferret().iter().for_each(|server| what_has_one_name_meets(server, false));
}

fn one_bad_document_spoils_no_other(server: &Mongo) {
    let (folder, eye) = (tempfile::tempdir().expect("a folder"), Eye::on(server));
    eye.insert("all", vec![doc! { "_id": "mine", "number": 17_i64 }, doc! { "_id": "mine too", "number": 30_i64 }]);
    let unique =
        doc! { "createIndexes": "all", "indexes": [{ "key": { "number": 1 }, "name": "number_1", "unique": true }] };
    eye.runtime.block_on(async { eye.database.run_command(unique).await }).expect("an index");
    let dead = format!("[dead]\nkind = \"files\"\npath = \"{}/dead/{{id}}-{{reason}}\"\n", folder.path().display());
    let store = sink("store", &server.url(), "all", "[\"image\", \"report\"]", "");
    let said = run(&job(folder.path(), "room", &cameras(1, 60, ""), &(store + &dead)), "2");
    assert!(said.contains("58 results") && said.contains("2 dead"), "{said}");
    assert_eq!(eye.documents("all").len(), 60);
    let letters: Vec<_> =
        files(&folder.path().join("dead")).into_iter().filter(|name| !name.ends_with(".json")).collect();
    assert_eq!(letters, ["17-refused", "30-refused"]);
}

/// Catches a command that is counted as done although the server stopped in it (FerretDB does at the first error,
/// whatever `ordered` says), and a document that is refused for ever and holds up all behind it.
#[test]
fn one_refused_document_spoils_no_other() {
    let _turn = turn();
    Mongo::fast().iter().for_each(one_bad_document_spoils_no_other);
    Mongo::ferret().iter().for_each(one_bad_document_spoils_no_other);
}

/// `count` documents of 1,000 bytes, the last one written now and each 4 s after the one before.
fn small(count: i64) -> Vec<Document> {
    let now = DateTime::now().timestamp_millis();
    let document = |at: i64| {
        let stored = DateTime::from_millis(now - (count - 1 - at) * 4_000);
        doc! { "_id": format!("small-{at:04}"), "stored_at": stored, "image_bytes": 600_i64, "report_bytes": 400_i64 }
    };
    (0..count).map(document).collect()
}

/// Starts a job that writes a small picture now and then, and keeps what `keep` says.
fn keeping(folder: &Path, url: &str, keep: &str) -> Process {
    let store = sink("store", url, "camera-{camera}", "\"report\"", &format!("keep = {keep}"));
    let source = "kind = \"synthetic\"\nsize = \"160x120\"\nscene = \"room\"\nrate = 0.5\n";
    Process::vigie(&["run", &job(folder, "keeper", source, &store), "-w", "2"])
}

fn the_oldest_go(server: &Mongo) {
    let (folder, eye) = (tempfile::tempdir().expect("a folder"), Eye::on(server));
    eye.insert("camera-room-0", small(2_000));
    eye.insert("camera-room-0", vec![doc! { "_id": "not ours", "at": DateTime::from_millis(0) }]);
    eye.insert("other", vec![doc! { "_id": "not ours", "stored_at": DateTime::from_millis(0) }]);
    let left = || eye.documents("camera-room-0").into_keys().filter(|id| id.starts_with("small-")).collect::<Vec<_>>();
    let stock = |worker: &Process, what: &str| page(worker).get(&format!("stored_{what}{{part=\"store\"}}")).copied();

    let start = Instant::now();
    let worker = keeping(folder.path(), &server.url(), "{ age = \"1h\", every = \"200ms\" }");
    let kept = wait("the old to go", || Some(left()).filter(|left| left.len() <= 900));
    println!("1,100 of 2,000 were deleted after {:?}", start.elapsed());
    assert!(kept.len() > 850 && kept.last().is_some_and(|id| id == "small-1999"), "{} are left", kept.len());
    let bytes = wait("the page", || stock(&worker, "bytes").filter(|bytes| *bytes < 1_000_000.0));
    assert!(bytes > 800_000.0 && stock(&worker, "items").is_some_and(|items| items > 850.0), "{:?}", page(&worker));
    let oldest = stock(&worker, "oldest_seconds");
    assert!(oldest.is_some_and(|oldest| (3_000.0..=3_601.0).contains(&oldest)), "{oldest:?}");
    let index = |name: &str| eye.indexes("camera-room-0").iter().any(|index| index == name);
    assert!(index("vigie_expiring") || index("vigie_stored_at"), "{:?}", eye.indexes("camera-room-0"));
    drop(worker);

    let start = Instant::now();
    let worker = keeping(folder.path(), &server.url(), "{ size = \"500 kB\", every = \"200ms\" }");
    let kept = wait("the too much to go", || Some(left()).filter(|left| left.len() <= 500));
    println!("400 of 900 were deleted after {:?}", start.elapsed());
    assert!(kept.len() > 400 && kept.last().is_some_and(|id| id == "small-1999"), "{} are left", kept.len());
    assert_eq!(kept.len(), 1 + 1999 - kept[0][6..].parse::<usize>().expect("a number"), "the newest, without a gap");
    let bytes = wait("the page", || stock(&worker, "bytes"));
    assert!((400_000.0..=500_000.0).contains(&bytes), "{bytes}");
    assert!(stock(&worker, "days_until_full").is_some_and(|days| days >= 0.0), "{:?}", page(&worker));
    assert!(index("vigie_stored_at") && !index("vigie_expiring"), "what is kept by size alone does not expire");
    assert!(eye.documents("camera-room-0").contains_key("not ours"), "what has no age is not ours");
    assert_eq!(eye.documents("other").len(), 1, "nor is what the template can't have named");
}

/// Catches a store that outgrows its limits, and one that deletes the new, or what is somebody else's.
#[test]
fn the_oldest_documents_go() {
    let _turn = turn();
    Mongo::fast().iter().for_each(the_oldest_go);
    Mongo::ferret().iter().for_each(the_oldest_go);
}

/// Catches a frame that is lost with its server, and a sink that does not come back with it.
#[test]
fn a_server_that_stops_and_starts_loses_nothing() {
    let _turn = turn();
    let Some(mut server) = Mongo::ferret() else { return };
    let (folder, eye) = (tempfile::tempdir().expect("a folder"), Eye::on(&server));
    let store = sink("store", &server.url(), "all", "[\"image\", \"report\"]", "");
    let job = job(folder.path(), "room", &cameras(1, 400, "rate = 40"), &store);
    let mut worker = Process::vigie(&["run", &job, "-w", "2"]);
    let results = |worker: &Process| page(worker)["results_total{}"];
    wait("results in mid-stream", || (results(&worker) >= 20.0).then_some(()));
    server.stop();
    let start = Instant::now();
    let said =
        wait("a word about the server", || Some(worker.said()).filter(|said| said.contains("waiting for mongodb")));
    println!("told after {:?}: {said}", start.elapsed());
    wait("the page", || page(&worker).keys().any(|name| name.starts_with("waiting_seconds")).then_some(()));
    let before = results(&worker);
    server.restart();
    let start = Instant::now();
    wait("more results", || (results(&worker) > before).then_some(()));
    println!("went on after {:?}", start.elapsed());
    assert!(worker.end().success(), "{}", worker.said());
    let said = worker.said();
    assert!(said.contains("mongodb answers again") && said.contains("400 results"), "{said}");
    let documents = eye.documents("all");
    assert_eq!(documents.len(), 400);
    assert!(documents.values().all(|document| document.contains_key("image") && document.contains_key("report")));
}

/// Catches a sink that waits for ever for an answer that never comes.
#[test]
fn a_server_behind_a_black_hole_is_noticed() {
    let _turn = turn();
    let (Some(server), Some(toxiproxy)) = (Mongo::ferret(), Toxiproxy::start()) else { return };
    let (folder, eye) = (tempfile::tempdir().expect("a folder"), Eye::on(&server));
    let port = server.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let proxy = toxiproxy.proxy("mongodb", port);
    let store = sink("store", &format!("mongodb://127.0.0.1:{}", proxy.port), "all", "[\"image\", \"report\"]", "");
    let job = job(folder.path(), "room", &cameras(1, 400, "rate = 40"), &store);
    let mut worker = Process::vigie(&["run", &job, "-w", "2"]);
    wait("results in mid-stream", || (page(&worker)["results_total{}"] >= 20.0).then_some(()));
    proxy.black_hole();
    let start = Instant::now();
    let said =
        wait("a word about the server", || Some(worker.said()).filter(|said| said.contains("waiting for mongodb")));
    println!("told after {:?}: {said}", start.elapsed());
    proxy.heal();
    let start = Instant::now();
    wait("an answer", || worker.said().contains("mongodb answers again").then_some(()));
    println!("went on after {:?}", start.elapsed());
    assert!(worker.end().success(), "{}", worker.said());
    assert_eq!(eye.documents("all").len(), 400, "{}", worker.said());
}

/// Catches a document that no server takes and that is tried for ever, or lost; and a dead letter without its reason.
#[test]
fn what_is_too_large_goes_elsewhere() {
    let _turn = turn();
    let Some(server) = Mongo::fast() else { return };
    let (folder, eye) = (tempfile::tempdir().expect("a folder"), Eye::on(&server));
    let (pictures, out) = (folder.path().join("door"), folder.path().display());
    fs::create_dir(&pictures).expect("a folder");
    let small = frames(1).remove(0);
    let mut large = small.clone();
    large.resize(17_000_000, 0);
    fs::write(pictures.join("small.jpg"), &small).expect("a file");
    fs::write(pictures.join("large.jpg"), &large).expect("a file");
    fs::write(pictures.join("odd.jpg"), b"no picture").expect("a file");
    let source = format!("kind = \"files\"\npath = \"{}/*.jpg\"\n", pictures.display());
    let limits = "[limits]\nmax_frame_bytes = \"20MiB\"\n";

    let store = sink("store", &server.url(), "frames", "\"frame\"", "");
    let dead = format!("[dead]\nkind = \"files\"\npath = \"{out}/dead/{{id}}-{{reason}}\"\n");
    let said = run(&job(folder.path(), "room", &source, &format!("{store}{dead}{limits}")), "1");
    let letters = files(&folder.path().join("dead"));
    assert!(letters.iter().any(|name| name == "large-too-large"), "{letters:?} {said}");
    let documents = eye.documents("frames");
    assert!(!documents.contains_key("room/door/large"), "{:?}", documents.keys());
    assert_eq!(bytes(&documents["room/door/small"], "frame"), small);

    let store = sink("store", &server.url(), "notes", "\"frame\"", "overflow = \"elsewhere\"");
    let other = format!("[sink.elsewhere]\nkind = \"files\"\npath = \"{out}/elsewhere/{{id}}.jpg\"\nwrite = []\n");
    let dead = format!(
        "[dead]\nkind = \"mongodb\"\nurl = \"{}\"\ndatabase = \"room\"\ncollection = \"dead-{{reason}}\"\n",
        server.url()
    );
    let images = sink("images", &server.url(), "images", "\"image\"", "");
    let said = run(&job(folder.path(), "room", &source, &format!("{store}{other}{images}{dead}{limits}")), "1");
    let note = &eye.documents("notes")["room/door/large"];
    let reference = note.get_document("frame").expect("a note").get_str("reference").expect("where").to_owned();
    assert!(reference.contains("large"), "{reference}");
    assert_eq!(fs::metadata(folder.path().join("elsewhere/large.jpg")).expect("the file").len(), 17_000_000);
    let image = &eye.documents("images")["room/door/large"];
    assert!(codec::decode(bytes(image, "image"), &Default::default()).is_ok(), "a picture is made smaller");
    let names = eye.names();
    let letters = names.iter().find(|name| name.starts_with("dead-")).unwrap_or_else(|| panic!("{names:?} {said}"));
    let letter = &eye.documents(letters)["room/door/odd"];
    assert_eq!(bytes(letter, "frame"), b"no picture");
    let reason = letter.get_document("letter").expect("a letter").get_str("reason").expect("a reason");
    assert_eq!(*letters, format!("dead-{reason}"));
}

/// Catches a password that is said, on the terminal, on the page or in the most talkative log.
#[test]
fn no_password_is_ever_said() {
    const SECRET: &str = "s3kr1t";
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let server = Mongo::ferret();
    let ports = [Some(free_port()), server.as_ref().and_then(|server| server.url().rsplit(':').next()?.parse().ok())];
    for port in ports.into_iter().flatten() {
        let url = format!("mongodb://root:{SECRET}@127.0.0.1:{port}/?authSource=admin");
        let store = sink("store", &url, "all", "\"report\"", "keep = { size = \"1MiB\", every = \"1s\" }");
        let job = job(folder.path(), "room", &cameras(1, 5, ""), &store);
        let mut check = Process::vigie(&["check", &job]);
        assert!(check.end().success());
        let check = wait("what it checked", || Some(check.said()).filter(|said| said.contains("sink")));
        assert!(check.contains(&format!("MongoDB mongodb://127.0.0.1:{port}, room.all")), "{check}");
        let talkative = [("VIGIE_LOG", "trace")];
        let worker = Process::start(env!("CARGO_BIN_EXE_vigie"), &["run", &job, "-w", "1"], &talkative);
        let said =
            wait("a word about the server", || Some(worker.said()).filter(|said| said.contains("waiting for mongodb")));
        println!("{}", said.lines().filter(|line| line.contains("mongodb")).collect::<Vec<_>>().join("\n"));
        let shown = format!("{check}{said}{:?}", page(&worker));
        assert!(!shown.contains(SECRET), "{shown}");
    }
}
