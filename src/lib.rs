//! Vigie, the lookout: camera frames in, batches of three through an ONNX model, pictures with boxes out.

#![forbid(unsafe_code)]

pub mod body;
pub mod cluster;
pub mod codec;
pub mod command;
pub mod context;
pub mod kinds;
pub mod mistake;
pub mod picture;
pub mod report;
pub mod sinks;
pub mod sources;
pub mod steps;
pub mod template;
