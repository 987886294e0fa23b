//! Where a process answers over HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a connection may take. A process that is cut off from this one gives no answer at all.
const THERE: Duration = Duration::from_secs(2);

/// How long an answer to who only looks may take.
const LOOKS: Duration = Duration::from_secs(5);

/// How long a process may take to do what it is asked for: a command may wait for a generation, and what stands on the way
/// of a network that was cut comes as late again as the cut was long.
const DOES: Duration = Duration::from_secs(45);

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nobody was there: it was not asked.
    Away,
    /// It was asked, and went away or did not answer: it may have been done nevertheless.
    Broken,
}

/// Where a process answers, and the token that it wants to be shown, if any.
#[derive(Clone, Debug)]
pub struct Door {
    pub address: SocketAddr,
    pub token: Option<String>,
}

impl Door {
    /// A page; `None` where nobody answers, or says no.
    pub fn get(&self, path: &str) -> Option<String> {
        let (status, body) = self.ask("GET", path, None, LOOKS).ok()?;
        (200..300).contains(&status).then_some(body)
    }

    /// Asks for something to be done, with a body or none; the status and what came.
    pub fn call(&self, verb: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value), Silence> {
        let (status, body) = self.ask(verb, path, body, DOES)?;
        Ok((status, serde_json::from_str(&body).unwrap_or_default()))
    }

    /// Whether anyone listens there.
    pub fn is_open(&self) -> bool {
        TcpStream::connect_timeout(&self.address, THERE).is_ok()
    }

    fn ask(&self, verb: &str, path: &str, body: Option<&Value>, patience: Duration) -> Result<(u16, String), Silence> {
        let mut stream = TcpStream::connect_timeout(&self.address, THERE).map_err(|_| Silence::Away)?;
        self.talk(&mut stream, verb, path, body, patience).ok_or(Silence::Broken)
    }

    fn talk(
        &self,
        stream: &mut TcpStream,
        verb: &str,
        path: &str,
        body: Option<&Value>,
        patience: Duration,
    ) -> Option<(u16, String)> {
        stream.set_read_timeout(Some(patience)).ok()?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let token = self.token.iter().map(|token| format!("Authorization: Bearer {token}\r\n")).collect::<String>();
        let head = format!("{verb} {path} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\n", self.address);
        write!(stream, "{head}{token}Content-Length: {}\r\n\r\n{body}", body.len()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }
}
