//! The tables of kinds: what `kind = "…"` may say, and the config struct behind each.

use schemars::Schema;
use serde::de::DeserializeOwned;

/// One row: a name and how its config is read. `C` is the trait of the config (`dyn SourceConfig`, …).
pub struct Kind<C: ?Sized + 'static> {
    /// What `kind = "…"` says.
    pub name: &'static str,
    /// Reads the part's table, without its `kind` and `from`.
    pub parse: fn(toml::de::ValueDeserializer<'_>) -> Result<Box<C>, toml::de::Error>,
    /// The JSON Schema of the table.
    pub schema: fn() -> Schema,
}

/// Reads a config of type `T`; the row of a table says how it becomes a boxed trait.
pub fn read<T: DeserializeOwned>(table: toml::de::ValueDeserializer<'_>) -> Result<T, toml::de::Error> {
    T::deserialize(table)
}

/// A row of a table: `kind!("mqtt", mqtt::Mqtt)`.
#[macro_export]
macro_rules! kind {
    ($name:literal, $config:ty) => {
        $crate::kinds::Kind {
            name: $name,
            parse: |table| Ok(Box::new($crate::kinds::read::<$config>(table)?)),
            schema: || schemars::schema_for!($config),
        }
    };
}
