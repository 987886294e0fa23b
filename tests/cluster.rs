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

#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/ports.rs"]
mod ports;

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

#[test]
fn one_process_opens_nothing() {
    let alone = Cluster { addresses: vec!["nowhere.invalid:1".into()], threads: 2, ..Cluster::default() };
    assert_eq!(run(&alone, job(), never_stuck, |worker, guard| exchange(worker, guard, 3)), Ok(vec![0, 6]));
    let alone = Cluster { threads: 1, ..alone };
    assert_eq!(run(&alone, job(), never_stuck, |worker, _| worker.peers()), Ok(vec![1]));
}

/// A false loss at a clean end: one process is always done a little before the others.
#[test]
fn clusters_form_work_and_end_again_and_again() {
    for round in 0..20 {
        let clusters = cluster(2 + round % 2, 1 + round % 2);
        let workers = (clusters.len() * clusters[0].threads) as u64;
        let sums =
            all(&clusters, |cluster| run(cluster, job(), never_stuck, |worker, guard| exchange(worker, guard, 5)));
        let sums: Vec<u64> = sums.into_iter().flat_map(|sums| sums.expect("a clean end")).collect();
        assert_eq!(sums, (0..workers).map(|worker| worker * workers * 5).collect::<Vec<_>>());
    }
}

/// What a CA has signed, as a process has it.
fn tls(authority: &Authority, name: &str) -> Option<Tls> {
    let file = |end: &str| authority.file(&format!("{name}.{end}"));
    let identity = Identity::read(&authority.file("ca.pem"), &file("pem"), &file("key"));
    Some(Tls::new(&identity.expect("sound files")).expect("a pair"))
}

/// Catches encrypted links that end otherwise than plain ones: a false loss, a panic that nobody else hears of, links that
/// block each other when they are full.
#[test]
fn a_cluster_with_tls_works_and_ends_as_one_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path());
    authority.sign("own", &["127.0.0.1"]);
    let secure = |processes, threads| {
        let clusters = cluster(processes, threads).into_iter();
        clusters.map(|cluster| Cluster { tls: tls(&authority, "own"), ..cluster }).collect::<Vec<_>>()
    };
    for threads in [1, 2, 1] {
        let sums = all(&secure(3, threads), |cluster| {
            run(cluster, job(), never_stuck, |worker, guard| exchange(worker, guard, 50))
        });
        let sums: Vec<u64> = sums.into_iter().flat_map(|sums| sums.expect("a clean end")).collect();
        let workers = 3 * threads as u64;
        assert_eq!(sums, (0..workers).map(|worker| worker * workers * 50).collect::<Vec<_>>());
    }
    let ends = all(&secure(3, 1), |cluster| run(cluster, job(), never_stuck, |worker, guard| flood(worker, guard, 30)));
    assert!(matches!(&ends[1], Err(Lost::Panic { worker: 1, .. })), "{:?}", ends[1]);
    for process in [0, 2] {
        assert_eq!(loss(ends[process].clone()).0, 1);
    }
}

