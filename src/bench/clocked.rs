//! Steps with a clock: what each of them costs, by its name.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use operators::Flaw;

use crate::picture::Picture;
use crate::steps::{Choose, Cut, Faulted, Join, Step, Stop, Work};

/// Stages that are work for whichever part asks first, and so are told of the whole job, and not of one step.
pub const SHARED: [&str; 2] = ["decode", "encode"];

/// Time that steps have spent, by what it went into. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Book(Arc<Mutex<Vec<Spent>>>);

/// Time that went into one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The step.
    pub step: String,
    /// The part of it that it tells by itself, as `infer`; nothing for the rest of it.
    pub stage: Option<&'static str>,
    /// The time of all frames and workers together.
    pub time: Duration,
}

impl Book {
    /// All that was spent, in the order in which it was first.
    pub fn so_far(&self) -> Vec<Spent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, step: &str, stage: Option<&'static str>, time: Duration) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match rows.iter_mut().find(|row| row.step == step && row.stage == stage) {
            Some(row) => row.time += time,
            None => rows.push(Spent { step: step.to_owned(), stage, time }),
        }
    }
}

/// The step of that name, with a clock that writes into `book`.
pub fn clocked(name: &str, work: Work, book: &Book) -> Work {
    let clock = Clock { name: name.to_owned(), book: book.clone() };
    match work {
        Work::Line(step) => Work::Line(Box::new(Clocked(step, clock))),
        Work::Branch(choice) => Work::Branch(Box::new(Clocked(choice, clock))),
        Work::Each(knife, on_fault) => Work::Each(Box::new(Clocked(knife, clock)), on_fault),
        Work::Collect(join) => Work::Collect(Box::new(Clocked(join, clock))),
    }
}

struct Clock {
    name: String,
    book: Book,
}

impl Clock {
    /// The step took so long, of which its pictures tell these stages.
    fn note(&self, took: Duration, told: impl IntoIterator<Item = (&'static str, Duration)>) {
        let mut rest = took;
        for (stage, time) in told {
            rest = rest.saturating_sub(time);
            if !SHARED.contains(&stage) {
                self.book.add(&self.name, Some(stage), time);
            }
        }
        self.book.add(&self.name, None, rest);
    }

    /// Runs `work` on one picture.
    fn time<R>(&self, picture: &mut Picture, work: impl FnOnce(&mut Picture) -> R) -> R {
        let (start, known) = (Instant::now(), picture.timings.len());
        let result = work(picture);
        self.note(start.elapsed(), picture.timings[known..].to_vec());
        result
    }
}

struct Clocked<T>(T, Clock);

impl Step for Clocked<Box<dyn Step>> {
    fn run(&mut self, batch: Vec<Picture>) -> Vec<Result<Picture, Stop>> {
        let Self(step, clock) = self;
        // Answers come in any order, and the plan has given each picture its place.
        let mut known = vec![0; batch.len()];
        batch.iter().for_each(|picture| known[picture.place] = picture.timings.len());
        let start = Instant::now();
        let answers = step.run(batch);
        let took = start.elapsed();
        let pictures = answers.iter().map(|answer| match answer {
            Ok(picture) | Err(Stop::Filtered(picture) | Stop::Fault(picture, _)) => picture,
        });
        clock.note(took, pictures.flat_map(|picture| picture.timings[known[picture.place]..].iter().copied()));
        answers
    }
}

impl Choose for Clocked<Box<dyn Choose>> {
    fn choose(&mut self, picture: &mut Picture) -> Result<bool, Flaw> {
        let Self(choice, clock) = self;
        clock.time(picture, |picture| choice.choose(picture))
    }
}

impl Cut for Clocked<Box<dyn Cut>> {
    fn cut(&mut self, picture: &mut Picture) -> Result<Vec<Picture>, Flaw> {
        let Self(knife, clock) = self;
        clock.time(picture, |picture| knife.cut(picture))
    }
}

impl Join for Clocked<Box<dyn Join>> {
    fn join(&mut self, whole: &mut Picture, of: &str, pieces: Vec<Picture>, faulted: Vec<Faulted>) -> Result<(), Flaw> {
        let Self(join, clock) = self;
        // What the pieces tell was told by the steps that worked on them.
        let start = Instant::now();
        let joined = join.join(whole, of, pieces, faulted);
        clock.note(start.elapsed(), []);
        joined
    }
}
