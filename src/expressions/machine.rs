//! Evaluates a checked expression, and counts what that takes: neither a long list nor a sly expression holds up a worker
//! or fills its memory.

use std::rc::Rc;

use super::arithmetic::{compare, compute};
use super::code::{Code, Each, Loop, Op};
use super::functions::Function;
use super::tree::Binary;
use super::value::{List, Map, Value};
use super::{MEMORY, STEPS};
use ::operators::Settings;

/// Why an evaluation came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Where in the text.
    pub at: usize,
    /// Why.
    pub what: String,
    /// Whether it is a limit: these end everything, while `false && …` outlives other troubles.
    pub limit: bool,
}

/// What comes of a part.
type Found<'a> = Result<Value<'a>, Trouble>;

/// The state of one evaluation.
pub struct Machine<'a> {
    variables: Vec<Value<'a>>,
    locals: Vec<Value<'a>>,
    settings: &'a Settings,
    /// Steps that are left.
    steps: usize,
    /// Bytes that are left to make texts and lists of.
    memory: usize,
}

/// What an element of a list takes.
const ELEMENT: usize = size_of::<Value<'static>>();

/// Bytes of text that are looked through in one step.
const STRIDE: usize = 32;

impl<'a> Machine<'a> {
    /// One that knows these variables, and what a task set.
    pub fn new(variables: Vec<Value<'a>>, settings: &'a Settings) -> Self {
        Self { variables, locals: Vec::new(), settings, steps: STEPS, memory: MEMORY }
    }

    /// How many steps it took so far.
    #[cfg(test)]
    pub fn taken(&self) -> usize {
        STEPS - self.steps
    }

    /// Evaluates a part.
    pub fn evaluate(&mut self, op: &'a Op) -> Found<'a> {
        self.step(op.at, 1)?;
        match &op.code {
            Code::Literal(literal) => Ok(Value::of_literal(literal)),
            Code::Variable(place) => Ok(self.variables[*place].clone()),
            Code::Parameter(parameter) => Ok(parameter.value(self.settings)),
            Code::Local(place) => Ok(self.locals[*place].clone()),
            Code::Field(inner, name) => self.field(inner, name, op.at),
            Code::Has(inner, name) => {
                let map = self.map(inner)?;
                Ok(Value::Bool(self.look(&map, name, op.at)?.is_some()))
            }
            Code::Index(inner, place) => self.index(inner, place),
            Code::Not(inner) => Ok(Value::Bool(!self.bool(inner)?)),
            Code::Negate(inner) => self.negate(inner),
            Code::And(parts) => self.until(false, parts.iter(), Self::bool),
            Code::Or(parts) => self.until(true, parts.iter(), Self::bool),
            Code::Binary(operator, left, right) => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                self.binary(*operator, left, right, op.at)
            }
            Code::Choice(condition, yes, no) => {
                let way = if self.bool(condition)? { yes } else { no };
                self.evaluate(way)
            }
            Code::List(elements) => {
                self.room(op.at, elements.len() * ELEMENT)?;
                let elements: Result<Vec<_>, _> = elements.iter().map(|element| self.evaluate(element)).collect();
                elements.map(Value::list)
            }
            Code::Map(entries) => self.make(entries, op.at),
            Code::Call(function, arguments) => self.call(function, arguments, op.at),
            Code::Loop(each) => self.each(each, op.at),
        }
    }

    /// Takes steps from those that are left.
    fn step(&mut self, at: usize, count: usize) -> Result<(), Trouble> {
        let left = self.steps.checked_sub(count);
        self.steps = left.unwrap_or(0);
        let what = || format!("it takes more than {STEPS} steps on this frame: ask less of each element");
        left.map(|_| ()).ok_or_else(|| Trouble { at, what: what(), limit: true })
    }

    /// Takes bytes from those that are left, and the steps to fill them.
    fn room(&mut self, at: usize, bytes: usize) -> Result<(), Trouble> {
        self.step(at, bytes / STRIDE)?;
        let left = self.memory.checked_sub(bytes);
        self.memory = left.unwrap_or(0);
        let what = || format!("it makes more than {MEMORY} bytes of texts and lists on this frame");
        left.map(|_| ()).ok_or_else(|| Trouble { at, what: what(), limit: true })
    }

    fn bool(&mut self, op: &'a Op) -> Result<bool, Trouble> {
        match self.evaluate(op)? {
            Value::Bool(value) => Ok(value),
            other => Err(trouble(op.at, format!("this has to be true or false, and is {}", other.kind()))),
        }
    }

