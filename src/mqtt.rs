//! A connection to an MQTT broker that never gives up, in either version of the protocol.
//!
//! [`Link`] is polled by one task and by nobody else: rumqttc's `poll` loses packets when it is cancelled. Everybody
//! else holds its [`Handle`], which refuses what belongs to an older connection: packet ids mean something on the
//! connection they came from alone. After a loss nothing that rumqttc still holds is sent again; whoever sent it
//! hears [`Event::Lost`] and decides.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rumqttc::{TlsConfiguration, Transport, v5};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::context::Context;
use crate::mistake::Mistake;
use crate::units::Time;

/// Publishes on their way at most. Packet ids of rumqttc go round after as many; see [`Link`]'s users.
pub const INFLIGHT: u16 = 100;

/// A payload that fits MQTT's largest packet (256 MiB) together with any topic.
const LARGEST_PAYLOAD: usize = 268_435_455 - 70_000;

/// Requests that wait to be sent: more than there are packet ids, so that an acknowledgement always has room.
const REQUESTS: usize = 70_000;

/// How long a broker keeps a session whose client is away (MQTT 5; before, it is the broker's own choice).
const SESSION: Duration = Duration::from_secs(7 * 24 * 3600);

/// Seconds that a connection, or the sending of one message over a slow line, may take.
const PATIENCE: u64 = 30;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A connection that held this long is found again at once; one that breaks at once is not.
const STEADY: Duration = Duration::from_secs(5);

/// A version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Version {
    /// MQTT 3.1.1, which every broker speaks.
    #[default]
    #[serde(rename = "3.1.1")]
    V3,
    /// MQTT 5, whose brokers say why they refuse a message.
    #[serde(rename = "5")]
    V5,
}

/// The default of `keep_alive`.
pub fn keep_alive() -> Time {
    Time(Duration::from_secs(30))
}

/// What a config says of its broker. The configs of source and sink repeat these fields, because serde cannot both
/// flatten a struct and deny unknown fields.
#[derive(Debug)]
pub struct Given<'a> {
    /// `url`
    pub url: &'a str,
    /// `version`
    pub version: Version,
    /// `ca`
    pub ca: &'a Option<PathBuf>,
    /// `cert`
    pub cert: &'a Option<PathBuf>,
    /// `key`
    pub key: &'a Option<PathBuf>,
    /// `user`
    pub user: &'a Option<String>,
    /// `password`
    pub password: &'a Option<String>,
    /// `keep_alive`
    pub keep_alive: Time,
}

/// Gathers the [`Given`] of a config.
#[macro_export]
macro_rules! mqtt_given {
    ($config:expr) => {
        $crate::mqtt::Given {
            url: &$config.url,
            version: $config.version,
            ca: &$config.ca,
            cert: &$config.cert,
            key: &$config.key,
            user: &$config.user,
            password: &$config.password,
            keep_alive: $config.keep_alive,
        }
    };
}

/// Where a broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    tls: bool,
    login: Option<(String, String)>,
}

impl Address {
    /// Reads `mqtt://[user:password@]host[:port]` or `mqtts://…`.
    ///
    /// # Errors
    /// A mistake at `url` that says what a right one looks like.
    pub fn parse(url: &str) -> Result<Self, Mistake> {
        Self::read(url).ok_or_else(|| {
            let right = "\"mqtt://localhost:1883\", or \"mqtts://user:password@broker.example:8883\" with TLS";
            // What stands before an @ may be a password.
            let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
            Mistake::at("url", format!("\"{shown}\" is no address of an MQTT broker: write it like {right}"))
        })
    }

