//! Where in an answer something stands: `result.faces.0.age`.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Keys with dots between them. In a list, a number is a place, and any other word the element that has it as its `name`.
/// With a `?` at the end it may be missing; an empty one is the whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct Path {
    keys: Vec<String>,
    may_miss: bool,
}

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (path, may_miss) = text.strip_suffix('?').map_or((text.as_str(), false), |path| (path, true));
        let keys: Vec<_> = path.split('.').filter(|_| !path.is_empty()).map(str::to_owned).collect();
        match keys.iter().any(String::is_empty) {
            true => Err(format!("`{text}` is no path: write keys with dots between them, like \"result.faces.0\"")),
            false => Ok(Self { keys, may_miss }),
        }
    }
}

impl From<&str> for Path {
    /// A path that stands in the code.
    fn from(text: &str) -> Self {
        Self::try_from(text.to_owned()).expect("the paths in the code are sound")
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.keys.join("."))
    }
}

impl Path {
    /// What stands there.
    pub fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.keys.iter().try_fold(value, |value, key| match value {
            Value::Object(table) => table.get(key),
            Value::Array(list) => match key.parse::<usize>() {
                Ok(place) => list.get(place),
                Err(_) => list.iter().find(|element| element.get("name").is_some_and(|name| name == key.as_str())),
            },
            _ => None,
        })
    }

    /// As [`Path::find`]; nothing where it may be missing.
    ///
    /// # Errors
    /// It is missing, and may not be.
    pub fn demand<'a>(&self, value: &'a Value) -> Result<Option<&'a Value>, String> {
        match self.find(value) {
            None if !self.may_miss => Err(format!("the answer has no `{self}`")),
            found => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Catches a path that finds something else, or nothing.
    #[test]
    fn a_path_leads_to_its_place() {
        let answer =
            json!({ "a": { "b": [1, { "c": 2 }] }, "outputs": [{ "name": "age", "data": [34.5] }], "n": null });
        for (path, found) in [
            ("", Some(&answer)),
            ("a.b.0", Some(&json!(1))),
            ("a.b.1.c", Some(&json!(2))),
            ("outputs.age.data.0", Some(&json!(34.5))),
            ("n", Some(&Value::Null)),
            ("a.b.9", None),
            ("a.b.c", None),
            ("n.x", None),
        ] {
            assert_eq!(Path::from(path).find(&answer), found, "{path}");
        }
        assert_eq!(Path::from("x?").demand(&answer), Ok(None));
        assert_eq!(Path::from("x.y").demand(&answer), Err("the answer has no `x.y`".to_owned()));
        for wrong in [".", "a.", ".a", "a..b"] {
            assert!(Path::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_path_panics(text in ".{0,20}") {
            if let Ok(path) = Path::try_from(text) {
                let _ = path.find(&json!({ "a": [{ "name": "b" }, 1] }));
            }
        }
    }
}
