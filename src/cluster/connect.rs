//! Everyone to everyone, within a time, and all begin or nobody does.
//!
//! A process calls those of a lower index and hears those of a higher one. Process 0 is called first: it
//! mints the generation, a number that grows, and everyone else takes it over. Whoever has all its
//! links tells process 0 that it is ready; when all are, process 0 says go.
//!
//! While they gather, a process that is gone, or of another generation, makes the others let go of
//! everything and meet anew, so that nobody waits on a link to the dead. Only the time runs on.

use std::net::{Shutdown, SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tracing::warn;

use super::config::{Cluster, Peer};
use super::guard::GRACE;
use super::handshake::{self, Answer, Claim, Knock, Purpose, Refusal, Stranger};
use super::knock::{self, Called};
use super::socket::{USER_TIMEOUT, listen};
use super::wait::Wait;
use super::wire::Wire;
use super::{Lost, PATIENCE};
use crate::mistake::Mistake;

/// How often the door is looked at while processes gather.
const GLANCE: Duration = Duration::from_millis(10);

/// How long those are waited for who are a moment late, to tell them why there is no cluster.
const SOON: Duration = Duration::from_secs(1);

/// Callers that are heard at the same time; the rest wait, or are no Vigie.
const MOST_HEARD: usize = 64;

/// This process's own address, listened on. It outlives generations.
#[derive(Debug)]
pub struct Door {
    cluster: Cluster,
    /// None where the process is alone: then nothing is opened.
    listener: Option<TcpListener>,
}

/// The other processes of a generation, each connected and sure that this one belongs to it.
#[derive(Debug)]
pub struct Meeting {
    /// Which generation it is; the same on each process. 0 for a process alone.
    pub generation: u64,
    pub(super) process: usize,
    pub(super) threads: usize,
    /// How long links stay open after a loss, for everyone to see for themselves who it was.
    pub(super) grace: Duration,
    /// By index; none at this process's own.
    pub(super) links: Vec<Option<(Peer, Wire)>>,
}

impl Meeting {
    /// A meeting of processes that others brought together. `process` counts those who meet, and so do `links`:
    /// one for each, none at its own place. A link blocks, and has no time limit. They know by other links who is lost.
    pub fn new(generation: u64, process: usize, threads: usize, links: Vec<Option<(Peer, Wire)>>) -> Meeting {
        Meeting { generation, process, threads, grace: Duration::ZERO, links }
    }
}

impl Door {
    /// Listens on this process's own address. A process alone opens nothing.
    pub fn open(cluster: &Cluster) -> Result<Door, Mistake> {
        if cluster.is_open_to_all() {
            warn!("the cluster has no token: whoever reaches its ports can join it; set VIGIE_TOKEN on each process");
        }
        let listener = (cluster.processes() > 1).then(|| listen(&cluster.peer(cluster.process))).transpose()?;
        Ok(Door { cluster: cluster.clone(), listener })
    }

    /// Meets the other processes. `config_hash` stands for what must be the same on each.
    ///
    /// # Errors
    /// [`Lost::Mistake`] where they can't become one cluster, [`Lost::Missing`] where one does not come
    /// within `patience` ([`PATIENCE`], unless a test is in a hurry).
    pub fn meet(&self, config_hash: blake3::Hash, patience: Duration) -> Result<Meeting, Lost> {
        let Some(listener) = &self.listener else {
            let (process, threads) = (self.cluster.process, self.cluster.threads);
            return Ok(Meeting { generation: 0, process, threads, grace: GRACE, links: vec![None] });
        };
        let mut wait = Wait::new(patience, self.cluster.processes());
        loop {
            let mut gathering = Gathering::new(&self.cluster, config_hash);
            match gathering.gather(listener, &mut wait) {
                Ok(()) => return Ok(gathering.finish()),
                Err(Broken::Again) => gathering.leave(),
                Err(Broken::Off(refusal)) => {
                    // What ends the start of process 0 ends everyone's; another process may come back.
                    if self.cluster.process == 0 {
                        gathering.report(&refusal);
                        gathering.linger(listener, &refusal);
                    }
                    gathering.leave();
                    return Err(refusal.into());
                }
            }
        }
    }
}

/// What happens while processes gather.
enum Event {
    /// Somebody knows the token, and waits for an answer.
    Knock(Wire, SocketAddr, Knock),
    /// Somebody was sent away, who called itself this process if it came to that.
    SentAway(Option<usize>, String),
    /// A lower process let this one in.
    LetIn(usize, Wire, u64),
    /// A lower process does not answer yet.
    NotYet(usize, String),
    /// A lower process says that this one must not start.
    Refused(Refusal),
    /// A higher process has all its links. (Process 0 hears this.)
    Ready(usize),
    /// All are ready. (Process 0 says this.)
    Go,
    /// A process that was here is gone.
    Left,
}

/// Why processes that gather must stop.
enum Broken {
    /// Somebody is gone, or of a newer generation: meet anew.
    Again,
    /// There will be no cluster.
    Off(Refusal),
}

/// One try to meet: all of its links, or none.
struct Gathering<'a> {
    cluster: &'a Cluster,
    config: blake3::Hash,
    /// 0 until process 0 has told it.
    generation: u64,
    links: Vec<Option<Wire>>,
    /// On process 0: who has all its links. This process itself always is.
    ready: Vec<bool>,
    told: bool,
    go: bool,
    events: Receiver<Event>,
    sender: Sender<Event>,
    /// Callers being heard hold a copy.
    heard: Arc<()>,
}

