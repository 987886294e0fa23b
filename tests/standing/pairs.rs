//! The jobs of a cluster in trouble, from a broker to stores, and what has to be true of them when it is over.

use super::Standing;
use super::door::Door;
use crate::delivery::{Feed, Store, Verdict, job_to, judge};
use crate::support::wait_or;

/// A job from a broker to one store or several.
pub struct Pair {
    name: &'static str,
    pub feed: Feed,
    stores: Vec<Store>,
}

impl Pair {
    /// Submits it, and waits until it is connected.
    pub fn start(cluster: &Standing, name: &'static str, feed: Feed, stores: Vec<Store>) -> Self {
        feed.prepare();
        cluster.does(&["submit", &job_to(cluster.path(), name, &feed, &stores)]);
        // A session that is not there yet keeps nothing.
        let connected = || cluster.said().contains("connected ([source.").then_some(());
        wait_or("the source", connected, || cluster.said());
        Self { name, feed, stores }
    }

    /// Nothing is lost, doubled or mixed up in any store; all is acknowledged, and every account adds up.
    pub fn judge(&self, cluster: &Standing, issued: u64) {
        self.stores.iter().for_each(|store| self.all_there(cluster, store, issued));
        cluster.await_state(&[0, 1, 2], self.name, "running");
        let accounts = || cluster.doors().iter().map(|door| Account::of(door, self.name)).collect::<Vec<_>>();
        let settled = || accounts().iter().all(Account::is_settled).then_some(());
        wait_or(&format!("the accounts of {} to add up", self.name), settled, || format!("{:#?}", accounts()));
        for store in &self.stores {
            let Verdict { lost, doubled, wrong } = judge(0..issued, &store.found());
            // A topic is a log: what comes again stands in it again, under the same key and id, and is dropped by who reads.
            let doubled = if matches!(store, Store::Kafka(_)) { 0 } else { doubled };
            let sound = lost.is_empty() && doubled == 0 && wrong.is_empty();
            assert!(sound, "{}: {lost:?} {doubled} {wrong:?}\n{}", self.name, cluster.said());
        }
    }

    fn all_there(&self, cluster: &Standing, store: &Store, issued: u64) {
        let there = || (store.count() as u64 >= issued).then_some(());
        let state = || format!("{} of {issued} in {}\n{}", store.count(), store.sink(), cluster.said());
        wait_or(&format!("all results of {}", self.name), there, state);
    }
}

/// A job's account on one process.
#[derive(Debug, Default)]
struct Account {
    answers: bool,
    frames: f64,
    ended: f64,
    in_flight: f64,
    window: f64,
}

impl Account {
    fn of(door: &Door, job: &str) -> Self {
        let Some(page) = door.get("/metrics") else { return Self::default() };
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
            answers: true,
            frames: sum(&["vigie_frames_in_total"]),
            ended: sum(&["vigie_results_total", "vigie_dead_total", "vigie_returned_total"]),
            in_flight: sum(&["vigie_frames_in_flight"]),
            window: sum(&["vigie_window_frames"]),
        }
    }

    fn is_settled(&self) -> bool {
        self.answers && self.in_flight == 0.0 && self.window == 0.0 && self.frames == self.ended
    }
}
