//! What the sinks of files and of objects share: one thing a parcel, under a name that a template makes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use operators::{Flaw, Frame, Reason, UnixMillis};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::{Parcel, Sink};
use crate::board::Post;
use crate::context::{Context, DEAD};
use crate::delivery::{Item, Keep, Keeper, Store, Trouble, insist};
use crate::letter::Letter;
use crate::mistake::Mistake;
use crate::template::{Template, levels};

/// Things that are written at the same time: a disk syncs them together, and a server answers them together.
const AT_ONCE: usize = 16;

/// The ending of the record beside a dead letter.
const RECORD: &str = ".json";

/// The path that stands in `field` of a part, or a part of it.
pub fn path(text: &str, context: &Context, field: &'static str) -> Result<Template, Mistake> {
    Template::read(text, &["camera", "id", "number", "job", "date"], context, field)
}

/// Whether a path with fields names something below its folder, whatever the fields stand for.
pub fn names_a_file(path: &str) -> bool {
    !levels(path).iter().any(|level| matches!(*level, "" | "." | ".."))
}

/// Something to be written.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Where it goes.
    pub path: String,
    /// What is in it; `None` where nothing is to be there any more.
    pub body: Option<Bytes>,
    /// What that is: `image/jpeg`.
    pub media: &'static str,
    /// The frame it is about.
    pub frame: Arc<Frame>,
}

/// Something that is there, as a listing tells it.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where it is.
    pub path: String,
    /// When it was written.
    pub at: UnixMillis,
    /// How large it is.
    pub bytes: u64,
}

/// Which paths a sink writes.
#[derive(Clone, Debug)]
pub struct Origin {
    template: Template,
    job: String,
    /// Whether what it writes are dead letters, with records beside them.
    letters: bool,
}

impl Origin {
    /// The paths that `template` makes for a part.
    pub fn new(template: Template, context: &Context) -> Self {
        Self { template, job: context.job.clone(), letters: context.part == DEAD }
    }

    /// Where a parcel goes.
    pub fn path(&self, parcel: &Parcel) -> String {
        self.template.fill(&parcel.names(&self.job))
    }

    /// What is written of a parcel. A dead letter has a record beside it, which is there first: bytes without a record
    /// would be a riddle.
    fn drafts(&self, parcel: &Parcel) -> Vec<Draft> {
        let Parcel { frame, body, media, .. } = parcel;
        let path = self.path(parcel);
        let record = Letter::of(parcel, &self.job).map(|letter| Draft {
            path: format!("{path}{RECORD}"),
            body: Some(letter.to_json()),
            media: "application/json",
            frame: frame.clone(),
        });
        let body = (!parcel.is_gone()).then(|| body.clone());
        record.into_iter().chain([Draft { path, body, media, frame: frame.clone() }]).collect()
    }

    /// Whether it may have written what is at `path`. What it can't have written is never deleted.
    pub fn knows(&self, path: &str) -> bool {
        self.template.makes(path, &self.job) || self.letter_of(path).is_some()
    }

    /// The letter that a record is about.
    fn letter_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        let letter = path.strip_suffix(RECORD).filter(|_| self.letters)?;
        self.template.makes(letter, &self.job).then_some(letter)
    }

    /// What is kept or deleted as one: a dead letter and its record. All that was found is known. A letter goes before
    /// its record does.
    pub fn items(&self, found: Vec<Found>) -> Vec<Item<Vec<String>>> {
        let there: HashSet<String> = match self.letters {
            true => found.iter().map(|found| found.path.clone()).collect(),
            false => HashSet::new(),
        };
        let belongs = |found: &Found| self.letter_of(&found.path).is_some_and(|letter| there.contains(letter));
        let (records, others): (Vec<_>, Vec<_>) = found.into_iter().partition(belongs);
        let mut items: Vec<_> = others.into_iter().map(item).collect();
        let mut places: HashMap<String, usize> = HashMap::new();
        if !records.is_empty() {
            places.extend(items.iter().enumerate().map(|(place, item)| (item.key[0].clone(), place)));
        }
        for record in records {
            let letter = self.letter_of(&record.path).and_then(|letter| places.get(letter));
            match letter {
                Some(place) => {
                    let item = &mut items[*place];
                    item.at = item.at.max(record.at);
                    item.bytes += record.bytes;
                    item.key.push(record.path);
                }
                // The record of a record: a letter whose own name ends like one.
                None => items.push(item(record)),
            }
        }
        items
    }
}

fn item(found: Found) -> Item<Vec<String>> {
    Item { key: vec![found.path], at: found.at, bytes: found.bytes }
}

/// Where things are written.
pub trait Target: Send + Sync + 'static {
    /// Makes a draft with this body durable; `attempt` counts from 0.
    fn put(&self, draft: &Draft, body: &Bytes, attempt: u32) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// Sees to it that nothing is at a path, whether or not anything was.
    fn remove(&self, path: &str) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// A path in words that a reader can follow.
    fn place(&self, path: &str) -> String;

    /// The most bytes of one thing.
    fn most(&self) -> Option<usize> {
        None
    }
}

/// A sink that writes to a target.
pub struct Objects<T> {
    origin: Origin,
    runtime: Handle,
    desk: Arc<Desk<T>>,
    /// What looks after what is kept, for as long as the sink is there.
    keeper: Option<Keeper>,
}

/// What writes, for all that is under way.
struct Desk<T> {
    target: T,
    post: Post,
    room: Semaphore,
}

