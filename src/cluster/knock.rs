//! Both ends of a call: a connection, TLS where the cluster has it, and the handshake inside.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::Cluster;
use super::config::host_of;
use super::handshake::{self, Answer, Claim, Knock, Refusal, Stranger};
use super::socket::{dial, tune};
use super::tls::{self, words};
use super::wire::Wire;

/// What came of a call.
pub(crate) enum Called {
    /// This process is let in; what the other one says of itself.
    In(Wire, Claim),
    /// Not now: call again.
    Later,
    /// Never, or one side does not trust the other.
    Refused(Refusal),
}

/// Calls the process that the claim is for.
///
/// # Errors
/// The connection broke, took too long, or leads to something that is no Vigie.
pub(crate) fn call(cluster: &Cluster, claim: &Claim, user_timeout: Duration) -> io::Result<Called> {
    let peer = cluster.peer(claim.to as usize);
    let host = host_of(&peer.address);
    let answered = dial(&peer.address, user_timeout).and_then(|tcp| {
        let mut wire = secured(cluster, tcp, host)?;
        handshake::call(&mut wire, &cluster.token, claim).map(|answer| (wire, answer))
    });
    match answered {
        Ok((wire, Answer::Welcome(theirs))) => Ok(Called::In(wire, theirs)),
        Ok((_, Answer::Later | Answer::Go)) => Ok(Called::Later),
        Ok((_, Answer::Refused(refusal))) => Ok(Called::Refused(refusal)),
        Err(error) => match words::fault(&error) {
            Some(fault) => Ok(Called::Refused(Refusal::Mistake(words::of_callee(fault, &peer.to_string(), host)))),
            None => Err(error),
        },
    }
}

fn secured(cluster: &Cluster, tcp: TcpStream, host: &str) -> io::Result<Wire> {
    match &cluster.tls {
        Some(tls) => tls.call(&tcp, host).map(|connection| Wire::secure(tcp, connection)),
        None => Ok(tcp.into()),
    }
}

/// Hears one caller. Some never say a word; there is an end to the patience with them.
///
/// # Errors
/// Why it was sent away.
pub(crate) fn hear(cluster: &Cluster, tcp: TcpStream, user_timeout: Duration) -> Result<(Wire, Knock), Stranger> {
    tcp.set_nonblocking(false)?;
    tune(&tcp, user_timeout)?;
    let mut wire = match (&cluster.tls, tls::is_spoken(&tcp)?) {
        (None, false) => Wire::from(tcp),
        (None, true) => return Err(too_secret(&tcp)),
        (Some(_), false) => return Err(too_plain(cluster, tcp)),
        (Some(tls), true) => {
            let connection = tls.answer(&tcp).map_err(|error| match words::fault(&error) {
                Some(fault) => Stranger::Distrusted(words::of_caller(fault)),
                None => Stranger::Other,
            })?;
            Wire::secure(tcp, connection)
        }
    };
    let knock = handshake::hear_knock(&mut wire, &cluster.token, cluster.process)?;
    Ok((wire, knock))
}

/// Tells a process that calls without TLS that it has to have it.
fn too_plain(cluster: &Cluster, tcp: TcpStream) -> Stranger {
    let (mut wire, me) = (Wire::from(tcp), cluster.process);
    match handshake::hear_knock(&mut wire, &cluster.token, me) {
        Ok(knock) => {
            let caller = knock.claim.process;
            let words = format!(
                "process {caller} calls without TLS, and process {me} has it: give both the same [tls] in cluster.toml"
            );
            let _ = handshake::answer(&mut wire, &Answer::Refused(Refusal::Mistake(words.clone())));
            Stranger::SentAway(caller, words)
        }
        Err(stranger) => stranger,
    }
}

/// Tells a process that calls with TLS that there is none here: what it hears is none.
fn too_secret(mut tcp: &TcpStream) -> Stranger {
    if tcp.write_all(&handshake::MAGIC).is_ok() {
        tls::part(tcp);
    }
    Stranger::Distrusted("it speaks TLS, and this process does not: give both the same [tls] in cluster.toml".into())
}
