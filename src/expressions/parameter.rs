//! What whoever sends a picture may say along with it: `task.strength`.

use std::collections::BTreeMap;

use super::types::Type;
use super::value::Value;

/// A parameter of a task, as the job declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// What stands behind `task.`
    pub name: String,
    /// What it is where a task does not say; of this type are all its settings.
    pub default: Setting,
}

/// What a parameter is set to.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// `string`
    Text(String),
    /// `number`
    Number(f64),
    /// `bool`
    Bool(bool),
}

/// What a task says, by name.
pub type Settings = BTreeMap<String, Setting>;

/// Of a frame that no task brought.
pub static NO_SETTINGS: Settings = Settings::new();

impl Parameter {
    /// What it is in a frame.
    pub fn value<'a>(&'a self, settings: &'a Settings) -> Value<'a> {
        settings.get(&self.name).unwrap_or(&self.default).value()
    }
}

impl Setting {
    /// What all settings of its parameter are.
    pub fn type_of(&self) -> Type {
        match self {
            Self::Text(_) => Type::Text,
            Self::Number(_) => Type::Double,
            Self::Bool(_) => Type::Bool,
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Str(text),
            Self::Number(value) => Value::Double(*value),
            Self::Bool(value) => Value::Bool(*value),
        }
    }
}
