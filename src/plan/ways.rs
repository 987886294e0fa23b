//! The ways of a job's graph: who takes from whom, and which pieces go along them. Known before any frame comes.

use crate::steps::Shape;

/// What a step or a sink takes pictures from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Input {
    /// A source, by its index in the job.
    Source(usize),
    /// A step, by its index in the job; of a branch, the way of what fits.
    Step(usize),
    /// The other way out of a branch, by its index in the job.
    Else(usize),
    /// The rows of a view, by its index in the job: no pictures. For sinks alone.
    View(usize),
}

impl Input {
    /// The step that it comes out of, by its index in the job.
    pub fn step(self) -> Option<usize> {
        match self {
            Self::Source(_) | Self::View(_) => None,
            Self::Step(index) | Self::Else(index) => Some(index),
        }
    }
}

/// The pieces that go along a way: the `each` steps that cut them, the last one innermost. Whole pictures: none.
pub type Nest = Vec<usize>;

/// What goes along the ways out of each step, where all its inputs agree; `None` for a step where they don't, or for a
/// `collect` of what are no pieces, and for all that takes from these.
pub fn nests(steps: &[(Shape, &[Input])]) -> Vec<Option<Nest>> {
    let mut nests: Vec<Option<Nest>> = Vec::with_capacity(steps.len());
    for (index, (shape, inputs)) in steps.iter().enumerate() {
        let inner = common(inputs, &nests);
        nests.push(match shape {
            Shape::Line | Shape::Branch => inner,
            Shape::Each { .. } => inner.map(|nest| [nest, vec![index]].concat()),
            Shape::Collect => inner.filter(|nest| !nest.is_empty()).map(|nest| nest[..nest.len() - 1].to_vec()),
        });
    }
    nests
}

/// What comes along all of these ways, if it is the same.
pub fn common(inputs: &[Input], nests: &[Option<Nest>]) -> Option<Nest> {
    let of = |input: &Input| match input {
        Input::Source(_) | Input::View(_) => Some(Vec::new()),
        Input::Step(index) | Input::Else(index) => nests[*index].clone(),
    };
    let mut all = inputs.iter().map(of);
    let first = all.next().unwrap_or_else(|| Some(Vec::new()))?;
    all.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

/// Who takes from whom.
#[derive(Debug, Default)]
pub struct Ways {
    /// The steps that take from each source, each step, and each branch's other way.
    sources: Vec<Vec<usize>>,
    steps: Vec<Vec<usize>>,
    others: Vec<Vec<usize>>,
    /// The `each` that a `collect` belongs to.
    pub closes: Vec<Option<usize>>,
    /// The `collect` steps of an `each`, in their order.
    pub collects: Vec<Vec<usize>>,
    /// Whether what comes out of one step may come to another.
    leads: Vec<Vec<bool>>,
}

impl Ways {
    /// The ways of a graph that is sound: a step comes after all its inputs, and each `collect` takes pieces of one `each`.
    pub fn of(steps: &[(Shape, &[Input])]) -> Self {
        let count = steps.len();
        let nests = nests(steps);
        let mut ways = Self {
            sources: Vec::new(),
            steps: vec![Vec::new(); count],
            others: vec![Vec::new(); count],
            closes: vec![None; count],
            collects: vec![Vec::new(); count],
            leads: vec![vec![false; count]; count],
        };
        for (index, (shape, inputs)) in steps.iter().enumerate() {
            inputs.iter().for_each(|input| ways.add(*input, index));
            if *shape == Shape::Collect
                && let Some(each) = common(inputs, &nests).and_then(|nest| nest.last().copied())
            {
                ways.closes[index] = Some(each);
                ways.collects[each].push(index);
            }
        }
        ways
    }

    fn add(&mut self, input: Input, taker: usize) {
        match input {
            Input::Source(source) => {
                let rows = self.sources.len().max(source + 1);
                self.sources.resize(rows, Vec::new());
                self.sources[source].push(taker);
            }
            Input::Step(from) | Input::Else(from) => {
                let takers = if input == Input::Step(from) { &mut self.steps } else { &mut self.others };
                takers[from].push(taker);
                for before in 0..from {
                    self.leads[before][taker] |= self.leads[before][from];
                }
                self.leads[from][taker] = true;
            }
            // A step takes no rows.
            Input::View(_) => {}
        }
    }

    /// The steps that take from there, in their order.
    pub fn takers(&self, input: Input) -> &[usize] {
        match input {
            Input::Source(source) => self.sources.get(source).map_or(&[], Vec::as_slice),
            Input::Step(step) => &self.steps[step],
            Input::Else(step) => &self.others[step],
            Input::View(_) => &[],
        }
    }

    /// Whether what comes out of one step may come to another.
    pub fn leads(&self, from: usize, to: usize) -> bool {
        self.leads[from][to]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACES: Shape = Shape::Each { of: None };

    /// Catches a way that is taken for one of whole pictures, and a `collect` that closes an outer `each`.
    #[test]
    fn pieces_of_pieces_are_collected_from_the_inside() {
        let from = |step| [Input::Step(step)];
        let inputs = [[Input::Source(0)], from(0), from(1), from(2), from(3)];
        let shapes = [FACES, FACES, Shape::Line, Shape::Collect, Shape::Collect];
        let steps: Vec<_> = shapes.into_iter().zip(inputs.iter().map(|input| &input[..])).collect();
        let all: Vec<_> = nests(&steps).into_iter().map(Option::unwrap).collect();
        assert_eq!(all, [vec![0], vec![0, 1], vec![0, 1], vec![0], vec![]]);
        let ways = Ways::of(&steps);
        assert_eq!(ways.closes, [None, None, None, Some(1), Some(0)]);
        assert_eq!(ways.collects, [vec![4], vec![3], vec![], vec![], vec![]]);
        assert!(ways.leads(0, 4) && ways.leads(2, 3) && !ways.leads(3, 2));
    }

    /// Catches whole pictures and pieces that a `collect` would take together.
    #[test]
    fn what_is_mixed_has_no_nest() {
        let (source, both) = ([Input::Source(0)], [Input::Source(0), Input::Step(0)]);
        let steps = [(FACES, &source[..]), (Shape::Line, &both[..]), (Shape::Collect, &source[..])];
        assert_eq!(nests(&steps), [Some(vec![0]), None, None]);
    }
}
