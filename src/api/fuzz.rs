//! Odd requests at every route of the OpenAPI file: whoever sends what, the process lives and says what is wrong.
//!
//! What is no HTTP (bytes that can't stand in a request line, lines of 64 KiB) is answered by the server's library.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fake::{Fake, job_file};
use super::openapi::openapi;
use super::problem::PROBLEM_JSON;

const METHODS: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"];

/// A request, as it goes over the wire.
#[derive(Clone, Debug)]
struct Odd {
    method: &'static str,
    target: String,
    kind: &'static str,
    body: Vec<u8>,
}

/// What came back: the status, the type, and the text unless it is a stream.
struct Answer {
    status: u16,
    kind: String,
    text: String,
}

/// Every byte that is no plain letter as `%41`.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte.is_ascii_alphanumeric() {
            true => escaped.push(char::from(byte)),
            false => write!(escaped, "%{byte:02X}").expect("a string takes all"),
        }
        escaped
    })
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("room".to_owned()),
        2 => Just("other".to_owned()),
        1 => prop_oneof![Just(".."), Just("."), Just("%FF"), Just("%00"), Just("%2e%2e%2f"), Just("")].prop_map(str::to_owned),
        2 => ".{0,40}".prop_map(|name| escaped(&name)),
        1 => "[a-z/é\u{202e}]{900,3000}".prop_map(|name| escaped(&name)),
    ]
}

fn targets() -> impl Strategy<Value = String> {
    let described = openapi();
    let paths: Vec<_> = described["paths"].as_object().expect("paths").keys().cloned().collect();
    let query = prop_oneof![
        3 => Just(String::new()),
        1 => "[a-z%&=+?/.0-9-]{0,40}".prop_map(|query| format!("?{query}")),
        1 => (prop_oneof![Just("format"), Just("last"), Just("job"), Just("follow")], ".{0,20}")
            .prop_map(|(key, value)| format!("?{key}={}", escaped(&value))),
        1 => Just("?follow=false".to_owned()),
    ];
    let more = prop_oneof![9 => Just(""), 1 => Just("/"), 1 => Just("//x")];
    (proptest::sample::select(paths), names(), more, query).prop_map(|(path, name, more, query)| {
        path.replace("{name}", &name).replace("{id}", &name).replace("{index}", "0").replace("{view}", "rooms")
            + more
            + &query
    })
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    let key = prop_oneof![Just("text".to_owned()), Just("folder".to_owned()), Just("file".to_owned()), ".{0,8}"];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        let table = proptest::collection::btree_map(key.clone(), inner.clone(), 0..5);
        prop_oneof![vec(inner, 0..5).prop_map(Value::from), table.prop_map(|table| json!(table))]
    })
}

fn jobs() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(job_file("room")),
        1 => Just(job_file("other")),
        1 => ".{0,200}",
        2 => (0..100_usize, ".{0,4}").prop_map(|(at, odd)| {
            let mut text = job_file("room");
            let at = at.min(text.len());
            text.insert_str(at, &odd);
            text
        }),
    ]
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let submission =
        |(text, folder, file): (_, String, String)| json!({ "text": text, "folder": folder, "file": file }).to_string();
    prop_oneof![
        4 => (jobs(), Just("/jobs".to_owned()), Just("room.toml".to_owned())).prop_map(submission).prop_map(String::into_bytes),
        2 => (jobs(), ".{0,20}", ".{0,20}").prop_map(submission).prop_map(String::into_bytes),
        2 => values().prop_map(|value| value.to_string().into_bytes()),
        1 => (1..4000_usize).prop_map(|depth| "[".repeat(depth).into_bytes()),
        1 => vec(any::<u8>(), 0..60),
    ]
}

fn odds() -> impl Strategy<Value = Odd> {
    let kind = prop_oneof![8 => Just("application/json"), 1 => Just("text/plain"), 1 => Just("Application/JSON;;x")];
    let method =
        prop_oneof![4 => proptest::sample::select(&METHODS[..4]), 1 => proptest::sample::select(&METHODS[4..])];
    (method, targets(), kind, bodies()).prop_map(|(method, target, kind, body)| Odd { method, target, kind, body })
}

/// Sends it, and reads until the server closes, or to the end of the head where a stream follows.
fn send(address: &str, odd: &Odd) -> Answer {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let Odd { method, target, kind, body } = odd;
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).expect("it is taken");
    let (mut bytes, mut more) = (Vec::new(), [0; 4096]);
    loop {
        let read = match stream.read(&mut more) {
            // Who closes while a body that nobody asked for is still on its way resets the connection.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            read => read.unwrap_or_else(|error| panic!("no answer to {odd:?}: {error}")),
        };
        bytes.extend_from_slice(&more[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let streams = text.contains("\r\n\r\n") && text.contains("text/event-stream");
        if read == 0 || streams {
            return answer(&text);
        }
    }
}

fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("half an answer: {text}"));
    let header = |line: &str| line.to_lowercase().strip_prefix("content-type: ").map(str::to_owned);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, kind: head.lines().find_map(header).unwrap_or_default(), text: body.to_owned() }
}

/// Holds an answer to what every answer has to be.
fn judge(odd: &Odd, answer: &Answer) -> Result<(), TestCaseError> {
    let Answer { status, kind, text } = answer;
    prop_assert!(*status < 500 || *status == 503, "{status} to {odd:?}: {text}");
    if *status < 400 {
        return Ok(());
    }
    prop_assert_eq!(kind, PROBLEM_JSON, "{} to {:?}: {}", status, odd, text);
    if odd.method != "HEAD" {
        let problem: super::Problem =
            serde_json::from_str(text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(problem.status == *status && !problem.detail.is_empty(), "{problem:?} to {odd:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Catches a request that ends the process, that is answered as a mistake of the program, or with an error that no
    /// program can read.
    #[test]
    fn odd_requests_are_answered_in_words(odds in vec(odds(), 1..12)) {
        let fake = Fake::start(&[]);
        // A process that is told to stop does.
        for odd in odds.iter().filter(|odd| odd.method != "POST" || !odd.target.starts_with("/api/v1/stop")) {
            judge(odd, &send(&fake.address, odd))?;
        }
        let alive = Odd { method: "GET", target: "/healthz".into(), kind: "", body: vec![] };
        prop_assert_eq!(send(&fake.address, &alive).status, 200);
    }
}
