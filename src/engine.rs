//! ONNX Runtime: the only file that knows it.
//!
//! One environment a process, one session a worker, one thread a session: two sessions with the runtime's own defaults
//! (all cores each, spinning) halve each other's speed. The library is loaded at run time, so that building needs none.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{Outlet, Tensor, TensorElementType};
use sha2::{Digest, Sha256};

use crate::picture::ModelTag;
use crate::{onnx, setup};

/// A model's file, read and understood.
#[derive(Debug)]
pub struct Model {
    /// Its file name and hash.
    pub tag: ModelTag,
    /// Its inputs and outputs.
    pub signature: Signature,
    /// What its `names` metadata says, as it stands there.
    pub names: Option<String>,
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
    /// Whether its numbers are `f32`.
    pub float: bool,
    /// Its dimensions; -1 stands for any.
    pub shape: Vec<i64>,
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dimension = |size: &i64| if *size < 0 { "?".to_owned() } else { size.to_string() };
        let shape: Vec<_> = self.shape.iter().map(dimension).collect();
        write!(f, "{} {}{}", self.name, shape.join("×"), if self.float { "" } else { " (not f32)" })
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
    let float = outlet.dtype().tensor_type() == Some(TensorElementType::Float32);
    Port { name: outlet.name().to_owned(), float, shape }
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
        let names = session.metadata().ok().and_then(|metadata| metadata.custom("names"));
        let tag = ModelTag { name: name.into(), sha256: sha256.into() };
        Ok(Arc::new(Self { tag, signature, names, bytes }))
    }

    /// A session for one worker. The model has one input, N×…, of fixed size but for N.
    ///
    /// # Errors
    /// Where the runtime gives none: it did so once, at [`Model::load`], so this is a lack of memory.
    pub fn session(&self) -> anyhow::Result<Session> {
        let inner = commit(&self.bytes).map_err(anyhow::Error::msg)?;
        let shape = &self.signature.inputs.first().ok_or_else(|| anyhow::anyhow!("a model without inputs"))?.shape;
        let sample: Vec<i64> = shape[1..].to_vec();
        anyhow::ensure!(sample.iter().all(|size| *size > 0), "the model's input has no fixed size");
        let batch = usize::try_from(shape[0]).ok();
        Ok(Session { inner, sample, batch, tensor: None })
    }
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

/// A model at work for one worker.
#[derive(Debug)]
pub struct Session {
    inner: ort::session::Session,
    /// The input's shape without the batch.
    sample: Vec<i64>,
    /// How many frames the model takes at once; `None` for any number.
    batch: Option<usize>,
    /// The input, kept from run to run, and for how many frames it is.
    tensor: Option<(usize, Tensor<f32>)>,
}

impl Session {
    /// Runs the model over `count` frames: `fill` writes the input of each, `read` gets its outputs.
    ///
    /// A model of a fixed batch is run as often as that takes, its last input padded with what stood there before.
    ///
    /// # Errors
    /// What the runtime says.
    pub fn run(
        &mut self,
        count: usize,
        mut fill: impl FnMut(usize, &mut [f32]),
        mut read: impl FnMut(usize, &[Output<'_>]),
    ) -> Result<(), String> {
        let group = self.batch.unwrap_or(count).max(1);
        for first in (0..count).step_by(group) {
            let frames = group.min(count - first);
            self.run_once(
                group,
                |tensor| {
                    let sample = tensor.len() / group;
                    tensor.chunks_mut(sample).take(frames).enumerate().for_each(|(at, input)| fill(first + at, input));
                },
                |outputs| {
                    for at in 0..frames {
                        let of = |output: &Output<'_>| output.data.len() / group;
                        let mine: Vec<_> = outputs
                            .iter()
                            .map(|output| Output {
                                name: output.name,
                                data: &output.data[at * of(output)..][..of(output)],
                            })
                            .collect();
                        read(first + at, &mine);
                    }
                },
            )?;
        }
        Ok(())
    }

    fn run_once(
        &mut self,
        group: usize,
        fill: impl FnOnce(&mut [f32]),
        read: impl FnOnce(&[Output<'_>]),
    ) -> Result<(), String> {
        let words = |error: ort::Error| error.to_string();
        let fits = self.tensor.take().filter(|(size, _)| *size == group);
        let (_, mut tensor) = match fits {
            Some(kept) => kept,
            None => {
                let shape: Vec<i64> = std::iter::once(group as i64).chain(self.sample.iter().copied()).collect();
                (group, Tensor::<f32>::new(self.inner.allocator(), shape).map_err(words)?)
            }
        };
        fill(tensor.extract_tensor_mut().1);
        let outputs = self.inner.run(ort::inputs![&tensor]).map_err(words)?;
        let mut views = Vec::with_capacity(outputs.len());
        for (name, value) in outputs.iter() {
            views.push((name.to_owned(), value));
        }
        let mut slices = Vec::with_capacity(views.len());
        for (name, value) in &views {
            slices.push(Output { name, data: value.try_extract_tensor::<f32>().map_err(words)?.1 });
        }
        read(&slices);
        drop(slices);
        drop(views);
        drop(outputs);
        self.tensor = Some((group, tensor));
        Ok(())
    }
}
