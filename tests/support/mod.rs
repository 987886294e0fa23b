//! What the tests of whole processes share: real servers on free ports, processes that end with their test, and
//! waiting for conditions.

pub mod certificates;
pub mod ports;
pub mod servers;
pub mod service;
pub mod toxiproxy;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rumqttc::{Client, Event, Incoming, MqttOptions, QoS};
use vigie::sources::synthetic::View;

use servers::{LOCALHOST, Server};

/// How long a test waits for what must come, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

static TURN: RwLock<()> = RwLock::new(());

/// Tests of whole processes take turns: two cores hold one cluster at a time.
pub fn turn() -> RwLockWriteGuard<'static, ()> {
    TURN.write().unwrap_or_else(|broken| broken.into_inner())
}

/// A turn beside others of this kind: for tests that wait most of their time.
pub fn shared_turn() -> RwLockReadGuard<'static, ()> {
    TURN.read().unwrap_or_else(|broken| broken.into_inner())
}

/// Waits until `condition` gives something; what was waited for stands in the failure.
pub fn wait<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(found) = condition() {
            return found;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("waited {PATIENCE:?} in vain for {what}");
}

/// As [`wait`]; in the failure stands what `state` says then.
pub fn wait_or<T>(what: &str, mut condition: impl FnMut() -> Option<T>, state: impl Fn() -> String) -> T {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(found) = condition() {
            return found;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("waited {PATIENCE:?} in vain for {what}\n{}", state());
}

pub use ports::port as free_port;

/// A folder of models or pictures from outside; `None`, and a line that says so, where this machine has none.
pub fn outside(variable: &str, default: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var_os(variable).map_or_else(|| here.join(default), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: set {variable} to a folder ({} is none)", folder.display());
    None
}

/// Where the models are.
pub fn models() -> Option<PathBuf> {
    outside("VIGIE_MODELS", "../shared/models")
}

/// Where the pictures are.
pub fn images() -> Option<PathBuf> {
    outside("VIGIE_IMAGES", "../shared/images")
}

/// The project's own detector.
pub fn detector() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/persons.onnx")
}

/// The camera of most tests: a rendered room.
pub fn room() -> View {
    View::new(7, 0, (640, 480), Some("room"))
}

/// What a server on that port answers to a GET; `None` where it does not, or says no.
pub fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split(' ').nth(1)?.starts_with('2').then(|| body.to_owned())
}

/// The first frames of that camera.
pub fn frames(count: u64) -> Vec<Vec<u8>> {
    let room = room();
    (0..count).map(|number| room.frame(number).0.to_vec()).collect()
}

/// A process of this test, killed with it.
pub struct Process {
    child: Child,
    /// What it has said so far, out and err.
    pub said: Arc<Mutex<String>>,
    listeners: [JoinHandle<()>; 2],
}

impl Process {
    /// Starts `program`; what it says is kept.
    pub fn start(program: impl AsRef<Path>, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program.as_ref());
        Self::spawn(command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null()))
    }

    /// Starts `command`; a pipe as its input stays open until it has ended.
    fn spawn(command: &mut Command) -> Self {
        command.env("VIGIE_TOKEN", "").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = Arc::new(Mutex::new(String::new()));
        let out = listen(child.stdout.take().expect("piped"), said.clone());
        let err = listen(child.stderr.take().expect("piped"), said.clone());
        Self { child, said, listeners: [out, err] }
    }

    /// Starts the `vigie` under test.
    pub fn vigie(arguments: &[&str]) -> Self {
        Self::start(env!("CARGO_BIN_EXE_vigie"), arguments, &[])
    }

    /// All that it has said.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Sends it a signal by name: `KILL`, `TERM`, `STOP`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill runs").success());
    }

    /// How it ended, where it has.
    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Waits for its end; it has said all then.
    pub fn end(&mut self) -> ExitStatus {
        self.wait_for("the end of a process", |_| None::<()>).expect_err("nothing else is waited for")
    }

    /// Waits until `condition` gives something. Fails with all that the process said, and at once where it ends before.
    pub fn until<T>(&mut self, what: &str, condition: impl FnMut(&Self) -> Option<T>) -> T {
        let found = self.wait_for(what, condition);
        found.unwrap_or_else(|status| panic!("{what}: the process ended before ({status}) and said\n{}", self.said()))
    }

    /// Waits until a job is connected to its source.
    pub fn connected(&mut self) {
        self.until("the source", |worker| worker.said().contains("connected ([source.").then_some(()));
    }

    /// What `condition` gives, or how the process ended before that.
    fn wait_for<T>(&mut self, what: &str, mut condition: impl FnMut(&Self) -> Option<T>) -> Result<T, ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let ended = self.ended().filter(|_| self.has_said_all());
            if let Some(found) = condition(self) {
                return Ok(found);
            }
            if let Some(status) = ended {
                return Err(status);
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("waited {PATIENCE:?} in vain for {what}; the process said\n{}", self.said());
    }

    /// Whether nothing more comes: it has ended.
    fn has_said_all(&self) -> bool {
        self.listeners.iter().all(JoinHandle::is_finished)
    }

    /// Its number in the system.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
    }
}

fn listen(from: impl Read + Send + 'static, said: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
        }
    })
}

impl Drop for Process {
    fn drop(&mut self) {
        let leash = self.child.stdin.take();
        let _ = self.child.kill();
        let _ = self.child.wait();
        // It has ended: what it kept is its owner's (tests/servers/leash.sh).
        let _ = leash.map(|mut leash| leash.write_all(b"\n"));
    }
}

/// Messages that came: topic and body.
pub type Heard = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// An MQTT broker for one test.
pub struct Broker {
    server: Server,
    /// Its port.
    pub port: u16,
}

