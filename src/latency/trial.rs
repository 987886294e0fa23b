//! A job in this process, with a load in front of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use operators::UnixMillis;
use tokio::runtime::Runtime;

use super::collect::Ledger;
use super::load::{Camera, Form, Load, Rate};
use super::table::Measure;
use crate::board::Board;
use crate::camera::shots;
use crate::cluster::{Cluster, Door};
use crate::command::{Command, orders};
use crate::context::Context;
use crate::job::Job;
use crate::kinds;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::mistake::Mistake;
use crate::opening::{Place, open};
use crate::run::{self, Failure, ONLY};
use crate::sinks::{self, SinkConfig};
use crate::sources::synthetic::Cameras;

/// Pictures that each camera has, at most: they are in memory.
const PICTURES: usize = 64;
/// Of a rendered camera.
const RENDERED: u64 = 16;
/// Between two of them, so that people are elsewhere.
const APART: u64 = 9;
/// Their size.
const SIZE: &str = "640x480";

/// The load as it was typed.
#[derive(Debug)]
pub struct Wanted {
    /// The levels, in turn.
    pub rates: Vec<Rate>,
    /// How long each lasts.
    pub span: Duration,
    /// The source that it is offered to; the first that takes from a broker, where nobody says.
    pub source: Option<String>,
    /// How many cameras.
    pub cameras: u32,
    /// A folder of pictures; rendered ones without it.
    pub pictures: Option<PathBuf>,
}

/// Runs the job on this process alone, and offers each level to it in turn.
pub(crate) fn run(mut job: Job, cluster: &Cluster, wanted: Wanted, runtime: &Runtime) -> Result<Vec<Measure>, Failure> {
    // What a job keeps for its next start is that of `vigie run`, and not of a measurement.
    job.state = Some(job.beside().join(".vigie").join("latency"));
    let (job, ledger, board) = (Arc::new(job), Arc::<Ledger>::default(), Board::default());
    let load = prepared(&job, cluster, &wanted, &board, runtime)?;
    let metrics = Arc::new(Metrics::new(&job.name));
    metrics.watch(ledger.clone());
    let door = Door::open(cluster)?;
    let parts = open(&job, Place::from(cluster), runtime.handle(), &metrics)?;
    let (orders, inbox) = orders();
    let drive = {
        let ledger = ledger.clone();
        move || {
            let measured = driven(load, &wanted, &ledger);
            orders.give(Command::Drain(ONLY));
            measured
        }
    };
    let driver = thread::Builder::new().name("load".to_owned()).spawn(drive).expect("this machine can start a thread");
    let live = Live::new(&job.name, metrics);
    let ended = run::start(cluster, door, &job, parts, inbox, Arc::new(AtomicBool::new(false)));
    drop(live);
    ledger.close();
    board.close();
    run::goodbye(&job.name, ended?)?;
    Ok(driver.join().expect("a load does not panic")?)
}

/// All levels, one after the other.
fn driven(mut load: Load, wanted: &Wanted, ledger: &Ledger) -> anyhow::Result<Vec<Measure>> {
    load.warm_up(ledger)?;
    let before = ledger.others();
    let level = |rate: &Rate| {
        tracing::info!("{rate} frames/s for {}", humantime::format_duration(wanted.span));
        load.offer(*rate, wanted.span, ledger)
    };
    let measured = wanted.rates.iter().map(level).collect::<anyhow::Result<_>>()?;
    let others = ledger.others() - before;
    if others > 0 {
        tracing::warn!(
            "{others} frames of others came meanwhile: they are in no row, and took their share of the time"
        );
    }
    Ok(measured)
}

/// The cameras of a load, connected to where the source takes its frames from.
fn prepared(job: &Job, cluster: &Cluster, wanted: &Wanted, board: &Board, runtime: &Runtime) -> anyhow::Result<Load> {
    let (sink, form) = way_in(job, wanted.source.as_deref())?;
    let mut cameras = Vec::new();
    for index in 0..wanted.cameras {
        let context = Context {
            board: board.clone(),
            // A part of no job is called so, and two measurements at a time are two.
            ..job.context(&format!("latency-{}", std::process::id()), index as usize, runtime.handle())
        };
        sink.check(&context)?;
        cameras.push(Camera {
            name: format!("latency-{index}"),
            pictures: pictures(wanted, index)?,
            next: UnixMillis::now().0,
            form,
            sink: sink.open(&context)?,
        });
    }
    Ok(Load { cameras, warm: job.batch.size * cluster.threads })
}

/// What writes to a source, and how its frames say what they are.
type WayIn = (Box<dyn SinkConfig>, Form);

