//! Durations and sizes as people write them: `100ms`, `2MiB`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A length of time: `100ms`, `5s`, `2min`, `1h 30min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Duration);

/// A number of bytes: `16MiB` (1,024 × 1,024), `2 MB` (1,000 × 1,000), or a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bytesize::ByteSize(self.0).display().iec().fmt(f)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Time;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time in quotes, like \"100ms\", \"5s\" or \"2min\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
                let wrong =
                    |_| E::custom(format!("\"{text}\" is no time: write it like \"100ms\", \"5s\" or \"2min\""));
                humantime::parse_duration(text).map(Time).map_err(wrong)
            }
        }
        from.deserialize_any(Text)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl Visitor<'_> for TextOrNumber {
            type Value = Size;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size, like \"16MiB\", \"2 MB\" or a number of bytes")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
                let wrong = |_| {
                    let mend = "write it like \"16MiB\", \"2 MB\" or a number of bytes";
                    E::custom(format!("\"{text}\" is no size: {mend}"))
                };
                text.parse::<bytesize::ByteSize>().map(|size| Size(size.0)).map_err(wrong)
            }
            fn visit_u64<E: Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(bytes))
            }
            fn visit_i64<E: Error>(self, bytes: i64) -> Result<Size, E> {
                let wrong = |_| E::custom(format!("a size can't be {bytes}"));
                u64::try_from(bytes).map(Size).map_err(wrong)
            }
        }
        from.deserialize_any(TextOrNumber)
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// As it stands in the manual and in the schema.
impl serde::Serialize for Size {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_string().replace(".0 ", " "))
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A time: `100ms`, `5s`, `2min`", "examples": ["100ms", "5s"] })
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "description": "A size: `16MiB`, `2 MB`, or a number of bytes",
            "examples": ["16MiB", "2 MB", 65536],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Both {
        time: Time,
        size: Size,
    }

    fn read(time: &str, size: &str) -> Result<(Duration, u64), String> {
        let both: Both =
            toml::from_str(&format!("time = {time}\nsize = {size}")).map_err(|e| e.message().to_owned())?;
        Ok((both.time.0, both.size.0))
    }

    #[test]
    fn what_people_write_is_read() {
        assert_eq!(read("'100ms'", "'2MiB'"), Ok((Duration::from_millis(100), 2 << 20)));
        assert_eq!(read("'1h 30min'", "'2 MB'"), Ok((Duration::from_secs(5400), 2_000_000)));
        assert_eq!(read("'2min'", "4096"), Ok((Duration::from_secs(120), 4096)));
    }

    #[test]
    fn what_is_neither_says_how_to_write_it() {
        assert!(read("'100'", "1").unwrap_err().contains("is no time: write it like \"100ms\""));
        assert!(read("100", "1").unwrap_err().contains("a time in quotes"));
        assert!(read("'1s'", "'2 apples'").unwrap_err().contains("is no size"));
        assert!(read("'1s'", "-2").unwrap_err().contains("can't be -2"));
    }

    #[test]
    fn they_are_shown_as_they_are_written() {
        assert_eq!(Time(Duration::from_millis(1500)).to_string(), "1s 500ms");
        assert_eq!(Size(16 << 20).to_string(), "16.0 MiB");
    }
}
