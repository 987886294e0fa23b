//! Processes that die, hang and come back, under the oracle of delivery.

use std::time::Instant;

use super::Standing;
use crate::delivery::{Feed, Store, job, judge};
use crate::support::servers::Kafka;
use crate::support::{turn, wait_or};

/// A job from Kafka to files on a cluster of three, and what was issued to it.
struct Bench {
    cluster: Standing,
    feed: Feed,
    store: Store,
    issued: u64,
    _kafka: Kafka,
}

impl Bench {
    fn start(name: &str) -> Option<Self> {
        let kafka = Kafka::start()?;
        let cluster = Standing::start(3);
        let feed = Feed::kafka(&kafka.brokers(), name);
        feed.prepare();
        let store = Store::Files(cluster.path().join("out"));
        let file = job(cluster.path(), name, &feed, &store);
        cluster.does(&["submit", &file]);
        Some(Self { cluster, feed, store, issued: 0, _kafka: kafka })
    }

    fn issue(&mut self, count: u64) {
        self.feed.issue(self.issued..self.issued + count);
        self.issued += count;
    }

    /// Waits until all that was issued is there; how long that took.
    fn all_there(&self) -> f64 {
        let begun = Instant::now();
        let there = || (self.store.count() as u64 == self.issued).then_some(());
        wait_or("all results", there, || format!("{} of {}\n{}", self.store.count(), self.issued, self.cluster.said()));
        begun.elapsed().as_secs_f64()
    }

    /// Nothing is lost, doubled or mixed up, and the account of what is counted now adds up.
    fn judge(&self) {
        let verdict = judge(0..self.issued, &self.store.found());
        assert_eq!((verdict.lost, verdict.doubled, verdict.wrong), (vec![], 0, vec![]), "{}", self.cluster.said());
    }
}

/// Catches a cluster that does not go on without a process that was killed or hangs, one that does not take it in again,
/// and frames that are lost or doubled by either. Every process has its turn, the leader too.
#[test]
fn a_process_that_dies_or_hangs_is_not_the_end() {
    let _turn = turn();
    let Some(mut bench) = Bench::start("healing") else { return };
    bench.issue(200);
    bench.all_there();
    for gone in [2, 0, 1] {
        bench.cluster.kill(gone);
        bench.issue(50);
        println!("process {gone} killed: all there after {:.1} s", bench.all_there());
        bench.cluster.bring(gone);
        bench.cluster.await_members(&[0, 1, 2]);
        bench.issue(50);
        println!("process {gone} back: all there after {:.1} s", bench.all_there());
    }
    for gone in [1, 0] {
        bench.cluster.signal(gone, "STOP");
        bench.issue(50);
        println!("process {gone} stopped: all there after {:.1} s", bench.all_there());
        bench.cluster.signal(gone, "CONT");
        bench.cluster.await_members(&[0, 1, 2]);
        bench.issue(50);
        bench.all_there();
    }
    bench.judge();
}

/// Catches a rolling restart that loses or doubles a frame.
#[test]
fn a_rolling_restart_loses_nothing() {
    let _turn = turn();
    let Some(mut bench) = Bench::start("rolling") else { return };
    for index in 0..3 {
        bench.issue(100);
        bench.cluster.signal(index, "TERM");
        assert_eq!(bench.cluster.end(index), Some(0));
        bench.issue(100);
        bench.cluster.bring(index);
        bench.cluster.await_members(&[0, 1, 2]);
    }
    bench.all_there();
    bench.judge();
}

/// Catches two processes of three that don't stop when they have lost the third and each other.
#[test]
fn a_process_alone_of_three_does_nothing() {
    let _turn = turn();
    let mut cluster = Standing::start(3);
    cluster.kill(1);
    cluster.kill(2);
    let waits = || {
        let seen = cluster.get(0, "/api/v1/cluster");
        let words = seen["waits"].as_str().unwrap_or_default();
        (seen["generation"].is_null() && words.contains("2 of 3 processes are missing")).then_some(())
    };
    wait_or("it to stop, and to say whom it waits for", waits, || cluster.said());
    cluster.bring(2);
    cluster.await_members(&[0, 2]);
}
