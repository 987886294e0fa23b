//! The servers of the other tests: that they start, end, start again on what they kept, and leave nothing behind.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::servers::{Kafka, Mongo, S3, shared_kafka};
use crate::support::toxiproxy::Toxiproxy;
use crate::support::{Broker, turn, wait};

/// Catches servers that outlive a test run which was ended with no time to end them.
#[test]
fn a_server_ends_with_who_started_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut leashed = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/leash.sh"))
        .arg(folder.path())
        .args(["sleep", "1000"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    // What the kernel does for a process that dies.
    drop(leashed.stdin.take());
    assert_eq!(leashed.wait().expect("a child").code(), None, "a signal ends it");
    wait("its folder to go", || (!folder.path().exists()).then_some(()));
}

/// Catches a Kafka that does not come back on the same port, ended or killed.
#[test]
fn kafka_comes_back() {
    let _turn = turn();
    let Some(mut kafka) = Kafka::with_message_max(4 << 20) else { return };
    let brokers = kafka.brokers();
    kafka.stop();
    kafka.restart();
    kafka.kill();
    kafka.restart();
    assert!(TcpStream::connect(brokers).is_ok());
}

/// Catches a second Kafka where one will do.
#[test]
fn the_shared_kafka_is_one() {
    let _turn = turn();
    let (Some(one), Some(other)) = (shared_kafka(), shared_kafka()) else { return };
    assert_eq!(one.brokers(), other.brokers());
}

/// Catches databases that do not come back on the same port, ended or killed.
#[test]
fn databases_come_back() {
    let _turn = turn();
    for mut mongo in [Mongo::ferret(), Mongo::fast()].into_iter().flatten() {
        let url = mongo.url();
        mongo.stop();
        mongo.restart();
        mongo.kill();
        mongo.restart();
        assert!(TcpStream::connect(url.trim_start_matches("mongodb://")).is_ok());
    }
}

/// Catches a bucket that is none: who gives no key is refused, and not told that there is nothing.
#[test]
fn a_folder_is_a_bucket() {
    let _turn = turn();
    let Some(mut s3) = S3::start() else { return };
    s3.bucket("frames");
    s3.stop();
    s3.restart();
    s3.kill();
    s3.restart();
    let mut stream = TcpStream::connect(s3.endpoint().trim_start_matches("http://")).expect("it listens");
    write!(stream, "HEAD /frames HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.split(' ').nth(1) == Some("403"), "{answer} ({}, {})", S3::KEY, S3::SECRET);
}

/// Catches a RabbitMQ that takes messages and gives none, or loses its port.
#[test]
fn rabbitmq_passes_messages_on() {
    let _turn = turn();
    let Some(mut broker) = Broker::rabbitmq() else { return };
    broker.stop();
    broker.restart();
    let heard = broker.listen("cameras/#");
    broker.publish(vec![("cameras/1".to_owned(), vec![7; 300_000])]);
    wait("the message", || (heard.lock().unwrap().len() == 1).then_some(()));
}

/// A server that gives back what it is sent.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                std::io::copy(&mut &stream, &mut &stream).and_then(|_| stream.shutdown(Shutdown::Both))
            });
        }
    });
    port
}

/// Catches a fault that is none, or that stays.
#[test]
fn faults_come_and_go() {
    let _turn = turn();
    let Some(toxiproxy) = Toxiproxy::start() else { return };
    let proxy = toxiproxy.proxy("echo", echo());
    let connect = || {
        let stream = TcpStream::connect(("127.0.0.1", proxy.port)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
        stream
    };
    let there_and_back = |mut stream: &TcpStream, length: usize| {
        let mut back = vec![0; length];
        stream.write_all(&vec![7; length])?;
        stream.read_exact(&mut back)
    };
    let stream = connect();
    there_and_back(&stream, 1000).expect("no fault");

    proxy.black_hole();
    there_and_back(&stream, 1000).expect_err("a black hole");
    proxy.heal();
    stream.set_read_timeout(None).expect("no timeout");
    (&stream).read_exact(&mut [0; 1000]).expect("what was held back");
    there_and_back(&stream, 1000).expect("no fault any more");

    proxy.latency(100);
    let start = Instant::now();
    there_and_back(&stream, 1000).expect("it is late, and comes");
    assert!(start.elapsed() >= Duration::from_millis(200), "each way takes 100 ms");

    proxy.bandwidth(100);
    let start = Instant::now();
    there_and_back(&stream, 50_000).expect("it is slow, and comes");
    assert!(start.elapsed() >= Duration::from_millis(400), "50 kB at 100 kB/s");

    proxy.reset_peer();
    wait("a reset", || there_and_back(&stream, 1000).err());
    proxy.heal();
    there_and_back(&connect(), 1000).expect("no fault any more");

    proxy.down();
    TcpStream::connect(("127.0.0.1", proxy.port)).expect_err("nobody listens");
    proxy.heal();
    there_and_back(&connect(), 1000).expect("no fault any more");
}
