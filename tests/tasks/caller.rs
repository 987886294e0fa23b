//! Somebody who hands in tasks.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take: a loaded machine syncs late.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header of it.
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")))?;
        line.split_once(": ").map(|(_, value)| value)
    }
}

/// Where a process answers.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub SocketAddr);

impl Caller {
    /// Asks; `None` where nobody answers to the end.
    pub fn ask(self, verb: &str, path: &str, media: &str, body: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect_timeout(&self.0, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let length = body.len();
        let head = format!("{verb} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.0);
        let head = format!("{head}Content-Type: {media}\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = answer.split_off(end + 4);
        let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        (length.is_none_or(|length: usize| length == body.len())).then_some(Answer { status, head, body })
    }

    /// A page that has to be there.
    pub fn get(self, path: &str) -> Answer {
        self.ask("GET", path, "", &[]).expect("an answer")
    }

    /// Hands in a JPEG for the job `grey`.
    pub fn hand_in(self, query: &str, picture: &[u8]) -> Option<Answer> {
        self.ask("POST", &format!("/api/v1/jobs/grey/tasks{query}"), "image/jpeg", picture)
    }

    /// How a task of that job is.
    pub fn look(self, id: &str, query: &str) -> Answer {
        self.get(&format!("/api/v1/jobs/grey/tasks/{id}{query}"))
    }
}
