//! A cluster of standing processes in a folder of its own. The benches use it too.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use vigie::client::Client;
use vigie::client::trust::Trust;

use crate::support::servers::S3;
use crate::support::{Process, free_port, wait};

/// How long a process may take to do what it is asked for: a command may wait for a generation.
const ANSWERING: Duration = Duration::from_secs(90);

/// A cluster in a folder of its own.
pub struct Standing {
    folder: tempfile::TempDir,
    /// Its processes that have been started, by index.
    pub processes: Vec<Option<Process>>,
    http: Vec<u16>,
    /// Where its HTTP is HTTPS: whom to trust, and what to show.
    pub trust: Option<Trust>,
}

impl Standing {
    /// A cluster of which no process runs yet; `more` lines for its `cluster.toml`.
    pub fn new(count: usize, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let http: Vec<_> = (0..count).map(|_| free_port()).collect();
        let list =
            |ports: &[u16]| ports.iter().map(|port| format!("\"127.0.0.1:{port}\"")).collect::<Vec<_>>().join(", ");
        let mesh: Vec<_> = (0..count).map(|_| free_port()).collect();
        let text = format!(
            "processes = [{}]\nhttp = [{}]\nstate_dir = \"state/{{process}}\"\n{more}\n",
            list(&mesh),
            list(&http)
        );
        std::fs::write(folder.path().join("cluster.toml"), text).expect("a cluster file");
        Self { folder, processes: (0..count).map(|_| None).collect(), http, trust: None }
    }

    /// A cluster with all its processes in one generation.
    pub fn start(count: usize) -> Self {
        let mut cluster = Self::new(count, "");
        (0..count).for_each(|index| cluster.bring(index));
        cluster.await_members(&(0..count).collect::<Vec<_>>());
        cluster
    }

    /// Where things of this cluster can be put.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join("cluster.toml")
    }

    /// Starts a process.
    pub fn bring(&mut self, index: usize) {
        self.processes[index] = Some(self.one_more(index, Path::new(env!("CARGO_BIN_EXE_vigie")), "cluster.toml", &[]));
    }

    /// Starts a process of that index with a program, a cluster file and environment of its own.
    pub fn one_more(&self, index: usize, vigie: &Path, file: &str, more: &[(&str, &str)]) -> Process {
        let (file, process) = (self.path().join(file).display().to_string(), index.to_string());
        let arguments = ["worker", "--cluster", &file, "-p", &process, "-w", "1"];
        let environment = [("AWS_ACCESS_KEY_ID", S3::KEY), ("AWS_SECRET_ACCESS_KEY", S3::SECRET)];
        Process::start(vigie, &arguments, &[&environment, more].concat())
    }

    /// Sends a process a signal.
    pub fn signal(&self, index: usize, signal: &str) {
        self.processes[index].as_ref().expect("it runs").signal(signal);
    }

    /// Kills a process.
    pub fn kill(&mut self, index: usize) {
        self.signal(index, "KILL");
        self.processes[index] = None;
    }

    /// Types a command.
    pub fn vigie(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        command.args(arguments).arg("--cluster").arg(self.file()).output().expect("vigie runs")
    }

    /// Types a command that must do.
    pub fn does(&self, arguments: &[&str]) -> String {
        let output = self.vigie(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}\n{}", self.said());
        said
    }

    /// A page of the API of one process; null where it does not answer.
    pub fn get(&self, index: usize, path: &str) -> Value {
        let text = match &self.trust {
            None => crate::support::get(self.http[index], path),
            Some(trust) => secure(self.http[index], trust, path),
        };
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Asks a process for something: see [`call`].
    pub fn call(&self, index: usize, verb: &str, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        call(self.http[index], verb, path, body)
    }

    /// Where each process answers over HTTP.
    pub fn ports(&self) -> Vec<u16> {
        self.http.clone()
    }

    /// Waits until these processes are one generation, as each of them sees it.
    pub fn await_members(&self, members: &[usize]) {
        let one = |index: &usize| {
            let seen = self.get(*index, "/api/v1/cluster")["members"].clone();
            seen.as_array()
                .is_some_and(|seen| seen.iter().filter_map(Value::as_u64).eq(members.iter().map(|m| *m as u64)))
        };
        crate::support::wait_or(
            &format!("a generation of {members:?}"),
            || members.iter().all(one).then_some(()),
            || self.said(),
        );
    }

    /// Waits until a job is in that state, as each of these processes sees it.
    pub fn await_state(&self, seen_by: &[usize], name: &str, state: &str) {
        let one = |index: &usize| self.get(*index, &format!("/api/v1/jobs/{name}"))["status"]["state"] == state;
        let all = || seen_by.iter().all(one).then_some(());
        crate::support::wait_or(&format!("job {name} to be {state}"), all, || {
            format!("{:#}\n{}", self.get(seen_by[0], "/api/v1/jobs"), self.said())
        });
    }

    /// What the processes have said.
    pub fn said(&self) -> String {
        let said = |(index, process): (usize, &Option<Process>)| {
            let said = process.as_ref().map(Process::said).unwrap_or("(it does not run)".to_owned());
            format!("process {index}:\n{said}\n")
        };
        self.processes.iter().enumerate().map(said).collect()
    }

    /// Waits until a process has ended by itself; its exit code.
    pub fn end(&mut self, index: usize) -> Option<i32> {
        let ended = self.processes[index].take().expect("it runs").end();
        wait("its port to be free", || std::net::TcpListener::bind(("127.0.0.1", self.http[index])).ok());
        ended.code()
    }
}

/// A page over HTTPS.
fn secure(port: u16, trust: &Trust, path: &str) -> Option<String> {
    let client = Client::with(vec![format!("127.0.0.1:{port}")], None, Some(trust)).expect("sound files");
    client.text(path.strip_prefix("/api/v1").expect("a page of the API")).ok()
}

/// Asks what listens on that port for something, a body with it or none; the status and what came. `None` where nobody
/// answers: it may have been done nevertheless.
pub fn call(port: u16, verb: &str, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(ANSWERING)).ok()?;
    let head = format!("{verb} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n");
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or_default()))
}
