//! Pieces of one frame, and rows of one view, that would be written over each other.

use super::{Job, SinkPart};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::plan::{Input, common, nests};
use crate::sinks::Name;
use crate::steps::Shape;

/// What is wrong with the name of what a sink writes, if it gets several pieces of one frame under it.
pub fn by_pieces(job: &Job, part: &SinkPart, context: &Context) -> Option<Mistake> {
    if !gets_pieces(job, part) {
        return None;
    }
    // A mistake in a name is told by the sink itself.
    let names = part.config.names(context).ok()?;
    let name = names.into_iter().find(|name| name.replaces && !name.template.names_the_id())?;
    let what = format!(
        "each piece of a frame would be written over the one before it: put `{{id}}`, of which each piece has its own, into `{}`",
        name.field
    );
    Some(Mistake::at(name.field, what))
}

/// What is wrong with the names of a sink that writes the rows of a view.
pub fn by_rows(part: &SinkPart, context: &Context) -> Option<Mistake> {
    if !part.inputs.iter().any(|input| matches!(input, Input::View(_))) {
        return None;
    }
    let names = part.config.names(context).ok()?;
    let wrong = |Name { field, template, replaces }: Name| {
        let what = match template.has_expressions() {
            true => format!(
                "a row is of no picture that an expression could be about: write `{{camera}}` for the view's name and `{{id}}` for the row's key in `{field}`"
            ),
            false if replaces && !template.names_the_id() => {
                format!("each row would be written over the one before it: put `{{id}}`, the row's key, into `{field}`")
            }
            false => return None,
        };
        Some(Mistake::at(field, what))
    };
    names.into_iter().find_map(wrong)
}

/// Whether pieces come to a sink: from its own inputs, or as what is too large for another one.
fn gets_pieces(job: &Job, part: &SinkPart) -> bool {
    let steps: Vec<(Shape, &[Input])> =
        job.steps.iter().map(|step| (step.config.shape(), step.inputs.as_slice())).collect();
    let nests = nests(&steps);
    let index = job.sinks.iter().position(|sink| sink.name == part.name);
    let givers = job.sinks.iter().filter(|sink| sink.name == part.name || (index.is_some() && sink.overflow == index));
    givers.into_iter().any(|sink| common(&sink.inputs, &nests).is_some_and(|nest| !nest.is_empty()))
}
