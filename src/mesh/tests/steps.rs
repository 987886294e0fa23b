//! Single rules of the protocol.

use std::time::Duration;

use bytes::Bytes;

use super::world::World;
use super::{DEAD_AFTER, config};
use crate::mesh::clique;
use crate::mesh::membership::{Action, Event, Membership, Phase, quorum};
use crate::mesh::message::{Beat, GenerationId, Message};

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

/// Lets everything happen that can, without faults, for as long as it takes.
fn settle(world: &mut World, mut now: Duration, until: Duration) -> Duration {
    while now < until {
        for to in 0..world.processes() {
            world.step(to, now, Event::Tick);
            for from in 0..world.processes() {
                if from > to && world.can_connect(to, from) {
                    world.connect(to, from);
                }
                while !world.queues[to][from].is_empty() {
                    world.deliver(to, from, now);
                }
            }
            if matches!(world.workers[to], super::world::Workers::Ending(..)) {
                world.stopped(to, now);
            }
        }
        now += ms(10);
    }
    now
}

fn cluster(processes: usize) -> World {
    let quorum = quorum(processes, None);
    World::new(processes, |me| config(me, processes, quorum))
}

#[test]
fn a_quorum_is_more_than_half_but_one_of_two() {
    assert_eq!([1, 2, 3, 4, 5, 6].map(|processes| quorum(processes, None)), [1, 1, 2, 3, 3, 4]);
    assert_eq!(quorum(5, Some(2)), 2);
}

/// Catches a lone process that waits for company.
#[test]
fn a_process_alone_works_by_itself() {
    let mut world = cluster(1);
    world.step(0, ms(0), Event::Tick);
    assert_eq!(world.together(&[0]), Ok(GenerationId { number: 1, leader: 0 }));
}

/// Catches two that stop when one of them is gone, whichever it is, and one that is not taken in again.
#[test]
fn of_two_either_goes_on_alone_and_takes_the_other_in_again() {
    for gone in [0, 1] {
        let mut world = cluster(2);
        let now = settle(&mut world, ms(0), ms(1000));
        let first = world.together(&[0, 1]).unwrap();
        world.crash(gone);
        let now = settle(&mut world, now, now + ms(100));
        let alone = world.together(&[1 - gone]).unwrap();
        assert!(alone > first);
        world.restart(gone, config(gone, 2, 1));
        settle(&mut world, now, now + ms(1000));
        let again = world.together(&[0, 1]).unwrap();
        assert!(again.number > alone.number && again.leader == 0);
    }
}

/// Catches a lower process that comes back and is left out, or comes back and does not lead.
#[test]
fn a_lower_process_that_returns_leads() {
    let mut world = cluster(3);
    let now = settle(&mut world, ms(0), ms(1000));
    assert_eq!(world.together(&[0, 1, 2]).unwrap().leader, 0);
    world.crash(0);
    let now = settle(&mut world, now, now + ms(500));
    assert_eq!(world.together(&[1, 2]).unwrap().leader, 1);
    world.restart(0, config(0, 3, 2));
    settle(&mut world, now, now + ms(1000));
    assert_eq!(world.together(&[0, 1, 2]).unwrap().leader, 0);
}

/// Catches a process that goes on although it lost sight of the others, and one that wakes and trusts what it hears.
#[test]
fn a_process_that_stood_still_stops_and_hears_nobody() {
    let mut world = cluster(3);
    let now = settle(&mut world, ms(0), ms(1000));
    let late = now + DEAD_AFTER + ms(100);
    let mut machine = world.machines[2].as_deref().expect("it is up").clone();
    let actions = machine.step(late, Event::Heard(0, Message::Beat(Beat::default())));
    assert!(actions.iter().any(|action| matches!(action, Action::Stop(why) if why.contains("stood still"))));
    assert_eq!(actions.iter().filter(|action| matches!(action, Action::Close(..))).count(), 2);
    assert_eq!(machine.present(), [2]);
    // Old words on a link that it has given up mean nothing.
    machine.step(late, Event::Heard(0, Message::Beat(Beat::default())));
    assert_eq!(machine.present(), [2]);
}

/// Catches two links between which nobody sees that they can't work together, and a member that the leader drags in.
#[test]
fn of_three_in_a_row_two_work() {
    for (cut, together) in [((0, 1), [0, 2]), ((1, 2), [0, 1]), ((0, 2), [0, 1])] {
        let mut world = cluster(3);
        world.cut[cut.0][cut.1] = true;
        settle(&mut world, ms(0), ms(2000));
        world.together(&together).unwrap_or_else(|why| panic!("without the link {cut:?}: {why}"));
    }
}

