//! A contender's processes: everything in the sessions of the commands that it was started with.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::{guard, procfs};

/// How often memory is looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// How long a contender may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Resident bytes at a moment.
pub type Sample = (Instant, u64);

/// The processes at work.
pub struct Tree {
    /// When it was started.
    pub started: Instant,
    children: Vec<Child>,
    sessions: BTreeSet<u32>,
    log: PathBuf,
    watch: Option<(Sender<()>, JoinHandle<Vec<Sample>>)>,
}

impl Tree {
    /// Starts each command in a session of its own. What they say goes to the end of `log`.
    ///
    /// # Errors
    /// One of them can't be started.
    pub fn start(commands: Vec<Vec<String>>, environment: &[(&str, String)], log: &Path) -> anyhow::Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        let started = Instant::now();
        let mut tree =
            Self { started, children: Vec::new(), sessions: BTreeSet::new(), log: log.to_owned(), watch: None };
        for words in commands {
            let mut command = Command::new("setsid");
            command.args(&words).envs(environment.iter().map(|(name, value)| (name, value)));
            command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file.try_clone()?);
            let child = command.spawn().with_context(|| format!("can't start {words:?}"))?;
            let session = child.id();
            tree.sessions.insert(session);
            tree.children.push(child);
            guard::tell(session, true)?;
        }
        let (over, told) = mpsc::channel();
        let sessions = tree.sessions.clone();
        let thread = thread::spawn(move || {
            let mut samples = Vec::new();
            while told.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
                samples.push((Instant::now(), memory(&sessions)));
            }
            samples
        });
        tree.watch = Some((over, thread));
        Ok(tree)
    }

    /// Seconds on a core, of all of them.
    pub fn cpu(&self) -> f64 {
        members(&self.sessions).map(|(_, stat)| stat.cpu).sum()
    }

    /// Whether all that were started still run.
    ///
    /// # Errors
    /// One has ended; what they said last.
    pub fn alive(&mut self) -> anyhow::Result<()> {
        for child in &mut self.children {
            if let Some(status) = child.try_wait()? {
                anyhow::bail!("it ended ({status}) and said: {}", last_words(&self.log));
            }
        }
        Ok(())
    }

    /// What they said last.
    pub fn said(&self) -> String {
        last_words(&self.log)
    }

    /// `kill -9` to all of them at once.
    pub fn kill(&mut self) {
        kill(&self.sessions);
        for child in &mut self.children {
            let _ = child.wait();
        }
    }

    /// Ends them as an operator would; their memory over time.
    pub fn end(mut self) -> Vec<Sample> {
        let samples = self.stop_watching();
        let ids: Vec<_> = self.children.iter().map(|child| child.id().to_string()).collect();
        signal("TERM", &ids);
        let start = Instant::now();
        while start.elapsed() < PATIENCE && !self.has_ended() {
            thread::sleep(Duration::from_millis(20));
        }
        samples
    }

    fn has_ended(&mut self) -> bool {
        let ended = self.children.iter_mut().all(|child| matches!(child.try_wait(), Ok(Some(_))));
        ended && members(&self.sessions).next().is_none()
    }

    fn stop_watching(&mut self) -> Vec<Sample> {
        let Some((over, thread)) = self.watch.take() else { return Vec::new() };
        drop(over);
        thread.join().expect("it does not panic")
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.stop_watching();
        self.kill();
        for session in &self.sessions {
            let _ = guard::tell(*session, false);
        }
    }
}

/// `kill -9` to all processes of these sessions.
pub fn kill(sessions: &BTreeSet<u32>) {
    let ids: Vec<_> = members(sessions).map(|(id, _)| id.to_string()).collect();
    signal("KILL", &ids);
}

fn members(sessions: &BTreeSet<u32>) -> impl Iterator<Item = (u32, procfs::Stat)> {
    procfs::all().into_iter().filter(|(_, stat)| sessions.contains(&stat.session))
}

fn memory(sessions: &BTreeSet<u32>) -> u64 {
    let status = |id| fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    members(sessions).map(|(id, _)| procfs::resident(&status(id))).sum()
}

fn signal(name: &str, ids: &[String]) {
    if !ids.is_empty() {
        let _ = Command::new("kill").arg(format!("-{name}")).args(ids).stderr(Stdio::null()).status();
    }
}

/// The last lines of a log.
fn last_words(log: &Path) -> String {
    let said = fs::read(log).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join(" / ")
}
