//! An expression that was checked: every name is a place, every call a function.

use super::functions::Function;
use super::parameter::Parameter;
use super::tree::{Binary, Literal};

/// A part of a checked expression.
pub struct Op {
    /// Where it stands in the text: for what goes wrong with it later.
    pub at: usize,
    /// What it does.
    pub code: Code,
}

/// What a part of a checked expression does.
pub enum Code {
    /// A value as it was written.
    Literal(Literal),
    /// The variable of that place among those that the expression names.
    Variable(usize),
    /// `task.strength`.
    Parameter(Box<Parameter>),
    /// The name of a loop, by how many loops are around it.
    Local(usize),
    /// A field of a map or a detection.
    Field(Box<Op>, Box<str>),
    /// Whether there is such a field.
    Has(Box<Op>, Box<str>),
    /// An element.
    Index(Box<Op>, Box<Op>),
    /// `!`.
    Not(Box<Op>),
    /// `-`.
    Negate(Box<Op>),
    /// `&&` between all of them.
    And(Vec<Op>),
    /// `||` between all of them.
    Or(Vec<Op>),
    /// An operator between two.
    Binary(Binary, Box<Op>, Box<Op>),
    /// `a ? b : c`.
    Choice(Box<Op>, Box<Op>, Box<Op>),
    /// A list of these.
    List(Vec<Op>),
    /// A map of these.
    Map(Vec<(Op, Op)>),
    /// A function of these.
    Call(&'static Function, Vec<Op>),
    /// Something for each element of a list.
    Loop(Box<Loop>),
}

/// Something that is done for each element.
pub struct Loop {
    /// What.
    pub kind: Each,
    /// Over what.
    pub over: Op,
    /// Which elements count, where only some do.
    pub only: Option<Op>,
    /// What is looked at of each.
    pub body: Op,
}

/// What is done for each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Is it true of one?
    Exists,
    /// Is it true of all?
    All,
    /// Is it true of exactly one?
    ExistsOne,
    /// Those of which it is true.
    Filter,
    /// What comes of each.
    Map,
}

impl Each {
    /// Every one, by its name.
    pub const NAMES: [(&'static str, Each); 5] = [
        ("all", Each::All),
        ("exists", Each::Exists),
        ("exists_one", Each::ExistsOne),
        ("filter", Each::Filter),
        ("map", Each::Map),
    ];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Each> {
        Self::NAMES.into_iter().find(|(own, _)| *own == name).map(|(_, each)| each)
    }
}
