//! A model at work: pictures in, numbers out.

use std::borrow::Cow;

use ort::session::{SessionInputValue, SessionInputs};
use ort::value::{DynValue, DynValueTypeMarker, Tensor, TensorElementType, ValueRef};

use super::{Feed, Numbers, Output, Port};

/// A model at work for one worker.
#[derive(Debug)]
pub struct Session {
    inner: ort::session::Session,
    inputs: Vec<Port>,
    feed: Feed,
    /// How many frames the model takes at once; `None` for any number.
    batch: Option<usize>,
    /// The inputs, kept from run to run.
    kept: Option<Inputs>,
}

/// A model's inputs for a number of frames.
#[derive(Debug)]
struct Inputs {
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
    fn new(session: &ort::session::Session, numbers: Numbers, shape: Vec<i64>) -> ort::Result<Self> {
        let size = shape.iter().product::<i64>() as usize;
        Ok(match numbers {
            Numbers::Bytes => Self::Bytes(Tensor::<u8>::new(session.allocator(), shape)?, vec![0.0; size]),
            _ => Self::Floats(Tensor::<f32>::new(session.allocator(), shape)?),
        })
    }

    fn fill(&mut self, fill: impl FnOnce(&mut [f32])) {
        match self {
            Self::Floats(tensor) => fill(tensor.extract_tensor_mut().1),
            Self::Bytes(tensor, floats) => {
                fill(floats);
                let bytes = tensor.extract_tensor_mut().1;
                bytes.iter_mut().zip(floats).for_each(|(byte, float)| *byte = float.round() as u8);
            }
        }
    }

    fn value(&self) -> SessionInputValue<'_> {
        match self {
            Self::Floats(tensor) => tensor.into(),
            Self::Bytes(tensor, _) => tensor.into(),
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
fn numbers<'a>(value: &'a ValueRef<'_, DynValueTypeMarker>) -> Result<(Option<i64>, Cow<'a, [f32]>), String> {
    let lead = |shape: &[i64]| shape.first().copied();
    match value.dtype().tensor_type() {
        Some(TensorElementType::Int64) => {
            let (shape, data) = value.try_extract_tensor::<i64>().map_err(words)?;
            Ok((lead(shape), data.iter().map(|v| *v as f32).collect()))
        }
        Some(TensorElementType::Int32) => {
            let (shape, data) = value.try_extract_tensor::<i32>().map_err(words)?;
            Ok((lead(shape), data.iter().map(|v| *v as f32).collect()))
        }
        Some(TensorElementType::Uint8) => {
            let (shape, data) = value.try_extract_tensor::<u8>().map_err(words)?;
            Ok((lead(shape), data.iter().map(|v| f32::from(*v)).collect()))
        }
        _ => {
            let (shape, data) = value.try_extract_tensor::<f32>().map_err(words)?;
            Ok((lead(shape), data.into()))
        }
    }
}

impl Session {
    /// A session over a model that was loaded; `batch` is how many frames it takes at once, `None` for any number.
    pub(super) fn new(inner: ort::session::Session, inputs: Vec<Port>, feed: Feed, batch: Option<usize>) -> Self {
        Self { inner, inputs, feed, batch, kept: None }
    }

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

    /// Room for so many frames: what is kept, where it fits.
    fn room(&mut self, frames: usize) -> Result<Inputs, String> {
        if let Some(kept) = self.kept.take().filter(|kept| kept.frames == frames) {
            return Ok(kept);
        }
        let shape = std::iter::once(frames as i64).chain(self.feed.sample.iter().copied()).collect();
        let numbers = self.inputs[self.feed.picture].numbers;
        let picture = Canvas::new(&self.inner, numbers, shape).map_err(words)?;
        let other = |(name, numbers): &(String, Vec<f32>)| {
            let port = self.inputs.iter().find(|port| port.name == *name);
            let port = port.ok_or_else(|| format!("it has no input {name}"))?;
            Ok::<_, String>((name.clone(), repeated(port, numbers, frames)?))
        };
        let others = self.feed.others.iter().map(other).collect::<Result<_, _>>()?;
        Ok(Inputs { frames, picture, others })
    }

    fn run_once(
        &mut self,
        group: usize,
        fill: impl FnOnce(&mut [f32]),
        read: impl FnOnce(&[Output<'_>]),
    ) -> Result<(), String> {
        let mut room = self.room(group)?;
        room.picture.fill(fill);
        let name = &self.inputs[self.feed.picture].name;
        let others = room.others.iter().map(|(name, value)| (name.as_str(), SessionInputValue::from(value)));
        let inputs: Vec<_> = std::iter::once((name.as_str(), room.picture.value())).chain(others).collect();
        let outputs = self.inner.run(SessionInputs::from(inputs)).map_err(words)?;
        let values: Vec<_> = outputs.iter().collect();
        let mut read_out = Vec::with_capacity(values.len());
        for (name, value) in &values {
            let (lead, data) = numbers(value)?;
            if group > 1 && lead != Some(group as i64) {
                // It stacks what it finds in all frames: from now on it gets them one by one.
                self.batch = self.batch.or(Some(1));
                return Err(format!("its output {name} is not one for each of {group} frames"));
            }
            read_out.push((*name, data));
        }
        let slices: Vec<_> = read_out.iter().map(|(name, data)| Output { name, data }).collect();
        read(&slices);
        drop(slices);
        drop(read_out);
        drop(values);
        drop(outputs);
        self.kept = Some(room);
        Ok(())
    }
}
