//! Jobs that come and go, hundreds of times: nothing of them stays.

use std::fs;

use serde_json::{Value, json};

use super::Standing;
use crate::support::{turn, wait_or};

/// After so many, what is kept for good is there.
const WARM: u64 = 50;

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    megabytes: u64,
    threads: usize,
    files: usize,
}

impl Held {
    fn by(cluster: &Standing, index: usize) -> Self {
        let process = cluster.processes[index].as_ref().expect("it runs");
        let count = |what: &str| fs::read_dir(format!("/proc/{}/{what}", process.id())).map_or(0, Iterator::count);
        Self { megabytes: process.memory() >> 20, threads: count("task"), files: count("fd") }
    }

    /// Whether this is not more than `before`, but for what comes and goes.
    fn is_like(self, before: Self) -> bool {
        let more = |now: usize, before: usize| now.saturating_sub(before);
        self.megabytes <= before.megabytes + 30
            && more(self.threads, before.threads) <= 8
            && more(self.files, before.files) <= 16
    }
}

/// A rendered camera at so many frames a second.
fn submission(cluster: &Standing, name: &str, rate: f64) -> Value {
    let at = cluster.path().display();
    let text = format!(
        "name = '{name}'\n[source.cameras]\nkind = 'synthetic'\nsize = '320x240'\nrate = {rate:.1}\n[sink.store]\n\
         kind = 'files'\npath = '{at}/{name}/{{camera}}/{{id}}.jpg'\nwrite = 'frame'\n\
         [dead]\nkind = 'files'\npath = '{at}/dead/{{id}}'\n"
    );
    json!({ "text": text, "folder": cluster.path(), "file": format!("{name}.toml") })
}

/// Submits it and cancels it again, asked of that process.
fn once(cluster: &Standing, index: usize, small: &Value) {
    for (verb, path, body) in [("POST", "/api/v1/jobs", Some(small)), ("DELETE", "/api/v1/jobs/small", None)] {
        let answer = cluster.call(index, verb, path, body);
        let is_done = answer.as_ref().is_some_and(|(status, _)| (200..300).contains(status));
        assert!(is_done, "{verb}: {answer:?}\n{}", cluster.said());
    }
}

/// Catches memory, threads, sockets and files that stay behind when a job is cancelled. `VIGIE_CHURN` says how many jobs.
#[test]
fn jobs_that_are_gone_leave_nothing_behind() {
    let _turn = turn();
    let jobs = std::env::var("VIGIE_CHURN").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let cluster = Standing::start(2);
    let (steady, small) = (submission(&cluster, "steady", 10.0), submission(&cluster, "small", 20.0));
    let (status, said) = cluster.call(0, "POST", "/api/v1/jobs", Some(&steady)).expect("an answer");
    assert!((200..300).contains(&status), "{said:#}");
    let mut before = Vec::new();
    for round in 0..jobs {
        if round == WARM {
            before = (0..2).map(|index| Held::by(&cluster, index)).collect();
        }
        once(&cluster, (round % 2) as usize, &small);
    }
    let held = || (0..2).map(|index| Held::by(&cluster, index)).collect::<Vec<_>>();
    println!("after {WARM} jobs {before:?}, after {jobs} jobs {:?}", held());
    // Threads of sources may still be saying goodbye.
    let like_before = || held().iter().zip(&before).all(|(now, before)| now.is_like(*before)).then_some(());
    wait_or("nothing to be left behind", like_before, || format!("{before:?}, and now {:?}", held()));
    cluster.await_state(&[0, 1], "steady", "running");
}
