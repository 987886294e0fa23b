//! What processes of a standing cluster say to each other about who works with whom.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The name of a generation: later ones are greater, and no two are the same, whoever mints them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GenerationId {
    /// Counts up.
    pub number: u64,
    /// The process that minted it, which is its lowest member.
    pub leader: u16,
}

impl GenerationId {
    /// The name in one number, for a handshake.
    pub fn key(self) -> u64 {
        self.number << 16 | u64::from(self.leader)
    }
}

/// What a process says of itself, every moment and at once when it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Beat {
    /// The generation its workers work in; none from the moment on in which they were told to stop.
    pub working: Option<GenerationId>,
    /// The last generation it began, so that one that has ended is told from one that is still to begin.
    pub begun: GenerationId,
    /// The greatest generation it agreed to; it agrees to no smaller one any more.
    pub promised: GenerationId,
    /// Those that it is connected with, and itself.
    pub sees: Vec<usize>,
    /// Whom it would take a generation from: the lowest process it sees that can make one.
    pub follows: Option<usize>,
    /// Whether it could make one: it sees, with itself, a quorum of which all see each other.
    pub able: bool,
}

/// What is said on a control link. Between two processes, messages come in the order they were sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// I am here.
    Beat(Beat),
    /// Stop what you do, and promise to begin this generation.
    Propose {
        /// Its name.
        id: GenerationId,
        /// Who is to belong to it, in order; the first is who asks.
        members: Vec<usize>,
        /// Why a generation is needed, in words.
        why: String,
    },
    /// My workers have stopped, and I begin nothing older than this.
    Promise {
        /// What was proposed.
        id: GenerationId,
        /// The version of the list of jobs that I have.
        version: u64,
        /// That list. It travels beside the message.
        #[serde(skip)]
        roster: Bytes,
    },
    /// I don't take this generation from you.
    Refuse {
        /// What was proposed.
        id: GenerationId,
        /// The greatest that I agreed to.
        promised: GenerationId,
    },
    /// All have promised: begin.
    Begin {
        /// What was promised.
        id: GenerationId,
        /// Who belongs to it, as proposed.
        members: Vec<usize>,
        /// The highest version among those that were promised with.
        version: u64,
        /// The list of jobs of that version. It travels beside the message.
        #[serde(skip)]
        roster: Bytes,
    },
}
