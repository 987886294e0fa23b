//! A service that answers as a test says, down to the byte: slowly, by half, or without end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::certificates::Authority;

/// A request as it was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// `POST`.
    pub method: String,
    /// With its query.
    pub path: String,
    /// Each with its name in lower case.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Vec<u8>,
}

impl Heard {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn read(stream: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path, mut headers) = (words.next()?, words.next()?, Vec::new());
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut heard = Self { method, path, headers, body: Vec::new() };
        let length = heard.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        heard.body.resize(length, 0);
        stream.read_exact(&mut heard.body).ok()?;
        Some(heard)
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status, headers and a body.
    Say(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// A body that is shorter than it was said to be.
    Half,
    /// A body without an end.
    Endless,
    /// A body that is said to be that large, and does not come.
    Promise(u64),
    /// Nothing at all.
    Silent,
}

/// An answer of that status.
pub fn say(status: u16, body: impl ToString) -> Reply {
    Reply::Say(status, Vec::new(), body.to_string().into_bytes())
}

/// One that leads elsewhere.
pub fn lead(status: u16, to: impl ToString) -> Reply {
    Reply::Say(status, vec![("Location", to.to_string())], Vec::new())
}

type Mind = dyn Fn(usize, &Heard) -> Reply + Send + Sync;

/// A service on a port of this machine, which ends with its test.
pub struct Service {
    /// Where it listens.
    pub port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
    over: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Service {
    /// One on a free port. `mind` is given the number of a request, from 0, and the request.
    pub fn start(mind: impl Fn(usize, &Heard) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(0, mind)
    }

    /// One on that port.
    pub fn on(port: u16, mind: impl Fn(usize, &Heard) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let port = listener.local_addr().expect("an address").port();
        let (heard, over) = (Arc::<Mutex<Vec<Heard>>>::default(), Arc::<AtomicBool>::default());
        let (minds, all, ends): (Arc<Mind>, _, _) = (Arc::new(mind), heard.clone(), over.clone());
        let listen = move || {
            for stream in listener.incoming().map_while(Result::ok).take_while(|_| !ends.load(Ordering::Acquire)) {
                let (mind, heard) = (minds.clone(), all.clone());
                thread::spawn(move || serve(stream, &heard, &*mind));
            }
        };
        Self { port, heard, over, listener: Some(thread::spawn(listen)) }
    }

    /// Its address, with a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// All that it was asked.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("nobody panics while holding it").clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        // A last caller, so that it looks up.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// A service with TLS that answers `{}` to everything, until its test ends.
pub struct Secure {
    /// Where it listens.
    pub port: u16,
}

impl Secure {
    /// One that shows the certificate `own` of that authority.
    pub fn start(authority: &Authority) -> Self {
        let (chain, key) = (authority.file("own.pem"), authority.file("own.key"));
        let chain = CertificateDer::pem_file_iter(chain).expect("a file").map(|own| own.expect("a certificate"));
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("TLS");
        let config = config.with_no_client_auth().with_single_cert(chain.collect(), key).expect("they fit");
        let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let port = listener.local_addr().expect("an address").port();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let session = ServerConnection::new(config.clone()).expect("a session");
                // Who does not trust it hangs up.
                let _ = one(&mut BufReader::new(StreamOwned::new(session, stream)));
            }
        });
        Self { port }
    }
}

/// Answers one request, whatever it is.
fn one(stream: &mut BufReader<StreamOwned<ServerConnection, TcpStream>>) -> std::io::Result<()> {
    Heard::read(stream).ok_or(std::io::ErrorKind::InvalidData)?;
    let stream = stream.get_mut();
    stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn serve(stream: TcpStream, heard: &Mutex<Vec<Heard>>, mind: &Mind) {
    let Ok(mut out) = stream.try_clone() else { return };
    let mut stream = BufReader::new(stream);
    while let Some(request) = Heard::read(&mut stream) {
        let number = {
            let mut heard = heard.lock().expect("nobody panics while holding it");
            heard.push(request.clone());
            heard.len() - 1
        };
        if !answer(&mut out, &mut stream, mind(number, &request)) {
            return;
        }
    }
}

/// Answers; whether the connection goes on.
fn answer(out: &mut TcpStream, stream: &mut BufReader<TcpStream>, reply: Reply) -> bool {
    let head = |length: u64| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    match reply {
        Reply::Say(status, headers, body) => {
            let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let head = format!("HTTP/1.1 {status} As Said\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
            out.write_all(&[head.into_bytes(), body].concat()).is_ok()
        }
        Reply::Half => {
            let _ = out.write_all(format!("{}{{\"age\":", head(100)).as_bytes());
            false
        }
        Reply::Endless => {
            let _ = out.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while out.write_all(b"10\r\n0123456789abcdef\r\n").is_ok() {}
            false
        }
        Reply::Promise(length) => {
            let _ = out.write_all(head(length).as_bytes());
            stream.read(&mut [0]).is_ok_and(|_| false)
        }
        // Until the other side has had enough.
        Reply::Silent => stream.read(&mut [0]).is_ok_and(|_| false),
    }
}
