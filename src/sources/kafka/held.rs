//! A message where librdkafka has it: its payload is never copied on its way from the socket to the decoder.
//!
//! What it gives up: a frame keeps the whole answer of the broker that it came in alive (1 MiB of each partition at most, as
//! `max.partition.fetch.bytes` has it), and the client with it. The frames of an answer follow one another, and what is not
//! acknowledged are the latest that came: so no more answers are kept than the window covers, and one that it ends in.

use std::ops::Deref;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use self_cell::self_cell;

use crate::kafka::Ear;

/// A client that is there for as long as one of its messages is.
pub struct Client(Option<BaseConsumer<Ear>>);

impl Client {
    /// Shares a client with its messages.
    pub fn new(consumer: BaseConsumer<Ear>) -> Arc<Self> {
        Arc::new(Self(Some(consumer)))
    }

    /// Closes it here and now, unless a message is still held.
    pub fn close(this: Arc<Self>) {
        drop(Arc::into_inner(this).and_then(|mut client| client.0.take()));
    }
}

impl Deref for Client {
    type Target = BaseConsumer<Ear>;
    fn deref(&self) -> &Self::Target {
        self.0.as_ref().expect("it is taken out when nobody has it any more")
    }
}

impl Drop for Client {
    /// Whoever holds the last message may be a worker, which must not wait for threads of librdkafka to end.
    fn drop(&mut self) {
        if let Some(consumer) = self.0.take() {
            let _ = thread::Builder::new().name("kafka-close".into()).spawn(move || drop(consumer));
        }
    }
}

self_cell!(
    /// A message, and the client in whose memory it lies.
    pub struct Held {
        owner: Arc<Client>,
        #[covariant]
        dependent: BorrowedMessage,
    }
);

impl Held {
    /// The next message, if one comes within `patience`.
    ///
    /// # Errors
    /// As [`BaseConsumer::poll`].
    pub fn poll(client: &Arc<Client>, patience: Duration) -> Option<Result<Self, KafkaError>> {
        let polled = Self::try_new(client.clone(), |client| match client.poll(patience) {
            Some(message) => message.map_err(Some),
            None => Err(None),
        });
        polled.map_or_else(|error| error.map(Err), |held| Some(Ok(held)))
    }

    /// The message itself.
    pub fn message(&self) -> &BorrowedMessage<'_> {
        self.borrow_dependent()
    }

    /// What it holds.
    pub fn into_payload(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.message().payload().unwrap_or_default()
    }
}
