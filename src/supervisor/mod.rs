//! `vigie worker`: a standing process of a cluster that runs the jobs it is given, generation after generation.
//!
//! ```text
//!  CLI ── HTTP (api) ── command ──▶ leader ── prepare, install ──▶ working (timely's workers)
//!                                     ▲                                 │ ended, failed, over
//!                         mesh ── stop, begin ──▶ Process ◀─────────────┘
//! ```
//!
//! # Layout
//!
//! * [`generations`]: workers that stop, begin and end.
//! * [`leader`]: commands, one after the other, each on all processes or on none.
//! * [`lead`]: what the leader has all processes do for that.
//! * [`question`], [`answers`]: what processes ask each other, and what each answers.
//! * [`working`]: the workers of one generation, and what is installed on them.
//! * `tasks`: pictures that are handed in.
//! * [`status`], [`looks`]: how the jobs are, what is counted, and how that is shown.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use operators::UnixMillis;
use rustls::ServerConfig;
use tokio::runtime::Handle;

use crate::allowed::Allowed;
use crate::api::{Api, Events, Level, Tokens};
use crate::cli;
use crate::cluster::{Cluster, EXIT_BUG, EXIT_MISTAKE};
use crate::command::Ticket;
use crate::mesh::{Mesh, Order, Settings};
use crate::metrics::Metrics;
use crate::mistake::Mistake;
use crate::outgoing::{Callbacks, Home, Hosts};
use crate::roster::{Roster, Store};
use crate::signal;
use crate::threads::threads;

pub mod answers;
pub mod generations;
pub mod lead;
pub mod leader;
pub mod looks;
pub mod question;
pub mod status;
mod tasks;
pub mod working;

use question::{Question, pack};
use status::Pulse;
use working::Working;

/// A standing process.
pub struct Process {
    cluster: Cluster,
    /// Where it answers over HTTP.
    http: String,
    /// Threads for clients of brokers and stores.
    io: Handle,
    /// Threads for mesh and API, which are never kept waiting by those.
    control: Handle,
    mesh: OnceLock<Mesh>,
    events: Events,
    store: Mutex<Store>,
    /// The folder that it lies in.
    state: PathBuf,
    /// The folders that jobs may not leave.
    allowed: Allowed,
    /// The hosts that they may ask.
    hosts: Hosts,
    /// Where services bring what they answer later.
    callbacks: Callbacks,
    inner: Mutex<Inner>,
    /// The leader does one thing at a time.
    turn: tokio::sync::Mutex<()>,
    ending: AtomicBool,
}

#[derive(Default)]
struct Inner {
    roster: Roster,
    working: Option<Working>,
    metrics: BTreeMap<String, (Arc<Metrics>, Pulse)>,
    /// On the leader: under which ticket a job is installed.
    tickets: BTreeMap<String, Ticket>,
    last_ticket: u64,
    /// On the leader: why a job of the roster could not be installed.
    refused: BTreeMap<String, String>,
    /// What ended the last workers here: the job that was installed last, and the panic.
    trouble: Option<(String, String)>,
}

/// Runs a standing process until it is told to end.
pub fn run(flags: &cli::Worker) -> ExitCode {
    match try_run(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(mistake) => {
            eprintln!("error: {mistake}");
            ExitCode::from(EXIT_MISTAKE as u8)
        }
    }
}

fn try_run(flags: &cli::Worker) -> Result<(), Mistake> {
    let cluster = flags.cluster.resolve()?;
    cluster.demand_token()?;
    let (io, control) = (threads("io")?, threads("control")?);
    let standing = flags.cluster.standing(&cluster)?;
    let store = Store::open(&standing.state_dir)?;
    let loaded = store.load()?;
    loaded.set_aside.iter().for_each(|what| tracing::warn!("{what}"));
    let http = standing.http[cluster.process].clone();
    let scheme = if standing.tls.is_some() { "https" } else { "http" };
    let callbacks = Callbacks::default();
    callbacks.listen(Home { address: format!("{scheme}://{http}"), process: cluster.process });
    let process = Arc::new(Process {
        http,
        callbacks,
        io: io.handle().clone(),
        control: control.handle().clone(),
        mesh: OnceLock::new(),
        events: Events::new(cluster.process),
        store: Mutex::new(store),
        state: standing.state_dir,
        allowed: standing.allowed,
        hosts: standing.hosts,
        inner: Mutex::new(Inner { roster: loaded.roster, ..Inner::default() }),
        turn: tokio::sync::Mutex::default(),
        ending: AtomicBool::new(false),
        cluster,
    });
    // Before the others hear of it: once it is among them, it takes its leave.
    process.listen();
    process.recall();
    let orders = process.clone().join()?;
    process.serve(standing.tokens, standing.tls)?;
    watch(&process);
    process.obey(&orders);
    process.mesh().leave();
    control.shutdown_timeout(Duration::from_millis(100));
    io.shutdown_timeout(Duration::from_millis(100));
    Ok(())
}

/// A worker that is stuck in foreign code can't be ended; its process can, and its supervisor starts it again.
fn watch(process: &Arc<Process>) {
    let process = process.clone();
    let patience = process.cluster.dead_after;
    thread::spawn(move || {
        loop {
            thread::sleep(patience / 3);
            let working = process.inner().working.clone();
            if working.is_some_and(|working| working.is_stuck(patience)) {
                give_up(&format!("a worker has done nothing for {} s, although it was woken", patience.as_secs_f32()));
            }
        }
    });
}

