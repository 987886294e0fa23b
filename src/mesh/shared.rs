//! What the threads and tasks of a mesh share.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::Host;
use super::drive::Input;
use super::gather::Gatherer;
use super::links::Links;
use super::questions::Questions;
use super::troubles::Troubles;
use super::view::Seen;
use crate::cluster::Cluster;
use crate::cluster::handshake::{Claim, Purpose};

/// One for each mesh.
pub(super) struct Shared {
    pub cluster: Cluster,
    pub config: blake3::Hash,
    pub dead_after: Duration,
    pub quorum: usize,
    pub host: Arc<dyn Host>,
    pub runtime: Handle,
    /// To the thread that drives the protocol.
    pub inputs: Sender<Input>,
    pub links: Links,
    pub questions: Questions,
    pub troubles: Troubles,
    /// Who waits for data links now.
    pub gatherer: Mutex<Option<Gatherer>>,
    pub seen: Mutex<Seen>,
    /// What listens and calls, until this process leaves.
    pub tasks: Mutex<Vec<AbortHandle>>,
}

impl Shared {
    pub fn me(&self) -> usize {
        self.cluster.process
    }

    /// What this process says of itself to process `to`.
    pub fn claim(&self, to: usize, purpose: Purpose, generation: u64) -> Claim {
        Claim::of(&self.cluster, self.config, to, purpose, generation)
    }

    /// Tells the thread that drives the protocol. Once that has ended, nobody wants to know.
    pub fn tell(&self, input: Input) {
        let _ = self.inputs.send(input);
    }

    pub fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().expect("nothing panics while it holds the view")
    }

    pub fn gatherer(&self) -> std::sync::MutexGuard<'_, Option<Gatherer>> {
        self.gatherer.lock().expect("nothing panics while it holds the gatherer")
    }

    pub fn tasks(&self) -> std::sync::MutexGuard<'_, Vec<AbortHandle>> {
        self.tasks.lock().expect("nothing panics while it holds the tasks")
    }
}
