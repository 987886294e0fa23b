//! Models as the rest of the program sees them. Which engine runs them, only the files below this one know.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::onnx;
use crate::picture::ModelTag;

mod calm;
mod engines;
mod onnxruntime;
mod pace;
mod session;
#[cfg(feature = "tract")]
mod tract;

pub use engines::Engine;
pub use pace::Manner;
pub use session::Session;

use engines::Graph;
use session::Rhythm;

/// A model's file, read and understood.
#[derive(Debug)]
pub struct Model {
    /// Its file name and hash.
    pub tag: ModelTag,
    /// Its inputs and outputs.
    pub signature: Signature,
    /// What its `names` metadata says, as it stands there.
    pub names: Option<String>,
    /// All of its metadata, who made it (`producer`), and what they say of it (`description`).
    pub facts: BTreeMap<String, String>,
    /// What runs it.
    pub engine: Engine,
    graph: Box<dyn Graph>,
    rhythm: Arc<Rhythm>,
}

/// A model's inputs and outputs: what its family is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What goes in.
    pub inputs: Vec<Port>,
    /// What comes out.
    pub outputs: Vec<Port>,
}

/// An input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in the model.
    pub name: String,
    /// Its numbers.
    pub numbers: Numbers,
    /// Its dimensions; -1 stands for any.
    pub shape: Vec<i64>,
}

/// The numbers of an input or output, as far as this program can give or take them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// `f32`.
    Floats,
    /// `u8`.
    Bytes,
    /// `i32`.
    Ints,
    /// `i64`.
    Longs,
    /// Something else, as half floats or texts.
    Others,
}

impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Floats => "f32",
            Self::Bytes => "u8",
            Self::Ints => "i32",
            Self::Longs => "i64",
            Self::Others => "neither f32, u8, i32 nor i64",
        })
    }
}

/// What is fed to a model: which input is the picture, of which size, and what stands in the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// The input that is the picture, by its place.
    pub picture: usize,
    /// Its shape without the batch: all sizes known.
    pub sample: Vec<i64>,
    /// The other inputs, by name: the same numbers for each picture.
    pub others: Vec<(String, Vec<f32>)>,
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dimension = |size: &i64| if *size < 0 { "?".to_owned() } else { size.to_string() };
        let shape: Vec<_> = self.shape.iter().map(dimension).collect();
        let numbers = match self.numbers {
            Numbers::Floats => String::new(),
            other => format!(" ({other})"),
        };
        write!(f, "{} {}{numbers}", self.name, shape.join("×"))
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |ports: &[Port]| ports.iter().map(Port::to_string).collect::<Vec<_>>().join(", ");
        write!(f, "inputs {}; outputs {}", list(&self.inputs), list(&self.outputs))
    }
}

/// One output for one frame.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    /// Its name in the model.
    pub name: &'a str,
    /// Its numbers: the output's shape without the batch.
    pub data: &'a [f32],
}

/// What a file that is no model is, as far as its first bytes tell.
fn not_a_model(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.trim_ascii_start();
    match () {
        () if bytes.is_empty() => Some("is empty"),
        () if start.starts_with(b"version https://git-lfs") => {
            Some("is a git-lfs pointer, not the model: fetch the file itself with `git lfs pull`")
        }
        () if start.starts_with(b"<") => Some("is a web page, not a model: download the file itself"),
        () => None,
    }
}

impl Model {
    /// Reads a model and lets the engine of this process understand it once.
    ///
    /// # Errors
    /// One sentence: there is no engine, the file can't be read, or is no model that the engine takes.
    pub fn load(path: &Path) -> Result<Arc<Self>, String> {
        let shown = path.display();
        let bytes = std::fs::read(path).map_err(|error| format!("the model {shown} can't be read: {error}"))?;
        if let Some(what) = not_a_model(&bytes) {
            return Err(format!("the model {shown} {what}"));
        }
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let engine = Engine::here()?;
        let understood = engine.understand(onnx::without_initializers_as_inputs(bytes));
        let understood = understood.map_err(|what| format!("the model {shown} {what}"))?;
        let names = understood.facts.get("names").cloned();
        let tag = ModelTag { name: name.into(), sha256: sha256.into() };
        let engines::Understood { signature, facts, graph } = understood;
        Ok(Arc::new(Self { tag, signature, names, facts, engine, graph, rhythm: Arc::default() }))
    }

    /// A session for one worker. The model has one input, N×…, of fixed size but for N.
    ///
    /// # Errors
    /// As [`Model::session_of`].
    pub fn session(&self) -> anyhow::Result<Session> {
        let shape = &self.signature.inputs.first().ok_or_else(|| anyhow::anyhow!("a model without inputs"))?.shape;
        self.session_of(Feed { picture: 0, sample: shape.iter().skip(1).copied().collect(), others: Vec::new() })
    }

    /// A session for one worker, fed as `feed` says.
    ///
    /// # Errors
    /// Where the engine gives none, or the model can't be fed so.
    pub fn session_of(&self, feed: Feed) -> anyhow::Result<Session> {
        let inputs = &self.signature.inputs;
        let port = inputs.get(feed.picture).ok_or_else(|| anyhow::anyhow!("a model without inputs"))?;
        anyhow::ensure!(feed.sample.iter().all(|size| *size > 0), "the model's input has no fixed size");
        let known = matches!(port.numbers, Numbers::Floats | Numbers::Bytes);
        anyhow::ensure!(known, "the model's input {port} takes pictures neither as f32 nor as u8");
        let runner = self.graph.runner(inputs, &feed).map_err(anyhow::Error::msg)?;
        Ok(Session::new(runner, self.batch(port), self.rhythm.clone()))
    }

    /// Whether it is found out at work if it is better run once a frame or once a batch.
    pub fn is_measured(&self) -> bool {
        self.signature.inputs.first().is_some_and(|port| self.batch(port).is_none())
    }

    /// How it is run, as far as it is known by now, and why.
    pub fn manner(&self) -> Manner {
        let takes = self.signature.inputs.first().and_then(|port| port.shape.first()).copied().unwrap_or(1);
        let usual = match (takes, self.engine.batch()) {
            (1, _) => Some(Manner::new("once a frame", "it takes one frame at a time")),
            (2.., _) => Some(Manner::new(&format!("once for {takes} frames"), "it takes no other number at a time")),
            (_, Some(_)) => Some(Manner::new("once a frame", &format!("{} is slower in batches", self.engine))),
            (_, None) => None,
        };
        self.rhythm.manner(usual)
    }

    /// How many frames it takes at once; `None` for any number.
    fn batch(&self, picture: &Port) -> Option<usize> {
        let own = picture.shape.first().and_then(|size| usize::try_from(*size).ok());
        own.or(self.engine.batch())
    }
}
