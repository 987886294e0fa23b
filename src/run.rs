//! `vigie run`: a job from its file to its summary, on one process or as one of several.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::account::Balance;
use crate::api::routes::BASE;
use crate::check::describe;
use crate::cli;
use crate::client;
use crate::cluster::{Cluster, Door, EXIT_BUG, EXIT_MISTAKE, Lost, PATIENCE};
use crate::command::{Command, Inbox, Ticket, orders};
use crate::http;
use crate::job::Job;
use crate::live::{Live, summary};
use crate::metrics::Metrics;
use crate::mistake::{Mistake, Mistakes};
use crate::opening::{Place, open};
use crate::outgoing::Home;
use crate::render::Parts;
use crate::signal;
use crate::threads::threads;
use crate::worker::{self, Desk, Report, Stopped, Threads};

/// There is one job, and it is installed once.
pub(crate) const ONLY: Ticket = Ticket(0);

/// Why a job did not start, or did not end well: what to say, and the code to exit with.
pub(crate) struct Failure(String, i32);

impl Failure {
    /// Says it; the code to exit with.
    pub(crate) fn told(&self) -> ExitCode {
        eprintln!("{}", self.0.trim_end());
        ExitCode::from(self.1 as u8)
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Failure(mistakes.to_string(), EXIT_MISTAKE)
    }
}

impl From<Mistake> for Failure {
    fn from(mistake: Mistake) -> Self {
        Failure(format!("error: {mistake}"), EXIT_MISTAKE)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let code = if error.is::<Mistake>() { EXIT_MISTAKE } else { 1 };
        Failure(format!("error: {error:#}"), code)
    }
}

impl From<client::Failure> for Failure {
    fn from(failure: client::Failure) -> Self {
        Failure(failure.said, failure.code.into())
    }
}

impl From<Lost> for Failure {
    fn from(lost: Lost) -> Self {
        Failure(format!("error: {lost}"), lost.exit_code())
    }
}

/// Runs the job until it ends, by itself or by a signal.
pub fn run(flags: &cli::Run) -> ExitCode {
    match try_run(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.told(),
    }
}

fn try_run(flags: &cli::Run) -> Result<(), Failure> {
    let cluster = flags.cluster.resolve()?;
    let runtime = threads("io")?;
    let mut job = Job::load(&flags.job)?;
    job.state = Some(job.beside().join(".vigie").join(cluster.process.to_string()));
    let job = Arc::new(job);
    job.check(runtime.handle())?;
    for warning in job.warnings(runtime.handle()) {
        eprintln!("{}", job.tell("warning", &warning));
    }
    let metrics = Arc::new(Metrics::new(&job.name));
    // The address first: a second process of the same index must not reach for the first one's sessions.
    let door = Door::open(&cluster)?;
    // Before the parts are opened: some tell services where to call.
    let (callbacks, tokens) = (job.services.callbacks.clone(), flags.cluster.tokens()?);
    let shown = http::serve(runtime.handle(), flags.http, metrics.clone(), job.terms(), tokens, callbacks.clone())?;
    callbacks.listen(Home { address: format!("http://{shown}"), process: cluster.process });
    let parts = open(&job, Place::from(&cluster), runtime.handle(), &metrics);
    let parts = parts.map_err(|error| Failure(format!("error: {error:#}"), EXIT_MISTAKE))?;
    eprintln!("{}: metrics at http://{shown}/metrics", job.name);
    for (step, model) in parts.first().map(|parts| parts.board.models()).unwrap_or_default() {
        eprintln!("{}: {step} runs {} with {}", job.name, model.tag.name, model.engine);
    }
    if job.terms().is_some() {
        eprintln!("{}: tasks at http://{shown}{BASE}/jobs/{}/tasks", job.name, job.name);
    }

    let met = Arc::new(AtomicBool::new(false));
    let inbox = signals(&runtime, met.clone());
    let live = Live::new(&job.name, metrics.clone());
    let asked = ask_servers(&cluster, &runtime, &job);
    let threads = start(&cluster, door, &job, parts, inbox, met);
    // No frame waits for what servers have to say, but a job that was quick does.
    let _ = asked.recv_timeout(ASKING);
    let goodbyes = threads.map(|threads| goodbye(&job.name, threads));
    drop(live);
    eprintln!("{}: {}", job.name, summary(&metrics.account.balance()));
    runtime.shutdown_timeout(Duration::from_millis(100));
    goodbyes??;
    all_dead(&job, &metrics.account.balance()).map_or(Ok(()), Err)
}

