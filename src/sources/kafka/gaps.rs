//! What is not there: offsets between a message that was read and the next.
//!
//! Compaction and transactions leave holes that nobody misses. What the broker deleted before it was read is lost, and has to be
//! said: librdkafka goes on without a word with what is there.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::offsets::Place;
use crate::kafka::Ear;

/// How often brokers are asked about holes of one partition, and how long an answer may take.
const OFTEN: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(5);

/// Which offset is to come in each partition.
#[derive(Debug, Default)]
pub struct Gaps(HashMap<Place, Next>);

#[derive(Debug)]
struct Next {
    offset: i64,
    /// When the broker was asked about a hole.
    asked: Option<Instant>,
}

impl Gaps {
    /// These partitions are read from now on, each from where the list says.
    pub fn begin(&mut self, positions: &TopicPartitionList) {
        for at in positions.elements() {
            if let Offset::Offset(offset) = at.offset() {
                let place = Place { topic: at.topic().into(), partition: at.partition() };
                self.0.insert(place, Next { offset, asked: None });
            }
        }
    }

    /// A message is read. Tells what was deleted before it.
    pub fn read(&mut self, consumer: &BaseConsumer<Ear>, part: &str, place: &Place, offset: i64) {
        let Some(next) = self.0.get_mut(place) else { return };
        let expected = std::mem::replace(&mut next.offset, offset + 1);
        if offset < expected {
            tell_begun_anew(part, place, expected, offset);
        } else if offset > expected && next.asked.is_none_or(|at| at.elapsed() > OFTEN) {
            next.asked = Some(Instant::now());
            let low = consumer.fetch_watermarks(&place.topic, place.partition, PATIENCE).map_or(offset, |(low, _)| low);
            tell_deleted(part, place, expected, low.min(offset));
        }
    }
}

/// Says how many frames are gone that were to be read from `next` on, where the first that is left is `low`.
pub fn tell_deleted(part: &str, place: &Place, next: i64, low: i64) {
    if next < low {
        let Place { topic, partition } = place;
        tracing::error!(
            "{part}: Kafka deleted {} frames of {topic} (partition {partition}, offsets {next} to {}) before they were \
             read: raise the topic's `retention.ms` or `retention.bytes`",
            low - next,
            low - 1
        );
    }
}

/// Says that a partition which was read up to `next` does not reach so far any more.
pub fn tell_begun_anew(part: &str, place: &Place, next: i64, begin: i64) {
    let Place { topic, partition } = place;
    tracing::warn!(
        "{part}: {topic} (partition {partition}) was read up to offset {next} and does not reach so far any more: it was made \
         anew, or its broker lost what it had. It is read from offset {begin} on"
    );
}
