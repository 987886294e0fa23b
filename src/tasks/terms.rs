//! What a task of a job may say, and what it gets back: as the job declares it.

use std::collections::BTreeMap;
use std::fmt;

use operators::{Setting, Settings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expressions;
use crate::job::words;
use crate::write::Write;

/// The names that mean something else in a task.
pub const TAKEN: [&str; 4] = ["camera", "captured_at", "image", "wait"];

/// What a task of a job may say, and what it gets back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// What it may say along with its picture, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// What is kept of what became of it.
    pub results: Vec<Write>,
}

/// Something that a task may say along with its picture.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it is: `number`, `text` or `bool`.
    #[serde(rename = "type")]
    pub sort: Sort,
    /// What it is where a task does not say.
    pub default: Literal,
    /// What it is for: it stands in the OpenAPI document.
    #[serde(default)]
    pub description: String,
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// A number, whole or not.
    Number,
    /// Text.
    Text,
    /// `true` or `false`.
    Bool,
}

/// A default, as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Literal {
    /// `true` or `false`
    Bool(bool),
    /// `0.5`
    Number(f64),
    /// `"text"`
    Text(String),
}

impl From<&Literal> for Setting {
    fn from(literal: &Literal) -> Self {
        match literal {
            Literal::Bool(value) => Setting::Bool(*value),
            Literal::Number(value) => Setting::Number(*value),
            Literal::Text(text) => Setting::Text(text.clone()),
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sort::Number => "a number",
            Sort::Text => "text",
            Sort::Bool => "true or false",
        })
    }
}

impl Sort {
    /// What JSON calls it.
    pub fn json(self) -> &'static str {
        match self {
            Sort::Number => "number",
            Sort::Text => "string",
            Sort::Bool => "boolean",
        }
    }

    /// What a text says, if it is one of these.
    fn read(self, text: &str) -> Option<Setting> {
        match self {
            Sort::Number => text.trim().parse().ok().filter(|value: &f64| value.is_finite()).map(Setting::Number),
            Sort::Text => Some(Setting::Text(text.to_owned())),
            Sort::Bool => text.trim().parse().ok().map(Setting::Bool),
        }
    }

    /// What a value says, if it is one of these.
    fn take(self, value: &Value) -> Option<Setting> {
        match (self, value) {
            (Sort::Number, Value::Number(number)) => number.as_f64().map(Setting::Number),
            (Sort::Text, Value::String(text)) => Some(Setting::Text(text.clone())),
            (Sort::Bool, Value::Bool(value)) => Some(Setting::Bool(*value)),
            _ => None,
        }
    }
}

impl Parameter {
    fn is_sound(&self) -> bool {
        let default = &self.default;
        matches!((self.sort, default), (Sort::Text, Literal::Text(_)) | (Sort::Bool, Literal::Bool(_)))
            || matches!((self.sort, default), (Sort::Number, Literal::Number(value)) if value.is_finite())
    }
}

impl Terms {
    /// The parameters, as expressions know them.
    pub fn declared(&self) -> Vec<expressions::Parameter> {
        let one = |(name, parameter): (&String, &Parameter)| expressions::Parameter {
            name: name.clone(),
            default: Setting::from(&parameter.default),
        };
        self.parameters.iter().map(one).collect()
    }

    /// What is wrong with the parameters, in words.
    ///
    /// # Errors
    /// The first mistake.
    pub fn check(&self) -> Result<(), String> {
        for (name, parameter) in &self.parameters {
            let sound = |char: char| char.is_ascii_lowercase() || char == '_' || char.is_ascii_digit();
            if !name.starts_with(|char: char| char.is_ascii_lowercase()) || !name.chars().all(sound) {
                return Err(format!("`{name}` is no name of a parameter: use small letters, digits and `_`"));
            }
            if TAKEN.contains(&name.as_str()) {
                return Err(format!("`{name}` means something else in a task: call the parameter otherwise"));
            }
            if !parameter.is_sound() {
                return Err(format!("the default of `{name}` is not {}: correct `default` or `type`", parameter.sort));
            }
        }
        Ok(())
    }

