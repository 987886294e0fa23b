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
//! * [`definition`]: what it is asked.
//! * [`engine`]: the tables of several views.

pub mod cell;
pub mod definition;
pub mod engine;
pub mod fact;

pub use cell::{Cell, Real};
pub use definition::{AccuracyRows, Columns, Definition, LatencyRows, Over, Question, Remember, TopOf};
pub use engine::{Engine, Saved, Size};
pub use fact::{Change, Fact, Told, Truth};