/// Catches a process that is let in with a certificate of another CA, for another host or without one, or that waits and
/// does not hear why; and one that ends the start of the others by that.
#[test]
fn a_certificate_that_does_not_do_is_refused_in_words() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let [ours, theirs] = folders.each_ref().map(|folder| Authority::new(folder.path()));
    [&ours, &theirs].into_iter().for_each(|authority| authority.sign("own", &["127.0.0.1"]));
    ours.sign("elsewhere", &["elsewhere.example"]);
    let clusters = cluster(2, 1).into_iter().map(|one| Cluster { tls: tls(&ours, "own"), ..one }).collect::<Vec<_>>();
    thread::scope(|scope| {
        let zero = scope.spawn(|| meet(&clusters[0]));
        let words = mistake(meet(&Cluster { tls: tls(&theirs, "own"), ..clusters[1].clone() }));
        assert!(words.starts_with("process 0 (127.0.0.1:") && words.contains("is not signed by `ca`"), "{words}");
        let words = mistake(meet(&Cluster { tls: None, ..clusters[1].clone() }));
        assert_eq!(
            words,
            "process 1 calls without TLS, and process 0 has it: give both the same [tls] in cluster.toml"
        );
        let one = meet(&clusters[1]).expect("the right certificate");
        assert_eq!(zero.join().unwrap().expect("a cluster").generation, one.generation);
    });
    let elsewhere = Cluster { tls: tls(&ours, "elsewhere"), ..clusters[0].clone() };
    let plain = Cluster { tls: None, ..clusters[0].clone() };
    for (zero, expected) in [(elsewhere, "does not name 127.0.0.1"), (plain, "speaks no TLS")] {
        thread::scope(|scope| {
            let zero = scope.spawn(move || Door::open(&zero)?.meet(job(), Duration::from_secs(2)));
            let words = mistake(meet(&clusters[1]));
            assert!(words.contains(expected), "{words}");
            assert!(matches!(zero.join().unwrap(), Err(Lost::Missing(_))), "nobody else came");
        });
    }
}

#[test]
fn all_learn_the_same_generation_and_a_door_serves_several() {
    let clusters = cluster(3, 1);
    let generations = all(&clusters, |cluster| {
        let door = Door::open(cluster).expect("a free port");
        let generation = || {
            let meeting = door.meet(job(), HURRY).expect("a cluster");
            let generation = meeting.generation;
            meeting.run(never_stuck, |worker, guard| exchange(worker, guard, 2)).expect("a clean end");
            generation
        };
        [generation(), generation(), generation()]
    });
    assert!(generations.iter().all(|one| *one == generations[0]), "{generations:?}");
    assert!(generations[0].is_sorted_by(|one, next| one < next), "{generations:?}");
}

#[test]
fn a_port_in_use_and_a_foreign_address_are_told_apart() {
    let clusters = cluster(2, 1);
    let _first = Door::open(&clusters[0]).expect("a free port");
    let words = Door::open(&clusters[0]).expect_err("a second process").to_string();
    assert!(words.contains("is another process running with -p 0?"), "{words}");
    let far = Cluster { addresses: vec!["192.0.2.1:2101".into(), "192.0.2.2:2101".into()], ..clusters[0].clone() };
    let words = Door::open(&far).expect_err("not here").to_string();
    assert!(words.contains("no address of this machine"), "{words}");
    let nameless = Cluster { addresses: vec!["nowhere.invalid:1".into(), "a:1".into()], ..far };
    let words = Door::open(&nameless).expect_err("no name").to_string();
    assert!(words.contains("can't be resolved"), "{words}");
}

#[test]
fn what_must_be_the_same_is_and_both_sides_say_so() {
    let differ = |second: &(dyn Fn(Cluster) -> (Cluster, blake3::Hash) + Sync)| {
        let clusters = cluster(3, 1);
        let doors = all(&clusters[..2], |cluster| {
            let (cluster, job) = match cluster.process {
                0 => (cluster.clone(), job()),
                _ => second(cluster.clone()),
            };
            mistake(Door::open(&cluster).expect("a free port").meet(job, HURRY))
        });
        assert_eq!(doors[0], doors[1], "both sides say the same");
        doors[0].clone()
    };
    let words = differ(&|cluster| (cluster, blake3::hash(b"another")));
    assert_eq!(words, "process 1 runs another job file than process 0: give both the same");
    let words = differ(&|cluster| (Cluster { threads: 2, ..cluster }, job()));
    assert_eq!(words, "process 1 was started with -w 2, but process 0 with -w 1: give both the same");
    let words = differ(&|mut cluster| {
        cluster.addresses.pop();
        (cluster, job())
    });
    assert_eq!(words, "process 1 was started with -n 2, but process 0 with -n 3: give both the same");
}

