//! Topics and paths with names in them: `cameras/{camera}/raw`, `out/{values.gender}/{id}.jpg`.
//!
//! What a field stands for is known wherever a frame is. What an expression comes to is known only where the steps run: it
//! is evaluated there ([`Sayings`]), and travels with what is written ([`Said`]).

mod makes;
mod read;
mod said;

use std::fmt::Write;
use std::sync::Arc;

use crate::clock;
use crate::expressions::{Expression, Variable};

pub use read::levels;
pub use said::{Said, Sayings};

/// A text with fields and expressions in braces. Values are escaped when it is filled, so that no name adds a level or
/// leaves the folder. `{{` and `}}` stand for braces.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
    /// The pieces of each level, which every topic that comes is held against.
    levels: Vec<Vec<Piece>>,
    expressions: Vec<Arc<Expression>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field),
    /// An expression, by its text.
    Said(Box<str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Camera,
    Id,
    Number,
    Job,
    Date,
    Reason,
}

const FIELDS: [(&str, Field); 6] = [
    ("camera", Field::Camera),
    ("id", Field::Id),
    ("number", Field::Number),
    ("job", Field::Job),
    ("date", Field::Date),
    ("reason", Field::Reason),
];

/// What a template's fields stand for, for one frame.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// `{job}`
    pub job: &'a str,
    /// `{camera}`, `{id}`, `{number}`, and `{date}` (of captured_at, else received_at; UTC, `2026-11-21`).
    pub frame: &'a operators::Frame,
    /// `{reason}`: known for dead letters alone.
    pub reason: Option<operators::Reason>,
    /// What its expressions came to.
    pub said: &'a Said,
}

/// What a topic said of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// What stood at `{camera}`.
    pub camera: Option<String>,
    /// What stood at `{number}`, if it is a number.
    pub number: Option<u64>,
    /// What stood at `{id}`.
    pub id: Option<String>,
}

impl Template {
    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text with every field replaced by its value, escaped.
    pub fn fill(&self, names: &Names<'_>) -> String {
        let mut filled = String::with_capacity(self.text.len() + 32);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                piece => filled.push_str(&escape(&value(piece, names))),
            }
        }
        filled
    }

    /// As [`Template::fill`], with every value escaped once more by `more`.
    pub fn fill_as(&self, names: &Names<'_>, more: impl Fn(&str) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            piece => more(&escape(&value(piece, names))),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// What every filled text begins with: all before the first field.
    pub fn prefix(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// All that stands as it is.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Field(_) | Piece::Said(_) => None,
        })
    }

    /// Whether it has a field or an expression.
    pub fn has_fields(&self) -> bool {
        self.pieces.iter().any(|piece| !matches!(piece, Piece::Text(_)))
    }

    /// Whether expressions stand in it.
    pub fn has_expressions(&self) -> bool {
        !self.expressions.is_empty()
    }

    /// Whether `{id}` is in it, as a field or within an expression: without it, frames of a camera share names.
    pub fn names_the_id(&self) -> bool {
        self.pieces.contains(&Piece::Field(Field::Id))
            || self.expressions.iter().any(|expression| expression.names(Variable::Id))
    }

    /// The MQTT filter that matches it: a level with a field in it becomes `+`.
    pub fn filter(&self) -> String {
        let level = |level: &Vec<Piece>| match level.as_slice() {
            [] => String::new(),
            [Piece::Text(text)] => text.clone(),
            _ => "+".to_owned(),
        };
        self.levels.iter().map(level).collect::<Vec<_>>().join("/")
    }

    /// What the fields stand for in `text`, or `None` where it does not fit. Levels are divided by `/`; a field may be a
    /// part of its level. A level `+` fits any, and `#` at the end fits all that follows, as in an MQTT filter.
    pub fn capture(&self, text: &str) -> Option<Captured> {
        let mut captured = Captured::default();
        let mut given = text.split('/');
        for level in &self.levels {
            let is = |wild: &str| matches!(level.as_slice(), [Piece::Text(text)] if text == wild);
            if is("#") {
                return Some(captured);
            }
            let given = given.next()?;
            if !is("+") {
                fit(level, given, &mut captured).then_some(())?;
            }
        }
        given.next().is_none().then_some(captured)
    }
}

/// What a piece that is no text stands for.
fn value(piece: &Piece, names: &Names<'_>) -> String {
    match piece {
        Piece::Text(text) => text.clone(),
        Piece::Field(field) => field.value(names),
        Piece::Said(expression) => names.said.of(expression).to_owned(),
    }
}

impl Field {
    fn value(self, names: &Names<'_>) -> String {
        let frame = names.frame;
        match self {
            Self::Camera => frame.camera.to_string(),
            Self::Id => frame.id.to_string(),
            Self::Number => frame.number.to_string(),
            Self::Job => names.job.to_owned(),
            Self::Date => clock::date(frame.captured_at.unwrap_or(frame.received_at)),
            Self::Reason => names.reason.map(|reason| reason.to_string()).unwrap_or_default(),
        }
    }
}

/// The longest value in bytes; file systems take names of 255.
const LONGEST: usize = 200;

/// A value as it may stand in a path or a topic. Different values stay different: what is escaped is written `%2F`, and
/// `%` itself is escaped, so that `%empty` and `%~` (in front of a hash) come from nowhere else.
fn escape(value: &str) -> String {
    if value.is_empty() {
        return "%empty".to_owned();
    }
    let mut escaped = String::with_capacity(value.len());
    for (at, char) in value.char_indices() {
        let leads = at == 0 && matches!(char, '.' | '$' | ' ');
        match char {
            '/' | '\\' | '+' | '#' | '%' => percent(&mut escaped, char),
            _ if leads || char.is_control() => percent(&mut escaped, char),
            _ => escaped.push(char),
        }
    }
    if escaped.len() > LONGEST { shorten(value, &escaped) } else { escaped }
}

fn percent(escaped: &mut String, char: char) {
    for byte in char.encode_utf8(&mut [0; 4]).bytes() {
        write!(escaped, "%{byte:02X}").expect("a string takes all");
    }
}

/// The start of a value that is too long, and the hash of all of it.
fn shorten(value: &str, escaped: &str) -> String {
    let hash = &blake3::hash(value.as_bytes()).to_hex()[..32];
    let start = escaped.floor_char_boundary(LONGEST - hash.len() - "%~".len());
    format!("{}%~{hash}", &escaped[..start])
}

/// Whether the pieces of one level fit `text`, and what they stand for. A field takes as much as it can.
fn fit(pieces: &[Piece], text: &str, captured: &mut Captured) -> bool {
    match pieces {
        [] => text.is_empty(),
        [Piece::Text(start), rest @ ..] => {
            text.strip_prefix(start.as_str()).is_some_and(|text| fit(rest, text, captured))
        }
        [piece, rest @ ..] => {
            let ends = text.char_indices().map(|(at, char)| at + char.len_utf8()).rev();
            for end in ends {
                let (own, others) = text.split_at(end);
                if fit(rest, others, captured) {
                    captured.set(piece, own);
                    return true;
                }
            }
            false
        }
    }
}

impl Captured {
    fn set(&mut self, piece: &Piece, text: &str) {
        match piece {
            Piece::Field(Field::Camera) => self.camera = Some(text.to_owned()),
            Piece::Field(Field::Id) => self.id = Some(text.to_owned()),
            Piece::Field(Field::Number) => self.number = text.parse().ok(),
            Piece::Field(Field::Job | Field::Date | Field::Reason) | Piece::Said(_) | Piece::Text(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
