//! What whoever sends a picture may say along with it: `task.strength`.

use operators::{Setting, Settings};

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

/// Of a frame that no task brought.
pub static NO_SETTINGS: Settings = Settings::new();

impl Parameter {
    /// What it is in a frame.
    pub fn value<'a>(&'a self, settings: &'a Settings) -> Value<'a> {
        match settings.get(&self.name).unwrap_or(&self.default) {
            Setting::Text(text) => Value::Str(text),
            Setting::Number(value) => Value::Double(*value),
            Setting::Bool(value) => Value::Bool(*value),
        }
    }

    /// What all its settings are.
    pub fn type_of(&self) -> Type {
        match &self.default {
            Setting::Text(_) => Type::Text,
            Setting::Number(_) => Type::Double,
            Setting::Bool(_) => Type::Bool,
        }
    }
}