#[test]
fn addresses_in_another_order_are_found() {
    let clusters = cluster(3, 1);
    let words = all(&clusters, |cluster| {
        let mut cluster = cluster.clone();
        if cluster.process == 2 {
            cluster.addresses.swap(0, 1);
        }
        mistake(meet(&cluster))
    });
    assert!(words.iter().all(|one| *one == words[0]), "{words:?}");
    assert!(words[0].starts_with("process 2 took process 1 for process 0"), "{words:?}");
}

/// The rest of the cluster must not wait out its patience when two others have found that they don't fit.
#[test]
fn everybody_hears_why_there_is_no_cluster() {
    let clusters = cluster(3, 1);
    let words = all(&clusters, |cluster| {
        let job = if cluster.process == 2 { blake3::hash(b"another") } else { job() };
        mistake(Door::open(cluster).expect("a free port").meet(job, HURRY))
    });
    for words in words {
        assert_eq!(words, "process 2 runs another job file than process 0: give both the same");
    }
}

#[test]
fn a_wrong_token_is_refused_in_words_and_ends_nobody_elses_start() {
    let clusters = cluster(2, 1);
    thread::scope(|scope| {
        let zero = scope.spawn(|| meet(&clusters[0]));
        let wrong = Cluster { token: "guess".into(), ..clusters[1].clone() };
        let words = mistake(meet(&wrong));
        assert_eq!(words, "process 1 has another token than process 0: give both the same VIGIE_TOKEN");
        let one = meet(&clusters[1]).expect("the right token");
        assert_eq!(zero.join().unwrap().expect("a cluster").generation, one.generation);
    });
}

#[test]
fn the_second_of_two_with_the_same_index_is_sent_away() {
    let clusters = cluster(3, 1);
    thread::scope(|scope| {
        let first = scope.spawn(|| meet(&clusters[0]));
        let (sender, here) = channel();
        let second = scope.spawn({
            let cluster = &clusters[1];
            move || {
                let door = Door::open(cluster).expect("a free port");
                sender.send(()).unwrap();
                door.meet(job(), HURRY)
            }
        });
        here.recv().unwrap();
        // On another machine, the same -p has an address of its own. One of the two comes first.
        let mut twin = clusters[1].clone();
        twin.addresses[1] = format!("127.0.0.1:{}", port());
        let twin = scope.spawn(move || meet(&twin));
        while !twin.is_finished() && !second.is_finished() {
            thread::yield_now();
        }
        let words = match twin.is_finished() {
            true => mistake(twin.join().unwrap()),
            false => mistake(second.join().unwrap()),
        };
        assert!(words.starts_with("process 1 is already here from 127.0.0.1:"), "{words}");
        // What is left can't be a whole cluster; a process 2 of another job ends it.
        let last = Door::open(&clusters[2]).expect("a free port").meet(blake3::hash(b"another"), HURRY);
        mistake(last);
        mistake(first.join().unwrap());
    });
}

#[test]
fn strangers_at_the_door_are_ignored() {
    let clusters = cluster(2, 1);
    thread::scope(|scope| {
        let door = Door::open(&clusters[0]).expect("a free port");
        let _silent = TcpStream::connect(&clusters[0].addresses[0]).expect("an open door");
        let mut http = TcpStream::connect(&clusters[0].addresses[0]).expect("an open door");
        http.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut half = TcpStream::connect(&clusters[0].addresses[0]).expect("an open door");
        half.write_all(b"vigie\0\0\x02abc").unwrap();
        let noise: Vec<u8> = (0..100_000u32).map(|n| (n * 31 % 251) as u8).collect();
        let _ = TcpStream::connect(&clusters[0].addresses[0]).expect("an open door").write_all(&noise);
        let zero = scope.spawn(move || door.meet(job(), HURRY));
        let mut answer = Vec::new();
        let _ = http.read_to_end(&mut answer);
        assert!(answer.is_empty(), "a stranger is told nothing");
        let one = meet(&clusters[1]).expect("a cluster");
        assert_eq!(zero.join().unwrap().expect("a cluster").generation, one.generation);
    });
}

