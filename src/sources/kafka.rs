//! Frames from the topics of Kafka. An offset is committed when all that came before it is durable.
//!
//! Partitions are shared out by a rule, not by the group's coordinator: nothing is ever rebalanced, however slow the
//! model is, and the offsets still stand under the group, where the ordinary tools show the lag. One thread polls,
//! feeds the mailbox and commits; while the window is full it pauses its partitions and polls on.

mod offsets;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::Thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use operators::{Frame, UnixMillis};
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use self::offsets::{Offsets, Place, list};
use super::message::{self, Otherwise, Told};
use super::{Inlet, Receipt, Source, SourceConfig};
use crate::context::{Context, Share};
use crate::kafka::{self, Ear, Login, Mechanism};
use crate::mistake::Mistake;
use crate::template::Template;
use crate::{body, clock};

const FIELDS: &[&str] = &["camera", "number", "id"];

/// How often new topics and partitions are looked for, and how long an answer may take.
const LOOK: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(3);

/// How often offsets are committed, and how long the last commit may take.
const COMMIT: Duration = Duration::from_millis(200);

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(100);

/// The window is full for so long until the partitions are paused: what is fetched already is thrown away by that.
const FULL: Duration = Duration::from_millis(500);

/// Takes frames from Kafka: JPEG, PNG, base64 text, or JSON with a picture in it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// Brokers to begin with: `localhost:9092`, or several with commas.
    brokers: String,
    /// The topic, with `{camera}`, `{number}` and `{id}` where topics say them: `camera-{camera}-raw` reads every topic of
    /// that form, and those that appear later. Without a field it is one topic; then the header `camera` or the key names
    /// the camera.
    topic: String,
    /// The group under which the offsets are committed: the job's name without it.
    #[serde(default)]
    group: Option<String>,
    /// Where to begin in partitions that the group has no offset of: `"earliest"`, `"latest"`, or a time
    /// (`"2026-11-21T08:00:00Z"`). Topics that appear later are read from their beginning.
    #[serde(default)]
    start: Start,
    /// Which messages of transactions are read.
    #[serde(default)]
    isolation: Isolation,
    /// Whether connections use TLS; they do where `ca` or `cert` is given.
    #[serde(default)]
    tls: bool,
    /// The certificate of the brokers' CA (PEM), relative to the job file. Without it, the system's CAs.
    #[serde(default)]
    ca: Option<PathBuf>,
    /// This client's certificate (PEM).
    #[serde(default)]
    cert: Option<PathBuf>,
    /// Its key (PEM).
    #[serde(default)]
    key: Option<PathBuf>,
    /// The user's name (SASL).
    #[serde(default)]
    user: Option<String>,
    /// The user's password.
    #[serde(default)]
    password: Option<String>,
    /// How the password is proven.
    #[serde(default)]
    mechanism: Mechanism,
    /// Settings of librdkafka by their own names, for what has no key here: `{ "fetch.max.bytes" = "10485760" }`.
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

/// Where to begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Start {
    /// With the oldest message that is there.
    #[default]
    Earliest,
    /// With what comes after the job's first start.
    Latest,
    /// With what was written at that moment (RFC 3339).
    #[serde(untagged)]
    At(String),
}

/// Which messages of transactions are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
enum Isolation {
    /// Those of transactions that were committed.
    #[default]
    #[serde(rename = "read_committed")]
    Committed,
    /// All of them, at once.
    #[serde(rename = "read_uncommitted")]
    Uncommitted,
}

impl Kafka {
    fn login(&self, context: &Context) -> Result<Login, Mistake> {
        Login::new(crate::kafka_given!(self), context)
    }

    fn template(&self) -> Result<Template, Mistake> {
        let topic = Template::parse(&self.topic, FIELDS).map_err(|what| Mistake::at("topic", what))?;
        let literal = self.topic.chars().filter(|char| !"{}".contains(*char)).collect::<String>();
        if self.topic.is_empty() || kafka::legal(&literal) != literal {
            let what = "a topic of Kafka has letters, digits, `.`, `_` and `-`: write \"camera-{camera}-raw\"";
            return Err(Mistake::at("topic", what));
        }
        Ok(topic)
    }

    fn start(&self) -> Result<offsets::Start, Mistake> {
        Ok(match &self.start {
            Start::Earliest => offsets::Start::Earliest,
            Start::Latest => offsets::Start::Latest,
            Start::At(text) => match clock::parse(text) {
                Some(moment) => offsets::Start::At(moment),
                None => {
                    let what = format!(
                        "`start` is \"earliest\", \"latest\" or a time like \"2026-11-21T08:00:00Z\", not \"{text}\""
                    );
                    return Err(Mistake::at("start", what));
                }
            },
        })
    }

    fn group(&self, context: &Context) -> String {
        self.group.clone().unwrap_or_else(|| context.job.clone())
    }

