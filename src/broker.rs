//! `vigie broker`: an MQTT broker in the box, for demos and small sites.
//!
//! It speaks MQTT 3.1.1 in the clear: rumqttd listens for version 5 on a port of its own, and Vigie does not need it.
//! It keeps everything in memory: for each subscription about the last 512 MiB, delivered or not. A client that is away, or
//! behind, by more than that loses the oldest messages. It sends at most a hundred messages to a client before it waits for
//! receipts. A client that acknowledges out of order, or asks for no keep-alive, is sent away.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use std::{process, thread};

use anyhow::{Context, bail};
use bytesize::ByteSize;
use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

use crate::signal;

/// How many bytes are kept for each subscription, delivered or not; then the oldest are forgotten.
const KEPT: usize = 512 << 20;
/// Messages are forgotten by the segment. A segment ends with the message that fills it, and so may be larger by that.
const SEGMENTS: usize = 32;
/// What the topic and the header may take beside a message.
const HEADER: usize = 64 << 10;

/// Serves until the process is asked to end, which it then does with code 0.
///
/// # Errors
/// The address is in use, or not this machine's.
pub fn serve(listen: SocketAddr, max_message: usize) -> anyhow::Result<()> {
    let listen = free(listen)?;
    end_on_signal()?;
    let mut broker = Broker::new(config(listen, max_message));
    let served = thread::spawn(move || broker.start().context("the MQTT broker stopped"));
    while TcpStream::connect(reachable(listen)).is_err() {
        if served.is_finished() {
            bail!("the MQTT broker on {listen} did not start: is another program taking the port?");
        }
        thread::sleep(Duration::from_millis(5));
    }
    let largest = ByteSize::b(max_message as u64).to_string().replace(".0 ", " ");
    eprintln!("MQTT broker on {listen} (messages up to {largest}); ^C ends it, and what it holds");
    match served.join() {
        Ok(Err(error)) => Err(error),
        _ => bail!("the MQTT broker stopped"),
    }
}

/// The address with its port chosen, if nobody listens there: rumqttd only logs that it could not.
fn free(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    match TcpListener::bind(listen).and_then(|listener| listener.local_addr()) {
        Ok(address) => Ok(address),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("{listen} is in use: is another broker running? Give --listen another address")
        }
        Err(error) => bail!("no broker can listen on {listen} ({error}): give --listen an address of this machine"),
    }
}

/// Where this machine reaches what listens on `listen`.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    match listen {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    listen
}

fn end_on_signal() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::spawn(move || {
        runtime.block_on(signal::stop());
        process::exit(0);
    });
    Ok(())
}

fn config(listen: SocketAddr, max_message: usize) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 10_000,
        max_payload_size: max_message.saturating_add(HEADER),
        max_inflight_count: 100,
        auth: None,
        external_auth: None,
        dynamic_filters: false,
    };
    let server = ServerSettings { name: "mqtt".into(), listen, tls: None, next_connection_delay_ms: 1, connections };
    let router = RouterConfig {
        max_connections: 1_000,
        max_outgoing_packet_count: 100,
        max_segment_size: KEPT / SEGMENTS,
        max_segment_count: SEGMENTS,
        ..RouterConfig::default()
    };
    Config { router, v4: Some([("mqtt".into(), server)].into()), ..Config::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a broker that says nothing, or something else, where another one runs.
    #[test]
    fn a_port_in_use_is_told_in_words() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        let said = free(address).unwrap_err().to_string();
        assert_eq!(said, format!("{address} is in use: is another broker running? Give --listen another address"));
    }

    /// Catches port 0 handed on to rumqttd, which would listen where nobody knows.
    #[test]
    fn port_zero_becomes_a_port() {
        assert_ne!(free("127.0.0.1:0".parse().unwrap()).unwrap().port(), 0);
    }
}
