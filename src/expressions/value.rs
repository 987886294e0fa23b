//! What an expression works with while it is evaluated. Texts, lists and maps of the frame are borrowed, never copied.

use std::collections::BTreeMap;
use std::rc::Rc;

use ::operators::Headers;
use serde_json::Value as Json;

use super::tree::Literal;
use crate::report::Detection;

/// A value. To clone one costs no more than a count.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
    /// A text of the frame or of the expression.
    Str(&'a str),
    /// A text that was made.
    Text(Rc<str>),
    /// A moment, in milliseconds since 1970.
    Time(i64),
    /// Milliseconds.
    Duration(i64),
    /// Values in an order.
    List(List<'a>),
    /// Values by names.
    Map(Map<'a>),
}

/// Values in an order, from wherever they are.
#[derive(Clone, Debug)]
pub enum List<'a> {
    /// A list out of what steps found out.
    Json(&'a [Json]),
    /// A list that was made.
    Made(Rc<Vec<Value<'a>>>),
}

/// Values by names, from wherever they are.
#[derive(Clone, Debug)]
pub enum Map<'a> {
    /// A thing that was found.
    Found(&'a Detection),
    /// What steps found out.
    Values(&'a BTreeMap<String, Json>),
    /// What was said beside the frame.
    Headers(&'a Headers),
    /// A part of what steps found out.
    Object(&'a serde_json::Map<String, Json>),
    /// A map that the expression makes.
    Made(Rc<Vec<(Value<'a>, Value<'a>)>>),
}

impl<'a> Value<'a> {
    /// A list of these.
    pub fn list(values: Vec<Value<'a>>) -> Self {
        Value::List(List::Made(Rc::new(values)))
    }

    /// A text that was made.
    pub fn text(text: String) -> Self {
        Value::Text(text.into())
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_double(&self) -> Option<f64> {
        match self {
            Value::Int(value) => Some(*value as f64),
            Value::Double(value) => Some(*value),
            _ => None,
        }
    }

    /// What it is, as it stands in a sentence.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a bool",
            Value::Int(_) => "an int",
            Value::Double(_) => "a double",
            Value::Str(_) | Value::Text(_) => "a string",
            Value::Time(_) => "a timestamp",
            Value::Duration(_) => "a duration",
            Value::List(_) => "a list",
            Value::Map(Map::Found(_)) => "a detection",
            Value::Map(_) => "a map",
        }
    }

    /// How much there is to copy or to look through: elements, or bytes of text.
    pub fn bulk(&self) -> usize {
        match self {
            Value::Str(text) => text.len(),
            Value::Text(text) => text.len(),
            Value::List(values) => values.len(),
            Value::Map(map) => map.size(),
            _ => 0,
        }
    }

    /// What stands in the expression itself.
    pub fn of_literal(literal: &'a Literal) -> Self {
        match literal {
            Literal::Null => Value::Null,
            Literal::Bool(value) => Value::Bool(*value),
            Literal::Int(value) => Value::Int(*value),
            Literal::Double(value) => Value::Double(*value),
            Literal::Text(text) => Value::Str(text),
        }
    }

    /// What stands in JSON. It costs the same for each: what is in a list or an object is looked at when it is asked for.
    pub fn of_json(json: &'a Json) -> Self {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => {
                number.as_i64().map_or_else(|| Value::Double(number.as_f64().unwrap_or(f64::NAN)), Value::Int)
            }
            Json::String(text) => Value::Str(text),
            Json::Array(values) => Value::List(List::Json(values)),
            Json::Object(map) => Value::Map(Map::Object(map)),
        }
    }
}

impl<'a> List<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            List::Json(values) => values.len(),
            List::Made(values) => values.len(),
        }
    }

    /// The one at a place, from 0.
    pub fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            List::Json(values) => values.get(index).map(Value::of_json),
            List::Made(values) => values.get(index).cloned(),
        }
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<'a> Map<'a> {
    /// How many names it has.
    pub fn size(&self) -> usize {
        match self {
            Map::Found(found) => FIELDS.len() - usize::from(found.landmarks.is_none()),
            Map::Values(map) => map.len(),
            Map::Headers(map) => map.len(),
            Map::Object(map) => map.len(),
            Map::Made(entries) => entries.len(),
        }
    }

    /// Its names, in its order.
    pub fn keys(&self) -> Vec<Value<'a>> {
        match self {
            Map::Found(found) => {
                FIELDS.iter().filter(|name| field(found, name).is_some()).map(|name| Value::Str(name)).collect()
            }
            Map::Values(map) => map.keys().map(|key| Value::Str(key)).collect(),
            Map::Headers(map) => map.iter().map(|(key, _)| Value::Str(key)).collect(),
            Map::Object(map) => map.keys().map(|key| Value::Str(key)).collect(),
            Map::Made(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
        }
    }

    /// What stands under a name.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Map::Found(found) => field(found, name),
            Map::Values(map) => map.get(name).map(Value::of_json),
            Map::Headers(map) => map.get(name).map(Value::Str),
            Map::Object(map) => map.get(name).map(Value::of_json),
            Map::Made(entries) => {
                entries.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value.clone())
            }
        }
    }
}

/// The fields of a detection.
pub const FIELDS: [&str; 10] = ["label", "score", "class", "box", "x", "y", "width", "height", "area", "landmarks"];

/// A field of a detection. Its numbers are those that the report tells.
fn field<'a>(found: &'a Detection, name: &str) -> Option<Value<'a>> {
    let rounded = |value: f32, of: f64| Value::Double((f64::from(value) * of).round() / of);
    let pixels = |value: f32| rounded(value, 100.0);
    let [x, y, width, height] = found.area;
    Some(match name {
        "label" => Value::Str(&found.label),
        // A score of 0.8 is 0.8 here, not the 0.800000011920929 that an f32 makes of it.
        "score" => rounded(found.score, 1e6),
        "class" => Value::Int(found.class as i64),
        "box" => Value::list([x, y, width, height].map(pixels).to_vec()),
        "x" => pixels(x),
        "y" => pixels(y),
        "width" => pixels(width),
        "height" => pixels(height),
        "area" => Value::Double((f64::from(width) * f64::from(height) * 100.0).round() / 100.0),
        "landmarks" => Value::list(found.landmarks?.map(|point| Value::list(point.map(pixels).to_vec())).to_vec()),
        _ => return None,
    })
}