/// What writes to where a source of the job takes its frames from.
fn way_in(job: &Job, name: Option<&str>) -> Result<WayIn, Mistake> {
    let known: Vec<_> = job.sources.iter().map(|source| source.name.as_str()).collect();
    if let Some(name) = name.filter(|name| !known.contains(name)) {
        return Err(Mistake::new(format!("the job has no source `{name}`. Known here: {}", known.join(", "))));
    }
    let wanted = known.iter().filter(|known| name.is_none_or(|name| name == **known));
    let found = wanted.copied().find_map(|source| carried(job, source));
    found.unwrap_or_else(|| {
        let what = "a load is offered through Kafka or MQTT, and this job takes its frames from neither: give it a source of that \
                    kind";
        Err(Mistake::new(what))
    })
}

/// The same for that source; `None` where no broker is between it and its cameras.
fn carried(job: &Job, source: &str) -> Option<Result<WayIn, Mistake>> {
    let table = job.table("source", source);
    let form = match table.get("kind")?.as_str()? {
        "kafka" => Form::Headers,
        "mqtt" => Form::Json,
        _ => return None,
    };
    let (kind, mut sink) = kinds::mirror(&table, sinks::KINDS)?;
    if let Some(toml::Value::String(topic)) = sink.get_mut("topic") {
        let named = |level: &str| if ["+", "#"].contains(&level) { "latency".to_owned() } else { level.to_owned() };
        *topic = topic.split('/').map(named).collect::<Vec<_>>().join("/");
    }
    // A sink wants to know what arrived, also where the source does not mind.
    if sink.get("qos").and_then(toml::Value::as_integer) == Some(0) {
        sink.insert("qos".to_owned(), 1.into());
    }
    let wrong = |error: toml::de::Error| {
        Mistake::new(format!(
            "no load can be sent to where source `{source}` takes its frames from: {}",
            error.message()
        ))
    };
    Some(kinds::config(kind, sink).map(|sink| (sink, form)).map_err(wrong))
}

/// What a camera shows.
fn pictures(wanted: &Wanted, index: u32) -> anyhow::Result<Vec<Bytes>> {
    match &wanted.pictures {
        Some(folder) => of_folder(folder, index as usize, wanted.cameras as usize),
        None => {
            let cameras = Cameras::new(1, wanted.cameras, SIZE, None, APART)?;
            let view = cameras.view(index);
            Ok((0..RENDERED).map(|at| view.frame(cameras.number(at).0).0).collect())
        }
    }
}

/// Each camera's own pictures of a folder, or, where there are fewer than cameras, one that others show too.
fn of_folder(folder: &Path, index: usize, cameras: usize) -> anyhow::Result<Vec<Bytes>> {
    let files = shots::pictures(folder)?;
    let mine = files.iter().skip(index % files.len()).step_by(cameras).take(PICTURES);
    let read = |path: &PathBuf| {
        let wrong = |error| Mistake::new(format!("{} can't be read: {error}", path.display()));
        Ok(std::fs::read(path).map_err(wrong)?.into())
    };
    mine.map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(source: &str) -> Job {
        let text = format!(
            "name = 'a'\n[source.cameras]\n{source}\n[sink.out]\nkind = 'files'\npath = 'out/{{camera}}/{{id}}.json'\n"
        );
        Job::parse(&text, Path::new("a.toml")).unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    /// Catches a load that goes elsewhere than to the source, or without its login.
    #[test]
    fn a_load_goes_to_where_the_source_takes_from() {
        let mqtt = job("kind = 'mqtt'\nurl = 'mqtt://here'\ntopic = 'site/+/{camera}/#'\nqos = 0\nclient_id = 'me'");
        let (sink, form) = way_in(&mqtt, None).expect("a way in");
        assert_eq!(
            (sink.describe(), form),
            ("MQTT here:1883, topic site/latency/{camera}/latency, QoS 1".into(), Form::Json)
        );
        let kafka = job(
            "kind = 'kafka'\nbrokers = 'here:9092'\ntopic = 'camera-{camera}-raw'\nuser = 'a'\npassword = 'b'\ngroup = 'g'",
        );
        let (sink, form) = way_in(&kafka, Some("cameras")).expect("a way in");
        assert_eq!((sink.describe(), form), ("Kafka here:9092, topic camera-{camera}-raw".into(), Form::Headers));
        assert!(format!("{sink:?}").contains("user: Some(\"a\")"), "{sink:?}");
    }

    /// Catches a job that can't be loaded and is waited for in silence.
    #[test]
    fn a_source_without_a_broker_is_refused_in_words() {
        let files = job("kind = 'files'\npath = 'pictures'");
        let why = way_in(&files, None).map(drop).expect_err("there is no way in").to_string();
        assert!(why.contains("through Kafka or MQTT"), "{why}");
        let why = way_in(&files, Some("camera")).map(drop).expect_err("there is none").to_string();
        assert!(why.contains("has no source `camera`. Known here: cameras"), "{why}");
    }
}
