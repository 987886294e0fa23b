//! Results to MongoDB, or to a server that speaks its language: one document a frame, whoever adds to it.
//!
//! Written is what a majority of the servers has. All writes are updates of one document by its `_id`, so a frame that
//! comes again changes nothing, and what is written of one frame (by this sink, by another, by another job) meets in its
//! document, in whatever order it comes. Only commands are used that all servers from MongoDB 4.4 on know.

mod draft;
mod fields;
mod pack;
mod server;
mod shelf;
mod stored;
mod verdict;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use operators::{Flaw, Reason};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::runtime::Handle;

use self::draft::{Draft, ENVELOPE, LARGEST};
use self::fields::Fields;
use self::server::{Server, shown};
use self::shelf::Shelf;
use self::writer::{Verdicts, Writer};
use super::{Name, Parcel, Sink, SinkConfig, Stored};
use crate::context::Context;
use crate::delivery::{Keep, Keeper, keep};
use crate::mistake::Mistake;
use crate::template::Template;
use crate::write::Write;

/// One document a frame: `job`, `camera`, `id`, `number`, `captured_at`, `received_at`, `stored_at`, and what is written:
/// `image` and `frame` as bytes, `report` as fields, each with its size. A document holds 16 MiB. Of a view, one document a
/// row: `job`, `view`, `stored_at`, and its columns; it goes when the row goes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mongodb {
    /// The server: `mongodb://localhost:27017`, with user and password `mongodb://user:password@host/?authSource=admin`;
    /// they are never shown. The options of the url are the driver's own: `replicaSet`, `tls=true`,
    /// `tlsCAFile=ca.pem` (the servers' CA), `tlsCertificateKeyFile` (this client's certificate and key).
    url: String,
    /// The database's name.
    database: String,
    /// The collection of a document, with `{camera}`, `{job}`, `{date}` and expressions: `camera-{camera}-processed`; in
    /// `[dead]` with `{reason}` and no expressions. Collections are made as they are needed. What a collection's name can't hold is
    /// replaced.
    collection: String,
    /// What names the document (`_id`), with `{camera}`, `{id}`, `{number}`, `{job}`, `{date}` and expressions. Sinks and
    /// jobs that give the same name write to the same document: leave `{job}` out to let two jobs meet. (Not with FerretDB 1, where
    /// of two that write one document at the same moment one is lost.)
    /// Of a row of a view, `{camera}` is the view's name and `{id}` the row's key, its parts joined by `/`.
    #[serde(default = "id")]
    id: String,
    /// More fields of the document, by the names that somebody queries: `{ InferredValue = "label", GroundTruth = "truth" }`.
    /// A field says `label` or `score` (of the likeliest class that `classify` told), `truth` (as the job's `truth` says),
    /// `values.NAME` or `done_at`, all of these with `write = "report"`; or `headers.NAME`, `camera`, `id`, `number`,
    /// `captured_at` or `received_at`. What is not known is null.
    #[serde(default)]
    fields: BTreeMap<String, String>,
    /// What is kept, counted from the last change of a document, of all collections that `collection` can have named.
    /// Where the server can (MongoDB does), it deletes by age even while no job runs: by the index `vigie_expiring`.
    #[serde(default)]
    keep: Option<Keep>,
}

fn id() -> String {
    "{job}/{camera}/{id}".to_owned()
}

/// The url may hold a password.
impl fmt::Debug for Mongodb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

impl Mongodb {
    fn collection(&self, context: &Context) -> Result<Template, Mistake> {
        let wrong = |what: &str| Err(Mistake::at("collection", what));
        let name = self.collection.as_str();
        match name {
            "" => return wrong("a collection needs a name: write \"camera-{camera}-processed\""),
            _ if name.starts_with("system.") || name.starts_with('.') => {
                return wrong("MongoDB keeps names that begin with `system.` or `.` to itself: choose another one");
            }
            _ => {}
        }
        let template = Template::read(name, &["camera", "job", "date"], context, "collection")?;
        if template.texts().any(|text| text.contains(['$', '\0'])) {
            return wrong("a collection's name can't hold `$`: take it out");
        }
        Ok(template)
    }

    fn id(&self, context: &Context) -> Result<Template, Mistake> {
        if self.id.is_empty() {
            return Err(Mistake::at("id", "a document needs a name: write \"{job}/{camera}/{id}\""));
        }
        Template::read(&self.id, &["camera", "id", "number", "job", "date"], context, "id")
    }

    fn check_database(&self) -> Result<(), Mistake> {
        let what = match self.database.as_str() {
            "" => "a database needs a name: write \"room\"",
            name if name.len() > 63 => "a database's name has 63 bytes at most: choose a shorter one",
            name if name.contains(['/', '\\', '.', ' ', '"', '$', '*', '<', '>', ':', '|', '?', '\0']) => {
                "a database's name can't hold any of `/\\. \"$*<>:|?`: use letters, digits, `-` and `_`"
            }
            _ => return Ok(()),
        };
        Err(Mistake::at("database", what))
    }
}

