//! Somebody who looks on while frames come to their end on this process: `vigie latency`.

use std::fmt::Debug;
use std::time::Duration;

use operators::Frame;

use crate::account::End;

/// Who looks on. What it is told, it is told on the threads that work: it may not keep them.
pub trait Witness: Debug + Send + Sync {
    /// The steps are done with a record of this frame, and spent so long on it, stage by stage.
    fn worked(&self, frame: &Frame, timings: &[(&'static str, Duration)]);

    /// The frame has ended: all that it led to is durable.
    fn ended(&self, frame: &Frame, end: End);
}
