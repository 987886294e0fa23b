//! A cluster of three under trouble of all sorts at once, with the oracle of delivery under it and a model of a job's
//! states beside it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Standing;
use super::door::{Door, Silence};
use super::model::{Deed, Model};
use super::net::Net;
use super::outages::Servers;
use super::pairs::Pair;
use super::trouble::{Dice, Trouble, tell};
use crate::delivery::{Feed, KafkaTopic, Store, make_topics};
use crate::support::servers::LOCALHOST;
use crate::support::{turn, wait_or};

/// How long a job may be neither here nor there.
const HALF_DEAD: Duration = Duration::from_secs(10);

/// The third job, that commands are given for.
const THIRD: &str = "room";

/// Frames that a job is given at most. FerretDB on SQLite looks at every document of a collection for each update (15 ms
/// with 1,000 of 5 kB, 62 ms with 4,000): more than these it could not take in any more.
const MOST_FRAMES: u64 = 9_000;

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Catches frames that are lost or mixed up, commands that are answered and not done, jobs that stay half dead, and
/// accounts that don't add up, when processes are killed, stopped, ended and cut off and servers restart at any moment.
/// `VIGIE_CHAOS` says for how many seconds, `VIGIE_SEED` which moments; the default has some of all that can happen.
#[test]
fn a_cluster_survives_chaos() {
    let _turn = turn();
    let net = Net::new(3);
    let Some(mut servers) = Servers::start(net.as_ref().map_or(LOCALHOST, Net::bridge)) else { return };
    let (seed, seconds) = (from_environment("VIGIE_SEED", 9), from_environment("VIGIE_CHAOS", 60));
    println!("VIGIE_SEED={seed} VIGIE_CHAOS={seconds}");
    let mut cluster = net.map_or_else(|| Standing::new(3, ""), |net| Standing::on(net, 3));
    cluster.bring_all();
    let pairs = start_jobs(&cluster, &servers);
    let site = Site::new(&cluster);
    // Four frames, one of each camera, ten times a second, or less often in a long run.
    let pause = Duration::from_millis(100).max(Duration::from_secs(4 * seconds) / MOST_FRAMES as u32);
    let (model, issued) = thread::scope(|scope| {
        // Whatever fails here, the others are to end too.
        let over = Over(&site.over);
        let watched: Vec<_> = site.doors.iter().map(|door| scope.spawn(|| site.watch(door))).collect();
        let commands = scope.spawn(|| site.command(Dice(seed ^ 1)));
        let issuers: Vec<_> = pairs.iter().map(|pair| scope.spawn(|| site.issue(&pair.feed, pause))).collect();
        let outages = scope.spawn(|| servers.fail(Dice(seed ^ 2), site.begun, || site.is_over()));
        let mut trouble = Trouble::new(&mut cluster, Dice(seed), site.begun);
        while site.begun.elapsed() < Duration::from_secs(seconds) && !site.is_over() {
            trouble.turn();
            thread::sleep(Duration::from_millis(10));
        }
        trouble.heal();
        drop(over);
        outages.join().expect("the servers come back");
        let taken = |issuer: thread::ScopedJoinHandle<_>| issuer.join().expect("the broker takes all");
        let issued: Vec<u64> = issuers.into_iter().map(taken).collect();
        let watched: Vec<_> = watched.into_iter().flat_map(|thread| thread.join().expect("it only looks")).collect();
        let (model, wrong) = commands.join().expect("it only asks");
        assert!(watched.is_empty() && wrong.is_none(), "{watched:#?} {wrong:?}\n{}", cluster.said());
        (model, issued)
    });
    cluster.await_members(&[0, 1, 2]);
    // One more to each: what comes after all trouble gets through, too.
    pairs.iter().zip(&issued).for_each(|(pair, issued)| pair.feed.issue(*issued..issued + 1));
    pairs.iter().zip(&issued).for_each(|(pair, issued)| pair.judge(&cluster, issued + 1));
    agree(&cluster, &model);
    tell(site.begun, &format!("{issued:?} frames came through the jobs, each once"));
}

/// MQTT to MongoDB; Kafka to Kafka and to files.
fn start_jobs(cluster: &Standing, servers: &Servers) -> [Pair; 2] {
    let (mqtt, brokers) = (Feed::Mqtt(servers.broker.address(), "bridge".into()), servers.kafka.brokers());
    make_topics(&brokers, &["log-out".to_owned()]);
    let log = Store::Kafka(KafkaTopic::new(&brokers, "log-out"));
    [
        Pair::start(cluster, "bridge", mqtt, vec![Store::Mongo(servers.mongo.url(), "chaos".into())]),
        Pair::start(cluster, "log", Feed::kafka(&brokers, "log"), vec![log, Store::Files(cluster.path().join("out"))]),
    ]
}

/// Says that it is over when it goes.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What all threads of the test know.
struct Site {
    doors: Vec<Door>,
    folder: String,
    over: AtomicBool,
    begun: Instant,
}

impl Site {
    fn new(cluster: &Standing) -> Self {
        let folder = cluster.path().display().to_string();
        Self { doors: cluster.doors().to_vec(), folder, over: AtomicBool::new(false), begun: Instant::now() }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Frames for a job, one of each camera and a pause, until it is over; how many.
    fn issue(&self, feed: &Feed, pause: Duration) -> u64 {
        let mut issued = 0;
        while !self.is_over() {
            feed.insist(issued..issued + 4);
            issued += 4;
            thread::sleep(pause);
        }
        issued
    }

    /// Looks at the jobs as one process sees them; those that are half dead for too long.
    fn watch(&self, door: &Door) -> Vec<String> {
        let (mut since, mut wrong) = (std::collections::BTreeMap::new(), Vec::new());
        let mut looked = Instant::now();
        while !self.is_over() {
            let jobs = door.get("/api/v1/jobs").and_then(|text| serde_json::from_str::<Value>(&text).ok());
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
            let begun = self.begun.elapsed().as_secs_f64();
            let answer = self.ask(index, deed);
            let short = answer.as_ref().map(|(status, said)| (status, said["detail"].as_str().unwrap_or_default()));
            tell(self.begun, &format!("{deed:?}, asked of process {index} at {begun:.2} s: {short:?}"));
            let taken = match answer {
                Ok((200..300, _)) => model.take(deed, Some(true)),
                Ok((404 | 409, _)) => model.take(deed, Some(false)),
                Ok((500.., _)) | Err(Silence::Broken) => model.take(deed, None),
                Err(Silence::Away) => Ok(()),
                Ok((status, said)) => Err(format!("{deed:?} was answered with {status}: {said}")),
            };
            if let Err(wrong) = taken {
                self.over.store(true, Ordering::Release);
                return (model, Some(wrong));
            }
            thread::sleep(dice.time(100, 900));
        }
        (model, None)
    }

    fn ask(&self, index: usize, deed: Deed) -> Result<(u16, Value), Silence> {
        let (one, door) = (format!("/api/v1/jobs/{THIRD}"), &self.doors[index]);
        let post = |what: &str| door.call("POST", &format!("{one}/{what}"), None);
        match deed {
            Deed::Submit(text) => door.call("POST", "/api/v1/jobs", Some(&self.submission(text))),
            Deed::Update(text) => door.call("PUT", &one, Some(&self.submission(text))),
            Deed::Cancel => door.call("DELETE", &one, None),
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
