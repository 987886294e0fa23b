//! Which part takes its pictures from which.

use std::ops::Range;

use crate::job::{twice, words};
use crate::mistake::Mistake;
use crate::plan::{Input, Ways, common, nests};
use crate::steps::Shape;

/// What a part does with pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Source,
    Step,
    View,
    Sink,
}

/// A part as its neighbours see it.
#[derive(Debug)]
pub struct Node {
    pub role: Role,
    /// Its place among the parts of its role.
    pub index: usize,
    pub name: String,
    pub table: Range<usize>,
    /// What a step does to the ways of the graph.
    pub shape: Shape,
    /// Whether a step finds things.
    pub finds: bool,
    /// Whether it has pictures for others.
    pub gives: bool,
    /// The names of its `from`, if it has one.
    pub from: Option<Vec<(String, Range<usize>)>>,
}

impl Node {
    /// The pictures that others take from it. A view gives rows, a sink nothing.
    fn output(&self) -> Option<Input> {
        match self.role {
            _ if !self.gives => None,
            Role::Source => Some(Input::Source(self.index)),
            Role::Step => Some(Input::Step(self.index)),
            Role::View | Role::Sink => None,
        }
    }

    pub fn header(&self) -> String {
        let role = match self.role {
            Role::Source => "source",
            Role::Step => "step",
            Role::View => "view",
            Role::Sink => "sink",
        };
        format!("[{role}.{}]", self.name)
    }
}

pub fn at(span: &Range<usize>, what: String) -> Mistake {
    Mistake { span: Some(span.clone()), ..Mistake::new(what) }
}

/// What each of `nodes`, which stand in the order of the file, takes its pictures from; and what is worth knowing
/// although it is not wrong. Where parts are `lost`, nothing is said of parts that are missing.
pub fn connect(nodes: &[Node], lost: bool, wrong: &mut Vec<Mistake>) -> (Vec<Vec<Input>>, Vec<Mistake>) {
    let before = wrong.len();
    let inputs: Vec<Vec<Input>> = (0..nodes.len()).map(|place| inputs(nodes, place, wrong)).collect();
    check_names(nodes, wrong);
    if !lost {
        check_roles(nodes, wrong);
    }
    // What is said of the ways may be the echo of another mistake.
    if lost || wrong.len() > before {
        return (inputs, Vec::new());
    }
    // A step whose table is wrong does not say what it does to the ways.
    if wrong.is_empty() {
        let graph = Graph::of(nodes, &inputs);
        graph.check_pieces(wrong);
        graph.check_sinks(wrong);
    }
    let notes = check_use(nodes, &inputs, wrong);
    (inputs, notes)
}

/// A graph in which every part has its inputs.
struct Graph<'a> {
    nodes: &'a [Node],
    inputs: &'a [Vec<Input>],
    /// The steps, in the order of their indexes, by their place among the nodes.
    places: Vec<usize>,
    steps: Vec<(Shape, &'a [Input])>,
}

impl<'a> Graph<'a> {
    fn of(nodes: &'a [Node], inputs: &'a [Vec<Input>]) -> Self {
        let mut places: Vec<_> = (0..nodes.len()).filter(|place| nodes[*place].role == Role::Step).collect();
        places.sort_by_key(|place| nodes[*place].index);
        let steps = places.iter().map(|place| (nodes[*place].shape.clone(), inputs[*place].as_slice())).collect();
        Self { nodes, inputs, places, steps }
    }

    /// The step of that index.
    fn step(&self, index: usize) -> &Node {
        &self.nodes[self.places[index]]
    }

    /// Pieces are cut from what was found, and collected where there are any; nothing takes pieces and whole pictures
    /// together, or pieces of two kinds.
    fn check_pieces(&self, wrong: &mut Vec<Mistake>) {
        let (nests, ways) = (nests(&self.steps), Ways::of(&self.steps));
        for (index, (shape, inputs)) in self.steps.iter().enumerate() {
            let node = self.step(index);
            let sound = inputs.iter().all(|input| match input {
                Input::Source(_) | Input::View(_) => true,
                Input::Step(from) | Input::Else(from) => nests[*from].is_some(),
            });
            let what = match (common(inputs, &nests), shape) {
                _ if !sound => continue,
                (None, _) => {
                    "this step would take pieces and whole pictures together, or pieces of two kinds: \
                     name parts in `from` that give the same"
                }
                (Some(nest), Shape::Collect) if nest.is_empty() => {
                    "nothing is in pieces here: name parts in `from` that come after an `each`"
                }
                (Some(_), Shape::Each { of }) => match self.finder(index, of.as_deref(), &ways) {
                    Ok(()) => continue,
                    Err(what) => {
                        wrong.push(at(&node.table, what));
                        continue;
                    }
                },
                _ => continue,
            };
            wrong.push(at(&node.table, what.to_owned()));
        }
    }

