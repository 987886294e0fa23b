//! The leader's part of the protocol: when a generation is needed, with whom, and who has agreed to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::membership::{Action, Membership, Phase};
use super::message::{GenerationId, Message};

/// A generation that ends by itself within this time has failed.
const SHORT: Duration = Duration::from_secs(5);

/// The longest pause between generations that fail in a row.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a leader remembers. A process that leads nobody has the same, and no use for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lead {
    /// The generation that is being agreed on.
    ballot: Option<Ballot>,
    /// A generation was lost: newcomers are not waited for.
    hurried: bool,
    /// Since when a generation could be made.
    wanting: Option<Duration>,
    /// Nothing is made before.
    not_before: Duration,
    /// The last generation that ended by itself, and how many in a row have.
    broke: GenerationId,
    failures: u32,
    /// The greatest number that came with a refusal.
    refused: u64,
    /// Members that did not promise in time; they are left out until they do.
    slow: BTreeSet<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Ballot {
    id: GenerationId,
    members: Vec<usize>,
    since: Duration,
    promises: BTreeMap<usize, (u64, Bytes)>,
}

impl Lead {
    /// A member of the generation is gone: the next one is made at once.
    pub fn hurry(&mut self, now: Duration) {
        self.hurried = true;
        self.not_before = now;
    }

    /// A generation ended by itself: the next one is made after a pause that grows with each that fails in a row.
    pub fn broke(&mut self, id: GenerationId, since: Duration, now: Duration, pause: Duration) {
        if self.broke == id {
            return;
        }
        self.broke = id;
        self.failures = if now.saturating_sub(since) <= SHORT { self.failures + 1 } else { 1 };
        let doubled = |more: u32| (pause * 2u32.saturating_pow(more.min(10))).min(LONGEST_PAUSE);
        self.not_before = now + self.failures.checked_sub(2).map_or(Duration::ZERO, doubled);
        self.hurried = true;
    }

    /// The link to a process is new: what it did not answer on an older one is forgiven.
    pub fn forget(&mut self, peer: usize) {
        self.slow.remove(&peer);
    }
}

impl Membership {
    /// Whether this process could lead: enough higher ones are there, and its own workers do as they are told.
    pub(super) fn able(&self) -> bool {
        let stuck = matches!(self.phase, Phase::Stopping { since, .. } if self.now().saturating_sub(since) > self.config.dead_after);
        !stuck && self.reach().len() >= self.config.quorum
    }

    /// Those whom this process could work with, if they all followed it.
    fn reach(&self) -> Vec<usize> {
        self.peers.circle(|_, _| true)
    }

    /// Those whom it can work with.
    fn followers(&self) -> Vec<usize> {
        let me = self.me();
        self.peers.circle(|peer, beat| beat.follows == Some(me) && !self.lead.slow.contains(&peer))
    }

    /// When a step is due at the latest, if nothing happens before: something may be done then.
    pub fn due(&self) -> Duration {
        let now = self.now();
        let gathered = self.lead.wanting.map(|since| since + self.config.gather);
        let allowed = self.lead.wanting.map(|_| self.lead.not_before);
        let later = [gathered, allowed].into_iter().flatten().filter(|time| *time > now).min();
        let beat = self.next_beat();
        later.map_or(beat, |later| later.min(beat))
    }

    /// The members that have not promised yet, while a generation is agreed on.
    pub(super) fn awaited(&self) -> Option<Vec<usize>> {
        let ballot = self.lead.ballot.as_ref()?;
        Some(ballot.members.iter().copied().filter(|member| !ballot.promises.contains_key(member)).collect())
    }

    /// Makes a generation, if it is this process's to make, there is need of one, and it is time.
    pub(super) fn lead(&mut self) {
        if self.follows() != Some(self.me()) {
            (self.lead.ballot, self.lead.wanting) = (None, None);
            return;
        }
        self.recount();
        let members = self.followers();
        let need = self.need(&members).filter(|_| members.len() >= self.config.quorum);
        let Some(why) = need.filter(|_| self.lead.ballot.is_none()) else {
            self.lead.wanting = None;
            return;
        };
        let (now, whole) = (self.now(), members.len() == self.config.processes);
        let since = *self.lead.wanting.get_or_insert(now);
        let complete = whole || (self.lead.hurried && members == self.reach());
        if now >= self.lead.not_before && (complete || now >= since + self.config.gather) {
            self.mint(members, why);
        }
    }

