//! The S3 sink against a real server, and retention of objects and of files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path as Place;
use object_store::{Attribute, ObjectStoreExt as _};
use tokio::runtime::Runtime;
use vigie::codec::{self, Limits};
use vigie::letter::Letter;
use vigie::sources::synthetic::View;

use crate::support::servers::S3;
use crate::support::{Process, files, page, turn, wait};

const VIGIE: &str = env!("CARGO_BIN_EXE_vigie");

/// What the test sees of a bucket.
struct Bucket {
    store: AmazonS3,
    runtime: Runtime,
}

impl Bucket {
    /// A bucket that may not be there yet.
    fn of(server: &S3, name: &str) -> Self {
        let builder = AmazonS3Builder::new().with_endpoint(server.endpoint()).with_allow_http(true);
        let builder = builder.with_access_key_id(S3::KEY).with_secret_access_key(S3::SECRET);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        Self { store: builder.with_bucket_name(name).build().expect("a client"), runtime }
    }

    fn made(server: &S3, name: &str) -> Self {
        server.bucket(name);
        Self::of(server, name)
    }

    /// The size of each object, by its key.
    fn list(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        let mut token = None;
        loop {
            let options = PaginatedListOptions { page_token: token, ..Default::default() };
            let page = self.runtime.block_on(self.store.list_paginated(None, options)).expect("a listing");
            all.extend(page.result.objects.into_iter().map(|object| (object.location.to_string(), object.size)));
            token = page.page_token;
            if token.is_none() {
                return all;
            }
        }
    }

    fn put(&self, key: &str, body: Vec<u8>) {
        let place = Place::parse(key).expect("a key");
        let put = self.store.put(&place, body.into());
        self.runtime.block_on(put).expect("it is put");
    }

    /// Puts many at once.
    fn put_all(&self, keys: impl Iterator<Item = String>, size: usize) {
        let keys: Vec<_> = keys.collect();
        self.runtime.block_on(async {
            for keys in keys.chunks(32) {
                let put = |key: &String| {
                    let (store, place) = (self.store.clone(), Place::parse(key).expect("a key"));
                    tokio::spawn(async move { store.put(&place, vec![0; size].into()).await })
                };
                for task in keys.iter().map(put).collect::<Vec<_>>() {
                    task.await.expect("no panic").expect("it is put");
                }
            }
        });
    }

    /// What is in an object, and what it says of itself: its content type, and its metadata.
    fn get(&self, key: &str) -> (Vec<u8>, String, BTreeMap<String, String>) {
        let place = Place::parse(key).expect("a key");
        let (read, body) = self.runtime.block_on(async {
            let got = self.store.get(&place).await.unwrap_or_else(|e| panic!("{key}: {e}"));
            (got.attributes.clone(), got.bytes().await.expect("a body"))
        });
        let mut metadata = BTreeMap::new();
        for (name, value) in &read {
            if let Attribute::Metadata(name) = name {
                metadata.insert(name.to_string(), value.to_string());
            }
        }
        let media = read.get(&Attribute::ContentType).map(|value| value.to_string());
        (body.to_vec(), media.unwrap_or_default(), metadata)
    }
}

fn view() -> View {
    View::new(7, 0, (160, 120), Some("room"))
}

/// A job that puts frames into the bucket as they come. `source` and `sink` are more keys of their tables.
fn job(folder: &Path, server: &S3, url: &str, source: &str, sink: &str, rest: &str) -> String {
    let (path, endpoint) = (folder.join("job.toml"), server.endpoint());
    let text = format!(
        r#"name = "night"
[source.cameras]
kind = "synthetic"
cameras = 1
scene = "room"
size = "160x120"
seed = 7
{source}
[sink.faces]
kind = "s3"
url = "{url}"
endpoint = "{endpoint}"
write = "frame"
{sink}
{rest}
"#
    );
    fs::write(&path, text).expect("a job file");
    path.display().to_string()
}

fn run(job: &str, more: &[&str]) -> Process {
    let environment = [("AWS_ACCESS_KEY_ID", S3::KEY), ("AWS_SECRET_ACCESS_KEY", S3::SECRET)];
    Process::start(VIGIE, &[&["run", job], more].concat(), &environment)
}

fn ends_well(process: &mut Process) {
    let status = process.end();
    assert!(status.success(), "{}", process.said());
}

