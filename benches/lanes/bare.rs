//! The bare loop: what is left when there is no engine. It reads, does the work, writes, and commits what it has read; it
//! waits for no answer, bounds nothing and survives nothing. It is told what to do as a peer is.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use operators::UnixMillis;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::producer::BaseRecord;
use serde_json::json;

use crate::contender::Work;
use crate::frames::BATCH;
use crate::kafka::{PARTITIONS, Producer, producer, reader};
use crate::line::{Line, frame, job};

/// How long a batch waits to fill.
const TIMEOUT: Duration = Duration::from_millis(100);

/// How often it commits.
const COMMIT: Duration = Duration::from_millis(200);

/// Milliseconds that a message waits for company.
const LINGER: u32 = 5;

/// What is written of a frame: its result, and its picture where there is one.
type Made = (Bytes, Option<Bytes>);

/// Runs it until it is ended: without a model one thread for all partitions, with one a thread each.
///
/// # Errors
/// It is not told enough, or what it needs fails.
pub fn run() -> anyhow::Result<()> {
    let model = told("BENCH_MODEL")?;
    if model == "null" {
        return Loop::open(0..PARTITIONS)?.run(null);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let text = format!("name = \"bare\"\n{}{}", SOURCE, Work::Detect(model.into()).steps()) + SINK;
    let job = &job(&text, Path::new("."), runtime.handle())?;
    std::thread::scope(|scope| {
        let share = |partition: i32| {
            let mut line = Line::open(job, partition as usize, runtime.handle())?;
            Loop::open(partition..partition + 1)?.run(|batch| detect(&mut line, batch))
        };
        let threads: Vec<_> = (0..PARTITIONS).map(|partition| scope.spawn(move || share(partition))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })
}

/// A job has a source and a sink; these are not opened.
const SOURCE: &str = "[source.frames]\nkind = \"synthetic\"\n";
const SINK: &str = "[sink.out]\nkind = \"files\"\npath = \"{id}.jpg\"\nwrite = \"image\"\n";

fn told(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set: the harness starts this"))
}

fn null(batch: &[BorrowedMessage<'_>]) -> anyhow::Result<Vec<Made>> {
    let result = |message: &BorrowedMessage<'_>| {
        let (camera, number) = name(message)?;
        let bytes = message.payload_len();
        let said = json!({"camera": camera, "number": number, "bytes": bytes, "at": UnixMillis::now().0});
        Ok((said.to_string().into(), None))
    };
    batch.iter().map(result).collect()
}

fn detect(line: &mut Line, batch: &[BorrowedMessage<'_>]) -> anyhow::Result<Vec<Made>> {
    let frames = batch.iter().map(|message| {
        let (camera, number) = name(message)?;
        let bytes = Bytes::copy_from_slice(message.payload().unwrap_or_default());
        Ok(frame(camera, number, &number.to_string(), bytes))
    });
    let worked = line.work(frames.collect::<anyhow::Result<_>>()?)?;
    Ok(worked.into_iter().map(|(_, [image, report])| (report.0, Some(image.0))).collect())
}

/// Camera and number, of its key.
fn name<'a>(message: &'a BorrowedMessage<'_>) -> anyhow::Result<(&'a str, u64)> {
    let key = message.key().and_then(|key| std::str::from_utf8(key).ok()).and_then(|key| key.split_once('/'));
    let (camera, number) = key.context("a key is CAMERA/NUMBER")?;
    Ok((camera, number.parse()?))
}

/// One consumer and one producer.
struct Loop {
    consumer: BaseConsumer,
    producer: Producer,
    results: String,
    pictures: String,
}

impl Loop {
    fn open(partitions: std::ops::Range<i32>) -> anyhow::Result<Self> {
        let brokers = told("BENCH_BROKER")?;
        Ok(Self {
            consumer: reader(&brokers, &told("BENCH_IN")?, partitions, &told("BENCH_GROUP")?)?,
            producer: producer(&brokers, LINGER)?,
            results: told("BENCH_OUT")?,
            pictures: told("BENCH_PROCESSED")?,
        })
    }

    fn run(&self, mut work: impl FnMut(&[BorrowedMessage<'_>]) -> anyhow::Result<Vec<Made>>) -> anyhow::Result<()> {
        let (mut batch, mut committed) = (Vec::with_capacity(BATCH), Instant::now());
        loop {
            self.gather(&mut batch);
            for (message, (result, picture)) in batch.iter().zip(work(&batch)?) {
                self.send(&self.results, message, &result)?;
                if let Some(picture) = picture {
                    self.send(&self.pictures, message, &picture)?;
                }
            }
            if let Some(last) = batch.last().filter(|_| committed.elapsed() > COMMIT) {
                self.consumer.commit_message(last, CommitMode::Async)?;
                committed = Instant::now();
            }
            batch.clear();
        }
    }

    /// Three messages, or those that come within the time of a batch.
    fn gather<'a>(&'a self, batch: &mut Vec<BorrowedMessage<'a>>) {
        let mut left = TIMEOUT;
        let mut since = None;
        while batch.len() < BATCH && !left.is_zero() {
            if let Some(Ok(message)) = self.consumer.poll(left) {
                batch.push(message);
            }
            if !batch.is_empty() {
                left = TIMEOUT.saturating_sub(since.get_or_insert_with(Instant::now).elapsed());
            }
        }
    }

    fn send(&self, topic: &str, of: &BorrowedMessage<'_>, body: &[u8]) -> anyhow::Result<()> {
        let key = of.key().unwrap_or_default();
        let mut record = BaseRecord::to(topic).key(key).payload(body).partition(of.partition());
        while let Err((error, back)) = self.producer.send(record) {
            anyhow::ensure!(error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull), "{error}");
            std::thread::sleep(Duration::from_millis(1));
            record = back;
        }
        Ok(())
    }
}