    /// What is set where a task says nothing.
    pub fn defaults(&self) -> Settings {
        self.parameters.iter().map(|(name, parameter)| (name.clone(), (&parameter.default).into())).collect()
    }

    /// Sets what a text says, as it stands in a query or a form.
    ///
    /// # Errors
    /// There is no such parameter, or it is something else.
    pub fn read(&self, settings: &mut Settings, name: &str, text: &str) -> Result<(), String> {
        let parameter = self.parameter(name)?;
        let setting = parameter.sort.read(text);
        settings.insert(name.to_owned(), setting.ok_or_else(|| wrong(name, parameter, &format!("\"{text}\"")))?);
        Ok(())
    }

    /// Sets what a JSON value says.
    ///
    /// # Errors
    /// There is no such parameter, or it is something else.
    pub fn take(&self, settings: &mut Settings, name: &str, value: &Value) -> Result<(), String> {
        let parameter = self.parameter(name)?;
        let setting = parameter.sort.take(value);
        settings.insert(name.to_owned(), setting.ok_or_else(|| wrong(name, parameter, &value.to_string()))?);
        Ok(())
    }

    fn parameter(&self, name: &str) -> Result<&Parameter, String> {
        let known: Vec<_> = self.parameters.keys().map(String::as_str).collect();
        self.parameters.get(name).ok_or_else(|| match known.is_empty() {
            true => format!("`{name}` says nothing to this job: its tasks have no parameters"),
            false => words::unknown("parameter", name, &known),
        })
    }
}

fn wrong(name: &str, parameter: &Parameter, given: &str) -> String {
    let shown: String = given.chars().take(40).collect();
    format!("`{name}` is {}, and not {shown}", parameter.sort)
}

/// Settings as JSON, for people and for steps.
pub fn json(settings: &Settings) -> serde_json::Map<String, Value> {
    let value = |setting: &Setting| match setting {
        Setting::Text(text) => Value::from(text.clone()),
        Setting::Number(value) => Value::from(*value),
        Setting::Bool(value) => Value::from(*value),
    };
    settings.iter().map(|(name, setting)| (name.clone(), value(setting))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        let parameters = "strength = { type = 'number', default = 1 }\nloud = { type = 'bool', default = false }\n\
                          who = { type = 'text', default = '' }";
        Terms { parameters: toml::from_str(parameters).expect("parameters"), results: Vec::new() }
    }

    /// Catches a setting of another type than the job declares, and one that nobody declares.
    #[test]
    fn each_setting_is_what_the_job_says() {
        let (terms, mut settings) = (terms(), terms().defaults());
        terms.check().expect("sound");
        assert_eq!(settings["strength"], Setting::Number(1.0));
        terms.read(&mut settings, "strength", "0.7").expect("a number");
        terms.read(&mut settings, "loud", "true").expect("a truth");
        terms.take(&mut settings, "who", &Value::from("me")).expect("text");
        assert_eq!(Value::from(json(&settings)), serde_json::json!({ "strength": 0.7, "loud": true, "who": "me" }));
        for (name, text) in [("strength", "much"), ("strength", "NaN"), ("loud", "1"), ("strenght", "1")] {
            let what = terms.read(&mut settings, name, text).expect_err("it is wrong");
            assert!(what.contains(name), "{what}");
        }
        assert!(terms.take(&mut settings, "strength", &Value::from("0.7")).expect_err("text").contains("a number"));
        assert!(Terms::default().read(&mut settings, "a", "").expect_err("none").contains("no parameters"));
    }

    /// Catches a declaration that no task could keep to.
    #[test]
    fn a_parameter_has_a_name_and_a_default_of_its_type() {
        for wrong in [
            "wait = { type = 'number', default = 1 }",
            "a = { type = 'text', default = 1 }",
            "'A b' = { type = 'bool', default = true }",
        ] {
            let parameters = toml::from_str(wrong).expect("a table");
            assert!(Terms { parameters, results: Vec::new() }.check().is_err(), "{wrong}");
        }
    }
}