/// Catches a leader that makes a generation for each newcomer.
#[test]
fn newcomers_come_in_together() {
    let mut world = cluster(5);
    (1..5).for_each(|other| (0..other).for_each(|one| world.cut[one][other] = other > 2));
    let now = settle(&mut world, ms(0), ms(1000));
    let three = world.together(&[0, 1, 2]).unwrap();
    world.cut.iter_mut().flatten().for_each(|cut| *cut = false);
    settle(&mut world, now, now + ms(1000));
    assert_eq!(world.together(&[0, 1, 2, 3, 4]).unwrap().number, three.number + 1);
}

/// Catches a cluster that begins as fast as it fails.
#[test]
fn generations_that_fail_in_a_row_come_slower() {
    let mut world = cluster(2);
    let now = settle(&mut world, ms(0), ms(1000));
    let first = world.together(&[0, 1]).unwrap().number;
    let mut at = now;
    while at < now + ms(5000) {
        world.ended(1, at);
        at = settle(&mut world, at, at + ms(10));
    }
    let last = world.machines[0].as_ref().expect("it is up").promised().number;
    assert!((4..12).contains(&(last - first)), "{} generations", last - first);
    settle(&mut world, at, at + ms(4000));
    world.together(&[0, 1]).unwrap();
}

/// Catches a member whose workers don't stop, and that keeps all others from working.
#[test]
fn a_member_that_does_not_stop_is_left_out_until_it_has() {
    let mut world = cluster(3);
    let mut now = settle(&mut world, ms(0), ms(1000));
    world.crash(1);
    // Process 2 is told to stop, and only its supervisor knows when it has: here, never.
    let until = now + DEAD_AFTER + ms(500);
    while now < until {
        for (to, from) in [(0, 2), (2, 0), (0, 1), (2, 1)] {
            while !world.queues[to][from].is_empty() {
                world.deliver(to, from, now);
            }
        }
        if matches!(world.workers[0], super::world::Workers::Ending(..)) {
            world.stopped(0, now);
        }
        [0, 2].into_iter().for_each(|process| world.step(process, now, Event::Tick));
        now += ms(10);
    }
    let leader = world.machines[0].as_ref().expect("it is up");
    assert!(!matches!(leader.phase(), Phase::Working { .. }), "two of three are needed");
    world.restart(1, config(1, 3, 2));
    while world.together(&[0, 1]).is_err() {
        for (one, other) in [(0, 1), (1, 2)] {
            if world.can_connect(one, other) {
                world.connect(one, other);
            }
        }
        for (to, from) in [(0, 2), (2, 0), (0, 1), (1, 0), (1, 2), (2, 1)] {
            while !world.queues[to][from].is_empty() {
                world.deliver(to, from, now);
            }
        }
        [0, 1, 2].into_iter().for_each(|process| world.step(process, now, Event::Tick));
        now += ms(10);
        assert!(now < until + ms(10_000), "process 0 and 1 never went on without the one that is stuck");
    }
    settle(&mut world, now, now + ms(1000));
    world.together(&[0, 1, 2]).unwrap();
}

/// Catches a list of jobs that is older than one that a member has.
#[test]
fn all_begin_with_the_newest_list() {
    let mut machine = Membership::new(config(0, 2, 2));
    let (id, see) = (GenerationId { number: 1, leader: 0 }, vec![0, 1]);
    machine.step(ms(0), Event::Up(1));
    let beat = Beat { sees: see, follows: Some(0), ..Beat::default() };
    let actions = machine.step(ms(1), Event::Heard(1, Message::Beat(beat)));
    assert!(actions.contains(&Action::Promise { to: 0, id }), "{actions:?}");
    let promise = |version, text| Message::Promise { id, version, roster: Bytes::from_static(text) };
    machine.step(ms(2), Event::Heard(0, promise(3, b"old")));
    let actions = machine.step(ms(3), Event::Heard(1, promise(4, b"new")));
    let newest = |action: &Action| match action {
        Action::Begin { version, roster, .. } | Action::Send(1, Message::Begin { version, roster, .. }) => {
            (*version, &roster[..]) == (4, b"new")
        }
        _ => false,
    };
    assert_eq!(actions.iter().filter(|action| newest(action)).count(), 2, "{actions:?}");
}