/// What tells mosquitto how many messages it takes at a time.
const AT_ONCE: &str = "MOSQUITTO_MAX_INFLIGHT";

impl Broker {
    /// mosquitto, with a store that survives a restart; `None`, and a line that says so, where there is none.
    pub fn mosquitto() -> Option<Self> {
        Self::mosquitto_on(LOCALHOST)
    }

    /// The same, on that address of this machine.
    pub fn mosquitto_on(host: IpAddr) -> Option<Self> {
        Server::script_on(host, "mosquitto", &[]).map(Self::on)
    }

    /// The same, and takes packets of as many bytes at most.
    pub fn with_packet_max(bytes: usize) -> Option<Self> {
        Server::script("mosquitto", &[("MOSQUITTO_MAX_PACKET", bytes.to_string())]).map(Self::on)
    }

    /// The same, and takes so many messages at a time.
    pub fn that_takes_at_once(messages: usize) -> Option<Self> {
        Server::script("mosquitto", &[(AT_ONCE, messages.to_string())]).map(Self::on)
    }

    /// It takes so many at a time when it is started again.
    pub fn takes_at_once(&mut self, messages: usize) {
        self.server.set(AT_ONCE, messages.to_string());
    }

    /// RabbitMQ, the same: it speaks MQTT 3.1.1 alone, and QoS 1 at most.
    pub fn rabbitmq() -> Option<Self> {
        Server::script("rabbitmq", &[]).map(Self::on)
    }

    /// The broker in the box.
    pub fn boxed() -> Self {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let arguments = ["broker", "--listen", &listen, "--max-message", "64MiB"];
        Self::on(Server::new(env!("CARGO_BIN_EXE_vigie"), &arguments, port))
    }

    fn on(server: Server) -> Self {
        Self { port: server.port, server }
    }

    /// Ends it as an operator would.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Starts it again, on what it kept.
    pub fn restart(&mut self) {
        self.server.restart();
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("mqtt://{}", self.address())
    }

    /// Publishes at QoS 1 and returns when the broker has all of it.
    pub fn publish(&self, messages: Vec<(String, Vec<u8>)>) {
        publish(self.address(), messages).unwrap_or_else(|why| panic!("{why}"));
    }

    /// Listens to a topic filter; what came so far.
    pub fn listen(&self, filter: &str) -> Heard {
        let (client, mut connection) =
            client(self.address(), &format!("test-listener-{}", filter.replace(['/', '+', '#'], "-")));
        let heard = Arc::new(Mutex::new(Vec::new()));
        client.subscribe(filter, QoS::AtLeastOnce).expect("the connection takes it");
        let (into, (told, ready)) = (heard.clone(), std::sync::mpsc::channel());
        thread::spawn(move || {
            let _client = client;
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Incoming::SubAck(_))) => _ = told.send(()),
                    Ok(Event::Incoming(Incoming::Publish(message))) => {
                        into.lock().unwrap().push((message.topic, message.payload.to_vec()));
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        ready.recv_timeout(PATIENCE).expect("the broker takes the subscription");
        heard
    }
}

fn client(at: SocketAddr, name: &str) -> (Client, rumqttc::Connection) {
    let mut options = MqttOptions::new(name, at.ip().to_string(), at.port());
    options.set_max_packet_size(64 << 20, 64 << 20);
    Client::new(options, 256)
}

/// Publishes at QoS 1 to the broker there, and returns when it has all of it.
///
/// # Errors
/// It went away or refused; it may have some of it.
pub fn publish(at: SocketAddr, messages: Vec<(String, Vec<u8>)>) -> Result<(), String> {
    let count = messages.len();
    let (client, mut connection) = client(at, &format!("test-publisher-{:?}", thread::current().id()));
    let sender = thread::spawn(move || {
        let publish = |(topic, body)| client.publish(topic, QoS::AtLeastOnce, false, body).is_ok();
        // Where the connection is gone, the one that reads it says so.
        let _ = messages.into_iter().all(publish);
        client
    });
    let acks = connection.iter().filter_map(|event| match event {
        Ok(Event::Incoming(Incoming::PubAck(_))) => Some(Ok(())),
        Ok(_) => None,
        Err(error) => Some(Err(format!("the broker refused: {error}"))),
    });
    let all: Result<Vec<()>, String> = acks.take(count).collect();
    drop(connection);
    drop(sender.join());
    let acks = all?.len();
    assert_eq!(acks, count, "an answer for each");
    Ok(())
}

/// The numbers of a process's metrics page: `name{labels}` without `vigie_` and the job's label, to value.
pub fn page(process: &Process) -> BTreeMap<String, f64> {
    let address = wait("the address of the metrics", || {
        let (all, said) = (process.has_said_all(), process.said());
        let address = said.split("metrics at http://").nth(1).and_then(|rest| rest.split('/').next());
        assert!(address.is_some() || !all, "no page is served: the process ended and said\n{said}");
        address.map(str::to_owned)
    });
    let mut stream = TcpStream::connect(&address)
        .unwrap_or_else(|error| panic!("no page is served: {error}; the process said\n{}", process.said()));
    write!(stream, "GET /metrics HTTP/1.0\r\n\r\n").expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let mut page = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("vigie_")) {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        let (name, labels) = name.split_once('{').expect("labels");
        let labels: Vec<_> =
            labels.trim_end_matches('}').split(',').filter(|label| !label.starts_with("job=")).collect();
        page.insert(format!("{}{{{}}}", &name[6..], labels.join(",")), value.parse().expect("a number"));
    }
    page
}

/// Every file under `folder`, relative to it.
pub fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => found.push(path.strip_prefix(folder).expect("inside").display().to_string()),
            }
        }
    }
    found.sort();
    found
}