impl SinkConfig for Mongodb {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        server::check(&self.url, &context.runtime, &context.allowed)?;
        self.check_database()?;
        self.collection(context)?;
        self.id(context)?;
        Fields::read(&self.fields)?;
        self.keep.as_ref().map_or(Ok(()), Keep::check)
    }

    fn describe(&self) -> String {
        let kept = keep::told(self.keep.as_ref());
        format!("MongoDB {}, {}.{}{kept}", shown(&self.url), self.database, self.collection)
    }

    fn takes_several(&self) -> bool {
        true
    }

    fn names(&self, context: &Context) -> Result<Vec<Name>, Mistake> {
        let (collection, id) = (self.collection(context)?, self.id(context)?);
        Ok(vec![
            Name { field: "collection", template: collection, replaces: false },
            Name { field: "id", template: id, replaces: true },
        ])
    }

    fn check_writes(&self, writes: &[Write]) -> Result<(), Mistake> {
        // What can't be read is told by `check`.
        match Fields::read(&self.fields).unwrap_or_default().reported() {
            Some(field) if !writes.contains(&Write::Report) => {
                let what = format!(
                    "what the field `{field}` says stands in reports: add \"report\" to `write`, or leave it out"
                );
                Err(Mistake::at("fields", what))
            }
            _ => Ok(()),
        }
    }

    fn preflight(&self, _: &Context, largest: usize) -> Option<Mistake> {
        let what = || {
            format!(
                "a result may have {largest} bytes, and a document of MongoDB has {LARGEST} at most: lower `max_frame_bytes` of \
                 [limits], or name a sink for what is too large with `overflow`"
            )
        };
        (largest > LARGEST).then(|| Mistake::at("collection", what()))
    }

    fn place(&self, context: &Context, parcel: &Parcel) -> Result<String, Mistake> {
        let names = parcel.names(&context.job);
        let (collection, id) = (self.collection(context)?.fill(&names), self.id(context)?.fill(&names));
        Ok(format!("mongodb:{}.{}/{id}", self.database, legal(&collection)))
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>> {
        let mut documents = self.documents(context)?;
        documents.keeper = self.look_after(&documents, context);
        Ok(Box::new(documents))
    }

    fn open_overflow(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>> {
        Ok(Box::new(self.documents(context)?))
    }

    fn stored(&self, context: &Context) -> anyhow::Result<Stored> {
        let server = Server::new(&self.url, &self.database);
        Ok(Box::new(stored::stored(&context.runtime, &server, &self.collection(context)?, &context.job)?))
    }
}

impl Mongodb {
    fn documents(&self, context: &Context) -> anyhow::Result<Documents> {
        let server = Arc::new(Server::new(&self.url, &self.database));
        Ok(Documents {
            id: self.id(context)?,
            collection: self.collection(context)?,
            fields: Fields::read(&self.fields)?,
            job: context.job.clone(),
            database: self.database.clone(),
            writer: Arc::new(Writer::new(server.clone(), context.post("mongodb"))),
            server,
            runtime: context.runtime.clone(),
            keeper: None,
        })
    }

    /// One worker of the cluster looks after what is kept.
    fn look_after(&self, documents: &Documents, context: &Context) -> Option<Keeper> {
        if context.worker != 0 {
            return None;
        }
        let shelf = Shelf::new(documents.server.clone(), documents.collection.clone(), self.keep.clone());
        match self.keep.clone() {
            Some(keep) => Some(Keeper::start(&context.runtime, keep, shelf, context.post("mongodb"))),
            None => {
                context.runtime.spawn(async move { shelf.free().await });
                None
            }
        }
    }
}

struct Documents {
    collection: Template,
    id: Template,
    fields: Fields,
    job: String,
    database: String,
    server: Arc<Server>,
    writer: Arc<Writer>,
    runtime: Handle,
    /// Deletes until it goes.
    keeper: Option<Keeper>,
}

impl Documents {
    /// The collection and the `_id` of a parcel's document.
    fn names(&self, parcel: &Parcel) -> (String, String) {
        let names = parcel.names(&self.job);
        (legal(&self.collection.fill(&names)), self.id.fill(&names))
    }

    fn draft(&self, parcel: &Parcel) -> Result<Draft, Flaw> {
        let (collection, id) = self.names(parcel);
        Draft::new(collection, id, parcel, &self.job, &self.fields)
    }

    /// Removes the documents of rows that are gone.
    fn remove(&self, gone: &[(usize, &Parcel)]) -> Verdicts {
        let mut collections = BTreeMap::<String, (Vec<usize>, Vec<String>)>::new();
        for (place, parcel) in gone {
            let (collection, id) = self.names(parcel);
            let (places, ids) = collections.entry(collection).or_default();
            places.push(*place);
            ids.push(id);
        }
        let remove = |(collection, (places, ids)): (String, (Vec<usize>, Vec<String>))| {
            let verdict = self.runtime.block_on(self.writer.remove(&collection, &ids));
            places.into_iter().map(move |place| (place, verdict.clone()))
        };
        collections.into_iter().flat_map(remove).collect()
    }

    /// Writes to all collections at the same time.
    fn deliver(&self, drafts: Vec<(usize, Draft)>) -> Verdicts {
        let start = |(collection, commands): (String, pack::Commands)| {
            let places: Vec<_> = commands.iter().flatten().flat_map(|update| update.parcels.clone()).collect();
            let writer = self.writer.clone();
            (places, self.runtime.spawn(async move { writer.write(&collection, commands).await }))
        };
        let tasks: Vec<_> = pack::pack(drafts).into_iter().map(start).collect();
        let end = |(places, task): (Vec<usize>, tokio::task::JoinHandle<Verdicts>)| {
            self.runtime.block_on(task).unwrap_or_else(|panic| {
                let flaw = Flaw::new(Reason::Panicked, format!("a mistake in Vigie, while writing: {panic}"));
                places.into_iter().map(|place| (place, Err(flaw.clone()))).collect()
            })
        };
        tasks.into_iter().flat_map(end).collect()
    }
}

/// A collection's name with what none may hold escaped, as a template escapes: no other name becomes the same.
fn legal(name: &str) -> String {
    let name = name.replace('$', "%24");
    match name.strip_prefix("system.") {
        Some(rest) => format!("system%2E{rest}"),
        None => name,
    }
}

impl Sink for Documents {
    fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
        let mut verdicts: Vec<_> = parcels.iter().map(|_| Ok(())).collect();
        let mut drafts = Vec::with_capacity(parcels.len());
        let (gone, parcels): (Vec<_>, Vec<_>) = parcels.iter().enumerate().partition(|(_, parcel)| parcel.is_gone());
        for (place, parcel) in parcels {
            match self.draft(parcel) {
                Ok(draft) => drafts.push((place, draft)),
                Err(flaw) => verdicts[place] = Err(flaw),
            }
        }
        for (place, verdict) in self.deliver(drafts).into_iter().chain(self.remove(&gone)) {
            verdicts[place] = verdict;
        }
        verdicts
    }

    fn most(&self, _: &Parcel) -> Option<usize> {
        Some(LARGEST - ENVELOPE)
    }

    fn place(&self, parcel: &Parcel) -> String {
        let (collection, id) = self.names(parcel);
        format!("mongodb:{}.{collection}/{id}", self.database)
    }
}