/// Catches nonsense from another process that is believed.
#[test]
fn nonsense_is_refused() {
    let mut machine = Membership::new(config(1, 3, 2));
    machine.step(ms(0), Event::Up(0));
    machine.step(ms(1), Event::Heard(0, Message::Beat(Beat { able: true, sees: vec![0, 1, 99], ..Beat::default() })));
    let id = GenerationId { number: u64::MAX, leader: 0 };
    for members in [vec![], vec![0], vec![1, 0], vec![0, 0, 1], vec![0, 2], vec![0, 1, 7]] {
        let propose = Message::Propose { id, members: members.clone(), why: String::new() };
        let actions = machine.step(ms(2), Event::Heard(0, propose));
        let refused = |action: &Action| matches!(action, Action::Send(0, Message::Refuse { .. }));
        assert!(actions.iter().any(refused), "{members:?} was taken: {actions:?}");
    }
    machine.step(ms(3), Event::Up(9));
    machine.step(ms(3), Event::Heard(9, Message::Refuse { id, promised: id }));
    machine.step(ms(4), Event::Down(9, "it was never there".into()));
    assert_eq!(machine.present(), [0, 1]);
}

#[test]
fn the_largest_circle_is_found() {
    let links = [(0, 1), (0, 2), (0, 3), (2, 3), (0, 4), (3, 4), (2, 4)];
    let linked = |one: usize, other: usize| links.contains(&(one.min(other), one.max(other)));
    assert_eq!(clique::largest(0, &[1, 2, 3, 4], linked), [0, 2, 3, 4]);
    assert_eq!(clique::largest(1, &[2, 3, 4], linked), [1]);
    assert_eq!(clique::largest(0, &(1..64).collect::<Vec<_>>(), |_, _| true).len(), 64);
}

/// Process 2 of three, which sees the two others, both of which could lead.
fn follower() -> Membership {
    let mut machine = Membership::new(config(2, 3, 2));
    for peer in [0, 1] {
        machine.step(ms(0), Event::Up(peer));
        let beat = Beat { able: true, follows: Some(0), sees: vec![0, 1, 2], ..Beat::default() };
        machine.step(ms(0), Event::Heard(peer, Message::Beat(beat)));
    }
    machine
}

fn propose(number: u64, leader: usize) -> Message {
    let (id, members) = (GenerationId { number, leader: leader as u16 }, vec![leader, 2]);
    Message::Propose { id, members, why: String::new() }
}

fn promises(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Promise { .. }))
}

/// Catches a promise that is broken: to begin nothing older, and to be led by the lowest in sight.
#[test]
fn a_proposal_that_is_old_or_not_the_leaders_is_refused() {
    let mut machine = follower();
    assert!(!promises(&machine.step(ms(1), Event::Heard(1, propose(9, 1)))), "process 0 is there to lead");
    assert!(promises(&machine.step(ms(2), Event::Heard(0, propose(5, 0)))));
    for old in [4, 5] {
        let actions = machine.step(ms(3), Event::Heard(0, propose(old, 0)));
        let refuse = |action: &Action| matches!(action, Action::Send(0, Message::Refuse { promised, .. }) if promised.number == 5);
        assert!(!promises(&actions) && actions.iter().any(refuse), "{actions:?}");
    }
    assert!(promises(&machine.step(ms(4), Event::Heard(0, propose(6, 0)))));
}

/// Catches workers that are started although a member is known to be gone.
#[test]
fn without_a_member_nothing_begins() {
    for gone in [false, true] {
        let mut machine = follower();
        let (id, members) = (GenerationId { number: 1, leader: 0 }, vec![0, 1, 2]);
        machine.step(ms(1), Event::Heard(0, Message::Propose { id, members: members.clone(), why: String::new() }));
        if gone {
            machine.step(ms(2), Event::Down(1, "the connection was closed".into()));
        }
        let begin = Message::Begin { id, members, version: 0, roster: Bytes::new() };
        let actions = machine.step(ms(3), Event::Heard(0, begin));
        assert_eq!(actions.iter().any(|action| matches!(action, Action::Begin { .. })), !gone);
        let says = |action: &Action| match action {
            Action::Send(0, Message::Beat(beat)) => beat.begun == id && beat.working.is_none() == gone,
            _ => false,
        };
        assert!(actions.iter().any(says), "the leader hears of it: {actions:?}");
    }
}
