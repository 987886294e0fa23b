//! Frames from the topics of Kafka. An offset is committed when all that came before it is durable.
//!
//! Partitions are shared out by a rule, not by the group's coordinator: nothing is ever rebalanced, however slow the
//! model is, and the offsets still stand under the group, where the ordinary tools show the lag. One thread polls,
//! feeds the mailbox and commits; while the window is full it pauses its partitions and polls on.

mod feed;
mod gaps;
mod held;
mod offsets;
mod reader;
mod scout;

use std::collections::BTreeMap;
use std::path::PathBuf;

use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::BaseConsumer;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::feed::Running;
use self::held::Client;
use self::reader::Reader;
use self::scout::Scout;
use super::{Holds, Source, SourceConfig};
use crate::clock;
use crate::context::Context;
use crate::kafka::{self, Ear, Login, Mechanism};
use crate::mistake::Mistake;
use crate::template::Template;

const FIELDS: &[&str] = &["camera", "number", "id"];

/// Bytes that are read ahead, at least and at most.
const AHEAD: [usize; 2] = [1 << 20, 4 << 20];

/// Takes frames from Kafka: JPEG, PNG, base64 text, or JSON with a picture in it. Headers of a message that are text go with its
/// frame: `headers` in expressions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// Brokers to begin with: `localhost:9092`, or several with commas.
    brokers: String,
    /// The topic, with `{camera}`, `{number}` and `{id}` where topics say them: `camera-{camera}-raw` reads every topic of
    /// that form, and those that appear later. Without a field it is one topic; then the header `camera` or the key names
    /// the camera.
    topic: String,
    /// What its messages hold: `pictures`; or `truth`, JSON `{"camera": "door", "id": "7", "label": "cat"}`: what is true of a
    /// picture that comes by another source, before it or after it. Camera and id may also stand where those of pictures may.
    #[serde(default)]
    holds: Holds,
    /// The group under which the offsets are committed: the job's name without it.
    #[serde(default)]
    group: Option<String>,
    /// Where to begin in partitions that the group has no offset of: `"earliest"`, `"latest"`, or a time
    /// (`"2026-11-21T08:00:00Z"`). Topics that appear later are read from their beginning.
    #[serde(default)]
    start: Start,
    /// Which messages of transactions are read: `"read_committed"` or `"read_uncommitted"`.
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
    /// How the password is proven: `"PLAIN"`, `"SCRAM-SHA-256"` or `"SCRAM-SHA-512"`.
    #[serde(default)]
    mechanism: Mechanism,
    /// Settings of librdkafka by their own names, for what has no key here: `{ "fetch.max.bytes" = "10485760" }`.
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

/// Where to begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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
        // What librdkafka reads ahead is a window of its own: a quarter of the job's, as far as that hides how long a broker
        // takes to answer. It looks again soon whether there is room: by itself it rests for a second.
        let ahead = (context.window.bytes / context.share.of / 4).clamp(AHEAD[0], AHEAD[1]);
        let isolation = match self.isolation {
            Isolation::Committed => "read_committed",
            Isolation::Uncommitted => "read_uncommitted",
        };
        // A broker is asked for one answer at a time, and says after so long that there is nothing: a partition that has frames
        // again may have to wait for what was asked about the others.
        let nothing = "100".into();
        vec![
            ("group.id", self.group(context)),
            ("enable.auto.commit", "false".into()),
            ("enable.auto.offset.store", "false".into()),
            ("auto.offset.reset", "earliest".into()),
            ("isolation.level", isolation.into()),
            ("queued.max.messages.kbytes", (ahead >> 10).to_string()),
            ("fetch.queue.backoff.ms", "5".into()),
            ("fetch.wait.max.ms", nothing),
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
        format!("Kafka {}, topic {}{}", self.brokers, self.topic, self.holds.told())
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn holds(&self) -> Holds {
        self.holds
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Source>> {
        let config = self.login(context)?.client(&borrowed(&self.settings(context)));
        let ear = Ear::new(context.post("kafka"));
        let reader = Reader {
            topic: self.template()?,
            part: context.part.clone(),
            holds: self.holds,
            max_frame_bytes: context.max_frame_bytes,
        };
        let consumer = BaseConsumer::from_config_and_context(&config, ear);
        Ok(Box::new(Running {
            consumer: Client::new(consumer.map_err(|error| kafka::unmade(&context.part, &error))?),
            group: self.group(context),
            part: context.part.clone(),
            reader,
            scout: Scout::new(context.share, self.start()?),
            gaps: Default::default(),
            trouble: None,
            denied: None,
        }))
    }
}
