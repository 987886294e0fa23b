//! ONNX Runtime: the only file that knows it.
//!
//! One environment a process, one session a worker, one thread a session: two sessions with the runtime's own defaults
//! (all cores each, spinning) halve each other's speed. One more a model has all cores, for a batch that is alone. The
//! library is loaded at run time, so that building needs none.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue, SessionInputs};
use ort::value::{DynValue, DynValueTypeMarker, Outlet, Tensor, TensorElementType, ValueRef};

use crate::setup;

use super::engines::{Graph, Raw, Runner, Understood};
use super::{Feed, Numbers, Port, Signature, calm};

/// The library: what `ORT_DYLIB_PATH` names, or what `vigie setup` has fetched.
fn library() -> Option<PathBuf> {
    let named = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| setup::library().filter(|path| path.is_file()))
}

/// Whether there is a library, sound or not.
#[cfg(feature = "tract")]
pub(super) fn is_there() -> bool {
    library().is_some()
}

/// The process's environment; a sentence where there is no library to make it from.
pub(super) fn environment() -> Result<Environment, String> {
    // The runtime allows one environment a process, ever.
    static ENVIRONMENT: OnceLock<Result<Environment, String>> = OnceLock::new();
    let make = || {
        let missing = "ONNX Runtime is not on this machine: run `vigie setup`, or set ORT_DYLIB_PATH to its library; where \
                       it can't go, build with `--features tract`, which is slower and needs no library";
        let path = library().ok_or(missing)?;
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

/// Lets the runtime understand a model once.
pub(super) fn understand(bytes: Vec<u8>) -> Result<Understood, String> {
    let unfit = |error: String| format!("is cut short or broken, or is no ONNX file ({error}): fetch it again");
    let session = commit(&bytes, 1).map_err(unfit)?;
    let ports = |outlets: &[Outlet]| outlets.iter().map(port).collect();
    let signature = Signature { inputs: ports(session.inputs()), outputs: ports(session.outputs()) };
    Ok(Understood { signature, facts: facts(&session), graph: Box::new(File::new(bytes)) })
}

/// A session on so many threads, none of which spins.
fn commit(bytes: &[u8], threads: usize) -> Result<Session, String> {
    let build = || -> Result<_, Box<dyn std::error::Error>> {
        let builder = Session::builder(&environment()?)?;
        let mut builder = builder
            .with_intra_threads(threads)?
            .with_intra_op_spinning(false)?
            .with_optimization_level(GraphOptimizationLevel::All)?;
        Ok(builder.commit_from_memory(bytes)?)
    };
    build().map_err(|error| error.to_string())
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

/// A model's metadata.
fn facts(session: &Session) -> BTreeMap<String, String> {
    let Ok(metadata) = session.metadata() else { return BTreeMap::new() };
    let keys = metadata.custom_keys().unwrap_or_default();
    let told = keys.into_iter().filter_map(|key| metadata.custom(&key).map(|value| (key, value)));
    let own = [("producer", metadata.producer()), ("description", metadata.description())];
    told.chain(own.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)))).collect()
}

/// A model's file: each worker has a session of its own made from it, and all share one that has all cores.
#[derive(Debug)]
struct File {
    bytes: Arc<[u8]>,
    wide: Arc<Wide>,
}

impl File {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into(), wide: Arc::default() }
    }
}

impl Graph for File {
    fn runner(&self, inputs: &[Port], feed: &Feed) -> Result<Box<dyn Runner>, String> {
        let (bytes, wide) = (self.bytes.clone(), self.wide.clone());
        let session = commit(&bytes, 1)?;
        Ok(Box::new(Worker { bytes, session, wide, inputs: inputs.into(), feed: feed.clone(), room: None }))
    }
}

/// The session that has all cores.
#[derive(Debug, Default)]
struct Wide(Mutex<Slot>);

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Empty,
    Made(Session),
    /// It is done without.
    Closed,
}

impl Wide {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is there. Who asks first makes it, and its frames wait for that: on a thread of its own it could still be at
    /// it when the process ends, which the library does not survive.
    fn is_made(&self, bytes: &[u8]) -> bool {
        let mut slot = self.slot();
        if let Slot::Empty = *slot {
            *slot = commit(bytes, calm::threads()).map_or(Slot::Closed, Slot::Made);
        }
        matches!(*slot, Slot::Made(_))
    }
}

/// A session with its inputs, which are kept from run to run.
#[derive(Debug)]
struct Worker {
    bytes: Arc<[u8]>,
    session: Session,
    wide: Arc<Wide>,
    inputs: Arc<[Port]>,
    feed: Feed,
    room: Option<Room>,
}

/// A model's inputs for a number of frames.
#[derive(Debug)]
struct Room {
    frames: usize,
    picture: Canvas,
    others: Vec<(String, DynValue)>,
}

/// Where pictures are written: a tensor of floats, or floats that become a tensor of bytes.
#[derive(Debug)]
enum Canvas {
    Floats(Tensor<f32>),
    Bytes(Tensor<u8>, Vec<f32>),
}

