//! What is done to pictures. One file a kind, one row in [`KINDS`].

pub mod analyze;
pub mod blur;
pub mod branch;
pub mod classify;
pub mod collect;
pub mod convert;
pub mod crop;
pub mod dedupe;
pub mod describe;
pub mod detect;
pub mod draw;
pub mod each;
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
pub mod together;
pub mod r#where;

use std::fmt::Debug;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use operators::Flaw;

use crate::codec::Enough;
use crate::context::Context;
use crate::kinds::Kind;
use crate::mistake::Mistake;
use crate::picture::{Picture, Piece};

/// The table of a step in a job file.
pub trait StepConfig: Debug + Send + Sync {
    /// What is wrong with it: everything that can be known before a frame comes, the model's own load included.
    fn check(&self, context: &Context) -> Result<(), Mistake>;

    /// What it will do, in a few words.
    fn describe(&self) -> String;

    /// What it does to the ways of the graph.
    fn shape(&self) -> Shape {
        Shape::Line
    }

    /// Whether it finds things: detections that an `each` may cut out.
    fn finds(&self) -> bool {
        false
    }

    /// The names that it may write into the values of a picture, as far as that is known; of an `each`, what its `collect`
    /// writes, too.
    fn gives(&self, _context: &Context) -> Vec<String> {
        Vec::new()
    }

    /// How many of a picture's pixels are enough for it. With fewer, pictures are decoded faster that no other part of the
    /// job needs whole.
    fn enough(&self, _context: &Context) -> Enough {
        Enough::All
    }

    /// Its condition: what stands in `when`.
    fn when(&self) -> Option<&str> {
        None
    }

    /// Whether it asks a service, which `vigie try --mock` can play.
    fn asks(&self) -> bool {
        false
    }

    /// Makes the step of one worker.
    fn open(&self, context: &Context) -> anyhow::Result<Work>;
}

/// What a step does to the ways of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One way in, one way out.
    Line,
    /// Two ways out.
    Branch,
    /// What follows works on pieces of the pictures; `of`, if it says so, is the step whose detections they are.
    Each {
        /// The step's name.
        of: Option<String>,
    },
    /// The pieces are one picture again.
    Collect,
}

/// A step at work, by its shape.
pub enum Work {
    /// See [`Shape::Line`].
    Line(Box<dyn Step>),
    /// See [`Shape::Branch`].
    Branch(Box<dyn Choose>),
    /// See [`Shape::Each`]; and what a fault of a piece means.
    Each(Box<dyn Cut>, OnFault),
    /// See [`Shape::Collect`].
    Collect(Box<dyn Join>),
}

impl Work {
    /// A step with one way in and one way out.
    pub fn line(step: impl Step + 'static) -> Self {
        Self::Line(Box::new(step))
    }

    /// The step itself, where its way is one.
    pub fn into_line(self) -> Option<Box<dyn Step>> {
        match self {
            Work::Line(step) => Some(step),
            _ => None,
        }
    }

    /// What the step does to the ways of the graph.
    pub fn shape(&self) -> Shape {
        match self {
            Work::Line(_) => Shape::Line,
            Work::Branch(_) => Shape::Branch,
            Work::Each(..) => Shape::Each { of: None },
            Work::Collect(_) => Shape::Collect,
        }
    }
}

/// What it means that a piece can't be worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFault {
    /// It stands in the list of its `collect` with the reason, and is not pasted back.
    #[default]
    Keep,
    /// It is left out.
    Drop,
    /// Its frame is a dead letter.
    Fail,
}

/// Why a picture does not go on.
#[derive(Debug)]
pub enum Stop {
    /// It can't be worked on: its frame is for the dead letters.
    Fault(Picture, Flaw),
    /// It is let go on purpose.
    Filtered(Picture),
}

/// A plain function over a batch of pictures. It knows no timely.
pub trait Step: Send {
    /// Does its work on each picture, and answers in any order: the picture, or why it does not go on.
    fn run(&mut self, batch: Vec<Picture>) -> Vec<Result<Picture, Stop>>;
}

/// A step with two ways out.
pub trait Choose: Send {
    /// Whether the picture takes the first of them.
    ///
    /// # Errors
    /// A flaw of the picture.
    fn choose(&mut self, picture: &mut Picture) -> Result<bool, Flaw>;
}

/// A step after which there are pieces.
pub trait Cut: Send {
    /// The pieces of a picture, in the order of their indexes; none is fine.
    ///
    /// # Errors
    /// A flaw of the picture.
    fn cut(&mut self, picture: &mut Picture) -> Result<Vec<Picture>, Flaw>;
}

/// A step that makes one picture of the pieces again.
pub trait Join: Send {
    /// Puts into `whole`, which is as it was when it was cut, what became of its pieces: those that arrived, by index,
    /// and those that had a fault on their way. `of` is the step that cut them.
    ///
    /// # Errors
    /// A flaw of the picture.
    fn join(&mut self, whole: &mut Picture, of: &str, pieces: Vec<Picture>, faulted: Vec<Faulted>) -> Result<(), Flaw>;
}

/// A piece that could not be worked on.
#[derive(Clone, Debug)]
pub struct Faulted {
    /// Which.
    pub piece: Piece,
    /// Why.
    pub flaw: Flaw,
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
            Err(flaw) => Err(Stop::Fault(picture, flaw)),
        };
        batch.into_iter().map(&mut one).collect()
    }
}

/// Every kind of step, by the name a job file gives it.
pub const KINDS: &[Kind<dyn StepConfig>] = &[
    crate::kind!("analyze", analyze::Analyze),
    crate::kind!("blur", blur::Blur),
    crate::kind!("branch", branch::Branch),
    crate::kind!("classify", classify::Classify),
    crate::kind!("collect", collect::Collect),
    crate::kind!("convert", convert::Convert),
    crate::kind!("crop", crop::Crop),
    crate::kind!("dedupe", dedupe::Dedupe),
    crate::kind!("describe", describe::Describe),
    crate::kind!("detect", detect::Detect),
    crate::kind!("draw", draw::Draw),
    crate::kind!("each", each::Each),
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
    crate::kind!("where", r#where::Where),
];
