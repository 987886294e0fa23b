//! TLS between the processes of a cluster, and for its HTTP: `[tls]` of `cluster.toml`.
//!
//! Each process has a certificate that one CA signed. Between processes both sides show theirs: the caller sees that it has
//! reached the host that it called, the callee that the caller is one of the cluster's. The token is asked for nevertheless,
//! inside.
//!
//! # Layout
//!
//! * [`files`]: certificates and keys, read and checked.
//! * `session`: what is encrypted on one connection.
//! * [`words`]: what is wrong with a certificate, for people.

use std::fmt;
use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mistake::Mistake;

#[cfg(test)]
#[path = "../../../tests/support/certificates.rs"]
pub(crate) mod certificates;
pub mod files;
pub(super) mod session;
#[cfg(test)]
mod tests;
pub mod words;

use files::Identity;

/// How long both sides may take to show their certificates.
const TIME: Duration = Duration::from_secs(5);

/// How long who hangs up listens on, so that its last words are not lost.
const FAREWELL: Duration = Duration::from_millis(500);

/// What the mesh speaks inside of TLS: an HTTPS server that is taken for a process says no.
const MESH: &[u8] = b"vigie";

/// What each TLS client says first: the type of a handshake record.
pub(crate) const HELLO: u8 = 0x16;

/// TLS with certificates that one CA signed, between the processes and for HTTP.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsTable {
    /// The certificate (PEM) of the CA that signed those of all processes; several may stand in the file. A relative path
    /// starts from this file's folder.
    pub ca: PathBuf,
    /// The certificate (PEM) of a process, followed by those between it and the CA. `{process}` stands for its index. Its
    /// names have to hold the host of the process in `processes`, and in `http`.
    pub certificate: String,
    /// The private key (PEM, without a passphrase) of that certificate. `{process}` stands for the index.
    pub key: String,
    /// What HTTP does: `server`, if it is left out: it is HTTPS; `clients`: and callers have to show a certificate that the
    /// CA signed; `off`: it is plain HTTP.
    #[serde(default)]
    pub http: HttpTls,
}

/// What HTTP does with TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HttpTls {
    /// HTTPS.
    #[default]
    Server,
    /// HTTPS, and callers have to show a certificate.
    Clients,
    /// Plain HTTP.
    Off,
}

/// What a process needs to speak TLS with the others. Clones are the same.
#[derive(Clone)]
pub struct Tls {
    caller: Arc<ClientConfig>,
    callee: Arc<ServerConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// With the files that the table names, which start from the folder `beside`; `address` is where this process listens.
    ///
    /// # Errors
    /// What is wrong with the files, in words.
    pub(super) fn load(table: &TlsTable, beside: &Path, process: usize, address: &str) -> Result<Self, Mistake> {
        let identity = Identity::load(table, beside, process)?;
        identity.check(address)?;
        Self::new(&identity)
    }

    /// With this identity.
    ///
    /// # Errors
    /// The key does not belong to the certificate.
    pub fn new(identity: &Identity) -> Result<Self, Mistake> {
        let mut caller = identity.caller()?;
        caller.alpn_protocols = vec![MESH.to_vec()];
        caller.resumption = Resumption::disabled();
        let mut callee = identity.callee(true)?;
        callee.alpn_protocols = vec![MESH.to_vec()];
        callee.send_tls13_tickets = 0;
        Ok(Self { caller: caller.into(), callee: callee.into() })
    }

    /// The caller's side; `host` is whom it means to have reached.
    ///
    /// # Errors
    /// The connection broke, or one side does not trust the other: [`words::fault`] knows.
    pub(super) fn call(&self, tcp: &TcpStream, host: &str) -> io::Result<Connection> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(self.caller.clone(), name).map_err(session::broken)?;
        shake(tcp, connection.into())
    }

    /// The callee's side.
    ///
    /// # Errors
    /// As for [`Tls::call`].
    pub(super) fn answer(&self, tcp: &TcpStream) -> io::Result<Connection> {
        let connection = ServerConnection::new(self.callee.clone()).map_err(session::broken)?;
        shake(tcp, connection.into())
    }
}

/// Waits for what a caller says first; whether it speaks TLS.
///
/// # Errors
/// It says nothing.
pub(super) fn is_spoken(tcp: &TcpStream) -> io::Result<bool> {
    tcp.set_read_timeout(Some(TIME))?;
    let mut first = [0];
    match tcp.peek(&mut first)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(first[0] == HELLO),
    }
}

/// Shows and sees certificates.
fn shake(tcp: &TcpStream, mut connection: Connection) -> io::Result<Connection> {
    let until = Instant::now() + TIME;
    while connection.is_handshaking() {
        if let Err(error) = turn(tcp, &mut connection, until) {
            // Why it hangs up, for the other side.
            if send(tcp, &mut connection).is_ok() {
                part(tcp);
            }
            return Err(error);
        }
    }
    send(tcp, &mut connection).map(|()| connection)
}

/// Says what there is to say, and hears what comes.
fn turn(tcp: &TcpStream, connection: &mut Connection, until: Instant) -> io::Result<()> {
    send(tcp, connection)?;
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer"));
    }
    tcp.set_read_timeout(Some(left))?;
    match connection.read_tls(&mut &*tcp) {
        Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed: does it speak TLS?")),
        Ok(_) => connection.process_new_packets().map(drop).map_err(session::broken),
        Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => Ok(()),
        Err(error) => Err(error),
    }
}

fn send(tcp: &TcpStream, connection: &mut Connection) -> io::Result<()> {
    while connection.wants_write() {
        connection.write_tls(&mut &*tcp)?;
    }
    Ok(())
}

/// Hangs up. What was still coming would otherwise make the system take back what was said last.
pub(super) fn part(tcp: &TcpStream) {
    let until = Instant::now() + FAREWELL;
    let mut rest = [0; 1024];
    let _ = tcp.shutdown(Shutdown::Write).and_then(|()| tcp.set_read_timeout(Some(FAREWELL)));
    while Instant::now() < until && (&*tcp).read(&mut rest).is_ok_and(|read| read > 0) {}
}
