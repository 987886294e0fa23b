//! Each command against a process over TCP.

use std::net::TcpListener;
use std::path::PathBuf;

use clap::Parser;
use serde_json::Value;

use super::flags::At;
use super::trust::Trust;
use super::{Client, Failure, Remote, ask};
use crate::api::fake::{Fake, job_file};
use crate::api::{ApiToken, Event, Level, Role};
use crate::cluster::tls::certificates::Authority;
use crate::cluster::tls::files::Identity;

#[derive(Debug, Parser)]
struct Typed {
    #[command(subcommand)]
    remote: Remote,
}

/// Asks at these places.
fn plain(places: Vec<String>, token: Option<String>) -> Client {
    Client::with(places, token, None).expect("it needs no files")
}

/// What a command says of the cluster at that place.
fn typed(client: &Client, words: &[&str]) -> Result<String, Failure> {
    let typed = Typed::try_parse_from(["vigie"].iter().chain(words)).expect("it can be typed");
    let mut out = Vec::new();
    ask(&typed.remote, client, &mut out).map(|()| String::from_utf8(out).expect("text"))
}

struct Place {
    fake: Fake,
    client: Client,
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let fake = Fake::start(&[]);
        let client = plain(vec![fake.address.clone()], None);
        Self { fake, client, folder: tempfile::tempdir().expect("a folder") }
    }

    /// A job file of that text.
    fn file(&self, text: &str) -> String {
        let path: PathBuf = self.folder.path().join("room.toml");
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }

    fn say(&self, words: &[&str]) -> String {
        typed(&self.client, words).unwrap_or_else(|failure| panic!("{words:?}: {failure:?}"))
    }

    fn fails(&self, words: &[&str], code: u8) -> String {
        let failure = typed(&self.client, words).expect_err("a failure");
        assert_eq!(failure.code, code, "{failure:?}");
        failure.said
    }
}

/// Catches a command that does something else than it says, or says nothing.
#[test]
fn a_job_from_its_submission_to_its_end() {
    let place = Place::new();
    let file = place.file(&job_file("röom"));
    let said = place.say(&["submit", &file]);
    assert!(said.contains("source  a") && said.ends_with("röom: running on 3 processes, 6 workers\n"), "{said}");
    assert_eq!(place.say(&["submit", &file]), said, "once more changes nothing");
    let said = place.say(&["jobs"]);
    assert!(said.starts_with("name  state") && said.contains("röom  running"), "{said}");
    assert_eq!(place.say(&["pause", "röom"]), "röom: paused on 3 processes, 6 workers\n");
    assert_eq!(place.say(&["resume", "röom"]), "röom: running on 3 processes, 6 workers\n");
    assert_eq!(place.say(&["restart", "röom"]), "röom: running on 3 processes, 6 workers\n");
    let other = place.file(
        &(job_file("röom") + "# another\n[sink.c]\nkind = 's3'\nurl = 's3://bucket/{id}'\nsecret_token = 'hush'\n"),
    );
    assert!(place.fails(&["submit", &other], 2).contains("secret_token"), "the file's mistakes are told here");
    let other = place.file(&(job_file("röom") + "# another\n"));
    assert!(place.fails(&["submit", &other], 2).contains("vigie update röom room.toml"));
    assert!(place.say(&["update", "röom", &other]).ends_with("6 workers\n"));
    let said = place.say(&["show", "röom"]);
    for part in ["röom  running", "  source  a", "# another", "paused    asked to (generation 7)"] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    assert_eq!(place.say(&["drain", "röom"]), "röom: drained\n");
    assert_eq!(place.say(&["cancel", "röom"]), "röom: cancelled\n");
    assert!(place.say(&["jobs"]).contains("vigie submit FILE"));
}

