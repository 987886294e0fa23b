//! Which frames are the last of their camera.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Unbounded};

use super::Fact;
use super::known::Name;
use crate::{Camera, FrameId, UnixMillis};

/// A frame's place in the time of its camera.
type Moment = (UnixMillis, FrameId);

/// The frames of each camera, and which of them are the last.
#[derive(Default)]
pub(super) struct Last {
    cameras: HashMap<Camera, Line>,
    changed: BTreeSet<Camera>,
}

/// The frames of one camera, in the order of their time.
#[derive(Default)]
struct Line {
    all: BTreeSet<Moment>,
    /// The first of the last ones: it and all behind it are in.
    from: Option<Moment>,
    /// How many are in.
    count: usize,
}

impl Last {
    /// A frame has come. Whether it is in for now.
    pub fn insert(&mut self, fact: &Fact) -> bool {
        self.changed.insert(fact.camera.clone());
        let moment = (fact.at, fact.id.clone());
        let line = self.cameras.entry(fact.camera.clone()).or_default();
        let is_in = line.from.as_ref().is_some_and(|from| *from <= moment);
        line.all.insert(moment);
        line.count += usize::from(is_in);
        is_in
    }

    /// A frame is gone.
    pub fn remove(&mut self, fact: &Fact) {
        if let Some(line) = self.cameras.get_mut(&fact.camera) {
            self.changed.insert(fact.camera.clone());
            line.remove((fact.at, fact.id.clone()));
        }
    }

    /// Sees to it that the last `most` of each camera are in, and no other: which frames come in (`true`) and go out for it.
    pub fn choose(&mut self, most: usize) -> Vec<(Name, bool)> {
        let mut turns = Vec::new();
        for camera in std::mem::take(&mut self.changed) {
            let Some(line) = self.cameras.get_mut(&camera) else { continue };
            line.choose(most, |(_, id), is_in| turns.push(((camera.clone(), id), is_in)));
            if line.all.is_empty() {
                self.cameras.remove(&camera);
            }
        }
        turns
    }
}

impl Line {
    fn remove(&mut self, moment: Moment) {
        self.all.remove(&moment);
        if self.from.as_ref().is_some_and(|from| *from <= moment) {
            self.count -= 1;
        }
        if self.from.as_ref() == Some(&moment) {
            self.from = self.after(moment);
        }
    }

    fn choose(&mut self, most: usize, mut turn: impl FnMut(Moment, bool)) {
        while self.count > most {
            let first = self.from.take().expect("where something is in, something is the first of it");
            self.from = self.after(first.clone());
            self.count -= 1;
            turn(first, false);
        }
        while self.count < most
            && let Some(before) = self.before()
        {
            self.from = Some(before.clone());
            self.count += 1;
            turn(before, true);
        }
    }

    fn after(&self, moment: Moment) -> Option<Moment> {
        self.all.range((Excluded(moment), Unbounded)).next().cloned()
    }

    /// The last that is not in.
    fn before(&self) -> Option<Moment> {
        match &self.from {
            Some(from) => self.all.range(..from.clone()).next_back().cloned(),
            None => self.all.last().cloned(),
        }
    }
}
