//! Topics, read back: all that stands in them when one begins to look.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfig as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use crate::kafka;
use crate::template::Template;

/// Settings of every reader: it is nobody's group, leaves nothing behind, and hears where a partition ends.
pub const READER: [(&str, &str); 3] =
    [("group.id", "vigie-count"), ("enable.auto.commit", "false"), ("enable.partition.eof", "true")];

/// How long the brokers may be silent.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(200);

/// Partitions, read one after the other.
pub struct Stored {
    consumer: BaseConsumer,
    left: VecDeque<Place>,
    /// What is being read.
    now: Option<Place>,
}

/// A partition up to an offset.
struct Place {
    topic: String,
    partition: i32,
    /// The first offset that is not read any more.
    end: i64,
}

impl Stored {
    /// All messages of the topics that `topic` makes.
    ///
    /// # Errors
    /// No broker answers, or there is no such topic.
    pub fn find(config: &ClientConfig, topic: &Template) -> anyhow::Result<Self> {
        let name = (!topic.has_fields()).then(|| topic.as_str());
        let cannot = || format!("the topic {} can't be read", topic.as_str());
        let consumer = BaseConsumer::from_config(config).with_context(cannot)?;
        let wanted = |name: &str| topic.capture(name).is_some();
        let found = kafka::topics(consumer.client(), name, wanted, PATIENCE).with_context(cannot)?;
        let mut left = VecDeque::new();
        for (topic, partitions) in found {
            for partition in partitions {
                let (first, end) = consumer.fetch_watermarks(&topic, partition, PATIENCE).with_context(cannot)?;
                left.extend((first < end).then(|| Place { topic: topic.clone(), partition, end }));
            }
        }
        Ok(Self { consumer, left, now: None })
    }

    /// Begins with the next partition, if there is one.
    fn begin(&mut self) -> KafkaResult<bool> {
        self.now = self.left.pop_front();
        let mut list = TopicPartitionList::new();
        if let Some(place) = &self.now {
            list.add_partition_offset(&place.topic, place.partition, Offset::Beginning)?;
        }
        self.consumer.assign(&list).map(|()| self.now.is_some())
    }

    /// The next message with something in it.
    fn take(&mut self) -> anyhow::Result<Option<Bytes>> {
        let mut since = Instant::now();
        loop {
            let Some(Place { end, topic, .. }) = &self.now else {
                match self.begin()? {
                    true => continue,
                    false => return Ok(None),
                }
            };
            match self.consumer.poll(POLL) {
                None if since.elapsed() < PATIENCE => {}
                None => bail!("no broker has said a word of the topic {topic} for {} s", PATIENCE.as_secs()),
                Some(Err(KafkaError::PartitionEOF(_))) => self.now = None,
                // librdkafka tries again, and says so each time.
                Some(Err(_)) if since.elapsed() < PATIENCE => {}
                Some(Err(error)) => return Err(error).with_context(|| format!("the topic {topic} can't be read")),
                Some(Ok(message)) => {
                    since = Instant::now();
                    let (is_over, is_last) = (message.offset() >= *end, message.offset() + 1 >= *end);
                    let payload = message.payload().filter(|_| !is_over).map(Bytes::copy_from_slice);
                    drop(message);
                    if is_last {
                        self.now = None;
                    }
                    if payload.is_some() {
                        return Ok(payload);
                    }
                }
            }
        }
    }
}

impl Iterator for Stored {
    type Item = anyhow::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}
