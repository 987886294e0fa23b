//! Connections over real sockets, and what is said when there is none.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::certificates::Authority;
use super::files::{Identity, certificates, provider};
use super::{Tls, TlsTable, shake};
use crate::cluster::handshake::{Claim, Purpose, Refusal, Stranger};
use crate::cluster::knock::{self, Called};
use crate::cluster::{Cluster, Wire};

const PATIENCE: Duration = Duration::from_secs(20);
/// More than the system keeps for a connection that nobody reads.
const MUCH: usize = 16 << 20;

fn identity(authority: &Authority, name: &str) -> Identity {
    let file = |name: String| authority.file(&name);
    Identity::read(&file("ca.pem".into()), &file(format!("{name}.pem")), &file(format!("{name}.key"))).expect("files")
}

/// A CA that has signed for the two ends of a test.
fn authority(folder: &Path) -> Authority {
    let authority = Authority::new(folder);
    authority.sign("own", &["localhost", "127.0.0.1"]);
    authority
}

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let caller = TcpStream::connect(listener.local_addr().expect("an address")).expect("someone listens");
    (caller, listener.accept().expect("a caller").0)
}

/// Both ends of a connection.
fn ends() -> (Wire, Wire) {
    let folder = tempfile::tempdir().expect("a folder");
    let tls = Tls::new(&identity(&authority(folder.path()), "own")).expect("a pair");
    let (caller, callee) = sockets();
    let (here, there) = thread::scope(|scope| {
        let answered = scope.spawn(|| tls.answer(&callee).expect("TLS"));
        (tls.call(&caller, "127.0.0.1").expect("TLS"), answered.join().expect("no panic"))
    });
    let (here, there) = (Wire::secure(caller, here), Wire::secure(callee, there));
    for wire in [&here, &there] {
        wire.set_read_timeout(Some(PATIENCE)).expect("a socket");
    }
    (here, there)
}

fn noise() -> Vec<u8> {
    (0..MUCH as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Writes and reads at the same time, and ends its direction.
fn exchange(mut wire: Wire, noise: &[u8]) {
    let mut writer = wire.try_clone().expect("a handle");
    thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(noise).expect("it is taken");
            writer.shutdown(Shutdown::Write).expect("a goodbye");
        });
        let mut heard = Vec::new();
        wire.read_to_end(&mut heard).expect("it comes");
        assert!(heard == noise, "it comes as it was sent");
    });
}

/// Catches two that wait for each other because both directions are full, records that change places, and an end that does
/// not come.
#[test]
fn both_directions_may_be_full() {
    let ((here, there), noise) = (ends(), noise());
    thread::scope(|scope| {
        scope.spawn(|| exchange(here, &noise));
        scope.spawn(|| exchange(there, &noise));
    });
}

/// Catches the same between a task, which may not wait, and a thread.
#[test]
fn a_task_may_have_one_end() {
    let ((here, there), noise) = (ends(), noise());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    thread::scope(|scope| {
        scope.spawn(|| exchange(there, &noise));
        runtime.block_on(async {
            let (mut reader, mut writer) = here.into_halves().expect("a socket");
            let mut heard = Vec::new();
            let speak = async {
                writer.write_all(&noise).await.expect("it is taken");
                writer.flush().await.expect("it is sent");
                writer.shutdown().await.expect("a goodbye");
            };
            let (heard_all, ()) = tokio::join!(reader.read_to_end(&mut heard), speak);
            heard_all.expect("it comes");
            assert!(heard == noise, "it comes as it was sent");
        });
    });
}

/// Catches an end of one direction that ends both, or that is not heard.
#[test]
fn one_direction_ends_before_the_other() {
    let (mut here, mut there) = ends();
    here.write_all(b"the last words").expect("it is taken");
    here.shutdown(Shutdown::Write).expect("a goodbye");
    let mut heard = String::new();
    there.read_to_string(&mut heard).expect("an end");
    assert_eq!(heard, "the last words");
    there.write_all(b"an answer").expect("this direction goes on");
    drop(there);
    heard.clear();
    here.read_to_string(&mut heard).expect("an end, without a goodbye");
    assert_eq!(heard, "an answer");
}

