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
//! * [`leader`]: commands, one after the other, each on all processes or on none.
//! * [`question`]: what processes ask each other.
//! * [`working`]: the workers of one generation, and what is installed on them.
//! * [`status`]: how the jobs are.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::{Handle, Runtime};

use crate::allowed::Allowed;
use crate::api::{Api, Command, Events, Level, Problem, Reply, Tokens};
use crate::cli;
use crate::cluster::{Cluster, EXIT_BUG, EXIT_MISTAKE, Lost, Meeting};
use crate::command::Ticket;
use crate::mesh::{Generation, Host, Mesh, Order, Settings};
use crate::metrics::Metrics;
use crate::mistake::Mistake;
use crate::opening::{Place, open};
use crate::pages;
use crate::roster::{Entry, Roster, Store};
use crate::signal;

pub mod leader;
pub mod question;
pub mod status;
pub mod working;

use question::{Answer, Question, answer, pack};
use status::Pulse;
use working::{News, Working};

/// How long the workers of a process may begin after the leader's.
const BEGINNING: Duration = Duration::from_secs(5);

/// How long after a data link breaks a process may hear why.
const HEARING: Duration = Duration::from_millis(300);

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
    /// The folders that jobs may not leave.
    allowed: Allowed,
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
    let process = Arc::new(Process {
        http: standing.http[cluster.process].clone(),
        io: io.handle().clone(),
        control: control.handle().clone(),
        mesh: OnceLock::new(),
        events: Events::new(cluster.process),
        store: Mutex::new(store),
        allowed: standing.allowed,
        inner: Mutex::new(Inner { roster: loaded.roster, ..Inner::default() }),
        turn: tokio::sync::Mutex::default(),
        ending: AtomicBool::new(false),
        cluster,
    });
    let orders = process.clone().join()?;
    process.serve(standing.tokens)?;
    watch(&process);
    process.obey(&orders);
    process.mesh().leave();
    control.shutdown_timeout(Duration::from_millis(100));
    io.shutdown_timeout(Duration::from_millis(100));
    Ok(())
}

