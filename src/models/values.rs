//! Models that find nothing but say something of a whole picture: classes, or values with names.

use crate::engine::{Feed, Output};

use super::form::{Colours, Form};
use super::sight::Sight;

/// What a model says of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// One of so many classes; whether their odds add up to one in the graph.
    Classes(usize, bool),
    /// Values, each an output with a name.
    Values,
}

/// How a picture goes in whose colours and scale nobody knows: plain.
pub fn form(sight: &Sight<'_>) -> Form {
    let colours = if sight.channels == 1 { Colours::Grey } else { Colours::Rgb };
    Form { layout: sight.layout, ..Form::plain(sight.size_or(224), colours) }
}

/// What a model says, where its outputs are a few numbers each and it finds nothing.
pub fn recognise(sight: &Sight<'_>) -> Option<Says> {
    let few =
        |shape: &&[i64]| shape.iter().all(|size| (1..=30_000).contains(size)) && shape.iter().skip(1).all(|n| *n == 1);
    let outputs = sight.outputs();
    if !outputs.iter().all(few) {
        return None;
    }
    match outputs[..] {
        [[classes, ..]] if *classes > 1 => Some(Says::Classes(*classes as usize, sums_to_one(sight)?)),
        [] => None,
        _ => Some(Says::Values),
    }
}

/// Whether the numbers of one picture are odds.
fn sums_to_one(sight: &Sight<'_>) -> Option<bool> {
    let form = form(sight);
    let feed = Feed { picture: sight.picture, sample: form.sample(), others: Vec::new() };
    let mut session = sight.model.session_of(feed).ok()?;
    let mut odds = false;
    let fill = |_: usize, input: &mut [f32]| {
        input.iter_mut().enumerate().for_each(|(at, value)| *value = (at * 31 % 256) as f32 / 255.0);
    };
    let read = |_: usize, outputs: &[Output<'_>]| {
        let numbers = outputs.first().map_or(&[][..], |output| output.data);
        let between = numbers.iter().all(|value| (-0.001..=1.001).contains(value));
        odds = between && (numbers.iter().sum::<f32>() - 1.0).abs() < 0.01;
    };
    session.run(1, fill, read).ok()?;
    Some(odds)
}
