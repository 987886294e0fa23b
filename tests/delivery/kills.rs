//! `kill -9` in mid-stream, for every source and every sink.

use std::path::Path;
use std::thread;

use super::feeds::{Feed, make_topics};
use super::oracle::{Verdict, judge};
use super::start;
use super::stores::{KafkaTopic, Store};
use crate::support::servers::{Kafka, Mongo, S3};
use crate::support::{Broker, Process, page, turn, wait};
use crate::whole_job::cluster;

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kill {
    /// The process that reads no MQTT; the other one says so and ends by itself.
    One,
    All,
}

/// What came of a run with kills.
#[derive(Debug, Default)]
struct Run {
    pub kills: usize,
    pub issued: u64,
    /// Frames that were there already and came again after the last kill.
    pub again: f64,
    pub verdict: Verdict,
}

/// A job without steps, from a feed to a store.
pub fn job(folder: &Path, name: &str, feed: &Feed, store: &Store) -> String {
    job_to(folder, name, feed, std::slice::from_ref(store))
}

/// The same, to several stores: each has every frame.
pub fn job_to(folder: &Path, name: &str, feed: &Feed, stores: &[Store]) -> String {
    let path = folder.join("job.toml");
    let sink = |(number, store): (usize, &Store)| {
        format!("[sink.store{}]\nwrite = 'frame'\n{}", "-more".repeat(number), store.sink())
    };
    let sinks: String = stores.iter().enumerate().map(sink).collect();
    let (source, dead) = (feed.source(), folder.display());
    let text = format!(
        "name = '{name}'\n[limits]\nwindow = 32\n[batch]\ntimeout = '10ms'\n[source.cameras]\n{source}{sinks}[dead]\n\
         kind = 'files'\npath = '{dead}/dead/{{camera}}/{{id}}-{{reason}}'\n"
    );
    std::fs::write(&path, text).expect("a job file");
    path.display().to_string()
}

/// Frames that the processes have admitted since they started.
fn admitted(workers: &[Process]) -> f64 {
    workers.iter().map(|worker| page(worker)["frames_in_total{}"]).sum()
}

/// Waits until all is through: the marker is there, nothing is in flight, and nothing more comes.
pub fn settle(workers: &[Process], store: &Store, marker: u64) {
    wait("the last frame", || store.found().iter().any(|found| found.id == marker.to_string()).then_some(()));
    let mut before = (0, 0.0);
    wait("nothing in flight", || {
        let pages: Vec<_> = workers.iter().map(page).collect();
        let still = pages.iter().all(|page| page["frames_in_flight{}"] == 0.0 && page["window_frames{}"] == 0.0);
        let now = (store.count(), admitted(workers));
        thread::sleep(std::time::Duration::from_millis(300));
        (still && std::mem::replace(&mut before, now) == now).then_some(())
    });
}

/// Issues 1,500 frames, kills after 500 results, issues 500 more while nobody is there, starts again; and so on, with
/// smaller numbers, for each further kill.
fn run(vigie: &Path, name: &str, feed: &Feed, store: &Store, kill: Kill, kills: usize) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let (job, cluster) = (job(folder.path(), name, feed, store), cluster(folder.path(), 2));
    feed.prepare();
    let mut run = Run { kills, ..Run::default() };
    let (mut workers, mut first, mut there) = (start(vigie, "", &job, &cluster, 2), 1_500, 0);
    for round in 0..kills {
        let (issued, before) = (run.issued, store.count());
        let enough = before + if round == 0 { 500 } else { 100 };
        thread::scope(|scope| {
            let publisher = scope.spawn(|| issue_slowly(feed, issued, first));
            wait("results in mid-stream", || (store.count() >= enough).then_some(()));
            end(&mut workers, kill);
            there = store.count();
            publisher.join().expect("the broker takes all");
        });
        run.issued += first;
        let missing = run.issued as usize - store.count();
        assert!(missing > 0, "{name}: the kill was to come in mid-stream");
        let meanwhile = if round == 0 { 500 } else { 100 };
        feed.issue(run.issued..run.issued + meanwhile);
        run.issued += meanwhile;
        first = 300;
        workers = start(vigie, "", &job, &cluster, 2);
    }
    let marker = run.issued;
    feed.issue(marker..marker + 1);
    run.issued += 1;
    settle(&workers, store, marker);
    run.again = admitted(&workers) - (run.issued as usize - there) as f64;
    run.verdict = judge(0..run.issued, &store.found());
    run
}