    /// Drops a ballot that can't succeed any more.
    fn recount(&mut self) {
        let Some(ballot) = &self.lead.ballot else { return };
        let followers = self.followers();
        let late = self.now().saturating_sub(ballot.since) > self.config.dead_after;
        if late {
            let missing = ballot.members.iter().filter(|member| !ballot.promises.contains_key(member));
            self.lead.slow.extend(missing.filter(|member| **member != self.config.me));
        } else if ballot.members.iter().all(|member| followers.contains(member) && !self.outran(*member, ballot.id)) {
            return;
        }
        self.lead.hurry(self.now());
        self.lead.ballot = None;
    }

    /// Whether a process has agreed to something greater than `id`.
    fn outran(&self, peer: usize, id: GenerationId) -> bool {
        self.peers.beat(peer).is_some_and(|beat| beat.promised > id)
    }

    /// Whether a member's workers no longer work in the generation `id`.
    fn left(&self, peer: usize, id: GenerationId) -> bool {
        let ended = self.peers.beat(peer).is_some_and(|beat| beat.begun >= id && beat.working != Some(id));
        ended || self.outran(peer, id)
    }

    /// Why a generation of `wanted` is needed; none where it is there.
    fn need(&mut self, wanted: &[usize]) -> Option<String> {
        let Phase::Working { id, members, since } = &self.phase else {
            let at_work = |peer: &&usize| self.peers.beat(**peer).is_some_and(|beat| beat.working.is_some());
            let why = match wanted.iter().any(|peer| at_work(&peer)) {
                true => format!("process {} comes in", self.me()),
                false => "there was no generation".to_owned(),
            };
            return Some(why);
        };
        let (id, since) = (*id, *since);
        if let Some(gone) = members.iter().find(|member| !wanted.contains(member)) {
            let why = format!("process {gone} can't be worked with");
            self.lead.hurry(self.now());
            return Some(why);
        }
        if let Some(member) = members.iter().find(|member| **member != self.me() && self.left(**member, id)) {
            let why = format!("the workers of process {member} have ended");
            self.lead.broke(id, since, self.now(), self.config.pause);
            return Some(why);
        }
        let new = wanted.iter().find(|wanted| !members.contains(wanted));
        // Whatever made haste is over; newcomers are gathered.
        self.lead.hurried &= new.is_some();
        new.map(|new| format!("process {new} comes in"))
    }

    fn mint(&mut self, members: Vec<usize>, why: String) {
        let number = self.promised.number.max(self.peers.highest()).max(self.lead.refused).saturating_add(1);
        let id = GenerationId { number, leader: self.me() as u16 };
        let (since, promises) = (self.now(), BTreeMap::new());
        self.lead.wanting = None;
        for member in members.iter().copied().filter(|member| *member != self.config.me) {
            let propose = Message::Propose { id, members: members.clone(), why: why.clone() };
            self.out.push(Action::Send(member, propose));
        }
        self.lead.ballot = Some(Ballot { id, members: members.clone(), since, promises });
        self.proposed(self.me(), id, &members, why);
    }

    /// A member has promised. With the last promise, the generation begins.
    pub(super) fn promise(&mut self, from: usize, id: GenerationId, version: u64, roster: Bytes) {
        self.lead.slow.remove(&from);
        let Some(ballot) = self.lead.ballot.as_mut().filter(|ballot| ballot.id == id) else { return };
        if ballot.members.contains(&from) {
            ballot.promises.insert(from, (version, roster));
        }
        if ballot.promises.len() == ballot.members.len()
            && let Some(ballot) = self.lead.ballot.take()
        {
            self.lead.hurried = false;
            self.open(ballot);
        }
    }

    /// All have promised: everyone begins, with the newest list of jobs that anyone has.
    fn open(&mut self, ballot: Ballot) {
        let Ballot { id, members, promises, .. } = ballot;
        let newest = promises.into_values().max_by_key(|(version, _)| *version);
        let (version, roster) = newest.unwrap_or_default();
        for member in members.iter().copied().filter(|member| *member != self.config.me) {
            let (members, roster) = (members.clone(), roster.clone());
            self.out.push(Action::Send(member, Message::Begin { id, members, version, roster }));
        }
        self.begin(self.me(), id, members, version, roster);
    }

    /// A member won't: whatever it agreed to instead shows in its beats.
    pub(super) fn refused(&mut self, from: usize, id: GenerationId, promised: GenerationId) {
        if self.lead.ballot.as_ref().is_some_and(|ballot| ballot.id == id && ballot.members.contains(&from)) {
            self.lead.refused = self.lead.refused.max(promised.number);
            self.lead.ballot = None;
            self.lead.not_before = self.now() + self.config.pause / 4;
            self.lead.hurried = true;
        }
    }
}
