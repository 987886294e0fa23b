//! From drafts to `update` commands: those of one document become one update, and a command holds as many as it may.

use std::collections::HashMap;
use std::time::Duration;

use mongodb::bson::{RawArrayBuf, RawDocumentBuf, doc, rawdoc};

use super::draft::{Draft, LARGEST};

/// Updates of one command at most. FerretDB 1.24 stands still at 100.
const MOST_UPDATES: usize = 64;

/// Bytes of one command at most. A command is itself a document: the 48 MB of a message are not for it, unless its updates
/// travel in a section of their own, which the driver does for no `update`. MongoDB allows 16 KiB beyond this for what
/// stands around a document of the full size.
const MOST_BYTES: usize = LARGEST;

/// What an update has besides its fields and its id, and its place in the command.
const AROUND: usize = 128;

/// What is set in one document, for these parcels.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// `{ q, u, upsert }`
    pub statement: RawDocumentBuf,
    /// The parcels that it is for, by their places.
    pub parcels: Vec<usize>,
}

/// What is written to one collection: commands, one after the other.
pub type Commands = Vec<Vec<Update>>;

/// An update to be: more may be added to it.
struct Open {
    draft: Draft,
    parcels: Vec<usize>,
}

impl Open {
    fn size(&self) -> usize {
        self.draft.size + self.draft.id.len() + AROUND
    }

    fn close(self) -> Update {
        let Draft { id, fields, .. } = self.draft;
        let statement = doc! { "q": { "_id": id }, "u": { "$set": fields }, "upsert": true };
        let statement = RawDocumentBuf::try_from(&statement).expect("the fields were written before");
        Update { statement, parcels: self.parcels }
    }
}

/// Packs drafts, each with the place of its parcel, for each collection.
pub fn pack(drafts: Vec<(usize, Draft)>) -> Vec<(String, Commands)> {
    pack_within(drafts, MOST_BYTES)
}

fn pack_within(drafts: Vec<(usize, Draft)>, most: usize) -> Vec<(String, Commands)> {
    let mut collections: Vec<(String, Vec<Open>)> = Vec::new();
    for open in merge(drafts, most) {
        match collections.iter_mut().find(|(name, _)| *name == open.draft.collection) {
            Some((_, all)) => all.push(open),
            None => collections.push((open.draft.collection.clone(), vec![open])),
        }
    }
    collections.into_iter().map(|(name, all)| (name, split(all, most))).collect()
}

/// Drafts of one document become one, as long as a document can hold them: what is too much then is for the server to
/// say, which knows what else the document holds.
fn merge(drafts: Vec<(usize, Draft)>, most: usize) -> Vec<Open> {
    let mut all: Vec<Open> = Vec::new();
    let mut latest = HashMap::new();
    for (place, draft) in drafts {
        let key = (draft.collection.clone(), draft.id.clone());
        let open = latest.get(&key).and_then(|index: &usize| all.get_mut(*index));
        match open.filter(|open| open.size() + draft.size <= most) {
            Some(open) => {
                open.draft.size += draft.size;
                // The later one counts, where both set a field.
                open.draft.fields.extend(draft.fields);
                open.parcels.push(place);
            }
            None => {
                latest.insert(key, all.len());
                all.push(Open { draft, parcels: vec![place] });
            }
        }
    }
    all
}

fn split(all: Vec<Open>, most: usize) -> Commands {
    let mut commands: Commands = Vec::new();
    let mut bytes = 0;
    for open in all {
        let fits = |command: &&mut Vec<Update>| command.len() < MOST_UPDATES && bytes + open.size() <= most;
        match commands.last_mut().filter(fits) {
            Some(command) => {
                bytes += open.size();
                command.push(open.close());
            }
            None => {
                bytes = open.size();
                commands.push(vec![open.close()]);
            }
        }
    }
    commands
}

/// The command. Written is what a majority of the servers has; one that has to wait for that too long says so.
pub fn command(collection: &str, updates: &[Update], patience: Duration) -> RawDocumentBuf {
    let mut statements = RawArrayBuf::new();
    for update in updates {
        statements.push(&update.statement);
    }
    rawdoc! {
        "update": collection,
        "updates": statements,
        "ordered": false,
        "writeConcern": { "w": "majority", "wtimeout": i32::try_from(patience.as_millis()).unwrap_or(i32::MAX) },
    }
}

