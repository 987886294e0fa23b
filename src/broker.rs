//! An MQTT broker in the box (rumqttd), for demos and small sites.
//!
//! What it gives up: it speaks 3.1.1 alone, without TLS and passwords, and keeps everything in memory: what it holds is
//! gone when it ends. A site that must not lose frames then runs mosquitto.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};

use anyhow::Context as _;
use bytesize::ByteSize;
use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

/// Messages are kept in segments of this size, and of so many segments the oldest gives way: 1.6 GB a topic filter at
/// most, reached only by messages that nobody fetches.
const SEGMENT: usize = 100 << 20;
const SEGMENTS: usize = 16;

/// Messages that a client may have and not have acknowledged.
const INFLIGHT: usize = 100;

fn config(listen: SocketAddr, max_message: usize) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 60_000,
        max_payload_size: max_message,
        max_inflight_count: INFLIGHT,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server =
        ServerSettings { name: "mqtt".to_owned(), listen, tls: None, next_connection_delay_ms: 1, connections };
    let router = RouterConfig {
        max_connections: 10_000,
        max_outgoing_packet_count: 200,
        max_segment_size: SEGMENT,
        max_segment_count: SEGMENTS,
        ..RouterConfig::default()
    };
    let v4 = Some(HashMap::from([("mqtt".to_owned(), server)]));
    Config {
        id: 0,
        router,
        v4,
        v5: None,
        ws: None,
        cluster: None,
        console: None,
        bridge: None,
        prometheus: None,
        metrics: None,
    }
}

/// Runs the broker until the process ends. `max_message` is the largest message it takes, in bytes.
///
/// # Errors
/// In words, where the address can't be had.
pub fn serve(listen: SocketAddr, max_message: usize) -> anyhow::Result<()> {
    let in_use =
        || format!("cannot listen on {listen}: is another broker running there? Give --listen another address");
    drop(TcpListener::bind(listen).with_context(in_use)?);
    let size = ByteSize(max_message as u64);
    println!("MQTT broker on {listen}, messages up to {size}; ^C ends it, and what it holds");
    Broker::new(config(listen, max_message)).start().with_context(in_use)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a second broker on one port that says nothing.
    #[test]
    fn a_port_in_use_is_told() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let error = serve(taken.local_addr().expect("an address"), 1024).expect_err("it is taken");
        assert!(error.to_string().contains("is another broker running there?"), "{error}");
    }
}
