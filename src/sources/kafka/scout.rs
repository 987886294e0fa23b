//! Looks for topics and partitions, again and again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::offsets::{Place, Start};
use crate::context::Share;
use crate::kafka::{self, Ear};
use crate::template::Template;

/// How often new topics and partitions are looked for, and how long an answer may take.
const LOOK: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(3);

/// How soon it looks again where nobody answers, and where nothing is there yet.
const SOON: Duration = Duration::from_millis(100);
const LATER: Duration = Duration::from_secs(1);

/// What one reader knows of the partitions.
pub struct Scout {
    share: Share,
    start: Start,
    known: BTreeSet<Place>,
    next: Instant,
}

impl Scout {
    /// A scout for that share, which knows nothing yet.
    pub fn new(share: Share, start: Start) -> Self {
        Self { share, start, known: BTreeSet::new(), next: Instant::now() }
    }

    /// The partitions that are read.
    pub fn known(&self) -> &BTreeSet<Place> {
        &self.known
    }

    /// Where to begin in those that are new: what appears later is read from its beginning.
    pub fn start(&self) -> Start {
        if self.known.is_empty() { self.start.clone() } else { Start::Earliest }
    }

    /// They are read from now on.
    pub fn took(&mut self, new: Vec<Place>) {
        self.known.extend(new);
    }

    /// They could not be taken, and are looked for again soon.
    pub fn again(&mut self) {
        self.next = Instant::now() + SOON;
    }

    /// The partitions of this share that were not there before, if it is time to look and a broker answers.
    pub fn look(&mut self, consumer: &BaseConsumer<Ear>, topic: &Template) -> Option<Vec<Place>> {
        if Instant::now() < self.next {
            return None;
        }
        self.next = Instant::now() + LOOK;
        let name = (!topic.has_fields()).then(|| topic.as_str());
        let found = match kafka::topics(consumer.client(), name, |name| topic.capture(name).is_some(), PATIENCE) {
            Ok(found) => found,
            Err(_) => {
                consumer.context().no_answer_yet();
                self.again();
                return None;
            }
        };
        if found.iter().all(|(_, partitions)| partitions.is_empty()) && self.known.is_empty() {
            consumer.context().waits(&format!("there is no topic {} yet", topic.as_str()));
            self.next = Instant::now() + LATER;
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