    fn settings(&self, context: &Context) -> Vec<(&'static str, String)> {
        // What librdkafka reads ahead is a window of its own: a quarter of the job's, and 1 MiB at least.
        let ahead = (context.window.bytes / context.share.of / 4).max(1 << 20);
        let isolation = match self.isolation {
            Isolation::Committed => "read_committed",
            Isolation::Uncommitted => "read_uncommitted",
        };
        vec![
            ("group.id", self.group(context)),
            ("enable.auto.commit", "false".into()),
            ("enable.auto.offset.store", "false".into()),
            ("auto.offset.reset", "earliest".into()),
            ("isolation.level", isolation.into()),
            ("queued.max.messages.kbytes", (ahead >> 10).to_string()),
            ("fetch.queue.backoff.ms", "50".into()),
            ("fetch.wait.max.ms", "100".into()),
            ("receive.message.max.bytes", "1000000000".into()),
        ]
    }
}

/// Settings as librdkafka's client takes them.
fn borrowed<'a>(settings: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    settings.iter().map(|(setting, value)| (*setting, value.as_str())).collect()
}

impl SourceConfig for Kafka {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        let login = self.login(context)?;
        self.template()?;
        self.start()?;
        login.check(&borrowed(&self.settings(context)))
    }

    fn describe(&self) -> String {
        format!("Kafka {}, topic {}", self.brokers, self.topic)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Source>> {
        let config = self.login(context)?.client(&borrowed(&self.settings(context)));
        let ear = Ear::new(context.post("kafka"));
        let reader =
            Reader { topic: self.template()?, part: context.part.clone(), max_frame_bytes: context.max_frame_bytes };
        let scout = Scout { share: context.share, start: self.start()?, known: BTreeSet::new(), next: Instant::now() };
        Ok(Box::new(Running {
            consumer: BaseConsumer::from_config_and_context(&config, ear)?,
            group: self.group(context),
            part: context.part.clone(),
            reader,
            scout,
        }))
    }
}

/// Makes a frame of a message.
struct Reader {
    topic: Template,
    /// The camera of a message that names none.
    part: String,
    max_frame_bytes: usize,
}

impl Reader {
    fn frame(&self, message: &BorrowedMessage<'_>) -> Frame {
        let payload = Bytes::copy_from_slice(message.payload().unwrap_or_default());
        let topic: Told = self.topic.capture(message.topic()).unwrap_or_default().into();
        let header = |name: &str| header(message, name);
        let told = Told {
            camera: header("camera").or(topic.camera),
            number: header("number").and_then(|number| number.parse().ok()).or(topic.number),
            id: header("id").or(topic.id),
            captured_at: header("captured_at").as_deref().and_then(moment).or_else(|| created(message)),
        };
        let key = message.key().and_then(|key| std::str::from_utf8(key).ok()).filter(|key| !key.is_empty());
        let (partition, offset) = (message.partition(), message.offset());
        let otherwise = Otherwise {
            camera: key.unwrap_or(&self.part).to_owned(),
            number: offset.max(0) as u64,
            id: Some(format!("{partition}-{offset}")),
        };
        message::frame(body::parse(payload.clone()), payload, told, otherwise, self.max_frame_bytes)
    }
}

