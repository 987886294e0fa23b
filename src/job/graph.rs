//! Which part takes its pictures from which.

use std::ops::Range;

use crate::job::words;
use crate::mistake::Mistake;
use crate::plan::Input;

/// What a part does with pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Source,
    Step,
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
    /// The names of its `from`, if it has one.
    pub from: Option<Vec<(String, Range<usize>)>>,
}

impl Node {
    /// What others take from it. A sink gives nothing on.
    fn output(&self) -> Option<Input> {
        match self.role {
            Role::Source => Some(Input::Source(self.index)),
            Role::Step => Some(Input::Step(self.index)),
            Role::Sink => None,
        }
    }

    fn header(&self) -> String {
        let role = match self.role {
            Role::Source => "source",
            Role::Step => "step",
            Role::Sink => "sink",
        };
        format!("[{role}.{}]", self.name)
    }
}

fn at(span: &Range<usize>, what: String) -> Mistake {
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
    // A part that nobody takes from may be the echo of another mistake.
    let notes = if lost || wrong.len() > before { Vec::new() } else { check_use(nodes, &inputs, wrong) };
    (inputs, notes)
}

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
    match nodes.iter().position(|node| node.name == name) {
        Some(other) if other == place => {
            Err(format!("`{name}` can't take pictures from itself: name a part before it"))
        }
        Some(other) if nodes[other].role == Role::Sink => {
            Err(format!("`{name}` is a sink and gives no pictures on: name a source or a step"))
        }
        Some(other) => {
            let (later, node) = (nodes[other].header(), nodes[place].header());
            Err(format!("`{name}` comes later in the file: move {later} above {node}"))
        }
        None => {
            let known: Vec<_> = before.iter().map(|node| node.name.as_str()).collect();
            Err(words::unknown("part", name, &known))
        }
    }
}

fn check_names(nodes: &[Node], wrong: &mut Vec<Mistake>) {
    for (place, node) in nodes.iter().enumerate() {
        let sound = |char: char| char.is_alphanumeric() || "-_.".contains(char);
        if node.name.is_empty() || !node.name.chars().all(sound) {
            let what = format!("`{}` is no name: use letters, digits, `-`, `_` and `.`", node.name.escape_debug());
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
    if lacks(Role::Sink) {
        wrong.push(Mistake::new("the job has no sink: add one, like [sink.results], that says where results go"));
    }
}

/// Every source is for something, and pictures go on to one step at most: nothing copies them yet.
fn check_use(nodes: &[Node], inputs: &[Vec<Input>], wrong: &mut Vec<Mistake>) -> Vec<Mistake> {
    let mut notes = Vec::new();
    for node in nodes {
        let Some(output) = node.output() else { continue };
        let takers: Vec<_> = nodes.iter().zip(inputs).filter(|(_, inputs)| inputs.contains(&output)).collect();
        let steps: Vec<_> = takers.iter().filter(|(taker, _)| taker.role == Role::Step).collect();
        if let [(first, _), (second, _), ..] = steps[..] {
            let what = format!(
                "`{}` goes to {} already: let {} take from there (`from = \"{}\"`)",
                node.name,
                first.header(),
                second.header(),
                first.name
            );
            wrong.push(at(&second.table, what));
        }
        if !takers.is_empty() {
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
