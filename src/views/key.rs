//! What the rows of a view are about: `by = ["camera", "minute", "header:room", "values.gender"]`.

use std::borrow::Cow;
use std::fmt;

use operators::views::Cell;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

use super::seed::Seed;
use crate::clock;

/// One thing that a row is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The camera.
    Camera,
    /// The class of what was found.
    Class,
    /// The minute of the frame (UTC): `2026-11-21T08:30`.
    Minute,
    /// The hour: `2026-11-21T08`.
    Hour,
    /// The day: `2026-11-21`.
    Date,
    /// A header of the frame's message.
    Header(String),
    /// What a step found out about the frame.
    Value(String),
}

/// How keys are written.
const KNOWN: &str = "camera, class, minute, hour, date, noise, header:NAME, values.NAME";

impl Key {
    /// The key of that name, if there is one.
    pub fn parse(name: &str) -> Option<Self> {
        let named = |start: &str| name.strip_prefix(start).filter(|rest| !rest.is_empty()).map(str::to_owned);
        Some(match name {
            "camera" => Self::Camera,
            "class" => Self::Class,
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "date" => Self::Date,
            // What the step `noise` says of itself.
            "noise" => Self::Value(name.to_owned()),
            _ => named("header:").map(Self::Header).or_else(|| named("values.").map(Self::Value))?,
        })
    }

    /// What it is for this frame. Nothing, where nothing is said; a class is not the frame's own.
    pub fn of(&self, seed: &Seed<'_>) -> Cell {
        let moment = |length: usize| Cell::from(&clock::rfc3339(seed.at())[..length]);
        match self {
            Self::Camera => seed.camera.into(),
            Self::Class => Cell::Empty,
            Self::Minute => moment("2026-11-21T08:30".len()),
            Self::Hour => moment("2026-11-21T08".len()),
            Self::Date => moment("2026-11-21".len()),
            Self::Header(name) => seed.headers.and_then(|headers| headers.get(name)).map_or(Cell::Empty, Cell::from),
            Self::Value(name) => seed.values.get(name).map_or(Cell::Empty, cell),
        }
    }
}

/// A value as a cell; what is neither a number nor a text is its JSON.
fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Empty,
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().map_or(Cell::Empty, Cell::from),
        },
        other => other.to_string().as_str().into(),
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Camera => f.write_str("camera"),
            Self::Class => f.write_str("class"),
            Self::Minute => f.write_str("minute"),
            Self::Hour => f.write_str("hour"),
            Self::Date => f.write_str("date"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Value(name) if name == "noise" => f.write_str("noise"),
            Self::Value(name) => write!(f, "values.{name}"),
        }
    }
}

impl serde::Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        Self::parse(&name)
            .ok_or_else(|| D::Error::custom(format!("\"{name}\" is nothing to count by. Known here: {KNOWN}")))
    }
}

impl JsonSchema for Key {
    fn schema_name() -> Cow<'static, str> {
        "Key".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What rows are about: `camera`, `class`, `minute`, `hour`, `date`, `noise`, `header:NAME`, `values.NAME`",
            "type": "string",
            "pattern": "^(camera|class|minute|hour|date|noise|header:.+|values\\..+)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use operators::UnixMillis;

    use super::*;
    use crate::picture::tests::picture;

    /// Catches a key that is read as another one than it is shown, and a moment that is cut in the wrong place.
    #[test]
    fn a_key_is_shown_as_it_is_written_and_says_what_it_is_of_a_frame() {
        let mut picture = picture("jpeg".into());
        picture.frame.captured_at = Some(UnixMillis(1_795_249_801_250));
        picture.values = [("noise", 25.into()), ("sure", true.into()), ("label", "cat".into())]
            .map(|(name, value): (&str, Value)| (name.to_owned(), value))
            .into();
        let seed = Seed::from(&picture);
        let cells: [(&str, Cell); 9] = [
            ("camera", "door".into()),
            ("minute", "2026-11-21T08:30".into()),
            ("hour", "2026-11-21T08".into()),
            ("date", "2026-11-21".into()),
            ("noise", 25.into()),
            ("values.label", "cat".into()),
            ("values.sure", "true".into()),
            ("values.nobody", Cell::Empty),
            ("header:room", Cell::Empty),
        ];
        for (name, cell) in cells {
            let key = Key::parse(name).expect("a key");
            assert_eq!((key.to_string().as_str(), key.of(&seed)), (name, cell));
        }
        assert!(["", "cameras", "header:", "values.", "value.x"].into_iter().all(|name| Key::parse(name).is_none()));
    }
}
