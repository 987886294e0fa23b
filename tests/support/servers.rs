//! Real servers, by the scripts of `tests/servers/`. Each start is `None`, and a line that says so, where the server is not
//! installed; each server ends with its owner, and with the test run however that ends.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::{Process, free_port, wait};

/// A server: its process, and what outlives it.
pub struct Server {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    folder: tempfile::TempDir,
    host: IpAddr,
    /// Its port.
    pub port: u16,
    process: Option<Process>,
}

/// Where servers listen, unless a test wants them elsewhere.
pub const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What a start script says where its server is not installed (EX_UNAVAILABLE).
const NOT_INSTALLED: i32 = 69;

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers")
}

impl Server {
    /// Starts the server of a script, with the settings that it takes from its environment.
    pub fn script(name: &str, settings: &[(&'static str, String)]) -> Option<Self> {
        Self::script_on(LOCALHOST, name, settings)
    }

    /// The same, listening on that address of this machine.
    pub fn script_on(host: IpAddr, name: &str, settings: &[(&'static str, String)]) -> Option<Self> {
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let arguments = vec![folder.path().display().to_string(), port.to_string(), free_port().to_string()];
        let program = scripts().join(name).with_extension("sh");
        let environment = [settings, &[("VIGIE_HOST", host.to_string())]].concat();
        let mut server = Self { program, arguments, environment, folder, host, port, process: None };
        server.start().then_some(server)
    }

    /// Starts a program that serves on `port`.
    pub fn new(program: impl Into<PathBuf>, arguments: &[&str], port: u16) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let (program, folder) = (program.into(), tempfile::tempdir().expect("a folder"));
        let (environment, host) = (Vec::new(), LOCALHOST);
        let mut server = Self { program, arguments, environment, folder, host, port, process: None };
        assert!(server.start());
        server
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// Whether it is installed; it answers then.
    fn start(&mut self) -> bool {
        let mut command = Command::new(scripts().join("leash.sh"));
        command.arg(self.folder.path()).arg(&self.program).args(&self.arguments).envs(self.environment.clone());
        let mut process = Process::spawn(command.stdin(Stdio::piped()));
        let what = format!("{} to answer", self.program.display());
        let ended = wait(&what, || match process.ended() {
            Some(status) => Some(Some(status)),
            None => TcpStream::connect(self.address()).ok().map(|_| None),
        });
        match ended {
            Some(status) if status.code() == Some(NOT_INSTALLED) => println!("skipped: {}", process.said().trim()),
            Some(status) => panic!("{} ended with {status}:\n{}", self.program.display(), process.said()),
            None => self.process = Some(process),
        }
        self.process.is_some()
    }

    /// Ends it as an operator would.
    pub fn stop(&mut self) {
        self.end("TERM");
    }

    /// Ends it as a power cut would, were what is written on the disk.
    pub fn kill(&mut self) {
        self.end("KILL");
    }

    fn end(&mut self, signal: &str) {
        let mut process = self.process.take().expect("it runs");
        process.signal(signal);
        wait("the end of a server", || process.ended());
    }

    /// Changes one of its settings, from its next start on.
    pub fn set(&mut self, name: &'static str, value: String) {
        self.environment.retain(|(other, _)| *other != name);
        self.environment.push((name, value));
    }

    /// Starts it again, on the same port and on what it kept.
    pub fn restart(&mut self) {
        assert!(self.start(), "it ran before");
    }
}

/// What each handle has of its server.
macro_rules! ends_and_starts {
    ($($handle:ty),*) => {$(
        impl $handle {
            /// Ends it as an operator would.
            pub fn stop(&mut self) {
                self.0.stop();
            }

            /// Ends it at once.
            pub fn kill(&mut self) {
                self.0.kill();
            }

            /// Starts it again, on the same port and on what it kept.
            pub fn restart(&mut self) {
                self.0.restart();
            }
        }
    )*};
}

ends_and_starts!(Kafka, Mongo, S3);

/// Kafka, one node.
pub struct Kafka(Server);

impl Kafka {
    /// Starts one as it comes: batches of 1 MiB at most, no topic by itself.
    pub fn start() -> Option<Self> {
        Self::start_on(LOCALHOST)
    }

    /// The same, on that address of this machine.
    pub fn start_on(host: IpAddr) -> Option<Self> {
        Server::script_on(host, "kafka", &[]).map(Self)
    }

    /// Starts one that takes batches of as many bytes.
    pub fn with_message_max(bytes: usize) -> Option<Self> {
        Server::script("kafka", &[("KAFKA_MESSAGE_MAX_BYTES", bytes.to_string())]).map(Self)
    }

    /// Starts one with a second way in: on the port `inside`, where it tells its clients the port `outside`, a proxy's.
    pub fn behind(inside: u16, outside: u16) -> Option<Self> {
        Server::script("kafka", &[("KAFKA_PROXIED", format!("{inside} {outside}"))]).map(Self)
    }

    /// What a client is told.
    pub fn brokers(&self) -> String {
        self.0.address().to_string()
    }
}

/// Kafka that speaks TLS and asks its clients who they are: `admin`, who may do all, or `nobody`, who may do nothing.
pub struct SecureKafka {
    server: Server,
    mutual: u16,
    open: u16,
}

impl SecureKafka {
    /// Starts one.
    fn start() -> Option<Self> {
        let (mutual, open) = (free_port(), free_port());
        let settings = [("KAFKA_SECURE", mutual.to_string()), ("KAFKA_PROXIED", format!("{open} {open}"))];
        Server::script("kafka", &settings).map(|server| Self { server, mutual, open })
    }

    /// Where it wants a user and a password.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.server.port)
    }

    /// Where it wants a certificate of the client.
    pub fn mutual(&self) -> String {
        format!("127.0.0.1:{}", self.mutual)
    }

    /// Where it speaks no TLS and asks nothing: the way in for the tests' own clients.
    pub fn open(&self) -> String {
        format!("127.0.0.1:{}", self.open)
    }

    /// `ca.pem`, `client.pem` or `client.key`.
    pub fn file(&self, name: &str) -> String {
        self.server.folder.path().join(name).display().to_string()
    }

    /// Gives `nobody` a right.
    pub fn allow(&self, right: Right) {
        self.change_rights(CREATE_ACLS, right);
    }

    /// Takes it away.
    pub fn forbid(&self, right: Right) {
        self.change_rights(DELETE_ACLS, right);
    }

    /// A request that no client for Rust knows, in Kafka's own protocol. Both have the same form.
    fn change_rights(&self, api_key: i16, (kind, name, operation): Right) {
        const LITERAL: u8 = 3;
        const ALLOW: u8 = 3;
        let text = |text: &str| [&(text.len() as i16).to_be_bytes(), text.as_bytes()].concat();
        let request = [
            &api_key.to_be_bytes()[..],
            &1_i16.to_be_bytes(), // version
            &0_i32.to_be_bytes(), // correlation
            &text("tests"),
            &1_i32.to_be_bytes(), // entries
            &[kind],
            &text(name),
            &[LITERAL],
            &text("User:nobody"),
            &text("*"),
            &[operation, ALLOW],
        ]
        .concat();
        let mut stream = TcpStream::connect(self.open()).expect("Kafka answers");
        stream
            .write_all(&(request.len() as i32).to_be_bytes())
            .and_then(|()| stream.write_all(&request))
            .expect("sent");
        // Length, correlation, throttling, entries, and the error of the first.
        let mut answer = [0; 18];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(answer[16..], [0, 0], "the error's code");
    }
}

const CREATE_ACLS: i16 = 30;
const DELETE_ACLS: i16 = 31;

/// A right: to what kind of thing, its name, and what may be done to it.
pub type Right<'a> = (u8, &'a str, u8);

/// The right to read of a topic.
pub fn read_topic(name: &str) -> Right<'_> {
    (2, name, 3)
}

/// The right to know of a topic.
pub fn describe_topic(name: &str) -> Right<'_> {
    (2, name, 8)
}

