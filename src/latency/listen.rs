//! The reports of a job that runs elsewhere, as one of its sinks writes them.
//!
//! What a sink writes to a broker is read as a source reads it. A report is made before it is written, so that here a frame is
//! done when its report was made; how long the writing took, a report can't know.

use std::thread;
use std::time::{Duration, Instant};

use operators::{UnixMillis, mailbox};
use tokio::runtime::Handle;
use toml::Value;

use super::rows::{RESULT, Row, rounded};
use super::table::Measure;
use crate::clock;
use crate::context::Context;
use crate::job::Job;
use crate::kinds;
use crate::mistake::Mistake;
use crate::report::Report;
use crate::sources::{self, Receipt, Source};
use crate::write::Write;

/// What the only level is called.
pub const LIVE: &str = "live";

/// Reports that wait to be read.
const MAILBOX: usize = 64;

/// How often the clock is looked at while none comes.
const GLANCE: Duration = Duration::from_millis(100);

/// What comes in so long.
///
/// # Errors
/// No sink writes reports to a broker, or it can't be read, in words.
pub fn listen(job: &Job, span: Duration, runtime: &Handle) -> anyhow::Result<Measure> {
    let source = ear(job, runtime)?;
    let (inlet, inbox) = mailbox::<Receipt>(MAILBOX);
    let closer = inbox.closer();
    let thread = thread::Builder::new().name("reports".to_owned()).spawn(move || source.run(inlet));
    let thread = thread.expect("this machine can start a thread");
    tracing::info!("listening to the reports of {} for {}", job.name, humantime::format_duration(span));
    let (start, began, mut rows) = (Instant::now(), UnixMillis::now(), Vec::new());
    while start.elapsed() < span {
        let Ok(message) = inbox.take(GLANCE) else { break };
        let row = message.and_then(|message| row(&message.bytes, &job.name));
        // A broker may keep a report of long ago for whoever comes.
        rows.extend(row.filter(|row| row.done_at >= began));
    }
    closer.close();
    // What still waits came too late. The source ends when nobody is left to give receipts.
    while inbox.take(GLANCE).is_ok() {}
    drop(inbox);
    thread.join().expect("a source does not panic")?;
    Ok(Measure { level: LIVE.to_owned(), offered: None, took: span, late: 0, lost: 0, rows })
}

/// A source that reads what the first such sink writes.
fn ear(job: &Job, runtime: &Handle) -> anyhow::Result<Box<dyn Source>> {
    let of = |name: &str| heard(job, name);
    let reports = job.sinks.iter().filter(|sink| sink.write.contains(&Write::Report));
    let Some((kind, table)) = reports.filter_map(|sink| of(&sink.name)).next() else {
        let what = "no sink of this job writes reports to Kafka or MQTT, and so nobody can hear how late they are: add one with \
                    `write = \"report\"`, or measure under a load with --at 5,20,80";
        return Err(Mistake::new(what).into());
    };
    let wrong = |error: toml::de::Error| Mistake::new(format!("the job's reports can't be read: {}", error.message()));
    let source = kinds::config(kind, table).map_err(wrong)?;
    let context = Context { batch: 1, ..job.context("latency", 0, runtime) };
    source.check(&context)?;
    source.open(&context)
}