impl<'a> Gathering<'a> {
    fn new(cluster: &'a Cluster, config: blake3::Hash) -> Self {
        let (sender, events) = channel();
        let none = || (0..cluster.processes()).map(|_| None).collect();
        let generation = if cluster.process == 0 { mint() } else { 0 };
        let ready = (0..cluster.processes()).map(|index| index == cluster.process).collect();
        let (told, go, heard) = (false, false, Arc::new(()));
        Self { cluster, config, generation, links: none(), ready, told, go, events, sender, heard }
    }

    fn me(&self) -> usize {
        self.cluster.process
    }

    /// What this process says of itself to process `to`.
    fn claim(&self, to: usize) -> Claim {
        Claim::of(self.cluster, self.config, to, Purpose::Run, self.generation)
    }

    fn gather(&mut self, listener: &TcpListener, wait: &mut Wait) -> Result<(), Broken> {
        if self.me() > 0 {
            self.call(0..1);
        }
        while !self.go {
            wait.check(|| self.missing()).map_err(Broken::Off)?;
            self.hear_callers(listener);
            if let Ok(event) = self.events.recv_timeout(GLANCE) {
                self.take(event, wait)?;
            }
            self.tell()?;
        }
        Ok(())
    }

    fn missing(&self) -> Vec<Peer> {
        let gone = |index: &usize| *index != self.me() && self.links[*index].is_none();
        (0..self.links.len()).filter(gone).map(|index| self.cluster.peer(index)).collect()
    }

    fn take(&mut self, event: Event, wait: &mut Wait) -> Result<(), Broken> {
        match event {
            Event::Knock(stream, from, knock) => return self.admit(stream, from, &knock),
            Event::LetIn(peer, stream, generation) => {
                self.links[peer] = Some(stream);
                if peer == 0 {
                    self.generation = generation;
                    self.listen_to(0)?;
                    self.call(1..self.me());
                }
            }
            Event::SentAway(peer, words) => {
                warn!("a caller was sent away: {words}");
                if let Some(trouble) = peer.and_then(|peer| wait.trouble.get_mut(peer)) {
                    *trouble = Some(words);
                }
            }
            Event::NotYet(peer, why) => wait.trouble[peer] = Some(why),
            Event::Refused(refusal) => return Err(Broken::Off(refusal)),
            Event::Ready(peer) => self.ready[peer] = true,
            Event::Go => self.go = true,
            Event::Left => return Err(Broken::Again),
        }
        Ok(())
    }

    /// Answers a process of a higher index.
    fn admit(&mut self, mut stream: Wire, from: SocketAddr, knock: &Knock) -> Result<(), Broken> {
        let mine = self.claim(self.me());
        if self.generation == 0 {
            // Whatever it is that the caller says, process 0 is to hear of it too.
            let _ = handshake::answer(&mut stream, &Answer::Later);
            return Ok(());
        }
        if let Some(words) = Claim::disagreement(&knock.claim, &mine) {
            let refusal = Refusal::Mistake(words);
            let _ = handshake::answer(&mut stream, &Answer::Refused(refusal.clone()));
            if self.me() > 0 {
                self.report(&refusal);
            }
            return Err(Broken::Off(refusal));
        }
        let peer = knock.claim.process as usize;
        if self.me() > 0 && knock.claim.generation != self.generation {
            let _ = handshake::answer(&mut stream, &Answer::Later);
            // A newer generation means that process 0 began anew, and this link to it is a dead one's.
            return if knock.claim.generation > self.generation { Err(Broken::Again) } else { Ok(()) };
        }
        if let Some(here) = self.links[peer].as_ref().and_then(|stream| stream.peer_addr().ok()) {
            let words = format!("process {peer} is already here from {here}: give each process its own -p");
            warn!("a caller from {from} was sent away: {words}");
            let _ = handshake::answer(&mut stream, &Answer::Refused(Refusal::Mistake(words)));
            return Ok(());
        }
        if handshake::welcome(&mut stream, &self.cluster.token, knock, mine).is_ok() {
            self.links[peer] = Some(stream);
            if self.me() == 0 {
                self.listen_to(peer)?;
            }
        }
        Ok(())
    }

    /// Once all links are there: tells process 0, or, being process 0, once all are ready, tells everyone.
    fn tell(&mut self) -> Result<(), Broken> {
        if self.told || !self.missing().is_empty() {
            return Ok(());
        }
        let say = |stream: &mut Wire| handshake::answer(stream, &Answer::Go).map_err(|_| Broken::Again);
        match self.me() {
            0 if !self.ready.iter().all(|ready| *ready) => return Ok(()),
            0 => {
                self.links.iter_mut().flatten().try_for_each(say)?;
                self.go = true;
            }
            _ => self.links[..1].iter_mut().flatten().try_for_each(say)?,
        }
        self.told = true;
        Ok(())
    }

