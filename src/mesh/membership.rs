//! Who works with whom: the protocol of generations, without clocks, threads or sockets.
//!
//! ```text
//!  leader                         member
//!    Propose(id, members)   ──▶     stops its workers, if it has any
//!                           ◀──   Promise(id, its list of jobs)
//!    (all have promised)
//!    Begin(id, newest list) ──▶     works
//! ```
//!
//! Whoever is the lowest process that sees a quorum leads, and each process takes a generation only from the lowest such
//! process that it sees itself. A member whose workers still run in an older generation promises nothing: so when any
//! process begins a generation, none of its members works in an older one. A process that loses a member of its
//! generation stops without being told: those whom it no longer sees may have gone on without it.

use std::time::Duration;

use bytes::Bytes;

use super::lead::Lead;
use super::message::{Beat, GenerationId, Message};
use super::peers::Peers;

/// What a process has to know before it can begin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The process's index.
    pub me: usize,
    /// How many processes there are in all.
    pub processes: usize,
    /// How many of them a generation needs.
    pub quorum: usize,
    /// How long a process may be silent.
    pub dead_after: Duration,
    /// How often it says that it is here.
    pub beat: Duration,
    /// How long newcomers are gathered, so that several come in together.
    pub gather: Duration,
    /// How long to wait before the third generation in a row that ends by itself; doubled for each more.
    pub pause: Duration,
    /// The greatest number of a generation that is known of from before.
    pub promised: u64,
}

/// More than half; of two processes, one is enough.
pub fn quorum(processes: usize, min_processes: Option<usize>) -> usize {
    let usual = if processes <= 2 { 1 } else { processes / 2 + 1 };
    min_processes.unwrap_or(usual)
}

/// What a process meets with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A control link is there.
    Up(usize),
    /// A control link was closed, and why.
    Down(usize, String),
    /// A message came. (From the process itself: its own promise, for [`Action::Promise`].)
    Heard(usize, Message),
    /// Time has gone by. Comes at least every [`Config::beat`].
    Tick,
    /// The workers have ended after [`Action::Stop`]. Comes exactly once for each.
    Stopped,
    /// The workers of a generation have ended by themselves, or it could not be connected.
    Ended(GenerationId, String),
}

/// What a process must do, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Send it.
    Send(usize, Message),
    /// Send [`Message::Promise`], with the list of jobs as it is now.
    Promise {
        /// To whom; to itself, it is heard at once.
        to: usize,
        /// What is promised.
        id: GenerationId,
    },
    /// Stop the workers, then say [`Event::Stopped`].
    Stop(String),
    /// Connect the members and start the workers.
    Begin {
        /// The generation.
        id: GenerationId,
        /// Its members, in order.
        members: Vec<usize>,
        /// The version of the list of jobs that all take over.
        version: u64,
        /// That list.
        roster: Bytes,
    },
    /// Close the control link, and say why.
    Close(usize, String),
}

/// What the workers of a process do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// There are none.
    Idle,
    /// There are none, and a generation is promised to begin when its leader says so.
    Promised {
        /// Which.
        id: GenerationId,
        /// Whose.
        leader: usize,
    },
    /// They work, or are just being started.
    Working {
        /// In which generation.
        id: GenerationId,
        /// Whose members are these.
        members: Vec<usize>,
        /// When it began.
        since: Duration,
    },
    /// They were told to stop.
    Stopping {
        /// When.
        since: Duration,
        /// What is promised, and to whom, once they have.
        promise: Option<(GenerationId, usize)>,
    },
}

/// One process's part in the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Membership {
    pub(super) config: Config,
    pub(super) now: Option<Duration>,
    pub(super) peers: Peers,
    pub(super) phase: Phase,
    pub(super) promised: GenerationId,
    pub(super) begun: GenerationId,
    pub(super) lead: Lead,
    sent: Option<(Duration, Beat)>,
    /// Empty between steps.
    pub(super) out: Vec<Action>,
}

impl Membership {
    /// A process that has just started, and sees nobody.
    pub fn new(config: Config) -> Self {
        let peers = Peers::new(config.me, config.processes);
        let promised = GenerationId { number: config.promised, leader: 0 };
        let (phase, begun, lead) = (Phase::Idle, GenerationId::default(), Lead::default());
        Self { config, now: None, peers, phase, promised, begun, lead, sent: None, out: Vec::new() }
    }

    /// Takes in what happened at the time `now`; what is to be done about it.
    pub fn step(&mut self, now: Duration, event: Event) -> Vec<Action> {
        self.wake(now);
        match event {
            Event::Tick => {}
            Event::Up(peer) => {
                self.lead.forget(peer);
                self.peers.up(peer, now);
            }
            Event::Down(peer, why) => self.lose(peer, &why),
            Event::Heard(peer, message) => self.hear(peer, message),
            Event::Stopped => self.stopped(),
            Event::Ended(id, _) => self.ended(id),
        }
        for peer in self.peers.silent(now, self.config.dead_after) {
            self.close(peer, &format!("it was silent for {:.1?}", self.config.dead_after));
        }
        self.lead();
        self.beat();
        std::mem::take(&mut self.out)
    }

    /// The next step says a beat, whether or not it is time.
    pub fn speak(&mut self) {
        self.sent = None;
    }

    /// What this process's workers do.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Who is present, this process too.
    pub fn present(&self) -> Vec<usize> {
        self.peers.present()
    }

    /// The greatest generation that was agreed to.
    pub fn promised(&self) -> GenerationId {
        self.promised
    }