/// Catches output for programs that they can't read.
#[test]
fn what_programs_read_is_json() {
    let place = Place::new();
    place.say(&["submit", &place.file(&job_file("room"))]);
    let json = |words: &[&str]| serde_json::from_str::<Value>(&place.say(words)).expect("JSON");
    assert_eq!(json(&["jobs", "--json"])[0]["name"], "room");
    assert_eq!(json(&["show", "room", "--json"])["status"]["state"], "running");
    assert_eq!(json(&["metrics", "--json"])[0]["labels"]["job"], "room");
    assert_eq!(json(&["logs", "room", "--json"])["text"], "submitted");
    assert!(place.say(&["metrics"]).ends_with("# EOF\n"));
}

/// Catches a drain of all that leaves one, and a stop that returns before the end.
#[test]
fn drain_all_and_stop_leave_nothing_behind() {
    let place = Place::new();
    for name in ["room", "hall"] {
        place.say(&["submit", &place.file(&job_file(name))]);
    }
    assert_eq!(place.say(&["drain", "room", "--no-wait"]), "room: draining\n");
    assert_eq!(place.say(&["drain", "--all"]), "room: drained\nhall: drained\n");
    assert_eq!(place.say(&["stop"]), "stopped\n");
    assert!(place.fails(&["jobs"], 69).contains("start one with `vigie worker`"));
}

/// Catches events of other jobs, and a stream that ends or says things twice.
#[test]
fn logs_follow_one_job() {
    let place = Place::new();
    let tell = |job: &str, text: &str| place.fake.events.tell(Level::Warn, Some(job), text);
    tell("hall", "not this");
    tell("room", "degraded");
    let said = place.say(&["logs", "room"]);
    assert!(said.ends_with("process 0  warning: degraded\n") && said.lines().count() == 1, "{said}");
    let mut lines = place.client.lines("/events?job=room&last=1").expect("a stream");
    let mut next = || loop {
        let line = lines.next().expect("it goes on");
        if let Some(event) = line.strip_prefix("data:") {
            return serde_json::from_str::<Event>(event).expect("an event").text;
        }
    };
    assert_eq!(next(), "degraded");
    tell("hall", "nor this");
    tell("room", "sink waits");
    assert_eq!(next(), "sink waits");
}

/// Whoever reads what is printed, and goes away after so many lines.
struct Reader(Vec<u8>, usize);

