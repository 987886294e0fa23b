//! What a connection to a broker needs to know, checked.

use std::path::PathBuf;
use std::time::Duration;

use rumqttc::{TlsConfiguration, Transport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::protocol::LARGEST_PAYLOAD;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::units::Time;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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
    pub(super) version: Version,
    pub(super) user: Option<(String, String)>,
    files: Option<[Option<PathBuf>; 3]>,
    pub(super) keep_alive: Duration,
    pub(super) largest: usize,
    /// `[source.cameras]`: where a person mends it.
    pub(super) place: String,
}

impl Login {
    /// Checks what a config says. `table` is `source` or `sink`.
    ///
    /// # Errors
    /// The first mistake.
    pub fn new(given: Given<'_>, table: &str, context: &Context) -> Result<Self, Mistake> {
        let address = Address::parse(given.url)?;
        let path = |field, path: &Option<PathBuf>| path.as_ref().map(|path| context.path(field, path)).transpose();
        let files = [path("ca", given.ca)?, path("cert", given.cert)?, path("key", given.key)?];
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

    /// How the bytes travel.
    pub(super) fn transport(&self) -> anyhow::Result<Transport> {
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