fn threads(name: &str) -> Result<Runtime, Mistake> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.worker_threads(2).thread_name(name).enable_all().build();
    built.map_err(|error| Mistake::new(format!("this machine gives no threads for I/O: {error}")))
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
        let host = Arc::new(Door(self.clone()));
        // Generations count on after a restart of everything: the versions of the roster do.
        let promised = self.inner().roster.generation();
        let settings = Settings::new(&self.cluster, blake3::hash(self.cluster.addresses.join(" ").as_bytes()));
        let settings = Settings { promised, ..settings };
        let (mesh, orders) = Mesh::open(&self.cluster, settings, host, &self.control)?;
        assert!(self.mesh.set(mesh).is_ok(), "the mesh is opened once");
        Ok(orders)
    }

    /// Answers over HTTP.
    fn serve(self: &Arc<Self>, tokens: Tokens) -> Result<(), Mistake> {
        let (control, mut requests) = crate::api::control();
        let pages = self.clone();
        let page = Arc::new(move || pages.page());
        let api = Api { control, events: self.events.clone(), tokens, page };
        let shown = crate::api::serve(&self.control, &self.http, api)?;
        self.tell(Level::Info, None, format!("process {}: http://{shown}", self.index()));
        let process = self.clone();
        self.control.spawn(async move {
            while let Some((command, reply)) = requests.recv().await {
                let process = process.clone();
                tokio::spawn(async move { reply.send(process.command(command).await) });
            }
        });
        let process = self.clone();
        self.control.spawn(async move {
            signal::stop().await;
            process.end();
            signal::stop().await;
            std::process::exit(130);
        });
        Ok(())
    }

    /// Does what the mesh orders, until the process is to end.
    fn obey(self: &Arc<Self>, orders: &Receiver<Order>) {
        while !self.ending.load(Ordering::Acquire) {
            match orders.recv_timeout(Duration::from_millis(50)) {
                Ok(Order::Stop { reason }) => self.stop(&reason),
                Ok(Order::Begin { generation, meeting, roster }) => self.begin(generation, meeting, roster),
                Err(_) => {}
            }
        }
        let working = self.inner().working.clone();
        working.into_iter().for_each(|working| working.stop("this process ends", false));
    }

    /// The process is to end.
    fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Stops the workers: at once where a member is lost; otherwise what is in flight may end.
    fn stop(&self, reason: &str) {
        let working = self.inner().working.clone();
        if let Some(working) = working {
            self.events.tell(Level::Info, None, format!("the workers stop: {reason}"));
            let present = self.mesh().view().present;
            let lost =
                working.generation().members.iter().any(|member| !present.contains(member) && *member != self.index());
            working.stop(reason, lost);
        }
        self.mesh().stopped();
    }

    /// Starts the workers of a generation; where this process leads it, also the jobs.
    fn begin(self: &Arc<Self>, generation: Generation, meeting: Meeting, roster: Option<(u64, Bytes)>) {
        if let Some(roster) = roster.and_then(|(_, bytes)| serde_json::from_slice::<Roster>(&bytes).ok()) {
            self.adopt(roster);
        }
        let Generation { number, members } = &generation;
        self.tell(
            Level::Info,
            None,
            format!("generation {number}: processes {members:?} of {}", self.cluster.processes()),
        );
        let rank = members.iter().position(|member| *member == self.index()).expect("it is a member");
        let place = Place { process: rank, processes: members.len(), threads: self.cluster.threads };
        let process = self.clone();
        let hear = move |working: &Working, news| process.hear(working, news);
        let stuck = |lost: &Lost| give_up(&lost.to_string());
        let mut inner = self.inner();
        inner.tickets.clear();
        inner.refused.clear();
        let trouble = inner.trouble.take();
        let working = Working::start(generation, meeting, place, stuck, hear);
        inner.working = Some(working.clone());
        drop(inner);
        self.mesh().started();
        if rank == 0 {
            self.control.spawn(self.clone().install_all(working.clone()));
        }
        if let Some((job, reason)) = trouble {
            self.to_leader(&working, Question::Trouble { job, reason, fatal: true });
        }
    }

    /// What the workers tell.
    fn hear(self: &Arc<Self>, working: &Working, news: News) {
        match news {
            // Who submitted it waits to hear that.
            News::Installed => self.mesh().speak(),
            News::Ended(ticket, name) if working.place().process == 0 => {
                self.control.spawn(self.clone().ended(working.clone(), ticket, name));
            }
            News::Ended(..) => {}
            News::Failed(job, reason) => {
                self.tell(Level::Error, Some(&job), reason.clone());
                self.to_leader(working, Question::Trouble { job, reason, fatal: false });
            }
            News::Over(how, newest) => self.over(working, how, newest),
        }
    }

    /// The workers have ended.
    fn over(&self, working: &Working, how: Result<(), Lost>, newest: Option<String>) {
        // Most often another process has only heard a little earlier that all are to stop.
        if matches!(how, Err(Lost::Peer { .. })) {
            working.await_stop(HEARING);
        }
        let mut inner = self.inner();
        if let (Err(Lost::Panic { what, .. }), Some(job)) = (&how, newest) {
            inner.trouble = Some((job, what.clone()));
        }
        // Those of the next generation may have begun: whoever waited for the end of these has not waited for this.
        if inner.working.as_ref().is_some_and(|now| now.generation() == working.generation()) {
            inner.working = None;
        }
        drop(inner);
        if !working.is_stopping() {
            let why = match how {
                Ok(()) => "they had nothing to do".to_owned(),
                Err(Lost::Peer { peer, why }) => format!("{peer} is gone: {why}"),
                Err(lost) => lost.to_string(),
            };
            self.tell(Level::Warn, None, format!("the workers ended: {why}"));
            self.mesh().ended(why);
        }
    }

    fn to_leader(self: &Arc<Self>, working: &Working, question: Question) {
        let (process, leader) = (self.clone(), working.generation().members[0]);
        self.control.spawn(async move { process.mesh().ask(leader, pack(&question), Duration::from_secs(3)).await });
    }

    /// Takes over a roster, and keeps it.
    fn adopt(&self, roster: Roster) {
        let changed = self.inner().roster != roster;
        if changed {
            let kept = self.store.lock().unwrap_or_else(PoisonError::into_inner).save(&roster);
            if let Err(error) = kept {
                self.tell(Level::Error, None, format!("the list of jobs can't be kept: {error}"));
            }
            let before = std::mem::replace(&mut self.inner().roster, roster.clone());
            self.tell_changes(&before, &roster);
        }
    }

    /// Tells what has become of the jobs, each process for itself: so each can be asked.
    fn tell_changes(&self, before: &Roster, now: &Roster) {
        for (name, entry) in &now.jobs {
            let known = before.jobs.get(name).map(|entry| &entry.history[..]).unwrap_or_default();
            for event in entry.history.iter().filter(|event| !known.contains(event)) {
                let level = if event.state == "failed" { Level::Error } else { Level::Info };
                self.tell(level, Some(name), format!("job {name} is {}: {}", event.state, event.reason));
            }
        }
        for name in before.jobs.keys().filter(|name| !now.jobs.contains_key(*name)) {
            self.tell(Level::Info, Some(name), format!("job {name} is cancelled"));
        }
    }

    /// What others ask.
    async fn answer(self: Arc<Self>, question: Question) -> Answer {
        match question {
            Question::Command(command) => match self.lead(command).await {
                Some(reply) => Answer::Reply(Box::new(reply)),
                None => Answer::No("this process does not lead".to_owned()),
            },
            Question::Prepare { generation, ticket, entry } => {
                blocking(move || self.prepare(generation, ticket, &entry)).await
            }
            Question::Discard(ticket) => {
                self.inner().working.iter().for_each(|working| working.discard(ticket));
                Answer::Done
            }
            Question::Gone(ticket) => blocking(move || self.gone(ticket)).await,
            Question::Roster(roster) => {
                blocking(move || {
                    self.adopt(roster);
                    Ok(())
                })
                .await
            }
            Question::Metrics => Answer::Text(self.page()),
            Question::Trouble { job, reason, fatal } => {
                self.control.spawn(self.clone().troubled(job, reason, fatal));
                Answer::Done
            }
            Question::Stop => {
                self.end();
                Answer::Done
            }
        }
    }

    /// Opens a job's parts for the workers of this process, and lays them ready.
    fn prepare(&self, generation: u64, ticket: Ticket, entry: &Entry) -> Result<(), String> {
        let working = self.of_generation(generation).ok_or("its workers are not those of the leader: try again")?;
        let mut job = entry.job().map_err(|mistakes| mistakes.to_string())?;
        job.allowed = self.allowed.clone();
        job.check(&self.io).map_err(|mistakes| mistakes.to_string())?;
        let metrics = self.metrics(&entry.name);
        let parts = open(&job, working.place(), &self.io, &metrics).map_err(|error| format!("{error:#}"))?;
        working.lay(ticket, &entry.name, metrics, parts);
        Ok(())
    }

    /// The workers of that generation: they may be a moment later than the leader's.
    fn of_generation(&self, number: u64) -> Option<Working> {
        let until = Instant::now() + BEGINNING;
        loop {
            let working = self.inner().working.clone();
            match working.filter(|working| working.generation().number >= number) {
                Some(working) => return Some(working).filter(|working| working.generation().number == number),
                None if Instant::now() > until => return None,
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// What counts for a job, whenever it was installed.
    fn metrics(&self, name: &str) -> Arc<Metrics> {
        let mut inner = self.inner();
        let new = || (Arc::new(Metrics::new(name)), Pulse::default());
        inner.metrics.entry(name.to_owned()).or_insert_with(new).0.clone()
    }

    /// Waits until no worker here has it installed; an error where they are about to stop.
    fn gone(&self, ticket: Ticket) -> Result<(), String> {
        let Some(working) = self.inner().working.clone() else { return Err("its workers have stopped".to_owned()) };
        match working.await_gone(ticket, Duration::from_secs(60)) && !working.is_stopping() {
            true => Ok(()),
            false => Err("its workers are about to stop".to_owned()),
        }
    }

    /// What this process counts, as Prometheus' text.
    fn page(&self) -> String {
        let jobs: Vec<_> = self.inner().metrics.values().map(|(metrics, _)| metrics.clone()).collect();
        let pages = jobs.iter().map(|metrics| metrics.page()).chain([self.cluster_page()]);
        pages::merge(pages.into_iter().map(|page| (None, page)))
    }

    /// A command that changes nothing.
    async fn look(self: &Arc<Self>, command: Command) -> Result<Reply, Problem> {
        Ok(match command {
            Command::Jobs => Reply::Jobs(self.jobs()),
            Command::Show(name) => {
                self.inner().roster.job(&name)?;
                Reply::Detail(
                    self.detail(&name).ok_or_else(|| Problem::not_found(format!("job `{name}` has just gone")))?,
                )
            }
            Command::Cluster => Reply::Cluster(self.cluster_status()),
            Command::Metrics => Reply::Text(self.all_pages().await),
            _ => return Err(Problem::bug("a command that changes something")),
        })
    }

    /// What all processes count.
    async fn all_pages(&self) -> String {
        let mut pages = vec![(self.index(), self.page())];
        let others = self.mesh().view().present.into_iter().filter(|index| *index != self.index());
        for other in others {
            let asked = self.mesh().ask(other, pack(&Question::Metrics), Duration::from_secs(3)).await;
            if let Answer::Text(page) = answer(asked) {
                pages.push((other, page));
            }
        }
        pages::merge(pages.into_iter().map(|(process, page)| (Some(process), page)))
    }
}

/// Work that may take its time, on a thread where it may.
async fn blocking(work: impl FnOnce() -> Result<(), String> + Send + 'static) -> Answer {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(())) => Answer::Done,
        Ok(Err(why)) => Answer::No(why),
        Err(error) => Answer::No(format!("a mistake in Vigie: {error}")),
    }
}

/// What the mesh asks of this process.
struct Door(Arc<Process>);

impl Host for Door {
    fn roster(&self) -> (u64, Bytes) {
        let inner = self.0.inner();
        (inner.roster.version, pack(&inner.roster))
    }

    fn status(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0.told()).expect("texts and numbers are JSON")
    }

    fn answer(&self, _: usize, question: Bytes) -> std::pin::Pin<Box<dyn Future<Output = Bytes> + Send>> {
        let process = self.0.clone();
        Box::pin(async move {
            let answer = match serde_json::from_slice(&question) {
                Ok(question) => process.answer(question).await,
                Err(error) => Answer::No(format!("the question can't be read: {error}")),
            };
            pack(&answer)
        })
    }
}
