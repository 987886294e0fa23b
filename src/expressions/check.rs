//! Whether an expression makes sense: names that are known, operators and functions on what they work on. What is checked
//! comes out ready to be evaluated.

use std::ops::Range;

use super::Wrong;
use super::code::{Code, Each, Loop, Op};
use super::functions::{self, FUNCTIONS, Function};
use super::moment;
use super::operators::of_binary;
use super::scope::{Scope, TASK, Variable};
use super::tree::{Kind, Literal, Node};
use super::types::Type;
use super::value::{FIELDS, Value};
use crate::job::words;

/// Looks through an expression from its leaves up.
pub struct Checker<'s> {
    scope: &'s Scope<'s>,
    /// The variables that were named so far: each is made once a frame.
    pub variables: Vec<Variable>,
    /// The names of the loops that we are inside of.
    locals: Vec<(String, Type)>,
}

/// A part that was checked, and its type.
type Checked = Result<(Type, Op), Wrong>;

impl<'s> Checker<'s> {
    /// One that knows these variables.
    pub fn new(scope: &'s Scope<'s>) -> Self {
        Self { scope, variables: Vec::new(), locals: Vec::new() }
    }

    /// Checks a part and all that it is made of.
    ///
    /// # Errors
    /// The first mistake.
    pub fn check(&mut self, node: &Node) -> Checked {
        let (of, code) = match &node.kind {
            Kind::Literal(literal) => (of_literal(literal), Code::Literal(literal.clone())),
            Kind::Name(name) => self.name(name, &node.span)?,
            Kind::Field(inner, name) => self.field(inner, name, &node.span)?,
            Kind::Index(inner, index) => self.index(inner, index)?,
            Kind::Call(name, None, arguments) if name == "has" => self.has(arguments, &node.span)?,
            Kind::Call(name, target, arguments) => match (Each::named(name), target) {
                (Some(each), Some(over)) => self.each(each, name, over, arguments, &node.span)?,
                _ => self.call(name, target.as_deref(), arguments, &node.span)?,
            },
            Kind::Not(inner) => (Type::Bool, Code::Not(Box::new(self.bool(inner, "`!`")?))),
            Kind::Negate(inner) => self.negate(inner, &node.span)?,
            Kind::And(parts) => (Type::Bool, Code::And(self.bools(parts, "`&&`")?)),
            Kind::Or(parts) => (Type::Bool, Code::Or(self.bools(parts, "`||`")?)),
            Kind::Binary(operator, left, right) => {
                let ((a, left), (b, right)) = (self.check(left)?, self.check(right)?);
                let of = of_binary(*operator, &a, &b).map_err(|what| Wrong::new(node.span.clone(), what))?;
                (of, Code::Binary(*operator, left.into(), right.into()))
            }
            Kind::Choice(condition, yes, no) => self.choice(condition, yes, no, &node.span)?,
            Kind::List(elements) => self.list(elements)?,
            Kind::Map(entries) => self.map(entries)?,
        };
        Ok((of, Op { at: node.span.start, code }))
    }

    fn name(&mut self, name: &str, span: &Range<usize>) -> Result<(Type, Code), Wrong> {
        if let Some(place) = self.locals.iter().rposition(|(own, _)| own == name) {
            return Ok((self.locals[place].1.clone(), Code::Local(place)));
        }
        if self.is_task(name) {
            let what = "`task` is no value of its own: write the parameter behind it, as in `task.strength`";
            return Err(Wrong::new(span.clone(), what));
        }
        let variable = self.scope.variable(name).ok_or_else(|| {
            let mut known: Vec<_> = self.locals.iter().map(|(name, _)| name.as_str()).collect();
            known.extend(self.scope.names());
            Wrong::new(span.clone(), words::unknown("name", name, &known))
        })?;
        let place = self.variables.iter().position(|known| *known == variable).unwrap_or_else(|| {
            self.variables.push(variable);
            self.variables.len() - 1
        });
        Ok((variable.type_of(), Code::Variable(place)))
    }