type Read = (&'static kinds::Kind<dyn sources::SourceConfig>, toml::Table);

/// The table of a source that reads what that sink writes; `None` where it writes to no broker.
fn heard(job: &Job, sink: &str) -> Option<Read> {
    let table = job.table("sink", sink);
    let name = table.get("kind")?.as_str()?;
    let me = format!("vigie-latency-{}", std::process::id());
    let own: &[(&str, Value)] = match name {
        "kafka" => &[("group", me.into()), ("start", "latest".into())],
        // Nothing is kept for a listener that has gone: under QoS 0 a session holds nothing back.
        "mqtt" => &[("client_id", me.into()), ("qos", 0.into())],
        _ => return None,
    };
    let (kind, mut source) = kinds::mirror(&table, sources::KINDS)?;
    if let Some(Value::String(topic)) = source.get_mut("topic") {
        *topic = topic.replace("{job}", &job.name).replace("{date}", "{id}").replace("{reason}", "{id}");
    }
    source.extend(own.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    Some((kind, source))
}

/// A report as a row; `None` for what is none of this job's frames: another job's, a piece's, or no report at all.
fn row(message: &[u8], job: &str) -> Option<Row> {
    let report: Report = serde_json::from_slice(message).ok()?;
    if report.job != job || report.piece.is_some() {
        return None;
    }
    let (received, done) = (clock::parse(&report.received_at)?, clock::parse(&report.done_at)?);
    // A camera that does not say when it took a frame is believed to have sent it at once.
    let intended = report.captured_at.as_deref().and_then(clock::parse).unwrap_or(received);
    let between = |from: UnixMillis, to: UnixMillis| to.0.saturating_sub(from.0) as f64;
    let (arrive, total) = (between(intended, received), between(intended, done));
    let worked: f64 = report.timings.values().sum();
    let wait = rounded((total - arrive - worked).max(0.0));
    let around = [("arrive".to_owned(), arrive), ("wait".to_owned(), wait)];
    Some(Row {
        camera: report.camera,
        id: report.id,
        intended_at: intended,
        received_at: received,
        done_at: done,
        end: RESULT.to_owned(),
        stages: around.into_iter().chain(report.timings).collect(),
        total_ms: total,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Catches a report that is read wrongly, one of another job, and a piece that counts as a frame.
    #[test]
    fn a_report_is_a_row() {
        let report = |job: &str, more: &str| {
            format!(
                r#"{{"job":"{job}","camera":"door","id":"7","number":7,"captured_at":"2026-11-21T08:30:01.250Z",
                "received_at":"2026-11-21T08:30:01.260Z","done_at":"2026-11-21T08:30:01.300Z","bytes":9,"detections":[],
                "timings":{{"decode":2.5,"infer":7.5}}{more}}}"#
            )
        };
        let read = row(report("room", "").as_bytes(), "room").expect("a row");
        assert_eq!((read.total_ms, read.camera.as_str(), read.id.as_str()), (50.0, "door", "7"));
        let stages: Vec<_> = read.stages.iter().map(|(stage, ms)| (stage.as_str(), *ms)).collect();
        assert_eq!(stages, [("arrive", 10.0), ("wait", 30.0), ("decode", 2.5), ("infer", 7.5)]);
        assert_eq!(row(report("hall", "").as_bytes(), "room"), None);
        let piece = r#","piece":{"of":"cut","index":0,"label":"a","score":1.0,"box":[0,0,1,1]}"#;
        assert_eq!(row(report("room", piece).as_bytes(), "room"), None);
        assert_eq!(row(b"\xFF\xD8", "room"), None);
    }

    /// Catches a listener that listens elsewhere, takes the job's own session or group, or needs a field that topics lack.
    #[test]
    fn what_a_sink_writes_is_read() {
        let text = "name = 'room'\n[source.in]\nkind = 'files'\npath = 'in'\n[sink.store]\nkind = 'files'\npath = 'out/{id}'\n\
                    [sink.mqtt]\nkind = 'mqtt'\nurl = 'mqtt://here'\ntopic = '{job}/{date}/{camera}'\nretain = true\n\
                    [sink.kafka]\nkind = 'kafka'\nbrokers = 'here:9092'\ntopic = 'results'\ncompression = 'zstd'\n";
        let job = Job::parse(text, Path::new("room.toml")).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let opened = |sink: &str| heard(&job, sink).map(|(kind, table)| kinds::config(kind, table).expect("a source"));
        assert!(opened("store").is_none());
        let mqtt = opened("mqtt").expect("a source");
        assert_eq!(mqtt.describe(), "MQTT here:1883, topic room/+/+, QoS 0");
        assert!(format!("{mqtt:?}").contains("client_id: Some(\"vigie-latency-"));
        let kafka = opened("kafka").expect("a source");
        assert_eq!(kafka.describe(), "Kafka here:9092, topic results");
        assert!(format!("{kafka:?}").contains("start: Latest, isolation"), "{kafka:?}");
    }
}
