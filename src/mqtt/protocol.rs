//! What differs between MQTT 3.1.1 and MQTT 5, and nothing of it beyond this file.

use std::time::Duration;

use bytes::Bytes;
use operators::Headers;
use rumqttc::{Transport, v5};

use super::link::{Event, Purpose, Token};
use super::login::Login;

/// Publishes on their way at most. Packet ids of rumqttc go round after as many; see [`super::Link`]'s users.
pub const INFLIGHT: u16 = 100;

/// A payload that fits MQTT's largest packet (256 MiB) together with any topic.
pub(super) const LARGEST_PAYLOAD: usize = 268_435_455 - 70_000;

/// Requests that wait to be sent: more than there are packet ids, so that an acknowledgement always has room.
const REQUESTS: usize = 70_000;

/// How long a broker keeps a session whose client is away (MQTT 5; before, it is the broker's own choice).
const SESSION: Duration = Duration::from_secs(7 * 24 * 3600);

/// Seconds that a connection, or the sending of one message over a slow line, may take.
const PATIENCE: u64 = 30;

/// A client of either version.
#[derive(Clone)]
pub(super) enum Client {
    V3(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

/// What its task polls.
pub(super) enum Poll {
    V3(Box<rumqttc::EventLoop>),
    V5(Box<v5::EventLoop>),
}

/// What one poll led to, in neither version's words.
pub(super) enum Step {
    Up {
        inflight: usize,
        largest: usize,
    },
    /// The QoS under which it sends.
    Granted(u8),
    Denied(String),
    Other(Event),
    /// A publish under QoS 2.
    Refused(u16, String),
    Broken(String),
    Nothing,
}

/// A client of MQTT 3.1.1.
pub(super) fn open_v3(login: &Login, transport: Transport, id: &str, purpose: &Purpose) -> (Client, Poll) {
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

/// A client of MQTT 5.
pub(super) fn open_v5(login: &Login, transport: Transport, id: &str, purpose: &Purpose) -> (Client, Poll) {
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

/// What one poll of MQTT 3.1.1 led to.
pub(super) fn step_v3(polled: Result<rumqttc::Event, rumqttc::ConnectionError>) -> Step {
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
            headers: Headers::default(),
        }),
        Ok(Raw::Incoming(Packet::SubAck(ack))) => match ack.return_codes.first() {
            Some(SubscribeReasonCode::Success(qos)) => Step::Granted(*qos as u8),
            _ => Step::Denied("it does not let this user subscribe to the topic".to_owned()),
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

/// What one poll of MQTT 5 led to.
pub(super) fn step_v5(polled: Result<v5::Event, v5::ConnectionError>) -> Step {
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
            headers: headers(publish.properties.as_ref()),
        }),
        Ok(Raw::Incoming(Packet::SubAck(ack))) => match ack.return_codes.first() {
            Some(SubscribeReasonCode::Success(qos)) => Step::Granted(*qos as u8),
            Some(code) => Step::Denied(format!("it does not let this user subscribe to the topic: {code:?}")),
            None => Step::Nothing,
        },
        // What passes: after a pause, on a new connection, all of it is sent again.
        Ok(Raw::Incoming(Packet::PubAck(ack)))
            if matches!(ack.reason, PubAckReason::QuotaExceeded | PubAckReason::PacketIdentifierInUse) =>
        {
            Step::Broken(format!("it takes no more for now: {:?}", ack.reason))
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

fn headers(properties: Option<&v5::mqttbytes::v5::PublishProperties>) -> Headers {
    let mut headers = Headers::default();
    let said = properties.into_iter().flat_map(|properties| &properties.user_properties);
    said.for_each(|(name, text)| headers.add(name, text));
    headers
}

/// Said of a broker that refuses the login.
pub(super) const WRONG_LOGIN: &str = "it does not take this `user` and `password`";

fn token(pkid: u16, acknowledged: bool, twice: bool) -> Option<Token> {
    acknowledged.then_some(Token { pkid, twice })
}

/// A message as MQTT 5 acknowledges it.
pub(super) fn v5_publish(pkid: u16, twice: bool) -> v5::mqttbytes::v5::Publish {
    let qos = if twice { v5::mqttbytes::QoS::ExactlyOnce } else { v5::mqttbytes::QoS::AtLeastOnce };
    let mut publish = v5::mqttbytes::v5::Publish::new("", qos, Bytes::new(), None);
    publish.pkid = pkid;
    publish
}
