//! tract: models without any library, where ONNX Runtime can't go. The only file that knows it.
//!
//! It is one thread, and runs one frame at a time. Where it does not know what a model asks for it may panic: that is an error
//! of the model, like any other. The plan it makes of a model is shared by the workers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use operators::offload::guard;
use tract_onnx::pb::{ModelProto, ValueInfoProto, tensor_shape_proto::dimension, type_proto};
use tract_onnx::prelude::*;

use super::engines::{Graph, Raw, Runner, Understood};
use super::{Feed, Numbers, Port, Signature};

/// What tract runs.
type Plan = Arc<TypedRunnableModel>;

/// The shape of each input, in the model's order.
type Shapes = Vec<Vec<usize>>;

/// Reads a model, and makes a plan of it where its inputs have sizes.
pub(super) fn understand(bytes: &[u8]) -> Result<Understood, String> {
    let unfit = |error: String| format!("is cut short or broken, or is no ONNX file ({error}): fetch it again");
    let proto = guarded(|| tract_onnx::onnx().proto_model_for_read(&mut &*bytes)).map_err(unfit)?;
    let graph = proto.graph.as_ref().ok_or_else(|| unfit("it has no graph".to_owned()))?;
    let ports = |values: &[ValueInfoProto]| values.iter().map(port).collect();
    let signature = Signature { inputs: ports(&graph.input), outputs: ports(&graph.output) };
    let facts = facts(&proto);
    let outputs = signature.outputs.iter().map(|port| port.name.clone()).collect();
    let drawing = Drawing { proto, outputs, plans: Mutex::default() };
    if let Some(shapes) = shapes(&signature.inputs) {
        drawing.plan(shapes, &signature.inputs).map_err(beyond)?;
    }
    Ok(Understood { signature, facts, graph: Box::new(drawing) })
}

/// What is wrong with a sound model that tract can't run.
fn beyond(error: String) -> String {
    format!("can't be run by tract ({error}): ONNX Runtime may, `vigie setup` fetches it")
}

/// Does something of tract's; a panic of it is an error.
fn guarded<R>(work: impl FnOnce() -> TractResult<R>) -> Result<R, String> {
    let done = guard(work).map_err(|panic| format!("it panicked: {panic}"))?;
    done.map_err(words)
}

/// What tract says, without the dumps of nodes that may follow.
fn words(error: TractError) -> String {
    format!("{error:#}").lines().next().unwrap_or_default().to_owned()
}

fn port(value: &ValueInfoProto) -> Port {
    let tensor = value.r#type.as_ref().and_then(|kind| kind.value.as_ref()).map(|type_proto::Value::TensorType(it)| it);
    let numbers = match tensor.map(|tensor| tensor.elem_type) {
        Some(1) => Numbers::Floats,
        Some(2) => Numbers::Bytes,
        Some(6) => Numbers::Ints,
        Some(7) => Numbers::Longs,
        _ => Numbers::Others,
    };
    let shape = tensor.and_then(|tensor| tensor.shape.as_ref());
    let size = |size: &Option<dimension::Value>| match size {
        Some(dimension::Value::DimValue(size)) if *size > 0 => *size,
        _ => -1,
    };
    let shape = shape.map(|shape| shape.dim.iter().map(|dimension| size(&dimension.value)).collect());
    Port { name: value.name.clone(), numbers, shape: shape.unwrap_or_default() }
}

/// A model's metadata.
fn facts(proto: &ModelProto) -> BTreeMap<String, String> {
    let told = proto.metadata_props.iter().map(|pair| (pair.key.clone(), pair.value.clone()));
    let own = [("producer", &proto.producer_name), ("description", &proto.doc_string)];
    told.chain(own.map(|(key, value)| (key.to_owned(), value.clone()))).collect()
}

/// The inputs' shapes for one run, where the model says them all but for the batch.
fn shapes(inputs: &[Port]) -> Option<Shapes> {
    let size = |(at, size): (usize, &i64)| match at {
        0 if *size < 0 => Some(1),
        _ => usize::try_from(*size).ok(),
    };
    inputs.iter().map(|port| port.shape.iter().enumerate().map(size).collect()).collect()
}

/// A model as it was read, and the plans that were made of it.
struct Drawing {
    proto: ModelProto,
    /// The names of its outputs.
    outputs: Vec<String>,
    plans: Mutex<Vec<(Shapes, Plan)>>,
}

impl fmt::Debug for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drawing").finish_non_exhaustive()
    }
}

impl Drawing {
    /// The plan for inputs of these shapes: made once.
    fn plan(&self, shapes: Shapes, inputs: &[Port]) -> Result<Plan, String> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, plan)) = plans.iter().find(|(made, _)| *made == shapes) {
            return Ok(plan.clone());
        }
        let plan = guarded(|| plan(&self.proto, &shapes, inputs))?;
        plans.push((shapes, plan.clone()));
        Ok(plan)
    }
}

fn plan(proto: &ModelProto, shapes: &Shapes, inputs: &[Port]) -> TractResult<Plan> {
    // What a file says of shapes inside of it may be of another batch.
    let mut model = tract_onnx::onnx().with_ignore_value_info(true).model_for_proto_model(proto)?;
    for (at, (shape, port)) in shapes.iter().zip(inputs).enumerate() {
        model.set_input_fact(at, InferenceFact::dt_shape(datum(port.numbers)?, shape))?;
    }
    for at in 0..model.output_outlets()?.len() {
        model.set_output_fact(at, InferenceFact::default())?;
    }
    model.into_optimized()?.into_runnable()
}

