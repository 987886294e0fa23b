//! What a process knows of its cluster, for people.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use super::Generation;
use super::membership::Phase;
use super::shared::Shared;

/// A cluster, as one of its processes sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The process that looks.
    pub me: usize,
    /// How many there are in all.
    pub processes: usize,
    /// Those that are connected with it, and itself.
    pub present: Vec<usize>,
    /// The generation that its workers work in.
    pub generation: Option<Generation>,
    /// When that began.
    pub since: Option<SystemTime>,
    /// How long nothing worked before it began. None for the first.
    pub last_reforming: Option<Duration>,
    /// Why there is no generation, in words; empty where there is one.
    pub waits: String,
    /// What keeps others from being connected, as far as it is known; also of those that are not waited for.
    pub troubles: BTreeMap<usize, String>,
    /// What each present process says of itself: [`Host::status`](super::Host::status).
    pub statuses: BTreeMap<usize, Vec<u8>>,
    /// The greatest number of a generation that it agreed to: for [`Settings::promised`](super::Settings::promised)
    /// after a restart.
    pub promised: u64,
}

/// What the view is made of, kept by the thread that drives the protocol.
#[derive(Default)]
pub(super) struct Seen {
    pub present: Vec<usize>,
    pub phase: Option<Phase>,
    pub follows: Option<usize>,
    pub awaited: Option<Vec<usize>>,
    pub promised: u64,
    pub generation: Option<Generation>,
    pub since: Option<SystemTime>,
    /// Since when nothing works, after something did.
    pub lost: Option<Instant>,
    pub last_reforming: Option<Duration>,
    pub statuses: BTreeMap<usize, Vec<u8>>,
    /// Why the last generation ended by itself.
    pub ended: Option<String>,
}

impl Seen {
    /// The workers no longer work.
    pub fn stop(&mut self) {
        if self.generation.take().is_some() {
            self.since = None;
            self.lost = Some(Instant::now());
        }
    }

    /// The workers are given a generation.
    pub fn begin(&mut self, generation: Generation) {
        self.generation = Some(generation);
        self.since = Some(SystemTime::now());
        self.ended = None;
    }

    /// They have begun.
    pub fn started(&mut self) {
        if let Some(lost) = self.lost.take() {
            self.last_reforming = Some(lost.elapsed());
        }
    }
}

/// Looks.
pub(super) fn view(shared: &Shared) -> View {
    // Before the lock: the host may take its time.
    let mine = shared.host.status();
    let seen = shared.seen();
    let mut statuses = seen.statuses.clone();
    statuses.insert(shared.me(), mine);
    View {
        me: shared.me(),
        processes: shared.cluster.processes(),
        present: seen.present.clone(),
        generation: seen.generation.clone(),
        since: seen.since,
        last_reforming: seen.last_reforming,
        waits: waits(shared, &seen),
        troubles: (0..shared.cluster.processes()).filter_map(|peer| Some((peer, shared.troubles.of(peer)?))).collect(),
        statuses,
        promised: seen.promised,
    }
}

/// Why there is no generation.
fn waits(shared: &Shared, seen: &Seen) -> String {
    let name = |process: &usize| shared.cluster.peer(*process).to_string();
    let names = |list: &[usize]| list.iter().map(name).collect::<Vec<_>>().join(", ");
    if seen.generation.is_some() {
        return String::new();
    }
    let ended = seen.ended.as_ref().map(|why| format!(" (the last one ended: {why})")).unwrap_or_default();
    let words = match (&seen.phase, &seen.awaited, seen.follows) {
        (Some(Phase::Stopping { .. }), ..) => "the workers of the last generation are still stopping".into(),
        (Some(Phase::Working { .. }), ..) => "the members of a new generation connect".into(),
        (_, Some(awaited), _) => format!("a new generation waits until the workers of {} have stopped", names(awaited)),
        _ if seen.present.len() < shared.quorum => missing(shared, &seen.present),
        (_, _, None) => "the processes that are here are not connected with each other".into(),
        (_, _, Some(leader)) if leader == shared.me() => "a new generation begins in a moment".into(),
        (_, _, Some(leader)) => format!("{} is to take this process in", name(&leader)),
    };
    words + &ended
}

/// Who is not here, and what the last try to reach them said.
fn missing(shared: &Shared, present: &[usize]) -> String {
    let processes = shared.cluster.processes();
    let missing: Vec<_> = (0..processes).filter(|process| !present.contains(process)).collect();
    let each = missing.iter().map(|process| {
        let trouble = shared.troubles.of(*process).map(|words| format!(": {words}")).unwrap_or_default();
        format!("{}{trouble}", shared.cluster.peer(*process))
    });
    let (count, list, quorum) = (missing.len(), each.collect::<Vec<_>>().join("; "), shared.quorum);
    let are = if count == 1 { "is" } else { "are" };
    format!("{count} of {processes} processes {are} missing, and {quorum} are needed: {list}")
}
