//! Parts of a job while its file is read: each has its table, and not yet its neighbours.

use std::ops::Range;

use super::graph::{Node, Role};
use super::{Part, Spots};
use crate::plan::Input;
use crate::sources::{Holds, SourceConfig};
use crate::steps::{Shape, StepConfig};
use crate::write::Write;

/// A part as it was read; its config is missing where something is wrong with it.
pub struct Draft<C: ?Sized> {
    pub name: String,
    pub from: Option<Vec<(String, Range<usize>)>>,
    pub write: Vec<Write>,
    pub overflow: Option<(String, Range<usize>)>,
    pub config: Option<Box<C>>,
    pub spots: Spots,
}

impl<C: ?Sized> Draft<C> {
    fn node(&self, role: Role, index: usize) -> Node {
        let table = self.spots.table.clone().unwrap_or_default();
        let (name, from) = (self.name.clone(), self.from.clone());
        let gives = role != Role::Sink;
        Node { role, index, name, table, shape: Shape::Line, finds: false, gives, from }
    }

    pub fn part(self, inputs: Vec<Input>, overflow: Option<usize>) -> Option<Part<C>> {
        Some(Part { name: self.name, inputs, config: self.config?, write: self.write, overflow, spots: self.spots })
    }
}

/// The nodes of these drafts.
pub fn nodes_of<C: ?Sized>(drafts: &[Draft<C>], role: Role) -> Vec<Node> {
    drafts.iter().enumerate().map(|(index, draft)| draft.node(role, index)).collect()
}

/// A source's node: one that holds what is true gives no pictures.
pub fn source_node(draft: &Draft<dyn SourceConfig>, index: usize) -> Node {
    let gives = draft.config.as_ref().is_none_or(|config| config.holds() == Holds::Pictures);
    Node { gives, ..draft.node(Role::Source, index) }
}

/// A step's node, which says more.
pub fn step_node(draft: &Draft<dyn StepConfig>, index: usize) -> Node {
    let node = draft.node(Role::Step, index);
    match &draft.config {
        Some(config) => Node { shape: config.shape(), finds: config.finds(), ..node },
        None => node,
    }
}

/// The drafts as parts, each with what it takes from and where it overflows to.
pub fn complete<C: ?Sized>(
    drafts: Vec<Draft<C>>,
    edges: impl Fn(usize) -> (Vec<Input>, Option<usize>),
) -> Option<Vec<Part<C>>> {
    let part = |(index, draft): (usize, Draft<C>)| {
        let (inputs, overflow) = edges(index);
        draft.part(inputs, overflow)
    };
    drafts.into_iter().enumerate().map(part).collect()
}