/// Catches a stranger that keeps a process with TLS from its own, or that makes it panic.
#[test]
fn strangers_at_a_door_with_tls_are_ignored() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path());
    authority.sign("own", &["127.0.0.1"]);
    let clusters = cluster(2, 1).into_iter().map(|one| Cluster { tls: tls(&authority, "own"), ..one });
    let clusters: Vec<_> = clusters.collect();
    let door = Door::open(&clusters[0]).expect("a free port");
    let noise: Vec<u8> = (0..100_000u32).map(|n| (n * 31 % 251) as u8).collect();
    let words: [&[u8]; 5] =
        [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &noise];
    let strangers = words.map(|words| {
        let mut stranger = TcpStream::connect(&clusters[0].addresses[0]).expect("an open door");
        let _ = stranger.write_all(words);
        stranger
    });
    thread::scope(|scope| {
        let zero = scope.spawn(move || door.meet(job(), HURRY));
        let one = meet(&clusters[1]).expect("a cluster");
        assert_eq!(zero.join().unwrap().expect("a cluster").generation, one.generation);
    });
    drop(strangers);
}

#[test]
fn who_does_not_come_is_named() {
    let clusters = cluster(3, 1);
    let start = |cluster: &Cluster, patience| Door::open(cluster).unwrap().meet(job(), patience).expect_err("nobody");
    let soon = Duration::from_millis(1500);
    let answers = all(&clusters[..2], |cluster| start(cluster, if cluster.process == 0 { soon } else { HURRY }));
    let missing = format!("process 2 ({}) did not come within 1.5 s: start it with -p 2", clusters[2].addresses[2]);
    assert_eq!(answers, [Lost::Missing(missing.clone()), Lost::Missing(missing)], "process 0 tells the other");
    let alone = start(&clusters[2], soon).to_string();
    assert!(alone.contains("process 0") && alone.contains("process 1") && alone.contains("refused"), "{alone}");
}

/// A process that dies while the others gather leaves links to the dead; the rest must meet anew.
#[test]
fn one_that_comes_back_while_others_gather_is_taken_in() {
    let clusters = cluster(3, 1);
    thread::scope(|scope| {
        let zero = scope.spawn(|| meet(&clusters[0]));
        let hasty = Door::open(&clusters[1]).expect("a free port").meet(job(), Duration::from_millis(300));
        assert!(matches!(hasty, Err(Lost::Missing(_))), "{hasty:?}");
        let rest = all(&clusters[1..], |cluster| meet(cluster).expect("a cluster").generation);
        assert_eq!(rest, [zero.join().unwrap().expect("a cluster").generation; 2]);
    });
}

#[test]
fn a_panic_in_one_worker_ends_all_workers_of_all_processes() {
    for threads in [1, 2] {
        let clusters = cluster(3, threads);
        let answers = all(&clusters, |cluster| {
            run(cluster, job(), never_stuck, move |worker, guard| {
                let (index, mut input) =
                    (worker.index(), InputHandle::<u64, timely::container::CapacityContainerBuilder<Vec<u64>>>::new());
                worker.dataflow::<u64, _, _>(|scope| {
                    input.to_stream(scope).exchange(|number| *number).map(move |number| match index {
                        1 if number == 1 => std::panic::resume_unwind(Box::new("an operator's mistake")),
                        _ => number,
                    });
                });
                (0..worker.peers() as u64).for_each(|number| input.send(number));
                input.advance_to(1);
                loop {
                    guard.check();
                    worker.step_or_park(None);
                }
            })
            .map(|_: Vec<()>| ())
        });
        let guilty = 1 / threads;
        for (index, answer) in answers.into_iter().enumerate() {
            match index == guilty {
                true => {
                    let lost = answer.expect_err("a panic");
                    assert_eq!(lost, Lost::Panic { worker: 1, what: "an operator's mistake".into() });
                    assert_eq!(lost.exit_code(), EXIT_BUG);
                }
                false => assert_eq!(loss(answer.clone()).0, guilty, "process {index}: {answer:?}"),
            }
        }
    }
}

