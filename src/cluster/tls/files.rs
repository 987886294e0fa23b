//! Certificates and keys, read and checked.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, Error, RootCertStore, ServerConfig};

use super::{TlsTable, words};
use crate::cluster::config::host_of;
use crate::mistake::Mistake;

/// Who a process is, and whom it trusts.
pub struct Identity {
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// Where the certificate was read.
    shown: String,
}

impl Identity {
    /// The one of that process; the table's paths start from the folder `beside`.
    ///
    /// # Errors
    /// A file can't be read, or does not hold what it should.
    pub(in crate::cluster) fn load(table: &TlsTable, beside: &Path, process: usize) -> Result<Self, Mistake> {
        let own = |path: &str| beside.join(path.replace("{process}", &process.to_string()));
        Self::read(&beside.join(&table.ca), &own(&table.certificate), &own(&table.key))
    }

    /// The one of these files.
    ///
    /// # Errors
    /// A file can't be read, or does not hold what it should.
    pub fn read(ca: &Path, certificate: &Path, key: &Path) -> Result<Self, Mistake> {
        let trusted = certificates(ca).map_err(|why| named("tls.ca", "ca", ca, &why))?;
        let mut roots = RootCertStore::empty();
        for root in trusted {
            roots.add(root).map_err(|error| named("tls.ca", "ca", ca, &format!("can't be read: {error}")))?;
        }
        let chain =
            certificates(certificate).map_err(|why| named("tls.certificate", "certificate", certificate, &why))?;
        let secret = self::key(key).map_err(|why| named("tls.key", "key", key, &why))?;
        let identity = Self { roots: roots.into(), chain, key: secret, shown: certificate.display().to_string() };
        identity.callee(false).map(|_| identity)
    }

    /// Whether the others will trust it where it is to be reached.
    ///
    /// # Errors
    /// Why they will not.
    pub(in crate::cluster) fn check(&self, address: &str) -> Result<(), Mistake> {
        let host = host_of(address);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let wrong = |error: Error| {
            let what = match &error {
                Error::InvalidCertificate(wrong) => words::of_certificate(wrong, host),
                other => format!("can't be verified ({other})"),
            };
            Mistake::at("tls.certificate", format!("`certificate` names {}, which {what}", self.shown))
        };
        let name = ServerName::try_from(bare).map_err(|_| {
            Mistake::new(format!("the host of {address:?} is no name that a certificate can hold: correct the address"))
        })?;
        let (first, rest) = self.chain.split_first().expect("a chain that was read is not empty");
        let now = UnixTime::now();
        let verifier = WebPkiServerVerifier::builder_with_provider(self.roots.clone(), provider()).build();
        verifier.map_err(unusable)?.verify_server_cert(first, rest, &name, &[], now).map_err(wrong)?;
        self.callers()?.verify_client_cert(first, rest, now).map_err(wrong)?;
        Ok(())
    }

    /// For one who calls.
    pub(super) fn caller(&self) -> Result<ClientConfig, Mistake> {
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).map_err(unusable)?;
        let builder = builder.with_root_certificates(self.roots.clone());
        builder.with_client_auth_cert(self.chain.clone(), self.key.clone_key()).map_err(unfit)
    }

    /// For one who is called; whether `mutual`: by processes, who show certificates.
    pub(super) fn callee(&self, mutual: bool) -> Result<ServerConfig, Mistake> {
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = match mutual {
            true => builder.with_protocol_versions(&[&rustls::version::TLS13]).map_err(unusable)?,
            false => builder.with_safe_default_protocol_versions().map_err(unusable)?,
        };
        let builder = match mutual {
            true => builder.with_client_cert_verifier(self.callers()?),
            false => builder.with_no_client_auth(),
        };
        builder.with_single_cert(self.chain.clone(), self.key.clone_key()).map_err(unfit)
    }

    /// For HTTP; `demand`: callers have to show a certificate.
    pub(crate) fn http(&self, demand: bool) -> Result<Arc<ServerConfig>, Mistake> {
        let mut config = self.callee(demand)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config.into())
    }

    fn callers(&self) -> Result<Arc<dyn ClientCertVerifier>, Mistake> {
        WebPkiClientVerifier::builder_with_provider(self.roots.clone(), provider()).build().map_err(unusable)
    }
}

/// The one that does the arithmetic everywhere in this process.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The certificates of a file.
///
/// # Errors
/// Why there are none, as in "which …".
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found.map_err(|error| unread(&error, "certificate"))? {
        none if none.is_empty() => Err("holds no certificate (PEM)".into()),
        found => Ok(found),
    }
}

/// The private key of a file.
fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| unread(&error, "private key"))
}

fn unread(error: &pem::Error, what: &str) -> String {
    match error {
        pem::Error::Io(error) => format!("can't be read: {error}"),
        pem::Error::NoItemsFound => format!("holds no {what} (PEM, without a passphrase)"),
        other => format!("holds no {what} that can be read: {other}"),
    }
}

fn named(field: &'static str, key: &str, path: &Path, why: &str) -> Mistake {
    Mistake::at(field, format!("`{key}` names {}, which {why}", path.display()))
}

fn unfit(error: Error) -> Mistake {
    let why = match error {
        Error::InconsistentKeys(_) => "is not that of `certificate`".to_owned(),
        other => format!("can't be used with `certificate`: {other}"),
    };
    Mistake::at("tls.key", format!("`key` {why}: give both of one pair"))
}

fn unusable(error: impl std::fmt::Display) -> Mistake {
    Mistake::at("tls.ca", format!("`ca` can't be used: {error}"))
}
