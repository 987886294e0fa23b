//! Whether one picture may come to a place twice.
//!
//! A way is guarded by what is known of the pictures on it: which source they are from, which pieces they are, and which
//! way they took at branches. Two ways whose guards differ in one of these never bring the same picture; any two others may.

use std::collections::BTreeMap;

use crate::plan::Input;
use crate::steps::Shape;

/// Something that is known of the pictures on a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// Which source they are from.
    Source,
    /// Which step cut them: 0 for whole pictures, else one more than its index.
    Piece,
    /// Which way they took at the branch of that index: 1 or 0.
    Branch(usize),
}

type Guard = BTreeMap<Known, usize>;

/// The guards of the ways that lead to one place, each with where it comes from.
type Ways = Vec<(Guard, Input)>;

/// More ways than these to one place are not told apart.
const MOST: usize = 256;

/// What is known behind each step: of the pictures on its way out, and on its other one.
#[derive(Debug, Default)]
pub struct Guards(Vec<[Ways; 2]>);

/// The guards of all ways of a graph in which every step comes after its inputs.
pub fn guards(steps: &[(Shape, &[Input])]) -> Guards {
    let mut guards = Guards::default();
    // What stood before each `each`, for its `collect`.
    let mut outer = vec![0; steps.len()];
    for (index, (shape, inputs)) in steps.iter().enumerate() {
        let arriving = guards.arriving(inputs);
        let with = |known: Known, value: usize| {
            let add = |(guard, _): &(Guard, Input)| {
                let mut guard = guard.clone();
                guard.insert(known, value);
                (guard, Input::Step(index))
            };
            arriving.iter().map(add).collect::<Ways>()
        };
        let piece = arriving.first().and_then(|(guard, _)| guard.get(&Known::Piece)).copied().unwrap_or_default();
        guards.0.push(match shape {
            // Of a picture that comes twice, one may go this way and one that.
            Shape::Branch if pair(&arriving).is_none() => {
                [with(Known::Branch(index), 1), with(Known::Branch(index), 0)]
            }
            Shape::Line | Shape::Branch => [arriving.clone(), arriving],
            Shape::Each { .. } => {
                outer[index] = piece;
                [with(Known::Piece, index + 1), Vec::new()]
            }
            Shape::Collect => [guards.wholes(steps, piece, outer[piece.saturating_sub(1)], index), Vec::new()],
        });
    }
    guards
}

/// Two ways by which the same picture may come to what takes from these.
pub fn meeting(inputs: &[Input], guards: &Guards) -> Option<[Input; 2]> {
    pair(&guards.arriving(inputs))
}

impl Guards {
    fn arriving(&self, inputs: &[Input]) -> Ways {
        let mut all = Vec::new();
        for input in inputs {
            match *input {
                Input::Source(source) => {
                    all.push((Guard::from([(Known::Source, source), (Known::Piece, 0)]), *input));
                }
                Input::Step(step) => all.extend(self.0[step][0].iter().map(|(guard, _)| (guard.clone(), *input))),
                // Each row is a thing of its own.
                Input::View(_) => {}
                Input::Else(step) => all.extend(self.0[step][1].iter().map(|(guard, _)| (guard.clone(), *input))),
            }
        }
        joined(all)
    }

    /// Behind a `collect` there is every picture that its `each` has cut, once, whatever became of the pieces.
    fn wholes(&self, steps: &[(Shape, &[Input])], piece: usize, outer: usize, collect: usize) -> Ways {
        let Some(each) = piece.checked_sub(1) else { return Vec::new() };
        let mut ways = self.arriving(steps[each].1);
        for (guard, from) in &mut ways {
            guard.insert(Known::Piece, outer);
            *from = Input::Step(collect);
        }
        ways
    }
}

/// Where both ways of a branch come together again, it no longer matters which one was taken.
fn joined(mut ways: Ways) -> Ways {
    let mut at = 0;
    while at < ways.len() {
        let merged = (at + 1..ways.len()).find_map(|other| Some((other, merged(&ways[at].0, &ways[other].0)?)));
        match merged {
            Some((other, guard)) => {
                ways[at].0 = guard;
                ways.remove(other);
                at = 0;
            }
            None => at += 1,
        }
    }
    ways
}

