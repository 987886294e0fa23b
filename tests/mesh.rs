//! Three processes of a standing cluster, as threads of this one, over real sockets.

mod forward;
mod process;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use vigie::cluster::handshake::{self, Answer, Claim, Purpose, Refusal};
use vigie::cluster::tls::files::Identity;
use vigie::cluster::{Cluster, Door, Tls};
use vigie::mesh::{Generation, Host};

use crate::support::certificates::Authority;
use crate::support::ports::port;
use crate::support::wait;
use forward::Forwarder;
use process::{Process, together};

const DEAD_AFTER: Duration = Duration::from_secs(1);
/// What "at once" means on a busy machine.
const SOON: Duration = Duration::from_secs(10);

fn clusters(processes: usize) -> Vec<Cluster> {
    let addresses: Vec<_> = (0..processes).map(|_| format!("127.0.0.1:{}", port())).collect();
    let one = |process| {
        let (addresses, dead_after) = (addresses.clone(), DEAD_AFTER);
        Cluster { addresses, process, token: "secret".into(), dead_after, ..Cluster::default() }
    };
    (0..processes).map(one).collect()
}

fn file() -> blake3::Hash {
    blake3::hash(b"cluster.toml")
}

/// Catches an order of start in which one is left waiting, or in which two clusters come of one.
#[test]
fn three_become_one_whatever_comes_first() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let clusters = clusters(3);
        let mut processes = order.map(|process| Process::start(&clusters[process]));
        processes.sort_by_key(|process| process.host.process);
        let [zero, one, two] = &processes;
        let generation = together(&[zero, one, two]);
        assert_eq!(generation.members, [0, 1, 2], "started as {order:?}");
        let view = one.view();
        assert_eq!((view.me, view.processes, &view.present[..], &view.waits[..]), (1, 3, &[0, 1, 2][..], ""));
        wait("the statuses of all", || (one.view().statuses.len() == 3).then_some(()));
        assert_eq!(one.view().statuses[&2], b"\"process 2\"");
    }
}

/// Catches a loss after which the others stand still, and one that comes back and is left out.
#[test]
fn two_go_on_without_the_third_and_take_it_in_again() {
    let clusters = clusters(3);
    let mut processes: Vec<_> = clusters.iter().map(Process::start).collect();
    let mut last = together(&processes.iter().collect::<Vec<_>>()).number;
    for (gone, killed) in [(2, false), (0, true), (1, true), (0, false)] {
        let process = processes.remove(gone);
        match killed {
            true => process.kill(),
            false => drop(process),
        }
        let two = together(&processes.iter().collect::<Vec<_>>()).number;
        processes.insert(gone, Process::start(&clusters[gone]));
        let three = together(&processes.iter().collect::<Vec<_>>()).number;
        assert!(last < two && two < three, "{last}, {two}, {three}");
        assert!(processes[(gone + 1) % 3].view().last_reforming.is_some());
        last = three;
    }
}

/// Catches a lone process of a quorum that works, and one that does not say whom it waits for.
#[test]
fn one_of_three_waits_and_says_for_whom() {
    let clusters = clusters(3);
    let alone = Process::start(&clusters[0]);
    let waits = wait("words", || Some(alone.view().waits).filter(|words| words.contains("missing")));
    let (one, two) = (&clusters[0].addresses[1], &clusters[0].addresses[2]);
    let words = format!("2 of 3 processes are missing, and 2 are needed: process 1 ({one}); process 2 ({two})");
    assert_eq!(waits, words);
    assert_eq!(alone.view().generation, None);
}

/// Catches a stranger that disturbs those who work, or that does not hear what is wrong with it.
#[test]
fn strangers_are_named_and_disturb_nobody() {
    let clusters = clusters(3);
    let (zero, one) = (Process::start(&clusters[0]), Process::start(&clusters[1]));
    let before = together(&[&zero, &one]);
    let says = |two: &Process, words: &str| {
        wait(words, || Some(two.view().waits).filter(|waits| waits.contains(words)));
    };
    let guess = Cluster { token: "guess".into(), ..clusters[2].clone() };
    let words = "process 2 has another token than process 0: give both the same VIGIE_TOKEN";
    says(&Process::start(&guess), words);
    wait("both sides to say it", || zero.view().troubles.get(&2)?.contains(words).then_some(()));
    let other = Process::with(&clusters[2], blake3::hash(b"another"), (0, Bytes::new()));
    says(&other, "process 2 has another cluster.toml than process 0: give both the same");
    drop(other);
    let threads = Cluster { threads: 2, ..clusters[2].clone() };
    says(&Process::start(&threads), "started with -w 2");
    let run = wait("a free address", || Door::open(&clusters[2]).ok()).meet(file(), SOON).expect_err("a refusal");
    assert!(run.to_string().contains("a `vigie worker` stands at process"), "{run}");
    let mut half = TcpStream::connect(&clusters[0].addresses[0]).expect("someone listens");
    half.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("a sent line");
    assert_eq!(together(&[&zero, &one]), before);
    let two = Process::start(&clusters[2]);
    together(&[&zero, &one, &two]);
}

