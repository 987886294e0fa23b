//! The documents of a sink as something that is kept for a while.
//!
//! Vigie deletes by itself, as a limit in bytes needs that, and as not every server that speaks MongoDB's language deletes
//! by age. Where one does, an index of it deletes by age even while no job runs.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mongodb::Database;
use mongodb::bson::{Bson, DateTime, Document, doc};
use operators::UnixMillis;

use super::draft::{SIZES, STORED_AT};
use super::server::{Server, within, words};
use super::verdict::{Fault, number};
use crate::delivery::{Item, Keep, Store};
use crate::template::Template;

/// The index by which a server deletes what is too old, and the one that only finds it. A server takes one of the two.
const EXPIRING: &str = "vigie_expiring";
const PLAIN: &str = "vigie_stored_at";

/// How long one answer may take: a server reads a lot for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the next attempt waits where nobody waits for it.
const AGAIN: Duration = Duration::from_secs(60);

/// Documents that come with one answer.
const AT_ONCE: u32 = 5_000;

/// Every collection that a template can have filled.
pub struct Shelf {
    server: Arc<Server>,
    collection: Template,
    keep: Option<Keep>,
    /// The collections whose index is as it should be.
    indexed: Mutex<HashSet<String>>,
}

/// A document, and when it was written as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    collection: Arc<str>,
    id: String,
    at: UnixMillis,
}

impl Shelf {
    /// Reaches for nothing yet.
    pub fn new(server: Arc<Server>, collection: Template, keep: Option<Keep>) -> Self {
        Self { server, collection, keep, indexed: Mutex::default() }
    }

    /// Takes away the index that deletes, which an earlier run may have left where this one keeps everything.
    pub async fn free(&self) {
        while self.collections().await.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The collections that are there, with their indexes.
    async fn collections(&self) -> Result<Vec<Arc<str>>, String> {
        let database = self.server.database().await.map_err(|error| words(&error))?;
        let names = async { database.list_collection_names().await };
        let mut names = within(PATIENCE, self.server.name(), names).await.map_err(Fault::words)?;
        names.retain(|name| !name.starts_with("system.") && self.collection.capture(name).is_some());
        for name in &names {
            if self.indexed.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
                self.index(&database, name).await;
            }
        }
        Ok(names.into_iter().map(Arc::from).collect())
    }

    /// Makes the index that is wanted. No error is one: a server that has no such index is looked through without it.
    async fn index(&self, database: &Database, name: &str) {
        match self.keep.as_ref().map(|keep| keep.age) {
            Some(Some(age)) if self.expire(database, name, age.0).await => return,
            Some(Some(_)) => {}
            _ => _ = self.done(database, doc! { "dropIndexes": name, "index": EXPIRING }).await,
        }
        if self.keep.is_some() {
            let index = doc! { "key": { STORED_AT: 1 }, "name": PLAIN };
            self.done(database, doc! { "createIndexes": name, "indexes": [index] }).await;
        }
    }

    /// Whether the server deletes what is older than `age`.
    async fn expire(&self, database: &Database, name: &str, age: Duration) -> bool {
        let seconds = i32::try_from(age.as_secs().max(1)).unwrap_or(i32::MAX);
        let index = doc! { "key": { STORED_AT: 1 }, "name": EXPIRING, "expireAfterSeconds": seconds };
        // One that is there may be of another age, or without one.
        let other = doc! { "keyPattern": { STORED_AT: 1 }, "expireAfterSeconds": seconds };
        self.done(database, doc! { "createIndexes": name, "indexes": [index] }).await
            || self.done(database, doc! { "collMod": name, "index": other }).await
    }

    async fn done(&self, database: &Database, command: Document) -> bool {
        let done = within(PATIENCE, self.server.name(), async { database.run_command(command).await }).await;
        done.inspect_err(|fault| tracing::debug!("an index is not as it could be: {fault:?}")).is_ok()
    }

    /// What Vigie wrote to a collection: a document that has an age.
    async fn documents(&self, collection: Arc<str>, into: &mut Vec<Item<Key>>) -> Result<(), String> {
        let database = self.server.database().await.map_err(|error| words(&error))?;
        let documents = database.collection::<Document>(&collection);
        let mut projection = doc! { STORED_AT: 1 };
        projection.extend(SIZES.map(|size| (size.to_owned(), Bson::Int32(1))));
        let find = documents.find(doc! { STORED_AT: { "$exists": true } }).projection(projection).batch_size(AT_ONCE);
        let mut cursor = within(PATIENCE, self.server.name(), async { find.await }).await.map_err(Fault::words)?;
        while within(PATIENCE, self.server.name(), async { cursor.advance().await }).await.map_err(Fault::words)? {
            let document = Document::try_from(cursor.current()).ok();
            into.extend(document.and_then(|document| item(&collection, &document)));
        }
        Ok(())
    }
}