    /// Hears, on a thread, the one answer that process 0 and another exchange before they begin.
    fn listen_to(&self, peer: usize) -> Result<(), Broken> {
        let stream = self.links[peer].as_ref().and_then(|stream| stream.try_clone().ok());
        let (mut stream, sender) = (stream.ok_or(Broken::Again)?, self.sender.clone());
        let until = Instant::now() + 2 * PATIENCE;
        spawn("vigie:gather", move || {
            let event = match handshake::hear_answer(&mut stream, until) {
                Ok(Answer::Go) if peer == 0 => Event::Go,
                Ok(Answer::Go) => Event::Ready(peer),
                Ok(Answer::Refused(refusal)) => Event::Refused(refusal),
                _ => Event::Left,
            };
            let _ = sender.send(event);
        });
        Ok(())
    }

    /// Calls lower processes until they let this one in.
    fn call(&self, peers: Range<usize>) {
        for index in peers {
            let (cluster, claim, sender) = (self.cluster.clone(), self.claim(index), self.sender.clone());
            spawn("vigie:call", move || call(&cluster, &claim, &sender));
        }
    }

    /// Takes in whoever stands at the door; each is heard on a thread of its own, as some never say a word.
    fn hear_callers(&self, listener: &TcpListener) {
        while Arc::strong_count(&self.heard) <= MOST_HEARD
            && let Ok((stream, from)) = listener.accept()
        {
            let (sender, cluster) = (self.sender.clone(), self.cluster.clone());
            let heard = Arc::clone(&self.heard);
            spawn("vigie:door", move || {
                let _heard = heard;
                let _ = match knock::hear(&cluster, stream, USER_TIMEOUT) {
                    Ok((wire, knock)) => sender.send(Event::Knock(wire, from, knock)),
                    Err(Stranger::SentAway(index, words)) => sender.send(Event::SentAway(Some(index as usize), words)),
                    Err(Stranger::Distrusted(words)) => sender.send(Event::SentAway(None, words)),
                    Err(Stranger::Other) => Ok(()),
                };
            });
        }
    }

    /// Tells those who have to know why there will be no cluster: process 0, and it tells everyone.
    fn report(&mut self, refusal: &Refusal) {
        let to = if self.me() == 0 { self.links.len() } else { 1 };
        for stream in self.links[..to].iter_mut().flatten() {
            let _ = handshake::answer(stream, &Answer::Refused(refusal.clone()));
        }
    }

    /// Tells the reason to those too who are a moment late, or they would wait for this process in vain.
    fn linger(&mut self, listener: &TcpListener, refusal: &Refusal) {
        let (begun, mut late) = (Instant::now(), self.missing().len());
        while late > 0 && begun.elapsed() < SOON {
            self.hear_callers(listener);
            if let Ok(Event::Knock(mut stream, ..)) = self.events.recv_timeout(GLANCE) {
                let _ = handshake::answer(&mut stream, &Answer::Refused(refusal.clone()));
                late -= 1;
            }
        }
    }

    /// Lets go of everyone.
    fn leave(self) {
        for stream in self.links.into_iter().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn finish(self) -> Meeting {
        let cluster = self.cluster;
        let link = |(index, link): (usize, Option<Wire>)| {
            link.inspect(|stream| {
                // Timely reads until something comes.
                let _ = stream.set_read_timeout(None);
            })
            .map(|stream| (cluster.peer(index), stream))
        };
        let links = self.links.into_iter().enumerate().map(link).collect();
        let (generation, process, threads) = (self.generation, cluster.process, cluster.threads);
        Meeting { generation, process, threads, grace: GRACE, links }
    }
}

/// Calls one process until it answers for good, or nobody wants to know any more.
fn call(cluster: &Cluster, claim: &Claim, sender: &Sender<Event>) {
    let (mut pause, peer) = (Duration::from_millis(20), claim.to as usize);
    loop {
        let event = match knock::call(cluster, claim, USER_TIMEOUT) {
            Ok(Called::In(wire, theirs)) => Event::LetIn(peer, wire, theirs.generation),
            Ok(Called::Refused(refusal)) => Event::Refused(refusal),
            Ok(Called::Later) => Event::NotYet(peer, "not ready".into()),
            Err(error) => {
                pause = (pause * 2).min(Duration::from_millis(500));
                Event::NotYet(peer, error.to_string())
            }
        };
        let last = matches!(event, Event::LetIn(..) | Event::Refused(_));
        // An event that nobody takes: the gathering is over.
        if sender.send(event).is_err() || last {
            return;
        }
        thread::sleep(pause);
    }
}

/// A number that is greater than those of all generations before, as far as the clock goes on.
fn mint() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_micros() as u64)
}

/// Starts a thread that nobody waits for. Where the machine gives none, its event never comes, and the patience ends.
fn spawn(name: &str, body: impl FnOnce() + Send + 'static) {
    if let Err(error) = thread::Builder::new().name(name.into()).spawn(body) {
        warn!("no thread for {name}: {error}");
    }
}