fn give_up(why: &str) -> ! {
    eprintln!("error: {why}: this process ends, and whoever looks after it starts it again");
    std::process::exit(EXIT_BUG)
}

impl Process {
    /// This process's index.
    pub fn index(&self) -> usize {
        self.cluster.process
    }

    fn mesh(&self) -> &Mesh {
        self.mesh.get().expect("the mesh is opened before anything else runs")
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, level: Level, job: Option<&str>, text: impl Into<String>) {
        let text = text.into();
        match level {
            Level::Info => tracing::info!("{text}"),
            Level::Warn => tracing::warn!("{text}"),
            Level::Error => tracing::error!("{text}"),
        }
        self.events.tell(level, job, text);
    }

    /// Opens the mesh; what it orders.
    fn join(self: Arc<Self>) -> Result<Receiver<Order>, Mistake> {
        let host = Arc::new(answers::Door(self.clone()));
        // Generations count on after a restart of everything: the versions of the roster do.
        let promised = self.inner().roster.generation();
        let settings = Settings::new(&self.cluster, blake3::hash(self.cluster.addresses.join(" ").as_bytes()));
        let settings = Settings { promised, ..settings };
        let (mesh, orders) = Mesh::open(&self.cluster, settings, host, &self.control)?;
        assert!(self.mesh.set(mesh).is_ok(), "the mesh is opened once");
        Ok(orders)
    }

    /// Answers over HTTP.
    fn serve(self: &Arc<Self>, tokens: Tokens, tls: Option<Arc<ServerConfig>>) -> Result<(), Mistake> {
        let (control, mut requests) = crate::api::control();
        let pages = self.clone();
        let page = Arc::new(move || pages.page());
        let front = Arc::new(tasks::Counter(self.clone()));
        let (events, callbacks) = (self.events.clone(), self.callbacks.clone());
        let api = Api { control, events, tokens, front, callbacks, page };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shown = crate::api::serve(&self.control, &self.http, tls, api)?;
        self.tell(Level::Info, None, format!("process {}: {scheme}://{shown}", self.index()));
        let process = self.clone();
        self.control.spawn(async move {
            while let Some((command, reply)) = requests.recv().await {
                let process = process.clone();
                tokio::spawn(async move { reply.send(process.command(command).await) });
            }
        });
        Ok(())
    }

    /// Hears from now on when someone asks the process to end; who asks twice does not want to wait.
    fn listen(self: &Arc<Self>) {
        let _inside = self.control.enter();
        let (process, mut stop) = (self.clone(), signal::Stop::listen());
        self.control.spawn(async move {
            stop.heard().await;
            process.end();
            stop.heard().await;
            std::process::exit(130);
        });
    }

    /// The process is to end.
    fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    fn to_leader(self: &Arc<Self>, working: &Working, question: Question) {
        let (process, leader) = (self.clone(), working.generation().members[0]);
        self.control.spawn(async move { process.mesh().ask(leader, pack(&question), Duration::from_secs(3)).await });
    }

    /// Takes over a roster, and keeps it. One that is older than what is known has come late, and is nothing new.
    fn adopt(&self, roster: Roster) {
        // Held to the end: two at once would be kept in one order and taken over in the other.
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.inner().roster.clone();
        if before == roster || before.version > roster.version {
            return;
        }
        if let Err(error) = store.save(&roster) {
            self.tell(Level::Error, None, format!("the list of jobs can't be kept: {error}"));
        }
        self.inner().roster = roster.clone();
        self.tell_changes(&before, &roster);
    }

    /// What became of the jobs before this process was started again is among its events, too.
    fn recall(&self) {
        let jobs = self.inner().roster.jobs.clone();
        let mut past: Vec<_> =
            jobs.iter().flat_map(|(name, entry)| entry.history.iter().map(move |event| (name, event))).collect();
        past.sort_by_key(|(_, event)| event.at);
        for (name, event) in past {
            let (level, text) = event.told(name);
            self.events.recall(UnixMillis(event.at), level, name, text);
        }
    }

    /// Tells what has become of the jobs, each process for itself: so each can be asked.
    fn tell_changes(&self, before: &Roster, now: &Roster) {
        for (name, entry) in &now.jobs {
            let known = before.jobs.get(name).map(|entry| &entry.history[..]).unwrap_or_default();
            for event in entry.history.iter().filter(|event| !known.contains(event)) {
                let (level, text) = event.told(name);
                self.tell(level, Some(name), text);
            }
        }
        for name in before.jobs.keys().filter(|name| !now.jobs.contains_key(*name)) {
            self.tell(Level::Info, Some(name), format!("job {name} is cancelled"));
        }
    }

    /// What counts for a job, whenever it was installed.
    fn metrics(&self, name: &str) -> Arc<Metrics> {
        let mut inner = self.inner();
        let new = || (Arc::new(Metrics::new(name)), Pulse::default());
        inner.metrics.entry(name.to_owned()).or_insert_with(new).0.clone()
    }
}
