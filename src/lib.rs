//! Vigie, the lookout: camera frames in, batches of three through an ONNX model, pictures with boxes out.

pub mod body;
pub mod clock;
pub mod codec;
pub mod context;
pub mod kinds;
pub mod mistake;
pub mod paint;
pub mod picture;
pub mod report;
pub mod sinks;
pub mod sources;
pub mod steps;
pub mod template;