impl std::io::Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.iter().filter(|byte| **byte == b'\n').count() < self.1 {
            true => self.0.write(bytes),
            false => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Catches a table that is printed otherwise than it is, and a view that is not there without the names of those that are.
#[test]
fn a_view_is_shown_in_each_form() {
    let place = Place::new();
    let list = place.say(&["view", "room"]);
    assert!(
        list.starts_with("view   kind      rows  columns\nrooms  count        1  camera, frames, count\n"),
        "{list}"
    );
    assert_eq!(place.say(&["view", "room", "rooms"]), "camera  frames  count\na            3      6\n");
    assert_eq!(place.say(&["view", "room", "rooms", "--csv"]), "camera,frames,count\na,3,6\n");
    assert!(place.say(&["view", "room", "last"]).ends_with("(no row yet)\n"));
    let json = |words: &[&str]| serde_json::from_str::<Value>(&place.say(words)).expect("JSON");
    assert_eq!(json(&["view", "room", "rooms", "--json"])["rows"][0]["row"][1], 6);
    assert_eq!(json(&["view", "room", "--json"])[1]["view"], "last");
    let said = place.fails(&["view", "room", "room"], 2);
    assert!(said.contains("did you mean `rooms`? Known here: rooms, last"), "{said}");
    assert!(
        place.fails(&["view", "room", "room", "--watch"], 2).contains("rooms"),
        "nobody waits for what never comes"
    );
    assert!(place.fails(&["view", "hall"], 2).contains("hall"));
    assert!(place.fails(&["view", "new", "rooms"], 69).contains("not at work"));
}

/// Catches changes that come late or not at all where the output is no terminal.
#[test]
fn a_watched_view_prints_each_change() {
    let place = Place::new();
    let watch = |json: bool, lines: usize| {
        let views = place.fake.views.clone();
        let path = "/jobs/room/views/rooms";
        let mut out = Reader(Vec::new(), lines);
        let ended = std::thread::scope(|scope| {
            let printed = scope.spawn(|| {
                let ended = match json {
                    true => super::views::watch::objects(&place.client, path, &mut out),
                    false => super::views::watch::lines(&place.client, path, &mut out),
                };
                ended.expect_err("its reader goes")
            });
            // Until the reader has gone, more comes.
            while !printed.is_finished() {
                views.publish(0, vec![crate::api::fake::count("b", 7)]);
                std::thread::yield_now();
            }
            printed.join().expect("it does not panic")
        });
        assert_eq!(ended, Failure { said: String::new(), code: 0 });
        String::from_utf8(out.0).expect("text")
    };
    let said = watch(false, 2);
    let (first, second) = said.split_once('\n').expect("two lines");
    // The seconds depend on how much came before its reader was there.
    assert!(first.starts_with("2026-11-21 08:3") && first.ends_with("  camera=a: frames=3 count=6"), "{first}");
    assert!(second.ends_with("camera=b: frames=7 count=14\n"), "{second}");
    let said = watch(true, 3);
    let events: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(events[0]["rows"].is_array() && events[2]["changes"].is_array(), "{said}");
}

/// Catches a live table that is called the same as the stored one and is not, and the other way round.
#[test]
fn a_view_is_held_against_what_is_stored() {
    let place = Place::new();
    let folder = place.folder.path();
    let text = "name = 'room'\n[source.a]\nkind = 'synthetic'\n[view.rooms]\nkind = 'count'\nfrom = 'a'\n\
        [sink.b]\nkind = 'files'\npath = 'FOLDER/out/{id}.json'\nfrom = 'a'\n";
    let file = place.file(&text.replace("FOLDER", &folder.display().to_string()));
    std::fs::create_dir(folder.join("out")).expect("a folder");
    // As the fake says: the camera a has 3 frames with 2 things each.
    for id in 1..=3 {
        let thing = serde_json::json!({ "class": 0, "label": "x", "score": 1, "box": [0, 0, 1, 1] });
        let at = format!("2026-11-21T08:30:0{id}Z");
        let report = serde_json::json!({
            "job": "room", "camera": "a", "id": id.to_string(), "number": id, "received_at": at, "done_at": at, "bytes": 1,
            "detections": [thing, thing], "timings": {},
        });
        std::fs::write(folder.join(format!("out/{id}.json")), report.to_string()).expect("a file");
    }
    let verify = ["view", "room", "rooms", "--verify", &file];
    assert_eq!(place.say(&verify), "rooms: 1 rows, the same as counted from 3 reports\n");
    std::fs::remove_file(folder.join("out/2.json")).expect("it was there");
    let mut out = Vec::new();
    let typed = Typed::try_parse_from(["vigie"].iter().chain(&verify)).expect("it can be typed");
    let failure = ask(&typed.remote, &place.client, &mut out).expect_err("one is missing");
    assert_eq!(failure.code, 1);
    assert_eq!(failure.said, "rooms: 1 of its rows differ from what is counted from 2 reports");
    assert_eq!(String::from_utf8(out).expect("text"), "camera=a: frames 3 ≠ 2, count 6 ≠ 4 (live ≠ stored)\n");
    assert!(place.fails(&["view", "hall", "rooms", "--verify", &file], 2).contains("the file of the job room"));
    assert!(place.fails(&["view", "room", "rooms", "--sink", "b"], 2).contains("--verify"));
}

/// Catches a mistake that is sent, and codes that scripts can't act on.
#[test]
fn each_failure_has_its_code() {
    let place = Place::new();
    let wrong = place.fails(&["submit", &place.file("name = 'room'\n")], 2);
    assert!(wrong.starts_with("error: ") && wrong.contains("room.toml"), "{wrong}");
    assert!(place.fails(&["submit", "no-such.toml"], 2).contains("can't read this job file"));
    assert_eq!(
        place.fails(&["pause", "room"], 2),
        "error: there is no job `room`, nor any other: submit one with `vigie submit FILE`"
    );
    *place.fake.away.lock().expect("nobody panics here") = Some("2 of 3 processes are missing".into());
    assert_eq!(place.fails(&["jobs"], 69), "error: 2 of 3 processes are missing");
    let large = job_file("room") + &"#".repeat(crate::api::LARGEST_BODY);
    assert!(place.fails(&["submit", &place.file(&large)], 2).contains("larger than"));
    assert!(place.fails(&["top"], 1).contains("vigie jobs"), "tests have no terminal");
}

/// Catches a client that gives up although another process answers, or that hangs at one that is stopped.
#[test]
fn the_first_process_that_answers_is_asked() {
    let place = Place::new();
    // It takes connections, and nobody answers them.
    let stopped = TcpListener::bind("127.0.0.1:0").expect("a port");
    let stopped = stopped.local_addr().expect("an address").to_string();
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").to_string();
    let places = vec![gone.clone(), stopped, place.fake.address.clone()];
    assert!(typed(&plain(places, None), &["jobs"]).is_ok());
    let failure = typed(&plain(vec![gone.clone()], None), &["jobs"]).expect_err("nobody is there");
    assert_eq!((failure.code, failure.said.contains(&gone)), (69, true));
}

/// Catches a token that is not sent, and a refusal that does not say what is missing.
#[test]
fn a_token_goes_with_each_request() {
    let (token, row) = ApiToken::fresh("me", Role::Submit).expect("random numbers");
    let fake = Fake::start(&[row]);
    let with = |token: Option<&str>| plain(vec![fake.address.clone()], token.map(str::to_owned));
    assert!(typed(&with(Some(&token)), &["jobs"]).is_ok());
    let failure = typed(&with(None), &["jobs"]).expect_err("no token");
    assert!(failure.code == 2 && failure.said.contains("VIGIE_API_TOKEN"), "{failure:?}");
    let failure = typed(&with(Some(&token)), &["stop"]).expect_err("a lower role");
    assert!(failure.code == 2 && failure.said.contains("takes the role admin"), "{failure:?}");
}

/// A process that answers HTTPS, and whoever its CA has signed for.
struct Secure {
    fake: Fake,
    authority: Authority,
    _folder: tempfile::TempDir,
}

impl Secure {
    /// One whose certificate names that host; `demand`: callers have to show one.
    fn start(host: &str, demand: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new(folder.path());
        authority.sign("own", &[host]);
        authority.sign("caller", &[]);
        let file = |name| authority.file(name);
        let own = Identity::read(&file("ca.pem"), &file("own.pem"), &file("own.key")).expect("files");
        let fake = Fake::with(&[], Some(own.http(demand).expect("a pair")));
        Self { fake, authority, _folder: folder }
    }

