//! Frames of the oracle, issued all the time, and when each was found in the sink.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::cluster::Standing;
use crate::feeds::Feed;
use crate::oracle::{Found, Verdict, camera, judge};
use crate::support::{files, wait_or};

/// The time between two frames.
const BETWEEN: Duration = Duration::from_millis(20);

/// How often it is looked whether a frame is there.
const LOOK: Duration = Duration::from_millis(2);

/// A frame on its way: when its broker had it, and when its result was seen.
#[derive(Clone, Copy)]
struct Passage {
    issued: Instant,
    found: Option<Instant>,
}

/// A job of a cluster, and the frames that it is given.
pub struct Stream {
    name: String,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    feed: Feed,
    folder: PathBuf,
    passages: Mutex<Vec<Passage>>,
    over: AtomicBool,
}

impl Stream {
    /// Submits a job from this feed to files, and begins to issue frames.
    pub fn start(cluster: &Standing, name: &str, feed: Feed) -> Self {
        feed.prepare();
        let folder = cluster.path().join(name);
        cluster.does(&["submit", &job(cluster.path(), name, &feed)]);
        if let Feed::Mqtt(..) = feed {
            // What is published before the session is there is kept for nobody.
            let connected = || cluster.said().contains("connected ([source.").then_some(());
            wait_or("the subscription", connected, || cluster.said());
        }
        let shared = Shared { feed, folder, passages: Mutex::default(), over: AtomicBool::new(false) };
        let shared = Arc::new(shared);
        let (issuer, watcher) = (shared.clone(), shared.clone());
        let threads = vec![thread::spawn(move || issuer.issue()), thread::spawn(move || watcher.watch())];
        let stream = Self { name: name.to_owned(), shared, threads };
        stream.flows(cluster);
        stream
    }

    /// Waits until all that was issued until now is there, and a little more.
    pub fn flows(&self, cluster: &Standing) {
        let count = self.passages().len() + 10;
        let all = || {
            let passages = self.passages();
            (passages.len() >= count && passages[..count].iter().all(|frame| frame.found.is_some())).then_some(())
        };
        wait_or(&format!("the frames of {}", self.name), all, || cluster.said());
    }

    fn passages(&self) -> Vec<Passage> {
        self.shared.passages.lock().expect("nobody panics while holding it").clone()
    }

    /// How long after `moment` each camera had its first result of a frame that was issued after it: the first of them,
    /// and the last. `None` while one has none.
    pub fn after(&self, moment: Instant) -> Option<(Duration, Duration)> {
        let mut first = [None; 4];
        for (number, frame) in self.passages().into_iter().enumerate().filter(|(_, frame)| frame.issued > moment) {
            let best = &mut first[number % 4];
            *best = [*best, frame.found].into_iter().flatten().min();
        }
        let times: Option<Vec<_>> = first.into_iter().map(|found| Some(found? - moment)).collect();
        times.and_then(|times| times.iter().min().copied().zip(times.iter().max().copied()))
    }

    /// How long the frames took that were issued since `moment`, those that are there.
    pub fn latencies(&self, moment: Instant) -> Vec<Duration> {
        let since = self.passages().into_iter().filter(|frame| frame.issued > moment);
        since.filter_map(|frame| Some(frame.found?.saturating_duration_since(frame.issued))).collect()
    }

    /// Issues no more, waits for all, and says what became of them.
    pub fn end(mut self, cluster: &Standing) -> (usize, Verdict) {
        self.flows(cluster);
        self.shared.over.store(true, Ordering::Release);
        self.threads.drain(..).for_each(|thread| thread.join().expect("it does not panic"));
        let count = self.passages().len();
        let folder = &self.shared.folder;
        // What is being written has another name, with a `#` in it.
        let all = || (files(folder).iter().filter(|file| !file.contains('#')).count() >= count).then_some(());
        wait_or("the last frames", all, || cluster.said());
        let found = files(folder).into_iter().filter_map(|path| {
            let (camera, id) = path.split_once('/')?;
            Some(Found { camera: camera.into(), id: id.into(), body: std::fs::read(folder.join(&path)).ok()? })
        });
        (count, judge(0..count as u64, &found.collect::<Vec<_>>()))
    }
}

impl Shared {
    fn issue(&self) {
        let start = Instant::now();
        for number in 0u32.. {
            if self.over.load(Ordering::Acquire) {
                return;
            }
            thread::sleep((start + BETWEEN * number).saturating_duration_since(Instant::now()));
            self.feed.issue(number.into()..u64::from(number) + 1);
            let passage = Passage { issued: Instant::now(), found: None };
            self.passages.lock().expect("nobody panics while holding it").push(passage);
        }
    }

    fn watch(&self) {
        let (mut known, mut missing) = (0, Vec::new());
        while !self.over.load(Ordering::Acquire) {
            let issued = self.passages.lock().expect("nobody panics while holding it").len();
            missing.extend(std::mem::replace(&mut known, issued)..issued);
            let there = |number: &usize| self.folder.join(camera(*number as u64)).join(number.to_string()).exists();
            let (found, rest): (Vec<_>, Vec<_>) = missing.into_iter().partition(there);
            missing = rest;
            let now = Instant::now();
            let mut passages = self.passages.lock().expect("nobody panics while holding it");
            found.into_iter().for_each(|number| passages[number].found = Some(now));
            drop(passages);
            thread::sleep(LOOK);
        }
    }
}

/// A job without steps, from the feed to files.
fn job(folder: &Path, name: &str, feed: &Feed) -> String {
    let (path, at) = (folder.join(format!("{name}.toml")), folder.display());
    let text = format!(
        "name = '{name}'\n[batch]\ntimeout = '10ms'\n[source.cameras]\n{}[sink.store]\nkind = 'files'\nwrite = 'frame'\n\
         path = '{at}/{name}/{{camera}}/{{id}}'\n[dead]\nkind = 'files'\npath = '{at}/dead/{{camera}}/{{id}}'\n",
        feed.source()
    );
    std::fs::write(&path, text).expect("a job file");
    path.display().to_string()
}