impl Canvas {
    fn new(session: &Session, numbers: Numbers, shape: Vec<i64>) -> ort::Result<Self> {
        let size = shape.iter().product::<i64>() as usize;
        Ok(match numbers {
            Numbers::Bytes => Self::Bytes(Tensor::<u8>::new(session.allocator(), shape)?, vec![0.0; size]),
            _ => Self::Floats(Tensor::<f32>::new(session.allocator(), shape)?),
        })
    }

    fn floats(&mut self) -> &mut [f32] {
        match self {
            Self::Floats(tensor) => tensor.extract_tensor_mut().1,
            Self::Bytes(_, floats) => floats,
        }
    }

    fn value(&mut self) -> SessionInputValue<'_> {
        match self {
            Self::Floats(tensor) => (&*tensor).into(),
            Self::Bytes(tensor, floats) => {
                let bytes = tensor.extract_tensor_mut().1;
                bytes.iter_mut().zip(floats).for_each(|(byte, float)| *byte = float.round() as u8);
                (&*tensor).into()
            }
        }
    }
}

fn words(error: ort::Error) -> String {
    error.to_string()
}

/// The same `numbers` for each of `frames`, as the input `port` takes them.
fn repeated(port: &Port, numbers: &[f32], frames: usize) -> Result<DynValue, String> {
    let shape = vec![frames as i64, numbers.len() as i64];
    let all = numbers.repeat(frames);
    let value = match port.numbers {
        Numbers::Floats => Tensor::from_array((shape, all)).map(Tensor::into_dyn),
        Numbers::Ints => {
            Tensor::from_array((shape, all.iter().map(|v| *v as i32).collect::<Vec<_>>())).map(Tensor::into_dyn)
        }
        Numbers::Longs => {
            Tensor::from_array((shape, all.iter().map(|v| *v as i64).collect::<Vec<_>>())).map(Tensor::into_dyn)
        }
        Numbers::Bytes | Numbers::Others => return Err(format!("its input {port} can't be given numbers")),
    };
    value.map_err(words)
}

/// An output's first dimension and its numbers.
fn raw<'a>(name: &'a str, value: &'a ValueRef<'_, DynValueTypeMarker>) -> Result<Raw<'a>, String> {
    let (shape, data): (&[i64], Cow<'a, [f32]>) = match value.dtype().tensor_type() {
        Some(TensorElementType::Int64) => {
            let (shape, data) = value.try_extract_tensor::<i64>().map_err(words)?;
            (&shape[..], data.iter().map(|v| *v as f32).collect())
        }
        Some(TensorElementType::Int32) => {
            let (shape, data) = value.try_extract_tensor::<i32>().map_err(words)?;
            (&shape[..], data.iter().map(|v| *v as f32).collect())
        }
        Some(TensorElementType::Uint8) => {
            let (shape, data) = value.try_extract_tensor::<u8>().map_err(words)?;
            (&shape[..], data.iter().map(|v| f32::from(*v)).collect())
        }
        _ => {
            let (shape, data) = value.try_extract_tensor::<f32>().map_err(words)?;
            (&shape[..], data.into())
        }
    };
    Ok(Raw { name, lead: shape.first().copied(), data })
}

impl Worker {
    fn room(&self, frames: usize) -> Result<Room, String> {
        let shape = std::iter::once(frames as i64).chain(self.feed.sample.iter().copied()).collect();
        let numbers = self.inputs[self.feed.picture].numbers;
        let picture = Canvas::new(&self.session, numbers, shape).map_err(words)?;
        let other = |(name, numbers): &(String, Vec<f32>)| {
            let port = self.inputs.iter().find(|port| port.name == *name);
            let port = port.ok_or_else(|| format!("it has no input {name}"))?;
            Ok::<_, String>((name.clone(), repeated(port, numbers, frames)?))
        };
        let others = self.feed.others.iter().map(other).collect::<Result<_, _>>()?;
        Ok(Room { frames, picture, others })
    }
}

impl Runner for Worker {
    fn input(&mut self, frames: usize) -> Result<&mut [f32], String> {
        let room = match self.room.take().filter(|room| room.frames == frames) {
            Some(room) => room,
            None => self.room(frames)?,
        };
        Ok(self.room.insert(room).picture.floats())
    }

    fn can_be_wide(&mut self) -> bool {
        self.wide.is_made(&self.bytes)
    }

    fn stay_narrow(&mut self) {
        *self.wide.slot() = Slot::Closed;
    }

    fn run(&mut self, wide: bool, read: &mut dyn FnMut(&[Raw<'_>]) -> Result<(), String>) -> Result<(), String> {
        let Self { session, inputs, feed, room, .. } = self;
        let mut slot = wide.then(|| self.wide.slot());
        let session = if let Some(Slot::Made(all)) = slot.as_deref_mut() { all } else { session };
        let Room { picture, others, .. } = room.as_mut().ok_or("nothing was put in")?;
        let others = others.iter().map(|(name, value)| (name.as_str(), SessionInputValue::from(value)));
        let picture = (inputs[feed.picture].name.as_str(), picture.value());
        let fed: Vec<_> = std::iter::once(picture).chain(others).collect();
        let outputs = session.run(SessionInputs::from(fed)).map_err(words)?;
        let values: Vec<_> = outputs.iter().collect();
        let raws = values.iter().map(|(name, value)| raw(name, value)).collect::<Result<Vec<_>, _>>()?;
        read(&raws)
    }
}
