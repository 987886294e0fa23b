//! What a client of Kafka needs to know, checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::mistake::Mistake;

/// How a user is made known to the broker (SASL).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Mechanism {
    /// The password as it is: for TLS alone.
    #[default]
    #[serde(rename = "PLAIN")]
    Plain,
    /// A proof of the password.
    #[serde(rename = "SCRAM-SHA-256")]
    Scram256,
    /// A proof of the password, longer.
    #[serde(rename = "SCRAM-SHA-512")]
    Scram512,
}

impl Mechanism {
    fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Scram256 => "SCRAM-SHA-256",
            Self::Scram512 => "SCRAM-SHA-512",
        }
    }
}

/// What a config says of its brokers. The configs of source and sink repeat these fields, because serde cannot both
/// flatten a struct and deny unknown fields.
#[derive(Debug)]
pub struct Given<'a> {
    /// `brokers`
    pub brokers: &'a str,
    /// `tls`
    pub tls: bool,
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
    /// `mechanism`
    pub mechanism: Mechanism,
    /// `settings`
    pub settings: &'a BTreeMap<String, String>,
}

/// Gathers the [`Given`] of a config.
#[macro_export]
macro_rules! kafka_given {
    ($config:expr) => {
        $crate::kafka::Given {
            brokers: &$config.brokers,
            tls: $config.tls,
            ca: &$config.ca,
            cert: &$config.cert,
            key: &$config.key,
            user: &$config.user,
            password: &$config.password,
            mechanism: $config.mechanism,
            settings: &$config.settings,
        }
    };
}

/// All that a client needs to know.
#[derive(Clone, Debug)]
pub struct Login {
    /// The brokers, as they are written.
    pub brokers: String,
    common: ClientConfig,
    own: BTreeMap<String, String>,
}

/// A broker that says nothing for so long is taken for gone, and what was asked of it is asked again.
const SILENCE_MS: &str = "6000";

/// Settings of librdkafka that run what they name.
const RUNS: [&str; 3] = ["plugin.library.paths", "ssl.engine.location", "sasl.kerberos.kinit.cmd"];

/// How settings of librdkafka end that name a file.
const FILES: [&str; 5] = [".location", ".path", ".paths", ".file", ".keytab"];

/// What is wrong with the user's own settings where paths have their limits.
fn check_settings(settings: &BTreeMap<String, String>, context: &Context) -> Result<(), Mistake> {
    for (setting, value) in settings.iter().filter(|_| !context.allowed.is_all()) {
        if RUNS.contains(&setting.as_str()) {
            let what = format!("`{setting}` runs a program, and this cluster has allowed_paths: leave it out");
            return Err(Mistake::at("settings", what));
        }
        if FILES.iter().any(|ending| setting.ends_with(ending)) {
            context.allowed.check("settings", Path::new(value))?;
        }
    }
    Ok(())
}

impl Login {
    /// Checks what a config says.
    ///
    /// # Errors
    /// The first mistake.
    pub fn new(given: Given<'_>, context: &Context) -> Result<Self, Mistake> {
        let named = |broker: &str| !broker.is_empty() && !broker.contains(|c: char| c == '/' || c.is_whitespace());
        if !given.brokers.split(',').map(str::trim).all(named) {
            let what = format!("\"{}\" names no brokers: write \"host:9092\", or several with commas", given.brokers);
            return Err(Mistake::at("brokers", what));
        }
        let tls = given.tls || given.ca.is_some() || given.cert.is_some();
        let mut common = ClientConfig::new();
        common.set("bootstrap.servers", given.brokers).set("client.id", format!("vigie-{}", context.job));
        common.set(
            "security.protocol",
            match (tls, given.user.is_some()) {
                (false, false) => "plaintext",
                (true, false) => "ssl",
                (false, true) => "sasl_plaintext",
                (true, true) => "sasl_ssl",
            },
        );
        let files = [("ca", "ssl.ca.location", given.ca), ("cert", "ssl.certificate.location", given.cert)];
        for (field, setting, file) in files.into_iter().chain([("key", "ssl.key.location", given.key)]) {
            if let Some(file) = file {
                let file = context.path(field, file)?;
                if !file.is_file() {
                    return Err(Mistake::at(field, format!("there is no file {}", file.display())));
                }
                common.set(setting, file.display().to_string());
            }
        }
        check_settings(given.settings, context)?;
        if given.cert.is_some() != given.key.is_some() {
            return Err(Mistake::at("cert", "`cert` and `key` belong together: give both or neither"));
        }
        match (given.user, given.password) {
            (Some(user), Some(password)) => {
                common.set("sasl.username", user).set("sasl.password", password);
                common.set("sasl.mechanism", given.mechanism.as_str());
            }
            (None, None) => {}
            _ => return Err(Mistake::at("user", "`user` and `password` belong together: give both or neither")),
        }
        // A connection that a firewall has forgotten is found out in seconds, and found again within one.
        common.set("socket.keepalive.enable", "true").set("socket.timeout.ms", SILENCE_MS);
        common.set("reconnect.backoff.ms", "100").set("reconnect.backoff.max.ms", "1000");
        // What an ear has to hear (`Ear::log`).
        common.set_log_level(RDKafkaLogLevel::Info);
        Ok(Self { brokers: given.brokers.to_owned(), common, own: given.settings.clone() })
    }

    /// A client's configuration: what all have in common, what this kind needs, and the user's own settings last.
    pub fn client(&self, kind: &[(&str, &str)]) -> ClientConfig {
        let mut config = self.common.clone();
        for (setting, value) in kind.iter().copied().chain(self.own.iter().map(|(k, v)| (k.as_str(), v.as_str()))) {
            config.set(setting, value);
        }
        config
    }

    /// What librdkafka does not take of the user's own settings.
    ///
    /// # Errors
    /// Its own words, at `settings`.
    pub fn check(&self, kind: &[(&str, &str)]) -> Result<(), Mistake> {
        let made = self.client(kind).create_native_config();
        made.map(drop).map_err(|error| Mistake::at("settings", format!("librdkafka does not take this: {error}")))
    }
}
