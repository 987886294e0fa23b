//! What `kind = "…"` of a view may say. The questions themselves are the engine's: `operators::views`.

pub mod accuracy;
pub mod count;
pub mod gaps;
pub mod latency;
pub mod occupancy;
pub mod seen;
pub mod top;

use super::ViewConfig;
use crate::kinds::Kind;

/// Every kind of view, by the name a job file gives it.
pub const KINDS: &[Kind<dyn ViewConfig>] = &[
    crate::kind!("accuracy", accuracy::Accuracy),
    crate::kind!("count", count::Count),
    crate::kind!("gaps", gaps::Gaps),
    crate::kind!("latency", latency::Latency),
    crate::kind!("occupancy", occupancy::Occupancy),
    crate::kind!("seen", seen::Seen),
    crate::kind!("top", top::Top),
];
