//! What a view is asked, and over which frames.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::window::Window;

/// One view: what is asked, and of what.
///
/// ```
/// use operators::views::{Definition, Over, Question};
/// use std::time::Duration;
///
/// let rooms = Definition {
///     by: vec!["camera".to_owned()],
///     over: Over::Tumbling { every: Duration::from_secs(60), keep: 60 },
///     ..Definition::new("rooms", Question::Count { classes: true })
/// };
/// assert_eq!(rooms.columns().key, ["window", "camera", "class"]);
/// assert_eq!(rooms.columns().row, ["frames", "count"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Definition {
    /// What people call it.
    pub name: String,
    /// What is asked.
    pub question: Question,
    /// The names of [`Fact::by`](super::Fact::by), in that order.
    pub by: Vec<String>,
    /// Which frames it is asked of.
    pub over: Over,
    /// How late a frame may come and still correct its window; in `gaps`, how long a missing number may still come.
    pub lateness: Duration,
    /// How long a frame is remembered.
    pub remember: Remember,
}

/// How long a frame is remembered: so long it counts once however often it is told, and can be corrected.
///
/// What is forgotten stays in sums (of all time, and of tumbling windows). A fact that is older than what is remembered is
/// late: it is counted as such and not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Remember {
    /// So long, in the time of the frames. A sliding window that is longer counts instead.
    pub span: Duration,
    /// At most so many frames; of more, the oldest are forgotten.
    pub frames: usize,
}

impl Default for Remember {
    fn default() -> Self {
        Self { span: Duration::from_secs(600), frames: 100_000 }
    }
}

/// Which frames a view is asked of. [`Question::Occupancy`] is always of the last frames of each camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Over {
    /// All there ever were.
    #[default]
    AllTime,
    /// The last frame of each camera, by its time. A camera that is silent for as long as a frame is remembered has none.
    Last,
    /// Frames that are at most so old, by the clock.
    Sliding(Duration),
    /// Windows that lie side by side, counted from 1970. The start of the window is the first column of the key.
    Tumbling {
        /// How long each is, at least a millisecond.
        every: Duration,
        /// How many windows have rows: the one that goes on and those before it.
        keep: usize,
    },
}

/// What is asked. Each has a file of its own, which says what its columns mean.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Question {
    /// How often things were found: [`count`](super::count).
    Count {
        /// A row for each class, instead of one for all.
        classes: bool,
    },
    /// How many are there now, without flicker: [`occupancy`](super::occupancy).
    Occupancy {
        /// The median of so many frames counts; at least 1.
        frames: usize,
    },
    /// How often the label is true: [`accuracy`](super::accuracy).
    Accuracy {
        /// What has a row.
        rows: AccuracyRows,
    },
    /// How long stages took: [`latency`](super::latency).
    Latency {
        /// What has a row.
        rows: LatencyRows,
    },
    /// Which frames came, and how often again: [`seen`](super::seen).
    Seen,
    /// Which numbers did not come: [`gaps`](super::gaps).
    Gaps,
    /// Who has most: [`top`](super::top).
    Top {
        /// So many ranks; at least 1.
        most: usize,
        /// What is ranked.
        of: TopOf,
    },
}

/// What has a row in a view of accuracy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AccuracyRows {
    /// Each key.
    #[default]
    Total,
    /// Each key and true label.
    Class,
    /// Each key, true label and label that was given.
    Confusion,
}

/// What has a row in a view of latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LatencyRows {
    /// Each key and stage: percentiles.
    #[default]
    Stages,
    /// Each key, stage and span of time: the distribution, for a picture of it.
    Buckets,
}

/// What is ranked in a view of the top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TopOf {
    /// Frames.
    #[default]
    Frames,
    /// What was found in them.
    Found,
}

/// The names of a table's columns, in the order of the cells of a [`Change`](super::Change).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// What a row is about. `window` is the start of a window in milliseconds since 1970.
    pub key: Vec<String>,
    /// What it says. `first`, `last` and `since` are milliseconds since 1970; `share` is from 0 to 1.
    pub row: Vec<String>,
}

impl Definition {
    /// A view of all frames of all time, by nothing, with the defaults: 10 s of lateness, 10 minutes or 100,000 frames
    /// remembered.
    pub fn new(name: &str, question: Question) -> Self {
        Self {
            name: name.to_owned(),
            question,
            by: Vec::new(),
            over: Over::AllTime,
            lateness: Duration::from_secs(10),
            remember: Remember::default(),
        }
    }

    /// The names of its columns.
    pub fn columns(&self) -> Columns {
        let Columns { key, row } = self.ask().columns(self.key());
        let window = matches!(self.window(), Window::Tumbling { .. }).then(|| "window".to_owned());
        Columns { key: window.into_iter().chain(key).collect(), row }
    }

    /// The names of the cells that every key has.
    fn key(&self) -> Vec<String> {
        let camera = self.adds_camera().then(|| "camera".to_owned());
        camera.into_iter().chain(self.by.iter().cloned()).collect()
    }

    /// A question about cameras is by camera, whether its `by` says so or not.
    pub(super) fn adds_camera(&self) -> bool {
        self.ask().of_camera() && !self.by.iter().any(|name| name == "camera")
    }
}