/// What is kept, if it is a document of ours.
fn item(collection: &Arc<str>, document: &Document) -> Option<Item<Key>> {
    let id = document.get_str("_id").ok()?.to_owned();
    let at = document.get_datetime(STORED_AT).ok()?.timestamp_millis();
    let at = UnixMillis(u64::try_from(at).unwrap_or(0));
    let sizes = SIZES.iter().filter_map(|size| number(document.get(size)));
    let bytes = sizes.filter_map(|size| u64::try_from(size).ok()).fold(0, u64::saturating_add);
    Some(Item { key: Key { collection: collection.clone(), id, at }, at, bytes })
}

impl Store for Shelf {
    type Key = Key;

    async fn list(&self) -> Result<Vec<Item<Key>>, String> {
        let mut items = Vec::new();
        for collection in self.collections().await? {
            self.documents(collection, &mut items).await?;
        }
        Ok(items)
    }

    async fn remove(&self, keys: Vec<Key>) -> Result<(), String> {
        let database = self.server.database().await.map_err(|error| words(&error))?;
        for (collection, filter) in filters(keys) {
            let documents = database.collection::<Document>(&collection);
            let removed = within(PATIENCE, self.server.name(), async { documents.delete_many(filter).await }).await;
            removed.map_err(Fault::words)?;
        }
        Ok(())
    }
}

/// What is removed of each collection. A document that was written anew since it was listed stays.
fn filters(keys: Vec<Key>) -> Vec<(Arc<str>, Document)> {
    let mut collections = BTreeMap::<Arc<str>, (Vec<Bson>, UnixMillis)>::new();
    for Key { collection, id, at } in keys {
        let (ids, newest) = collections.entry(collection).or_default();
        ids.push(Bson::String(id));
        *newest = at.max(*newest);
    }
    let filter = |(ids, newest): (Vec<Bson>, UnixMillis)| {
        let newest = DateTime::from_millis(i64::try_from(newest.0).unwrap_or(i64::MAX));
        doc! { "_id": { "$in": ids }, STORED_AT: { "$lte": newest } }
    };
    collections.into_iter().map(|(collection, named)| (collection, filter(named))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches documents of somebody else that are counted, or deleted.
    #[test]
    fn only_what_vigie_wrote_is_kept_and_counted() {
        let at = DateTime::from_millis(5_000);
        let own = doc! { "_id": "a", STORED_AT: at, "image_bytes": 10_i64, "report_bytes": 5, "frame_bytes": 1.0 };
        let kept = item(&"c".into(), &own).unwrap();
        assert_eq!((kept.key.id.as_str(), kept.at, kept.bytes), ("a", UnixMillis(5_000), 16));
        let odd = doc! { "_id": "a", STORED_AT: DateTime::from_millis(-5), "image_bytes": -10_i64 };
        assert_eq!(item(&"c".into(), &odd).map(|item| (item.at, item.bytes)), Some((UnixMillis(0), 0)));
        for other in
            [doc! { "_id": 7, STORED_AT: at }, doc! { "_id": "a", STORED_AT: "yesterday" }, doc! { STORED_AT: at }]
        {
            assert_eq!(item(&"c".into(), &other), None, "{other}");
        }
    }

    #[test]
    fn what_was_written_anew_is_not_deleted() {
        let key =
            |collection: &str, id: &str, at| Key { collection: collection.into(), id: id.into(), at: UnixMillis(at) };
        let filters = filters(vec![key("b", "1", 7), key("a", "2", 3), key("b", "3", 5)]);
        let upto = |at| doc! { "$lte": DateTime::from_millis(at) };
        let expected: [(Arc<str>, _); 2] = [
            ("a".into(), doc! { "_id": { "$in": ["2"] }, STORED_AT: upto(3) }),
            ("b".into(), doc! { "_id": { "$in": ["1", "3"] }, STORED_AT: upto(7) }),
        ];
        assert_eq!(filters, expected);
    }
}
