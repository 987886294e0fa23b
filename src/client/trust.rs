//! HTTPS to a cluster: whom a command trusts, and the certificate that it shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

use super::flags::At;
use crate::cluster::ClusterFlags;
use crate::cluster::config::host_of;
use crate::cluster::tls::files::{self, Identity};
use crate::cluster::tls::{HttpTls, TlsTable, words};
use crate::mistake::Mistake;

/// Files for HTTPS: the CA, and a certificate with its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    ca: PathBuf,
    own: Option<(PathBuf, PathBuf)>,
}

impl Trust {
    /// What was typed, else what the environment says, else `[tls]` of the cluster's file; none where HTTP is plain.
    ///
    /// # Errors
    /// What is wrong with the file, or what is missing, in words.
    pub fn find(at: &At, env: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Mistake> {
        let given = |typed: &Option<PathBuf>, name: &str| {
            typed.clone().or_else(|| env(name).filter(|path| !path.is_empty()).map(PathBuf::from))
        };
        let own = match (given(&at.certificate, "VIGIE_CERTIFICATE"), given(&at.key, "VIGIE_KEY")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(Mistake::new("--certificate and --key go together: give both, or neither")),
        };
        if let Some(ca) = given(&at.ca, "VIGIE_CA") {
            return Ok(Some(Self { ca, own }));
        }
        let flags = ClusterFlags { cluster: at.cluster.clone(), ..Default::default() };
        let listed = flags.tls()?.filter(|(_, table)| table.http != HttpTls::Off);
        Ok(listed
            .map(|(beside, table)| Self { ca: beside.join(&table.ca), own: own.or_else(|| shared(&beside, &table)) }))
    }

    /// What the HTTP client needs.
    ///
    /// # Errors
    /// A file can't be read, or does not hold what it should.
    pub fn config(&self) -> Result<TlsConfig, Mistake> {
        let ca = certificates("ca", &self.ca)?;
        let own = self.own.as_ref().map(|(certificate, key)| {
            // The client takes for granted that they fit.
            Identity::read(&self.ca, certificate, key)?;
            let secret = std::fs::read(key).map_err(|error| unread("key", key, error))?;
            let secret = PrivateKey::from_pem(&secret).map_err(|error| unread("key", key, error))?;
            Ok::<_, Mistake>(ClientCert::new_with_certs(&certificates("certificate", certificate)?, secret))
        });
        let builder = TlsConfig::builder().provider(TlsProvider::Rustls).client_cert(own.transpose()?);
        let builder = builder.root_certs(RootCerts::Specific(Arc::new(ca)));
        Ok(builder.unversioned_rustls_crypto_provider(files::provider()).build())
    }
}

/// The certificate of all processes, where they share one and this user may read it.
fn shared(beside: &Path, table: &TlsTable) -> Option<(PathBuf, PathBuf)> {
    let own = [&table.certificate, &table.key];
    let readable = |path: &&String| !path.contains("{process}") && std::fs::File::open(beside.join(path)).is_ok();
    own.iter().all(readable).then(|| (beside.join(own[0]), beside.join(own[1])))
}

fn certificates(what: &str, path: &Path) -> Result<Vec<Certificate<'static>>, Mistake> {
    let found = files::certificates(path);
    let chain = found.map_err(|why| Mistake::new(format!("`{what}` names {}, which {why}", path.display())))?;
    Ok(chain.iter().map(|der| Certificate::from_der(der).to_owned()).collect())
}

fn unread(what: &str, path: &Path, error: impl std::fmt::Display) -> Mistake {
    Mistake::new(format!("`{what}` names {}, which can't be read: {error}", path.display()))
}

/// Why there is no HTTPS with the process at that place; none where that is not why it does not answer.
pub fn trouble(place: &str, error: &ureq::Error) -> Option<String> {
    let fault = match error {
        ureq::Error::Rustls(fault) => fault,
        ureq::Error::Io(error) => words::fault(error)?,
        _ => return None,
    };
    Some(match fault {
        rustls::Error::InvalidCertificate(wrong) => {
            let what = words::of_certificate(wrong, host_of(place));
            format!("the process at {place} is not trusted: its certificate {what} (--ca, or [tls] in cluster.toml)")
        }
        rustls::Error::AlertReceived(alert) => {
            let why = words::of_alert(*alert);
            format!(
                "the process at {place} asks for a certificate ({why}): show one that its `ca` signed, with --certificate \
                 and --key"
            )
        }
        rustls::Error::InvalidMessage(_) => {
            format!("what answers at {place} speaks no TLS: ask with --at http://{place} if that is meant")
        }
        other => format!("there is no TLS with the process at {place}: {other}"),
    })
}
