//! Vigie, the lookout: camera frames in, batches of three through an ONNX model, pictures with boxes out.

pub mod body;
pub mod check;
pub mod clock;
pub mod codec;
pub mod context;
pub mod http;
pub mod job;
pub mod kinds;
pub mod letter;
pub mod live;
pub mod metrics;
pub mod mistake;
pub mod paint;
pub mod picture;
pub mod plan;
pub mod render;
pub mod report;
pub mod settle;
pub mod sinks;
pub mod sources;
pub mod steps;
pub mod template;
pub mod units;
pub mod write;
