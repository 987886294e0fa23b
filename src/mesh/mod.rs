//! How the processes of a standing cluster know of each other, and agree on who works with whom.
//!
//! ```text
//!              door ──┐                       ┌── Order::Stop, Order::Begin ──▶ supervisor
//!   others ◀──        ├─ links ── drive ──────┤
//!            caller ──┘           │   ▲       └◀─ stopped, started, ended ───── supervisor
//!                         membership  gather
//! ```
//!
//! Between any two processes there is a control link. Each says on it every moment that it is here; who is silent for
//! `dead_after` is gone. The lowest process that sees a quorum makes *generations*: numbered sets of processes, of which
//! each has stopped all it did before. The members of a generation then connect for data, and become a [`Meeting`] whose
//! processes are counted by their rank, their place among the members.
//!
//! * [`membership`], [`lead`], [`peers`], [`clique`], [`message`]: the protocol, a pure function.
//! * `drive`: the thread that runs it; `links`, `caller`, `door`, `frame`: control links; `gather`: data links.
//! * `questions`, `troubles`, [`view`]: what is asked, what keeps someone away, what people see.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tracing::warn;

use crate::cluster::socket::listen;
use crate::cluster::{Cluster, Meeting};
use crate::mistake::Mistake;

mod caller;
pub mod clique;
mod door;
mod drive;
mod frame;
mod gather;
pub mod lead;
mod links;
pub mod membership;
pub mod message;
pub mod peers;
mod questions;
mod shared;
#[cfg(test)]
mod tests;
mod troubles;
pub mod view;

pub use view::View;

use drive::{Drive, Input};
use frame::{Frame, Head};
use links::Links;
use membership::{Config, Membership};
use shared::Shared;
use troubles::Troubles;
use view::Seen;

/// The longest time between two beats.
const BEAT: Duration = Duration::from_millis(250);

/// How long newcomers are gathered.
const GATHER: Duration = Duration::from_millis(200);

/// The first pause between generations that fail.
const PAUSE: Duration = Duration::from_millis(100);

/// How long [`Mesh::leave`] waits at most.
const GOODBYE: Duration = Duration::from_millis(500);

/// What a mesh has to be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a process may be silent before the others go on without it.
    pub dead_after: Duration,
    /// How many processes must be connected for any of them to work, if someone said.
    pub min_processes: Option<usize>,
    /// Stands for what must be the same on each process.
    pub config: blake3::Hash,
    /// The greatest number of a generation that this process knows of from before: [`View::promised`].
    pub promised: u64,
}

impl Settings {
    /// What `cluster.toml` says; nothing is known from before.
    pub fn new(cluster: &Cluster, config: blake3::Hash) -> Self {
        Self { dead_after: cluster.dead_after, min_processes: cluster.min_processes, config, promised: 0 }
    }
}

/// Processes that work together until one of them is lost or another comes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Counts up.
    pub number: u64,
    /// Their indexes, in order. The first one leads; the place of each is its rank.
    pub members: Vec<usize>,
}

/// What the supervisor must do, in the order in which it is told.
#[derive(Debug)]
pub enum Order {
    /// Stop the workers, then call [`Mesh::stopped`]; at once, where they have ended by themselves.
    Stop {
        /// Why, in words.
        reason: String,
    },
    /// Start the workers, then call [`Mesh::started`], and [`Mesh::ended`] if they end by themselves.
    Begin {
        /// Who works together.
        generation: Generation,
        /// They are connected.
        meeting: Meeting,
        /// The newest list of jobs that any of them had, and its version; none where nobody has one.
        roster: Option<(u64, Bytes)>,
    },
}

/// What the mesh asks of the process that it is in. None of it may block for long.
pub trait Host: Send + Sync + 'static {
    /// The list of jobs that this process has, and its version.
    fn roster(&self) -> (u64, Bytes);
    /// What this process says of itself to the others: short, it travels with each beat.
    fn status(&self) -> Vec<u8>;
    /// The answer to a question of process `from`: [`Mesh::ask`].
    fn answer(&self, from: usize, question: Bytes) -> Pin<Box<dyn Future<Output = Bytes> + Send>>;
}

/// This process's part in the cluster. Clones are the same; when the last one is dropped, the process leaves.
#[derive(Clone)]
pub struct Mesh(Arc<Inside>);

struct Inside(Arc<Shared>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.tell(Input::Leave(None));
    }
}