/// The command that removes documents, whether or not they are there.
pub fn removal(collection: &str, ids: &[String], patience: Duration) -> RawDocumentBuf {
    let mut all = RawArrayBuf::new();
    ids.iter().for_each(|id| all.push(id.as_str()));
    let mut statements = RawArrayBuf::new();
    statements.push(rawdoc! { "q": { "_id": { "$in": all } }, "limit": 0 });
    rawdoc! {
        "delete": collection,
        "deletes": statements,
        "writeConcern": { "w": "majority", "wtimeout": i32::try_from(patience.as_millis()).unwrap_or(i32::MAX) },
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Bson, Document};
    use proptest::prelude::*;

    use super::super::draft::tests::parcel;
    use super::*;
    use crate::write::Write;

    const SECOND: Duration = Duration::from_secs(1);

    fn draft(collection: usize, id: usize, field: usize, bytes: usize) -> Draft {
        let fields = doc! { format!("f{field}"): "x".repeat(bytes) };
        let size = RawDocumentBuf::try_from(&fields).unwrap().as_bytes().len();
        Draft { collection: format!("c{collection}"), id: format!("i{id}"), fields, size }
    }

    fn id(update: &Update) -> String {
        let statement = Document::try_from(update.statement.clone()).unwrap();
        assert!(statement.get_bool("upsert").unwrap());
        statement.get_document("q").unwrap().get_str("_id").unwrap().to_owned()
    }

    fn fields(update: &Update) -> Document {
        let statement = Document::try_from(update.statement.clone()).unwrap();
        statement.get_document("u").unwrap().get_document("$set").unwrap().clone()
    }

    proptest! {
        /// Catches a parcel that is in no update or in two, one that lands in another document, and a command that the
        /// server would refuse whole.
        #[test]
        fn every_parcel_is_in_one_update_of_its_document(
            wanted in prop::collection::vec((0_usize..3, 0_usize..20, 0_usize..3, 0_usize..900), 0..200),
        ) {
            const MOST: usize = 4_000;
            let drafts: Vec<_> = wanted.iter().map(|&(c, i, f, bytes)| draft(c, i, f, bytes)).enumerate().collect();
            let mut seen = vec![0; wanted.len()];
            for (collection, commands) in pack_within(drafts.clone(), MOST) {
                for updates in commands {
                    prop_assert!(!updates.is_empty() && updates.len() <= MOST_UPDATES);
                    let command = command(&collection, &updates, SECOND);
                    prop_assert!(command.as_bytes().len() <= MOST + 256, "{} bytes", command.as_bytes().len());
                    let ids: std::collections::HashSet<_> = updates.iter().map(id).collect();
                    prop_assert_eq!(ids.len(), updates.len(), "a document once a command");
                    for update in &updates {
                        let fields = fields(update);
                        for &place in &update.parcels {
                            seen[place] += 1;
                            let (_, draft) = &drafts[place];
                            prop_assert_eq!((&draft.collection, &draft.id), (&collection, &id(update)));
                            prop_assert!(draft.fields.keys().all(|field| fields.contains_key(field)));
                        }
                        // Of two that set a field, the later one counts.
                        let last = &drafts[*update.parcels.last().unwrap()].1;
                        prop_assert!(last.fields.iter().all(|(field, value)| fields.get(field) == Some(value)));
                    }
                }
            }
            prop_assert!(seen.iter().all(|times| *times == 1), "{:?}", seen);
        }
    }

    /// Catches a document of the full size that fits nowhere, and two that are put together although they can't be.
    #[test]
    fn large_documents_travel_alone() {
        let large = parcel("7", Some(Write::Frame), &vec![0; LARGEST - super::super::draft::ENVELOPE], "image/jpeg");
        let large = || Draft::new("c".into(), "i".into(), &large, "room", &Default::default()).unwrap();
        let packed = pack(vec![(0, large()), (1, large()), (2, draft(9, 9, 9, 9))]);
        assert_eq!(packed[0].1.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
        let command = command("c", &packed[0].1[0], SECOND);
        assert!(command.as_bytes().len() <= LARGEST + (8 << 10), "{}", command.as_bytes().len());
        assert_eq!(packed[1].0, "c9");
    }

    #[test]
    fn a_command_says_what_written_means() {
        let packed = pack(vec![(0, draft(1, 1, 0, 3)), (1, draft(1, 1, 1, 3)), (2, draft(1, 2, 0, 3))]);
        let command = Document::try_from(command(&packed[0].0, &packed[0].1[0], SECOND)).unwrap();
        assert_eq!(command.keys().next().unwrap(), "update", "the name of a command comes first");
        assert!(!command.get_bool("ordered").unwrap());
        let concern = doc! { "w": "majority", "wtimeout": 1000 };
        assert_eq!(command.get_document("writeConcern").unwrap(), &concern);
        let first = doc! { "q": { "_id": "i1" }, "u": { "$set": { "f0": "xxx", "f1": "xxx" } }, "upsert": true };
        assert_eq!(command.get_array("updates").unwrap()[0], Bson::from(first));
        assert_eq!(command.get_array("updates").unwrap().len(), 2);
    }
}
