//! The frames that a view remembers.

use std::collections::{BTreeSet, HashMap};

use super::known::{Known, Name};
use crate::{Camera, FrameId, UnixMillis};

/// A frame that is remembered.
pub(super) struct Slot {
    /// What is known of it.
    pub known: Known,
    /// Whether it weighs something: whether it is in the view's window.
    pub weighs: bool,
}

/// Frames by name and by time.
#[derive(Default)]
pub(super) struct Frames {
    by_name: HashMap<Name, Slot>,
    by_time: BTreeSet<(UnixMillis, Name)>,
}

impl Frames {
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn contains(&self, name: &Name) -> bool {
        self.by_name.contains_key(name)
    }

    pub fn get_mut(&mut self, name: &Name) -> Option<&mut Slot> {
        self.by_name.get_mut(name)
    }

    pub fn insert(&mut self, name: Name, slot: Slot) {
        self.by_time.insert((slot.known.fact.at, name.clone()));
        self.by_name.insert(name, slot);
    }

    pub fn remove(&mut self, name: &Name) -> Option<Slot> {
        let slot = self.by_name.remove(name)?;
        self.by_time.remove(&(slot.known.fact.at, name.clone()));
        Some(slot)
    }

    /// The oldest: when, and which.
    pub fn oldest(&self) -> Option<(UnixMillis, Name)> {
        self.by_time.first().cloned()
    }

    /// The names of those from one time to before another.
    pub fn between(&self, from: UnixMillis, until: UnixMillis) -> Vec<Name> {
        let start = (from, (Camera::from(""), FrameId::from("")));
        let times = self.by_time.range(start..).take_while(|(at, _)| *at < until);
        times.map(|(_, name)| name.clone()).collect()
    }

    /// All, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Known> {
        self.by_time.iter().map(|(_, name)| &self.by_name[name].known)
    }
}
