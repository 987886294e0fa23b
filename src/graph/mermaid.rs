//! A flow chart of Mermaid, which forges and many editors draw in Markdown.

use std::fmt::Write;

use super::{Edge, Graph, Role};

/// The graph as a flow chart from left to right.
pub fn written(graph: &Graph) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (index, node) in graph.nodes.iter().enumerate() {
        let (open, close) = match node.role {
            Role::Source | Role::Sink => ("([", "])"),
            Role::Batch | Role::Step => ("[", "]"),
            Role::View | Role::Dead => ("[(", ")]"),
        };
        let label = format!("<b>{}</b><br/>{}", plain(&node.title()), plain(&node.what));
        writeln!(text, "    n{index}{open}\"{label}\"{close}").expect("a string takes all");
    }
    for Edge { from, to, way } in &graph.edges {
        let way = if way.is_empty() { String::new() } else { format!("|{way}|") };
        writeln!(text, "    n{from} -->{way} n{to}").expect("a string takes all");
    }
    text
}

/// Text as Mermaid writes it inside of quotes.
fn plain(text: &str) -> String {
    text.replace('&', "#amp;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}
