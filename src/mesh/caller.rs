//! Calls a lower process, for ever: whenever there is no control link to it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};

use super::links::Place;
use super::shared::Shared;
use crate::cluster::handshake::{Purpose, Refusal};
use crate::cluster::knock::{self, Called};

/// The pause after a call, which doubles with each that leads to nothing.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Calls `peer`, and again when the link has ended.
pub(super) async fn call(shared: Arc<Shared>, peer: usize) {
    let mut pause = PAUSE;
    loop {
        let calling = shared.clone();
        let link = spawn_blocking(move || knock(&calling, peer)).await;
        match link {
            Ok(Ok(Some(link))) => {
                let _ = link.await;
                pause = PAUSE;
            }
            Ok(Err(error)) => shared.troubles.keep(peer, error.to_string()),
            Ok(Ok(None)) | Err(_) => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One call; the link, if it led to one.
fn knock(shared: &Arc<Shared>, peer: usize) -> io::Result<Option<JoinHandle<()>>> {
    let claim = shared.claim(peer, Purpose::Control, 0);
    match knock::call(&shared.cluster, &claim, shared.dead_after)? {
        Called::In(wire, theirs) if theirs.process as usize == peer => {
            // The place is free, or just about to be.
            let Ok(place) = Place::take(shared, peer, wire.peer_addr()?.ip()) else { return Ok(None) };
            place.open(wire).map(Some)
        }
        Called::Refused(Refusal::Mistake(words) | Refusal::Missing(words)) => {
            shared.troubles.tell(peer, words);
            Ok(None)
        }
        Called::In(..) | Called::Later => Ok(None),
    }
}
