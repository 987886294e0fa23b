//! An expression as a tree: what was written, with its places.

use std::ops::Range;

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where its most telling token stands: what a mistake in it points to.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
    /// How many parts are nested in it at most, itself included.
    pub depth: usize,
}

/// What a part of an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `7`, `"woman"`, `true`, `null`.
    Literal(Literal),
    /// `camera`.
    Name(String),
    /// `values.gender`.
    Field(Box<Node>, String),
    /// `labels[0]`.
    Index(Box<Node>, Box<Node>),
    /// `size(labels)`, `camera.startsWith("a")`: the name, what stands before the point, the arguments.
    Call(String, Option<Box<Node>>, Vec<Node>),
    /// `!x`.
    Not(Box<Node>),
    /// `-x`.
    Negate(Box<Node>),
    /// `a && b && …`.
    And(Vec<Node>),
    /// `a || b || …`.
    Or(Vec<Node>),
    /// Any other operator between two.
    Binary(Binary, Box<Node>, Box<Node>),
    /// `a ? b : c`.
    Choice(Box<Node>, Box<Node>, Box<Node>),
    /// `[a, b]`.
    List(Vec<Node>),
    /// `{"a": b}`.
    Map(Vec<(Node, Node)>),
}

/// A value as it is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// `-7`.
    Int(i64),
    /// `0.8`.
    Double(f64),
    /// `"woman"`.
    Text(Box<str>),
}

/// An operator between two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "their signs say it: see `sign`")]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    In,
}

impl Binary {
    /// Every operator, with its sign and how strongly it binds.
    pub const ALL: [(Binary, &'static str, u8); 12] = [
        (Binary::Equal, "==", 1),
        (Binary::Unequal, "!=", 1),
        (Binary::Less, "<", 1),
        (Binary::AtMost, "<=", 1),
        (Binary::More, ">", 1),
        (Binary::AtLeast, ">=", 1),
        (Binary::In, "in", 1),
        (Binary::Add, "+", 2),
        (Binary::Subtract, "-", 2),
        (Binary::Multiply, "*", 3),
        (Binary::Divide, "/", 3),
        (Binary::Remainder, "%", 3),
    ];

    /// As it is written.
    pub fn sign(self) -> &'static str {
        Self::ALL.into_iter().find(|(operator, ..)| *operator == self).map_or("", |(_, sign, _)| sign)
    }
}

impl Node {
    /// A part, with its depth.
    pub fn new(span: Range<usize>, kind: Kind) -> Self {
        let depth = 1 + kind.children().iter().map(|child| child.depth).max().unwrap_or_default();
        Self { span, kind, depth }
    }
}

impl Kind {
    /// The parts that it is made of.
    pub fn children(&self) -> Vec<&Node> {
        match self {
            Kind::Literal(_) | Kind::Name(_) => Vec::new(),
            Kind::Field(one, _) | Kind::Not(one) | Kind::Negate(one) => vec![one],
            Kind::Index(a, b) | Kind::Binary(_, a, b) => vec![a, b],
            Kind::Choice(a, b, c) => vec![a, b, c],
            Kind::Call(_, target, arguments) => target.iter().map(|target| &**target).chain(arguments).collect(),
            Kind::And(all) | Kind::Or(all) | Kind::List(all) => all.iter().collect(),
            Kind::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
        }
    }
}
