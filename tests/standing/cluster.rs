//! A cluster of standing processes in a folder of its own. The benches use it too.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use vigie::api::Role;
use vigie::api::tokens::ApiToken;
use vigie::client::Client;
use vigie::client::trust::Trust;

use super::door::Door;
use super::net::Net;
use crate::support::servers::S3;
use crate::support::{Process, free_port, wait};

const VIGIE: &str = env!("CARGO_BIN_EXE_vigie");

/// A cluster in a folder of its own.
pub struct Standing {
    folder: tempfile::TempDir,
    /// Its processes that have been started, by index.
    pub processes: Vec<Option<Process>>,
    doors: Vec<Door>,
    /// Where its HTTP is HTTPS: whom to trust, and what to show.
    pub trust: Option<Trust>,
    /// Where they live, unless that is loopback. It goes after them.
    net: Option<Net>,
}

impl Standing {
    /// A cluster of which no process runs yet, on loopback; `more` lines for its `cluster.toml`.
    pub fn new(count: usize, more: &str) -> Self {
        Self::at(&vec![Ipv4Addr::LOCALHOST.into(); count], None, more)
    }

    /// The same, each process in a network of its own, with the secrets that this takes.
    pub fn on(net: Net, count: usize) -> Self {
        let hosts: Vec<_> = (0..count).map(|index| net.host(index)).collect();
        let (token, row) = ApiToken::fresh("tests", Role::Admin).expect("random numbers");
        let cluster = Self::at(&hosts, Some(token), &format!("token_file = \"secret\"\n{}", row.row()));
        std::fs::write(cluster.path().join("secret"), "a secret of the tests alone\n").expect("a file");
        Self { net: Some(net), ..cluster }
    }

    fn at(hosts: &[IpAddr], token: Option<String>, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let addresses = || hosts.iter().map(|host| SocketAddr::new(*host, free_port())).collect::<Vec<_>>();
        let list = |all: &[SocketAddr]| all.iter().map(|one| format!("\"{one}\"")).collect::<Vec<_>>().join(", ");
        let (mesh, http) = (addresses(), addresses());
        let text = format!(
            "processes = [{}]\nhttp = [{}]\nstate_dir = \"state/{{process}}\"\n{more}\n",
            list(&mesh),
            list(&http)
        );
        std::fs::write(folder.path().join("cluster.toml"), text).expect("a cluster file");
        let doors = http.into_iter().map(|address| Door { address, token: token.clone() }).collect();
        Self { folder, processes: hosts.iter().map(|_| None).collect(), doors, trust: None, net: None }
    }

    /// A cluster with all its processes in one generation.
    pub fn start(count: usize) -> Self {
        let mut cluster = Self::new(count, "");
        cluster.bring_all();
        cluster
    }

    /// Starts all its processes, and waits until they are one generation.
    pub fn bring_all(&mut self) {
        let all: Vec<_> = (0..self.doors.len()).collect();
        all.iter().for_each(|index| self.bring(*index));
        self.await_members(&all);
    }

    /// Where things of this cluster can be put.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join("cluster.toml")
    }

    /// The networks that its processes live in, unless that is loopback.
    pub fn net(&self) -> Option<&Net> {
        self.net.as_ref()
    }

    /// Starts a process.
    pub fn bring(&mut self, index: usize) {
        self.processes[index] = Some(self.one_more(index, Path::new(VIGIE), "cluster.toml", &[]));
    }

    /// Starts a process of that index with a program, a cluster file and environment of its own.
    pub fn one_more(&self, index: usize, vigie: &Path, file: &str, more: &[(&str, &str)]) -> Process {
        let (file, process) = (self.path().join(file).display().to_string(), index.to_string());
        let before = self.net().map(|net| net.within(index)).unwrap_or_default();
        let vigie = vigie.display().to_string();
        let arguments = [&vigie, "worker", "--cluster", &file, "-p", &process, "-w", "1"];
        let words: Vec<_> = before.iter().map(String::as_str).chain(arguments).collect();
        let environment = [("AWS_ACCESS_KEY_ID", S3::KEY), ("AWS_SECRET_ACCESS_KEY", S3::SECRET)];
        Process::start(words[0], &words[1..], &[&environment, more].concat())
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
        let mut command = Command::new(VIGIE);
        let token = self.doors[0].token.iter().map(|token| ("VIGIE_API_TOKEN", token));
        command.args(arguments).arg("--cluster").arg(self.file()).envs(token).output().expect("vigie runs")
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
            None => self.doors[index].get(path),
            Some(trust) => secure(self.doors[index].address, trust, path),
        };
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Asks a process for something: see [`Door::call`].
    pub fn call(&self, index: usize, verb: &str, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        self.doors[index].call(verb, path, body).ok()
    }

    /// Where each process answers over HTTP.
    pub fn doors(&self) -> &[Door] {
        &self.doors
    }

    /// The ports of these.
    pub fn ports(&self) -> Vec<u16> {
        self.doors.iter().map(|door| door.address.port()).collect()
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

    /// Waits until a process has said something: before that it may not hear signals yet, and end by the first of them.
    pub fn await_word(&self, index: usize) {
        let process = self.processes[index].as_ref().expect("it runs");
        wait("its first word", || (!process.said().is_empty()).then_some(()));
    }

    /// Waits until a process has ended by itself; its exit code.
    pub fn end(&mut self, index: usize) -> Option<i32> {
        let ended = self.processes[index].take().expect("it runs").end();
        wait("its port to be free", || (!self.doors[index].is_open()).then_some(()));
        ended.code()
    }
}

/// A page over HTTPS.
fn secure(address: SocketAddr, trust: &Trust, path: &str) -> Option<String> {
    let client = Client::with(vec![address.to_string()], None, Some(trust)).expect("sound files");
    client.text(path.strip_prefix("/api/v1").expect("a page of the API")).ok()
}
