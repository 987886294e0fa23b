//! Clusters over a bad network, with faults by chance; once these cease, all work together.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::world::{Workers, World};
use super::{DEAD_AFTER, config};
use crate::mesh::membership::{Event, quorum};

/// How fine time is.
const GRAIN: Duration = Duration::from_millis(5);
/// How long members of a new generation may take to connect.
const CONNECT: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
enum Fault {
    /// The process is killed; it comes back when faults cease, or sooner.
    Crash(usize),
    Restart(usize),
    /// The link is closed, and can't be made anew for now.
    Cut(usize, usize),
    /// What is sent goes nowhere, without a word.
    Swallow(usize, usize),
    Heal(usize, usize),
    /// The process stands still for so many milliseconds.
    Freeze(usize, u64),
    /// The workers of the process end by themselves.
    Fail(usize),
}

fn faults(processes: usize) -> impl Strategy<Value = Vec<(u64, Fault)>> {
    let one = 0..processes;
    let two = (0..processes, 0..processes);
    let fault = prop_oneof![
        2 => one.clone().prop_map(Fault::Crash),
        3 => one.clone().prop_map(Fault::Restart),
        2 => two.clone().prop_map(|(one, other)| Fault::Cut(one, other)),
        2 => two.clone().prop_map(|(one, other)| Fault::Swallow(one, other)),
        3 => two.prop_map(|(one, other)| Fault::Heal(one, other)),
        1 => (one.clone(), 100u64..8000).prop_map(|(one, time)| Fault::Freeze(one, time)),
        1 => one.prop_map(Fault::Fail),
    ];
    prop::collection::vec((0u64..3000, fault), 0..16)
}

/// A world in which things take time.
struct Simulation {
    world: World,
    now: Duration,
    chance: TestRng,
    quorum: usize,
    swallowed: Vec<Vec<bool>>,
    frozen: Vec<Duration>,
    /// When the workers of a process will have stopped, or will notice that a member is gone.
    until: Vec<Option<Duration>>,
    began: Vec<Duration>,
}

