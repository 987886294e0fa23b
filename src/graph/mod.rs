//! A job as a graph, for people: `vigie graph`.
//!
//! # Layout
//!
//! * [`mermaid`], [`dot`]: for the tools that draw these.
//! * [`svg`]: a picture.
//!
//! As plain text a job is what `vigie check` shows: [`parts`](crate::check::parts).

use std::path::Path;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::check;
use crate::job::Job;
use crate::plan::Input;
use crate::steps::Shape;

pub mod dot;
pub mod mermaid;
pub mod svg;

/// How a graph is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// One line a part.
    #[default]
    Text,
    /// For Markdown: a flow chart of Mermaid.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// A picture for browsers.
    Svg,
}

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Frames come in.
    Source,
    /// They are gathered.
    Batch,
    /// Pictures are worked on.
    Step,
    /// A table is kept.
    View,
    /// Results go out.
    Sink,
    /// What can't be worked on, from wherever.
    Dead,
}

impl Role {
    /// Its name in a job file.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Source => "source",
            Role::Batch => "batch",
            Role::Step => "step",
            Role::View => "view",
            Role::Sink => "sink",
            Role::Dead => "dead",
        }
    }
}

/// A part of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it stands for.
    pub role: Role,
    /// The part's own name; empty where it has none.
    pub name: String,
    /// What it does, in a few words.
    pub what: String,
}

impl Node {
    /// Its role and name: `step persons`.
    pub fn title(&self) -> String {
        format!("{} {}", self.role.as_str(), self.name).trim_end().to_owned()
    }
}

/// A job's parts, and from which to which its pictures go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// The job's name.
    pub job: String,
    /// Its parts, each after those that it takes pictures from; the dead letters, which nothing leads to, are the last.
    pub nodes: Vec<Node>,
    /// The ways between them.
    pub edges: Vec<Edge>,
}

/// A way from one part to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The part that gives, by its index.
    pub from: usize,
    /// The part that takes.
    pub to: usize,
    /// Which way out of a branch it is: `true` or `else`; empty where there is only one.
    pub way: &'static str,
}

impl Graph {
    /// The graph of a job.
    pub fn of(job: &Job) -> Self {
        let mut graph = Self { job: job.name.clone(), nodes: Vec::new(), edges: Vec::new() };
        for source in &job.sources {
            graph.add(Role::Source, &source.name, source.config.describe(), &[]);
        }
        let (batch, sources) =
            (job.sources.len(), (0..job.sources.len()).map(|source| (source, "")).collect::<Vec<_>>());
        graph.add(Role::Batch, "", check::batch(job), &sources);
        let branches: Vec<_> = job.steps.iter().map(|step| step.config.shape() == Shape::Branch).collect();
        let places = |inputs: &[Input]| {
            let place = |input: &Input| match *input {
                Input::Source(_) => (batch, ""),
                Input::Step(index) => (batch + 1 + index, if branches[index] { "true" } else { "" }),
                Input::Else(index) => (batch + 1 + index, "else"),
                Input::View(index) => (batch + 1 + branches.len() + index, ""),
            };
            let mut places: Vec<_> = inputs.iter().map(place).collect();
            places.dedup();
            places
        };
        for step in &job.steps {
            graph.add(Role::Step, &step.name, step.config.describe(), &places(&step.inputs));
        }
        for view in &job.views {
            graph.add(Role::View, &view.name, view.config.describe(), &places(&view.inputs));
        }
        for sink in &job.sinks {
            graph.add(Role::Sink, &sink.name, check::written(job, sink), &places(&sink.inputs));
        }
        graph.add(Role::Dead, "", job.dead.config.describe(), &[]);
        graph
    }

