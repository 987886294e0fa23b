//! Views: tables of a job that are always right.
//!
//! # Layout
//!
//! * [`seed`]: what views know of a frame.
//! * [`showcase`]: the tables, as whoever asks sees them; [`sheet`]: as JSON, CSV and text have them.

pub mod seed;
pub mod sheet;
pub mod showcase;

pub use showcase::{Follower, Mark, News, Showcase, Step, Table};
