//! A connection to an MQTT broker that never gives up.
//!
//! [`Link`] is polled by one task and by nobody else: rumqttc's `poll` loses packets when it is cancelled. Everybody
//! else holds its [`Handle`], which refuses what belongs to an older connection: packet ids mean something on the
//! connection they came from alone. After a loss nothing that rumqttc still holds is sent again; whoever sent it
//! hears [`Event::Lost`] and decides.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use operators::Headers;
use rumqttc::v5;

use super::login::{Login, Version};
use super::protocol::{Client, INFLIGHT, Poll, Step, WRONG_LOGIN, open_v3, open_v5, step_v3, step_v5, v5_publish};
use crate::board::Post;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A connection that held this long is found again at once; one that breaks at once is not.
const STEADY: Duration = Duration::from_secs(5);

/// What a link is for.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// Takes messages under a session that outlives the connection, and acknowledges them one by one.
    Take {
        /// What it subscribes to.
        filter: String,
        /// 0, 1 or 2.
        qos: u8,
        /// Messages on their way at most (MQTT 5; before, it is the broker's own choice).
        window: u16,
    },
    /// Publishes.
    Give,
}

/// How a message is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub(super) pkid: u16,
    pub(super) twice: bool,
}

/// What happens on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new connection; the number of it. A link that takes messages is subscribed.
    Connected {
        /// The connection's number, from 1.
        generation: u64,
        /// Publishes that the broker takes at a time.
        inflight: usize,
        /// The largest payload it takes.
        largest: usize,
    },
    /// A message.
    Message {
        /// The connection it came on.
        generation: u64,
        /// Its topic.
        topic: String,
        /// Its payload.
        payload: Bytes,
        /// Its user properties (MQTT 5).
        headers: Headers,
        /// What acknowledges it; nothing does under QoS 0.
        token: Option<Token>,
    },
    /// The next of the publishes, in their order, got this packet id.
    Sent(u16),
    /// The broker has it, or will never take it and says why.
    Acked {
        /// The packet id.
        pkid: u16,
        /// The broker's reason not to take it.
        refusal: Option<String>,
    },
    /// The connection is lost, and all that was on its way with it.
    Lost,
    /// [`Handle::disconnect`] is done: everything before it is flushed.
    Ended,
}

/// What everybody but the polling task holds.
#[derive(Clone)]
pub struct Handle {
    client: Client,
    /// The number of the connection that is up; 0 while none is.
    current: Arc<Mutex<u64>>,
}

impl Handle {
    fn current(&self) -> MutexGuard<'_, u64> {
        self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The number of the connection that is up; 0 while none is.
    pub fn generation(&self) -> u64 {
        *self.current()
    }

    /// Acknowledges a message, unless its connection is gone: then the broker sends it again.
    pub fn ack(&self, generation: u64, token: Token) {
        let current = self.current();
        if *current != generation {
            return;
        }
        // No room never happens (see `REQUESTS`), and an error says that the link is gone.
        let _ = match &self.client {
            Client::V3(client) => {
                let qos = if token.twice { rumqttc::QoS::ExactlyOnce } else { rumqttc::QoS::AtLeastOnce };
                let mut publish = rumqttc::Publish::new("", qos, Vec::new());
                publish.pkid = token.pkid;
                client.try_ack(&publish).is_ok()
            }
            Client::V5(client) => {
                let publish = v5_publish(token.pkid, token.twice);
                client.try_ack(&publish).is_ok()
            }
        };
    }

    /// Puts a message on its way, unless the connection is gone: then [`Event::Lost`] is coming.
    ///
    /// # Errors
    /// Why the message can never be sent.
    pub fn publish(&self, generation: u64, topic: &str, twice: bool, retain: bool, body: &Bytes) -> Result<(), String> {
        let current = self.current();
        if *current != generation {
            return Ok(());
        }
        let taken = match &self.client {
            Client::V3(client) => {
                let qos = if twice { rumqttc::QoS::ExactlyOnce } else { rumqttc::QoS::AtLeastOnce };
                // rumqttc takes a `Vec` here, and makes `Bytes` of it again.
                client.try_publish(topic, qos, retain, body.to_vec()).is_ok()
            }
            Client::V5(client) => {
                let qos = if twice { v5::mqttbytes::QoS::ExactlyOnce } else { v5::mqttbytes::QoS::AtLeastOnce };
                client.try_publish(topic, qos, retain, body.clone()).is_ok()
            }
        };
        if taken { Ok(()) } else { Err(format!("\"{topic}\" is no topic that can be published to")) }
    }

