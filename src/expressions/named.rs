//! Which values an expression names.

use std::ops::Range;

use super::parse::parse;
use super::tree::{Kind, Literal, Node};

/// The variable that holds what steps found out.
const VALUES: &str = "values";

/// The names behind `values.` in an expression, each with its place; nothing where it can't be read. What stands in `has(…)`
/// asks whether it is there, and is left out.
pub fn values_named(text: &str) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    if let Ok(root) = parse(text) {
        collect(&root, &mut found);
    }
    found
}

fn collect(node: &Node, found: &mut Vec<(String, Range<usize>)>) {
    let is_values = |of: &Node| matches!(&of.kind, Kind::Name(name) if name == VALUES);
    match &node.kind {
        Kind::Field(of, name) if is_values(of) => found.push((name.clone(), node.span.clone())),
        Kind::Index(of, key) if is_values(of) => {
            if let Kind::Literal(Literal::Text(name)) = &key.kind {
                found.push((name.to_string(), key.span.clone()));
            }
        }
        Kind::Call(name, None, _) if name == "has" => {}
        kind => kind.children().into_iter().for_each(|child| collect(child, found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a value that is named and not seen, and one that is asked for with care and told all the same.
    #[test]
    fn every_name_behind_values_is_seen() {
        let names = |text: &str| values_named(text).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("values.gender == 'woman' && values.who.age > 3"), ["gender", "who"]);
        assert_eq!(names("values['a b'] == 1 || !(size(values.tags) > 1)"), ["a b", "tags"]);
        assert!(names("has(values.age) || camera == 'values.x' || labels[0] == 'a'").is_empty());
        assert!(names("values. ==").is_empty());
    }
}
