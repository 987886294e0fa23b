//! What a view is told.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Cell;
use crate::{Camera, FrameId, Number, UnixMillis};

/// What a view is told of one frame (or of one piece of it, which has a name of its own).
///
/// Of two facts about one frame, the one with the greater `version` counts, and of two of one version the greater one: so it
/// does not matter which of them comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fact {
    /// Whose frame it is …
    pub camera: Camera,
    /// … and which: together they are its name.
    pub id: FrameId,
    /// The frame was received then; a correction is a fact of a later time.
    pub version: UnixMillis,
    /// When it happened: the event time.
    pub at: UnixMillis,
    /// The frame's place in its stream.
    pub number: Number,
    /// What the view's `by` says of it, in that order.
    pub by: Vec<Cell>,
    /// What is counted, by name: classes and how often each was found; stages and how many microseconds each took; the
    /// label that the model gave (once). Names differ.
    pub found: Vec<(Arc<str>, i64)>,
    /// What is true, where it came with the frame.
    pub truth: Option<Arc<str>>,
}

/// What is true of a frame, where that comes by itself: before the frame, or after it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Truth {
    /// Whose frame it is …
    pub camera: Camera,
    /// … and which.
    pub id: FrameId,
    /// The truth was received then; of two about one frame the later one counts.
    pub version: UnixMillis,
    /// What is true.
    pub label: Arc<str>,
}

/// Something that views are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Told {
    /// About a frame, for the view of that index.
    Fact(usize, Fact),
    /// What is true, for the view of that index.
    Truth(usize, Truth),
}

/// A row that has come, changed or gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The view, by its index.
    pub view: usize,
    /// What the row is about: it has this key alone.
    pub key: Vec<Cell>,
    /// What it says now; `None` where it is gone.
    pub row: Option<Vec<Cell>>,
}
