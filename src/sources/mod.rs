//! Where frames come from. One file a kind, one row in [`KINDS`].

pub mod files;
pub mod http;
pub mod kafka;
mod label;
mod ledger;
mod message;
pub mod mqtt;
mod pace;
pub mod synthetic;

use std::fmt::Debug;

pub use message::Holds;

use crate::context::Context;
use crate::kinds::Kind;
use crate::mistake::Mistake;
use crate::tasks::Terms;

/// What ties a frame to its broker until all that it led to is durable.
///
/// A source gets its receipts back in the order of its frames.
pub type Receipt = u64;

/// A source's half of the mailbox.
pub type Inlet = operators::Inlet<Receipt>;

/// The table of a source in a job file.
pub trait SourceConfig: Debug + Send + Sync {
    /// What is wrong with it, as far as this machine can tell without reaching anything.
    fn check(&self, context: &Context) -> Result<(), Mistake>;

    /// What the user should know although it is not wrong: one sentence each.
    fn warnings(&self, _context: &Context) -> Vec<Mistake> {
        Vec::new()
    }

    /// What it will do, in a few words: `MQTT localhost:1883, topic cameras/+/raw, QoS 1`.
    fn describe(&self) -> String;

    /// Whether every process reads its share of it ([`Context::share`]). Otherwise one worker of the cluster reads all.
    fn is_shared(&self) -> bool {
        false
    }

    /// What its messages hold: pictures for other parts to take, or what is true of those.
    fn holds(&self) -> Holds {
        Holds::Pictures
    }

    /// What its tasks may say and get back, if it takes tasks.
    fn terms(&self) -> Option<Terms> {
        None
    }

    /// Makes the source. It reaches for nothing before it runs.
    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Source>>;
}

/// A source at work, on a thread of its own.
pub trait Source: Send {
    /// Sends frames into `inlet` until there are no more or `inlet.is_closing()`; then waits for the receipts that are
    /// out (`inlet.finish`) and acknowledges them. Returns early where `inlet` is gone: nobody listens any more.
    fn run(self: Box<Self>, inlet: Inlet) -> anyhow::Result<()>;
}

/// Every kind of source, by the name a job file gives it.
pub const KINDS: &[Kind<dyn SourceConfig>] = &[
    crate::kind!("files", files::Files),
    crate::kind!("http", http::Http),
    crate::kind!("kafka", kafka::Kafka),
    crate::kind!("mqtt", mqtt::Mqtt),
    crate::kind!("synthetic", synthetic::Synthetic),
];
