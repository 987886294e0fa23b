//! What a frame weighs in a view: what its question says, under the view's keys.

use std::rc::Rc;

use super::ask::{Ask, Item, Key, Weight};
use super::known::Known;
use super::window::Window;
use super::{Cell, Definition, Fact};

/// How a view weighs frames.
pub(super) struct Measure {
    pub window: Window,
    pub ask: Rc<dyn Ask>,
    /// Whether the camera comes before the cells of the fact.
    camera: bool,
}

impl Measure {
    pub fn new(definition: &Definition) -> Self {
        Self { window: definition.window(), ask: definition.ask(), camera: definition.adds_camera() }
    }

    /// What a frame weighs.
    pub fn weigh(&self, known: &Known, mut add: impl FnMut(Key, Item, Weight)) {
        let lead = self.key(&known.fact);
        self.ask.weigh(known, &mut |more, item, weight| add([&lead, more].concat(), item, weight));
    }

    /// What a fact weighs that is too late.
    pub fn weigh_late(&self, fact: &Fact, mut add: impl FnMut(Key, Item, Weight)) {
        let lead = self.key(fact);
        self.ask.weigh_late(fact, &mut |more, item, weight| add([&lead, more].concat(), item, weight));
    }

    /// Whether frames weigh something else once they are older than the view's lateness.
    pub fn settles(&self) -> bool {
        self.ask.settles()
    }

    fn key(&self, fact: &Fact) -> Key {
        let camera = self.camera.then(|| Cell::from(fact.camera.as_str()));
        self.window.cell(fact.at).into_iter().chain(camera).chain(fact.by.iter().cloned()).collect()
    }
}
