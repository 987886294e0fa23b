//! Vigie, the lookout: camera frames in, batches of three through an ONNX model, pictures with boxes out.

#![forbid(unsafe_code)]

pub mod board;
pub mod body;
pub mod broker;
pub mod camera;
pub mod check;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod codec;
pub mod command;
pub mod context;
pub mod delivery;
pub mod engine;
pub mod http;
pub mod job;
pub mod kafka;
pub mod kinds;
pub mod letter;
pub mod live;
pub mod metrics;
pub mod mistake;
pub mod models;
pub mod mqtt;
pub mod onnx;
pub mod paint;
pub mod picture;
pub mod plan;
pub mod render;
pub mod report;
pub mod run;
pub mod settle;
pub mod setup;
pub mod signal;
pub mod sinks;
pub mod sources;
pub mod steps;
pub mod template;
pub mod truth;
pub mod units;
pub mod worker;
pub mod write;
