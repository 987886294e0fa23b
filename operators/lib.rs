//! Vigie's dataflow operators, on timely alone.
//!
//! ```text
//!  I/O thread ── Inlet│Inbox ── ingest ── batch ── offload(steps) ── offload(sink) ── probe
//!      ▲                         │  ▲                                                   │
//!      └──────── receipt ◄───────┘  └───────────────── the frontier ◄───────────────────┘
//! ```
//!
//! One way. The only thing that comes back is time: when the probe behind the sinks has passed an
//! epoch, all that was derived from the frames of that epoch is durable, on whatever worker, and only
//! then does [`ingest`] hand back their receipts, which acknowledge them to their broker.
//!
//! This crate opens no socket and no file, decodes no picture and runs no model: what it promises can
//! be tested without any of them.
//!
//! # Layout
//!
//! * [`frame`]: the record that travels between workers, and its container on the wire.
//! * [`headers`]: what is said beside a frame.
//! * [`mailbox`]: between an I/O thread and its dataflow.
//! * [`ingest`]: the way in. Window, epochs, receipts.
//! * [`batch`]: exchange, gather, flush the late.
//! * [`offload`]: work on a thread of its own, the capability held until the answer is back.
//! * [`ticks`]: a clock for what has to go on while no record comes.
//! * [`views`]: tables that are always right, on differential dataflow.

#![forbid(unsafe_code)]

pub mod batch;
pub mod broken;
mod company;
pub mod frame;
pub mod headers;
pub mod ingest;
pub mod mailbox;
pub mod offload;
pub mod ticks;
pub mod views;

pub use batch::{Batch, BatchFrames, Cause, Partition};
pub use frame::{
    Camera, Fault, Flaw, Frame, FrameBatch, FrameId, Number, Origin, Reason, Setting, Settings, UnixMillis,
};
pub use headers::Headers;
pub use ingest::{Meter, Window, ingest};
pub use mailbox::{Closer, Inbox, Inlet, Receipts, mailbox};
pub use offload::{Load, Offload, Work};
pub use ticks::Ticks;

/// A dataflow's time: the wall clock in milliseconds since 1970.
pub type Epoch = u64;
