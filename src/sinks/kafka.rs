//! Results to the topics of Kafka. Written is what all in-sync replicas have (`acks=all`).
//!
//! The producer is idempotent: what it sends again after a loss stands in the topic once, and a camera's results keep
//! their order. After a crash of Vigie the frames that were not acknowledged lead to their results once more, under the
//! same key and `id`: a reader that wants each once drops what it knows.

mod publisher;
mod stored;

use std::collections::BTreeMap;
use std::path::PathBuf;

use rdkafka::admin::AdminClient;
use rdkafka::config::FromClientConfig as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::publisher::Publisher;
use super::{Name, Parcel, Sink, SinkConfig, Stored};
use crate::context::Context;
use crate::kafka::{self, Login, Mechanism};
use crate::mistake::Mistake;
use crate::template::Template;

const FIELDS: &[&str] = &["camera", "job", "date"];

/// What a message has besides key, headers and body, and a little more.
const ENVELOPE: usize = 512;

/// Settings of every producer: each is a part of the promise.
const PRODUCER: [(&str, &str); 7] = [
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // For ever: the window holds what waits.
    ("message.timeout.ms", "0"),
    ("request.timeout.ms", "6000"),
    ("linger.ms", "1"),
    // The broker's own limit counts, and the window is the only queue that is bounded.
    ("message.max.bytes", "1000000000"),
    ("queue.buffering.max.kbytes", "2000000"),
];

/// Writes results to Kafka: the key is the camera; headers are `camera`, `id`, `number`, `job`, `captured_at` and
/// `content-type`. A message's time is when its frame was captured, unless that lies in the future. Of a view, each row that
/// changes: the key is the row's key, its parts joined by `/`, and a row that is gone has no body, so that a compacted topic
/// (`cleanup.policy=compact`) keeps the table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// Brokers to begin with: `localhost:9092`, or several with commas.
    brokers: String,
    /// The topic of a result, with `{camera}`, `{job}`, `{date}` and expressions: `camera-{camera}-processed`; in `[dead]`
    /// with `{reason}` and no expressions. Topics that are not
    /// there are made, with the broker's defaults. What a topic's name can't hold is replaced.
    topic: String,
    /// How bodies are compressed: `none` (JPEGs get no smaller), `gzip`, `snappy`, `lz4` or `zstd`.
    #[serde(default)]
    compression: Compression,
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
    /// Settings of librdkafka by their own names, for what has no key here: `{ "linger.ms" = "20" }`.
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

/// How bodies are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Compression {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Compression {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl Kafka {
    fn login(&self, context: &Context) -> Result<Login, Mistake> {
        Login::new(crate::kafka_given!(self), context)
    }

    fn settings(&self) -> Vec<(&'static str, &'static str)> {
        PRODUCER.into_iter().chain([("compression.type", self.compression.as_str())]).collect()
    }

    fn template(&self, context: &Context) -> Result<Template, Mistake> {
        if self.topic.is_empty() {
            return Err(Mistake::at("topic", "a topic needs a name: write \"camera-{camera}-processed\""));
        }
        Template::read(&self.topic, FIELDS, context, "topic")
    }
}

impl SinkConfig for Kafka {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        self.template(context)?;
        self.login(context)?.check(&self.settings())
    }

    fn describe(&self) -> String {
        format!("Kafka {}, topic {}", self.brokers, self.topic)
    }

    fn names(&self, context: &Context) -> Result<Vec<Name>, Mistake> {
        Ok(vec![Name { field: "topic", template: self.template(context)?, replaces: false }])
    }

    fn preflight(&self, context: &Context, largest: usize) -> Option<Mistake> {
        let topic = self.template(context).ok()?;
        let admin = AdminClient::from_config(&self.login(context).ok()?.client(&[])).ok()?;
        let name = (!topic.has_fields()).then(|| topic.as_str());
        let takes = context.runtime.block_on(kafka::topic_limit(&admin, name));
        let wanted = largest + ENVELOPE;
        let takes = takes.filter(|takes| *takes < wanted)?;
        let what = format!(
            "a result may have {largest} bytes, and Kafka takes messages of {takes}: set `message.max.bytes` of the broker \
             (or `max.message.bytes` of the topics) to {wanted}, lower `max_frame_bytes` of [limits], or name a sink for \
             what is too large with `overflow`"
        );
        Some(Mistake::at("topic", what))
    }

    fn place(&self, context: &Context, parcel: &Parcel) -> Result<String, Mistake> {
        let names = parcel.names(&context.job);
        Ok(format!("kafka:{}", kafka::legal(&self.template(context)?.fill(&names))))
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>> {
        let login = self.login(context)?;
        let (producer, admin) = (login.client(&self.settings()), login.client(&[]));
        Ok(Box::new(Publisher::open(self.template(context)?, producer, &admin, context)?))
    }

    fn stored(&self, context: &Context) -> anyhow::Result<Stored> {
        let config = self.login(context)?.client(&stored::READER);
        Ok(Box::new(stored::Stored::find(&config, &self.template(context)?)?))
    }
}