/// Catches a frame that is written twice or not at all, and an object that does not say whose picture it is.
#[test]
fn every_frame_is_one_object() {
    let _turn = turn();
    let Some(server) = S3::start() else { return };
    let (bucket, folder) = (Bucket::made(&server, "faces"), tempfile::tempdir().expect("a folder"));
    let job = job(folder.path(), &server, "s3://faces/{job}/{camera}/{date}/{id}.jpg", "count = 100", "", "");
    ends_well(&mut run(&job, &["-w", "2"]));
    let keys: BTreeSet<_> = bucket.list().into_keys().collect();
    assert_eq!(keys.len(), 100, "{keys:?}");
    let day = keys.first().and_then(|key| key.split('/').nth(2)).expect("a day").to_owned();
    for number in 0..100 {
        let key = format!("night/room-0/{day}/{number}.jpg");
        let (body, media, metadata) = bucket.get(&key);
        assert_eq!(media, "image/jpeg");
        let said = ["camera", "id", "number", "job"].map(|name| metadata.get(name).cloned().unwrap_or_default());
        assert_eq!(said, ["room-0", &number.to_string(), &number.to_string(), "night"], "{metadata:?}");
        assert_eq!(body, view().frame(number).0, "{key}");
        assert!(codec::decode(&body, &Limits::default()).is_ok());
    }
    // Sent again, each writes its own object over: those of a key without a day.
    let again = self::job(folder.path(), &server, "s3://faces/again/{camera}/{id}.jpg", "count = 20", "", "");
    for _ in 0..2 {
        ends_well(&mut run(&again, &[]));
    }
    assert_eq!(bucket.list().len(), 120);
}

/// Catches a frame that is lost while the server is away, and a sink that does not notice that it is back.
#[test]
fn a_server_that_goes_away_is_waited_for() {
    let _turn = turn();
    let Some(mut server) = S3::start() else { return };
    let (bucket, folder) = (Bucket::made(&server, "faces"), tempfile::tempdir().expect("a folder"));
    let job = job(folder.path(), &server, "s3://faces/{camera}/{id}.jpg", "count = 300\nrate = 100", "", "");
    let mut process = run(&job, &["-w", "2"]);
    wait("the first objects", || (bucket.list().len() > 50).then_some(()));
    server.stop();
    wait("the notice", || process.said().contains("faces: waiting for s3: ").then_some(()));
    wait("the metric", || {
        let waiting = r#"waiting_seconds{part="faces",server="s3"}"#;
        page(&process).get(waiting).filter(|seconds| **seconds > 2.0).map(drop)
    });
    let before = page(&process)["results_total{}"];
    server.restart();
    let back = Instant::now();
    wait("more results", || (page(&process)["results_total{}"] > before).then_some(()));
    assert!(back.elapsed() < Duration::from_secs(10), "it went on after {:?}", back.elapsed());
    println!("went on {:?} after the server was back", back.elapsed());
    ends_well(&mut process);
    assert!(process.said().contains("faces: s3 answers again"), "{}", process.said());
    let keys: BTreeSet<_> = bucket.list().into_keys().collect();
    assert_eq!(keys, (0..300).map(|number| format!("room-0/{number}.jpg")).collect(), "nothing is lost");
}

/// Catches a bucket that is not there and is not told, or stops the job for ever.
#[test]
fn a_bucket_that_is_missing_is_told_in_words() {
    let _turn = turn();
    let Some(server) = S3::start() else { return };
    let (bucket, folder) = (Bucket::of(&server, "late"), tempfile::tempdir().expect("a folder"));
    let job = job(folder.path(), &server, "s3://late/{camera}/{id}.jpg", "count = 20", "", "");
    let mut process = run(&job, &[]);
    let told = "the bucket late is not there: make it, or mend `url` in [sink.faces]";
    wait("the words", || process.said().contains(told).then_some(()));
    server.bucket("late");
    ends_well(&mut process);
    assert_eq!(bucket.list().len(), 20);
}

