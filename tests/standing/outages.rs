//! The servers of a cluster's jobs, and their restarts, by dice.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::trouble::{Dice, tell};
use crate::support::Broker;
use crate::support::servers::{Kafka, Mongo};

/// The servers. Each keeps what it has when it ends.
pub struct Servers {
    pub broker: Broker,
    pub kafka: Kafka,
    pub mongo: Mongo,
}

impl Servers {
    /// Starts them on that address; `None`, and a line that says so, where one is not installed.
    pub fn start(host: IpAddr) -> Option<Self> {
        let ((broker, kafka), mongo) =
            Broker::mosquitto_on(host).zip(Kafka::start_on(host)).zip(Mongo::ferret_on(host))?;
        Some(Self { broker, kafka, mongo })
    }

    /// Takes one away now and then, and brings it back, until it is over. All are there then.
    pub fn fail(&mut self, mut dice: Dice, begun: Instant, is_over: impl Fn() -> bool) {
        loop {
            let next = Instant::now() + dice.time(2_000, 12_000);
            while Instant::now() < next {
                if is_over() {
                    return;
                }
                thread::sleep(Duration::from_millis(50));
            }
            let (which, pause) = (dice.below(4), dice.time(100, 3_000));
            let (what, end, start) = OUTAGES[which as usize];
            tell(begun, &format!("{what} for {pause:?}"));
            end(self);
            thread::sleep(pause);
            start(self);
            tell(begun, "the server is back");
        }
    }
}

/// What happens, and how it begins and ends.
type Outage = (&'static str, fn(&mut Servers), fn(&mut Servers));

/// mosquitto is never killed: it loses what it has acknowledged then (`tests/servers/README.md`).
const OUTAGES: [Outage; 4] = [
    ("mosquitto is stopped", |servers| servers.broker.stop(), |servers| servers.broker.restart()),
    ("Kafka is stopped", |servers| servers.kafka.stop(), |servers| servers.kafka.restart()),
    ("Kafka is killed", |servers| servers.kafka.kill(), |servers| servers.kafka.restart()),
    ("FerretDB is stopped", |servers| servers.mongo.stop(), |servers| servers.mongo.restart()),
];
