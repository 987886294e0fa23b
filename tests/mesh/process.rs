//! A process of a cluster: what is a supervisor in Vigie is here a thread that obeys, and the workers do nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Runtime;
use vigie::cluster::{Cluster, Lost, Meeting};
use vigie::mesh::{Generation, Host, Mesh, Order, Settings, View};

use super::{SOON, file};
use crate::support::wait;

/// What a process is to its mesh.
pub struct Fake {
    pub process: usize,
    roster: Mutex<(u64, Bytes)>,
    /// How many workers the last generation had.
    pub workers: Mutex<usize>,
}

impl Host for Fake {
    fn roster(&self) -> (u64, Bytes) {
        self.roster.lock().unwrap().clone()
    }

    fn status(&self) -> Vec<u8> {
        format!("\"process {}\"", self.process).into_bytes()
    }

    fn answer(&self, from: usize, question: Bytes) -> Pin<Box<dyn Future<Output = Bytes> + Send>> {
        let me = self.process;
        Box::pin(async move {
            if question == "hang" {
                std::future::pending::<()>().await;
            }
            format!("{me} to {from}: {}", String::from_utf8_lossy(&question)).into()
        })
    }
}

/// One process.
pub struct Process {
    mesh: Option<Mesh>,
    runtime: Option<Runtime>,
    pub host: Arc<Fake>,
    supervisor: Option<JoinHandle<()>>,
}

impl Process {
    pub fn start(cluster: &Cluster) -> Self {
        Self::with(cluster, file(), (0, Bytes::new()))
    }

    pub fn with(cluster: &Cluster, config: blake3::Hash, roster: (u64, Bytes)) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
        let host = Fake { process: cluster.process, roster: Mutex::new(roster), workers: Mutex::default() };
        let host = Arc::new(host);
        // The address of a process that has just ended may be in use for a moment.
        let (mesh, orders) = wait("a free address", || {
            Mesh::open(cluster, Settings::new(cluster, config), host.clone(), runtime.handle()).ok()
        });
        let (obeying, here) = (mesh.clone(), host.clone());
        let supervisor = thread::spawn(move || supervise(&obeying, &here, &orders));
        Self { mesh: Some(mesh), runtime: Some(runtime), host, supervisor: Some(supervisor) }
    }

    pub fn mesh(&self) -> &Mesh {
        self.mesh.as_ref().expect("it is up")
    }

    pub fn view(&self) -> View {
        self.mesh().view()
    }

    pub fn ask(&self, process: usize, question: &'static str, patience: Duration) -> Result<Bytes, String> {
        let asking = self.mesh().ask(process, Bytes::from_static(question.as_bytes()), patience);
        self.runtime.as_ref().expect("it is up").block_on(asking)
    }

    /// Ends it as if it were killed: all its sockets are closed, and nothing is said.
    pub fn kill(mut self) {
        self.runtime.take().expect("it is up").shutdown_background();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mesh = self.mesh.take().expect("it is dropped once");
        mesh.leave();
        let ended = self.supervisor.take().expect("it is dropped once").join();
        if let (Err(panic), false) = (ended, thread::panicking()) {
            std::panic::resume_unwind(panic);
        }
    }
}

/// The workers of a process, and how they are stopped.
struct Workers {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Workers {
    fn start(mesh: &Mesh, host: &Arc<Fake>, meeting: Meeting) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, mesh, host) = (stop.clone(), mesh.clone(), host.clone());
        let thread = thread::spawn(move || {
            let stopping = told.clone();
            let never_stuck = |lost: &Lost| panic!("a worker did not stop: {lost}");
            let ended = meeting.run(never_stuck, move |worker, guard| {
                *host.workers.lock().unwrap() = worker.peers();
                while !stopping.load(Ordering::Acquire) {
                    guard.check();
                    worker.step_or_park(Some(Duration::from_millis(10)));
                }
                // Leaves at once, whether the others do or not.
                std::panic::resume_unwind(Box::new("told to stop"));
            });
            let ended: Result<Vec<()>, Lost> = ended;
            if !told.load(Ordering::Acquire) {
                mesh.ended(ended.expect_err("nothing ends well here").to_string());
            }
        });
        Self { stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.thread.join().expect("no panic beside the workers'");
    }
}

fn supervise(mesh: &Mesh, host: &Arc<Fake>, orders: &Receiver<Order>) {
    let mut workers: Option<Workers> = None;
    for order in orders {
        if let Some(workers) = workers.take() {
            workers.stop();
        }
        match order {
            Order::Stop { .. } => mesh.stopped(),
            Order::Begin { meeting, roster, .. } => {
                if let Some(roster) = roster {
                    *host.roster.lock().unwrap() = roster;
                }
                workers = Some(Workers::start(mesh, host, meeting));
                mesh.started();
            }
        }
    }
    if let Some(workers) = workers {
        workers.stop();
    }
}

/// Waits until these work together, and nobody else with them.
pub fn together(processes: &[&Process]) -> Generation {
    let indexes: Vec<_> = processes.iter().map(|process| process.host.process).collect();
    let start = Instant::now();
    loop {
        let views: Vec<_> = processes.iter().map(|process| process.view()).collect();
        let first = views[0].generation.clone().filter(|generation| generation.members == indexes);
        let running = |process: &&Process| *process.host.workers.lock().unwrap() == indexes.len();
        if let Some(first) = first
            && views.iter().all(|view| view.generation.as_ref() == Some(&first))
            && processes.iter().all(running)
        {
            return first;
        }
        assert!(start.elapsed() < SOON, "{indexes:?} do not work together: {views:#?}");
        thread::sleep(Duration::from_millis(10));
    }
}