    fn read(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (tls, port) = match scheme {
            "mqtt" => (false, 1883),
            "mqtts" => (true, 8883),
            _ => return None,
        };
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                (Some((user.to_owned(), password.to_owned())), place)
            }
            None => (None, rest),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        let after_bracket = place.rfind(']').map_or(0, |end| end + 1);
        let (host, port) = match place[after_bracket..].split_once(':') {
            Some((tail, port)) => (&place[..after_bracket + tail.len()], port.parse().ok().filter(|port| *port > 0)?),
            None => (place, port),
        };
        let odd = |c: char| c == '/' || c == '?' || c == '#' || c.is_whitespace();
        (!host.is_empty() && !host.contains(odd)).then(|| Self { host: host.to_owned(), port, tls, login })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// All that a connection needs to know.
#[derive(Clone, Debug)]
pub struct Login {
    /// Where the broker is.
    pub address: Address,
    version: Version,
    user: Option<(String, String)>,
    files: Option<[Option<PathBuf>; 3]>,
    keep_alive: Duration,
    largest: usize,
    /// `[source.cameras]`: where a person mends it.
    place: String,
}

impl Login {
    /// Checks what a config says. `table` is `source` or `sink`.
    ///
    /// # Errors
    /// The first mistake.
    pub fn new(given: Given<'_>, table: &str, context: &Context) -> Result<Self, Mistake> {
        let address = Address::parse(given.url)?;
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| context.folder.join(path));
        let files = [path(given.ca), path(given.cert), path(given.key)];
        for (field, file) in ["ca", "cert", "key"].into_iter().zip(&files) {
            if let Some(file) = file {
                check_file(field, file, &address)?;
            }
        }
        if files[1].is_some() != files[2].is_some() {
            return Err(Mistake::at("cert", "`cert` and `key` belong together: give both or neither"));
        }
        if files[1].is_some() && files[0].is_none() {
            return Err(Mistake::at("cert", "a client certificate needs `ca` too: the certificate of the broker's CA"));
        }
        if given.password.is_some() && given.user.is_none() {
            return Err(Mistake::at("password", "a password needs a `user`"));
        }
        let seconds = given.keep_alive.0.as_secs();
        if !(5..=65_535).contains(&seconds) {
            return Err(Mistake::at("keep_alive", "`keep_alive` is a time from \"5s\" to \"18h\""));
        }
        let user = given.user.clone().map(|user| (user, given.password.clone().unwrap_or_default()));
        Ok(Self {
            version: given.version,
            user: user.or(address.login.clone()),
            files: files[0].is_some().then_some(files),
            keep_alive: given.keep_alive.0,
            // Whatever a broker sends has to come in, to become a dead letter if it is too large: a packet that
            // rumqttc refuses would break the connection, and be sent again, for ever.
            largest: LARGEST_PAYLOAD,
            place: format!("[{table}.{}]", context.part),
            address,
        })
    }

    fn transport(&self) -> anyhow::Result<Transport> {
        if !self.address.tls {
            return Ok(Transport::Tcp);
        }
        let read =
            |file: &PathBuf| std::fs::read(file).map_err(|e| anyhow::anyhow!("cannot read {}: {e}", file.display()));
        Ok(match &self.files {
            None => simple(authorities()?, None),
            Some([ca, cert, key]) => simple(
                ca.as_ref().map_or_else(authorities, read)?,
                match (cert, key) {
                    (Some(cert), Some(key)) => Some((read(cert)?, read(key)?)),
                    _ => None,
                },
            ),
        })
    }
}

fn simple(ca: Vec<u8>, client_auth: Option<(Vec<u8>, Vec<u8>)>) -> Transport {
    Transport::tls_with_config(TlsConfiguration::Simple { ca, alpn: None, client_auth })
}

/// The certificates of the authorities that this system trusts (PEM). rumqttc's own way to them panics where there are none.
fn authorities() -> anyhow::Result<Vec<u8>> {
    const BUNDLES: [&str; 4] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    let named = std::env::var("SSL_CERT_FILE").ok();
    let mut bundles = named.iter().map(String::as_str).chain(BUNDLES);
    let found = bundles.find_map(|bundle| std::fs::read(bundle).ok().filter(|bundle| !bundle.is_empty()));
    found.ok_or_else(|| anyhow::anyhow!("this system has no certificates of authorities: name the broker's with `ca`"))
}

fn check_file(field: &'static str, file: &PathBuf, address: &Address) -> Result<(), Mistake> {
    if !address.tls {
        let what =
            format!("`{field}` is for TLS, and `url` begins with mqtt://: write mqtts://, or leave `{field}` out");
        return Err(Mistake::at(field, what));
    }
    match std::fs::File::open(file) {
        Ok(_) => Ok(()),
        Err(e) => Err(Mistake::at(field, format!("cannot read {}: {e}", file.display()))),
    }
}

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
    pkid: u16,
    twice: bool,
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