/// The right to keep offsets under a group.
pub fn read_group(name: &str) -> Right<'_> {
    (3, name, 3)
}

/// The one of all tests.
pub fn secure_kafka() -> Option<&'static SecureKafka> {
    static KAFKA: OnceLock<Option<SecureKafka>> = OnceLock::new();
    KAFKA.get_or_init(SecureKafka::start).as_ref()
}

/// The Kafka of all tests that neither stop it nor mind the topics of others.
pub fn shared_kafka() -> Option<&'static Kafka> {
    static KAFKA: OnceLock<Option<Kafka>> = OnceLock::new();
    KAFKA.get_or_init(Kafka::start).as_ref()
}

/// A server that speaks MongoDB's wire protocol.
pub struct Mongo(Server);

impl Mongo {
    /// FerretDB on SQLite: keeps its data, slowly.
    pub fn ferret() -> Option<Self> {
        Self::ferret_on(LOCALHOST)
    }

    /// The same, on that address of this machine.
    pub fn ferret_on(host: IpAddr) -> Option<Self> {
        Server::script_on(host, "ferretdb", &[]).map(Self)
    }

    /// mongo-java-server: fast, and forgets all at its end.
    pub fn fast() -> Option<Self> {
        Server::script("mongo-java", &[]).map(Self)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("mongodb://{}", self.0.address())
    }
}

/// A server that speaks S3, over a folder.
pub struct S3(Server);

impl S3 {
    /// The access key.
    pub const KEY: &str = "test";
    /// The secret of it.
    pub const SECRET: &str = "testsecret";

    /// Starts one without buckets: versitygw, or for a second opinion what `VIGIE_S3_SERVER` names (minio).
    pub fn start() -> Option<Self> {
        let name = std::env::var("VIGIE_S3_SERVER").unwrap_or_else(|_| "versitygw".to_owned());
        Server::script(&name, &[]).map(Self)
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port)
    }

    /// Makes a bucket. What is in it lies in the folder returned, with versitygw an object a file.
    pub fn bucket(&self, name: &str) -> PathBuf {
        let folder = self.0.folder.path().join("data").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }
}

/// Prometheus, with the file that is for users.
pub struct Prometheus(Server);

impl Prometheus {
    /// Starts one that reads the pages at these ports of 127.0.0.1.
    pub fn start(ports: &[u16]) -> Option<Self> {
        let targets: Vec<_> = ports.iter().map(|port| format!("\"127.0.0.1:{port}\"")).collect();
        Server::script("prometheus", &[("PROMETHEUS_TARGETS", targets.join(", "))]).map(Self)
    }

    /// The rows that answer a query; what it says to one that it can't read.
    pub fn ask(&self, query: &str) -> Result<Vec<Value>, String> {
        let escaped: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.get(&format!("/api/v1/query?query={escaped}"));
        match answer["data"]["result"].as_array() {
            Some(rows) => Ok(rows.clone()),
            None => Err(format!("{answer:#}")),
        }
    }

    /// What it says of the pages that it reads.
    pub fn targets(&self) -> Value {
        self.get("/api/v1/targets")["data"]["activeTargets"].clone()
    }

    fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.0.port)).expect("it answers");
        write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        serde_json::from_str(body).unwrap_or_else(|_| Value::from(body))
    }
}