    /// Whether that name is the one that parameters stand behind, and not a loop's own.
    fn is_task(&self, name: &str) -> bool {
        name == TASK && !self.scope.parameters.is_empty() && self.locals.iter().all(|(own, _)| own != name)
    }

    fn parameter(&self, name: &str, span: &Range<usize>) -> Result<(Type, Code), Wrong> {
        let parameters = self.scope.parameters;
        let known = || parameters.iter().map(|parameter| parameter.name.as_str()).collect::<Vec<_>>();
        let unknown = || Wrong::new(span.clone(), words::unknown("parameter", name, &known()));
        let parameter = parameters.iter().find(|parameter| parameter.name == name).ok_or_else(unknown)?;
        Ok((parameter.type_of(), Code::Parameter(parameter.clone().into())))
    }

    fn field(&mut self, inner: &Node, name: &str, span: &Range<usize>) -> Result<(Type, Code), Wrong> {
        if matches!(&inner.kind, Kind::Name(task) if self.is_task(task)) {
            return self.parameter(name, span);
        }
        let (of, op) = self.check(inner)?;
        let of = match of.sure() {
            Type::Any => Type::Any,
            Type::Map(of) => (**of).clone(),
            Type::Detection => {
                of_field(name).ok_or_else(|| Wrong::new(span.clone(), words::unknown("field", name, &FIELDS)))?
            }
            other => return Err(Wrong::new(span.clone(), no_field(other, name))),
        };
        Ok((of, Code::Field(op.into(), name.into())))
    }

    fn has(&mut self, arguments: &[Node], span: &Range<usize>) -> Result<(Type, Code), Wrong> {
        let [Node { kind: Kind::Field(inner, name), span: at, .. }] = arguments else {
            return Err(Wrong::new(span.clone(), "`has` takes one field: `has(values.gender)`"));
        };
        match self.field(inner, name, at)? {
            (_, Code::Field(inner, name)) => Ok((Type::Bool, Code::Has(inner, name))),
            // Every parameter has a default.
            _ => Ok((Type::Bool, Code::Literal(Literal::Bool(true)))),
        }
    }

    fn index(&mut self, inner: &Node, index: &Node) -> Result<(Type, Code), Wrong> {
        let ((of, op), (by, place)) = (self.check(inner)?, self.check(index)?);
        let wanted = match of.sure() {
            Type::List(_) => Type::Int,
            Type::Map(_) => Type::Text,
            Type::Any => Type::Any,
            other => return Err(Wrong::new(inner.span.clone(), format!("{other} has no elements"))),
        };
        if wanted != Type::Any && !by.may_be(&wanted) {
            let what = format!("the place in {of} is {wanted}, and this is {by}");
            return Err(Wrong::new(index.span.clone(), what));
        }
        let of = match of.sure() {
            Type::List(of) | Type::Map(of) => (**of).clone(),
            _ => Type::Any,
        };
        Ok((of, Code::Index(op.into(), place.into())))
    }

    /// A part that has to be true or false.
    fn bool(&mut self, node: &Node, who: &str) -> Result<Op, Wrong> {
        match self.check(node)? {
            (of, op) if of.may_be(&Type::Bool) => Ok(op),
            (of, _) => {
                Err(Wrong::new(node.span.clone(), format!("{who} takes what is true or false, and this is {of}")))
            }
        }
    }

    fn bools(&mut self, parts: &[Node], who: &str) -> Result<Vec<Op>, Wrong> {
        parts.iter().map(|part| self.bool(part, who)).collect()
    }

    fn negate(&mut self, inner: &Node, span: &Range<usize>) -> Result<(Type, Code), Wrong> {
        match self.check(inner)? {
            (of, op) if of.is_number() || of.may_be(&Type::Duration) => {
                Ok((of.sure().clone(), Code::Negate(Box::new(op))))
            }
            (of, _) => Err(Wrong::new(span.clone(), format!("`-` takes a number, and this is {of}"))),
        }
    }

