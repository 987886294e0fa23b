//! What a process knows of the others: whose link is up, when each was heard, and what its last beat said.

use std::time::Duration;

use super::clique;
use super::message::{Beat, GenerationId};

/// A process whose link is up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Known {
    heard: Duration,
    beat: Option<Beat>,
}

/// The processes of a cluster, as one of them sees them. One whose link is up is present.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peers {
    me: usize,
    known: Vec<Option<Known>>,
}

impl Peers {
    /// Nobody is there yet.
    pub fn new(me: usize, processes: usize) -> Self {
        Self { me, known: vec![None; processes] }
    }

    /// A link to `peer` is there.
    pub fn up(&mut self, peer: usize, now: Duration) {
        if let Some(known) = self.known.get_mut(peer) {
            *known = Some(Known { heard: now, beat: None });
        }
    }

    /// The link is gone; whether it was there.
    pub fn down(&mut self, peer: usize) -> bool {
        self.known.get_mut(peer).and_then(Option::take).is_some()
    }

    /// Something came from `peer`; whether its link is up.
    pub fn heard(&mut self, peer: usize, now: Duration) -> bool {
        let known = self.known.get_mut(peer).and_then(Option::as_mut);
        known.map(|known| known.heard = now).is_some()
    }

    /// Keeps what `peer` says of itself.
    pub fn keep(&mut self, peer: usize, beat: Beat) {
        if let Some(known) = self.known.get_mut(peer).and_then(Option::as_mut) {
            known.beat = Some(beat);
        }
    }

    /// What `peer` last said of itself on the link that is up.
    pub fn beat(&self, peer: usize) -> Option<&Beat> {
        self.known.get(peer)?.as_ref()?.beat.as_ref()
    }

    /// Whether `peer` is present; this process always is.
    pub fn is_up(&self, peer: usize) -> bool {
        peer == self.me || self.known.get(peer).is_some_and(Option::is_some)
    }

    /// All that are present, this process too, in order.
    pub fn present(&self) -> Vec<usize> {
        (0..self.known.len()).filter(|peer| self.is_up(*peer)).collect()
    }

    /// The other processes that are present.
    pub fn others(&self) -> impl Iterator<Item = usize> {
        (0..self.known.len()).filter(|peer| *peer != self.me && self.is_up(*peer))
    }

    /// Those that were silent for longer than `patience`.
    pub fn silent(&self, now: Duration, patience: Duration) -> Vec<usize> {
        let silent =
            |peer: &usize| self.known[*peer].as_ref().is_some_and(|known| now.saturating_sub(known.heard) > patience);
        (0..self.known.len()).filter(silent).collect()
    }

    /// The largest set of this process and higher ones that satisfy `wanted`, in which all see each other.
    pub fn circle(&self, wanted: impl Fn(usize, &Beat) -> bool) -> Vec<usize> {
        let others: Vec<_> = (self.me + 1..self.known.len())
            .filter(|peer| self.beat(*peer).is_some_and(|beat| wanted(*peer, beat)))
            .collect();
        clique::largest(self.me, &others, |one, other| self.sees(one, other) && self.sees(other, one))
    }

    fn sees(&self, one: usize, other: usize) -> bool {
        match one == self.me {
            true => self.is_up(other),
            false => self.beat(one).is_some_and(|beat| beat.sees.contains(&other)),
        }
    }

    /// The greatest number of a generation that anyone here spoke of.
    pub fn highest(&self) -> u64 {
        let greatest = |beat: &Beat| {
            [Some(beat.promised), Some(beat.begun), beat.working].into_iter().flatten().max().unwrap_or_default()
        };
        let known = self.known.iter().flatten().filter_map(|known| known.beat.as_ref());
        known.map(greatest).max().map_or(0, |id: GenerationId| id.number)
    }
}
