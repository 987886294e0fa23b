//! The brokers, and topics that go with who made them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{DefaultProducerContext, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};

use crate::support::servers::Kafka;

/// Partitions of every topic: as many as there are workers.
pub const PARTITIONS: i32 = 2;

/// The largest message, in bytes.
const LARGEST: &str = "10000000";

/// How long the brokers may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A producer whose reports nobody reads.
pub type Producer = ThreadedProducer<DefaultProducerContext>;

/// Kafka: that of `VIGIE_KAFKA`, else one of our own.
pub struct Brokers {
    /// `host:port`, as every client is told.
    pub address: String,
    admin: AdminClient<DefaultClientContext>,
    runtime: tokio::runtime::Runtime,
    _own: Option<Kafka>,
}

impl Brokers {
    /// Finds or starts them; `None`, and a line that says so, where Kafka is not installed.
    pub fn find() -> anyhow::Result<Option<Self>> {
        let named = std::env::var("VIGIE_KAFKA").ok().filter(|brokers| !brokers.is_empty());
        let own = if named.is_none() { Kafka::start() } else { None };
        let Some(address) = named.or_else(|| own.as_ref().map(Kafka::brokers)) else { return Ok(None) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let admin = config(&address).create()?;
        Ok(Some(Self { address, admin, runtime, _own: own }))
    }

    /// Makes a topic of a name of its own.
    pub fn topic(&self, what: &str) -> anyhow::Result<Topic<'_>> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("bench-{}-{}-{what}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let topic = NewTopic::new(&name, PARTITIONS, TopicReplication::Fixed(1)).set("max.message.bytes", LARGEST);
        let made = self.runtime.block_on(self.admin.create_topics([&topic], &AdminOptions::new()));
        let made = made.with_context(|| format!("can't make the topic {name}"))?;
        made.into_iter().collect::<Result<Vec<_>, _>>().map_err(|(name, code)| anyhow::anyhow!("{name}: {code}"))?;
        Ok(Topic { name, brokers: self })
    }
}

/// A topic; it is deleted when it goes.
pub struct Topic<'a> {
    /// Its name.
    pub name: String,
    brokers: &'a Brokers,
}

impl Topic<'_> {
    /// A reader of all of it, from its beginning.
    pub fn reader(&self) -> anyhow::Result<BaseConsumer> {
        reader(&self.brokers.address, &self.name, 0..PARTITIONS, "bench-observer")
    }

    /// The offset behind the last message of each partition.
    pub fn ends(&self) -> anyhow::Result<[i64; PARTITIONS as usize]> {
        let reader: BaseConsumer = config(&self.brokers.address).set("group.id", "bench-observer").create()?;
        ends(&reader, &self.name)
    }
}

impl Drop for Topic<'_> {
    fn drop(&mut self) {
        let gone = self.brokers.admin.delete_topics(&[&self.name], &AdminOptions::new());
        if let Err(error) = self.brokers.runtime.block_on(gone) {
            println!("the topic {} stays: {error}", self.name);
        }
    }
}

/// A client's settings.
pub fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

/// A consumer of these partitions, from their beginning.
///
/// # Errors
/// What the client says.
pub fn reader(
    brokers: &str,
    topic: &str,
    partitions: impl Iterator<Item = i32>,
    group: &str,
) -> anyhow::Result<BaseConsumer> {
    let mut config = config(brokers);
    config.set("group.id", group).set("enable.auto.commit", "false").set("fetch.message.max.bytes", LARGEST);
    let consumer: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    Ok(consumer)
}

/// A producer that waits as many milliseconds for company.
///
/// # Errors
/// What the client says.
pub fn producer(brokers: &str, linger: u32) -> anyhow::Result<Producer> {
    let mut config = config(brokers);
    config.set("message.max.bytes", LARGEST).set("linger.ms", linger.to_string());
    config.set("enable.idempotence", "true").set("acks", "all");
    Ok(config.create()?)
}

/// The offset behind the last message of each partition.
///
/// # Errors
/// What the client says.
pub fn ends(consumer: &BaseConsumer, topic: &str) -> anyhow::Result<[i64; PARTITIONS as usize]> {
    let mut ends = [0; PARTITIONS as usize];
    for (end, partition) in ends.iter_mut().zip(0..) {
        *end = consumer.fetch_watermarks(topic, partition, PATIENCE)?.1;
    }
    Ok(ends)
}
