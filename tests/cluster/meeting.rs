//! Who comes together, and who is sent away with which words.

use super::*;

#[test]
fn one_process_opens_nothing() {
    let alone = Cluster { addresses: vec!["nowhere.invalid:1".into()], threads: 2, ..Cluster::default() };
    assert_eq!(run(&alone, job(), never_stuck, |worker, guard| exchange(worker, guard, 3)), Ok(vec![0, 6]));
    let alone = Cluster { threads: 1, ..alone };
    assert_eq!(run(&alone, job(), never_stuck, |worker, _| worker.peers()), Ok(vec![1]));
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