    /// The process that a generation would be taken from: the lowest in sight that can make one.
    pub fn follows(&self) -> Option<usize> {
        let able = |peer: &usize| match *peer == self.me() {
            true => self.able(),
            false => self.peers.beat(*peer).is_some_and(|beat| beat.able),
        };
        (0..=self.me()).find(able)
    }

    pub(super) fn me(&self) -> usize {
        self.config.me
    }

    pub(super) fn now(&self) -> Duration {
        self.now.unwrap_or_default()
    }

    /// A process that stood still is behind: the others may have gone on without it, and what it hears is old.
    fn wake(&mut self, now: Duration) {
        let slept = self.now.map_or(Duration::ZERO, |last| now.saturating_sub(last));
        self.now = Some(now);
        if slept > self.config.dead_after {
            for peer in self.peers.others().collect::<Vec<_>>() {
                self.close(peer, &format!("this process stood still for {slept:.1?}"));
            }
        }
    }

    fn close(&mut self, peer: usize, why: &str) {
        self.lose(peer, why);
        self.out.push(Action::Close(peer, why.into()));
    }

    fn lose(&mut self, peer: usize, why: &str) {
        if !self.peers.down(peer) {
            return;
        }
        match &mut self.phase {
            Phase::Working { members, .. } if members.contains(&peer) => {
                self.lead.hurry(self.now.unwrap_or_default());
                self.stop(format!("process {peer} is gone: {why}"), None);
            }
            Phase::Promised { leader, .. } if *leader == peer => self.phase = Phase::Idle,
            Phase::Stopping { promise, .. } if promise.is_some_and(|(_, leader)| leader == peer) => *promise = None,
            _ => {}
        }
    }

    fn stop(&mut self, why: String, promise: Option<(GenerationId, usize)>) {
        self.phase = Phase::Stopping { since: self.now(), promise };
        self.out.push(Action::Stop(why));
    }

    fn hear(&mut self, peer: usize, message: Message) {
        if peer != self.me() && !self.peers.heard(peer, self.now()) {
            return;
        }
        match message {
            Message::Beat(beat) => self.peers.keep(peer, beat),
            Message::Propose { id, members, why } => self.proposed(peer, id, &members, why),
            Message::Promise { id, version, roster } => self.promise(peer, id, version, roster),
            Message::Refuse { id, promised } => self.refused(peer, id, promised),
            Message::Begin { id, members, version, roster } => self.begin(peer, id, members, version, roster),
        }
    }

    pub(super) fn proposed(&mut self, leader: usize, id: GenerationId, members: &[usize], why: String) {
        let good = id > self.promised && self.is_sound(leader, id, members) && self.follows() == Some(leader);
        if !good {
            let refuse = Message::Refuse { id, promised: self.promised };
            return self.out.push(Action::Send(leader, refuse));
        }
        self.promised = id;
        match &mut self.phase {
            Phase::Idle | Phase::Promised { .. } => {
                self.phase = Phase::Promised { id, leader };
                self.out.push(Action::Promise { to: leader, id });
            }
            Phase::Working { .. } => self.stop(why, Some((id, leader))),
            Phase::Stopping { promise, .. } => *promise = Some((id, leader)),
        }
    }

    /// Whether such a generation can be: its members are in order, of this cluster, enough, and hold this process.
    fn is_sound(&self, leader: usize, id: GenerationId, members: &[usize]) -> bool {
        let ordered = members.is_sorted_by(|one, other| one < other);
        let all_known = members.last().is_some_and(|last| *last < self.config.processes);
        let led = usize::from(id.leader) == leader && members.first() == Some(&leader);
        ordered && all_known && led && members.contains(&self.me()) && members.len() >= self.config.quorum
    }

    fn stopped(&mut self) {
        let Phase::Stopping { promise, .. } = self.phase else { return };
        self.phase = Phase::Idle;
        if let Some((id, leader)) = promise {
            self.phase = Phase::Promised { id, leader };
            self.out.push(Action::Promise { to: leader, id });
        }
    }

    fn ended(&mut self, ended: GenerationId) {
        if let Phase::Working { id, since, .. } = self.phase
            && id == ended
        {
            self.lead.broke(id, since, self.now(), self.config.pause);
            self.phase = Phase::Idle;
        }
    }

    pub(super) fn begin(&mut self, leader: usize, id: GenerationId, members: Vec<usize>, version: u64, roster: Bytes) {
        if self.phase != (Phase::Promised { id, leader }) || !self.is_sound(leader, id, &members) {
            return;
        }
        self.begun = id;
        self.phase = Phase::Idle;
        // One that is gone in the meantime is noticed by the leader too, from this process's beat if not by itself.
        if members.iter().all(|member| self.peers.is_up(*member)) {
            self.phase = Phase::Working { id, members: members.clone(), since: self.now() };
            self.out.push(Action::Begin { id, members, version, roster });
        }
    }

    pub(super) fn next_beat(&self) -> Duration {
        self.sent.as_ref().map_or(Duration::ZERO, |(at, _)| *at + self.config.beat)
    }

    /// Says that it is here, if it is time or something changed.
    fn beat(&mut self) {
        let working = match &self.phase {
            Phase::Working { id, .. } => Some(*id),
            _ => None,
        };
        let (begun, promised, sees) = (self.begun, self.promised, self.peers.present());
        let beat = Beat { working, begun, promised, sees, follows: self.follows(), able: self.able() };
        let now = self.now();
        let said = self.sent.as_ref().is_some_and(|(_, last)| *last == beat) && now < self.next_beat();
        if !said {
            let send = |peer| Action::Send(peer, Message::Beat(beat.clone()));
            self.out.extend(self.peers.others().map(send));
            self.sent = Some((now, beat));
        }
    }
}
