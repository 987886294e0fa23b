//! The functions that expressions may call. There are no others: nothing here reads a file, asks a server or runs a
//! program, and each takes time in proportion to what it is given.

use super::moment;
use super::types::Type;
use super::value::Value;
use crate::clock;
use operators::UnixMillis;

/// One function, for one way to call it.
pub struct Function {
    /// What it is called.
    pub name: &'static str,
    /// Whether it stands behind a point: `camera.contains("a")`.
    pub method: bool,
    /// What each argument may be; what stands before the point is the first.
    pub takes: &'static [Kinds],
    /// What comes of it.
    pub gives: Type,
    /// Does it: with its name, as some share their code.
    pub run: for<'a> fn(&'static str, &[Value<'a>]) -> Answer<'a>,
}

/// What comes of a function, or why nothing does.
pub type Answer<'a> = Result<Value<'a>, String>;

/// Some of the types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u8);

const BOOL: Kinds = Kinds(1);
const INT: Kinds = Kinds(2);
const DOUBLE: Kinds = Kinds(4);
const TEXT: Kinds = Kinds(8);
const TIME: Kinds = Kinds(16);
const DURATION: Kinds = Kinds(32);
const LIST: Kinds = Kinds(64);
const MAP: Kinds = Kinds(128);
const SIZED: Kinds = TEXT.or(LIST).or(MAP);
const ANY: Kinds = Kinds(255);

impl Kinds {
    const NAMES: [(Kinds, Type); 6] = [
        (BOOL, Type::Bool),
        (INT, Type::Int),
        (DOUBLE, Type::Double),
        (TEXT, Type::Text),
        (TIME, Type::Time),
        (DURATION, Type::Duration),
    ];

    const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// Whether a value of that type is one of them, or may be.
    pub fn has(self, of: &Type) -> bool {
        let own = match of.sure() {
            Type::Any => return true,
            Type::Null => Kinds(0),
            Type::List(_) => LIST,
            Type::Map(_) | Type::Detection => MAP,
            other => Self::NAMES.into_iter().find(|(_, of)| of == other).map_or(Kinds(0), |(kind, _)| kind),
        };
        self == ANY || self.0 & own.0 != 0
    }

    /// Whether a value is one of them.
    pub fn has_value(self, value: &Value<'_>) -> bool {
        let own = match value {
            Value::Null => Kinds(0),
            Value::Bool(_) => BOOL,
            Value::Int(_) => INT,
            Value::Double(_) => DOUBLE,
            Value::Str(_) | Value::Text(_) => TEXT,
            Value::Time(_) => TIME,
            Value::Duration(_) => DURATION,
            Value::List(_) => LIST,
            Value::Map(_) => MAP,
        };
        self == ANY || self.0 & own.0 != 0
    }

    /// As they stand in a sentence: `a string, a list or a map`.
    pub fn words(self) -> String {
        let plain = Self::NAMES.into_iter().map(|(kind, of)| (kind, of.to_string()));
        let all = plain.chain([(LIST, "a list".to_owned()), (MAP, "a map".to_owned())]);
        let mut words: Vec<_> = all.filter(|(kind, _)| self.0 & kind.0 != 0).map(|(_, word)| word).collect();
        let last = words.pop().unwrap_or_default();
        if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) }
    }
}

/// A row of the table.
macro_rules! function {
    ($name:literal ($($takes:expr),*) -> $gives:ident, $run:expr) => {
        Function { name: $name, method: false, takes: &[$($takes),*], gives: Type::$gives, run: $run }
    };
    (.$name:literal ($($takes:expr),*) -> $gives:ident, $run:expr) => {
        Function { name: $name, method: true, takes: &[$($takes),*], gives: Type::$gives, run: $run }
    };
}

/// Every function.
pub static FUNCTIONS: &[Function] = &[
    function!("size"(SIZED) -> Int, size),
    function!(."size"(SIZED) -> Int, size),
    function!(."contains"(TEXT, TEXT) -> Bool, |_, given| Ok(Value::Bool(text(given, 0).contains(text(given, 1))))),
    function!(."startsWith"(TEXT, TEXT) -> Bool, |_, given| Ok(Value::Bool(text(given, 0).starts_with(text(given, 1))))),
    function!(."endsWith"(TEXT, TEXT) -> Bool, |_, given| Ok(Value::Bool(text(given, 0).ends_with(text(given, 1))))),
    function!(."lowerAscii"(TEXT) -> Text, |_, given| Ok(Value::text(text(given, 0).to_ascii_lowercase()))),
    function!(."upperAscii"(TEXT) -> Text, |_, given| Ok(Value::text(text(given, 0).to_ascii_uppercase()))),
    function!("int"(INT.or(DOUBLE).or(TEXT).or(TIME)) -> Int, int),
    function!("double"(INT.or(DOUBLE).or(TEXT)) -> Double, double),
    function!("string"(BOOL.or(INT).or(DOUBLE).or(TEXT).or(TIME).or(DURATION)) -> Text, string),
    function!("dyn"(ANY) -> Any, |_, given| Ok(given[0].clone())),
    function!("timestamp"(INT.or(TEXT).or(TIME)) -> Time, timestamp),
    function!("duration"(TEXT.or(DURATION)) -> Duration, duration),
    function!(."getFullYear"(TIME) -> Int, of_time),
    function!(."getFullYear"(TIME, TEXT) -> Int, of_time),
    function!(."getMonth"(TIME) -> Int, of_time),
    function!(."getMonth"(TIME, TEXT) -> Int, of_time),
    function!(."getDate"(TIME) -> Int, of_time),
    function!(."getDate"(TIME, TEXT) -> Int, of_time),
    function!(."getDayOfMonth"(TIME) -> Int, of_time),
    function!(."getDayOfMonth"(TIME, TEXT) -> Int, of_time),
    function!(."getDayOfYear"(TIME) -> Int, of_time),
    function!(."getDayOfYear"(TIME, TEXT) -> Int, of_time),
    function!(."getDayOfWeek"(TIME) -> Int, of_time),
    function!(."getDayOfWeek"(TIME, TEXT) -> Int, of_time),
    function!(."getHours"(TIME.or(DURATION)) -> Int, of_time),
    function!(."getHours"(TIME, TEXT) -> Int, of_time),
    function!(."getMinutes"(TIME.or(DURATION)) -> Int, of_time),
    function!(."getMinutes"(TIME, TEXT) -> Int, of_time),
    function!(."getSeconds"(TIME.or(DURATION)) -> Int, of_time),
    function!(."getSeconds"(TIME, TEXT) -> Int, of_time),
    function!(."getMilliseconds"(TIME.or(DURATION)) -> Int, of_time),
    function!(."getMilliseconds"(TIME, TEXT) -> Int, of_time),
];

