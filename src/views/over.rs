//! Which frames a view is asked of: `over = "last"`, `"10s"`, `{ every = "1m" }`.

use std::borrow::Cow;
use std::time::Duration;

use operators::views;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::mistake::Mistake;
use crate::units::Time;

/// Which frames a view is asked of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Over {
    /// All there ever were.
    #[default]
    AllTime,
    /// The last one of each camera.
    Last,
    /// Those that are at most so old.
    Sliding(Time),
    /// Those of each window.
    Windows(Windows),
}

/// Windows that lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// How long each is: `"1m"`. They are counted from 1970.
    pub every: Time,
    /// How many have rows: the one that goes on, and those before it.
    #[serde(default = "keep")]
    pub keep: usize,
}

fn keep() -> usize {
    60
}

/// The shortest window.
const SHORTEST: Duration = Duration::from_millis(100);

/// The longest.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

/// The most windows that have rows.
const MOST: usize = 10_000;

impl Over {
    /// What is wrong with it.
    ///
    /// # Errors
    /// The mistake, in words.
    pub fn check(&self) -> Result<(), Mistake> {
        let span = match self {
            Self::AllTime | Self::Last => return Ok(()),
            Self::Sliding(span) => span,
            Self::Windows(windows) if !(1..=MOST).contains(&windows.keep) => {
                return Err(Mistake::at("over", format!("`keep` is a number of windows, from 1 to {MOST}")));
            }
            Self::Windows(windows) => &windows.every,
        };
        match (SHORTEST..=LONGEST).contains(&span.0) {
            true => Ok(()),
            false => Err(Mistake::at("over", format!("a window lasts from 100ms to 31 days, and not {span}"))),
        }
    }

    /// In words, with a blank in front; nothing for all time.
    pub fn describe(&self) -> String {
        match self {
            Self::AllTime => String::new(),
            Self::Last => " of the last frame".to_owned(),
            Self::Sliding(span) => format!(" over {span}"),
            Self::Windows(windows) => format!(" every {}", windows.every),
        }
    }
}

impl From<Over> for views::Over {
    fn from(over: Over) -> Self {
        match over {
            Over::AllTime => Self::AllTime,
            Over::Last => Self::Last,
            Over::Sliding(span) => Self::Sliding(span.0),
            Over::Windows(Windows { every, keep }) => Self::Tumbling { every: every.0, keep },
        }
    }
}

impl<'de> Deserialize<'de> for Over {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Over;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"last\", a time like \"10s\", or windows like { every = \"1m\" }")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Over, E> {
                let wrong = |_| {
                    let mend = "write \"last\", a time like \"10s\", or windows like { every = \"1m\" }";
                    E::custom(format!("\"{text}\" is no time: {mend}"))
                };
                match text {
                    "last" => Ok(Over::Last),
                    text => humantime::parse_duration(text).map(|span| Over::Sliding(Time(span))).map_err(wrong),
                }
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Over, M::Error> {
                Windows::deserialize(MapAccessDeserializer::new(map)).map(Over::Windows)
            }
        }
        from.deserialize_any(Any)
    }
}

impl JsonSchema for Over {
    fn schema_name() -> Cow<'static, str> {
        "Over".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let windows = generator.subschema_for::<Windows>();
        json_schema!({
            "description": "Which frames: `\"last\"` (the last one of each camera), `\"10s\"` (those of the last ten seconds), \
                            `{ every = \"1m\" }` (windows side by side); without it, all there ever were",
            "anyOf": [{ "type": "string", "examples": ["last", "10s"] }, windows],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Holder {
        over: Over,
    }

    fn read(text: &str) -> Result<Over, String> {
        toml::from_str::<Holder>(&format!("over = {text}")).map(|held| held.over).map_err(|e| e.message().to_owned())
    }

    /// Catches a window that is read as another one, and a mistake that does not say what could stand there.
    #[test]
    fn what_people_write_is_read_or_told() {
        let minute = Time(Duration::from_secs(60));
        assert_eq!(read("'last'"), Ok(Over::Last));
        assert_eq!(read("'60s'"), Ok(Over::Sliding(minute)));
        assert_eq!(read("{ every = '1m', keep = 3 }"), Ok(Over::Windows(Windows { every: minute, keep: 3 })));
        for wrong in ["'lasts'", "10"] {
            assert!(read(wrong).unwrap_err().contains("windows like { every = \"1m\" }"), "{wrong}");
        }
        assert!(read("{ each = '1m' }").unwrap_err().contains("unknown field"));
        let sound = |text: &str| read(text).expect("readable").check().is_ok();
        assert!(sound("'10s'") && sound("{ every = '1h' }"));
        assert!(!sound("'1ms'") && !sound("'400days'") && !sound("{ every = '1h', keep = 0 }"));
    }
}