/// Without the guard, timely leaves the other worker of a lone process parked for ever.
#[test]
fn a_panic_wakes_the_parked_worker_beside_it() {
    let alone = Cluster { threads: 2, ..cluster(1, 2).remove(0) };
    let answer = run(&alone, job(), never_stuck, |worker, guard| {
        if worker.index() == 0 {
            std::panic::resume_unwind(Box::new("a mistake".to_string()));
        }
        loop {
            guard.check();
            worker.step_or_park(None);
        }
    })
    .map(|_: Vec<()>| ());
    assert_eq!(answer, Err(Lost::Panic { worker: 0, what: "a mistake".into() }));
}

#[test]
fn a_worker_stuck_in_foreign_code_is_given_up() {
    let alone = Cluster { threads: 2, ..cluster(1, 2).remove(0) };
    let (release, stuck) = channel::<()>();
    let stuck = Mutex::new(stuck);
    let given_up = move |lost: &Lost| {
        assert_eq!(lost.exit_code(), EXIT_BUG);
        release.send(()).unwrap();
    };
    let answer = run(&alone, job(), given_up, move |worker, _| match worker.index() {
        0 => std::panic::resume_unwind(Box::new("a mistake")),
        // It hears of nothing until the watch would have ended the process.
        _ => stuck.lock().unwrap().recv().expect("the watch gives up"),
    });
    assert!(matches!(answer, Err(Lost::Panic { worker: 0, .. })), "{answer:?}");
}

#[test]
fn an_order_reaches_every_worker_of_every_process() {
    let clusters = cluster(2, 2);
    let answers = all(&clusters, |cluster| {
        let (orders, inbox) = command::orders();
        let inbox = Mutex::new(Some(inbox));
        let process = cluster.process;
        let given = thread::spawn(move || (process == 1).then(|| orders.give(command::Command::Leave)));
        let heard = run(cluster, job(), never_stuck, move |worker, guard| {
            let first = worker.index() == process * 2;
            let mut commands = Commands::new(worker, first.then(|| inbox.lock().unwrap().take()).flatten());
            loop {
                guard.check();
                let heard = commands.poll();
                if !heard.is_empty() {
                    return heard;
                }
                worker.step_or_park(None);
            }
        });
        given.join().unwrap();
        heard.expect("a clean end")
    });
    assert_eq!(answers, vec![vec![vec![command::Command::Leave]; 2]; 2]);
}

/// This program, started again as one process of a cluster: see [`child`].
struct Process(Child);

impl Process {
    fn start(cluster: &Cluster, work: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("a program"));
        command.args(["child", "--exact", "--nocapture", "--test-threads=1"]);
        command.env("VIGIE_TEST_CHILD", format!("{} {} {work}", cluster.process, cluster.threads));
        command.env("VIGIE_TEST_ADDRESSES", cluster.addresses.join(" "));
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process"))
    }

    /// Waits until its workers run.
    fn is_up(&mut self) {
        let stdout = self.0.stdout.as_mut().expect("a pipe");
        let up = BufReader::new(stdout).lines().map_while(Result::ok).any(|line| line.contains("child is up"));
        assert!(up, "a child ended before it was up");
    }

    /// Its exit code, and all that it said to the user.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.0.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        (self.0.wait().expect("an end").code(), said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// No test of its own: what [`Process`] runs.
