//! What is wrong with a certificate, or with TLS, for people.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Why TLS failed, if it did and not the connection.
pub fn fault(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// What is wrong with a certificate, as in "the certificate …"; `host` is whose it should be.
pub fn of_certificate(error: &CertificateError, host: &str) -> String {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => "is not signed by `ca`".into(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("does not name {host}: its subjectAltName has to")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired: make a new one".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet: is the clock of one machine wrong?".into()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not for this use: its extendedKeyUsage has to hold serverAuth and clientAuth, or be left out".into()
        }
        other => format!("can't be verified ({other})"),
    }
}

/// Why the other side hung up, as it says.
pub fn of_alert(alert: AlertDescription) -> String {
    match alert {
        // The second where two CAs have the same name.
        AlertDescription::UnknownCA | AlertDescription::DecryptError => "it is not signed by the `ca` there".into(),
        AlertDescription::CertificateExpired => "it has expired".into(),
        AlertDescription::CertificateRequired => "it wants one".into(),
        AlertDescription::UnsupportedCertificate => "it is not for clients, as its extendedKeyUsage says".into(),
        other => format!("it says {other:?}"),
    }
}

/// The caller's: why there is no TLS with the process that it called; `who` is that one, `host` where it should be.
pub(in crate::cluster) fn of_callee(error: &Error, who: &str, host: &str) -> String {
    match error {
        Error::InvalidCertificate(wrong) => {
            let what = of_certificate(wrong, host);
            format!("{who} is not trusted: its certificate {what}; look at [tls] in cluster.toml on both sides")
        }
        Error::AlertReceived(alert) => {
            let why = of_alert(*alert);
            format!(
                "{who} does not take the certificate of this process ({why}): look at [tls] in cluster.toml on both sides"
            )
        }
        Error::InvalidMessage(_) => format!("{who} speaks no TLS: give both the same [tls] in cluster.toml"),
        other => format!("there is no TLS with {who}: {other}"),
    }
}

/// The callee's: why it sent a caller away.
pub(in crate::cluster) fn of_caller(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(wrong) => {
            format!("its certificate {}; look at [tls] in cluster.toml on both sides", of_certificate(wrong, "it"))
        }
        Error::AlertReceived(alert) => {
            let why = of_alert(*alert);
            format!(
                "it does not take the certificate of this process ({why}): look at [tls] in cluster.toml on both sides"
            )
        }
        Error::NoCertificatesPresented => "it shows no certificate, and each process needs one".into(),
        other => format!("there is no TLS with it: {other}"),
    }
}
