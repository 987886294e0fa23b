//! One thread that polls, feeds the mailbox and commits.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::thread::Thread;
use std::time::{Duration, Instant};

use operators::Frame;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;

use super::gaps::Gaps;
use super::held::{Client, Held};
use super::offsets::{self, Offsets, Place, list};
use super::reader::Reader;
use super::scout::{Scout, Trouble};
use crate::kafka::Ear;
use crate::sources::{Inlet, Receipt, Source};

/// How often offsets are committed.
const COMMIT: Duration = Duration::from_millis(200);

/// How long one poll waits, and where nothing came or ended for a second. What is asked of the source meanwhile waits too.
const POLL: Duration = Duration::from_millis(100);
const CALM: Duration = Duration::from_secs(1);
const CALM_POLL: Duration = Duration::from_millis(500);

/// What is taken at once of what has come: so many frames, or fewer with so many bytes.
const GROUP: usize = 32;
const GROUP_BYTES: usize = 1 << 20;

/// The window is full for so long until the partitions are paused: what is fetched already is thrown away by that.
const FULL: Duration = Duration::from_millis(500);

/// The source at work.
pub struct Running {
    pub consumer: Arc<Client>,
    pub group: String,
    pub part: String,
    pub reader: Reader,
    pub scout: Scout,
    pub gaps: Gaps,
    /// What it waits for.
    pub trouble: Option<Trouble>,
    /// This user may know of a topic and not read it. librdkafka says so once.
    pub denied: Option<KafkaError>,
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
        Client::close(self.consumer);
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
        let mut stirred = Instant::now();
        while !inlet.is_closing() {
            self.tell();
            self.look();
            while let Some(receipt) = inlet.receipt().ok()? {
                offsets.settle(receipt);
                stirred = Instant::now();
            }
            if committed.elapsed() > COMMIT {
                self.commit(offsets, CommitMode::Async);
                committed = Instant::now();
            }
            inlet.try_send_all(&mut waiting).ok()?;
            if waiting.is_empty() {
                full_since = None;
                if std::mem::take(&mut paused) {
                    self.each_partition(|consumer, all| consumer.resume(all));
                }
                let patience = if stirred.elapsed() > CALM { CALM_POLL } else { POLL };
                self.poll(patience, offsets, &mut waiting);
                if !waiting.is_empty() {
                    stirred = Instant::now();
                }
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
        if !self.scout.is_due() {
            return;
        }
        match self.scout.look(&self.consumer, &self.reader.topic) {
            Ok(new) if new.is_empty() => self.over(),
            Ok(new) => self.take(new),
            Err(trouble) => self.trouble = Some(trouble),
        }
    }

    /// Tells what it waits for: not where it is learned, since why no broker answers is heard in the poll after that.
    fn tell(&self) {
        let ear = self.consumer.context();
        match (&self.trouble, &self.denied) {
            (Some(Trouble::Missing(what)), _) => ear.waits(what),
            (Some(Trouble::Failed(what, error)), _) => ear.failed(what, error),
            (None, Some(error)) => {
                ear.failed(&format!("the topic {} can't be read", self.reader.topic.as_str()), error)
            }
            (None, None) => {}
        }
    }

    fn over(&mut self) {
        self.trouble = None;
        if self.denied.is_none() {
            self.consumer.context().all_is_well();
        }
    }

    fn take(&mut self, new: Vec<Place>) {
        let taken = offsets::positions(&self.consumer, &new, &self.scout.start(), &self.part)
            .and_then(|positions| self.consumer.incremental_assign(&positions).map(|()| positions));
        match taken {
            Ok(positions) => {
                self.gaps.begin(&positions);
                let topics: BTreeSet<_> = new.iter().map(|place| &*place.topic).collect();
                let topics = topics.into_iter().collect::<Vec<_>>().join(", ");
                tracing::info!(
                    "Kafka connected ([source.{}]): {} partitions of {topics}, group {}",
                    self.part,
                    new.len(),
                    self.group
                );
                self.scout.took(new);
                self.over();
            }
            Err(error) => {
                self.trouble = Some(Trouble::Failed("its offsets are not known".to_owned(), error));
                self.scout.again();
            }
        }
    }

    /// Takes what has come, a group at most, and waits for the first of it.
    fn poll(&mut self, patience: Duration, offsets: &mut Offsets, waiting: &mut VecDeque<(Frame, Receipt)>) {
        let (mut patience, mut bytes) = (patience, 0);
        while waiting.len() < GROUP && bytes < GROUP_BYTES {
            match Held::poll(&self.consumer, patience) {
                Some(Ok(held)) => {
                    let message = held.message();
                    let place = offsets.place(message.topic(), message.partition());
                    self.gaps.read(&self.consumer, &self.part, &place, message.offset());
                    let receipt = offsets.note(place, message.offset());
                    let frame = self.reader.frame(held);
                    bytes += frame.bytes.len();
                    waiting.push_back((frame, receipt));
                    self.denied = None;
                }
                Some(Err(error)) => return self.failed(error),
                None => return,
            }
            patience = Duration::ZERO;
        }
    }

    fn failed(&mut self, error: KafkaError) {
        match error {
            KafkaError::MessageConsumptionFatal(code) => {
                self.consumer.context().waits(&format!("the client gave up: {code}"));
            }
            error if error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                self.denied = Some(error);
            }
            // The others pass, and stand on the board where they last.
            _ => {}
        }
    }

    fn each_partition(
        &self,
        change: impl Fn(&BaseConsumer<Ear>, &rdkafka::TopicPartitionList) -> Result<(), KafkaError>,
    ) {
        let all = list(self.scout.known().iter().map(|place| (place, None)));
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