    /// Whether something finds what an `each` cuts out.
    fn finder(&self, each: usize, of: Option<&str>, ways: &Ways) -> Result<(), String> {
        let before: Vec<_> = (0..each).filter(|step| ways.leads(*step, each)).map(|step| self.step(step)).collect();
        let finders: Vec<_> = before.iter().filter(|node| node.finds).map(|node| node.name.as_str()).collect();
        match of {
            None if finders.is_empty() => {
                Err("nothing is found before it, so that there is nothing to cut out: put a `detect` before it"
                    .to_owned())
            }
            Some(of) if !finders.contains(&of) && before.iter().any(|node| node.name == of) => {
                Err(format!("`of` names `{of}`, which finds nothing: name a `detect` step before it"))
            }
            Some(of) if !finders.contains(&of) => Err(words::unknown("step", of, &finders)),
            _ => Ok(()),
        }
    }

    /// No sink is given one thing twice under the same name.
    fn check_sinks(&self, wrong: &mut Vec<Mistake>) {
        let guards = twice::guards(&self.steps);
        for (node, inputs) in self.nodes.iter().zip(self.inputs).filter(|(node, _)| node.role == Role::Sink) {
            if let Some([one, other]) = twice::meeting(inputs, &guards) {
                let (one, other) = (self.name(one), self.name(other));
                let ways = match one == other {
                    true => format!("by two ways that meet in `{one}`"),
                    false => format!("from `{one}` and from `{other}`"),
                };
                let what = format!(
                    "a picture may come to {} twice under one name, {ways}: give each of them a sink of its own",
                    node.header()
                );
                wrong.push(at(&node.table, what));
            }
        }
    }

    /// What `from` says to take from there.
    fn name(&self, input: Input) -> String {
        match input {
            Input::Source(index) => {
                let is_it = |node: &&Node| node.role == Role::Source && node.index == index;
                self.nodes.iter().find(is_it).map(|node| node.name.clone()).unwrap_or_default()
            }
            Input::Step(index) => self.step(index).name.clone(),
            Input::Else(index) => format!("{}{ELSE}", self.step(index).name),
            Input::View(_) => String::new(),
        }
    }
}

/// What follows the name of a branch where its other way is meant.
pub const ELSE: &str = ".else";

fn inputs(nodes: &[Node], place: usize, wrong: &mut Vec<Mistake>) -> Vec<Input> {
    let node = &nodes[place];
    match (&node.from, node.role) {
        (None, Role::Source) => Vec::new(),
        (Some(_), Role::Source) => {
            wrong.push(at(&node.table, "a source takes pictures from no other part: remove its `from`".to_owned()));
            Vec::new()
        }
        (None, _) => match nodes[..place].iter().rev().find_map(Node::output) {
            Some(input) => vec![input],
            None => {
                // Where there is no source at all, that is what has to be said.
                if nodes.iter().any(|node| node.role == Role::Source) {
                    let what = format!("no part stands before {}: move a source up", node.header());
                    wrong.push(at(&node.table, what));
                }
                Vec::new()
            }
        },
        (Some(names), _) => {
            let mut inputs = Vec::new();
            for (name, span) in names {
                match named(nodes, place, name) {
                    Ok(input) if inputs.contains(&input) => {
                        wrong.push(at(span, format!("`from` names `{name}` twice: remove one of the two")));
                    }
                    Ok(input) => inputs.push(input),
                    Err(what) => wrong.push(at(span, what)),
                }
            }
            let rows = inputs.iter().filter(|input| matches!(input, Input::View(_))).count();
            if rows > 0 && rows < inputs.len() {
                let what = "a sink takes pictures or the rows of views, and not both: give each a sink of its own";
                wrong.push(at(&node.table, what.to_owned()));
            }
            inputs
        }
    }
}

/// What the part at `place` means by a name in its `from`.
fn named(nodes: &[Node], place: usize, name: &str) -> Result<Input, String> {
    let before: Vec<_> = nodes[..place].iter().filter(|node| node.output().is_some()).collect();
    if let Some(node) = before.iter().find(|node| node.name == name) {
        return Ok(node.output().expect("filtered"));
    }
    let branch = name.strip_suffix(ELSE).and_then(|name| before.iter().find(|node| node.name == name));
    if let Some(node) = branch {
        return match node.shape {
            Shape::Branch => Ok(Input::Else(node.index)),
            _ => Err(format!("`{}` has one way out, as it is no branch: name it without `{ELSE}`", node.name)),
        };
    }
    if let Some(view) = nodes[..place].iter().find(|node| node.name == name && node.role == Role::View) {
        return match nodes[place].role {
            Role::Sink => Ok(Input::View(view.index)),
            _ => Err(format!("`{name}` is a view and gives rows to sinks, not pictures: name a source or a step")),
        };
    }
    match nodes.iter().position(|node| node.name == name) {
        Some(other) if other == place => {
            Err(format!("`{name}` can't take pictures from itself: name a part before it"))
        }
        Some(other) if nodes[other].role == Role::Source && !nodes[other].gives => {
            Err(format!("`{name}` holds what is true of pictures, and none of them: name another source or a step"))
        }
        Some(other) if nodes[other].role == Role::Sink => {
            Err(format!("`{name}` is a sink and gives no pictures on: name a source or a step"))
        }
        Some(other) => {
            if let Some(names) = circle(nodes, place, other) {
                return Err(format!(
                    "{names} is a circle, in which a picture would go round for ever: cut it somewhere"
                ));
            }
            let (later, node) = (nodes[other].header(), nodes[place].header());
            Err(format!("`{name}` comes later in the file: move {later} above {node}"))
        }
        None => {
            let gives = |node: &&Node| match node.role {
                Role::View => nodes[place].role == Role::Sink,
                _ => node.output().is_some(),
            };
            let known: Vec<_> = nodes[..place].iter().filter(gives).map(|node| node.name.as_str()).collect();
            Err(words::unknown("part", name, &known))
        }
    }
}