impl Simulation {
    fn new(processes: usize, seed: u64) -> Self {
        let quorum = quorum(processes, None);
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            world: World::new(processes, |me| config(me, processes, quorum)),
            now: Duration::ZERO,
            chance: TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
            quorum,
            swallowed: vec![vec![false; processes]; processes],
            frozen: vec![Duration::ZERO; processes],
            until: vec![None; processes],
            began: vec![Duration::ZERO; processes],
        }
    }

    fn often(&mut self, one_in: u32) -> bool {
        self.chance.next_u32().is_multiple_of(one_in)
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            for process in 0..self.world.processes() {
                if self.frozen[process] <= self.now {
                    self.hear(process);
                    self.work(process);
                    if self.world.machines[process].as_ref().is_some_and(|machine| machine.due() <= self.now) {
                        self.world.step(process, self.now, Event::Tick);
                    }
                }
                self.connect(process);
            }
            self.world.check(self.quorum, self.quorum * 2 <= self.world.processes());
            self.now += GRAIN;
        }
    }

    /// Takes in what has come, each after a while.
    fn hear(&mut self, process: usize) {
        for from in 0..self.world.processes() {
            // As TCP does: what was sent meanwhile comes when the link is healed, unless someone closed it.
            let black = self.swallowed[process][from];
            while !black && !self.world.queues[process][from].is_empty() && self.often(3) {
                self.world.deliver(process, from, self.now);
            }
        }
    }

    /// The workers: they stop when told to, after a while, and end when a member is gone or does not come.
    fn work(&mut self, process: usize) {
        let due = self.until[process].is_some_and(|until| until <= self.now);
        match self.world.workers[process].clone() {
            Workers::Off => self.until[process] = None,
            Workers::Ending(..) | Workers::Told if due => {
                self.until[process] = None;
                self.world.stopped(process, self.now);
            }
            Workers::On(..) if due => {
                self.until[process] = None;
                self.world.ended(process, self.now);
            }
            Workers::Ending(..) | Workers::Told if self.until[process].is_none() => self.soon(process),
            Workers::On(id, members) if self.until[process].is_none() => {
                let with = |member: &usize| self.world.workers[*member].working().is_some_and(|(other, _)| other == id);
                let complete = members.iter().all(with);
                let newer = |member: &usize| self.world.machines[*member].as_ref().is_none_or(|m| m.begun >= id);
                let left = members.iter().any(|member| !with(member) && newer(member));
                if complete || self.began[process] == Duration::ZERO {
                    self.began[process] = self.now;
                }
                if left || (!complete && self.now > self.began[process] + CONNECT) {
                    self.soon(process);
                }
            }
            _ => {}
        }
        if self.world.workers[process] == Workers::Off {
            self.began[process] = Duration::ZERO;
        }
    }

    fn soon(&mut self, process: usize) {
        let time = Duration::from_millis(u64::from(self.chance.next_u32() % 300));
        self.until[process] = Some(self.now + time);
    }

    fn connect(&mut self, one: usize) {
        for other in one + 1..self.world.processes() {
            let reached = !self.swallowed[one][other] && !self.swallowed[other][one];
            if reached && self.world.can_connect(one, other) && self.often(10) {
                self.world.connect(one, other);
            }
        }
    }

    fn break_it(&mut self, fault: Fault) {
        match fault {
            Fault::Crash(one) => {
                self.world.crash(one);
                (self.until[one], self.frozen[one]) = (None, Duration::ZERO);
            }
            Fault::Restart(one) if self.world.machines[one].is_none() => {
                let processes = self.world.processes();
                self.world.restart(one, config(one, processes, self.quorum));
            }
            Fault::Cut(one, other) if one != other => {
                self.world.cut[one.min(other)][one.max(other)] = true;
                self.world.hang_up(one, other);
            }
            Fault::Swallow(one, other) if one != other => self.swallowed[one][other] = true,
            Fault::Heal(one, other) if one != other => {
                self.world.cut[one.min(other)][one.max(other)] = false;
                (self.swallowed[one][other], self.swallowed[other][one]) = (false, false);
            }
            Fault::Freeze(one, time) => self.frozen[one] = self.now + Duration::from_millis(time),
            Fault::Fail(one) => self.world.ended(one, self.now),
            _ => {}
        }
    }

    /// Faults cease. Some of those that are down stay so, as long as there is a quorum.
    fn heal(&mut self) {
        let processes = self.world.processes();
        self.world.cut.iter_mut().flatten().for_each(|cut| *cut = false);
        self.swallowed.iter_mut().flatten().for_each(|swallowed| *swallowed = false);
        for process in 0..processes {
            if self.world.alive().len() < self.quorum || self.often(2) {
                self.break_it(Fault::Restart(process));
            }
        }
    }
}

fn simulate(processes: usize, seed: u64, faults: Vec<(u64, Fault)>) {
    let mut simulation = Simulation::new(processes, seed);
    for (pause, fault) in faults {
        simulation.run(Duration::from_millis(pause));
        simulation.break_it(fault);
    }
    simulation.heal();
    let latest = simulation.frozen.iter().max().copied().unwrap_or_default();
    simulation.run(latest.saturating_sub(simulation.now));
    simulation.run(4 * DEAD_AFTER);
    let alive = simulation.world.alive();
    let id = simulation.world.together(&alive).unwrap_or_else(|why| panic!("{alive:?} are there, but {why}"));
    simulation.run(2 * DEAD_AFTER);
    assert_eq!(simulation.world.together(&alive), Ok(id), "it works, and is left alone");
}

proptest! {

    /// Catches processes that never find together again, that go on changing, or that break a rule while things break.
    #[test]
    fn when_faults_cease_all_work_together(
        (processes, seed, faults) in (1usize..6).prop_flat_map(|n| (Just(n), any::<u64>(), faults(n)))
    ) {
        simulate(processes, seed, faults);
    }
}