impl Mesh {
    /// Listens, calls the others, and from then on tells what to do. A process alone opens nothing, and may begin at once.
    ///
    /// # Errors
    /// The process's own address can't be listened on, or the machine gives no thread.
    pub fn open(
        cluster: &Cluster,
        settings: Settings,
        host: Arc<dyn Host>,
        runtime: &Handle,
    ) -> Result<(Mesh, Receiver<Order>), Mistake> {
        if cluster.is_open_to_all() {
            warn!("the cluster has no token: whoever reaches its ports can join it; set VIGIE_TOKEN on each process");
        }
        let processes = cluster.processes();
        let listener = (processes > 1).then(|| listen(&cluster.peer(cluster.process))).transpose()?;
        let (inputs, coming) = channel();
        let (orders, order) = channel();
        let config = config(cluster, &settings);
        let shared = Arc::new(Shared {
            cluster: cluster.clone(),
            config: settings.config,
            dead_after: settings.dead_after,
            quorum: config.quorum,
            host,
            runtime: runtime.clone(),
            inputs,
            links: Links::new(processes),
            questions: questions::Questions::default(),
            troubles: Troubles::new(processes),
            gatherer: Mutex::default(),
            seen: Mutex::new(Seen { present: vec![cluster.process], ..Seen::default() }),
            tasks: Mutex::default(),
        });
        let drive = Drive::new(shared.clone(), Membership::new(config), coming, orders);
        let thread = thread::Builder::new().name("vigie:mesh".into()).spawn(|| drive.run());
        thread.map_err(|error| Mistake::new(format!("this machine gives no thread for the mesh: {error}")))?;
        let mesh = Mesh(Arc::new(Inside(shared.clone())));
        if let Some(listener) = listener {
            let door = door::open(&shared, listener);
            let door =
                door.map_err(|error| Mistake::new(format!("this machine gives no socket to hear on: {error}")))?;
            shared.tasks().push(door);
        }
        let call = |peer| runtime.spawn(caller::call(shared.clone(), peer)).abort_handle();
        shared.tasks().extend((0..cluster.process).map(call));
        Ok((mesh, order))
    }

    /// What this process knows of the cluster.
    pub fn view(&self) -> View {
        view::view(&self.0.0)
    }

    /// Whether this generation is still the one at work, and none of it is missed: what it decides is not yet overruled.
    pub fn works_in(&self, generation: &Generation) -> bool {
        let seen = self.0.0.seen();
        let is_it = seen.generation.as_ref() == Some(generation);
        is_it && generation.members.iter().all(|member| seen.present.contains(member))
    }

    /// Says what this process says of itself at once, and not only with the next beat.
    pub fn speak(&self) {
        self.0.0.tell(Input::Speak);
    }

    /// Asks process `process`, and answers what its [`Host`] answers. Asked itself, it answers directly.
    ///
    /// # Errors
    /// In words: it is not connected, it is gone, or there was no answer within `patience`.
    pub async fn ask(&self, process: usize, question: Bytes, patience: Duration) -> Result<Bytes, String> {
        let shared = &self.0.0;
        if process >= shared.cluster.processes() {
            return Err(format!("there is no process {process} in this cluster"));
        }
        let name = shared.cluster.peer(process);
        let late = |_| format!("{name} did not answer within {patience:?}");
        if process == shared.me() {
            return tokio::time::timeout(patience, shared.host.answer(process, question)).await.map_err(late);
        }
        let mut open = shared.questions.open(process);
        let frame = Frame { head: Head::Ask(open.number), body: question }.encode()?;
        if !shared.links.send(process, frame) {
            let why = shared.troubles.of(process).map(|words| format!(": {words}")).unwrap_or_default();
            return Err(format!("{name} is not connected{why}"));
        }
        let answer = tokio::time::timeout(patience, &mut open.answer).await.map_err(late)?;
        answer.map_err(|_| format!("{name} is gone, and had not answered"))
    }

    /// The workers have stopped, as [`Order::Stop`] said. Once for each of these.
    pub fn stopped(&self) {
        self.0.0.tell(Input::Stopped);
    }

    /// The workers have started, as [`Order::Begin`] said.
    pub fn started(&self) {
        self.0.0.tell(Input::Started);
    }

    /// The workers have ended by themselves, and why.
    pub fn ended(&self, reason: String) {
        self.0.0.tell(Input::Ended(reason));
    }

    /// Says goodbye, so that the others go on at once. No order comes any more. Waits half a second at most.
    pub fn leave(&self) {
        let (done, left) = channel();
        self.0.0.tell(Input::Leave(Some(done)));
        let _ = left.recv_timeout(GOODBYE);
    }
}

fn config(cluster: &Cluster, settings: &Settings) -> Config {
    Config {
        me: cluster.process,
        processes: cluster.processes(),
        quorum: membership::quorum(cluster.processes(), settings.min_processes),
        dead_after: settings.dead_after,
        beat: BEAT.min(settings.dead_after / 8),
        gather: GATHER,
        pause: PAUSE,
        promised: settings.promised,
    }
}
