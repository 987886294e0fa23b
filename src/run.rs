//! `vigie run`: a job from its file to its summary, on one process or as one of several.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use operators::{Meter, Window};
use tokio::runtime::Runtime;

use crate::check::describe;
use crate::cli;
use crate::cluster::{Cluster, Door, EXIT_BUG, EXIT_MISTAKE, Lost, PATIENCE};
use crate::command::{Command, Inbox, orders};
use crate::context::{Context, Share};
use crate::delivery::Fit;
use crate::http;
use crate::job::Job;
use crate::live::{Live, summary};
use crate::metrics::Metrics;
use crate::mistake::{Mistake, Mistakes};
use crate::plan::{Plan, Tap};
use crate::render::Parts;
use crate::signal;
use crate::sinks::Sink;
use crate::worker::{self, Threads};

/// How long the sources may take to hand on their last receipts and to say goodbye to their brokers.
const GOODBYE: Duration = Duration::from_secs(10);

/// Why a job did not start, or did not end well: what to say, and the code to exit with.
struct Failure(String, i32);

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

impl From<Lost> for Failure {
    fn from(lost: Lost) -> Self {
        Failure(format!("error: {lost}"), lost.exit_code())
    }
}

/// Runs the job until it ends, by itself or by a signal.
pub fn run(flags: &cli::Run) -> ExitCode {
    match try_run(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(said, code)) => {
            eprintln!("{}", said.trim_end());
            ExitCode::from(code as u8)
        }
    }
}

fn try_run(flags: &cli::Run) -> Result<(), Failure> {
    let cluster = flags.cluster.resolve()?;
    let runtime = runtime()?;
    let job = Job::load(&flags.job)?;
    job.check(runtime.handle())?;
    for warning in job.warnings(runtime.handle()) {
        eprintln!("{}", job.tell("warning", &warning));
    }
    let (window, meters) = intake(&job, &cluster);
    let metrics = Arc::new(Metrics::new(&job.name, meters.clone(), window));
    // The address first: a second process of the same index must not reach for the first one's sessions.
    let door = Door::open(&cluster)?;
    let parts = open(&job, &cluster, &runtime, &meters, window, &metrics)?;
    let shown = http::serve(runtime.handle(), flags.http, metrics.clone())?;
    eprintln!("{}: metrics at http://{shown}/metrics", job.name);

    let met = Arc::new(AtomicBool::new(false));
    let inbox = signals(&runtime, met.clone());
    let live = Live::new(&job.name, metrics.account.clone(), metrics.board.clone());
    let threads = start(&cluster, door, &job, parts, inbox, met);
    let goodbyes = threads.map(|threads| goodbye(&job.name, threads));
    drop(live);
    eprintln!("{}: {}", job.name, summary(&metrics.account.balance()));
    runtime.shutdown_timeout(Duration::from_millis(100));
    goodbyes?
}

fn runtime() -> Result<Runtime, Mistake> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.worker_threads(2).thread_name("io").enable_all().build();
    built.map_err(|error| Mistake::new(format!("this machine gives no threads for I/O: {error}")))
}

/// What each reader of a source may have in flight, and what each source counts into. The readers of the whole cluster
/// share the window of the job.
fn intake(job: &Job, cluster: &Cluster) -> (Window, Vec<Arc<Meter>>) {
    let readers = |shared: bool| if shared { cluster.processes() } else { 1 };
    let readers = job.sources.iter().map(|source| readers(source.config.is_shared())).sum::<usize>().max(1);
    let Window { frames, bytes } = job.limits.window();
    let share = Window { frames: (frames / readers).max(job.batch.size), bytes: bytes / readers };
    (share, job.sources.iter().map(|_| Arc::default()).collect())
}

