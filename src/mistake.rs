//! What a user did wrong, in words that lead to the mend.

use std::fmt;
use std::ops::Range;

/// One mistake in what a user gave: a sentence that says what is wrong, and what to do.
///
/// A component knows the field; `job.rs` turns the field into file, line and column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The key of the part's table that is wrong, if it is one key.
    pub field: Option<&'static str>,
    /// What is wrong and what to do, without a full stop at the end.
    pub what: String,
    /// The bytes of the job file that are wrong; filled in by `job.rs`.
    pub span: Option<Range<usize>>,
}

impl Mistake {
    /// A mistake that is not one key's.
    pub fn new(what: impl Into<String>) -> Self {
        Self { field: None, what: what.into(), span: None }
    }

    /// A mistake in the value of `field`.
    pub fn at(field: &'static str, what: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::new(what) }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Mistake {}
