//! What is known of one frame.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Fact;
use crate::{Camera, FrameId, UnixMillis};

/// What names a frame.
pub(super) type Name = (Camera, FrameId);

/// All that was told of one frame, as far as it counts.
///
/// To [`absorb`](Self::absorb) is commutative, associative and idempotent: whoever has heard the same knows the same,
/// however often and in whatever order it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// The fact that counts: the greatest.
    pub fact: Fact,
    /// The versions of the others, without the one that counts, in order: how often it came again.
    others: Vec<UnixMillis>,
    /// The truth that was told by itself, and when.
    told: Option<(UnixMillis, Arc<str>)>,
    /// Whether it is older than the view's lateness.
    #[serde(skip)]
    pub settled: bool,
}

impl Known {
    pub fn name(&self) -> Name {
        (self.fact.camera.clone(), self.fact.id.clone())
    }

    /// What is true of it. What was told by itself is somebody's correction of what came with the frame.
    pub fn truth(&self) -> Option<&Arc<str>> {
        self.told.as_ref().map(|(_, label)| label).or(self.fact.truth.as_ref())
    }

    /// How often it came again.
    pub fn again(&self) -> i64 {
        self.others.len() as i64
    }

    /// When it came first.
    pub fn came(&self) -> UnixMillis {
        self.others.first().map_or(self.fact.version, |&first| first.min(self.fact.version))
    }

    /// Adds what was told of its truth.
    pub fn tell(&mut self, version: UnixMillis, label: Arc<str>) {
        self.told = self.told.take().max(Some((version, label)));
    }

    /// Adds what somebody else knows of the same frame.
    pub fn absorb(&mut self, mut other: Known) {
        let version = self.fact.version;
        if other.fact > self.fact {
            std::mem::swap(&mut self.fact, &mut other.fact);
        }
        self.others.extend(other.others.into_iter().chain([version, other.fact.version]));
        self.others.sort_unstable();
        self.others.dedup();
        self.others.retain(|&version| version != self.fact.version);
        self.told = self.told.take().max(other.told);
    }
}

impl From<Fact> for Known {
    fn from(fact: Fact) -> Self {
        Self { fact, others: Vec::new(), told: None, settled: false }
    }
}