/// Two guards as one, where they differ in the way taken at one branch and in nothing else.
fn merged(one: &Guard, other: &Guard) -> Option<Guard> {
    let same_keys = one.len() == other.len() && one.keys().eq(other.keys());
    let mut differing = one.iter().filter(|(known, value)| other.get(known) != Some(value)).map(|(known, _)| *known);
    match (same_keys, differing.next(), differing.next()) {
        (true, Some(known @ Known::Branch(_)), None) => {
            let mut guard = one.clone();
            guard.remove(&known);
            Some(guard)
        }
        _ => None,
    }
}

/// Two of these ways that may bring the same picture.
fn pair(ways: &Ways) -> Option<[Input; 2]> {
    if ways.len() > MOST {
        return Some([ways[0].1, ways[1].1]);
    }
    let differ =
        |one: &Guard, other: &Guard| one.iter().any(|(known, value)| other.get(known).is_some_and(|v| v != value));
    let second = |(at, (guard, from)): (usize, &(Guard, Input))| {
        ways[at + 1..].iter().find(|(other, _)| !differ(guard, other)).map(|(_, other)| [*from, *other])
    };
    ways.iter().enumerate().find_map(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACES: Shape = Shape::Each { of: None };
    const SOURCE: [Input; 1] = [Input::Source(0)];

    fn meets(steps: &[(Shape, &[Input])], sink: &[Input]) -> bool {
        meeting(sink, &guards(steps)).is_some()
    }

    /// Catches the two ways of a branch that are taken for ways of one picture, and a copy that is not seen.
    #[test]
    fn a_branch_gives_each_picture_one_way_and_two_takers_give_it_two() {
        let (yes, no) = ([Input::Step(0)], [Input::Else(0)]);
        let branch = [(Shape::Branch, &SOURCE[..]), (Shape::Line, &yes[..]), (Shape::Line, &no[..])];
        assert!(!meets(&branch, &[Input::Step(1), Input::Step(2)]));
        assert!(!meets(&branch, &[Input::Step(1), Input::Else(0)]));
        let copies = [(Shape::Line, &SOURCE[..]), (Shape::Line, &SOURCE[..])];
        assert!(meets(&copies, &[Input::Step(0), Input::Step(1)]));
        assert!(meets(&branch, &[Input::Source(0), Input::Step(1)]));
        assert!(!meets(&[], &[Input::Source(0), Input::Source(1)]));
    }

    /// Catches a branch that is trusted although the same picture came to it twice.
    #[test]
    fn a_branch_does_not_tell_copies_apart() {
        let (both, yes, no) = ([Input::Source(0), Input::Step(0)], [Input::Step(1)], [Input::Else(1)]);
        let steps =
            [(Shape::Line, &SOURCE[..]), (Shape::Branch, &both[..]), (Shape::Line, &yes[..]), (Shape::Line, &no[..])];
        assert!(meets(&steps, &[Input::Step(2), Input::Step(3)]));
        assert!(meets(&steps, &[Input::Step(2)]), "both copies may go there");
    }

    /// Catches pieces that are taken for their picture, and a `collect` that is thought to answer for each piece.
    #[test]
    fn pieces_are_not_their_picture() {
        let (face, yes, both) = ([Input::Step(0)], [Input::Step(1)], [Input::Step(2), Input::Else(1)]);
        let steps =
            [(FACES, &SOURCE[..]), (Shape::Branch, &face[..]), (Shape::Line, &yes[..]), (Shape::Collect, &both[..])];
        assert!(!meets(&steps, &[Input::Source(0), Input::Step(0)]));
        assert!(!meets(&steps, &[Input::Step(3)]));
        assert!(meets(&steps, &[Input::Step(3), Input::Source(0)]));
        assert!(!meets(&steps, &[Input::Step(3), Input::Step(2)]));
    }

    /// Catches guards that grow with every branch that is closed again.
    #[test]
    fn thirty_branches_in_a_row_are_one_way() {
        let inputs: Vec<Vec<Input>> = (0..30)
            .map(|at| if at == 0 { SOURCE.to_vec() } else { vec![Input::Step(at - 1), Input::Else(at - 1)] })
            .collect();
        let steps: Vec<_> = inputs.iter().map(|inputs| (Shape::Branch, inputs.as_slice())).collect();
        assert!(!meets(&steps, &[Input::Step(29), Input::Else(29)]));
    }
}
