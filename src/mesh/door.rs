//! Hears who calls, and leads each to where it belongs: control links, data links, or out.

use std::io;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, spawn_blocking};

use super::gather;
use super::links::Place;
use super::shared::Shared;
use crate::cluster::handshake::{self, Answer, Claim, Knock, Purpose, Refusal, Stranger};
use crate::cluster::{Wire, knock};

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
                    let _ = stream.into_std().and_then(|stream| greet(&shared, stream, from.ip()));
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Hears one caller. Some never say a word; the handshake has its own patience.
fn greet(shared: &Arc<Shared>, stream: TcpStream, from: IpAddr) -> io::Result<()> {
    let (wire, knock) = match knock::hear(&shared.cluster, stream, shared.dead_after) {
        Ok(heard) => heard,
        Err(stranger) => {
            sent_away(shared, from, stranger);
            return Ok(());
        }
    };
    if let Some(words) = objection(shared, &knock.claim) {
        return refuse(shared, wire, from, &knock, words);
    }
    match knock.claim.purpose {
        Purpose::Data => gather::admit(shared, wire, &knock),
        _ => admit(shared, wire, from, &knock),
    }
}

/// Says why nobody was let in, where that is worth a word.
fn sent_away(shared: &Shared, from: IpAddr, stranger: Stranger) {
    let (process, words) = match stranger {
        Stranger::SentAway(process, words) => (process as usize, words),
        Stranger::Distrusted(words) => (usize::MAX, words),
        Stranger::Other => return,
    };
    shared.troubles.tell(process, format!("a caller from {from} was sent away: {words}"));
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

fn refuse(shared: &Shared, mut wire: Wire, from: IpAddr, knock: &Knock, words: String) -> io::Result<()> {
    let answer = Answer::Refused(Refusal::Mistake(words.clone()));
    shared.troubles.tell(knock.claim.process as usize, format!("a caller from {from} was sent away: {words}"));
    handshake::answer(&mut wire, &answer)
}

/// Lets a higher process in, if it is not here already.
fn admit(shared: &Arc<Shared>, mut wire: Wire, from: IpAddr, knock: &Knock) -> io::Result<()> {
    let peer = knock.claim.process as usize;
    match Place::take(shared, peer, from) {
        Ok(place) => {
            let mine = shared.claim(shared.me(), Purpose::Control, 0);
            handshake::welcome(&mut wire, &shared.cluster.token, knock, mine)?;
            place.open(wire).map(drop)
        }
        // The same process, whose old link has not been seen to end.
        Err(here) if here == from => handshake::answer(&mut wire, &Answer::Later),
        Err(here) => refuse(shared, wire, from, knock, twice(peer, here)),
    }
}

fn twice(peer: usize, here: IpAddr) -> String {
    format!("process {peer} is already here from {here}: give each process its own -p")
}
