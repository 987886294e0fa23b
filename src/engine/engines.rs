//! What runs models, and what the rest of the program asks of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display};

use super::{Feed, Port, Signature, onnxruntime};

/// What runs models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// ONNX Runtime, a library that is loaded at run time.
    OnnxRuntime,
}

impl Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnnxRuntime => "ONNX Runtime",
        })
    }
}

impl Engine {
    /// The engine of this process.
    ///
    /// # Errors
    /// One sentence, where there is none.
    pub fn here() -> Result<Self, String> {
        onnxruntime::environment().map(|_| Self::OnnxRuntime)
    }

    /// How many frames it runs at once at most, where a model takes any number; `None` for any number.
    pub(super) fn batch(self) -> Option<usize> {
        match self {
            Self::OnnxRuntime => None,
        }
    }

    /// Reads a model's file.
    ///
    /// # Errors
    /// Why it can't be used, as the end of a sentence: "the model …".
    pub(super) fn understand(self, bytes: Vec<u8>) -> Result<Understood, String> {
        match self {
            Self::OnnxRuntime => onnxruntime::understand(bytes),
        }
    }
}

/// What an engine knows of a model.
pub(super) struct Understood {
    pub signature: Signature,
    /// Its metadata, with its `producer` and its `description`.
    pub facts: BTreeMap<String, String>,
    pub graph: Box<dyn Graph>,
}

/// A model as its engine keeps it, for all workers.
pub(super) trait Graph: Debug + Send + Sync {
    /// The model for one worker, fed as `feed` says.
    ///
    /// # Errors
    /// One sentence: why the engine can't run it so.
    fn runner(&self, inputs: &[Port], feed: &Feed) -> Result<Box<dyn Runner>, String>;
}

/// A model at work for one worker.
pub(super) trait Runner: Debug + Send {
    /// Where the pictures of `frames` frames are written, one behind the other. What was written before may still stand there.
    ///
    /// # Errors
    /// What the engine says.
    fn input(&mut self, frames: usize) -> Result<&mut [f32], String>;

    /// Runs the model over what was written; `read` gets its outputs.
    ///
    /// # Errors
    /// What the engine says, or `read`.
    fn run(&mut self, read: &mut dyn FnMut(&[Raw<'_>]) -> Result<(), String>) -> Result<(), String>;
}

/// An output for all frames of a run.
pub(super) struct Raw<'a> {
    pub name: &'a str,
    /// Its first dimension, where it has any.
    pub lead: Option<i64>,
    pub data: Cow<'a, [f32]>,
}
