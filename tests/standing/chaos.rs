//! A cluster of three under trouble of all sorts at once, with the oracle of delivery under it and a model of a job's
//! states beside it.
//!
//! Black holes need networks of their own, which a test that is not root has not: `tests/mesh.rs` has links that are cut
//! without a word.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::model::{Deed, Model};
use super::trouble::{Dice, Trouble};
use super::{Standing, call};
use crate::delivery::{Feed, Store, job, judge};
use crate::support::servers::{Kafka, Mongo};
use crate::support::{Broker, get, turn, wait_or};

/// How long a job may be neither here nor there.
const HALF_DEAD: Duration = Duration::from_secs(10);

/// The third job, that commands are given for.
const THIRD: &str = "room";

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Catches frames that are lost or mixed up, commands that are answered and not done, jobs that stay half dead, and
/// accounts that don't add up, when processes are killed, stopped and ended at any moment. `VIGIE_CHAOS` says for how many
/// seconds, `VIGIE_SEED` which moments.
#[test]
fn a_cluster_survives_chaos() {
    let _turn = turn();
    let Some(((kafka, broker), mongo)) = Kafka::start().zip(Broker::mosquitto()).zip(Mongo::fast()) else { return };
    let (seed, seconds) = (from_environment("VIGIE_SEED", 7), from_environment("VIGIE_CHAOS", 30));
    println!("VIGIE_SEED={seed} VIGIE_CHAOS={seconds}");
    let mut cluster = Standing::start(3);
    let pairs = [
        Pair::start(&cluster, Feed::Mqtt(broker.port, "bridge".into()), Store::Mongo(mongo.url(), "chaos".into())),
        Pair::start(&cluster, Feed::kafka(&kafka.brokers(), "log"), Store::Files(cluster.path().join("out"))),
    ];
    let site = Site::new(&cluster);
    let issued = AtomicU64::new(0);
    let model = thread::scope(|scope| {
        let watched: Vec<_> = site.ports.iter().map(|port| scope.spawn(|| site.watch(*port))).collect();
        let commands = scope.spawn(|| site.command(Dice(seed ^ 1)));
        let issuer = scope.spawn(|| site.issue(&pairs, &issued));
        let mut trouble = Trouble::new(&mut cluster, Dice(seed));
        let until = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < until && !site.is_over() {
            trouble.turn();
            thread::sleep(Duration::from_millis(10));
        }
        trouble.heal();
        site.over.store(true, Ordering::Release);
        issuer.join().expect("the brokers take all");
        let watched: Vec<_> = watched.into_iter().flat_map(|thread| thread.join().expect("it only looks")).collect();
        let (model, wrong) = commands.join().expect("it only asks");
        assert!(watched.is_empty() && wrong.is_none(), "{watched:#?} {wrong:?}\n{}", cluster.said());
        model
    });
    cluster.await_members(&[0, 1, 2]);
    let marker = issued.load(Ordering::Acquire);
    pairs.iter().for_each(|pair| pair.feed.issue(marker..marker + 1));
    pairs.iter().for_each(|pair| pair.judge(&cluster, marker + 1));
    agree(&cluster, &model);
    println!("{} frames through each of two jobs", marker + 1);
}

/// A job from a broker to a store.
struct Pair {
    name: &'static str,
    feed: Feed,
    store: Store,
}

impl Pair {
    fn start(cluster: &Standing, feed: Feed, store: Store) -> Self {
        let name = if matches!(feed, Feed::Mqtt(..)) { "bridge" } else { "log" };
        feed.prepare();
        cluster.does(&["submit", &job(cluster.path(), name, &feed, &store)]);
        // A session that is not there yet keeps nothing.
        let connected = || cluster.said().contains("connected ([source.").then_some(());
        wait_or("the source", connected, || cluster.said());
        Self { name, feed, store }
    }