/// The names along the way, where what comes out of the node at `place` comes to it again by `from`, one of those that it
/// takes from: `a → b → a`.
fn circle(nodes: &[Node], place: usize, from: usize) -> Option<String> {
    let mut ways = vec![vec![from]];
    let mut seen = vec![from];
    while let Some(way) = ways.pop() {
        for next in feeders(nodes, *way.last().expect("never empty")) {
            if next == place {
                let all = [place].into_iter().chain(way.iter().rev().copied()).chain([place]);
                return Some(all.map(|at| format!("`{}`", nodes[at].name)).collect::<Vec<_>>().join(" → "));
            }
            if !seen.contains(&next) {
                seen.push(next);
                ways.push([&way[..], &[next]].concat());
            }
        }
    }
    None
}

/// The nodes that the one at `place` takes from, in whatever order they stand.
fn feeders(nodes: &[Node], place: usize) -> Vec<usize> {
    let named = |name: &str| nodes.iter().position(|node| node.name == name.strip_suffix(ELSE).unwrap_or(name));
    match &nodes[place].from {
        Some(names) => names.iter().filter_map(|(name, _)| named(name)).collect(),
        None => (0..place).rev().find(|before| nodes[*before].output().is_some()).into_iter().collect(),
    }
}

fn check_names(nodes: &[Node], wrong: &mut Vec<Mistake>) {
    for (place, node) in nodes.iter().enumerate() {
        let sound = |char: char| char.is_alphanumeric() || "-_.".contains(char);
        if node.name.is_empty() || !node.name.chars().all(sound) {
            let what = format!("`{}` is no name: use letters, digits, `-`, `_` and `.`", node.name.escape_debug());
            wrong.push(at(&node.table, what));
        }
        if node.name.ends_with(ELSE) {
            let what = format!("`{}` would be the other way out of a branch: choose another name", node.name);
            wrong.push(at(&node.table, what));
        }
        if node.name == super::DEAD {
            let what = "`dead` is the name of the dead letters: choose another".to_owned();
            wrong.push(at(&node.table, what));
        }
        if let Some(first) = nodes[..place].iter().find(|first| first.name == node.name) {
            let what = format!("`{}` is the name of {} already: choose another", node.name, first.header());
            wrong.push(at(&node.table, what));
        }
    }
}

fn check_roles(nodes: &[Node], wrong: &mut Vec<Mistake>) {
    let lacks = |role| nodes.iter().all(|node| node.role != role);
    if lacks(Role::Source) {
        wrong.push(Mistake::new(
            "the job has no source: add one, like [source.cameras], that says where frames come from",
        ));
    }
    if lacks(Role::Sink) && lacks(Role::View) {
        wrong.push(Mistake::new("the job has no sink: add one, like [sink.results], that says where results go"));
    }
}

/// Every source is for something; a step that nobody takes from may be a mistake.
fn check_use(nodes: &[Node], inputs: &[Vec<Input>], wrong: &mut Vec<Mistake>) -> Vec<Mistake> {
    let mut notes = Vec::new();
    for node in nodes {
        let Some(output) = node.output() else { continue };
        let takes = |input: Input| inputs.iter().flatten().any(|taken| *taken == input);
        let ways = [Input::Step(node.index), Input::Else(node.index)].map(takes);
        if node.role == Role::Step && node.shape == Shape::Branch && ways[0] != ways[1] {
            let name = if ways[0] { format!("{}{ELSE}", node.name) } else { node.name.clone() };
            notes.push(at(&node.table, format!("no part takes from `{name}`: what goes that way is filtered")));
        }
        let is_taken = |input: &Input| *input == output || *input == Input::Else(node.index) && node.role == Role::Step;
        if inputs.iter().flatten().any(is_taken) {
            continue;
        }
        let what =
            format!("nothing takes pictures from `{}`: name it in the `from` of a later part, or remove it", node.name);
        match node.role {
            Role::Source => wrong.push(at(&node.table, what)),
            _ => notes.push(at(&node.table, what)),
        }
    }
    notes
}