    /// What a command says that trusts this CA, and shows the certificate of that name.
    fn asked(&self, ca: &Authority, shows: Option<&str>) -> Result<String, Failure> {
        let file = |end: &str| shows.map(|name| self.authority.file(&format!("{name}.{end}")));
        let at = At { ca: Some(ca.file("ca.pem")), certificate: file("pem"), key: file("key"), ..At::default() };
        let trust = Trust::find(&at, |_| None)?;
        typed(&Client::with(vec![self.fake.address.clone()], None, trust.as_ref())?, &["jobs"])
    }

    fn says(&self, ca: &Authority, shows: Option<&str>, words: &str) {
        let failure = self.asked(ca, shows).expect_err(words);
        assert!(failure.code == 2 && failure.said.contains(words), "{failure:?} is to hold {words:?}");
    }
}

/// Catches HTTPS that trusts anyone or nobody, and a refusal that does not say what to do.
#[test]
fn over_https_both_sides_see_whom_they_talk_to() {
    let open = Secure::start("127.0.0.1", false);
    assert!(open.asked(&open.authority, None).is_ok());
    let other = Secure::start("elsewhere.example", false);
    open.says(&other.authority, None, "its certificate is not signed by `ca` (--ca, or [tls] in cluster.toml)");
    other.says(&other.authority, None, "does not name 127.0.0.1");
    let closed = Secure::start("127.0.0.1", true);
    closed.says(&closed.authority, None, "show one that its `ca` signed, with --certificate and --key");
    assert!(closed.asked(&closed.authority, Some("caller")).is_ok());
    let (key, wrong) = (closed.authority.file("own.key"), closed.authority.file("caller.key"));
    std::fs::copy(key, wrong).expect("a file");
    closed.says(&closed.authority, Some("caller"), "`key` is not that of `certificate`");
}

/// Catches one who speaks plain HTTP where it is HTTPS, or the other way round, and hears nothing of use.
#[test]
fn http_and_https_tell_each_other_apart() {
    let secure = Secure::start("127.0.0.1", false);
    let failure = typed(&plain(vec![secure.fake.address.clone()], None), &["jobs"]).expect_err("it is HTTPS");
    assert!(failure.code == 2 && failure.said.contains("this is HTTPS"), "{failure:?}");
    let plain = Secure { fake: Fake::start(&[]), ..secure };
    plain.says(&plain.authority, None, "speaks no TLS");
}

/// Catches callers who never say a word and keep others waiting.
#[test]
fn who_is_silent_keeps_nobody_waiting() {
    let secure = Secure::start("127.0.0.1", false);
    let connect = |_| std::net::TcpStream::connect(&secure.fake.address).expect("it listens");
    let _silent: Vec<_> = (0..50).map(connect).collect();
    assert!(secure.asked(&secure.authority, None).is_ok());
}

/// Catches a file that is trusted although another one was named, and a certificate that is left behind.
#[test]
fn what_is_typed_for_https_goes_before_the_environment_and_that_before_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("some.toml");
    let find = |text: &str, at: At, env: &[(&str, &str)]| {
        std::fs::write(&path, format!("processes = ['a:1']\n{text}")).expect("a file");
        let env = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Trust::find(&At { cluster: Some(path.clone()), ..at }, env)
    };
    let table = "[tls]\nca = 'ca.pem'\ncertificate = 'own.pem'\nkey = 'own.key'\n";
    assert_eq!(find("", At::default(), &[]), Ok(None));
    assert_eq!(find(&format!("{table}http = 'off'"), At::default(), &[]), Ok(None));
    let trust = |text: &str, at: At, env: &[(&str, &str)]| format!("{:?}", find(text, at, env).expect("files"));
    let said = trust(table, At::default(), &[]);
    assert!(said.contains("ca.pem") && !said.contains("own.pem"), "there is no such certificate: {said}");
    for name in ["own.pem", "own.key"] {
        std::fs::write(folder.path().join(name), "").expect("a file");
    }
    assert!(trust(table, At::default(), &[]).contains("own.pem"));
    let env = [("VIGIE_CA", "env.pem"), ("VIGIE_CERTIFICATE", "me.pem"), ("VIGIE_KEY", "me.key")];
    let said = trust(table, At::default(), &env);
    assert!(said.contains("env.pem") && said.contains("me.key") && !said.contains("own.pem"), "{said}");
    let typed = At { ca: Some("typed.pem".into()), ..At::default() };
    assert!(trust(table, typed, &env).contains("typed.pem"));
    assert!(
        find(table, At { key: Some("k".into()), ..At::default() }, &[]).is_err_and(|m| m.what.contains("together"))
    );
}
