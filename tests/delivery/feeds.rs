//! What issues the oracle's frames: acknowledged by the broker when `issue` returns.

use std::ops::Range;
use std::sync::OnceLock;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};

use super::oracle::{camera, payload};
use crate::support::publish;

/// What writes to Kafka.
pub type Producer = ThreadedProducer<DefaultProducerContext>;

/// Where frames come from.
pub enum Feed {
    /// An MQTT broker on this port of 127.0.0.1; topics begin with the name.
    Mqtt(u16, String),
    /// Kafka; topics begin with the name. The producer is made once: each is introduced to the broker first.
    Kafka(String, String, OnceLock<Producer>),
}

impl Feed {
    /// Frames from Kafka.
    pub fn kafka(brokers: &str, name: &str) -> Self {
        Feed::Kafka(brokers.to_owned(), name.to_owned(), OnceLock::new())
    }

    /// The table of a source that reads it; `brokers` may be a proxy's address.
    pub fn source(&self) -> String {
        match self {
            Feed::Mqtt(port, name) => {
                format!(
                    "kind = 'mqtt'\nurl = 'mqtt://127.0.0.1:{port}'\ntopic = '{name}/{{camera}}/{{id}}'\nkeep_alive = '5s'\n"
                )
            }
            Feed::Kafka(brokers, name, _) => {
                format!("kind = 'kafka'\nbrokers = '{brokers}'\ntopic = '{name}-{{camera}}-raw'\n")
            }
        }
    }

    /// Makes what has to be there before the first frame.
    pub fn prepare(&self) {
        if let Feed::Kafka(brokers, name, _) = self {
            let topics: Vec<_> = (0..4).map(|number| topic(name, number)).collect();
            make_topics(brokers, &topics);
        }
    }

    /// Issues these frames; the broker has them.
    pub fn issue(&self, numbers: Range<u64>) {
        match self {
            Feed::Mqtt(port, name) => {
                let message = |number| (format!("{name}/{}/{number}", camera(number)), payload(number));
                publish(*port, numbers.map(message).collect());
            }
            Feed::Kafka(brokers, name, made) => {
                let producer = made.get_or_init(|| producer(brokers).create().expect("a producer"));
                numbers.for_each(|number| put(producer, name, number, 0));
                producer.flush(Duration::from_secs(60)).expect("the broker takes all");
            }
        }
    }
}

/// The topic of that frame's camera.
pub fn topic(name: &str, number: u64) -> String {
    format!("{name}-{}-raw", camera(number))
}

/// Puts a frame on its way to a partition of its camera's topic.
pub fn put(producer: &Producer, name: &str, number: u64, partition: i32) {
    let (topic, id, body) = (topic(name, number), number.to_string(), payload(number));
    let headers = OwnedHeaders::new().insert(Header { key: "id", value: Some(&id) });
    let record = BaseRecord::<(), _>::to(&topic).payload(&body).headers(headers).partition(partition);
    producer.send(record).map_err(|(error, _)| error).expect("the queue has room");
}

/// What a producer needs to know, or a client that manages.
pub fn producer(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("acks", "all").set("enable.idempotence", "true");
    // By default it waits ten seconds for a server that is back.
    config.set("reconnect.backoff.max.ms", "200");
    config
}

/// Makes topics of one partition.
pub fn make_topics(brokers: &str, topics: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let admin: AdminClient<DefaultClientContext> = producer(brokers).create().expect("a client");
    for topic in topics {
        runtime.block_on(vigie::kafka::create(&admin, topic)).expect("the broker makes a topic");
    }
}
