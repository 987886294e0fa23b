//! Hears who calls, and leads each to where it belongs: control links, data links, or out.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, spawn_blocking};

use super::gather;
use super::links::Place;
use super::shared::Shared;
use crate::cluster::handshake::{self, Answer, Claim, Knock, Purpose, Refusal, Stranger};
use crate::cluster::socket::tune;

/// Callers that are heard at the same time; the rest wait, or are no Vigie.
const MOST_HEARD: usize = 64;

/// The pause after the machine gave no socket.
const PAUSE: Duration = Duration::from_millis(100);

/// Hears callers until it is told to stop.
pub(super) fn open(shared: &Arc<Shared>, listener: TcpListener) -> io::Result<AbortHandle> {
    let _context = shared.runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener)?;
    Ok(shared.runtime.spawn(stand(shared.clone(), listener)).abort_handle())
}

async fn stand(shared: Arc<Shared>, listener: tokio::net::TcpListener) {
    let heard = Arc::new(Semaphore::new(MOST_HEARD));
    loop {
        let Ok(permit) = heard.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, from)) => {
                let shared = shared.clone();
                spawn_blocking(move || {
                    // Whatever breaks here is the caller's to try again.
                    let _ = stream.into_std().and_then(|stream| greet(&shared, stream, from));
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Hears one caller. Some never say a word; the handshake has its own patience.
fn greet(shared: &Arc<Shared>, mut stream: TcpStream, from: SocketAddr) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    tune(&stream, shared.dead_after)?;
    let knock = match handshake::hear_knock(&mut stream, &shared.cluster.token, shared.me()) {
        Ok(knock) => knock,
        Err(Stranger::Token(process, words)) => {
            shared.troubles.tell(process as usize, format!("a caller from {from} was sent away: {words}"));
            return Ok(());
        }
        Err(Stranger::Other) => return Ok(()),
    };
    if let Some(words) = objection(shared, &knock.claim) {
        return refuse(shared, stream, from, &knock, words);
    }
    match knock.claim.purpose {
        Purpose::Data => gather::admit(shared, stream, &knock),
        _ => admit(shared, stream, from, &knock),
    }
}

/// Why a caller can't be one of this cluster's, if it can't.
fn objection(shared: &Shared, claim: &Claim) -> Option<String> {
    if claim.purpose == Purpose::Run {
        let me = shared.cluster.peer(shared.me());
        return Some(format!(
            "a `vigie worker` stands at {me}: give it the job with `vigie submit`, or run it on other addresses"
        ));
    }
    Claim::disagreement(claim, &shared.claim(shared.me(), Purpose::Control, 0))
}

fn refuse(shared: &Shared, mut stream: TcpStream, from: SocketAddr, knock: &Knock, words: String) -> io::Result<()> {
    let answer = Answer::Refused(Refusal::Mistake(words.clone()));
    shared.troubles.tell(knock.claim.process as usize, format!("a caller from {from} was sent away: {words}"));
    handshake::answer(&mut stream, &answer)
}

/// Lets a higher process in, if it is not here already.
fn admit(shared: &Arc<Shared>, mut stream: TcpStream, from: SocketAddr, knock: &Knock) -> io::Result<()> {
    let peer = knock.claim.process as usize;
    match Place::take(shared, peer, from.ip()) {
        Ok(place) => {
            let mine = shared.claim(shared.me(), Purpose::Control, 0);
            handshake::welcome(&mut stream, &shared.cluster.token, knock, mine)?;
            place.open(stream).map(drop)
        }
        // The same process, whose old link has not been seen to end.
        Err(here) if here == from.ip() => handshake::answer(&mut stream, &Answer::Later),
        Err(here) => refuse(shared, stream, from, knock, twice(peer, here)),
    }
}

fn twice(peer: usize, here: IpAddr) -> String {
    format!("process {peer} is already here from {here}: give each process its own -p")
}
