//! What processes tell each other of their views when they begin to work together.
//!
//! Each has its own state, and was perhaps away while others were told something. So each opens its state, tells it to all,
//! and begins when it has heard all: what was forgotten is then taken from whoever forgot furthest, and what is remembered
//! from everybody.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use operators::Work;
use operators::views::{Definition, Engine, Saved, Told};
use serde::{Deserialize, Serialize};

use super::state::{Found, Kept, Sealed, State, for_view, view_of};
use crate::board::Post;
use crate::delivery::insist::Pauses;

/// What the state of one process says, on its way to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memory(Arc<Vec<Kept>>);

/// What comes to who waits for all.
enum Handed {
    State(Box<State>),
    Memory(Memory),
}

/// Where it is handed in.
#[derive(Clone, Debug)]
pub struct Door(Sender<Handed>);

/// Waits until all are there.
#[derive(Debug)]
pub struct Reunion {
    coming: Receiver<Handed>,
    processes: usize,
}

impl Reunion {
    /// For so many processes.
    pub fn of(processes: usize) -> (Door, Self) {
        let (door, coming) = channel();
        (Door(door), Self { coming, processes })
    }

    /// The state of this process, and what all know. `None` where somebody will not come any more: the workers stop.
    pub fn wait(&self) -> Option<(State, Vec<Arc<Vec<Kept>>>)> {
        let (mut state, mut all) = (None, Vec::new());
        while state.is_none() || all.len() < self.processes {
            match self.coming.recv().ok()? {
                Handed::State(own) => state = Some(*own),
                Handed::Memory(Memory(kept)) => all.push(kept),
            }
        }
        Some((state?, all))
    }
}

impl Door {
    /// What a process knows has come.
    pub fn hand_in(&self, memory: &Memory) {
        // Nobody waits any more: the workers stop.
        let _ = self.0.send(Handed::Memory(memory.clone()));
    }
}

/// Opens the state of this process, as soon as nobody else has it.
pub struct Opening {
    /// Where it lies.
    pub folder: PathBuf,
    /// The views.
    pub views: Vec<Sealed>,
    /// What is asked of each.
    pub definitions: Vec<Definition>,
    /// The job's name.
    pub job: String,
    /// Where it tells what it waits for.
    pub post: Post,
    /// Where the state goes.
    pub door: Door,
}

impl Work<()> for Opening {
    type Done = Option<Memory>;

    /// What is to be told to all; nothing where the job is no longer installed.
    fn work(&mut self, begun: Vec<()>) -> Vec<Option<Memory>> {
        begun.into_iter().map(|()| self.open()).collect()
    }

    fn panicked(&mut self, _: Vec<()>, panic: &str) -> Vec<Option<Memory>> {
        panic!("the state of the views of job {} can't be opened, by a mistake in Vigie: {panic}", self.job)
    }
}

impl Opening {
    fn open(&self) -> Option<Memory> {
        let tell = |what: String| tracing::warn!("job {}: {what}", self.job);
        let busy = || io::Error::other(format!("another process has the views in {}", self.folder.display()));
        let open = || State::open(&self.folder, &self.views, &tell)?.ok_or_else(busy);
        let (state, Found { kept, told }) = until_done(&self.post, open)?;
        self.door.0.send(Handed::State(Box::new(state))).ok()?;
        Some(Memory(Arc::new(folded(&self.definitions, kept, told))))
    }
}

/// What is saved of each view, with what it was told since.
fn folded(definitions: &[Definition], mut kept: Vec<Kept>, told: Vec<Told>) -> Vec<Kept> {
    let mut since = vec![Vec::new(); definitions.len()];
    for told in told {
        let view = view_of(&told);
        since[view].push(for_view(told, 0));
    }
    for ((kept, told), definition) in
        kept.iter_mut().zip(since).zip(definitions).filter(|((_, told), _)| !told.is_empty())
    {
        let mut engine = engine(definition, kept.engine.take());
        told.into_iter().for_each(|told| engine.tell(told));
        kept.engine = Some(engine.save());
    }
    kept
}

/// An engine for one view, which knows what was saved of it.
pub fn engine(definition: &Definition, saved: Option<Saved>) -> Engine {
    let asked = std::slice::from_ref(definition);
    saved.map_or_else(|| Engine::new(asked), |saved| Engine::restore(asked, saved))
}

/// Tries until it is done; `None` where the job is no longer installed.
pub fn until_done<T>(post: &Post, mut attempt: impl FnMut() -> io::Result<T>) -> Option<T> {
    for pause in Pauses::default() {
        match attempt() {
            Ok(done) => {
                post.tell_goes_on();
                return Some(done);
            }
            Err(_) if post.is_over() => return None,
            Err(error) => {
                // The first moment is no news: whoever had it before may just be leaving.
                match pause == Pauses::FIRST {
                    true => drop(post.waits(&error.to_string(), pause)),
                    false => post.tell_waits(&error.to_string(), pause),
                }
                thread::sleep(pause);
            }
        }
    }
    None
}
