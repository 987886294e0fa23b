//! How large the views of a job are, for the metrics page.

use std::sync::{Arc, Mutex, PoisonError};

use operators::views::Size;

/// How large one view is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measure {
    /// Its name.
    pub view: String,
    /// What it holds.
    pub size: Size,
}

/// How large the views of a job are on this process. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Measures(Arc<Mutex<(Vec<Measure>, u64)>>);

impl Measures {
    /// They are so large now, and have so many bytes on disk together.
    pub fn set(&self, measures: Vec<Measure>, bytes: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (measures, bytes);
    }

    /// How large they are, and how many bytes they have on disk together.
    pub fn now(&self) -> (Vec<Measure>, u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