    /// Ends the connection after all that was asked before; the session stays with the broker.
    pub fn disconnect(&self) {
        let _ = match &self.client {
            Client::V3(client) => client.try_disconnect().is_ok(),
            Client::V5(client) => client.try_disconnect().is_ok(),
        };
    }

    fn subscribe(&self, filter: &str, qos: u8) {
        let _ = match &self.client {
            Client::V3(client) => {
                client.try_subscribe(filter, rumqttc::qos(qos).unwrap_or(rumqttc::QoS::AtLeastOnce)).is_ok()
            }
            Client::V5(client) => {
                client.try_subscribe(filter, v5::mqttbytes::qos(qos).unwrap_or(v5::mqttbytes::QoS::AtLeastOnce)).is_ok()
            }
        };
    }
}

/// The connection; see the head of this file.
pub struct Link {
    poll: Poll,
    handle: Handle,
    login: Login,
    purpose: Purpose,
    /// Where it tells that it waits for the broker.
    post: Post,
    generations: u64,
    /// What was said last: `None` for "connected", else the reason; nothing at all at first.
    said: Option<Option<String>>,
    /// The QoS that was said to be granted.
    granted: Option<u8>,
    /// rumqttc forgets to count down when a publish under QoS 2 is refused; a new connection counts anew.
    leaking: bool,
    pause: Duration,
    /// When the connection came up.
    since: Option<Instant>,
}

impl Link {
    /// A link that is not connected yet. It tells on `post` while it has to wait for its broker.
    ///
    /// # Errors
    /// A certificate that cannot be read.
    pub fn new(login: Login, client_id: &str, purpose: Purpose, post: Post) -> anyhow::Result<Self> {
        let transport = login.transport()?;
        let (client, poll) = match login.version {
            Version::V3 => open_v3(&login, transport, client_id, &purpose),
            Version::V5 => open_v5(&login, transport, client_id, &purpose),
        };
        let handle = Handle { client, current: Arc::default() };
        let mut link = Self {
            poll,
            handle,
            login,
            purpose,
            post,
            generations: 0,
            said: None,
            granted: None,
            leaking: false,
            pause: FIRST_PAUSE,
            since: None,
        };
        link.expect_releases();
        Ok(link)
    }

    /// What the others hold.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The next event. Tries to connect for ever, and says so once. Must not be cancelled.
    pub async fn next(&mut self) -> Event {
        if std::mem::take(&mut self.leaking) {
            self.forget();
            return Event::Lost;
        }
        loop {
            let step = match &mut self.poll {
                Poll::V3(poll) => step_v3(poll.poll().await),
                Poll::V5(poll) => step_v5(poll.poll().await),
            };
            match step {
                Step::Up { inflight, largest } => {
                    self.generations += 1;
                    self.since = Some(Instant::now());
                    *self.handle.current() = self.generations;
                    if let Purpose::Take { filter, qos, .. } = &self.purpose {
                        self.handle.subscribe(filter, *qos);
                    } else {
                        self.say_connected();
                    }
                    return Event::Connected { generation: self.generations, inflight, largest };
                }
                Step::Granted(qos) => {
                    self.say_connected();
                    self.say_granted(qos);
                }
                Step::Denied(reason) => return self.lose(reason).await,
                Step::Other(Event::Message { topic, payload, headers, token, .. }) => {
                    return Event::Message { generation: self.generations, topic, payload, headers, token };
                }
                Step::Refused(pkid, reason) => {
                    self.leaking = true;
                    return Event::Acked { pkid, refusal: Some(reason) };
                }
                Step::Other(event) => return event,
                Step::Broken(reason) => return self.lose(reason).await,
                Step::Nothing => {}
            }
        }
    }

