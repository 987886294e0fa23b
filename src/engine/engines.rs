//! The engines that run models: ONNX Runtime where its library is on the machine, tract where it is built in.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display};
use std::sync::OnceLock;

use super::{Feed, Port, Signature, onnxruntime};

/// What runs models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// ONNX Runtime, a library that is loaded at run time.
    OnnxRuntime,
    /// tract, in Rust, where it was built in (feature `tract`): no library, and slower.
    #[cfg(feature = "tract")]
    Tract,
}

impl Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnnxRuntime => "ONNX Runtime",
            #[cfg(feature = "tract")]
            Self::Tract => "tract",
        })
    }
}

impl Engine {
    /// The engine of this process: what `VIGIE_ENGINE` names (`onnxruntime`, `tract`), else ONNX Runtime where its library
    /// is, else tract where it was built in.
    ///
    /// # Errors
    /// One sentence, where there is none.
    pub fn here() -> Result<Self, String> {
        // The runtime's environment is made once a process, so an answer, good or bad, is for good.
        static HERE: OnceLock<Result<Engine, String>> = OnceLock::new();
        HERE.get_or_init(|| choose(&std::env::var("VIGIE_ENGINE").unwrap_or_default())).clone()
    }

    /// How many frames it runs at once at most, where a model takes any number; `None` for any number.
    pub(super) fn batch(self) -> Option<usize> {
        match self {
            Self::OnnxRuntime => None,
            // Three frames together take seven times as long as one.
            #[cfg(feature = "tract")]
            Self::Tract => Some(1),
        }
    }

    /// Reads a model's file.
    ///
    /// # Errors
    /// Why it can't be used, as the end of a sentence: "the model …".
    pub(super) fn understand(self, bytes: Vec<u8>) -> Result<Understood, String> {
        match self {
            Self::OnnxRuntime => onnxruntime::understand(bytes),
            #[cfg(feature = "tract")]
            Self::Tract => super::tract::understand(&bytes),
        }
    }
}

fn choose(named: &str) -> Result<Engine, String> {
    match named {
        "onnxruntime" => onnxruntime::environment().map(|_| Engine::OnnxRuntime),
        #[cfg(feature = "tract")]
        "tract" => Ok(Engine::Tract),
        #[cfg(not(feature = "tract"))]
        "tract" => {
            Err("VIGIE_ENGINE is `tract`, which is not in this build: build it with `--features tract`".to_owned())
        }
        #[cfg(feature = "tract")]
        "" if !onnxruntime::is_there() => Ok(Engine::Tract),
        "" => onnxruntime::environment().map(|_| Engine::OnnxRuntime),
        other => Err(format!("VIGIE_ENGINE is `{other}`: it has to be `onnxruntime` or `tract`, or not set")),
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

    /// Whether it can be run on all cores. Asked for the first time, it sees to it.
    fn can_be_wide(&mut self) -> bool {
        false
    }

    /// It will not be run on all cores any more.
    fn stay_narrow(&mut self) {}

    /// Runs the model over what was written, on all cores if it is to be `wide` and can; `read` gets its outputs.
    ///
    /// # Errors
    /// What the engine says, or `read`.
    fn run(&mut self, wide: bool, read: &mut dyn FnMut(&[Raw<'_>]) -> Result<(), String>) -> Result<(), String>;
}

/// An output for all frames of a run.
pub(super) struct Raw<'a> {
    pub name: &'a str,
    /// Its first dimension, where it has any.
    pub lead: Option<i64>,
    pub data: Cow<'a, [f32]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a word that is taken for an engine, and a mistake that does not say what may be written.
    #[test]
    fn an_engine_that_is_none_is_refused_with_words() {
        let why = choose("tensorflow").expect_err("no such engine");
        assert!(why.contains("`tensorflow`") && why.contains("`onnxruntime`") && why.contains("`tract`"), "{why}");
        assert_eq!(choose("tract").is_ok(), cfg!(feature = "tract"));
    }
}
