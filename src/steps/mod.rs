//! What is done to pictures. One file a kind, one row in [`KINDS`].

pub mod analyze;
pub mod blur;
pub mod convert;
pub mod crop;
pub mod dedupe;
pub mod detect;
pub mod draw;
pub mod flip;
pub mod grey;
pub mod http;
pub mod mask;
pub mod motion;
pub mod noise;
pub mod resize;
pub mod rotate;
pub mod sample;
pub mod score;
pub mod strip;

use std::fmt::Debug;

use operators::{Fault, Flaw};

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

/// Why a picture does not go on.
#[derive(Debug)]
pub enum Stop {
    /// It can't be worked on: its frame is for the dead letters.
    Fault(Fault),
    /// It is let go on purpose.
    Filtered(Picture),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A plain function over a batch of pictures. It knows no timely.
pub trait Step: Send {
    /// Does its work on each picture, and answers in any order: the picture, or why it does not go on.
    fn run(&mut self, batch: Vec<Picture>) -> Vec<Result<Picture, Stop>>;
}

/// Whether a picture goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To whatever comes after the step.
    GoesOn,
    /// It is let go on purpose.
    Filtered,
}

impl Verdict {
    /// A picture that goes on only if `wanted`.
    pub fn of(wanted: bool) -> Self {
        match wanted {
            true => Self::GoesOn,
            false => Self::Filtered,
        }
    }
}

/// A step that looks at one picture at a time.
pub trait Each: Send {
    /// Does its work on a picture.
    ///
    /// # Errors
    /// A flaw of the picture: its frame is for the dead letters.
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw>;
}

impl<T: Each> Step for T {
    fn run(&mut self, batch: Vec<Picture>) -> Vec<Result<Picture, Stop>> {
        let mut one = |mut picture: Picture| match self.each(&mut picture) {
            Ok(Verdict::GoesOn) => Ok(picture),
            Ok(Verdict::Filtered) => Err(Stop::Filtered(picture)),
            Err(flaw) => Err(Stop::Fault(Fault { frame: picture.frame, flaw })),
        };
        batch.into_iter().map(&mut one).collect()
    }
}

/// Every kind of step, by the name a job file gives it.
pub const KINDS: &[Kind<dyn StepConfig>] = &[
    crate::kind!("analyze", analyze::Analyze),
    crate::kind!("blur", blur::Blur),
    crate::kind!("convert", convert::Convert),
    crate::kind!("crop", crop::Crop),
    crate::kind!("dedupe", dedupe::Dedupe),
    crate::kind!("detect", detect::Detect),
    crate::kind!("draw", draw::Draw),
    crate::kind!("flip", flip::Flip),
    crate::kind!("grey", grey::Grey),
    crate::kind!("http", http::Http),
    crate::kind!("mask", mask::Mask),
    crate::kind!("motion", motion::Motion),
    crate::kind!("noise", noise::Noise),
    crate::kind!("resize", resize::Resize),
    crate::kind!("rotate", rotate::Rotate),
    crate::kind!("sample", sample::Sample),
    crate::kind!("score", score::Score),
    crate::kind!("strip", strip::Strip),
];
