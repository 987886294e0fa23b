//! How processes become a cluster, and how each notices that one is gone.
//!
//! ```text
//!  ClusterFlags + cluster.toml ─ Cluster ─ Door::open ─ Door::meet ─ Meeting::run ─ results │ Lost
//!                                             │             │             │
//!                                        own address    handshake    timely's workers under a Guard
//! ```
//!
//! Timely shares fate: one process less and no process goes on. So a cluster starts together or not at
//! all, and when one process dies, every other says which, within seconds, and ends with a code that a
//! supervisor can act on. Nothing here is global or for once: another [`Door::meet`] on the same door
//! makes the next generation.
//!
//! The token keeps out who does not know it, not who can read or rewrite packets: such a network wants `[tls]`, with which
//! every link is encrypted, and both of its ends show certificates.
//!
//! # Layout
//!
//! * [`config`]: flags and `cluster.toml`, to addresses.
//! * [`file`]: that file, read and checked; [`told`]: what it says, for people.
//! * [`token`]: the secret that all share.
//! * [`standing`]: what a standing cluster needs besides: HTTP, its folder, its tokens.
//! * [`tls`]: certificates, and what is encrypted with them.
//! * [`handshake`]: who may come in, and why not, in words; `knock`: both ends of a call, from the socket to that.
//! * [`connect`]: everyone to everyone, within a time; `wait`: what is said meanwhile.
//! * [`socket`]: bound to the right address, and quick to notice a loss.
//! * [`wire`]: a connection, encrypted or not; [`link`]: one that knows how it ended.
//! * [`guard`]: when one worker stops, all stop, and no thread hangs.
//! * [`workers`]: timely's threads, from links to results.
//! * [`quiet`]: one sentence for one loss, not one panic message a thread.

use std::time::Duration;

use timely::worker::Worker;

use crate::mistake::Mistake;

pub mod config;
pub mod connect;
pub mod file;
pub mod guard;
pub mod handshake;
pub(crate) mod knock;
pub mod link;
pub mod quiet;
pub mod socket;
pub mod standing;
pub mod tls;
pub mod token;
pub mod told;
mod wait;
pub mod wire;
pub mod workers;

pub use config::{Cluster, ClusterFlags, Peer};
pub use connect::{Door, Meeting};
pub use guard::Guard;
pub use standing::Standing;
pub use tls::Tls;
pub use wire::Wire;

/// Exit code: the user's mistake, nothing was started.
pub const EXIT_MISTAKE: i32 = 2;
/// Exit code: a process did not come (EX_UNAVAILABLE). Starting again may help.
pub const EXIT_MISSING: i32 = 69;
/// Exit code: a mistake in the program (EX_SOFTWARE).
pub const EXIT_BUG: i32 = 70;
/// Exit code: another process of the cluster is gone (EX_TEMPFAIL). Starting all again goes on without loss.
pub const EXIT_PEER_LOST: i32 = 75;

/// How long processes wait for each other at the start.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no cluster, or none any more. Its text is one sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// What was started can't become a cluster, and starting it again won't help.
    #[error("{0}")]
    Mistake(Mistake),
    /// A process did not come in time.
    #[error("{0}")]
    Missing(String),
    /// A process that was here is gone.
    #[error("{peer} is gone: {why}; start all processes again to go on")]
    Peer {
        /// Which.
        peer: Peer,
        /// How its connection ended.
        why: String,
    },
    /// A worker panicked, which is a mistake in the program.
    #[error("worker {worker} stopped by a mistake in the program: {what}")]
    Panic {
        /// Its index in the whole cluster.
        worker: usize,
        /// What the panic said.
        what: String,
    },
    /// The workers were told to stop where they are.
    #[error("{0}")]
    Stopped(String),
    /// The machine gave no thread or no socket.
    #[error("this machine can't run the workers: {0}")]
    Machine(String),
}

impl Lost {
    /// What the process should exit with.
    pub fn exit_code(&self) -> i32 {
        match self {
            Lost::Mistake(_) => EXIT_MISTAKE,
            Lost::Missing(_) => EXIT_MISSING,
            Lost::Panic { .. } | Lost::Machine(_) => EXIT_BUG,
            Lost::Peer { .. } | Lost::Stopped(_) => EXIT_PEER_LOST,
        }
    }
}

impl From<Mistake> for Lost {
    fn from(mistake: Mistake) -> Self {
        Lost::Mistake(mistake)
    }
}

/// Meets the other processes and runs `body` on each worker of this one; answers what each returned.
///
/// `config_hash` stands for all that must be the same on each process: the job's text. The body calls
/// [`Guard::check`] wherever it loops. What it leaves unfinished in dataflows is run to its end. `stuck`
/// is called, on a thread of its own, when a worker doesn't stop within [`guard::STUCK`] of a loss, and
/// is expected to exit the process.
pub fn run<T, F>(
    cluster: &Cluster,
    config_hash: blake3::Hash,
    stuck: impl Fn(&Lost) + Send + 'static,
    body: F,
) -> Result<Vec<T>, Lost>
where
    T: Send + 'static,
    F: Fn(&mut Worker, &Guard) -> T + Send + Sync + 'static,
{
    Door::open(cluster)?.meet(config_hash, PATIENCE)?.run(stuck, body)
}
