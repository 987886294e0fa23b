//! What a client of Kafka hears: reports of deliveries, and errors of its connections.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::{ClientContext, TopicPartitionList};

use super::words;
use crate::board::Post;

/// What became of the message with that index.
pub type Report = (usize, Result<(), KafkaError>);

/// A server that has not answered for so long is waited for, even where no error says so.
const PATIENCE: Duration = Duration::from_secs(3);

/// A reason that was not heard for so long may be over: librdkafka says the same again after 30 s at the earliest.
const FRESH: Duration = Duration::from_secs(60);

/// How often the notice about a server that is away is made new.
const PAUSE: Duration = Duration::from_secs(1);

/// Hears for one client.
#[derive(Debug)]
pub struct Ear {
    post: Post,
    heard: Mutex<Heard>,
    bell: Condvar,
}

#[derive(Debug)]
struct Heard {
    reports: Vec<Report>,
    /// How many of them somebody waits for.
    wanted: usize,
    /// No broker can be reached.
    down: bool,
    /// What went wrong last, and when.
    reason: Option<(Instant, String)>,
    last_good: Instant,
    commit_failed: bool,
}

impl Heard {
    fn reason(&self) -> String {
        let fresh = self.reason.as_ref().filter(|(at, _)| at.elapsed() < FRESH);
        fresh.map_or_else(|| "no answer".to_owned(), |(_, reason)| reason.clone())
    }
}

impl Ear {
    /// An ear that tells what it waits for in the name of `post`'s part.
    pub fn new(post: Post) -> Self {
        let (reports, wanted, down, reason) = Default::default();
        let heard = Heard { reports, wanted, down, reason, last_good: Instant::now(), commit_failed: false };
        let heard = Mutex::new(heard);
        Self { post, heard, bell: Condvar::new() }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reports that came since the last call; waits until there are as many as `wanted`, but no longer than `patience`.
    pub fn reports(&self, wanted: usize, patience: Duration) -> Vec<Report> {
        let mut heard = self.heard();
        heard.wanted = wanted;
        let waited = self.bell.wait_timeout_while(heard, patience, |heard| heard.reports.len() < wanted);
        let (mut heard, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut heard.reports)
    }

    /// Whether a commit failed since the last call.
    pub fn commit_failed(&self) -> bool {
        std::mem::take(&mut self.heard().commit_failed)
    }

    /// The brokers answer, or nothing is asked of them.
    pub fn all_is_well(&self) {
        let mut heard = self.heard();
        heard.down = false;
        heard.last_good = Instant::now();
        drop(heard);
        self.post.tell_goes_on();
    }

    /// Something is asked and there is no answer yet: tells so, once it has lasted or no broker can be reached.
    pub fn no_answer_yet(&self) {
        let heard = self.heard();
        let late = heard.last_good.elapsed() > PATIENCE;
        let reason = (heard.down || late).then(|| heard.reason());
        drop(heard);
        if let Some(reason) = reason {
            self.waits(&reason);
        }
    }

    /// Whether its job is not installed any more.
    pub fn is_over(&self) -> bool {
        self.post.is_over()
    }

    /// Something can't be done for now: tells what, and the broker's reason, or why none answers.
    pub fn failed(&self, what: &str, error: &KafkaError) {
        match words::answer(error) {
            Some(code) => self.waits(&format!("{what}: {code}")),
            None => self.no_answer_yet(),
        }
    }

    /// Tells that it waits, and why.
    pub fn waits(&self, reason: &str) {
        self.post.tell_waits(reason, PAUSE);
    }
}

impl ClientContext for Ear {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!("librdkafka: {facility} {message}");
        // Of a broker that hangs up at once, it tells here alone.
        if facility == "FAIL" {
            self.heard().reason = Some((Instant::now(), words::told(message)));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let mut heard = self.heard();
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => heard.down = true,
            _ => heard.reason = Some((Instant::now(), words::told(reason))),
        }
    }
}

impl ConsumerContext for Ear {
    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if result.is_err() {
            self.heard().commit_failed = true;
        }
    }
}

impl ProducerContext for Ear {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, index: Box<usize>) {
        let result = result.as_ref().map(drop).map_err(|(error, _)| error.clone());
        let mut heard = self.heard();
        heard.reports.push((*index, result));
        // Reports come in groups, and who waits for all of them is woken once.
        if heard.reports.len() >= heard.wanted {
            drop(heard);
            self.bell.notify_one();
        }
    }
}
