//! Where results go. One file a kind, one row in [`KINDS`].

pub mod files;
pub mod kafka;
pub mod mongodb;
pub mod mqtt;
pub mod objects;
pub mod s3;

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use operators::{Flaw, Frame, Reason};

use crate::context::Context;
use crate::kinds::Kind;
use crate::mistake::Mistake;
use crate::template::{Names, Said, Template};
use crate::write::Write;

/// What a parcel says of a row of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// The body is what the row says now.
    Is,
    /// The row is gone: so is what was written of it. The body is empty.
    Gone,
}

/// One thing to be written for one frame, or for one row of a view: then `camera` is the view's name, and `id` the row's
/// key, its parts joined by `/`.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The frame it is about: its names fill the sink's path or topic.
    pub frame: Arc<Frame>,
    /// Why the frame is a dead letter, if it is one: `{reason}`.
    pub reason: Option<Reason>,
    /// … and in words.
    pub detail: Option<String>,
    /// Which of the things that are written of a frame it is; none of them for a dead letter.
    pub write: Option<Write>,
    /// Whether it is a row of a view, and whether that is there.
    pub row: Option<Row>,
    /// What to write.
    pub body: Bytes,
    /// What it is: `image/jpeg`, `image/png`, `image/webp`, `application/json` or `application/octet-stream`.
    pub media: &'static str,
    /// What the expressions in the sink's names came to.
    pub said: Said,
}

impl Parcel {
    /// Something to write about a frame: no dead letter, no row, and nothing that its names ask for.
    pub fn new(frame: Arc<Frame>, body: Bytes, media: &'static str) -> Self {
        Self { frame, reason: None, detail: None, write: None, row: None, body, media, said: Said::default() }
    }

    /// A dead letter: a frame's own bytes, and why they lead to no result.
    pub fn letter(frame: Arc<Frame>, flaw: &Flaw) -> Self {
        let (reason, detail, body) = (Some(flaw.reason), Some(flaw.detail.clone()), frame.bytes.clone());
        Self { reason, detail, ..Self::new(frame, body, "application/octet-stream") }
    }

    /// What the fields of the sink's names stand for, in the job of that name.
    pub fn names<'a>(&'a self, job: &'a str) -> Names<'a> {
        Names { job, frame: &self.frame, reason: self.reason, said: &self.said }
    }
}

/// A template that names what a sink writes: a path, a topic, a collection.
#[derive(Clone, Debug)]
pub struct Name {
    /// The key of its table that holds it.
    pub field: &'static str,
    /// What stands there.
    pub template: Template,
    /// Whether a second thing of the same name takes the place of the first: so it is with files, and not with messages.
    pub replaces: bool,
}

impl Parcel {
    /// Whether what was written before under this name is to be removed.
    pub fn is_gone(&self) -> bool {
        self.row == Some(Row::Gone)
    }
}

/// The table of a sink in a job file, without `from` and `write`, which are the job's own.
pub trait SinkConfig: Debug + Send + Sync {
    /// What is wrong with it, as far as this machine can tell without reaching anything.
    fn check(&self, context: &Context) -> Result<(), Mistake>;

    /// What it will do, in a few words: `files out/{camera}/{id}.jpg`.
    fn describe(&self) -> String;

    /// What names the things that it writes.
    ///
    /// # Errors
    /// The first mistake in one of them.
    fn names(&self, _context: &Context) -> Result<Vec<Name>, Mistake> {
        Ok(Vec::new())
    }

    /// Whether it keeps several things of one frame apart, so that `write` may be a list.
    fn takes_several(&self) -> bool {
        false
    }

    /// What is wrong with what it is to write.
    fn check_writes(&self, _writes: &[Write]) -> Result<(), Mistake> {
        Ok(())
    }

    /// Asks its server whether it takes something of `largest` bytes; what the user should know. It may take a few
    /// seconds; a server that does not answer is no news here.
    fn preflight(&self, _context: &Context, _largest: usize) -> Option<Mistake> {
        None
    }

    /// Where a parcel would be, in the words of [`Sink::place`]: nothing is opened or reached for this.
    ///
    /// # Errors
    /// A mistake that [`SinkConfig::check`] tells, too.
    fn place(&self, context: &Context, parcel: &Parcel) -> Result<String, Mistake>;

    /// Makes the sink of one worker. It may take its time to reach its server: [`Sink::write`] waits for that.
    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>>;

    /// Makes one that takes what is too large for the sink that `context` names. It only writes: what is kept is looked
    /// after by the sink itself.
    fn open_overflow(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>> {
        self.open(context)
    }

    /// The JSON that it has written and that is still there, in any order. What else it wrote may be left out.
    ///
    /// # Errors
    /// Nobody can read it back, or its server does not answer.
    fn stored(&self, context: &Context) -> anyhow::Result<Stored> {
        let what = format!(
            "what the sink `{}` writes can't be read back from there: name a sink of files, of Kafka or of MongoDB",
            context.part
        );
        Err(Mistake::new(what).into())
    }
}

/// What a sink has written, read one after the other.
pub type Stored = Box<dyn Iterator<Item = anyhow::Result<Bytes>>>;

/// A sink at work, on a thread of its own.
pub trait Sink: Send {
    /// Makes every parcel durable, and only then answers: one verdict each, in their order. What passes (a server that
    /// is away, a full disk) is tried again for ever, with a capped backoff, and said once; what does not (a name or a
    /// size that will never be taken) is a flaw with [`Reason::Refused`].
    fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>>;

    /// Whether that never takes longer than to hand a parcel to another thread: nothing is waited for.
    fn is_quick(&self) -> bool {
        false
    }

    /// The largest body that it takes for this parcel, in bytes, as far as it is known now. More is a flaw with
    /// [`Reason::TooLarge`].
    fn most(&self, _parcel: &Parcel) -> Option<usize> {
        None
    }

    /// Where the parcel is when it is written, in words that a reader can follow: `s3://faces/room-1/7.jpg`.
    fn place(&self, parcel: &Parcel) -> String {
        format!("{}/{}", parcel.frame.camera, parcel.frame.id)
    }
}

/// Every kind of sink, by the name a job file gives it.
pub const KINDS: &[Kind<dyn SinkConfig>] = &[
    crate::kind!("files", files::Files),
    crate::kind!("kafka", kafka::Kafka),
    crate::kind!("mongodb", mongodb::Mongodb),
    crate::kind!("mqtt", mqtt::Mqtt),
    crate::kind!("s3", s3::S3),
];