fn datum(numbers: Numbers) -> TractResult<DatumType> {
    Ok(match numbers {
        Numbers::Floats => DatumType::F32,
        Numbers::Bytes => DatumType::U8,
        Numbers::Ints => DatumType::I32,
        Numbers::Longs => DatumType::I64,
        Numbers::Others => anyhow::bail!("an input is {numbers}"),
    })
}

impl Graph for Drawing {
    fn runner(&self, inputs: &[Port], feed: &Feed) -> Result<Box<dyn Runner>, String> {
        let lead = inputs[feed.picture].shape.first().and_then(|size| usize::try_from(*size).ok()).unwrap_or(1);
        let (mut shapes, mut others) = (Shapes::new(), Vec::new());
        for (at, port) in inputs.iter().enumerate() {
            if at == feed.picture {
                shapes.push(std::iter::once(lead).chain(feed.sample.iter().map(|size| *size as usize)).collect());
                continue;
            }
            let numbers = feed.others.iter().find(|(name, _)| *name == port.name).map(|(_, numbers)| numbers);
            let numbers = numbers.ok_or_else(|| format!("nothing is known to stand in its input {port}"))?;
            shapes.push(vec![lead, numbers.len()]);
            others.push((at, numbers.repeat(lead)));
        }
        Ok(Box::new(Worker {
            plan: self.plan(shapes.clone(), inputs)?,
            picture: vec![0.0; shapes[feed.picture].iter().product()],
            others,
            shapes,
            inputs: inputs.to_vec(),
            outputs: self.outputs.clone(),
        }))
    }
}

/// A plan with its inputs.
struct Worker {
    plan: Plan,
    /// The numbers of the picture.
    picture: Vec<f32>,
    /// The numbers of the other inputs.
    others: Vec<(usize, Vec<f32>)>,
    shapes: Shapes,
    inputs: Vec<Port>,
    outputs: Vec<String>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("shapes", &self.shapes).finish_non_exhaustive()
    }
}

impl Worker {
    /// The numbers of an input as the model takes them.
    fn tensor(&self, at: usize) -> TractResult<TValue> {
        let others = self.others.iter().find(|(input, _)| *input == at).map(|(_, numbers)| numbers);
        let (shape, floats) = (&self.shapes[at], others.unwrap_or(&self.picture));
        let tensor = match self.inputs[at].numbers {
            Numbers::Bytes => {
                let bytes: Vec<_> = floats.iter().map(|float| float.round() as u8).collect();
                Tensor::from_shape(shape, &bytes)?
            }
            Numbers::Floats => Tensor::from_shape(shape, floats)?,
            numbers => Tensor::from_shape(shape, floats)?.cast_to_dt(datum(numbers)?)?.into_owned(),
        };
        Ok(tensor.into_tvalue())
    }
}

/// An output's name, first dimension and numbers.
fn raw<'a>(name: &'a str, tensor: &'a Tensor) -> TractResult<Raw<'a>> {
    let data = tensor.try_as_plain_ram()?.as_slice::<f32>()?;
    Ok(Raw { name, lead: tensor.shape().first().map(|size| *size as i64), data: data.into() })
}

impl Runner for Worker {
    fn input(&mut self, _: usize) -> Result<&mut [f32], String> {
        Ok(&mut self.picture)
    }

    fn run(&mut self, _: bool, read: &mut dyn FnMut(&[Raw<'_>]) -> Result<(), String>) -> Result<(), String> {
        let fed = (0..self.inputs.len()).map(|at| self.tensor(at)).collect::<TractResult<TVec<_>>>();
        let outputs = guarded(|| self.plan.run(fed?))?;
        let floats =
            outputs.iter().map(|value| value.cast_to::<f32>()).collect::<TractResult<Vec<_>>>().map_err(words)?;
        let named = self.outputs.iter().zip(&floats);
        let raws = named.map(|(name, tensor)| raw(name, tensor)).collect::<TractResult<Vec<_>>>().map_err(words)?;
        read(&raws)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of a message whose content is bytes.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, content.len() as u8], content].concat()
    }

    /// Catches a panic of tract's that ends more than the model, and a model that it can't run and that is called broken:
    /// this one has an input without a type.
    #[test]
    fn what_is_beyond_tract_is_an_error_of_the_model() {
        let why = guarded::<()>(|| panic!("no such axis")).expect_err("it panicked");
        assert_eq!(why, "it panicked: no such axis");
        let (graph, input, name) = (7, 11, 1);
        let model = field(graph, &field(input, &field(name, b"image")));
        let why = understand(&model).err().expect("no such model can be run");
        assert!(why.contains("can't be run by tract") && why.contains("image"), "{why}");
    }

    /// Catches bytes that are no model and are called beyond tract's power, or bring it down.
    #[test]
    fn bytes_that_are_no_model_are_told_as_such() {
        for bytes in [&b"garbage"[..], &[7, 0xff, 0xff], &field(7, b"\x0a\x05x")] {
            let why = understand(bytes).err().expect("no model");
            assert!(why.contains("no ONNX file"), "{why}");
        }
    }
}