/// Catches a key that is tried for ever although the server will never take it, and dead letters without their bytes or
/// their record.
#[test]
fn what_is_refused_is_a_dead_letter_and_an_object_too() {
    let _turn = turn();
    let Some(server) = S3::start() else { return };
    let (_, bucket) = (server.bucket("faces"), Bucket::made(&server, "dead"));
    let folder = tempfile::tempdir().expect("a folder");
    let endpoint = server.endpoint();
    let dead =
        format!("[dead]\nkind = \"s3\"\nendpoint = \"{endpoint}\"\nurl = \"s3://dead/{{camera}}/{{id}}-{{reason}}\"");
    // Servers that keep files take no part of a key that is longer than the name of a file.
    let url = format!("s3://faces/{}/{{id}}.jpg", "n".repeat(300));
    let job = job(folder.path(), &server, &url, "count = 3", "", &dead);
    let mut process = run(&job, &[]);
    assert_eq!(process.end().code(), Some(1), "dead letters are all that came of it: {}", process.said());
    assert_eq!(bucket.list().len(), 6);
    let (body, media, _) = bucket.get("room-0/1-refused");
    assert_eq!((&body[..], media.as_str()), (&view().frame(1).0[..], "application/octet-stream"));
    let (record, media, metadata) = bucket.get("room-0/1-refused.json");
    let record: Letter = serde_json::from_slice(&record).expect("JSON");
    assert_eq!((record.id.as_str(), record.reason.as_str(), media.as_str()), ("1", "refused", "application/json"));
    assert!(record.detail.starts_with("S3 refuses `nnn"), "{}", record.detail);
    assert_eq!(metadata.get("camera").map(String::as_str), Some("room-0"));
}

/// Objects and files that Vigie never wrote, under the paths of these tests.
const FOREIGN: [&str; 5] =
    ["faces/readme.txt", "faces/room-0/notes.json", "faces/room-0/a/b.jpg", "faces/x.jpg", "faces/room-0/a+b.jpg"];

