//! ONNX Runtime: the only files that know it are this one and its session.
//!
//! One environment a process, one session a worker, one thread a session: two sessions with the runtime's own defaults
//! (all cores each, spinning) halve each other's speed. The library is loaded at run time, so that building needs none.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{Outlet, TensorElementType};
use sha2::{Digest, Sha256};

use crate::picture::ModelTag;
use crate::{onnx, setup};

mod session;

pub use session::Session;

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
    bytes: Vec<u8>,
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

/// The process's environment; a sentence where there is no library to make it from.
fn environment() -> Result<Environment, String> {
    // The runtime allows one environment a process, ever: so an answer, good or bad, is for good.
    static ENVIRONMENT: OnceLock<Result<Environment, String>> = OnceLock::new();
    let make = || {
        let missing = "ONNX Runtime is not on this machine: run `vigie setup`, or set ORT_DYLIB_PATH to its library";
        let named = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(std::path::PathBuf::from);
        let path = named.or_else(|| setup::library().filter(|path| path.is_file())).ok_or(missing)?;
        let unfit = |error: &dyn std::fmt::Display| {
            let path = path.display();
            format!("ONNX Runtime can't be used from {path} ({error}): run `vigie setup`, or mend ORT_DYLIB_PATH")
        };
        let builder = ort::init_from(&path).map_err(|error| unfit(&error))?;
        let environment = builder.with_telemetry(false).build().map_err(|error| unfit(&error))?;
        environment.set_log_level(LogLevel::Error);
        Ok(environment)
    };
    ENVIRONMENT.get_or_init(make).clone()
}

fn port(outlet: &Outlet) -> Port {
    let shape = outlet.dtype().tensor_shape().map(|shape| shape.to_vec()).unwrap_or_default();
    let numbers = match outlet.dtype().tensor_type() {
        Some(TensorElementType::Float32) => Numbers::Floats,
        Some(TensorElementType::Uint8) => Numbers::Bytes,
        Some(TensorElementType::Int32) => Numbers::Ints,
        Some(TensorElementType::Int64) => Numbers::Longs,
        _ => Numbers::Others,
    };
    Port { name: outlet.name().to_owned(), numbers, shape }
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
    /// Reads a model and lets the runtime understand it once.
    ///
    /// # Errors
    /// One sentence: the runtime is missing, the file can't be read, or is no model.
    pub fn load(path: &Path) -> Result<Arc<Self>, String> {
        let shown = path.display();
        let bytes = std::fs::read(path).map_err(|error| format!("the model {shown} can't be read: {error}"))?;
        if let Some(what) = not_a_model(&bytes) {
            return Err(format!("the model {shown} {what}"));
        }
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let bytes = onnx::without_initializers_as_inputs(bytes);
        let session = commit(&bytes).map_err(|error| match environment() {
            Err(missing) => missing,
            Ok(_) => format!("the model {shown} is cut short or broken, or is no ONNX file ({error}): fetch it again"),
        })?;
        let ports = |outlets: &[Outlet]| outlets.iter().map(port).collect();
        let signature = Signature { inputs: ports(session.inputs()), outputs: ports(session.outputs()) };
        let facts = facts(&session);
        let names = facts.get("names").cloned();
        let tag = ModelTag { name: name.into(), sha256: sha256.into() };
        Ok(Arc::new(Self { tag, signature, names, facts, bytes }))
    }

    /// A session for one worker. The model has one input, N×…, of fixed size but for N.
    ///
    /// # Errors
    /// Where the runtime gives none: it did so once, at [`Model::load`], so this is a lack of memory.
    pub fn session(&self) -> anyhow::Result<Session> {
        let shape = &self.signature.inputs.first().ok_or_else(|| anyhow::anyhow!("a model without inputs"))?.shape;
        self.session_of(Feed { picture: 0, sample: shape.iter().skip(1).copied().collect(), others: Vec::new() })
    }

    /// A session for one worker, fed as `feed` says.
    ///
    /// # Errors
    /// Where the runtime gives none, or the model can't be fed so.
    pub fn session_of(&self, feed: Feed) -> anyhow::Result<Session> {
        let inner = commit(&self.bytes).map_err(anyhow::Error::msg)?;
        let inputs = self.signature.inputs.clone();
        let port = inputs.get(feed.picture).ok_or_else(|| anyhow::anyhow!("a model without inputs"))?;
        anyhow::ensure!(feed.sample.iter().all(|size| *size > 0), "the model's input has no fixed size");
        let known = matches!(port.numbers, Numbers::Floats | Numbers::Bytes);
        anyhow::ensure!(known, "the model's input {port} takes pictures neither as f32 nor as u8");
        let batch = port.shape.first().and_then(|size| usize::try_from(*size).ok());
        Ok(Session::new(inner, inputs, feed, batch))
    }
}

/// A model's metadata.
fn facts(session: &ort::session::Session) -> BTreeMap<String, String> {
    let Ok(metadata) = session.metadata() else { return BTreeMap::new() };
    let keys = metadata.custom_keys().unwrap_or_default();
    let told = keys.into_iter().filter_map(|key| metadata.custom(&key).map(|value| (key, value)));
    let own = [("producer", metadata.producer()), ("description", metadata.description())];
    told.chain(own.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)))).collect()
}

fn commit(bytes: &[u8]) -> Result<ort::session::Session, String> {
    let build = || -> Result<_, Box<dyn std::error::Error>> {
        let builder = ort::session::Session::builder(&environment()?)?;
        let mut builder = builder
            .with_intra_threads(1)?
            .with_intra_op_spinning(false)?
            .with_optimization_level(GraphOptimizationLevel::All)?;
        Ok(builder.commit_from_memory(bytes)?)
    };
    build().map_err(|error| error.to_string())
}
