//! Documents, read back.

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use futures_util::StreamExt as _;
use mongodb::Cursor;
use mongodb::bson::{Bson, Document, doc};
use serde_json::Value;
use tokio::runtime::Handle;

use super::server::{Server, words};
use crate::template::Template;

/// The field with the report.
const REPORT: &str = "report";

/// The reports of a job in the collections that `collection` makes.
///
/// # Errors
/// The server does not answer.
pub fn stored(
    runtime: &Handle,
    server: &Server,
    collection: &Template,
    job: &str,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Bytes>> + use<>> {
    let name = server.name().to_owned();
    let cannot = move |error: mongodb::error::Error| anyhow!("the database {name} can't be read: {}", words(&error));
    let found = runtime.block_on(find(server, collection, job)).map_err(&cannot)?;
    let runtime = runtime.clone();
    let documents = found.into_iter().flat_map(move |mut cursor| {
        let runtime = runtime.clone();
        std::iter::from_fn(move || runtime.block_on(cursor.next()))
    });
    Ok(documents.filter_map(move |document| document.map_err(&cannot).and_then(report).transpose()))
}

async fn find(server: &Server, collection: &Template, job: &str) -> mongodb::error::Result<Vec<Cursor<Document>>> {
    let database = server.database().await?;
    let mut found = Vec::new();
    for name in database.list_collection_names().await?.iter().filter(|name| collection.capture(name).is_some()) {
        let filter = doc! { "job": job, REPORT: { "$exists": true } };
        found.push(database.collection(name).find(filter).projection(doc! { REPORT: 1 }).await?);
    }
    Ok(found)
}

/// The report of a document, as JSON; nothing, where something else stands there.
fn report(mut document: Document) -> anyhow::Result<Option<Bytes>> {
    let Some(report @ Bson::Document(_)) = document.remove(REPORT) else { return Ok(None) };
    let json = serde_json::to_vec(&json(report)).context("a report is no JSON")?;
    Ok(Some(json.into()))
}

/// What was JSON as JSON again: [`super::draft`] made BSON of it.
fn json(value: Bson) -> Value {
    match value {
        Bson::Boolean(yes) => yes.into(),
        Bson::Int32(number) => number.into(),
        Bson::Int64(number) => number.into(),
        Bson::Double(number) => number.into(),
        Bson::String(text) => text.into(),
        Bson::Array(values) => values.into_iter().map(json).collect(),
        Bson::Document(fields) => fields.into_iter().map(|(key, value)| (key, json(value))).collect(),
        // JSON makes nothing else.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::mongodb::draft::Draft;
    use crate::sinks::mongodb::draft::tests::parcel;
    use crate::sinks::mongodb::fields::Fields;
    use crate::write::Write;

    /// Catches a report that comes back as another one.
    #[test]
    fn a_report_is_read_as_it_was_written() {
        let text = r#"{"bytes":7,"list":[1.5,null,true,"a"],"values":{"noise":{"$date":"x"}}}"#;
        let written = |write, media: &'static str, text: &str| {
            let parcel = parcel("7", Some(write), text.as_bytes(), media);
            Draft::new("c".into(), "id".into(), &parcel, "room", &Fields::default()).expect("it fits").fields
        };
        let read = report(written(Write::Report, "application/json", text)).expect("JSON").expect("a report");
        let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
        assert_eq!(value(&read), value(text.as_bytes()));
        assert_eq!(report(written(Write::Image, "image/jpeg", "jpeg")).expect("no error"), None);
    }
}
