//! The data links of a generation: from each member to each, all of them soon, or none.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::drive::Input;
use super::message::GenerationId;
use super::shared::Shared;
use crate::cluster::handshake::{self, Answer, Knock, Purpose, Refusal};
use crate::cluster::knock::{self, Called};
use crate::cluster::{Meeting, Peer, Wire};

/// How long all members may take to connect.
const PATIENCE: Duration = Duration::from_secs(2);

/// The pause between calls: the other may hear a moment later that the generation begins.
const PAUSE: Duration = Duration::from_millis(10);

/// Where the door brings data links.
pub(super) struct Gatherer {
    id: GenerationId,
    members: Vec<usize>,
    arrivals: Sender<Arrival>,
}

/// What comes while members connect.
enum Arrival {
    /// A link.
    Link(usize, Wire),
    /// Another member will not have it.
    Refused(String),
    /// A call led to nothing yet.
    NotYet(usize, String),
}

/// Whoever holds it waits for the links. Dropped, nobody does.
pub(super) struct Gathering(Arc<AtomicBool>);

impl Drop for Gathering {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Starts to connect the members; the outcome is [`Input::Gathered`].
pub(super) fn gather(shared: &Arc<Shared>, id: GenerationId, members: &[usize]) -> Gathering {
    let over = Arc::new(AtomicBool::new(false));
    let (arrivals, coming) = channel();
    *shared.gatherer() = Some(Gatherer { id, members: members.to_vec(), arrivals: arrivals.clone() });
    let (here, members, ended) = (shared.clone(), members.to_vec(), over.clone());
    let connect = move || {
        let attempt = Attempt { shared: &here, id, members: &members, over: &ended };
        attempt.call_lower(&arrivals);
        drop(arrivals);
        let met = attempt.collect(&coming);
        ended.store(true, Ordering::Release);
        here.tell(Input::Gathered(id, met));
    };
    if let Err(error) = thread::Builder::new().name("vigie:gather".into()).spawn(connect) {
        shared.tell(Input::Gathered(id, Err(format!("this machine gives no thread: {error}"))));
    }
    Gathering(over)
}

/// The door: a higher member calls for a data link.
pub(super) fn admit(shared: &Shared, mut stream: Wire, knock: &Knock) -> io::Result<()> {
    let peer = knock.claim.process as usize;
    let wanted = shared
        .gatherer()
        .as_ref()
        .filter(|gatherer| gatherer.id.key() == knock.claim.generation && gatherer.members.contains(&peer))
        .map(|gatherer| gatherer.arrivals.clone());
    let Some(arrivals) = wanted else {
        return handshake::answer(&mut stream, &Answer::Later);
    };
    let mine = shared.claim(shared.me(), Purpose::Data, knock.claim.generation);
    handshake::welcome(&mut stream, &shared.cluster.token, knock, mine)?;
    let _ = arrivals.send(Arrival::Link(peer, stream));
    Ok(())
}

struct Attempt<'a> {
    shared: &'a Arc<Shared>,
    id: GenerationId,
    members: &'a [usize],
    over: &'a Arc<AtomicBool>,
}

impl Attempt<'_> {
    /// Calls each lower member on a thread of its own.
    fn call_lower(&self, arrivals: &Sender<Arrival>) {
        for peer in self.members.iter().copied().filter(|peer| *peer < self.shared.me()) {
            let (shared, over, arrivals) = (self.shared.clone(), self.over.clone(), arrivals.clone());
            let id = self.id;
            let call = move || call(&shared, id, peer, &over, &arrivals);
            if let Err(error) = thread::Builder::new().name("vigie:call".into()).spawn(call) {
                tracing::warn!("this machine gives no thread: {error}");
            }
        }
    }

    /// Waits for a link to each other member.
    fn collect(&self, coming: &Receiver<Arrival>) -> Result<Meeting, String> {
        let until = Instant::now() + PATIENCE;
        let mut links: Vec<Option<(Peer, Wire)>> = self.members.iter().map(|_| None).collect();
        let mut trouble = String::new();
        while let Some(missing) = self.missing(&links) {
            let left = until.saturating_duration_since(Instant::now());
            match coming.recv_timeout(left) {
                Ok(Arrival::Link(peer, stream)) => self.place(&mut links, peer, stream)?,
                Ok(Arrival::NotYet(peer, why)) if peer == missing => trouble = format!("; the last try said: {why}"),
                Ok(Arrival::NotYet(..)) => {}
                Ok(Arrival::Refused(why)) => return Err(why),
                // Links from higher members come by the door, even when all calls have ended.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let (peer, seconds) = (self.shared.cluster.peer(missing), PATIENCE.as_secs());
                    return Err(format!("there was no data link with {peer} within {seconds} s{trouble}"));
                }
            }
        }
        Ok(Meeting::new(self.id.number, self.rank(), self.shared.cluster.threads, links))
    }

    /// This process's place among the members.
    fn rank(&self) -> usize {
        self.members.iter().position(|member| *member == self.shared.me()).unwrap_or_default()
    }

    fn missing(&self, links: &[Option<(Peer, Wire)>]) -> Option<usize> {
        let pairs = self.members.iter().zip(links);
        let mut missing = pairs.filter(|(member, link)| **member != self.shared.me() && link.is_none());
        missing.next().map(|(member, _)| *member)
    }

    fn place(&self, links: &mut [Option<(Peer, Wire)>], peer: usize, stream: Wire) -> Result<(), String> {
        // Timely reads until something comes.
        stream.set_read_timeout(None).map_err(|error| error.to_string())?;
        if let Some(rank) = self.members.iter().position(|member| *member == peer) {
            links[rank] = Some((self.shared.cluster.peer(peer), stream));
        }
        Ok(())
    }
}

/// Calls one member until it lets this one in, or nobody waits for it any more.
fn call(shared: &Shared, id: GenerationId, peer: usize, over: &AtomicBool, arrivals: &Sender<Arrival>) {
    let claim = shared.claim(peer, Purpose::Data, id.key());
    while !over.load(Ordering::Acquire) {
        let (arrival, last) = match knock::call(&shared.cluster, &claim, shared.dead_after) {
            Ok(Called::In(wire, theirs)) if theirs.generation == id.key() => (Arrival::Link(peer, wire), true),
            Ok(Called::Refused(Refusal::Mistake(words) | Refusal::Missing(words))) => (Arrival::Refused(words), true),
            Ok(Called::In(..) | Called::Later) => {
                (Arrival::NotYet(peer, "it has not begun the generation".into()), false)
            }
            Err(error) => (Arrival::NotYet(peer, error.to_string()), false),
        };
        if arrivals.send(arrival).is_err() || last {
            return;
        }
        thread::sleep(PAUSE);
    }
}
