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

pub mod cell;
pub mod fact;

pub use cell::{Cell, Real};
pub use fact::{Change, Fact, Told, Truth};