    /// Nothing is lost, doubled or mixed up; all is acknowledged, and every account adds up.
    fn judge(&self, cluster: &Standing, issued: u64) {
        let there = || (self.store.count() as u64 >= issued).then_some(());
        let state = || format!("{} of {issued}\n{}", self.store.count(), cluster.said());
        wait_or(&format!("all results of {}", self.name), there, state);
        cluster.await_state(&[0, 1, 2], self.name, "running");
        let still = || cluster.ports().iter().all(|port| Account::of(*port, self.name).is_settled()).then_some(());
        let accounts = || cluster.ports().iter().map(|port| format!("{:?}", Account::of(*port, self.name))).collect();
        wait_or(&format!("the accounts of {} to add up", self.name), still, accounts);
        let verdict = judge(0..issued, &self.store.found());
        let said = || format!("{}: {verdict:?}\n{}", self.name, cluster.said());
        assert!(verdict.lost.is_empty() && verdict.doubled == 0 && verdict.wrong.is_empty(), "{}", said());
    }
}

/// A job's account on one process.
#[derive(Debug, Default)]
struct Account {
    frames: f64,
    ended: f64,
    in_flight: f64,
    window: f64,
}

impl Account {
    fn of(port: u16, job: &str) -> Self {
        let page = get(port, "/metrics").unwrap_or_default();
        let label = format!("job=\"{job}\"");
        let sum = |names: &[&str]| {
            let is_it = |line: &&str| {
                let (name, labels) = line.split_once('{').unwrap_or_default();
                names.contains(&name) && labels.contains(&label)
            };
            let values = page.lines().filter(is_it).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
            values.sum()
        };
        Self {
            frames: sum(&["vigie_frames_in_total"]),
            ended: sum(&["vigie_results_total", "vigie_dead_total", "vigie_returned_total"]),
            in_flight: sum(&["vigie_frames_in_flight"]),
            window: sum(&["vigie_window_frames"]),
        }
    }

    fn is_settled(&self) -> bool {
        self.in_flight == 0.0 && self.window == 0.0 && self.frames == self.ended
    }
}

/// What all threads of the test know.
struct Site {
    ports: Vec<u16>,
    folder: String,
    over: AtomicBool,
    begun: Instant,
}