/// Catches a store that grows over its size, one that deletes the new before the old or what others wrote, and a page
/// that does not say how full it is.
#[test]
fn what_is_too_much_is_deleted_and_the_rest_stays() {
    let _turn = turn();
    let Some(server) = S3::start() else { return };
    let (bucket, folder) = (Bucket::made(&server, "store"), tempfile::tempdir().expect("a folder"));
    let out = folder.path().join("out");
    bucket.put_all((0..2000).map(|n| format!("faces/old/{n}.jpg")), 1000);
    for path in FOREIGN {
        bucket.put(path, vec![0; 5000]);
    }
    // The file 0 is the newest.
    let now = SystemTime::now();
    for path in (0..2000).map(|n| format!("faces/old/{n}.jpg")).chain(FOREIGN.map(str::to_owned)) {
        let file = out.join(&path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, [0; 1000]).expect("a file");
        let age = path.strip_prefix("faces/old/").and_then(|name| name.strip_suffix(".jpg")?.parse().ok());
        let written = now - Duration::from_secs(age.unwrap_or(86_400));
        fs::File::options().write(true).open(&file).and_then(|file| file.set_modified(written)).expect("a time");
    }
    let by_size = r#"keep = { size = "500kB", every = "200ms" }"#;
    let files_sink = |keep: &str| {
        let path = out.display();
        format!(
            "[sink.disk]\nkind = \"files\"\nwrite = \"frame\"\nfrom = \"cameras\"\n\
             path = \"{path}/faces/{{camera}}/{{id}}.jpg\"\n{keep}"
        )
    };
    let url = "s3://store/faces/{camera}/{id}.jpg";
    let job = |keep| {
        self::job(folder.path(), &server, url, "rate = 5", &format!("from = \"cameras\"\n{keep}"), &files_sink(keep))
    };

    let start = Instant::now();
    let process = run(&job(by_size), &["-w", "2"]);
    let full = wait("both stores to be smaller", || {
        let page = page(&process);
        let stored = |what: &str, part: &str| page.get(&format!("stored_{what}{{part=\"{part}\"}}")).copied();
        let (objects, files) = (stored("bytes", "faces")?, stored("bytes", "disk")?);
        let (days, oldest) = (stored("days_until_full", "disk"), stored("oldest_seconds", "disk")?);
        let few = stored("items", "faces")? <= 500.0 && stored("items", "disk")? <= 500.0;
        (few && objects > 400e3 && files > 400e3).then_some((objects, files, oldest, days))
    });
    println!("2 × 1,500 deleted by size after {:?}: {full:?}", start.elapsed());
    assert!(full.0 <= 500e3 && full.1 <= 500e3 && full.2 < 600.0, "{full:?}");
    process.signal("KILL");
    let kept: BTreeSet<u64> = files(&out.join("faces/old")).iter().map(|name| number(name)).collect();
    assert!(kept.len() > 100 && kept.last() < Some(&520), "the newest are kept: {:?}", kept.last());
    foreign_are_there(&bucket, &out);
    assert!(bucket.list().values().sum::<u64>() < 560_000, "with the foreign and one round's frames");

    // By age, what was there before is all too old; the frames that come in are kept for a while.
    let by_age = r#"keep = { age = "3s", every = "200ms" }"#;
    let process = run(&job(by_age), &["-w", "2"]);
    wait("all that is old to be gone", || {
        let old = |keys: Vec<String>| keys.iter().any(|key| key.contains("old/"));
        let objects: Vec<_> = bucket.list().into_keys().collect();
        (!old(objects) && files(&out.join("faces/old")).is_empty()).then_some(())
    });
    wait("what is new to be there", || {
        page(&process).get(r#"stored_items{part="faces"}"#).filter(|count| **count > 5.0).map(drop)
    });
    let young = page(&process);
    assert!(young[r#"stored_oldest_seconds{part="disk"}"#] <= 3.5, "{young:?}");
    foreign_are_there(&bucket, &out);
    process.signal("KILL");
}

fn number(name: &str) -> u64 {
    name.trim_end_matches(".jpg").parse().expect("a number")
}

fn foreign_are_there(bucket: &Bucket, out: &Path) {
    let objects = bucket.list();
    for path in FOREIGN {
        assert!(objects.contains_key(path) && out.join(path).exists(), "{path} is gone");
    }
}

/// Catches credentials in anything that a process says, at any level of its log, with right keys and with wrong ones.
#[test]
fn credentials_are_never_said() {
    const SECRET: &str = "hunter2-hunter2-hunter2";
    const TOKEN: &str = "session-of-hunter2";
    let _turn = turn();
    let Some(server) = S3::start() else { return };
    let (bucket, folder) = (Bucket::made(&server, "faces"), tempfile::tempdir().expect("a folder"));
    fs::create_dir_all(folder.path().join(".aws")).expect("a folder");
    let profile = |secret| {
        let text = format!("[night]\naws_access_key_id = {}\naws_secret_access_key = {secret}\n", S3::KEY);
        fs::write(folder.path().join(".aws/credentials"), text).expect("a file");
    };
    let keep = r#"keep = { size = "1GiB", every = "200ms" }"#;
    let job = job(folder.path(), &server, "s3://faces/{camera}/{id}.jpg", "count = 20", keep, "");
    let home = folder.path().display().to_string();
    let wrong = [("AWS_ACCESS_KEY_ID", S3::KEY), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_SESSION_TOKEN", TOKEN)];
    let mut said = Vec::new();
    for environment in [&wrong[..], &wrong[..2], &[("HOME", home.as_str()), ("AWS_PROFILE", "night")]] {
        profile(SECRET);
        let environment = [environment, &[("VIGIE_LOG", "trace")]].concat();
        let mut checked = Process::start(VIGIE, &["check", &job], &environment);
        ends_well(&mut checked);
        let mut process = Process::start(VIGIE, &["run", &job], &environment);
        wait("what to mend", || process.said().contains("faces: waiting for s3: ").then_some(()));
        said.push(raw_page(&process));
        if environment.iter().any(|(name, _)| *name == "AWS_PROFILE") {
            // Keys that are mended in the file are used without a new start.
            profile(S3::SECRET);
            ends_well(&mut process);
            assert_eq!(bucket.list().len(), 20);
        } else {
            process.signal("KILL");
        }
        said.extend([checked.said(), process.said()]);
    }
    for text in said {
        for secret in [SECRET, TOKEN, S3::SECRET] {
            assert!(!text.contains(secret), "{}", text.lines().find(|line| line.contains(secret)).unwrap_or_default());
        }
    }
}

/// The metrics page as it is.
fn raw_page(process: &Process) -> String {
    let _ = page(process);
    let said = process.said();
    let address = said.split("metrics at http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
    let mut stream = TcpStream::connect(address).expect("the page is served");
    write!(stream, "GET /metrics HTTP/1.0\r\n\r\n").expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}
