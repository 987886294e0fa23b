//! Frames that lie in a topic and wait.

use std::process::Command;

use crate::frames::Frames;
use crate::kafka::{Brokers, Topic};

/// A topic with the first frames of a row in it.
pub struct Backlog<'a> {
    /// The row.
    pub frames: &'a Frames,
    /// How many lie there.
    pub count: usize,
    /// Where.
    pub topic: Topic<'a>,
}

impl<'a> Backlog<'a> {
    /// Makes the topic, and puts them in it: on the disk, too, as gigabytes that are still on their way there take from who
    /// is measured meanwhile.
    ///
    /// # Errors
    /// What the brokers say.
    pub fn fill(brokers: &'a Brokers, frames: &'a Frames, count: usize) -> anyhow::Result<Self> {
        let topic = brokers.topic("frames")?;
        frames.fill(&brokers.address, &topic, count)?;
        anyhow::ensure!(Command::new("sync").status()?.success(), "what was written can't be synced");
        Ok(Self { frames, count, topic })
    }
}
