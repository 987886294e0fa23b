//! Processes become a cluster, and each notices that one is gone. Over real sockets; most "processes" are threads of
//! this one, as nothing of a cluster is global, and those that are killed are this test program, started again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use timely::dataflow::operators::vec::Map;
use timely::dataflow::operators::{Exchange, Inspect, Probe};
use timely::dataflow::{InputHandle, ProbeHandle};
use timely::worker::Worker;
use vigie::cluster::tls::files::Identity;
use vigie::cluster::{Cluster, Door, EXIT_BUG, EXIT_PEER_LOST, Guard, Lost, Meeting, Tls, run};
use vigie::command::{self, Commands};

#[path = "../support/certificates.rs"]
mod certificates;
#[path = "../support/ports.rs"]
mod ports;

mod ending;
mod lost;
mod meeting;
mod tls;

use certificates::Authority;
use ports::port;

const HURRY: Duration = Duration::from_secs(20);
/// What "soon" means on a busy machine; the promise is 5 s.
const SOON: Duration = Duration::from_secs(10);

fn cluster(processes: usize, threads: usize) -> Vec<Cluster> {
    let addresses: Vec<_> = (0..processes).map(|_| format!("127.0.0.1:{}", port())).collect();
    let one = |process| {
        let addresses = addresses.clone();
        Cluster { addresses, process, threads, token: "secret".into(), ..Cluster::default() }
    };
    (0..processes).map(one).collect()
}

fn job() -> blake3::Hash {
    blake3::hash(b"job")
}

fn meet(cluster: &Cluster) -> Result<Meeting, Lost> {
    Door::open(cluster)?.meet(job(), HURRY)
}

/// One thread a process; what each answers, in order.
fn all<T: Send>(clusters: &[Cluster], process: impl Fn(&Cluster) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let threads: Vec<_> = clusters.iter().map(|cluster| scope.spawn(|| process(cluster))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no process panics")).collect()
    })
}

fn never_stuck(lost: &Lost) {
    panic!("a worker did not stop: {lost}");
}

/// Sends `rounds` numbers to each worker and answers the sum of what came.
fn exchange(worker: &mut Worker, guard: &Guard, rounds: u64) -> u64 {
    let mut input: InputHandle<u64, timely::container::CapacityContainerBuilder<Vec<u64>>> = InputHandle::new();
    let (probe, sum) = (ProbeHandle::new(), std::rc::Rc::new(std::cell::Cell::new(0)));
    let adding = sum.clone();
    worker.dataflow::<u64, _, _>(|scope| {
        input
            .to_stream(scope)
            .exchange(|number| *number)
            .inspect(move |number| adding.set(adding.get() + number))
            .probe_with(&probe);
    });
    for round in 0..rounds {
        (0..worker.peers() as u64).for_each(|number| input.send(number));
        input.advance_to(round + 1);
        while probe.less_than(&(round + 1)) {
            guard.check();
            worker.step_or_park(None);
        }
    }
    input.close();
    while !probe.done() {
        guard.check();
        worker.step_or_park(None);
    }
    sum.get()
}

/// Keeps all links full of large records, sent from inside an operator's session, until worker 1 panics.
fn flood(worker: &mut Worker, guard: &Guard, rounds: u64) -> u64 {
    let mut input: InputHandle<u64, timely::container::CapacityContainerBuilder<Vec<u64>>> = InputHandle::new();
    let (probe, peers) = (ProbeHandle::new(), worker.peers() as u64);
    worker.dataflow::<u64, _, _>(|scope| {
        input
            .to_stream(scope)
            .flat_map(move |_| (0..40 * peers).map(|to| (to, vec![7u64; 10_000])))
            .exchange(|(to, _)| *to)
            .probe_with(&probe);
    });
    for round in 0.. {
        assert!(worker.index() != 1 || round < rounds, "worker 1 has had enough");
        input.send(round);
        input.advance_to(round + 1);
        while probe.less_than(&round.saturating_sub(8)) {
            guard.check();
            worker.step_or_park(None);
        }
    }
    unreachable!("a flood has no end")
}

fn mistake<T>(answer: Result<T, Lost>) -> String {
    match answer {
        Err(Lost::Mistake(mistake)) => mistake.to_string(),
        Err(lost) => panic!("not a mistake: {lost}"),
        Ok(_) => panic!("no mistake"),
    }
}

fn loss<T: std::fmt::Debug>(answer: Result<T, Lost>) -> (usize, String) {
    match answer {
        Err(Lost::Peer { peer, why }) => (peer.index, why),
        other => panic!("not the loss of a peer: {other:?}"),
    }
}