    fn choice(&mut self, condition: &Node, yes: &Node, no: &Node, span: &Range<usize>) -> Result<(Type, Code), Wrong> {
        let condition = self.bool(condition, "`?`")?;
        let ((a, yes), (b, no)) = (self.check(yes)?, self.check(no)?);
        let differ = || Wrong::new(span.clone(), format!("one way out of `?` is {a}, the other {b}: make them alike"));
        let of = a.join(&b).ok_or_else(differ)?;
        Ok((of, Code::Choice(condition.into(), yes.into(), no.into())))
    }

    fn list(&mut self, elements: &[Node]) -> Result<(Type, Code), Wrong> {
        let (types, ops): (Vec<_>, Vec<_>) =
            elements.iter().map(|element| self.check(element)).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        Ok((Type::list(joined(types)), Code::List(ops)))
    }

    fn map(&mut self, entries: &[(Node, Node)]) -> Result<(Type, Code), Wrong> {
        let (mut types, mut ops) = (Vec::new(), Vec::new());
        for (key, value) in entries {
            let (of, name) = self.check(key)?;
            if !of.may_be(&Type::Text) {
                return Err(Wrong::new(key.span.clone(), format!("the names in a map are strings, and this is {of}")));
            }
            let (of, value) = self.check(value)?;
            types.push(of);
            ops.push((name, value));
        }
        Ok((Type::Map(Box::new(joined(types))), Code::Map(ops)))
    }

    /// `over.exists(name, body)` and its like.
    fn each(
        &mut self,
        kind: Each,
        called: &str,
        over: &Node,
        arguments: &[Node],
        span: &Range<usize>,
    ) -> Result<(Type, Code), Wrong> {
        let (name, only, body) = match arguments {
            [name, body] => (name, None, body),
            [name, only, body] if kind == Each::Map => (name, Some(only), body),
            _ => return Err(Wrong::new(span.clone(), usage(called))),
        };
        let Kind::Name(local) = &name.kind else {
            return Err(Wrong::new(name.span.clone(), usage(called)));
        };
        let (of, list) = self.check(over)?;
        let no_list = || Wrong::new(span.clone(), format!("`{called}` goes through a list, and this is {of}"));
        let element = element_of(&of).ok_or_else(no_list)?;
        self.locals.push((local.clone(), element.clone()));
        let who = format!("`{called}`");
        let only = only.map(|only| self.bool(only, &who)).transpose()?;
        let (made, body) = match kind {
            Each::Map => self.check(body)?,
            _ => (Type::Bool, self.bool(body, &who)?),
        };
        self.locals.pop();
        let of = match kind {
            Each::Map => Type::list(made),
            Each::Filter => Type::list(element),
            Each::Exists | Each::All | Each::ExistsOne => Type::Bool,
        };
        Ok((of, Code::Loop(Box::new(Loop { kind, over: list, only, body }))))
    }

    fn call(
        &mut self,
        name: &str,
        target: Option<&Node>,
        arguments: &[Node],
        span: &Range<usize>,
    ) -> Result<(Type, Code), Wrong> {
        let nodes: Vec<_> = target.into_iter().chain(arguments).collect();
        let method = target.is_some();
        if functions::named(name, method).next().is_none() {
            return Err(Wrong::new(span.clone(), unknown(name, method)));
        }
        let (types, ops): (Vec<_>, Vec<_>) =
            nodes.iter().map(|node| self.check(node)).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let row = functions::named(name, method).find(|row| row.takes.len() == nodes.len()).ok_or_else(|| {
            let counts: Vec<_> =
                functions::named(name, method).map(|row| (row.takes.len() - usize::from(method)).to_string()).collect();
            let what = format!("`{name}` takes {} in its parentheses, not {}", counts.join(" or "), arguments.len());
            Wrong::new(span.clone(), what)
        })?;
        for ((kinds, of), node) in row.takes.iter().zip(&types).zip(&nodes) {
            if !kinds.has(of) {
                let what = format!("`{name}` takes {} here, and this is {of}", kinds.words());
                return Err(Wrong::new(node.span.clone(), what));
            }
        }
        constant(row, &nodes)?;
        Ok((row.gives.clone(), Code::Call(row, ops)))
    }
}

