//! Kafka with TLS and logins: who is let in, what is said to those who are not, and rights that are missing.

use std::fs;
use std::path::Path;

use vigie::letter::Letter;

use super::feeds::{Feed, make_topics, topic};
use super::oracle::{Verdict, judge};
use super::stores::{KafkaTopic, Store};
use crate::support::servers::{SecureKafka, describe_topic, read_group, read_topic, secure_kafka};
use crate::support::{Process, files, page, turn, wait};

/// Starts a job of that name with these sources and this sink, and dead letters in a folder of its own.
fn start(folder: &Path, name: &str, sources: &str, sink: &str) -> Process {
    let (path, at) = (folder.join(name).with_extension("toml"), folder.display());
    let text = format!(
        "name = '{name}'\n{sources}\n[sink.out]\nwrite = 'frame'\n{sink}\n[dead]\nkind = 'files'\n\
         path = '{at}/{name}/{{id}}-{{reason}}'\n"
    );
    fs::write(&path, text).expect("a job file");
    Process::vigie(&["run", &path.display().to_string(), "-w", "1"])
}

/// A source that reads the topics of a feed.
fn source(login: &str, name: &str) -> String {
    format!("[source.in]\n{login}\ntopic = '{name}-{{camera}}-raw'")
}

/// A source of a few rendered frames.
fn rendered(count: u64) -> String {
    format!("[source.rendered]\nkind = 'synthetic'\nsize = '160x120'\ncount = {count}")
}

/// What a part says of its brokers and itself.
fn brokers(brokers: &str, more: &[(&str, &str)]) -> String {
    let more: String = more.iter().map(|(key, value)| format!("\n{key} = '{value}'")).collect();
    format!("kind = 'kafka'\nbrokers = '{brokers}'{more}")
}

/// A user on the listener that asks for one.
fn user(kafka: &SecureKafka, name: &str) -> String {
    let password = format!("{name}-secret");
    brokers(&kafka.brokers(), &[("ca", &kafka.file("ca.pem")), ("user", name), ("password", &password)])
}

/// Catches TLS, or a way to prove who one is, that can be configured and does not work, in a source or in a sink.
#[test]
fn each_login_lets_frames_through() {
    let _turn = turn();
    let Some(kafka) = secure_kafka() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (ca, cert, key) = (kafka.file("ca.pem"), kafka.file("client.pem"), kafka.file("client.key"));
    let plain = user(kafka, "admin");
    let scram = format!("{plain}\nmechanism = 'SCRAM-SHA-256'");
    let certificate = brokers(&kafka.mutual(), &[("ca", &ca), ("cert", &cert), ("key", &key)]);
    let jobs = [("plain", plain), ("scram", scram), ("certificate", certificate)].map(|(name, login)| {
        let feed = Feed::kafka(&kafka.open(), name);
        feed.prepare();
        feed.issue(0..8);
        (name, start(folder.path(), name, &source(&login, name), &format!("{login}\ntopic = '{name}-out'")))
    });
    for (name, mut worker) in jobs {
        worker.until(name, |worker| (page(worker)["results_total{}"] == 8.0).then_some(()));
        let out = Store::Kafka(KafkaTopic::new(&kafka.open(), &format!("{name}-out")));
        worker.until("them in the topic", |_| (out.count() == 8).then_some(()));
        assert_eq!(judge(0..8, &out.found()), Verdict::default(), "{name}");
    }
}

