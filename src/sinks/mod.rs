//! Where results go. One file a kind, one row in [`KINDS`].

pub mod files;
pub mod mqtt;

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use operators::{Flaw, Frame, Reason};

use crate::context::Context;
use crate::kinds::Kind;
use crate::mistake::Mistake;

/// One thing to be written for one frame.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The frame it is about: its names fill the sink's path or topic.
    pub frame: Arc<Frame>,
    /// Why the frame is a dead letter, if it is one: `{reason}`.
    pub reason: Option<Reason>,
    /// … and in words.
    pub detail: Option<String>,
    /// What to write.
    pub body: Bytes,
    /// What it is: `image/jpeg`, `application/json` or `application/octet-stream`.
    pub media: &'static str,
}

/// The table of a sink in a job file, without `from` and `write`, which are the job's own.
pub trait SinkConfig: Debug + Send + Sync {
    /// What is wrong with it, as far as this machine can tell without reaching anything.
    fn check(&self, context: &Context) -> Result<(), Mistake>;

    /// What it will do, in a few words: `files out/{camera}/{id}.jpg`.
    fn describe(&self) -> String;

    /// Makes the sink of one worker. It may take its time to reach its server: [`Sink::write`] waits for that.
    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>>;
}

/// A sink at work, on a thread of its own.
pub trait Sink: Send {
    /// Makes every parcel durable, and only then answers: one verdict each, in their order. What passes (a server that
    /// is away, a full disk) is tried again for ever, with a capped backoff, and said once; what does not (a name or a
    /// size that will never be taken) is a flaw with [`Reason::Refused`].
    fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>>;
}

/// Every kind of sink, by the name a job file gives it.
pub const KINDS: &[Kind<dyn SinkConfig>] = &[crate::kind!("files", files::Files), crate::kind!("mqtt", mqtt::Mqtt)];
