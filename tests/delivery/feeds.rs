//! What issues the oracle's frames: acknowledged by the broker when `issue` returns.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::OnceLock;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};

use super::oracle::{camera, payload};
use crate::support::{publish, wait};

/// How long one try to hand frames to Kafka may take: shorter than whoever insists has patience for.
const TRY: Duration = Duration::from_secs(20);

/// What writes to Kafka.
pub type Producer = ThreadedProducer<DefaultProducerContext>;

/// Where frames come from.
pub enum Feed {
    /// An MQTT broker; topics begin with the name.
    Mqtt(SocketAddr, String),
    /// Kafka; topics begin with the name. The producer is made once: each is introduced to the broker first.
    Kafka(String, String, OnceLock<Producer>),
}

impl Feed {
    /// Frames from an MQTT broker on that port of 127.0.0.1.
    pub fn mqtt(port: u16, name: &str) -> Self {
        Feed::Mqtt((Ipv4Addr::LOCALHOST, port).into(), name.to_owned())
    }

    /// Frames from Kafka.
    pub fn kafka(brokers: &str, name: &str) -> Self {
        Feed::Kafka(brokers.to_owned(), name.to_owned(), OnceLock::new())
    }

    /// The table of a source that reads it; `brokers` may be a proxy's address.
    pub fn source(&self) -> String {
        match self {
            Feed::Mqtt(at, name) => {
                format!("kind = 'mqtt'\nurl = 'mqtt://{at}'\ntopic = '{name}/{{camera}}/{{id}}'\nkeep_alive = '5s'\n")
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
        self.try_issue(numbers).unwrap_or_else(|why| panic!("{why}"));
    }

    /// The same, however often the broker is away meanwhile: it may have some of them twice then.
    pub fn insist(&self, numbers: Range<u64>) {
        wait("the broker to take all", || self.try_issue(numbers.clone()).ok());
    }

    fn try_issue(&self, numbers: Range<u64>) -> Result<(), String> {
        match self {
            Feed::Mqtt(at, name) => {
                let message = |number| (format!("{name}/{}/{number}", camera(number)), payload(number));
                publish(*at, numbers.map(message).collect())
            }
            Feed::Kafka(brokers, name, made) => {
                let producer = made.get_or_init(|| producer(brokers).create().expect("a producer"));
                numbers.for_each(|number| put(producer, name, number, 0));
                producer.flush(TRY).map_err(|error| error.to_string())
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
