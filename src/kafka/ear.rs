//! What a client of Kafka hears: reports of deliveries, and errors of its connections.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::{ClientContext, TopicPartitionList};

use crate::board::Post;

/// What became of the message with that index.
pub type Report = (usize, Result<(), KafkaError>);

/// A server that has not answered for so long is waited for, even where no error says so.
const PATIENCE: Duration = Duration::from_secs(3);

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
    /// Why no broker can be reached, if none can.
    down: Option<String>,
    reason: Option<String>,
    last_good: Instant,
    commit_failed: bool,
}

impl Ear {
    /// An ear that tells what it waits for in the name of `post`'s part.
    pub fn new(post: Post) -> Self {
        let (reports, down, reason) = Default::default();
        let heard = Mutex::new(Heard { reports, down, reason, last_good: Instant::now(), commit_failed: false });
        Self { post, heard, bell: Condvar::new() }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reports that came since the last call; waits for one as long as `patience`.
    pub fn reports(&self, patience: Duration) -> Vec<Report> {
        let waited = self.bell.wait_timeout_while(self.heard(), patience, |heard| heard.reports.is_empty());
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
        heard.down = None;
        heard.last_good = Instant::now();
        drop(heard);
        self.post.tell_goes_on();
    }

    /// Something is asked and there is no answer yet: tells so, once it has lasted or no broker can be reached.
    pub fn no_answer_yet(&self) {
        let heard = self.heard();
        let late = heard.last_good.elapsed() > PATIENCE;
        let silent = || heard.reason.clone().unwrap_or_else(|| "no answer".to_owned());
        let reason = heard.down.clone().or_else(|| late.then(silent));
        drop(heard);
        if let Some(reason) = reason {
            self.waits(&reason);
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
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let mut heard = self.heard();
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => heard.down = heard.reason.clone().or(Some(reason.to_owned())),
            _ => heard.reason = Some(plain(reason)),
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
        self.heard().reports.push((*index, result));
        self.bell.notify_one();
    }
}

/// librdkafka's words without what only it understands: `127.0.0.1:9092/bootstrap: Connect to ipv4#127.0.0.1:9092
/// failed: Connection refused (after 0ms in state CONNECT)`.
fn plain(reason: &str) -> String {
    let reason = reason.split(" (after ").next().unwrap_or(reason);
    let reason = reason.rsplit("/bootstrap: ").next().unwrap_or(reason);
    reason.replace("ipv4#", "").replace("ipv6#", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_in_plain_words() {
        let told = "127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT)";
        assert_eq!(plain(told), "Connect to 127.0.0.1:9 failed: Connection refused");
        assert_eq!(plain("something else"), "something else");
    }
}