impl<T: Target> Objects<T> {
    /// A sink for the paths of `origin`; `server` is what it may have to wait for.
    pub fn new(origin: Origin, target: T, server: &'static str, context: &Context) -> Self {
        let desk = Desk { target, post: context.post(server), room: Semaphore::new(AT_ONCE) };
        Self { origin, runtime: context.runtime.clone(), desk: Arc::new(desk), keeper: None }
    }

    /// The sink, with what looks after `store`. One of a cluster does, so that no two delete at the same time.
    pub fn keeping(mut self, keep: &Keep, store: impl Store, context: &Context) -> Self {
        if context.worker == 0 {
            // A post of its own: it tells how full the store is, and never that it waits.
            let post = Post::new(&context.board, &context.part, usize::MAX, "");
            self.keeper = Some(Keeper::start(&context.runtime, keep.clone(), store, post));
        }
        self
    }
}

impl<T: Target> Sink for Objects<T> {
    fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
        let start = |parcel| self.runtime.spawn(deliver(self.desk.clone(), self.origin.drafts(parcel)));
        let tasks: Vec<_> = parcels.iter().map(start).collect();
        let mut verdicts = Vec::with_capacity(tasks.len());
        for task in tasks {
            let ended = self.runtime.block_on(task);
            let panicked =
                |panic| Err(Flaw::new(Reason::Panicked, format!("a mistake in Vigie, while writing: {panic}")));
            verdicts.push(ended.unwrap_or_else(panicked));
        }
        verdicts
    }

    fn most(&self, _: &Parcel) -> Option<usize> {
        self.desk.target.most()
    }

    fn place(&self, parcel: &Parcel) -> String {
        self.desk.target.place(&self.origin.path(parcel))
    }
}

async fn deliver<T: Target>(desk: Arc<Desk<T>>, drafts: Vec<Draft>) -> Result<(), Flaw> {
    let _seat = desk.room.acquire().await;
    for draft in &drafts {
        let Some(body) = &draft.body else {
            insist(&desk.post, || desk.target.remove(&draft.path)).await?;
            continue;
        };
        let (size, most) = (body.len(), desk.target.most().unwrap_or(usize::MAX));
        if size > most {
            let place = desk.target.place(&draft.path);
            return Err(Flaw::new(Reason::TooLarge, format!("{size} bytes are more than `{place}` takes: {most}")));
        }
        let mut attempts = 0..;
        insist(&desk.post, || desk.target.put(draft, body, attempts.next().unwrap_or(u32::MAX))).await?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use operators::Number;

    pub use crate::context::tests::context;

    /// A frame of a camera as a parcel.
    pub fn parcel(camera: &str, id: &str, body: &str) -> Parcel {
        let frame = Frame {
            received_at: UnixMillis(0),
            ..Frame::new(camera.into(), Number(0), id.into(), Bytes::copy_from_slice(body.as_bytes()))
        };
        let body = frame.bytes.clone();
        Parcel::new(Arc::new(frame), body, "image/jpeg")
    }

    /// A runtime as a job has it.
    pub fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    fn origin(path: &str, part: &str) -> Origin {
        let context = context(part, &runtime());
        Origin::new(super::path(path, &context, "path").unwrap(), &context)
    }

    fn found(path: &str, at: u64, bytes: u64) -> Found {
        Found { path: path.into(), at: UnixMillis(at), bytes }
    }

    #[test]
    fn a_dead_letter_and_its_record_go_together() {
        let dead = origin("dead/{camera}/{id}", "dead");
        let all = vec![
            found("dead/a/1.json", 5, 10),
            found("dead/a/1", 7, 100),
            found("dead/a/2.json", 3, 10),
            found("dead/a/1.json.json", 9, 1),
        ];
        assert!(all.iter().all(|found| dead.knows(&found.path)));
        let mut items = dead.items(all);
        items.sort_by(|a, b| a.key.cmp(&b.key));
        let keys: Vec<_> = items.iter().map(|item| item.key.join(" ")).collect();
        assert_eq!(keys, ["dead/a/1 dead/a/1.json", "dead/a/1.json.json", "dead/a/2.json"]);
        assert_eq!((items[0].at, items[0].bytes), (UnixMillis(7), 110), "the letter goes first");
        let faces = origin("faces/{id}.jpg", "faces");
        assert!(faces.knows("faces/1.jpg") && !faces.knows("faces/1.jpg.json"), "only letters have records");
        assert!(!dead.knows("dead/a/b/1.json") && !dead.knows("dead/.json"));
    }

    #[test]
    fn what_passes_is_on_the_board_and_what_is_too_large_is_not_tried() {
        struct Narrow;
        impl Target for Narrow {
            async fn put(&self, _: &Draft, _: &Bytes, attempt: u32) -> Result<(), Trouble> {
                if attempt < 2 { Err(Trouble::Passing("no answer".into())) } else { Ok(()) }
            }
            async fn remove(&self, _: &str) -> Result<(), Trouble> {
                Ok(())
            }
            fn place(&self, path: &str) -> String {
                format!("narrow://{path}")
            }
            fn most(&self) -> Option<usize> {
                Some(4)
            }
        }
        let runtime = runtime();
        let context = context("faces", &runtime);
        let mut sink = Objects::new(origin("{camera}/{id}", "faces"), Narrow, "narrow", &context);
        let verdicts = sink.write(&[parcel("a", "1", "body"), parcel("a", "2", "large")]);
        assert_eq!(verdicts[0], Ok(()), "it was tried again");
        assert_eq!(verdicts[1].as_ref().unwrap_err().reason, Reason::TooLarge);
        assert_eq!(sink.place(&parcel("a", "1", "")), "narrow://a/1");
        assert!(context.board.waits().is_empty(), "it is over");
    }
}