    /// Forgets the connection with all that belonged to it, and waits a little before the next.
    async fn lose(&mut self, reason: String) -> Event {
        self.forget();
        self.post.waits(&reason, self.pause);
        self.say_lost(reason);
        if self.since.take().is_some_and(|since| since.elapsed() > STEADY) {
            self.pause = FIRST_PAUSE;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Event::Lost
    }

    /// No acknowledgement of the old connection may reach the new one: neither one that rumqttc holds, nor one that a
    /// [`Handle`] is about to give (hence the lock), nor an event that nobody has seen yet.
    fn forget(&mut self) {
        let mut current = self.handle.current();
        *current = 0;
        match &mut self.poll {
            Poll::V3(poll) => {
                poll.clean();
                poll.pending.clear();
            }
            Poll::V5(poll) => {
                poll.clean();
                poll.pending.clear();
                // Its packet ids would go on from the last, and never come round where the next broker takes fewer at a time.
                poll.state = v5::MqttState::new(INFLIGHT, true);
            }
        }
        drop(current);
        self.expect_releases();
    }

    /// Under QoS 2, a broker releases messages that it was told of on an older connection, or by an older process.
    /// rumqttc takes such a release for an error and drops the connection, for ever. So it is made to believe that it
    /// has seen them all; what it believes has no other effect.
    fn expect_releases(&mut self) {
        let exactly_once = matches!(self.purpose, Purpose::Take { qos: 2, .. });
        for pkid in (1..=u16::MAX).filter(|_| exactly_once) {
            let _ = match &mut self.poll {
                Poll::V3(poll) => {
                    let mut seen = rumqttc::Publish::new("", rumqttc::QoS::ExactlyOnce, Vec::new());
                    seen.pkid = pkid;
                    poll.state.events.clear();
                    poll.state.handle_incoming_packet(rumqttc::Packet::Publish(seen)).is_ok()
                }
                Poll::V5(poll) => {
                    let seen = v5::mqttbytes::v5::Packet::Publish(v5_publish(pkid, true));
                    poll.state.events.clear();
                    poll.state.handle_incoming_packet(seen).is_ok()
                }
            };
        }
        match &mut self.poll {
            Poll::V3(poll) => poll.state.events.clear(),
            Poll::V5(poll) => poll.state.events.clear(),
        }
    }

    fn say_connected(&mut self) {
        self.post.goes_on();
        if self.said != Some(None) {
            tracing::info!("MQTT broker at {} connected ({})", self.login.address, self.login.place);
            self.said = Some(None);
        }
    }

    /// Says what it means that the broker grants less than was asked for, once: RabbitMQ has no QoS 2.
    fn say_granted(&mut self, granted: u8) {
        let Purpose::Take { qos, .. } = self.purpose else { return };
        if granted >= qos || self.granted.replace(granted) == Some(granted) {
            return;
        }
        let (address, place) = (&self.login.address, &self.login.place);
        let what = match granted {
            0 => "frames are lost where Vigie or the connection is away",
            _ => "nothing is lost; after a loss of connection a frame may come twice, and is written over itself",
        };
        tracing::warn!("MQTT broker at {address} grants QoS {granted} instead of the {qos} of {place}: {what}");
    }

    fn say_lost(&mut self, reason: String) {
        if self.said.as_ref().and_then(Option::as_ref) != Some(&reason) {
            let (address, place) = (&self.login.address, &self.login.place);
            match reason == WRONG_LOGIN {
                true => tracing::warn!("MQTT broker at {address}: {reason}; mend them in {place}. Trying again"),
                false => tracing::warn!(
                    "MQTT broker at {address} cannot be reached ({reason}): trying again; start one with `vigie broker`, \
                     or mend `url` in {place}"
                ),
            }
            self.said = Some(Some(reason));
        }
    }
}
