//! What stands in a table.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::UnixMillis;

/// One cell of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Cell {
    /// A whole number.
    Whole(i64),
    /// A number.
    Real(Real),
    /// A text.
    Text(Arc<str>),
    /// Nothing: the share of nothing, the time of what never was.
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Real(Real(number))
    }
}

/// In milliseconds since 1970.
impl From<UnixMillis> for Cell {
    fn from(time: UnixMillis) -> Self {
        Self::Whole(i64::try_from(time.0).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Whole(number) => number.fmt(f),
            Cell::Real(Real(number)) => number.fmt(f),
            Cell::Text(text) => text.fmt(f),
            Cell::Empty => Ok(()),
        }
    }
}

/// A number that has its place among all others: by IEEE 754's total order, so that it can be a key.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Real(pub f64);

impl Ord for Real {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Real {}

impl Hash for Real {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}
