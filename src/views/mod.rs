//! Views: answers that stay right while frames come.

pub mod truth;
