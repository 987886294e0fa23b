//! A reader of results that is none of the contender's own.

use std::time::{Duration, Instant};

use rdkafka::consumer::BaseConsumer;
use rdkafka::message::Message as _;

use crate::kafka::{PARTITIONS, Topic, ends};
use crate::result::Found;

/// How long a reader takes until it waits for what comes.
const READY: Duration = Duration::from_secs(1);

/// Reads a topic of results from its beginning.
pub struct Observer {
    consumer: BaseConsumer,
    topic: String,
}

/// A result, and when and where it was seen.
pub struct Seen {
    /// When it came here.
    pub at: Instant,
    /// The partition that it lay in.
    pub partition: usize,
    /// Its offset there.
    pub offset: i64,
    /// What it says.
    pub found: Found,
}

impl Observer {
    /// Of a topic that is still empty.
    ///
    /// # Errors
    /// What the client says.
    pub fn new(topic: &Topic<'_>) -> anyhow::Result<Self> {
        let consumer = topic.reader()?;
        // A topic that was just made refuses the first fetch, and the client waits half a second before the next: that is no
        // time of a contender's.
        let early = consumer.poll(READY);
        anyhow::ensure!(!matches!(early, Some(Ok(_))), "a result was there before anybody began");
        drop(early);
        Ok(Self { consumer, topic: topic.name.clone() })
    }

    /// The next result, if one comes within `patience`.
    ///
    /// # Errors
    /// What came is none.
    pub fn next(&self, patience: Duration) -> anyhow::Result<Option<Seen>> {
        // What the client says of its connections passes.
        let Some(Ok(message)) = self.consumer.poll(patience) else { return Ok(None) };
        let at = Instant::now();
        let found = Found::read(message.payload().unwrap_or_default())?;
        Ok(Some(Seen { at, partition: message.partition() as usize, offset: message.offset(), found }))
    }

    /// The offset behind the last result of each partition.
    ///
    /// # Errors
    /// What the client says.
    pub fn ends(&self) -> anyhow::Result<[i64; PARTITIONS as usize]> {
        ends(&self.consumer, &self.topic)
    }
}
