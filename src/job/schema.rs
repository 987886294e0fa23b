//! The JSON Schema of a job file, for editors: `docs/job.schema.json`.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::{Batch, Limits};
use crate::kinds::Kind;
use crate::write::Write;
use crate::{sinks, sources, steps, views};

/// The JSON Schema of a job file, with every kind that this build knows.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let from = json!({
        "description": "The part, or parts, that it takes its pictures from. Without it, the part before it.",
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
    });
    let write = generator.subschema_for::<Write>();
    let write = json!({
        "description": "What it writes: one thing, or a list where the kind of sink keeps several apart. Nothing (`[]`) for a \
                        sink that only takes what is too large for others.",
        "anyOf": [write, { "type": "array", "items": write }],
    });
    let overflow = json!({
        "description": "The sink that takes what is too large for this one; this one then gets a note where it is.",
        "type": "string",
    });
    let source = any_kind(&mut generator, sources::KINDS, json!({}));
    let step = any_kind(&mut generator, steps::KINDS, json!({ "from": from }));
    let view = any_kind(&mut generator, views::KINDS, json!({ "from": from }));
    let sink = any_kind(&mut generator, sinks::KINDS, json!({ "from": from, "write": write, "overflow": overflow }));
    let dead = any_kind(&mut generator, sinks::KINDS, json!({}));
    let batch = generator.subschema_for::<Batch>();
    let limits = generator.subschema_for::<Limits>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A job of Vigie",
        "type": "object",
        "required": ["name", "source"],
        "anyOf": [{ "required": ["sink"] }, { "required": ["view"] }],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "description": "What the job is called: `{job}` in paths and topics." },
            "truth": {
                "type": "string",
                "description": "Where it stands what is true of a frame, for reports and what compares: `header:NAME` (of its \
                                message, or a plain field of a JSON message), `value:NAME` (what a step found out), \
                                `csv:PATH` (columns camera, id, label) or `rendered`.",
            },
            "source": named(source, "Where frames come from."),
            "batch": batch,
            "step": named(step, "What is done to pictures."),
            "view": named(view, "Tables that are always right: what was counted, how good, how fast."),
            "sink": named(sink, "Where results go."),
            "dead": dead,
            "limits": limits,
        },
        "$defs": generator.take_definitions(true),
    })
}

/// Tables of that schema, by the names that the user gives them.
fn named(part: Value, description: &str) -> Value {
    json!({ "type": "object", "description": description, "additionalProperties": part })
}

/// A table of one of these kinds, with the job's `own` keys added.
fn any_kind<C: ?Sized>(generator: &mut SchemaGenerator, kinds: &[Kind<C>], own: Value) -> Value {
    let kinds: Vec<_> = kinds.iter().map(|kind| with_own((kind.schema)(generator), kind.name, &own)).collect();
    json!({ "anyOf": kinds })
}

fn with_own(schema: Schema, name: &str, own: &Value) -> Value {
    let mut schema = schema.to_value();
    schema["properties"]["kind"] = json!({ "const": name });
    for (key, value) in own.as_object().into_iter().flatten() {
        schema["properties"][key] = value.clone();
    }
    let mut required = vec![json!("kind")];
    required.extend(schema["required"].as_array().into_iter().flatten().cloned());
    schema["required"] = required.into();
    schema
}