/// A header that is text and not empty.
fn header(message: &BorrowedMessage<'_>, name: &str) -> Option<String> {
    let header = message.headers()?.iter().find(|header| header.key == name)?;
    let text = std::str::from_utf8(header.value?).ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// A moment as RFC 3339 text or as a Unix time.
fn moment(text: &str) -> Option<UnixMillis> {
    clock::parse(text).or_else(|| clock::from_unix(text.parse().ok()?))
}

/// When the producer made the message, if it says so.
fn created(message: &BorrowedMessage<'_>) -> Option<UnixMillis> {
    match message.timestamp() {
        Timestamp::CreateTime(ms) => u64::try_from(ms).ok().filter(|ms| *ms > 0).map(UnixMillis),
        _ => None,
    }
}

/// Looks for topics and partitions.
struct Scout {
    share: Share,
    start: offsets::Start,
    known: BTreeSet<Place>,
    next: Instant,
}

impl Scout {
    /// The partitions of this share that were not there before, if it is time to look and a broker answers.
    fn look(&mut self, consumer: &BaseConsumer<Ear>, topic: &Template) -> Option<Vec<Place>> {
        if Instant::now() < self.next {
            return None;
        }
        self.next = Instant::now() + LOOK;
        let name = (!topic.has_fields()).then(|| topic.as_str());
        let found = match kafka::topics(consumer.client(), name, |name| topic.capture(name).is_some(), PATIENCE) {
            Ok(found) => found,
            Err(_) => {
                consumer.context().no_answer_yet();
                self.next = Instant::now() + POLL;
                return None;
            }
        };
        if found.iter().all(|(_, partitions)| partitions.is_empty()) && self.known.is_empty() {
            consumer.context().waits(&format!("there is no topic {} yet", topic.as_str()));
            self.next = Instant::now() + Duration::from_secs(1);
            return None;
        }
        consumer.context().all_is_well();
        let places = found.into_iter().flat_map(|(topic, partitions)| {
            let topic: Arc<str> = topic.into();
            partitions.into_iter().map(move |partition| Place { topic: topic.clone(), partition })
        });
        let new: Vec<_> = places.filter(|place| place.is_of(self.share) && !self.known.contains(place)).collect();
        Some(new)
    }
}

struct Running {
    consumer: BaseConsumer<Ear>,
    group: String,
    part: String,
    reader: Reader,
    scout: Scout,
}

impl Source for Running {
    fn run(mut self: Box<Self>, inlet: Inlet) -> anyhow::Result<()> {
        let mut offsets = Offsets::default();
        let ended = self.feed(&inlet, &mut offsets);
        if ended.is_some() {
            // No frame comes any more, and each receipt is waited for.
            let receipts = inlet.finish();
            receipts.for_each(|receipt| offsets.settle(receipt));
        }
        self.commit(&mut offsets, CommitMode::Sync);
        Ok(())
    }
}

impl Running {
    /// Feeds the mailbox until the job closes. `None`: nobody listens any more.
    fn feed(&mut self, inlet: &Inlet, offsets: &mut Offsets) -> Option<()> {
        let this: Thread = std::thread::current();
        inlet.on_news(move || this.unpark());
        let mut waiting: VecDeque<(Frame, Receipt)> = VecDeque::new();
        let (mut committed, mut full_since, mut paused) = (Instant::now(), None, false);
        while !inlet.is_closing() {
            self.look();
            while let Some(receipt) = inlet.receipt().ok()? {
                offsets.settle(receipt);
            }
            if committed.elapsed() > COMMIT {
                self.commit(offsets, CommitMode::Async);
                committed = Instant::now();
            }
            while let Some((frame, receipt)) = waiting.pop_front() {
                if let Some(back) = inlet.try_send(frame, receipt).ok()? {
                    waiting.push_front(back);
                    break;
                }
            }
            if waiting.is_empty() {
                full_since = None;
                if std::mem::take(&mut paused) {
                    self.each_partition(|consumer, all| consumer.resume(all));
                }
                self.poll(POLL, offsets, &mut waiting);
                continue;
            }
            let since = *full_since.get_or_insert_with(Instant::now);
            if !paused && since.elapsed() > FULL {
                self.each_partition(|consumer, all| consumer.pause(all));
                paused = true;
            }
            if paused {
                self.poll(Duration::ZERO, offsets, &mut waiting);
            }
            std::thread::park_timeout(POLL);
        }
        Some(())
    }

    /// Takes the partitions that are new, each from where it stands.
    fn look(&mut self) {
        let Some(new) = self.scout.look(&self.consumer, &self.reader.topic) else { return };
        if new.is_empty() {
            return;
        }
        let start = match self.scout.known.is_empty() {
            true => self.scout.start.clone(),
            false => offsets::Start::Earliest,
        };
        let taken = offsets::positions(&self.consumer, &new, &start, &self.part)
            .and_then(|positions| self.consumer.incremental_assign(&positions));
        match taken {
            Ok(()) => {
                let topics: BTreeSet<_> = new.iter().map(|place| &*place.topic).collect();
                let topics = topics.into_iter().collect::<Vec<_>>().join(", ");
                tracing::info!(
                    "Kafka connected ([source.{}]): {} partitions of {topics}, group {}",
                    self.part,
                    new.len(),
                    self.group
                );
                self.scout.known.extend(new);
            }
            Err(error) => {
                self.consumer.context().waits(&format!("its offsets are not known: {error}"));
                self.scout.next = Instant::now() + POLL;
            }
        }
    }

    fn poll(&self, patience: Duration, offsets: &mut Offsets, waiting: &mut VecDeque<(Frame, Receipt)>) {
        match self.consumer.poll(patience) {
            Some(Ok(message)) => {
                let receipt = offsets.note(message.topic(), message.partition(), message.offset());
                waiting.push_back((self.reader.frame(&message), receipt));
            }
            Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                self.consumer.context().waits(&format!("the client gave up: {code}"));
            }
            // The others pass, and stand on the board where they last.
            Some(Err(_)) | None => {}
        }
    }

    fn each_partition(
        &self,
        change: impl Fn(&BaseConsumer<Ear>, &rdkafka::TopicPartitionList) -> Result<(), KafkaError>,
    ) {
        let all = list(self.scout.known.iter().map(|place| (place, None)));
        if let Err(error) = change(&self.consumer, &all) {
            tracing::debug!("pausing or going on: {error}");
        }
    }

    /// Commits what is new, and what could not be committed before.
    fn commit(&self, offsets: &mut Offsets, mode: CommitMode) {
        if self.consumer.context().commit_failed() {
            offsets.failed();
        }
        let Some(new) = offsets.uncommitted() else { return };
        let positions = list(new.iter().map(|(place, next)| (place, Some(rdkafka::Offset::Offset(*next)))));
        if self.consumer.commit(&positions, mode).is_err() {
            offsets.failed();
        }
    }
}