    fn add(&mut self, role: Role, name: &str, what: String, from: &[(usize, &'static str)]) {
        let to = self.nodes.len();
        self.edges.extend(from.iter().map(|(from, way)| Edge { from: *from, to, way }));
        self.nodes.push(Node { role, name: name.to_owned(), what });
    }
}

/// Prints the graph of a job file.
pub fn print(path: &Path, form: Form) -> ExitCode {
    match Job::load(path) {
        Ok(job) => {
            let graph = Graph::of(&job);
            print!(
                "{}",
                match form {
                    Form::Text => check::parts(&job),
                    Form::Mermaid => mermaid::written(&graph),
                    Form::Dot => dot::written(&graph),
                    Form::Svg => svg::drawn(&graph),
                }
            );
            ExitCode::SUCCESS
        }
        Err(mistakes) => {
            eprint!("{mistakes}");
            ExitCode::from(check::MISTAKE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> Graph {
        let text = "name = 'room'\n[source.door]\nkind = 'synthetic'\n[source.yard]\nkind = 'synthetic'\n\
                    [step.boxes]\nkind = 'draw'\n[sink.all]\nkind = 'files'\npath = 'all/{camera}-{id}.jpg'\n\
                    from = ['door', 'yard']\nwrite = 'frame'\n[sink.drawn]\nkind = 'files'\npath = 'out/{camera}-{id}.jpg'\n\
                    write = 'image'\n[dead]\nkind = 'files'\npath = 'dead/{id}'\n";
        Graph::of(&Job::parse(text, Path::new("room.toml")).expect("a sound job"))
    }

    /// Catches an edge that is left out, doubled, or leads from another part.
    #[test]
    fn every_part_comes_after_what_it_takes_from() {
        let graph = room();
        let titles: Vec<_> = graph.nodes.iter().map(Node::title).collect();
        assert_eq!(titles, ["source door", "source yard", "batch", "step boxes", "sink all", "sink drawn", "dead"]);
        let edges: Vec<_> = graph.edges.iter().map(|edge| (edge.from, edge.to)).collect();
        assert_eq!(edges, [(0, 2), (1, 2), (2, 3), (2, 4), (3, 5)]);
    }

    /// Catches the two ways out of a branch that can't be told apart.
    #[test]
    fn the_ways_out_of_a_branch_have_names() {
        let text = "name = 'room'\n[source.door]\nkind = 'synthetic'\n[step.sure]\nkind = 'branch'\nwhen = 'number > 3'\n\
                    [sink.one]\nkind = 'files'\npath = 'one/{id}'\n[sink.two]\nkind = 'files'\npath = 'two/{id}'\n\
                    from = 'sure.else'\n";
        let graph = Graph::of(&Job::parse(text, Path::new("room.toml")).expect("a sound job"));
        let mermaid = mermaid::written(&graph);
        assert!(mermaid.contains("n2 -->|true| n3") && mermaid.contains("n2 -->|else| n4"), "{mermaid}");
        assert!(dot::written(&graph).contains("n2 -> n4 [label = \"else\"];"));
        assert!(svg::drawn(&graph).contains(">else</text>"));
    }

    /// Catches a name that breaks out of its quotes.
    #[test]
    fn every_form_is_whole_whatever_the_names_are() {
        let mut graph = room();
        graph.job = "a \"room\" <1>".to_owned();
        let mermaid = mermaid::written(&graph);
        assert!(mermaid.starts_with("flowchart LR\n") && mermaid.contains("n2 --> n3\n"), "{mermaid}");
        let dot = dot::written(&graph);
        assert!(dot.contains("digraph \"a \\\"room\\\" <1>\" {") && dot.contains("n3 -> n5;"), "{dot}");
        let svg = svg::drawn(&graph);
        assert!(svg.contains("a &quot;room&quot; &lt;1&gt;") && svg.ends_with("</svg>\n"), "{svg}");
        assert_eq!(svg.matches("<rect").count(), graph.nodes.len());
        assert_eq!(svg.matches("<path").count(), graph.edges.len() + 1, "and the head of the arrows");
    }
}