/// What can be known of a call before a frame comes: `timestamp("yesterday")` never works.
fn constant(row: &'static Function, nodes: &[&Node]) -> Result<(), Wrong> {
    let Some(last) = nodes.last() else { return Ok(()) };
    if let (1, Kind::Literal(literal)) = (nodes.len(), &last.kind) {
        let answer = (row.run)(row.name, &[Value::of_literal(literal)]);
        return answer.map(|_| ()).map_err(|what| Wrong::new(last.span.clone(), what));
    }
    let zone = match &last.kind {
        Kind::Literal(Literal::Text(zone)) if row.name.starts_with("get") => zone,
        _ => return Ok(()),
    };
    let what = || format!("\"{}\" is no offset: write it as \"+02:00\"", functions::short(zone));
    moment::offset(zone).map(|_| ()).ok_or_else(|| Wrong::new(last.span.clone(), what()))
}

fn of_literal(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Double(_) => Type::Double,
        Literal::Text(_) => Type::Text,
    }
}

/// What a loop goes through: the elements of a list, or the names in a map.
fn element_of(of: &Type) -> Option<Type> {
    match of.sure() {
        Type::List(of) => Some((**of).clone()),
        Type::Map(_) => Some(Type::Text),
        Type::Any => Some(Type::Any),
        _ => None,
    }
}

/// The type of a detection's field.
fn of_field(name: &str) -> Option<Type> {
    Some(match name {
        "label" => Type::Text,
        "class" => Type::Int,
        "box" => Type::list(Type::Double),
        "landmarks" => Type::list(Type::list(Type::Double)),
        "score" | "x" | "y" | "width" | "height" | "area" => Type::Double,
        _ => return None,
    })
}

/// The one type of several values.
fn joined(types: Vec<Type>) -> Type {
    types.into_iter().reduce(|a, b| a.join(&b).unwrap_or(Type::Any)).unwrap_or(Type::Any)
}

fn usage(called: &str) -> String {
    format!("`{called}` takes a name and what is asked of each: `detections.{called}(d, d.score > 0.8)`")
}

fn no_field(of: &Type, name: &str) -> String {
    match (of, functions::named(name, true).next().is_some() || Each::named(name).is_some()) {
        (_, true) => format!("`{name}` is a function: write `{name}(…)`"),
        (Type::List(_), false) => {
            format!("a list has no field `{name}`; its elements may: `….exists(x, x.{name} …)`, or `…[0].{name}`")
        }
        (of, false) => format!("{of} has no fields, and so no `{name}`"),
    }
}

fn unknown(name: &str, method: bool) -> String {
    if name == "matches" {
        return "there are no regular expressions here: use `contains`, `startsWith` or `endsWith`".to_owned();
    }
    let elsewhere = functions::named(name, !method).next().is_some() || Each::named(name).is_some();
    match (elsewhere, method) {
        (true, false) => format!("`{name}` stands behind a point: write `….{name}(…)`"),
        (true, true) => format!("`{name}` has all in its parentheses: write `{name}(…)`"),
        (false, _) => {
            let mut known: Vec<_> = FUNCTIONS.iter().filter(|row| row.method == method).map(|row| row.name).collect();
            known.extend(Each::NAMES.iter().filter(|_| method).map(|(name, _)| *name));
            known.extend(Some("has").filter(|_| !method));
            known.dedup();
            words::unknown("function", name, &known)
        }
    }
}
