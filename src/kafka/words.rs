//! What librdkafka says of a connection, in words that say what to mend.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A connection that ends so soon was not wanted.
const SOON_MS: u32 = 2_000;

/// What is wrong with a broker, of a line like
/// `sasl_ssl://127.0.0.1:9092/bootstrap: SASL authentication error: … (after 3ms in state AUTH_REQ)`.
pub fn told(line: &str) -> String {
    // In its log, a line begins with the name of a thread.
    let line = line.strip_prefix("[thrd:").and_then(|line| line.split_once("]: ")).map_or(line, |(_, line)| line);
    let (line, when) = line.split_once(" (after ").unwrap_or((line, ""));
    let Some((broker, what)) = line.split_once(": ").filter(|(broker, _)| broker.contains('/')) else {
        return plain(line);
    };
    let (protocol, address) = broker.split_once("://").unwrap_or(("", broker));
    let address = address.split('/').next().unwrap_or(address);
    mend(what, when, protocol).map_or_else(|| plain(what), |words| format!("{address} {words}"))
}

fn plain(what: &str) -> String {
    what.replace("ipv4#", "").replace("ipv6#", "")
}

/// What a user can mend, where it is that; `when` is `3ms in state AUTH_REQ)`.
fn mend(what: &str, when: &str, protocol: &str) -> Option<String> {
    let says = |words: &str| what.contains(words);
    let state = |name: &str| when.split(" in state ").nth(1).is_some_and(|state| state.starts_with(name));
    let hangs_up = ["Disconnected", "Send failed", "Receive failed"].iter().any(|words| says(words));
    let soon = when.split("ms").next().and_then(|ms| ms.parse().ok()).is_some_and(|ms: u32| ms < SOON_MS);
    let words = if says("SASL authentication error") {
        "does not take this `user` and `password`"
    } else if says("Unsupported SASL mechanism") {
        let known = what.rsplit(": ").next().unwrap_or_default();
        return Some(format!("does not take this `mechanism`: it knows {known}"));
    } else if says("Request not valid in current SASL state") {
        "asks for no login: leave out `user` and `password`, or mend `brokers`"
    } else if says("certificate verify failed") {
        "has a certificate that can't be verified: `ca` has to name its CA, and the certificate the host in `brokers`"
    } else if says("SSL alert") && (says("certificate") || says("unknown ca")) {
        "does not take this client's certificate, or wants one: mend `cert` and `key`"
    } else if state("SSL_HANDSHAKE") {
        "speaks no TLS: leave out `tls`, `ca` and `cert`, or mend `brokers`"
    } else if hangs_up && state("APIVERSION") && !protocol.ends_with("ssl") {
        "hangs up: it may want TLS, which `tls` or `ca` asks for"
    } else if hangs_up && state("UP") && soon && !protocol.starts_with("sasl") {
        "hangs up: it may want a `user` and a `password`"
    } else {
        return None;
    };
    Some(words.to_owned())
}

/// Why no client can be made for a part. What is in the files that it names is looked at only then.
pub fn unmade(part: &str, error: &KafkaError) -> anyhow::Error {
    let files = [
        ("ssl.ca.location", "`ca` has no certificate (PEM)"),
        ("ssl.certificate.location", "`cert` has no certificate (PEM)"),
        ("ssl.key.location", "`key` has no key (PEM), or not that of `cert`"),
    ];
    let said = error.to_string();
    let words = files
        .iter()
        .find(|(setting, _)| said.contains(setting))
        .map_or("there is no client for Kafka", |(_, words)| words);
    anyhow::anyhow!("{part}: {words}: {said}")
}

/// What a broker answered; `None` where none did.
pub fn answer(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    // Codes below zero are librdkafka's own.
    error.rdkafka_error_code().filter(|code| *code as i32 > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches words that only librdkafka understands. The lines are its own, of version 2.12.
    #[test]
    fn a_line_is_told_in_plain_words() {
        for (line, words) in [
            ("something else", "something else"),
            (
                "127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT)",
                "Connect to 127.0.0.1:9 failed: Connection refused",
            ),
            (
                "[thrd:sasl_ssl://a:9/bootstrap]: sasl_ssl://a:9/bootstrap: SASL authentication error: Authentication failed: \
                 Invalid username or password (after 302ms in state AUTH_REQ)",
                "a:9 does not take this `user` and `password`",
            ),
            (
                "sasl_ssl://a:9/1: SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's \
                 supported mechanisms: PLAIN,SCRAM-SHA-256 (after 301ms in state AUTH_HANDSHAKE)",
                "a:9 does not take this `mechanism`: it knows PLAIN,SCRAM-SHA-256",
            ),
            (
                "ssl://a:9/bootstrap: Disconnected: SSL connection closed by peer (after 0ms in state UP)",
                "a:9 hangs up: it may want a `user` and a `password`",
            ),
            (
                "a:9/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after 99000ms in state UP)",
                "Disconnected: connection closed by peer: receive 0 after POLLIN",
            ),
        ] {
            assert_eq!(told(line), words);
        }
    }
}
