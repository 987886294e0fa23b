//! What a part of a job gets to know when it is opened.

use std::path::{Path, PathBuf};

use operators::{Partition, Window};

use crate::allowed::Allowed;
use crate::board::{Board, Post};
use crate::codec;
use crate::expressions::Parameter;
use crate::mistake::Mistake;
use crate::outgoing::{Hosts, Script, Services};
use crate::tasks::Tasks;

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
    /// The folders that the job's paths may not leave.
    pub allowed: Allowed,
    /// The hosts that its steps may ask.
    pub hosts: Hosts,
    /// What it asks services with.
    pub services: Services,
    /// The largest message that is taken, in bytes.
    pub max_frame_bytes: usize,
    /// The largest picture that is taken.
    pub picture: codec::Limits,
    /// Frames and bytes in flight at most.
    pub window: Window,
    /// Frames a batch.
    pub batch: usize,
    /// What decides the worker of a frame.
    pub partition: Partition,
    /// The worker this is opened for, of the whole cluster.
    pub worker: usize,
    /// Which part of a source that several read this one reads.
    pub share: Share,
    /// Where the part tells what it waits for.
    pub board: Board,
    /// Where this process keeps what has to outlive it, beside the job's results.
    pub state: PathBuf,
    /// What tasks of the job may say along with their pictures.
    pub parameters: Vec<Parameter>,
    /// The tasks of the job that this process took.
    pub tasks: Tasks,
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

    /// A path that stands in `field` and starts from the job file's folder.
    ///
    /// # Errors
    /// That it leaves the folders that are allowed.
    pub fn path(&self, field: &'static str, path: &Path) -> Result<PathBuf, Mistake> {
        let path = self.folder.join(path);
        self.allowed.check(field, &path).map(|()| path)
    }

    /// A camera's frames all have to come to one worker, because the step compares them `why`.
    ///
    /// # Errors
    /// That the job shares them out otherwise.
    pub fn one_worker_a_camera(&self, why: &str) -> Result<(), Mistake> {
        match self.partition {
            Partition::Camera => Ok(()),
            Partition::Number => Err(Mistake::new(format!(
                "this step compares the frames of a camera {why}, and this job spreads them over the workers: \
                 write `partition = \"camera\"` under [batch]"
            ))),
        }
    }

    /// Whether the job is only tried: nobody waits for what is away.
    pub fn is_rehearsed(&self) -> bool {
        self.services.rehearsal.is_some()
    }

    /// What the service that this part asks is played with, if it is.
    pub fn script(&self) -> Option<Script> {
        self.services.rehearsal.as_ref()?.scripts.get(&self.part).cloned()
    }

    /// The part's place on the board; `server` is what it may have to wait for.
    pub fn post(&self, server: &'static str) -> Post {
        Post::new(&self.board, &self.part, self.worker, server)
    }
}

/// What tests of parts begin with.
#[cfg(test)]
pub mod tests {
    use super::*;

    /// The context of a part of the job `room`.
    pub fn context(part: &str, runtime: &tokio::runtime::Runtime) -> Context {
        Context {
            job: "room".into(),
            part: part.into(),
            folder: ".".into(),
            allowed: Default::default(),
            hosts: Default::default(),
            services: Default::default(),
            max_frame_bytes: 1 << 20,
            picture: Default::default(),
            window: Window { frames: 64, bytes: 1 << 20 },
            batch: 3,
            partition: Default::default(),
            worker: 0,
            share: Default::default(),
            board: Default::default(),
            state: ".".into(),
            parameters: Vec::new(),
            tasks: crate::tasks::Tasks::new("test"),
            runtime: runtime.handle().clone(),
        }
    }
}