/// Catches a second process of the same index that takes the place of the first, which is alive.
#[test]
fn of_two_with_the_same_index_the_older_stays() {
    let clusters = clusters(2);
    let processes: Vec<_> = clusters.iter().map(Process::start).collect();
    let before = together(&processes.iter().collect::<Vec<_>>());
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&"127.0.0.2:0".parse::<SocketAddr>().expect("an address").into()).expect("another machine");
    socket.connect(&clusters[0].addresses[0].parse::<SocketAddr>().expect("an address").into()).expect("a link");
    let claim = Claim {
        version: env!("CARGO_PKG_VERSION").into(),
        config: *file().as_bytes(),
        processes: 2,
        threads: 1,
        process: 1,
        to: 0,
        generation: 0,
        purpose: Purpose::Control,
    };
    let answer = handshake::call(&mut TcpStream::from(socket).into(), &"secret".into(), &claim).expect("an answer");
    let words = "process 1 is already here from 127.0.0.1: give each process its own -p".into();
    assert_eq!(answer, Answer::Refused(Refusal::Mistake(words)));
    assert_eq!(together(&processes.iter().collect::<Vec<_>>()), before);
}

/// Catches a question that reaches another, an answer that is lost, and one who waits for the dead.
#[test]
fn what_one_asks_another_answers() {
    let clusters = clusters(2);
    let (zero, one) = (Process::start(&clusters[0]), Process::start(&clusters[1]));
    together(&[&zero, &one]);
    assert_eq!(zero.ask(1, "who", SOON).unwrap(), "1 to 0: who");
    assert_eq!(one.ask(0, "who", SOON).unwrap(), "0 to 1: who");
    assert_eq!(one.ask(1, "who", SOON).unwrap(), "1 to 1: who");
    assert!(one.ask(7, "who", SOON).unwrap_err().contains("no process 7"));
    assert!(zero.ask(1, "hang", Duration::from_millis(50)).unwrap_err().contains("did not answer within 50ms"));
    let leaving = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        drop(one);
    });
    assert!(zero.ask(1, "hang", SOON).unwrap_err().contains("is gone, and had not answered"));
    leaving.join().expect("it leaves");
    assert!(zero.ask(1, "who", SOON).unwrap_err().contains("is not connected"));
}

/// Catches a generation that begins with an older list of jobs than one of its members has.
#[test]
fn the_newest_list_of_jobs_is_everyones() {
    let clusters = clusters(3);
    let versions = [3, 5, 4];
    let start = |(cluster, version): (&Cluster, u64)| {
        Process::with(cluster, file(), (version, format!("list {version}").into()))
    };
    let processes: Vec<_> = clusters.iter().zip(versions).map(start).collect();
    together(&processes.iter().collect::<Vec<_>>());
    for process in &processes {
        wait("the newest list", || (process.host.roster() == (5, "list 5".into())).then_some(()));
    }
}

/// Catches a process alone that waits, and one that opens a port.
#[test]
fn a_process_alone_begins_at_once() {
    let alone = Cluster { addresses: vec!["nowhere.invalid:1".into()], threads: 2, ..Cluster::default() };
    let process = Process::start(&alone);
    wait("its workers", || (*process.host.workers.lock().unwrap() == 2).then_some(()));
    assert_eq!(process.view().generation, Some(Generation { number: 1, members: vec![0] }));
}

/// Catches a silent link that is trusted, on either side of it, and a process that stays out when it is heard again.
#[test]
fn a_process_that_is_not_heard_is_left_out_until_it_is() {
    let clusters = clusters(3);
    let ways = [0, 1].map(|lower: usize| Forwarder::start(clusters[2].addresses[lower].clone()));
    let mut far = clusters[2].clone();
    for (address, way) in far.addresses.iter_mut().zip(&ways) {
        *address = format!("127.0.0.1:{}", way.port);
    }
    let (zero, one, two) = (Process::start(&clusters[0]), Process::start(&clusters[1]), Process::start(&far));
    together(&[&zero, &one, &two]);
    ways.iter().for_each(|way| way.hole.store(true, Ordering::Release));
    together(&[&zero, &one]);
    let fenced = wait("the third to stop", || Some(two.view()).filter(|view| view.generation.is_none()));
    assert!(fenced.waits.contains("missing") || fenced.waits.contains("stopping"), "{fenced:?}");
    ways.iter().for_each(|way| way.hole.store(false, Ordering::Release));
    together(&[&zero, &one, &two]);
}

/// Catches links whose bytes others can read, control or data, and TLS that a process does not come through.
#[test]
fn with_tls_nobody_between_two_reads_what_they_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path());
    authority.sign("own", &["127.0.0.1"]);
    let [ca, certificate, key] = ["ca.pem", "own.pem", "own.key"].map(|name| authority.file(name));
    let tls = Tls::new(&Identity::read(&ca, &certificate, &key).expect("files")).expect("a pair");
    for tls in [None, Some(tls)] {
        let is_plain = tls.is_none();
        let clusters: Vec<_> = clusters(2).into_iter().map(|one| Cluster { tls: tls.clone(), ..one }).collect();
        let way = Forwarder::start(clusters[1].addresses[0].clone());
        let mut far = clusters[1].clone();
        far.addresses[0] = format!("127.0.0.1:{}", way.port);
        let zero = Process::with(&clusters[0], file(), (3, Bytes::from_static(b"the text of a job")));
        let mut one = Process::start(&far);
        together(&[&zero, &one]);
        assert_eq!(one.ask(0, "a question", SOON).unwrap(), "0 to 1: a question");
        one.kill();
        one = Process::start(&far);
        together(&[&zero, &one]);
        wait("the list of jobs", || (one.host.roster().1 == "the text of a job").then_some(()));
        let seen = way.seen.lock().expect("nothing panics while it holds that").clone();
        for said in ["the text of a job", "a question", "process 1"] {
            let is_seen = seen.windows(said.len()).any(|bytes| bytes == said.as_bytes());
            assert_eq!(is_seen, is_plain, "{said}");
        }
        assert!(!seen.windows(6).any(|bytes| bytes == b"secret"), "the token never travels");
    }
}
