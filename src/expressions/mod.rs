//! Expressions of a job: CEL, the Common Expression Language, over what is known of a frame.
//!
//! ```text
//! text ── lex ── parse ── check ── Expression          facts of a frame ── machine ── a value, or why there is none
//! ```
//!
//! An expression is checked with its job: names, types and functions, each mistake with its place. What is evaluated for
//! a frame later has no loops but those over lists, makes nothing but values, and is counted: see [`STEPS`] and
//! [`MEMORY`]. `docs/expressions.md` is the user's page.
//!
//! The reading and evaluating is our own, and the crate `cel` is what tests compare it with: its parsers tell no place of
//! a name once they have read it, and nothing in it counts steps.

mod arithmetic;
mod check;
mod code;
mod condition;
mod functions;
mod lex;
mod machine;
mod moment;
mod named;
mod operators;
mod parameter;
mod parse;
mod scope;
mod tree;
mod types;
mod value;
mod wording;

use std::fmt;
use std::ops::Range;

use ::operators::offload::guard;
use ::operators::{Flaw, Reason};

use check::Checker;
use code::Op;
pub use condition::Condition;
use machine::Machine;
pub use machine::Trouble;
pub use named::values_named;
pub use parameter::Parameter;
pub use scope::{Facts, Scope, Variable};
pub use types::Type;
pub use value::Value;
pub use wording::{Wording, closing};

use crate::mistake::Mistake;

/// The most bytes of an expression.
pub const LONGEST: usize = 4096;

/// How deep its parts may be nested.
pub const DEPTH: usize = 64;

/// How many steps an evaluation may take: each part of the expression is one each time it is looked at, and each 32 bytes
/// of text or list that are looked through or copied. It is a few milliseconds at most.
pub const STEPS: usize = 100_000;

/// How many bytes of texts and lists an evaluation may make.
pub const MEMORY: usize = 1 << 20;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The bytes of the expression that are wrong.
    pub at: Range<usize>,
    /// What is wrong and what to do, without a full stop at the end.
    pub what: String,
}

impl Wrong {
    fn new(at: Range<usize>, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    /// The same where the expression begins so many bytes into a text.
    pub fn moved(self, by: usize) -> Self {
        Self { at: self.at.start + by..self.at.end + by, ..self }
    }

    /// As a mistake in the field of a job that holds the expression.
    pub fn in_field(self, field: &'static str) -> Mistake {
        Mistake { inside: Some(self.at), ..Mistake::at(field, self.what) }
    }
}

/// An expression that was checked.
pub struct Expression {
    text: Box<str>,
    of: Type,
    root: Op,
    /// What it names: only that is made for a frame.
    variables: Vec<Variable>,
}

impl Expression {
    /// Reads and checks an expression that stands where those variables are known.
    ///
    /// # Errors
    /// The first mistake, and where it is.
    pub fn parse(text: &str, scope: &Scope<'_>) -> Result<Self, Wrong> {
        let tree = parse::parse(text)?;
        let mut checker = Checker::new(scope);
        let (of, root) = checker.check(&tree)?;
        Ok(Self { text: text.into(), of, root, variables: checker.variables })
    }

    /// The same for what has to be true or false.
    ///
    /// # Errors
    /// The first mistake, and where it is.
    pub fn condition(text: &str, scope: &Scope<'_>) -> Result<Self, Wrong> {
        let expression = Self::parse(text, scope)?;
        match expression.of.may_be(&Type::Bool) {
            true => Ok(expression),
            false => {
                let what =
                    format!("a condition is true or false, and this is {}: compare it with something", expression.of);
                Err(Wrong::new(expression.root.at..text.len(), what))
            }
        }
    }

    /// The same for what is to be written.
    ///
    /// # Errors
    /// The first mistake, and where it is.
    pub fn text(text: &str, scope: &Scope<'_>) -> Result<Self, Wrong> {
        let expression = Self::parse(text, scope)?;
        match expression.of.sure() {
            Type::Null | Type::List(_) | Type::Map(_) | Type::Detection => {
                let what = format!("{} can't be written as text: name a part of it", expression.of);
                Err(Wrong::new(expression.root.at..text.len(), what))
            }
            _ => Ok(expression),
        }
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What comes of it, as far as that is known.
    pub fn type_of(&self) -> &Type {
        &self.of
    }

    /// Whether it names that variable.
    pub fn names(&self, variable: Variable) -> bool {
        self.variables.contains(&variable)
    }

    /// What comes of it for a frame.
    ///
    /// # Errors
    /// Why nothing does.
    pub fn evaluate<'a>(&'a self, facts: &Facts<'a>) -> Result<Value<'a>, Trouble> {
        let variables = self.variables.iter().map(|variable| facts.value(*variable)).collect();
        Machine::new(variables, facts.settings).evaluate(&self.root)
    }

    /// Whether it is true of a frame.
    ///
    /// # Errors
    /// A flaw of the frame that names the expression.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, Flaw> {
        let answer = guard(|| match self.evaluate(facts)? {
            Value::Bool(answer) => Ok(answer),
            other => {
                let what = format!("it has to be true or false, and is {}", other.kind());
                Err(Trouble { at: self.root.at, what, limit: false })
            }
        });
        self.answered(answer)
    }

    /// What comes of it for a frame, as text: numbers and times as `string(…)` writes them.
    ///
    /// # Errors
    /// A flaw of the frame that names the expression.
    pub fn written(&self, facts: &Facts<'_>) -> Result<String, Flaw> {
        let answer = guard(|| {
            let value = self.evaluate(facts)?;
            let what = || format!("{} can't be written as text", value.kind());
            functions::written(&value).ok_or_else(|| Trouble { at: self.root.at, what: what(), limit: false })
        });
        self.answered(answer)
    }

    fn answered<T>(&self, answer: Result<Result<T, Trouble>, String>) -> Result<T, Flaw> {
        let named = || format!("the expression `{}`", functions::short(&self.text));
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Trouble { at, what, .. })) => {
                let column = self.text[..self.text.floor_char_boundary(at)].chars().count() + 1;
                let detail = format!("{} came to nothing at its column {column}: {what}", named());
                Err(Flaw::new(Reason::ExpressionFailed, detail))
            }
            Err(panic) => Err(Flaw::new(Reason::Panicked, format!("a mistake in Vigie, in {}: {panic}", named()))),
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.text)
    }
}

#[cfg(test)]
mod tests;
