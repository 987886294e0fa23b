//! What is done to pictures. One file a kind, one row in [`KINDS`].

pub mod detect;
pub mod draw;
pub mod score;

use std::fmt::Debug;

use operators::Fault;

use crate::context::Context;
use crate::kinds::Kind;
use crate::mistake::Mistake;
use crate::picture::Picture;

/// The table of a step in a job file.
pub trait StepConfig: Debug + Send + Sync {
    /// What is wrong with it: everything that can be known before a frame comes, the model's own load included.
    fn check(&self, context: &Context) -> Result<(), Mistake>;

    /// What it will do, in a few words.
    fn describe(&self) -> String;

    /// Makes the step of one worker.
    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Step>>;
}

/// A plain function over a batch of pictures. It knows no timely.
pub trait Step: Send {
    /// Does its work on each picture, and answers in any order. A picture it can't work on is a fault.
    fn run(&mut self, batch: Vec<Picture>) -> Vec<Result<Picture, Fault>>;
}

/// Every kind of step, by the name a job file gives it.
pub const KINDS: &[Kind<dyn StepConfig>] =
    &[crate::kind!("detect", detect::Detect), crate::kind!("draw", draw::Draw), crate::kind!("score", score::Score)];
