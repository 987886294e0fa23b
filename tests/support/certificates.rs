//! A CA for one test, and what it signs.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

/// A CA whose certificate lies in `ca.pem` of its folder.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    /// A new one, in a folder that it makes.
    pub fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate().expect("a key"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        fs::write(folder.join("ca.pem"), certificate.pem()).expect("a file");
        Self { issuer: Issuer::new(params, key), folder: folder.to_owned() }
    }

    /// A certificate for those names, in `NAME.pem`, and its key, in `NAME.key`.
    pub fn sign(&self, name: &str, hosts: &[&str]) {
        self.sign_until(name, hosts, 2100);
    }

    /// The same; it expires when that year begins.
    pub fn sign_until(&self, name: &str, hosts: &[&str], year: i32) {
        let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
        let (mut params, key) = (CertificateParams::new(hosts).expect("names"), KeyPair::generate().expect("a key"));
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        fs::write(self.file(&format!("{name}.pem")), certificate.pem()).expect("a file");
        fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).expect("a file");
    }

    /// A file of its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