#[test]
fn child() {
    let Ok(what) = std::env::var("VIGIE_TEST_CHILD") else { return };
    let [process, threads, work] = what.split(' ').collect::<Vec<_>>().try_into().expect("three words");
    let addresses = std::env::var("VIGIE_TEST_ADDRESSES").expect("addresses");
    let cluster = Cluster {
        addresses: addresses.split(' ').map(String::from).collect(),
        process: process.parse().expect("an index"),
        threads: threads.parse().expect("a number"),
        token: "secret".into(),
        ..Cluster::default()
    };
    let (work, first) = (work.to_string(), cluster.process * cluster.threads);
    let ended = run(&cluster, job(), never_stuck, move |worker, guard| {
        if worker.index() == first {
            println!("child is up");
        }
        match work.as_str() {
            "flood" => flood(worker, guard, u64::MAX),
            "panic" => flood(worker, guard, 20),
            "busy" => exchange(worker, guard, u64::MAX),
            "idle" => loop {
                guard.check();
                worker.step_or_park(None);
            },
            rounds => exchange(worker, guard, rounds.parse().expect("a number of rounds")),
        }
    });
    let code = ended.map_or_else(
        |lost| {
            eprintln!("{lost}");
            lost.exit_code()
        },
        |_| 0,
    );
    std::process::exit(code);
}

fn killed(processes: usize, threads: usize, work: &str) {
    let clusters = cluster(processes, threads);
    let mut children: Vec<_> = clusters.iter().map(|cluster| Process::start(cluster, work)).collect();
    children.iter_mut().for_each(Process::is_up);
    let victim = processes - 2;
    children[victim].0.kill().expect("a living child");
    let killed = Instant::now();
    children.remove(victim);
    for child in children {
        let (code, said) = child.end();
        assert_eq!(code, Some(EXIT_PEER_LOST), "process {victim} was killed: {said}");
        let name = format!("process {victim} ({}) is gone: ", clusters[0].addresses[victim]);
        assert!(said.starts_with(&name) && said.lines().count() == 1, "one sentence, about process {victim}: {said}");
    }
    assert!(killed.elapsed() < SOON, "{:?}", killed.elapsed());
}

#[test]
fn survivors_name_the_one_that_was_killed_at_work() {
    killed(2, 1, "busy");
    killed(3, 2, "busy");
}

/// A queue that timely has poisoned while another worker is in the middle of a session would abort the process: the
/// session flushes when it is dropped, and panics again.
#[test]
fn survivors_end_in_order_however_full_the_links_are() {
    for _ in 0..3 {
        killed(2, 2, "flood");
        killed(3, 2, "flood");
    }
}

/// A user who sees one message a thread sees none.
#[test]
fn a_panic_is_printed_once_and_a_loss_is_one_sentence() {
    for _ in 0..3 {
        let clusters = cluster(2, 2);
        let children: Vec<_> = clusters.iter().map(|cluster| Process::start(cluster, "panic")).collect();
        let [zero, one] = children.into_iter().map(Process::end).collect::<Vec<_>>().try_into().expect("two");
        assert_eq!((zero.0, one.0), (Some(EXIT_BUG), Some(EXIT_PEER_LOST)), "{} {}", zero.1, one.1);
        assert_eq!(zero.1.matches("panicked at").count(), 1, "{}", zero.1);
        let last = "worker 1 stopped by a mistake in the program: worker 1 has had enough";
        assert_eq!(zero.1.lines().last(), Some(last));
        assert!(one.1.starts_with("process 0 (") && one.1.lines().count() == 1, "{}", one.1);
    }
}

#[test]
fn survivors_name_the_one_that_was_killed_while_all_are_parked() {
    killed(2, 2, "idle");
    killed(3, 1, "idle");
}

#[test]
fn processes_that_end_say_nothing() {
    let clusters = cluster(3, 1);
    let children: Vec<_> = clusters.iter().map(|cluster| Process::start(cluster, "10")).collect();
    for child in children {
        assert_eq!(child.end(), (Some(0), String::new()));
    }
}
