//! Commands: how long a submit takes, and what it costs the others.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster::Standing;
use crate::feeds::Feed;
use crate::row;
use crate::stream::Stream;
use crate::support::Broker;

/// How often a job is submitted.
const SUBMITS: usize = 50;

/// How often, while another job runs.
const BESIDE: usize = 100;

/// A job without a model, one frame a second: what installing it costs is not what it does.
fn submission(cluster: &Standing, name: &str) -> Value {
    let at = cluster.path().display();
    let text = format!(
        "name = '{name}'\n[source.cameras]\nkind = 'synthetic'\nsize = '320x240'\nrate = 1.0\n[sink.store]\nkind = 'files'\n\
         path = '{at}/{name}/{{camera}}/{{id}}.jpg'\nwrite = 'frame'\n[dead]\nkind = 'files'\npath = '{at}/dead/{{id}}'\n"
    );
    json!({ "text": text, "folder": cluster.path(), "file": format!("{name}.toml") })
}

/// Submits it to a process, and cancels it; how long it took until it was installed on all, and until it was gone.
fn once(cluster: &Standing, index: usize, submission: &Value, name: &str) -> (Duration, Duration) {
    let begun = Instant::now();
    let (_, job) = cluster.call(index, "POST", "/api/v1/jobs", Some(submission)).expect("an answer");
    let installed = begun.elapsed();
    assert_eq!((&job["state"], &job["workers"]), (&"running".into(), &3.into()), "{job:#}\n{}", cluster.said());
    let begun = Instant::now();
    let (status, said) = cluster.call(index, "DELETE", &format!("/api/v1/jobs/{name}"), None).expect("an answer");
    assert!((200..300).contains(&status), "{said:#}");
    (installed, begun.elapsed())
}

/// Submits and cancels on a cluster of three, asked of each process in turn.
pub fn submits() {
    let cluster = Standing::start(3);
    let submission = submission(&cluster, "small");
    let times = (0..SUBMITS).map(|round| once(&cluster, round % 3, &submission, "small"));
    let (submits, cancels) = times.unzip();
    println!("command | median | worst | of | goal");
    row("submit, until it is installed on three processes", submits, "20 ms");
    row("cancel, until it is gone", cancels, "");
}

/// A job at 50 frames a second, without and with submits and cancels of another.
pub fn others() {
    let Some(broker) = Broker::mosquitto() else { return };
    let cluster = Standing::start(3);
    let stream = Stream::start(&cluster, "steady", Feed::mqtt(broker.port, "steady"));
    let begun = Instant::now();
    thread::sleep(Duration::from_secs(20));
    let usual = stream.latencies(begun);
    let (begun, submission) = (Instant::now(), submission(&cluster, "small"));
    for round in 0..BESIDE {
        once(&cluster, round % 3, &submission, "small");
    }
    let (took, beside) = (begun.elapsed(), stream.latencies(begun));
    println!("end to end | p50 | p99 | frames");
    let usual = quantiles("usual", usual);
    let beside = quantiles(&format!("beside {BESIDE} submits and cancels in {:.1} s", took.as_secs_f64()), beside);
    println!("p99 is {:.1} times the usual (goal 2)", beside.as_secs_f64() / usual.as_secs_f64());
    let (issued, verdict) = stream.end(&cluster);
    println!("{issued} issued, {} lost, {} doubled", verdict.lost.len(), verdict.doubled);
}

/// Prints them; the time that 99 of 100 stay under.
fn quantiles(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let at = |share: f64| times[(times.len() as f64 * share) as usize];
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    println!("{what} | {:.1} ms | {:.1} ms | {}", milliseconds(at(0.5)), milliseconds(at(0.99)), times.len());
    at(0.99)
}