#[derive(Clone)]
enum Client {
    V3(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

enum Poll {
    V3(Box<rumqttc::EventLoop>),
    V5(Box<v5::EventLoop>),
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

fn v5_publish(pkid: u16, twice: bool) -> v5::mqttbytes::v5::Publish {
    let qos = if twice { v5::mqttbytes::QoS::ExactlyOnce } else { v5::mqttbytes::QoS::AtLeastOnce };
    let mut publish = v5::mqttbytes::v5::Publish::new("", qos, Bytes::new(), None);
    publish.pkid = pkid;
    publish
}

/// What one poll led to, in neither version's words.
enum Step {
    Up {
        inflight: usize,
        largest: usize,
    },
    Granted,
    Denied(String),
    Other(Event),
    /// A publish under QoS 2.
    Refused(u16, String),
    Broken(String),
    Nothing,
}

/// The connection; see the head of this file.
pub struct Link {
    poll: Poll,
    handle: Handle,
    login: Login,
    purpose: Purpose,
    generations: u64,
    /// What was said last: `None` for "connected", else the reason; nothing at all at first.
    said: Option<Option<String>>,
    /// rumqttc forgets to count down when a publish under QoS 2 is refused; a new connection counts anew.
    leaking: bool,
    pause: Duration,
    /// When the connection came up.
    since: Option<Instant>,
}

impl Link {
    /// A link that is not connected yet.
    ///
    /// # Errors
    /// A certificate that cannot be read.
    pub fn new(login: Login, client_id: &str, purpose: Purpose) -> anyhow::Result<Self> {
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
            generations: 0,
            said: None,
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
                Step::Granted => self.say_connected(),
                Step::Denied(reason) => return self.lose(reason).await,
                Step::Other(Event::Message { topic, payload, token, .. }) => {
                    return Event::Message { generation: self.generations, topic, payload, token };
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
        if self.said != Some(None) {
            tracing::info!("MQTT broker at {} connected ({})", self.login.address, self.login.place);
            self.said = Some(None);
        }
    }

    fn say_lost(&mut self, reason: String) {
        if self.said.as_ref().and_then(Option::as_ref) != Some(&reason) {
            tracing::warn!(
                "MQTT broker at {} cannot be reached ({reason}): trying again; start one with `vigie broker`, or mend \
                 `url` in {}",
                self.login.address,
                self.login.place
            );
            self.said = Some(Some(reason));
        }
    }
}

fn open_v3(login: &Login, transport: Transport, id: &str, purpose: &Purpose) -> (Client, Poll) {
    let mut options = rumqttc::MqttOptions::new(id, &login.address.host, login.address.port);
    options
        .set_transport(transport)
        .set_keep_alive(login.keep_alive)
        .set_max_packet_size(login.largest, LARGEST_PAYLOAD + 70_000)
        .set_inflight(INFLIGHT)
        .set_clean_session(matches!(purpose, Purpose::Give))
        .set_manual_acks(true);
    if let Some((user, password)) = &login.user {
        options.set_credentials(user, password);
    }
    let (client, mut poll) = rumqttc::AsyncClient::new(options, REQUESTS);
    let mut network = rumqttc::NetworkOptions::new();
    network.set_connection_timeout(PATIENCE).set_tcp_nodelay(true);
    poll.set_network_options(network);
    (Client::V3(client), Poll::V3(Box::new(poll)))
}

fn open_v5(login: &Login, transport: Transport, id: &str, purpose: &Purpose) -> (Client, Poll) {
    let mut options = v5::MqttOptions::new(id, &login.address.host, login.address.port);
    options.set_connection_timeout(PATIENCE);
    options
        .set_transport(transport)
        .set_keep_alive(login.keep_alive)
        .set_max_packet_size(Some(login.largest as u32))
        .set_outgoing_inflight_upper_limit(INFLIGHT)
        .set_clean_start(matches!(purpose, Purpose::Give))
        .set_manual_acks(true);
    if let Purpose::Take { window, .. } = purpose {
        options.set_session_expiry_interval(Some(SESSION.as_secs() as u32)).set_receive_maximum(Some(*window));
    }
    if let Some((user, password)) = &login.user {
        options.set_credentials(user, password);
    }
    let (client, poll) = v5::AsyncClient::new(options, REQUESTS);
    (Client::V5(client), Poll::V5(Box::new(poll)))
}

fn step_v3(polled: Result<rumqttc::Event, rumqttc::ConnectionError>) -> Step {
    use rumqttc::{
        ConnectReturnCode as Code, ConnectionError, Event as Raw, Outgoing, Packet, QoS, SubscribeReasonCode,
    };
    let acked = |pkid| Step::Other(Event::Acked { pkid, refusal: None });
    match polled {
        Ok(Raw::Incoming(Packet::ConnAck(_))) => Step::Up { inflight: INFLIGHT.into(), largest: LARGEST_PAYLOAD },
        Ok(Raw::Incoming(Packet::Publish(publish))) => Step::Other(Event::Message {
            generation: 0,
            token: token(publish.pkid, publish.qos != QoS::AtMostOnce, publish.qos == QoS::ExactlyOnce),
            topic: publish.topic,
            payload: publish.payload,
        }),
        Ok(Raw::Incoming(Packet::SubAck(ack))) => match ack.return_codes.contains(&SubscribeReasonCode::Failure) {
            true => Step::Denied("it does not let this user subscribe to the topic".to_owned()),
            false => Step::Granted,
        },
        Ok(Raw::Incoming(Packet::PubAck(ack))) => acked(ack.pkid),
        Ok(Raw::Incoming(Packet::PubComp(ack))) => acked(ack.pkid),
        Ok(Raw::Outgoing(Outgoing::Publish(pkid))) => Step::Other(Event::Sent(pkid)),
        Ok(Raw::Outgoing(Outgoing::Disconnect)) => Step::Other(Event::Ended),
        Ok(_) => Step::Nothing,
        Err(ConnectionError::ConnectionRefused(Code::BadUserNamePassword | Code::NotAuthorized)) => {
            Step::Broken(WRONG_LOGIN.to_owned())
        }
        Err(ConnectionError::Io(e)) => Step::Broken(e.to_string()),
        Err(e) => Step::Broken(e.to_string()),
    }
}

fn step_v5(polled: Result<v5::Event, v5::ConnectionError>) -> Step {
    use v5::mqttbytes::QoS;
    use v5::mqttbytes::v5::{
        ConnectReturnCode as Code, Packet, PubAckReason, PubCompReason, PubRecReason, SubscribeReasonCode,
    };
    use v5::{ConnectionError, Event as Raw};
    let acked = |pkid, refusal| Step::Other(Event::Acked { pkid, refusal });
    match polled {
        Ok(Raw::Incoming(Packet::ConnAck(ack))) => {
            let limits = ack.properties.map(|p| (p.receive_max, p.max_packet_size)).unwrap_or_default();
            Step::Up {
                inflight: limits.0.unwrap_or(INFLIGHT).clamp(1, INFLIGHT).into(),
                largest: limits.1.map_or(LARGEST_PAYLOAD, |most| (most as usize).min(LARGEST_PAYLOAD)),
            }
        }
        Ok(Raw::Incoming(Packet::Publish(publish))) => Step::Other(Event::Message {
            generation: 0,
            token: token(publish.pkid, publish.qos != QoS::AtMostOnce, publish.qos == QoS::ExactlyOnce),
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: publish.payload,
        }),
        Ok(Raw::Incoming(Packet::SubAck(ack))) => {
            match ack.return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_))) {
                Some(code) => Step::Denied(format!("it does not let this user subscribe to the topic: {code:?}")),
                None => Step::Granted,
            }
        }
        Ok(Raw::Incoming(Packet::PubAck(ack))) => {
            let good = matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers);
            acked(ack.pkid, (!good).then(|| format!("{:?}", ack.reason)))
        }
        Ok(Raw::Incoming(Packet::PubRec(ack))) => {
            match matches!(ack.reason, PubRecReason::Success | PubRecReason::NoMatchingSubscribers) {
                true => Step::Nothing,
                false => Step::Refused(ack.pkid, format!("{:?}", ack.reason)),
            }
        }
        Ok(Raw::Incoming(Packet::PubComp(ack))) => match ack.reason == PubCompReason::Success {
            true => acked(ack.pkid, None),
            false => Step::Broken(format!("it lost track of a message: {:?}", ack.reason)),
        },
        Ok(Raw::Outgoing(rumqttc::Outgoing::Publish(pkid))) => Step::Other(Event::Sent(pkid)),
        Ok(Raw::Outgoing(rumqttc::Outgoing::Disconnect)) => Step::Other(Event::Ended),
        Ok(_) => Step::Nothing,
        Err(ConnectionError::ConnectionRefused(Code::BadUserNamePassword | Code::NotAuthorized)) => {
            Step::Broken(WRONG_LOGIN.to_owned())
        }
        Err(ConnectionError::Io(e)) => Step::Broken(e.to_string()),
        Err(e) => Step::Broken(e.to_string()),
    }
}

