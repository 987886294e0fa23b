//! A network with faults on demand, on the way to a server.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::servers::Server;
use super::{free_port, wait};

/// toxiproxy: connections with faults on demand.
pub struct Toxiproxy(Server);

impl Toxiproxy {
    /// Starts one without proxies.
    pub fn start() -> Option<Self> {
        Server::script("toxiproxy", &[]).map(Self)
    }

    /// A way to `upstream`, a port on 127.0.0.1.
    pub fn proxy(&self, name: &str, upstream: u16) -> Proxy {
        self.proxy_at(name, free_port(), upstream)
    }

    /// The same, listening on that port.
    pub fn proxy_at(&self, name: &str, port: u16, upstream: u16) -> Proxy {
        let (listen, upstream) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{upstream}"));
        let proxy = Proxy { api: self.0.port, name: name.to_owned(), port };
        proxy.call(
            "POST",
            "/proxies",
            json!({ "name": name, "listen": listen, "upstream": upstream, "enabled": true }),
        );
        proxy
    }
}

/// A way to a server, on which at most one fault is at a time: a new one takes the place of the last.
pub struct Proxy {
    api: u16,
    name: String,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
}

impl Proxy {
    /// Nothing gets through, either way, and nobody is told. After `heal` it all arrives, as what TCP sends again does.
    pub fn black_hole(&self) {
        // Not the toxic `timeout`, which drops bytes out of the middle of a connection: no network does that.
        self.latency(24 * 60 * 60 * 1000);
    }

    /// Connections are reset, open ones and new ones.
    pub fn reset_peer(&self) {
        self.fault("reset_peer", json!({ "timeout": 0 }));
    }

    /// Each way takes as many milliseconds.
    pub fn latency(&self, milliseconds: u64) {
        self.fault("latency", json!({ "latency": milliseconds }));
    }

    /// Each way takes as many kilobytes a second.
    pub fn bandwidth(&self, kilobytes: u64) {
        self.fault("bandwidth", json!({ "rate": kilobytes }));
    }

    /// Connections are closed, and new ones refused.
    pub fn down(&self) {
        self.call("POST", &self.path(""), json!({ "enabled": false }));
    }

    /// No fault any more.
    pub fn heal(&self) {
        self.call("POST", &self.path(""), json!({ "enabled": true }));
        let toxics = self.call("GET", &self.path("/toxics"), Value::Null);
        for toxic in toxics.as_array().into_iter().flatten() {
            self.remove(toxic["name"].as_str().expect("a name"));
        }
    }

    /// Takes a fault away. toxiproxy waits until what it held back is passed on, and for ever where nobody takes that:
    /// then it answers 503, and closing the connections ends its wait.
    fn remove(&self, toxic: &str) {
        let path = self.path(&format!("/toxics/{toxic}"));
        wait("a fault to be taken away", || match self.ask("DELETE", &path, Value::Null).0 {
            200..300 | 404 => Some(()),
            503 => {
                self.down();
                self.call("POST", &self.path(""), json!({ "enabled": true }));
                None
            }
            status => panic!("DELETE {path}: {status}"),
        });
    }

    fn fault(&self, kind: &str, attributes: Value) {
        self.heal();
        for stream in ["upstream", "downstream"] {
            self.call(
                "POST",
                &self.path("/toxics"),
                json!({ "type": kind, "stream": stream, "attributes": attributes }),
            );
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/proxies/{}{rest}", self.name)
    }

    /// A request to toxiproxy itself that it has to grant.
    fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// What it answers to a request: the status, and the body.
    fn ask(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.api)).expect("toxiproxy answers");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!("{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, body.to_owned())
    }
}