/// The rows of a name, for one way to call it.
pub fn named(name: &str, method: bool) -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().filter(move |row| row.name == name && row.method == method)
}

/// The last moment that an expression knows: the last one of the year 9999.
const LAST: i64 = 253_402_300_799_999;

/// A moment, if it lies in the years 1970 to 9999.
pub fn moment_at(ms: Option<i64>) -> Answer<'static> {
    let sound = ms.filter(|ms| (0..=LAST).contains(ms)).map(Value::Time);
    sound.ok_or_else(|| "this moment lies outside the years 1970 to 9999".to_owned())
}

/// The text at a place; the machine has looked that it is one.
fn text<'v>(given: &'v [Value<'_>], at: usize) -> &'v str {
    given[at].as_text().unwrap_or_default()
}

fn size<'a>(_: &'static str, given: &[Value<'a>]) -> Answer<'a> {
    let size = given[0].as_text().map_or_else(|| given[0].bulk(), |text| text.chars().count());
    Ok(Value::Int(size as i64))
}

fn int<'a>(_: &'static str, given: &[Value<'a>]) -> Answer<'a> {
    let whole = match &given[0] {
        Value::Int(value) => Some(*value),
        Value::Double(value) => (value.abs() < 9.2e18).then_some(*value as i64),
        Value::Time(ms) => Some(ms.div_euclid(1000)),
        other => other.as_text().and_then(|text| text.parse().ok()),
    };
    whole.map(Value::Int).ok_or_else(|| format!("{} is no whole number", shown(&given[0])))
}

fn double<'a>(_: &'static str, given: &[Value<'a>]) -> Answer<'a> {
    let number = given[0].as_double().or_else(|| given[0].as_text()?.parse().ok());
    number.map(Value::Double).ok_or_else(|| format!("{} is no number", shown(&given[0])))
}

fn string<'a>(_: &'static str, given: &[Value<'a>]) -> Answer<'a> {
    match written(&given[0]) {
        _ if given[0].as_text().is_some() => Ok(given[0].clone()),
        Some(text) => Ok(Value::text(text)),
        None => Err(format!("{} can't be written as a string", given[0].kind())),
    }
}

/// A value as text; `None` for what has no such form.
pub fn written(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Time(ms) => clock::rfc3339(UnixMillis(ms.unsigned_abs())),
        Value::Duration(ms) => moment::written(*ms),
        other => other.as_text()?.to_owned(),
    })
}

fn timestamp<'a>(_: &'static str, given: &[Value<'a>]) -> Answer<'a> {
    let ms = match &given[0] {
        Value::Time(ms) => Some(*ms),
        Value::Int(seconds) => seconds.checked_mul(1000),
        other => {
            let at = other.as_text().and_then(clock::parse).and_then(|at| i64::try_from(at.0).ok());
            let what = || format!("{} is no moment: write it as \"2026-11-21T08:30:00Z\"", shown(other));
            Some(at.ok_or_else(what)?)
        }
    };
    moment_at(ms)
}

fn duration<'a>(_: &'static str, given: &[Value<'a>]) -> Answer<'a> {
    let ms = match &given[0] {
        Value::Duration(ms) => Some(*ms),
        other => other.as_text().and_then(moment::duration),
    };
    let what = || format!("{} is no duration: write it as \"1h30m\", \"1.5s\" or \"250ms\"", shown(&given[0]));
    ms.map(Value::Duration).ok_or_else(what)
}

fn of_time<'a>(name: &'static str, given: &[Value<'a>]) -> Answer<'a> {
    let ms = match given[0] {
        Value::Duration(ms) => return Ok(Value::Int(moment::of_duration(name, ms))),
        Value::Time(ms) => ms,
        _ => 0,
    };
    let zone = given.get(1).and_then(Value::as_text).unwrap_or("UTC");
    let what = || format!("\"{}\" is no offset: write it as \"+02:00\"", short(zone));
    Ok(Value::Int(moment::of_time(name, ms + moment::offset(zone).ok_or_else(what)?)))
}

/// A value in a sentence.
fn shown(value: &Value<'_>) -> String {
    match (value.as_text(), written(value)) {
        (Some(text), _) => format!("\"{}\"", short(text)),
        (None, Some(text)) => text,
        (None, None) => value.kind().to_owned(),
    }
}

/// The start of a text: it comes from outside, and goes into a sentence.
pub fn short(text: &str) -> String {
    const MOST: usize = 60;
    let start: String = text.chars().take(MOST).map(|char| if char.is_control() { ' ' } else { char }).collect();
    if start.len() < text.len() { start + "…" } else { start }
}