const WRONG_LOGIN: &str = "it does not take this `user` and `password`";

fn token(pkid: u16, acknowledged: bool, twice: bool) -> Option<Token> {
    acknowledged.then_some(Token { pkid, twice })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let read = |url| Address::parse(url).map(|a| (a.host, a.port, a.tls, a.login)).unwrap();
        let login = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(read("mqtt://localhost"), ("localhost".into(), 1883, false, None));
        assert_eq!(read("mqtts://a:b@c.example:1/"), ("c.example".into(), 1, true, login("a", "b")));
        assert_eq!(read("mqtt://a:p@ss@h"), ("h".into(), 1883, false, login("a", "p@ss")));
        assert_eq!(read("mqtt://[::1]:7"), ("[::1]".into(), 7, false, None));
    }

    #[test]
    fn a_wrong_url_is_answered_with_a_right_one_and_without_the_password() {
        for url in ["localhost:1883", "tcp://x", "mqtt://", "mqtt://x:port", "mqtt://x:0", "mqtt://me:secret@h/path"] {
            let mistake = Address::parse(url).unwrap_err();
            assert_eq!(mistake.field, Some("url"));
            assert!(mistake.what.contains("mqtt://localhost:1883") && !mistake.what.contains("secret"), "{mistake}");
        }
    }
}
