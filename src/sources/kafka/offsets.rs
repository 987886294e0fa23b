//! Offsets: where to begin, and up to where everything is acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use operators::UnixMillis;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::gaps::{tell_begun_anew, tell_deleted};
use crate::context::Share;
use crate::kafka::Ear;
use crate::sources::Receipt;
use crate::sources::ledger::Ledger;

const PATIENCE: Duration = Duration::from_secs(5);

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
}

impl Place {
    /// Whether that share reads it. Topics begin at different shares, so that many small ones are spread too.
    pub fn is_of(&self, share: Share) -> bool {
        let first = u64::from(blake3::hash(self.topic.as_bytes()).as_bytes()[0]);
        (first + self.partition.max(0) as u64) % share.of as u64 == share.index as u64
    }
}

/// Where to begin in a partition without an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest.
    Earliest,
    /// With what comes from now on.
    Latest,
    /// With what was written at that moment.
    At(UnixMillis),
}

/// What is received and not yet acknowledged, and what may be committed: in each partition the offset after the last
/// message up to which all are acknowledged.
#[derive(Debug, Default)]
pub struct Offsets {
    ledger: Ledger<(Place, i64)>,
    acknowledged: BTreeMap<Place, i64>,
    /// Whether there is something that was not committed.
    news: bool,
    topics: BTreeSet<Arc<str>>,
}

impl Offsets {
    /// A partition, whose messages share the topic's name.
    pub fn place(&mut self, topic: &str, partition: i32) -> Place {
        if let Some(known) = self.topics.get(topic) {
            return Place { topic: known.clone(), partition };
        }
        let topic: Arc<str> = topic.into();
        self.topics.insert(topic.clone());
        Place { topic, partition }
    }

    /// Notes a message; its receipt.
    pub fn note(&mut self, place: Place, offset: i64) -> Receipt {
        if operators::broken::makes("latest-commit") {
            self.advance(place.clone(), offset + 1);
        }
        self.ledger.note((place, offset))
    }

    /// A message, and all before it in its partition, is acknowledged: receipts come back in the order of the frames.
    pub fn settle(&mut self, receipt: Receipt) {
        if let Some((place, offset)) = self.ledger.settle(receipt)
            && !operators::broken::makes("latest-commit")
        {
            self.advance(place, offset + 1);
        }
    }

    /// Goes back where the partition has begun anew: what is in it now is what has to be read on.
    fn advance(&mut self, place: Place, next: i64) {
        self.acknowledged.insert(place, next);
        self.news = true;
    }

    /// What to commit in each partition, if anything is new.
    pub fn uncommitted(&mut self) -> Option<&BTreeMap<Place, i64>> {
        std::mem::take(&mut self.news).then_some(&self.acknowledged)
    }

    /// A commit failed: all of it is news again.
    pub fn failed(&mut self) {
        self.news = !self.acknowledged.is_empty();
    }
}

/// Partitions as librdkafka takes them.
pub fn list<'a>(places: impl IntoIterator<Item = (&'a Place, Option<Offset>)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (place, offset) in places {
        let added = list.add_partition_offset(&place.topic, place.partition, offset.unwrap_or(Offset::Invalid));
        added.expect("every offset that is made here is one");
    }
    list
}

/// Where each of these partitions is to be read on: at the group's offset, else where `start` says. "Latest" is said of what is
/// there when the group begins: where it has offsets of others of these partitions, one without has come since.
///
/// # Errors
/// The broker does not answer.
pub fn positions(
    consumer: &BaseConsumer<Ear>,
    places: &[Place],
    start: &Start,
    part: &str,
) -> KafkaResult<TopicPartitionList> {
    let committed = consumer.committed_offsets(list(places.iter().map(|place| (place, None))), PATIENCE)?;
    let at = match start {
        Start::At(moment) => {
            let moment = Offset::Offset(moment.0 as i64);
            Some(consumer.offsets_for_times(list(places.iter().map(|place| (place, Some(moment)))), PATIENCE)?)
        }
        _ => None,
    };
    let found = |list: &TopicPartitionList, place: &Place| {
        list.find_partition(&place.topic, place.partition).map(|at| at.offset())
    };
    let has_begun = places.iter().any(|place| matches!(found(&committed, place), Some(Offset::Offset(_))));
    let (mut positions, mut fresh) = (Vec::new(), Vec::new());
    for place in places {
        let (low, high) = consumer.fetch_watermarks(&place.topic, place.partition, PATIENCE)?;
        let offset = match found(&committed, place) {
            Some(Offset::Offset(next)) if next > high => {
                tell_begun_anew(part, place, next, low);
                low
            }
            Some(Offset::Offset(next)) => {
                tell_deleted(part, place, next, low);
                next.max(low)
            }
            _ => {
                let begin = match (start, at.as_ref().and_then(|at| found(at, place))) {
                    (Start::Earliest, _) => low,
                    (Start::Latest, _) if has_begun => low,
                    (Start::At(_), Some(Offset::Offset(offset))) => offset,
                    _ => high,
                };
                fresh.push((place.clone(), begin));
                begin
            }
        };
        positions.push((place, Some(Offset::Offset(offset))));
    }
    // Where it begins is kept at once: "latest" must mean the same moment after a crash.
    if !fresh.is_empty() {
        let fresh = list(fresh.iter().map(|(place, begin)| (place, Some(Offset::Offset(*begin)))));
        consumer.commit(&fresh, CommitMode::Sync)?;
    }
    Ok(list(positions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        /// Catches a commit of an offset before which something is not acknowledged, one that goes back, and one that does not
        /// go back with a topic that was made anew.
        #[test]
        fn only_the_acknowledged_prefix_is_committed(steps in prop::collection::vec((0_u8..6, 0_i32..3), 0..300), window in 1_usize..20) {
            let mut offsets = Offsets::default();
            let mut next = [0_i64; 3];
            let mut out = VecDeque::new();
            let mut acknowledged = [0_i64; 3];
            let mut committed = [0_i64; 3];
            for (step, partition) in steps {
                match step {
                    0 | 1 if out.len() < window => {
                        let offset = next[partition as usize];
                        // Compaction and transactions leave holes.
                        next[partition as usize] += 1 + i64::from(offset % 7 == 3);
                        let place = offsets.place("t", partition);
                        out.push_back((offsets.note(place, offset), partition, offset));
                    }
                    5 if out.is_empty() => next[partition as usize] = 0,
                    2 => if let Some((receipt, partition, offset)) = out.pop_front() {
                        offsets.settle(receipt);
                        acknowledged[partition as usize] = offset + 1;
                    },
                    3 => for (place, next) in offsets.uncommitted().into_iter().flatten() {
                        let partition = place.partition as usize;
                        prop_assert_eq!(*next, acknowledged[partition]);
                        committed[partition] = *next;
                    },
                    4 if offsets.uncommitted().is_some() => offsets.failed(),
                    _ => {}
                }
            }
            for (place, next) in offsets.uncommitted().into_iter().flatten() {
                committed[place.partition as usize] = *next;
            }
            prop_assert_eq!(committed, acknowledged);
        }

        #[test]
        fn each_partition_has_one_reader(partition in 0_i32..100, of in 1_usize..9, topic in "[a-z]{1,9}") {
            let place = Place { topic: topic.as_str().into(), partition };
            prop_assert_eq!((0..of).filter(|index| place.is_of(Share { index: *index, of })).count(), 1);
        }
    }
}
