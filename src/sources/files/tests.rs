use super::*;
use operators::ingest::clock;
use operators::{BatchFrames, Partition, Window, ingest, mailbox};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use std::{fs, thread};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::{Inspect, Probe};

fn folder(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    folder
}

fn files(folder: &tempfile::TempDir, path: &str) -> Files {
    Files { path: format!("{}/{path}", folder.path().display()), rate: None, rounds: Rounds::default() }
}

/// Camera, number as the path tells it, id.
fn listed(files: &Files) -> Vec<(String, Option<u64>, String)> {
    let names = |entry: Entry| (entry.camera.unwrap_or(entry.folder), entry.number.or(entry.named), entry.id);
    files.list(&Allowed::default()).unwrap().into_iter().map(names).collect()
}

fn row(camera: &str, number: Option<u64>, id: &str) -> (String, Option<u64>, String) {
    (camera.into(), number, id.into())
}

#[test]
fn a_folder_is_played_in_order() {
    let folder = folder(&["door/00010.jpg", "door/00002.JPG", "door/last.png", "door/README.md", "yard/1.jpg"]);
    let expected = [row("door", Some(2), "00002"), row("door", Some(10), "00010"), row("door", None, "last")];
    assert_eq!(listed(&files(&folder, "door")), expected);
    assert_eq!(listed(&files(&folder, "door/")), expected);
}

#[test]
fn the_path_says_what_its_parts_mean() {
    let folder = folder(&["a/x/1.jpg", "b/x/1.jpg", "cam-c/f7-n12.jpg"]);
    let expected = [row("a", Some(1), "1"), row("b", Some(1), "1")];
    assert_eq!(listed(&files(&folder, "{camera}/x/*.jpg")), expected);
    assert_eq!(listed(&files(&folder, "{camera}/x")), expected);
    assert_eq!(listed(&files(&folder, "cam-{camera}/{id}-n{number}.jpg")), [row("c", Some(12), "f7")]);
}

#[test]
fn no_two_frames_have_one_id() {
    let folder = folder(&["a/x/1.jpg", "b/x/1.jpg", "b/x/1.png"]);
    let listed = listed(&files(&folder, "**/*.*"));
    let ids: HashSet<_> = listed.iter().map(|(camera, _, id)| (camera, id)).collect();
    assert_eq!(ids.len(), 3, "{listed:?}");
    assert_eq!(listed[0], row("x", Some(1), "1"));
}

#[test]
fn a_path_is_checked() {
    let folder = folder(&["a/1.jpg"]);
    let wrong = |path: &str| files(&folder, path).list(&Allowed::default()).unwrap_err();
    assert!(wrong("{cam}/*.jpg").what.contains("unknown field `{cam}`"));
    assert!(wrong("{camera}*/*.jpg").what.contains("mixes a field with `*`"));
    assert!(wrong("**/{camera}/*.jpg").what.contains("don't go together"));
    assert!(files(&folder, "b/*.jpg").list(&Allowed::default()).unwrap().is_empty());
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let folder = folder(&["a/1.jpg"]);
    let path = folder.path().join("a/1.jpg");
    assert_eq!(read(&path, 7).unwrap(), "a/1.jpg");
    let flaw = read(&path, 6).unwrap_err();
    assert_eq!(flaw.reason, Reason::TooManyBytes);
    assert!(flaw.detail.contains("1.jpg") && flaw.detail.contains("max_frame_bytes"), "{flaw:?}");
    assert_eq!(read(&folder.path().join("none"), 6).unwrap_err().reason, Reason::Undecodable);
}

/// Plays files into a dataflow until the source ends, or until so many frames have come; what came.
fn play(files: &Files, largest: usize, close_after: usize) -> Vec<Frame> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let window = Window { frames: 2, bytes: 1 << 20 };
    let context = Context {
        job: "j".into(),
        part: "p".into(),
        folder: ".".into(),
        allowed: Default::default(),
        hosts: Default::default(),
        services: Default::default(),
        max_frame_bytes: largest,
        picture: Default::default(),
        window,
        batch: 1,
        partition: Default::default(),
        worker: 0,
        share: Default::default(),
        board: Default::default(),
        state: ".".into(),
        parameters: Vec::new(),
        tasks: crate::tasks::Tasks::new("test"),
        runtime: runtime.handle().clone(),
    };
    let source = files.open(&context).unwrap();
    let (inlet, inbox) = mailbox(1);
    let (closer, player) = (inbox.closer(), thread::spawn(move || source.run(inlet)));
    let (came, frames) = mpsc::channel();
    let inbox = Mutex::new(Some(inbox));
    timely::execute_directly(move |worker| {
        let mut count = 0;
        let inbox = inbox.lock().unwrap().take();
        worker.dataflow(|scope| {
            let done = ProbeHandle::new();
            ingest(scope, 0, inbox, window, done.clone(), Arc::default(), clock())
                .batch(1, Duration::ZERO, Partition::Number)
                .inspect(move |batch| {
                    came.send(batch.frames[0].clone()).unwrap();
                    count += 1;
                    if count == close_after {
                        closer.close();
                    }
                })
                .probe_with(&done);
        });
    });
    player.join().unwrap().unwrap();
    frames.iter().collect()
}

#[test]
fn every_round_gives_each_file_a_new_id() {
    let folder = folder(&["door/0005.jpg", "door/x.jpg"]);
    let frames = play(&Files { rounds: Rounds(Some(3)), ..files(&folder, "door") }, 100, usize::MAX);
    let names: Vec<_> = frames.iter().map(|frame| (frame.id.as_str(), frame.number.0)).collect();
    let expected = [("0005", 5), ("x", 1), ("0005-r1", 2), ("x-r1", 3), ("0005-r2", 4), ("x-r2", 5)];
    assert_eq!(names, expected);
    assert!(frames.iter().all(|frame| frame.camera.as_str() == "door"));
}

#[test]
fn what_is_no_picture_is_a_flawed_frame() {
    let folder = folder(&["door/1.jpg", "door/2.jpg"]);
    fs::write(folder.path().join("door/1.jpg"), "").unwrap();
    fs::write(folder.path().join("door/2.jpg"), [0xff; 101]).unwrap();
    let frames = play(&files(&folder, "door"), 100, usize::MAX);
    let reasons: Vec<_> = frames.iter().map(|frame| frame.flaw.as_ref().unwrap().reason).collect();
    assert_eq!(reasons, [Reason::Empty, Reason::TooManyBytes]);
}

/// Fails by never ending, where a source that waits for its next frame does not hear that the job closes.
#[test]
fn a_job_that_closes_ends_a_slow_source() {
    let folder = folder(&["door/1.jpg", "door/2.jpg"]);
    let slow = Files { rate: Some(1e-6), ..files(&folder, "door") };
    assert_eq!(play(&slow, 100, 1).len(), 1);
}

#[test]
fn rounds_are_read() {
    let rounds = |text: &str| toml::from_str::<Files>(&format!("path = 'x'\nloop = {text}")).map(|files| files.rounds);
    assert_eq!(rounds("true").unwrap(), Rounds(None));
    assert_eq!(rounds("false").unwrap(), Rounds(Some(1)));
    assert_eq!(rounds("3").unwrap(), Rounds(Some(3)));
    assert!(rounds("0").unwrap_err().message().contains("1 or more"));
    assert!(rounds("'x'").unwrap_err().message().contains("how many times"));
}