/// A job that led to dead letters and nothing else has not done what it is for.
fn all_dead(job: &Job, balance: &Balance) -> Option<Failure> {
    let dead: u64 = balance.dead.iter().map(|(_, count)| count).sum();
    let others = balance.results + balance.in_flight + balance.filtered.values().sum::<u64>();
    let what = || {
        let (name, letters) = (&job.name, job.dead.config.describe());
        format!("error: {name}: no frame led to a result, all {dead} are dead letters: each says why, in {letters}")
    };
    (dead > 0 && others == 0).then(|| Failure(what(), 1))
}

/// How long a job that is over waits for what its servers take.
const ASKING: Duration = Duration::from_secs(2);

/// Tells what servers will not take, while the job begins; who listens hears when all is told.
fn ask_servers(cluster: &Cluster, runtime: &Runtime, job: &Arc<Job>) -> mpsc::Receiver<()> {
    let (telling, told) = mpsc::channel();
    if cluster.process == 0 {
        let (job, handle) = (job.clone(), runtime.handle().clone());
        std::thread::spawn(move || {
            job.preflight(&handle).iter().for_each(|warning| tracing::warn!("{}", job.tell("too large", warning)));
            drop(telling);
        });
    }
    told
}

/// The first ^C or SIGTERM asks the job to end, the second ends the process.
fn signals(runtime: &Runtime, met: Arc<AtomicBool>) -> Inbox {
    let (orders, inbox) = orders();
    runtime.spawn(async move {
        signal::stop().await;
        if !met.load(Ordering::Acquire) {
            // Still waiting for the other processes: there is nothing to finish.
            std::process::exit(0);
        }
        tracing::info!("finishing what is in flight; once more to stop at once");
        orders.give(Command::Drain(ONLY));
        signal::stop().await;
        std::process::exit(130);
    });
    inbox
}

/// Runs the job on this process's workers; the threads of its sources.
pub(crate) fn start(
    cluster: &Cluster,
    door: Door,
    job: &Job,
    parts: Vec<Parts>,
    inbox: Inbox,
    met: Arc<AtomicBool>,
) -> Result<Threads, Failure> {
    let (reports, told) = mpsc::channel();
    let desk = Desk::new(cluster.threads, reports);
    desk.lay(ONLY, parts);
    let inbox = Mutex::new(Some(inbox));
    let stuck = |lost: &Lost| {
        eprintln!("error: {lost}");
        std::process::exit(lost.exit_code());
    };
    // What the processes must agree on: the text, and what the environment made of it.
    let parts_as_read: String = describe(job).lines().skip(1).collect();
    let config = blake3::hash((job.text.clone() + &parts_as_read).as_bytes());
    door.meet(config, PATIENCE)?.run(stuck, move |worker, guard| {
        met.store(true, Ordering::Release);
        let inbox = inbox.lock().expect("no worker panics here").take();
        worker::work(worker, guard, &desk, inbox, Some(ONLY));
    })?;
    let threads = told.try_iter().filter_map(|report| match report {
        Report::Ended(_, threads) => Some(threads),
        Report::Installed(_) => None,
    });
    Ok(threads.flatten().collect())
}

/// Waits until every source has said goodbye; the first that could not.
pub(crate) fn goodbye(job: &str, threads: Threads) -> Result<(), Failure> {
    let stopped = worker::goodbye(job, threads).into_iter().next();
    stopped.map_or(Ok(()), |Stopped { what, by_mistake }| {
        Err(Failure(format!("error: {what}"), if by_mistake { EXIT_BUG } else { 1 }))
    })
}
