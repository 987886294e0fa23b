//! A graph for Graphviz: `vigie graph --as dot JOB | dot -Tpng > job.png`.

use std::fmt::Write;

use super::{Edge, Graph, Role};

/// The graph from left to right.
pub fn written(graph: &Graph) -> String {
    let mut text =
        format!("digraph {} {{\n    rankdir = LR;\n    node [fontname = \"sans-serif\"];\n", quoted(&graph.job));
    for (index, node) in graph.nodes.iter().enumerate() {
        let shape = match node.role {
            Role::Source | Role::Sink => "oval",
            Role::Batch | Role::Step => "box",
            Role::View | Role::Dead => "cylinder",
        };
        let label = quoted(&format!("{}\n{}", node.title(), node.what));
        writeln!(text, "    n{index} [shape = {shape}, label = {label}];").expect("a string takes all");
    }
    for Edge { from, to, way } in &graph.edges {
        let way = if way.is_empty() { String::new() } else { format!(" [label = {}]", quoted(way)) };
        writeln!(text, "    n{from} -> n{to}{way};").expect("a string takes all");
    }
    text + "}\n"
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
