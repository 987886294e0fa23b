//! Every order of what can happen, one state after the other.
//!
//! Time stands still here: nobody is ever silent, and nothing waits. What can differ is the order in which links come
//! about, messages arrive, workers stop and things break. Beats are snapshots: one that was not read yet gives way to
//! the next. Where nothing can happen any more, all that are connected must work together.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use super::world::{Workers, World};
use crate::mesh::membership::Config;

const ZERO: Duration = Duration::ZERO;

/// What may break, and how often in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Faults {
    crashes: u8,
    cuts: u8,
    failures: u8,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    world: World,
    left: Faults,
}

struct Search {
    processes: usize,
    quorum: usize,
    seen: HashSet<u64>,
    most: usize,
    ends: usize,
    cut_off: bool,
}

fn still(me: usize, processes: usize, quorum: usize) -> Config {
    Config { gather: ZERO, pause: ZERO, ..super::config(me, processes, quorum) }
}

impl Search {
    /// Looks at all that can come of `start`, until `most` states were seen.
    fn run(processes: usize, quorum: usize, start: State, most: usize) -> Search {
        let mut search = Search { processes, quorum, seen: HashSet::new(), most, ends: 0, cut_off: false };
        let mut open = vec![start];
        while let Some(state) = open.pop() {
            let next = search.next(&state);
            if next.is_empty() {
                search.end(&state);
            }
            open.extend(next.into_iter().filter(|state| search.is_new(state)));
        }
        search
    }

    fn is_new(&mut self, state: &State) -> bool {
        state.world.check(self.quorum, self.quorum * 2 <= self.processes);
        self.cut_off |= self.seen.len() >= self.most;
        !self.cut_off && self.seen.insert(BuildHasherDefault::<DefaultHasher>::default().hash_one(state))
    }

    /// Nothing can happen any more: then those that are there work together.
    fn end(&mut self, state: &State) {
        self.ends += 1;
        let alive = state.world.alive();
        let whole = state.world.cut.iter().flatten().all(|cut| !cut);
        if whole && alive.len() >= self.quorum {
            state.world.together(&alive).unwrap_or_else(|why| panic!("the end, but {why}: {:#?}", state.world));
        }
    }

    fn next(&self, state: &State) -> Vec<State> {
        let mut next = Vec::new();
        let mut may = |change: &mut dyn FnMut(&mut State)| {
            let mut state = state.clone();
            change(&mut state);
            next.push(state);
        };
        let (world, left) = (&state.world, state.left);
        for one in 0..self.processes {
            match (&world.machines[one], &world.workers[one]) {
                (None, _) => may(&mut |state| state.world.restart(one, still(one, self.processes, self.quorum))),
                (_, Workers::Ending(..) | Workers::Told) => may(&mut |state| state.world.stopped(one, ZERO)),
                _ => {}
            }
            for from in 0..self.processes {
                if !world.queues[one][from].is_empty() {
                    may(&mut |state| state.world.deliver(one, from, ZERO));
                }
            }
            for other in one + 1..self.processes {
                if world.can_connect(one, other) {
                    may(&mut |state| state.world.connect(one, other));
                }
                if world.cut[one][other] {
                    may(&mut |state| state.world.cut[one][other] = false);
                }
                if left.cuts > 0 && world.has_link(one, other) && world.has_link(other, one) {
                    may(&mut |state| {
                        state.left.cuts -= 1;
                        state.world.cut[one][other] = true;
                        state.world.hang_up(one, other);
                    });
                }
            }
            if left.crashes > 0 && world.machines[one].is_some() {
                may(&mut |state| {
                    state.left.crashes -= 1;
                    state.world.crash(one);
                });
            }
            if left.failures > 0 && matches!(world.workers[one], Workers::On(..)) {
                may(&mut |state| {
                    state.left.failures -= 1;
                    state.world.ended(one, ZERO);
                });
            }
        }
        next
    }
}

fn start(processes: usize, quorum: usize, left: Faults) -> State {
    let mut world = World::new(processes, |me| still(me, processes, quorum));
    world.newest_beats_only = true;
    State { world, left }
}

/// All links are there, and all work together.
fn working(processes: usize, quorum: usize, left: Faults) -> State {
    let mut state = start(processes, quorum, left);
    let search = Search { processes, quorum, seen: HashSet::new(), most: 0, ends: 0, cut_off: false };
    state.left = Faults::default();
    while let Some(next) = search.next(&state).into_iter().next() {
        state = next;
    }
    state.world.together(&(0..processes).collect::<Vec<_>>()).expect("a generation of all");
    State { left, ..state }
}

fn all_of(name: &str, processes: usize, quorum: usize, from: State, most: usize) -> Search {
    // Of three, all are too many for each day: VIGIE_STATES=20000000 looks at every one (10 million with a crash), in a
    // release build, for some minutes.
    let asked = std::env::var("VIGIE_STATES").ok().and_then(|states| states.parse().ok());
    let search = Search::run(processes, quorum, from, asked.unwrap_or(most));
    println!("{name}: {} states, {} ends, cut off: {}", search.seen.len(), search.ends, search.cut_off);
    search
}

/// Catches two of two that wait for each other, or that go on apart for ever.
#[test]
fn two_processes_in_every_order() {
    for quorum in [1, 2] {
        let faults = Faults { crashes: 1, cuts: 1, failures: 1 };
        let search = all_of(&format!("two, quorum {quorum}"), 2, quorum, start(2, quorum, faults), 400_000);
        assert!(search.ends > 0 && !search.cut_off);
    }
}

/// Catches a start of three that ends in none, in two, or in one without a process.
#[test]
fn three_processes_start_in_every_order() {
    let search = all_of("three start", 3, 2, start(3, 2, Faults::default()), 100_000);
    assert!(search.ends > 0);
}

/// Catches a generation that begins while a member works in an older one, or one that nobody replaces.
#[test]
fn three_processes_lose_each_other_in_every_order() {
    for faults in [
        Faults { crashes: 1, ..Faults::default() },
        Faults { cuts: 1, ..Faults::default() },
        Faults { failures: 1, ..Faults::default() },
    ] {
        let search = all_of(&format!("three, {faults:?}"), 3, 2, working(3, 2, faults), 60_000);
        assert!(search.ends > 0);
    }
}
