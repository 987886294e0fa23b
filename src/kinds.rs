//! The tables of kinds: what `kind = "…"` may say, and the config struct behind each.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::Error as Nothing;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};

/// One row: a name and how its config is read. `C` is the trait of the config (`dyn SourceConfig`, …).
pub struct Kind<C: ?Sized + 'static> {
    /// What `kind = "…"` says.
    pub name: &'static str,
    /// Reads the part's table, without its `kind` and `from`.
    pub parse: fn(toml::de::ValueDeserializer<'_>) -> Result<Box<C>, toml::de::Error>,
    /// The JSON Schema of the table.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// The keys of the table, in the order of the struct.
    pub keys: fn() -> &'static [&'static str],
}

/// The table of another kind of part that speaks to the same server: a sink that writes where a source takes from, or the
/// other way round. What both have in common has the same name in both; the rest is left out. `None` where there is no kind of
/// that name among `kinds`.
pub fn mirror<C: ?Sized>(table: &toml::Table, kinds: &'static [Kind<C>]) -> Option<(&'static Kind<C>, toml::Table)> {
    let name = table.get("kind")?.as_str()?;
    let kind = kinds.iter().find(|kind| kind.name == name)?;
    let known = (kind.keys)();
    let shared = table.iter().filter(|(key, _)| known.contains(&key.as_str()));
    Some((kind, shared.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

/// Reads a table as a config.
///
/// # Errors
/// What is wrong with it, as serde says it.
pub fn config<C: ?Sized>(kind: &Kind<C>, table: toml::Table) -> Result<Box<C>, toml::de::Error> {
    let text = toml::Value::Table(table).to_string();
    (kind.parse)(toml::de::ValueDeserializer::parse(&text)?)
}

/// Reads a config of type `T`; the row of a table says how it becomes a boxed trait.
pub fn read<T: DeserializeOwned>(table: toml::de::ValueDeserializer<'_>) -> Result<T, toml::de::Error> {
    T::deserialize(table)
}

/// The JSON Schema of a config.
pub fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// The fields of a struct, as serde knows them.
pub fn keys<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    let _ = T::deserialize(Fields(&mut fields));
    fields
}

/// A deserializer that holds nothing: it hears which fields a struct asks for, and ends there.
struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Nothing;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Nothing> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Nothing> {
        Err(Nothing::custom("it holds nothing"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// A row of a table: `kind!("mqtt", mqtt::Mqtt)`.
#[macro_export]
macro_rules! kind {
    ($name:literal, $config:ty) => {
        $crate::kinds::Kind {
            name: $name,
            parse: |table| Ok(Box::new($crate::kinds::read::<$config>(table)?)),
            schema: $crate::kinds::schema::<$config>,
            keys: $crate::kinds::keys::<$config>,
        }
    };
}
