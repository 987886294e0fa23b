//! Looks for topics and partitions, again and again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;

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

/// Why there is nothing to read.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// What is not there yet.
    Missing(String),
    /// What can't be done, and why.
    Failed(String, KafkaError),
}

/// What one reader knows of the partitions.
pub struct Scout {
    share: Share,
    start: Start,
    known: BTreeSet<Place>,
    /// What was there at first is known: all else has come since.
    begun: bool,
    next: Instant,
}

impl Scout {
    /// A scout for that share, which knows nothing yet.
    pub fn new(share: Share, start: Start) -> Self {
        Self { share, start, known: BTreeSet::new(), begun: false, next: Instant::now() }
    }

    /// The partitions that are read.
    pub fn known(&self) -> &BTreeSet<Place> {
        &self.known
    }

    /// Where to begin in those that are new: what appears later is read from its beginning.
    pub fn start(&self) -> Start {
        if self.begun { Start::Earliest } else { self.start.clone() }
    }

    /// They are read from now on.
    pub fn took(&mut self, new: Vec<Place>) {
        self.known.extend(new);
        self.begun = true;
    }

    /// They could not be taken, and are looked for again soon.
    pub fn again(&mut self) {
        self.next = Instant::now() + SOON;
    }

    /// Whether it is time to look.
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    /// The partitions of this share that were not there before.
    ///
    /// # Errors
    /// No broker answers, the topic may not be read, or there is none.
    pub fn look(&mut self, consumer: &BaseConsumer<Ear>, topic: &Template) -> Result<Vec<Place>, Trouble> {
        let name = (!topic.has_fields()).then(|| topic.as_str());
        let found = kafka::topics(consumer.client(), name, |name| topic.capture(name).is_some(), PATIENCE);
        let found = found.map_err(|error| {
            self.again();
            Trouble::Failed(format!("the topic {} can't be read", topic.as_str()), error)
        })?;
        if found.iter().all(|(_, partitions)| partitions.is_empty()) && self.known.is_empty() {
            self.next = Instant::now() + LATER;
            self.begun = true;
            return Err(Trouble::Missing(format!("there is no topic {} yet that may be read", topic.as_str())));
        }
        self.next = Instant::now() + LOOK;
        let places = found.into_iter().flat_map(|(topic, partitions)| {
            let topic: Arc<str> = topic.into();
            partitions.into_iter().map(move |partition| Place { topic: topic.clone(), partition })
        });
        let new: Vec<_> = places.filter(|place| place.is_of(self.share) && !self.known.contains(place)).collect();
        // Nothing that is there is of this share.
        self.begun |= new.is_empty();
        Ok(new)
    }
}
