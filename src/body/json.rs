//! A message that is a JSON object with a picture in it.

use std::borrow::Cow;
use std::fmt;

use operators::{Flaw, Headers, UnixMillis};
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Body, bad, picture};
use crate::clock;

/// Takes a message apart.
///
/// # Errors
/// A flaw that names the field.
pub fn json(text: &str) -> Result<Body, Flaw> {
    let message: Message<'_> =
        serde_json::from_str(text).map_err(|error| bad(format!("the JSON is wrong: {error}")))?;
    Ok(Body {
        bytes: picture(&message.image)
            .map_err(|flaw| Flaw { detail: format!("field `image`: {}", flaw.detail), ..flaw })?,
        camera: field("camera", &message.camera, "a text that is not empty", camera)?,
        number: field("number", &message.number, "a whole number from 0 on", Value::as_u64)?,
        captured_at: field("captured_at", &message.captured_at, "RFC 3339 text or a Unix time", moment)?,
        headers: message.headers,
    })
}

/// The fields as they stand; wrong types are found afterwards, so that the flaw names the field.
struct Message<'a> {
    image: Cow<'a, str>,
    camera: Value,
    number: Value,
    captured_at: Value,
    headers: Headers,
}

impl<'de> Deserialize<'de> for Message<'de> {
    fn deserialize<D: Deserializer<'de>>(message: D) -> Result<Self, D::Error> {
        message.deserialize_map(Fields)
    }
}

/// Reads the fields one by one, so that nothing is kept of those that nobody knows and that are not plain.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Message<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a picture in its field `image`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Message<'de>, A::Error> {
        let (mut image, [mut camera, mut number, mut captured_at]) = (None, [Value::Null, Value::Null, Value::Null]);
        let mut headers = Headers::default();
        while let Some(Text(name)) = fields.next_key()? {
            match &*name {
                "image" => image = Some(fields.next_value::<Image<'de>>()?.0),
                "camera" => camera = fields.next_value()?,
                "number" => number = fields.next_value()?,
                "captured_at" => captured_at = fields.next_value()?,
                _ => {
                    if let Plain(Some(text)) = fields.next_value()? {
                        headers.add(&name, &text);
                    }
                }
            }
        }
        let image = image.ok_or_else(|| A::Error::missing_field("image"))?;
        Ok(Message { image, camera, number, captured_at, headers })
    }
}

/// A text, borrowed from the message where nothing in it is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The picture's text.
struct Image<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Image<'de> {
    fn deserialize<D: Deserializer<'de>>(field: D) -> Result<Self, D::Error> {
        Text::deserialize(field)
            .map(|text| Self(text.0))
            .map_err(|error| D::Error::custom(format_args!("field `image`: {error}")))
    }
}

/// What a field says as text, if it is plain: a text, a number, true or false.
struct Plain<'a>(Option<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Plain<'de> {
    fn deserialize<D: Deserializer<'de>>(field: D) -> Result<Self, D::Error> {
        field.deserialize_any(AsText).map(Self)
    }
}

struct AsText;

impl<'de> Visitor<'de> for AsText {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned().into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value.to_string().into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string().into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string().into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string().into()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// One field: absent or null, or what `read` makes of it, or the flaw that names it.
fn field<T>(name: &str, value: &Value, wanted: &str, read: fn(&Value) -> Option<T>) -> Result<Option<T>, Flaw> {
    if value.is_null() {
        return Ok(None);
    }
    let mut shown = value.to_string();
    if let Some((end, _)) = shown.char_indices().nth(40) {
        shown.truncate(end);
        shown.push('…');
    }
    read(value).map(Some).ok_or_else(|| bad(format!("field `{name}` of the JSON is {shown}, not {wanted}")))
}

fn camera(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

fn moment(value: &Value) -> Option<UnixMillis> {
    match value {
        Value::String(text) => clock::parse(text),
        value => clock::from_unix(value.as_f64()?),
    }
}