/// A few at a time, so that the stream lasts longer than one look at its results takes.
pub fn issue_slowly(feed: &Feed, from: u64, count: u64) {
    for start in (from..from + count).step_by(20) {
        feed.issue(start..start + 20);
        thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn end(workers: &mut Vec<Process>, kill: Kill) {
    workers[1].signal("KILL");
    match kill {
        Kill::All => workers[0].signal("KILL"),
        Kill::One => {
            let code = workers[0].end().code();
            let said = workers[0].said();
            assert_eq!(code, Some(75), "its own exit code for a lost peer\n{said}");
            assert!(said.contains("process 1") && said.contains("is gone"), "it says which process is gone:\n{said}");
        }
    }
    workers.clear();
}

/// The servers of the matrix: those that are here.
struct Servers {
    mosquitto: Option<Broker>,
    rabbit: Option<Broker>,
    kafka: Option<Kafka>,
    mongo: Option<Mongo>,
    s3: Option<S3>,
}

impl Servers {
    fn start() -> Self {
        Self {
            mosquitto: Broker::mosquitto(),
            rabbit: Broker::rabbitmq(),
            kafka: Kafka::start(),
            mongo: Mongo::fast(),
            s3: S3::start(),
        }
    }

    fn feed(&self, source: &str, name: &str) -> Option<Feed> {
        Some(match source {
            "mosquitto" => Feed::mqtt(self.mosquitto.as_ref()?.port, name),
            "RabbitMQ" => Feed::mqtt(self.rabbit.as_ref()?.port, name),
            _ => Feed::kafka(&self.kafka.as_ref()?.brokers(), name),
        })
    }

    fn store(&self, sink: &str, name: &str, folder: &Path) -> Option<Store> {
        Some(match sink {
            "Kafka" => {
                let (brokers, topic) = (self.kafka.as_ref()?.brokers(), format!("{name}-out"));
                make_topics(&brokers, std::slice::from_ref(&topic));
                Store::Kafka(KafkaTopic::new(&brokers, &topic))
            }
            "MongoDB" => Store::Mongo(self.mongo.as_ref()?.url(), name.to_owned()),
            "S3" => {
                let s3 = self.s3.as_ref()?;
                Store::S3(s3.endpoint(), name.to_owned(), s3.bucket(name))
            }
            _ => Store::Files(folder.join("out")),
        })
    }
}

/// Catches a frame that is lost, doubled or mixed up when a process, or all, are killed: {mosquitto, RabbitMQ, Kafka} ×
/// {one, all} × {Kafka, MongoDB, files, S3}. `VIGIE_KILLS` asks for more kills in all (`make chaos`).
#[test]
fn nothing_is_lost_or_doubled_by_kills() {
    let _turn = turn();
    let vigie = Path::new(env!("CARGO_BIN_EXE_vigie"));
    let servers = Servers::start();
    let kills =
        std::env::var("VIGIE_KILLS").ok().and_then(|kills| kills.parse::<usize>().ok()).unwrap_or(24).div_ceil(24);
    let (mut all, mut wrong) = (0, Vec::new());
    println!("source → sink, killed | kills | issued | came again | lost | doubled");
    for source in ["mosquitto", "RabbitMQ", "Kafka"] {
        for sink in ["Kafka", "MongoDB", "files", "S3"] {
            for kill in [Kill::One, Kill::All] {
                let name = format!("{source}-{sink}-{kill:?}").to_lowercase();
                let folder = tempfile::tempdir().expect("a folder");
                let cell = servers.feed(source, &name).zip(servers.store(sink, &name, folder.path()));
                let Some((feed, store)) = cell else { continue };
                let Run { kills, issued, again, verdict } = run(vigie, &name, &feed, &store, kill, kills);
                let Verdict { lost, doubled, .. } = &verdict;
                println!("{source} → {sink}, {kill:?} | {kills} | {issued} | {again} | {} | {doubled}", lost.len());
                // A topic is a log: what comes again stands in it again, under the same key and id, and is dropped by who reads.
                let sound = lost.is_empty() && verdict.wrong.is_empty() && (*doubled == 0 || sink == "Kafka");
                if !sound {
                    wrong.push((name, verdict));
                }
                all += kills;
            }
        }
    }
    println!("{all} kills");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
