//! The same over TLS.

use super::*;

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