impl Site {
    fn new(cluster: &Standing) -> Self {
        let folder = cluster.path().display().to_string();
        Self { ports: cluster.ports(), folder, over: AtomicBool::new(false), begun: Instant::now() }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Twenty frames a second to each job.
    fn issue(&self, pairs: &[Pair], issued: &AtomicU64) {
        while !self.is_over() {
            let number = issued.fetch_add(2, Ordering::AcqRel);
            pairs.iter().for_each(|pair| pair.feed.issue(number..number + 2));
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Looks at the jobs as one process sees them; those that are half dead for too long.
    fn watch(&self, port: u16) -> Vec<String> {
        let (mut since, mut wrong) = (std::collections::BTreeMap::new(), Vec::new());
        let mut looked = Instant::now();
        while !self.is_over() {
            let jobs = get(port, "/api/v1/jobs").and_then(|text| serde_json::from_str::<Value>(&text).ok());
            // A process that is away sees nothing.
            if jobs.is_none() || looked.elapsed() > Duration::from_secs(2) {
                since.clear();
            }
            looked = Instant::now();
            for job in jobs.iter().flat_map(|jobs| jobs.as_array().into_iter().flatten()) {
                let name = job["name"].to_string();
                match ["starting", "refused"].iter().any(|state| job["state"] == *state) {
                    false => _ = since.remove(&name),
                    true if since.entry(name).or_insert(looked).elapsed() > HALF_DEAD => {
                        wrong.push(format!("half dead for {HALF_DEAD:?}: {job}"));
                        self.over.store(true, Ordering::Release);
                        return wrong;
                    }
                    true => {}
                }
            }
            thread::sleep(Duration::from_millis(200));
        }
        wrong
    }

    /// Gives commands for the third job to whatever process; what it should be then, and an answer that can't be.
    fn command(&self, mut dice: Dice) -> (Model, Option<String>) {
        let mut model = Model::new();
        while !self.is_over() {
            let (deed, index) = (any(&mut dice), dice.below(3) as usize);
            let begun = self.begun.elapsed();
            let answer = self.ask(index, deed);
            let short = answer.as_ref().map(|(status, said)| (status, said["detail"].as_str().unwrap_or_default()));
            println!("{:7.2} s: {deed:?}, asked of process {index}: {short:?}", begun.as_secs_f64());
            let taken = match answer {
                Some((200..300, _)) => model.take(deed, Some(true)),
                Some((404 | 409, _)) => model.take(deed, Some(false)),
                Some((500.., _)) | None => model.take(deed, None),
                Some((status, said)) => Err(format!("{deed:?} was answered with {status}: {said}")),
            };
            if let Err(wrong) = taken {
                self.over.store(true, Ordering::Release);
                return (model, Some(wrong));
            }
            thread::sleep(dice.time(100, 900));
        }
        (model, None)
    }

    fn ask(&self, index: usize, deed: Deed) -> Option<(u16, Value)> {
        let (one, port) = (format!("/api/v1/jobs/{THIRD}"), self.ports[index]);
        let post = |what: &str| call(port, "POST", &format!("{one}/{what}"), None);
        match deed {
            Deed::Submit(text) => call(port, "POST", "/api/v1/jobs", Some(&self.submission(text))),
            Deed::Update(text) => call(port, "PUT", &one, Some(&self.submission(text))),
            Deed::Cancel => call(port, "DELETE", &one, None),
            Deed::Pause => post("pause"),
            Deed::Resume => post("resume"),
            Deed::Restart => post("restart"),
            Deed::Drain => post("drain"),
        }
    }

    /// One of the texts of the third job, a rendered camera.
    fn submission(&self, text: u64) -> Value {
        let at = Path::new(&self.folder).join(THIRD).display().to_string();
        let text = format!(
            "name = '{THIRD}'\n[source.cameras]\nkind = 'synthetic'\nsize = '320x240'\nrate = 5.0\nseed = {text}\n\
             [sink.store]\nkind = 'files'\npath = '{at}/{{camera}}/{{id}}.jpg'\nwrite = 'frame'\n\
             [dead]\nkind = 'files'\npath = '{at}/dead/{{id}}'\n"
        );
        json!({ "text": text, "folder": self.folder, "file": "room.toml" })
    }
}

/// A command, submits more often than others.
fn any(dice: &mut Dice) -> Deed {
    match dice.below(10) {
        0..3 => Deed::Submit(1 + dice.below(3)),
        3 => Deed::Update(1 + dice.below(3)),
        4 => Deed::Cancel,
        5 => Deed::Pause,
        6 | 7 => Deed::Resume,
        8 => Deed::Restart,
        _ => Deed::Drain,
    }
}

/// Waits until each process shows the third job as the model says; its text tells which it is.
fn agree(cluster: &Standing, model: &Model) {
    let shown = |index: usize| {
        let detail = cluster.get(index, &format!("/api/v1/jobs/{THIRD}"));
        let text = detail["text"].as_str().unwrap_or_default();
        let seed = text.split("seed = ").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok());
        (detail["status"]["state"].as_str().unwrap_or_default().to_owned(), seed.unwrap_or(0))
    };
    let agreed = || {
        let all: Vec<_> = (0..3).map(shown).collect();
        let same = all.iter().all(|one| *one == all[0]);
        (same && model.allows(&all[0].0, all[0].1)).then_some(())
    };
    let state = || format!("{:?}, and not {model:?}\n{}", (0..3).map(shown).collect::<Vec<_>>(), cluster.said());
    wait_or("the third job to be what the model says", agreed, state);
}
