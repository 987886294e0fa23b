//! Which frames a view is asked of, and how time goes by.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Cell, Definition, Over};
use crate::UnixMillis;

/// Which frames a view is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// All.
    Always,
    /// The last so many of each camera.
    Last(usize),
    /// Those of the last so many milliseconds.
    Sliding(u64),
    /// Those of the last `keep` windows of `every` milliseconds.
    Tumbling { every: u64, keep: u64 },
}

impl Definition {
    pub(super) fn window(&self) -> Window {
        if let Some(frames) = self.ask().looks_back() {
            return Window::Last(frames);
        }
        match self.over {
            Over::AllTime => Window::Always,
            Over::Last => Window::Last(1),
            Over::Sliding(span) => Window::Sliding(millis(span)),
            Over::Tumbling { every, keep } => {
                Window::Tumbling { every: millis(every).max(1), keep: keep.max(1) as u64 }
            }
        }
    }
}

impl Window {
    /// Whether what weighed something goes on to weigh it when it is forgotten.
    pub fn sums(self) -> bool {
        matches!(self, Window::Always | Window::Tumbling { .. })
    }

    /// The first cell of the keys of frames of that time.
    pub fn cell(self, at: UnixMillis) -> Option<Cell> {
        match self {
            Window::Tumbling { every, .. } => Some(UnixMillis(at.0 / every * every).into()),
            _ => None,
        }
    }
}

/// How far time has gone. It never goes back.
///
/// There are two times. `now` is the wall clock, or whatever the engine is given for it: sliding windows go by it. `time` is
/// that of the frames: the latest that was told of, but never ahead of `now`, so that a camera whose clock is wrong makes no
/// other one late. All else goes by it, and so comes out the same when frames are read again a year later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Clock {
    now: UnixMillis,
    /// The latest time of a frame.
    newest: UnixMillis,
    time: UnixMillis,
    /// Frames before this are in no window.
    pub since: UnixMillis,
    /// Frames before this are older than the view's lateness.
    pub settled: UnixMillis,
    /// Frames before this are forgotten.
    pub forgotten: UnixMillis,
}

impl Clock {
    /// A frame of that time was told of.
    pub fn heard(&mut self, at: UnixMillis) {
        self.newest = self.newest.max(at);
    }

    /// Goes on to `now`.
    pub fn advance(&mut self, now: UnixMillis, definition: &Definition, window: Window) {
        self.now = self.now.max(now);
        self.time = self.time.max(self.newest.min(self.now));
        let since = match window {
            Window::Always | Window::Last(_) => 0,
            Window::Sliding(span) => self.now.0.saturating_add(1).saturating_sub(span),
            Window::Tumbling { every, keep } => (self.time.0 / every).saturating_sub(keep - 1) * every,
        };
        let span = match window {
            Window::Sliding(sliding) => millis(definition.remember.span).max(sliding),
            _ => millis(definition.remember.span),
        };
        self.since = self.since.max(UnixMillis(since));
        self.settled =
            self.settled.max(UnixMillis(self.time.0.saturating_add(1).saturating_sub(millis(definition.lateness))));
        self.forgotten = self.forgotten.max(UnixMillis(self.time.0.saturating_sub(span)));
    }

    /// Whether a frame of that time may not come any more.
    pub fn late(&self, at: UnixMillis, window: Window) -> bool {
        match window {
            Window::Tumbling { every, .. } => {
                let end = (at.0 / every).saturating_add(1).saturating_mul(every);
                at < self.forgotten || UnixMillis(end) < self.settled
            }
            _ => at < self.forgotten,
        }
    }

    /// Truths that were told before this wait no longer.
    pub fn patience(&self, definition: &Definition) -> UnixMillis {
        UnixMillis(self.now.0.saturating_sub(millis(definition.remember.span)))
    }

    /// What both have heard of.
    pub fn join(&mut self, other: &Clock) {
        self.now = self.now.max(other.now);
        self.newest = self.newest.max(other.newest);
    }
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