    /// Asks one after the other until one answers `end`. As CEL wants it, such an answer outweighs the troubles of others.
    fn until<T>(
        &mut self,
        end: bool,
        parts: impl Iterator<Item = T>,
        mut ask: impl FnMut(&mut Self, T) -> Result<bool, Trouble>,
    ) -> Found<'a> {
        let mut first = None;
        for part in parts {
            match ask(self, part) {
                Ok(answer) if answer == end => return Ok(Value::Bool(end)),
                Ok(_) => {}
                Err(trouble) if trouble.limit => return Err(trouble),
                Err(trouble) => first = first.or(Some(trouble)),
            }
        }
        first.map_or(Ok(Value::Bool(!end)), Err)
    }

    fn map(&mut self, op: &'a Op) -> Result<Map<'a>, Trouble> {
        match self.evaluate(op)? {
            Value::Map(map) => Ok(map),
            other => Err(trouble(op.at, format!("{} has no fields", other.kind()))),
        }
    }

    /// What stands under a name. To find it in a map that the expression made, all of it is looked through.
    fn look(&mut self, map: &Map<'a>, name: &str, at: usize) -> Result<Option<Value<'a>>, Trouble> {
        if let Map::Made(entries) = map {
            self.step(at, entries.len() * (1 + name.len() / STRIDE))?;
        }
        Ok(map.get(name))
    }

    fn field(&mut self, inner: &'a Op, name: &str, at: usize) -> Found<'a> {
        let map = self.map(inner)?;
        let value = self.look(&map, name, at)?;
        value.ok_or_else(|| trouble(at, format!("there is no `{name}`: ask has(….{name}) first")))
    }

    fn index(&mut self, inner: &'a Op, place: &'a Op) -> Found<'a> {
        let (of, by) = (self.evaluate(inner)?, self.evaluate(place)?);
        match (&of, &by, by.as_text()) {
            (Value::List(values), Value::Int(index), _) => {
                let value = usize::try_from(*index).ok().and_then(|index| values.get(index));
                let what = || format!("there is no [{index}] in a list of {}: ask its size first", values.len());
                value.ok_or_else(|| trouble(place.at, what()))
            }
            (Value::Map(map), _, Some(name)) => {
                let value = self.look(map, name, place.at)?;
                value.ok_or_else(|| trouble(place.at, "there is no such name in this map: ask `in` first"))
            }
            _ => Err(trouble(place.at, format!("{} is no place in {}", by.kind(), of.kind()))),
        }
    }

    fn negate(&mut self, inner: &'a Op) -> Found<'a> {
        let large = || trouble(inner.at, "this number has no partner below zero");
        match self.evaluate(inner)? {
            Value::Int(value) => value.checked_neg().map(Value::Int).ok_or_else(large),
            Value::Duration(value) => value.checked_neg().map(Value::Duration).ok_or_else(large),
            Value::Double(value) => Ok(Value::Double(-value)),
            other => Err(trouble(inner.at, format!("`-` takes a number, and this is {}", other.kind()))),
        }
    }

    fn binary(&mut self, operator: Binary, a: Value<'a>, b: Value<'a>, at: usize) -> Found<'a> {
        let told = |what: String| trouble(at, what);
        match operator {
            Binary::Equal => Ok(Value::Bool(self.equal(&a, &b, at)?)),
            Binary::Unequal => Ok(Value::Bool(!self.equal(&a, &b, at)?)),
            Binary::In => self.is_in(&a, &b, at),
            Binary::Less | Binary::AtMost | Binary::More | Binary::AtLeast => {
                self.step(at, a.bulk().min(b.bulk()) / STRIDE)?;
                compare(operator, &a, &b).map_err(told)
            }
            Binary::Add => match (&a, &b) {
                (Value::List(a), Value::List(b)) => {
                    self.room(at, (a.len() + b.len()) * ELEMENT)?;
                    Ok(Value::list(a.iter().chain(b.iter()).collect()))
                }
                (a, b) => match a.as_text().zip(b.as_text()) {
                    Some((a, b)) => {
                        self.room(at, a.len() + b.len())?;
                        Ok(Value::text([a, b].concat()))
                    }
                    None => compute(operator, a, b).map_err(told),
                },
            },
            _ => compute(operator, &a, &b).map_err(told),
        }
    }

    fn equal(&mut self, a: &Value<'a>, b: &Value<'a>, at: usize) -> Result<bool, Trouble> {
        self.step(at, 1 + a.bulk().min(b.bulk()) / STRIDE)?;
        Ok(match (a, b) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b))
            | (Value::Time(a), Value::Time(b))
            | (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::List(a), Value::List(b)) => {
                let alike = a.len() == b.len();
                alike && self.all_equal(a, b, at)?
            }
            (Value::Map(a), Value::Map(b)) => self.same_entries(a, b, at)?,
            _ => match (a.as_double().zip(b.as_double()), a.as_text().zip(b.as_text())) {
                (Some((a, b)), _) => a == b,
                (_, Some((a, b))) => a == b,
                _ => false,
            },
        })
    }

    fn all_equal(&mut self, a: &List<'a>, b: &List<'a>, at: usize) -> Result<bool, Trouble> {
        for (a, b) in a.iter().zip(b.iter()) {
            if !self.equal(&a, &b, at)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn same_entries(&mut self, a: &Map<'a>, b: &Map<'a>, at: usize) -> Result<bool, Trouble> {
        if a.size() != b.size() {
            return Ok(false);
        }
        self.step(at, a.size())?;
        for key in a.keys() {
            let name = key.as_text().unwrap_or_default();
            let alike = match (self.look(a, name, at)?, self.look(b, name, at)?) {
                (Some(a), Some(b)) => self.equal(&a, &b, at)?,
                _ => false,
            };
            if !alike {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_in(&mut self, value: &Value<'a>, of: &Value<'a>, at: usize) -> Found<'a> {
        match of {
            Value::List(values) => {
                self.until(true, values.iter(), |machine, element| machine.equal(value, &element, at))
            }
            Value::Map(map) => {
                let found = value.as_text().map(|name| self.look(map, name, at)).transpose()?;
                Ok(Value::Bool(found.flatten().is_some()))
            }
            other => Err(trouble(at, format!("`in` looks into a list or a map, and this is {}", other.kind()))),
        }
    }

    fn make(&mut self, entries: &'a [(Op, Op)], at: usize) -> Found<'a> {
        self.room(at, entries.len() * ELEMENT * 2)?;
        let mut made: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let name = self.evaluate(key)?;
            let Some(text) = name.as_text() else {
                return Err(trouble(key.at, format!("the names in a map are strings, and this is {}", name.kind())));
            };
            self.step(at, made.len())?;
            if made.iter().any(|(own, _)| own.as_text() == Some(text)) {
                return Err(trouble(key.at, "this name is in the map already"));
            }
            let value = self.evaluate(value)?;
            made.push((name, value));
        }
        Ok(Value::Map(Map::Made(Rc::new(made))))
    }

    fn call(&mut self, function: &'static Function, arguments: &'a [Op], at: usize) -> Found<'a> {
        let mut given = Vec::with_capacity(arguments.len());
        for (argument, kinds) in arguments.iter().zip(function.takes) {
            let value = self.evaluate(argument)?;
            if !kinds.has_value(&value) {
                let what = format!("`{}` takes {} here, and this is {}", function.name, kinds.words(), value.kind());
                return Err(trouble(argument.at, what));
            }
            given.push(value);
        }
        // Each function looks through its arguments once, and makes one value at most.
        let bulk: usize = given.iter().filter_map(Value::as_text).map(str::len).sum();
        self.step(at, bulk / STRIDE)?;
        let value = (function.run)(function.name, &given).map_err(|what| trouble(at, what))?;
        if let Value::Text(text) = &value {
            self.room(at, text.len())?;
        }
        Ok(value)
    }

    fn each(&mut self, each: &'a Loop, at: usize) -> Found<'a> {
        let values = match self.evaluate(&each.over)? {
            Value::List(values) => values,
            Value::Map(map) => {
                self.room(at, map.size() * ELEMENT)?;
                List::Made(Rc::new(map.keys()))
            }
            other => return Err(trouble(at, format!("this goes through a list, and is given {}", other.kind()))),
        };
        match each.kind {
            Each::Exists => self.until(true, values.iter(), |machine, value| machine.of_one(value, &each.body)),
            Each::All => self.until(false, values.iter(), |machine, value| machine.of_one(value, &each.body)),
            Each::ExistsOne => {
                let mut count = 0;
                for value in values.iter() {
                    count += usize::from(self.of_one(value, &each.body)?);
                }
                Ok(Value::Bool(count == 1))
            }
            Each::Filter | Each::Map => self.gather(each, &values, at),
        }
    }

    /// The elements of which it is true, or what is made of each.
    fn gather(&mut self, each: &'a Loop, values: &List<'a>, at: usize) -> Found<'a> {
        let mut made = Vec::new();
        for value in values.iter() {
            let only = each.only.as_ref().or(Some(&each.body).filter(|_| each.kind == Each::Filter));
            if let Some(only) = only
                && !self.of_one(value.clone(), only)?
            {
                continue;
            }
            self.room(at, ELEMENT)?;
            made.push(match each.kind {
                Each::Filter => value,
                _ => self.within(value, |machine| machine.evaluate(&each.body))?,
            });
        }
        Ok(Value::list(made))
    }

    /// Whether something is true of one element.
    fn of_one(&mut self, value: Value<'a>, body: &'a Op) -> Result<bool, Trouble> {
        self.within(value, |machine| machine.bool(body))
    }

    /// Looks at an element under its name.
    fn within<T>(&mut self, value: Value<'a>, look: impl FnOnce(&mut Self) -> T) -> T {
        self.locals.push(value);
        let found = look(self);
        self.locals.pop();
        found
    }
}

fn trouble(at: usize, what: impl Into<String>) -> Trouble {
    Trouble { at, what: what.into(), limit: false }
}