#[cfg(test)]
mod tests {
    use super::draft::tests::parcel;
    use super::*;
    use crate::context::tests::context;
    use crate::write::Write;

    fn config(text: &str) -> Mongodb {
        let rest = "url = 'mongodb://root:s3cret@localhost/?authSource=admin'\ndatabase = 'room'\ncollection = 'all'\n";
        let table: toml::Table =
            rest.parse::<toml::Table>().unwrap().into_iter().chain(text.parse::<toml::Table>().unwrap()).collect();
        table.try_into().unwrap()
    }

    #[test]
    fn mistakes_are_told_at_their_field() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let wrong = |text: &str| config(text).check(&context("store", &runtime)).err();
        for sound in ["", "id = '{camera}/{id}'\ncollection = 'camera-{camera}-{date}'", "keep = { age = '48h' }"] {
            assert_eq!(wrong(sound), None, "{sound}");
        }
        for (text, field) in [
            ("url = 'localhost'", "url"),
            ("database = ''", "database"),
            ("database = 'my.room'", "database"),
            ("collection = ''", "collection"),
            ("collection = 'a$b'", "collection"),
            ("collection = 'system.{camera}'", "collection"),
            ("collection = '{id}'", "collection"),
            ("collection = 'dead-{reason}'", "collection"),
            ("id = ''", "id"),
            ("id = '{nobody}'", "id"),
            ("keep = {}", "keep"),
        ] {
            assert_eq!(wrong(text).map(|mistake| mistake.field), Some(Some(field)), "{text}");
        }
        assert_eq!(config("collection = 'dead-{reason}'").check(&context("dead", &runtime)), Ok(()));
    }

    #[test]
    fn nothing_secret_is_described() {
        let config = config("keep = { age = '48h', size = '5GiB' }");
        assert_eq!(config.describe(), "MongoDB mongodb://localhost, room.all, keeps 2days and 5.0 GiB");
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    /// Catches a sink that does not open while its server is away.
    #[test]
    fn a_place_can_be_followed() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sink = config("collection = '{camera}'").open(&context("store", &runtime)).unwrap();
        assert_eq!(sink.place(&parcel("7", Some(Write::Image), b"", "image/jpeg")), "mongodb:room.door/room/door/7");
        assert_eq!(sink.most(&parcel("7", None, b"", "")), Some(LARGEST - ENVELOPE));
    }

    #[test]
    fn no_camera_makes_an_illegal_collection() {
        for (name, expected) in [("a$b", "a%24b"), ("system.users", "system%2Eusers"), ("camera-1", "camera-1")] {
            assert_eq!(legal(name), expected);
        }
    }
}
