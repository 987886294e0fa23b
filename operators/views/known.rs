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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known() -> impl Strategy<Value = Known> {
        (0..4_u64, 0..3_i64, prop::option::of((0..4_u64, "[ab]"))).prop_map(|(version, count, told)| {
            let mut known = Known::from(Fact {
                camera: "yard".into(),
                id: "1".into(),
                version: UnixMillis(version),
                at: UnixMillis(0),
                number: Default::default(),
                by: vec![],
                found: vec![("cat".into(), count)],
                truth: None,
            });
            told.into_iter().for_each(|(version, label)| known.tell(UnixMillis(version), label.into()));
            known
        })
    }

    fn together(parts: impl Iterator<Item = Known>) -> Option<Known> {
        parts.reduce(|mut all, part| {
            all.absorb(part);
            all
        })
    }

    proptest! {
        /// Catches knowledge that depends on the order in which it was heard, on who put it together, or on how often.
        #[test]
        fn who_has_heard_the_same_knows_the_same(parts in prop::collection::vec(known(), 2..7), cut in 1..6_usize) {
            let cut = cut.min(parts.len() - 1);
            let all = together(parts.iter().cloned());
            let halves = [&parts[cut..], &parts[..cut]].map(|half| together(half.iter().cloned()));
            prop_assert_eq!(&together(halves.into_iter().flatten()), &all);
            prop_assert_eq!(&together(parts.iter().chain(&parts).rev().cloned()), &all);
            let versions = parts.iter().map(|part| part.fact.version).collect::<std::collections::BTreeSet<_>>();
            prop_assert_eq!(all.map(|all| (all.again(), all.came())), versions.first().map(|&first| (versions.len() as i64 - 1, first)));
        }
    }
}
