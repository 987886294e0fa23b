//! What a part of a job gets to know when it is opened.

use std::path::PathBuf;

use operators::Window;

use crate::board::{Board, Post};
use crate::codec;

/// The name of the dead letters' part: no other part may have it.
pub const DEAD: &str = "dead";

/// The job around a part, as the part sees it.
#[derive(Clone, Debug)]
pub struct Context {
    /// The job's name.
    pub job: String,
    /// The part's own name: `cameras` of `[source.cameras]`.
    pub part: String,
    /// The folder of the job file.
    pub folder: PathBuf,
    /// The largest message that is taken, in bytes.
    pub max_frame_bytes: usize,
    /// The largest picture that is taken.
    pub picture: codec::Limits,
    /// Frames and bytes in flight at most.
    pub window: Window,
    /// Frames a batch.
    pub batch: usize,
    /// The worker this is opened for, of the whole cluster.
    pub worker: usize,
    /// Which part of a source that several read this one reads.
    pub share: Share,
    /// Where the part tells what it waits for.
    pub board: Board,
    /// Threads for clients of brokers and stores.
    pub runtime: tokio::runtime::Handle,
}

/// One reader of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which one, from 0.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

impl Default for Share {
    fn default() -> Self {
        Self { index: 0, of: 1 }
    }
}

impl Context {
    /// The fields that a template of this part may have: only dead letters have a reason to tell.
    pub fn fields(&self, known: &[&'static str]) -> Vec<&'static str> {
        known.iter().copied().chain((self.part == DEAD).then_some("reason")).collect()
    }

    /// The part's place on the board; `server` is what it may have to wait for.
    pub fn post(&self, server: &'static str) -> Post {
        Post::new(&self.board, &self.part, self.worker, server)
    }
}