/// Opens a job's parts for each worker of this process.
fn open(
    job: &Job,
    cluster: &Cluster,
    runtime: &Runtime,
    meters: &[Arc<Meter>],
    window: Window,
    metrics: &Arc<Metrics>,
) -> Result<Vec<Parts>, Failure> {
    let first = cluster.process * cluster.threads;
    let open = |worker: usize| -> anyhow::Result<Parts> {
        let context =
            |part: &str| Context { board: metrics.board.clone(), ..job.context(part, worker, runtime.handle()) };
        let mut sources = Vec::new();
        for (index, source) in job.sources.iter().enumerate() {
            let share = reader(source.config.is_shared(), index, worker, cluster);
            let context = |share| Context { share, ..context(&source.name) };
            let opened = share.map(|share| source.config.open(&context(share))).transpose()?;
            sources.push(opened.map(|opened| (source.name.clone(), opened)));
        }
        let mut steps = Vec::new();
        for step in &job.steps {
            steps.push((step.config.open(&context(&step.name))?, step.inputs.clone()));
        }
        let mut sinks = Vec::new();
        for part in &job.sinks {
            let overflow = part.overflow.map(|other| &job.sinks[other]);
            let fit = Fit {
                sink: part.config.open(&context(&part.name))?,
                // An instance of its own, which says what it waits for in the name of this one.
                overflow: overflow.map(|other| other.config.open_overflow(&context(&part.name))).transpose()?,
                limits: job.limits.picture(),
            };
            sinks.push((part.name.clone(), Box::new(fit) as Box<dyn Sink>));
        }
        Ok(Parts {
            sources,
            meters: meters.to_vec(),
            window,
            size: job.batch.size,
            timeout: job.batch.timeout(),
            partition: job.batch.partition(),
            plan: Plan {
                steps,
                taps: taps(job),
                job: job.name.clone(),
                limits: job.limits.picture(),
                metrics: metrics.clone(),
            },
            sinks,
            dead: job.dead.config.open(&context(&job.dead.name))?,
            metrics: metrics.clone(),
        })
    };
    let opened: anyhow::Result<Vec<_>> = (first..first + cluster.threads).map(open).collect();
    opened.map_err(|error| Failure(format!("error: {error:#}"), EXIT_MISTAKE))
}

/// What the sinks want of the pictures.
fn taps(job: &Job) -> Vec<Tap> {
    let wishes = job.sinks.iter().enumerate().flat_map(|(sink, part)| {
        part.write.iter().map(move |write| Tap { sink, inputs: part.inputs.clone(), write: *write })
    });
    wishes.collect()
}

/// Which share of a source a worker reads, if any. A source that is shared is read by the first worker of each process;
/// any other by one worker of the cluster, and several of them are spread over it.
fn reader(shared: bool, source: usize, worker: usize, cluster: &Cluster) -> Option<Share> {
    match shared {
        true => (worker % cluster.threads == 0).then(|| Share { index: cluster.process, of: cluster.processes() }),
        false => (source % (cluster.threads * cluster.processes()) == worker).then(Share::default),
    }
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
        orders.give(Command::Drain);
        signal::stop().await;
        std::process::exit(130);
    });
    inbox
}

/// Runs the job on this process's workers; the threads of its sources.
fn start(
    cluster: &Cluster,
    door: Door,
    job: &Job,
    parts: Vec<Parts>,
    inbox: Inbox,
    met: Arc<AtomicBool>,
) -> Result<Threads, Failure> {
    let first = cluster.process * cluster.threads;
    let parts = Mutex::new(parts.into_iter().map(Some).collect::<Vec<_>>());
    let inbox = Mutex::new(Some(inbox));
    let stuck = |lost: &Lost| {
        eprintln!("error: {lost}");
        std::process::exit(lost.exit_code());
    };
    // What the processes must agree on: the text, and what the environment made of it.
    let parts_as_read: String = describe(job).lines().skip(1).collect();
    let config = blake3::hash((job.text.clone() + &parts_as_read).as_bytes());
    let ran = door.meet(config, PATIENCE)?.run(stuck, move |worker, guard| {
        met.store(true, Ordering::Release);
        let local = worker.index() - first;
        let mine = parts.lock().expect("no worker panics here")[local].take().expect("each worker comes once");
        let inbox = (local == 0).then(|| inbox.lock().expect("no worker panics here").take()).flatten();
        worker::work(worker, guard, mine, inbox)
    })?;
    Ok(ran.into_iter().flatten().collect())
}

/// Waits until every source has said goodbye.
fn goodbye(job: &str, threads: Threads) -> Result<(), Failure> {
    let (done, ended) = mpsc::channel();
    let count = threads.len();
    for thread in threads {
        let done = done.clone();
        std::thread::spawn(move || done.send((thread.thread().name().map(str::to_owned), thread.join())));
    }
    for _ in 0..count {
        match ended.recv_timeout(GOODBYE) {
            Ok((_, Ok(Ok(())))) => {}
            Ok((name, Ok(Err(error)))) => {
                let name = name.unwrap_or_default();
                return Err(Failure(format!("error: source {name} of job {job} stopped: {error:#}"), 1));
            }
            Ok((name, Err(_))) => {
                let name = name.unwrap_or_default();
                return Err(Failure(
                    format!("error: source {name} of job {job} stopped by a mistake in Vigie"),
                    EXIT_BUG,
                ));
            }
            // What it still holds is sent again by its broker; nothing is lost by not waiting.
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}
