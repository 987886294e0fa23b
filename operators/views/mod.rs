//! Answers that stay right while frames come, come late, come twice or are corrected: tables, kept by differential
//! dataflow.
//!
//! ```text
//!  Told ──► what is known of each frame, once ──► window ──► the view's own question ──► rows
//! ```
//!
//! A view is told [facts](Fact), one a frame, and keeps a table of [cells](Cell). What it says does not depend on the order
//! in which it was told, and to tell it something twice changes nothing.
//!
//! # Layout
//!
//! * [`cell`]: what stands in a table.
//! * [`fact`]: what a view is told.
//! * [`definition`]: what it is asked, and over which frames.
//! * [`engine`]: the tables of several views: the dataflow.
//! * `view`: one of them: `known` what was told of a frame, `frames`, `last` and `waiting` who is remembered, `window` which
//!   frames count and how time goes by, `past` what forgotten frames weighed, `measure` what a frame weighs.
//! * `ask`: what a question is made of, and the table of them: [`count`], [`occupancy`], [`accuracy`], [`latency`],
//!   [`seen`], [`gaps`], [`top`].

pub mod accuracy;
mod ask;
pub mod cell;
pub mod count;
pub mod definition;
pub mod engine;
pub mod fact;
mod frames;
pub mod gaps;
mod known;
mod last;
pub mod latency;
mod measure;
pub mod occupancy;
mod past;
pub mod seen;
pub mod top;
mod view;
mod waiting;
mod window;

pub use cell::{Cell, Real};
pub use definition::{AccuracyRows, Columns, Definition, LatencyRows, Over, Question, Remember, TopOf};
pub use engine::{Engine, Saved, Size};
pub use fact::{Change, Fact, Told, Truth};