/// Catches an end for which a writer is waited that nobody reads from: a process that hangs would never be let go of.
#[test]
fn who_is_stuck_is_let_go_of() {
    let (here, _there) = ends();
    let (mut writer, mut reader) = (here.try_clone().expect("a handle"), here.try_clone().expect("a handle"));
    thread::scope(|scope| {
        let stuck = scope.spawn(move || writer.write_all(&noise()).expect_err("nobody reads"));
        // It waits with nothing to read; what comes of both is the same whenever the end comes.
        let waiting = scope.spawn(move || reader.read(&mut [0; 16]).unwrap_or_default());
        here.shutdown(Shutdown::Both).expect("a socket");
        stuck.join().expect("no panic");
        assert_eq!(waiting.join().expect("no panic"), 0);
    });
}

/// What a caller and a callee hear that have these identities, where the address is of that host.
fn meet(caller: Option<Tls>, callee: Option<Tls>, host: &str) -> (Result<(), String>, Result<(), Stranger>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let cluster = |process, tls| Cluster {
        addresses: vec![format!("{host}:{port}"), "127.0.0.1:1".into()],
        process,
        token: "a token for tests".into(),
        tls,
        ..Cluster::default()
    };
    let (zero, one) = (cluster(0, callee), cluster(1, caller));
    thread::scope(|scope| {
        let hearing = scope.spawn(move || {
            let (mut wire, knock) = knock::hear(&zero, listener.accept().expect("a caller").0, PATIENCE)?;
            let mine = Claim::of(&zero, blake3::hash(b""), 0, Purpose::Run, 7);
            super::super::handshake::welcome(&mut wire, &zero.token, &knock, mine).map_err(Stranger::from)
        });
        let claim = Claim::of(&one, blake3::hash(b""), 0, Purpose::Run, 0);
        let called = match knock::call(&one, &claim, PATIENCE) {
            Ok(Called::In(..)) => Ok(()),
            Ok(Called::Refused(Refusal::Mistake(words) | Refusal::Missing(words))) => Err(words),
            Ok(Called::Later) => panic!("nobody said so"),
            Err(error) => Err(format!("not in words: {error}")),
        };
        (called, hearing.join().expect("no panic"))
    })
}

fn told(stranger: Result<(), Stranger>) -> String {
    match stranger {
        Err(Stranger::SentAway(_, words) | Stranger::Distrusted(words)) => words,
        other => panic!("not in words: {other:?}"),
    }
}

/// Catches a side that is let in, waits or hears nothing when the other one has no TLS, or a certificate that does not do.
#[test]
fn each_side_hears_why_they_do_not_meet() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let [ours, theirs] = folders.each_ref().map(|folder| authority(folder.path()));
    ours.sign("elsewhere", &["camera.example"]);
    ours.sign_until("old", &["127.0.0.1"], 2001);
    let tls = |authority, name| Some(Tls::new(&identity(authority, name)).expect("a pair"));
    let own = || tls(&ours, "own");
    let (called, heard) = meet(own(), own(), "127.0.0.1");
    assert!(called.is_ok() && heard.is_ok(), "{called:?} {heard:?}");
    let cases = [
        (None, own(), "process 1 calls without TLS", "process 1 calls without TLS"),
        (own(), None, "speaks no TLS", "it speaks TLS, and this process does not"),
        (tls(&theirs, "own"), own(), "its certificate is not signed by `ca`", "not signed by the `ca` there"),
        (
            own(),
            tls(&ours, "elsewhere"),
            "does not name 127.0.0.1: its subjectAltName has to",
            "does not take the certificate",
        ),
        (own(), tls(&ours, "old"), "has expired", "it has expired"),
        (tls(&ours, "old"), own(), "does not take the certificate of this process (it has expired)", "has expired"),
    ];
    for (caller, callee, here, there) in cases {
        let (called, heard) = meet(caller, callee, "127.0.0.1");
        let (called, heard) = (called.expect_err(here), told(heard));
        assert!(called.contains(here) && called.contains("cluster.toml"), "{called:?} is to hold {here:?}");
        assert!(heard.contains(there), "{heard:?} is to hold {there:?}");
    }
}

