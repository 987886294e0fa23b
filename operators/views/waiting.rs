//! Truths that came before their frames.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Truth;
use super::known::Name;
use crate::UnixMillis;

/// Truths that wait for their frames: one a frame, the latest.
#[derive(Default)]
pub(super) struct Waiting {
    truths: HashMap<Name, (UnixMillis, Arc<str>)>,
    by_time: BTreeSet<(UnixMillis, Name)>,
}

impl Waiting {
    pub fn add(&mut self, Truth { camera, id, version, label }: Truth) {
        let name = (camera, id);
        let told = self.take(&name).max(Some((version, label))).expect("the greater of something and perhaps nothing");
        self.by_time.insert((told.0, name.clone()));
        self.truths.insert(name, told);
    }

    /// The truth of a frame that has come.
    pub fn take(&mut self, name: &Name) -> Option<(UnixMillis, Arc<str>)> {
        let told = self.truths.remove(name)?;
        self.by_time.remove(&(told.0, name.clone()));
        Some(told)
    }

    /// Gives up those that came before that time, and the oldest of more than `most`.
    pub fn forget(&mut self, before: UnixMillis, most: usize) {
        while let Some((version, name)) = self.by_time.first()
            && (*version < before || self.by_time.len() > most)
        {
            self.truths.remove(name);
            self.by_time.pop_first();
        }
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Truth> {
        self.by_time.iter().map(|(version, name)| Truth {
            camera: name.0.clone(),
            id: name.1.clone(),
            version: *version,
            label: self.truths[name].1.clone(),
        })
    }
}