/// Catches a mistake of the user's that is told in words of librdkafka, or not at all, or with the password.
#[test]
fn who_is_not_let_in_is_told_what_to_mend() {
    const WRONG: &str = "wrong-secret";
    let _turn = turn();
    let Some(kafka) = secure_kafka() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (secure, mutual, open) = (kafka.brokers(), kafka.mutual(), kafka.open());
    let (ca, other) = (kafka.file("ca.pem"), kafka.file("client.pem"));
    let (login, scram) = ([("user", "admin"), ("password", WRONG)], ("mechanism", "SCRAM-SHA-256"));
    let with = |more: &[(&'static str, &str)]| brokers(&secure, &[&login[..], &[("ca", &*ca)], more].concat());
    let unknown = ("mechanism", "SCRAM-SHA-512");
    let (wrong_login, wrong_ca) =
        ("does not take this `user` and `password`", "has a certificate that can't be verified");
    let cases = [
        ("password", with(&[]), &secure, wrong_login),
        ("proof", with(&[scram]), &secure, wrong_login),
        ("mechanism", with(&[unknown]), &secure, "does not take this `mechanism`: it knows PLAIN,SCRAM-SHA-256"),
        ("ca", brokers(&secure, &[&login[..], &[("ca", &*other)]].concat()), &secure, wrong_ca),
        ("no-tls", brokers(&secure, &login), &secure, "hangs up: it may want TLS"),
        ("no-user", brokers(&secure, &[("ca", &ca)]), &secure, "hangs up: it may want a `user` and a `password`"),
        ("no-cert", brokers(&mutual, &[("ca", &ca)]), &mutual, "does not take this client's certificate, or wants one"),
        ("tls", brokers(&open, &[("ca", &ca)]), &open, "speaks no TLS"),
        ("user", brokers(&open, &login), &open, "asks for no login"),
    ];
    let workers = cases.map(|(name, login, address, words)| {
        let sources = format!("{}\n{}", source(&login, name), rendered(1));
        let sink = format!("{login}\ntopic = 'out'\nfrom = ['in', 'rendered']");
        (start(folder.path(), name, &sources, &sink), name, format!("{address} {words}"))
    });
    for (mut worker, name, words) in workers {
        for part in ["in", "out"] {
            let told = format!("{part}: waiting for kafka: {words}");
            worker.until(&format!("{name}: {told}"), |worker| worker.said().contains(&told).then_some(()));
            let notice = format!("waiting_seconds{{part=\"{part}\",server=\"kafka\"}}");
            worker.until(&notice, |worker| page(worker).contains_key(&notice).then_some(()));
        }
        assert!(!worker.said().contains(WRONG), "{}", worker.said());
    }
}

/// Catches a file that is there and not what it should be, and an error that does not say which.
#[test]
fn a_file_that_does_not_fit_is_named() {
    let _turn = turn();
    let Some(kafka) = secure_kafka() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (ca, cert, other) = (kafka.file("ca.pem"), kafka.file("client.pem"), kafka.file("ca.key"));
    let cases = [
        ("ca", vec![("ca", &other)], "`ca` has no certificate (PEM)"),
        ("key", vec![("ca", &ca), ("cert", &cert), ("key", &other)], "`key` has no key (PEM), or not that of `cert`"),
    ];
    for (name, files, words) in cases {
        let files: Vec<_> = files.iter().map(|(field, file)| (*field, file.as_str())).collect();
        let login = brokers(&kafka.mutual(), &files);
        let sink = Store::Files(folder.path().join("out")).sink();
        let parts = [
            ("in", start(folder.path(), &format!("{name}-in"), &source(&login, name), &sink)),
            ("out", start(folder.path(), &format!("{name}-out"), &rendered(1), &format!("{login}\ntopic = 'out'"))),
        ];
        for (part, mut worker) in parts {
            assert_eq!(worker.end().code(), Some(2), "a mistake");
            assert!(worker.said().contains(&format!("error: {part}: {words}")), "{}", worker.said());
        }
    }
}

/// Catches frames that wait for ever for a topic that they will never be written to, and dead letters that do not say why.
#[test]
fn what_a_user_may_not_write_is_a_dead_letter() {
    let _turn = turn();
    let Some(kafka) = secure_kafka() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    make_topics(&kafka.open(), &["known", "hidden"].map(str::to_owned));
    kafka.allow(describe_topic("known"));
    for topic in ["known", "hidden", "missing"] {
        let sink = format!("{}\ntopic = '{topic}'", user(kafka, "nobody"));
        let mut worker = start(folder.path(), topic, &rendered(3), &sink);
        assert!(worker.end().code() == Some(1) && worker.said().contains("3 refused"), "{topic}: {}", worker.said());
        let letters = folder.path().join(topic);
        assert_eq!(files(&letters).len(), 6, "a frame and a record each");
        for id in 0..3 {
            let record = fs::read(letters.join(format!("{id}-refused.json"))).expect("a record");
            let Letter { detail, .. } = serde_json::from_slice(&record).expect("JSON");
            assert!(detail.contains(&format!("the topic {topic}")) && detail.contains("authorization"), "{detail}");
        }
    }
}

/// Catches a source that waits in silence where it lacks a right, from the start or from some moment on, and one that does not
/// go on when it is given.
#[test]
fn a_source_says_that_it_may_not_read() {
    let _turn = turn();
    let Some(kafka) = secure_kafka() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let feed = Feed::kafka(&kafka.open(), "rights");
    let topic = topic("rights", 0);
    feed.prepare();
    feed.issue(0..1);
    let out = Store::Files(folder.path().join("out"));
    let source = format!("[source.in]\n{}\ntopic = '{topic}'", user(kafka, "nobody"));
    let mut worker = start(folder.path(), "rights", &source, &out.sink());
    let told = format!("in: waiting for kafka: the topic {topic} can't be read: TopicAuthorizationFailed");
    let mut tells = |times: usize| {
        worker.until(&told, |worker| (worker.said().matches(&told).count() == times).then_some(()));
    };
    tells(1);
    [describe_topic(&topic), read_topic(&topic), read_group("rights")].iter().for_each(|right| kafka.allow(*right));
    wait("the first frame", || (out.count() == 1).then_some(()));
    kafka.forbid(read_topic(&topic));
    tells(2);
    kafka.allow(read_topic(&topic));
    feed.issue(4..5);
    wait("the second frame", || (out.count() == 2).then_some(()));
}