/// Catches a caller that is let in although it shows no certificate.
#[test]
fn a_caller_without_a_certificate_is_sent_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = authority(folder.path());
    let tls = Tls::new(&identity(&ours, "own")).expect("a pair");
    let mut roots = RootCertStore::empty();
    roots.add(certificates(&ours.file("ca.pem")).expect("a file").remove(0)).expect("a CA");
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let mut config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![super::MESH.to_vec()];
    let (caller, callee) = sockets();
    let cluster = Cluster { tls: Some(tls), ..Cluster::default() };
    thread::scope(|scope| {
        let hearing = scope.spawn(|| knock::hear(&cluster, callee, PATIENCE).map(drop));
        let name = "127.0.0.1".try_into().expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).expect("sound settings");
        let connection = shake(&caller, connection.into()).expect("its own part is done");
        let error = Wire::secure(caller, connection).read(&mut [0; 1]).expect_err("it is sent away");
        assert!(error.to_string().contains("CertificateRequired"), "{error}");
        let words = told(hearing.join().expect("no panic"));
        assert!(words.contains("it shows no certificate"), "{words}");
    });
}

/// Catches files that are not what they should be and are found out about when somebody calls, and mistakes without a place.
#[test]
fn each_wrong_file_is_named() {
    let (folder, foreign) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let ours = authority(folder.path());
    ours.sign("other", &["localhost"]);
    ours.sign_until("old", &["localhost"], 2001);
    std::fs::rename(authority(foreign.path()).file("ca.pem"), ours.file("foreign.pem")).expect("a file");
    std::fs::write(ours.file("empty.pem"), "nothing").expect("a file");
    let load = |ca: &str, certificate: &str, key: &str, address: &str| {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        let table = TlsTable { ca: ca.into(), certificate, key, http: super::HttpTls::Server };
        Tls::load(&table, folder.path(), 1, address)
    };
    assert!(load("ca.pem", "own.pem", "own.key", "localhost:1").is_ok());
    let cases = [
        (load("none.pem", "own.pem", "own.key", "localhost:1"), "tls.ca", "can't be read"),
        (load("own.key", "own.pem", "own.key", "localhost:1"), "tls.ca", "holds no certificate (PEM"),
        (load("ca.pem", "{process}.pem", "own.key", "localhost:1"), "tls.certificate", "1.pem, which can't be read"),
        (load("ca.pem", "empty.pem", "own.key", "localhost:1"), "tls.certificate", "holds no certificate"),
        (
            load("ca.pem", "own.pem", "own.pem", "localhost:1"),
            "tls.key",
            "holds no private key (PEM, without a passphrase)",
        ),
        (load("ca.pem", "own.pem", "other.key", "localhost:1"), "tls.key", "is not that of `certificate`"),
        (load("ca.pem", "old.pem", "old.key", "localhost:1"), "tls.certificate", "has expired"),
        (load("ca.pem", "own.pem", "own.key", "[::1]:1"), "tls.certificate", "does not name [::1]"),
        (load("foreign.pem", "own.pem", "own.key", "localhost:1"), "tls.certificate", "is not signed by `ca`"),
    ];
    for (loaded, field, words) in cases {
        let mistake = loaded.expect_err(words);
        assert_eq!(mistake.field, Some(field), "{mistake}");
        assert!(mistake.what.contains(words), "{mistake:?} is to hold {words:?}");
    }
}
