//! The steps of a job as one piece of work: batches in, what is to be written for each frame out.
//!
//! A batch stays on one thread from its first decode to the bytes that go to the sinks. Nothing is handed over or
//! copied between steps, and a picture's pixels are gone before its results leave.

use std::sync::Arc;

use operators::offload::guard;
use operators::{Batch, Fault, Frame, Reason, Work};

use crate::codec::Limits;
use crate::metrics::Metrics;
use crate::picture::Picture;
use crate::sinks::Parcel;
use crate::steps::{Step, Stop};
use crate::truth::Score;
use crate::write::Write;

/// What a step or a sink takes pictures from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A source, by its index in the job.
    Source(usize),
    /// A step, by its index in the job.
    Step(usize),
}

/// In place of a sink: the process that took the frame as a task.
pub const HOME: usize = usize::MAX;

/// A sink's wish: what it writes, and after which parts.
#[derive(Clone, Debug)]
pub struct Tap {
    /// The sink, by its index in the job.
    pub sink: usize,
    /// Where it takes pictures from.
    pub inputs: Vec<Input>,
    /// What it writes of them.
    pub write: Write,
}

/// What became of a frame.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What is to be written, each for the sink of that index (nothing, where no sink takes from its last step), and how
    /// right what was found is.
    Result(Arc<Frame>, Vec<(usize, Parcel)>, Option<Score>),
    /// The step of that index let it go. What was wanted of it before that is to be written.
    Filtered(usize, Arc<Frame>, Vec<(usize, Parcel)>, Option<Score>),
    /// It is for the dead letters.
    Dead(Fault),
}

/// A job's steps and what its sinks want of them, for one worker.
pub struct Plan {
    /// The steps in the order of the job file, each with its name and where it takes its pictures from.
    pub steps: Vec<(String, Box<dyn Step>, Vec<Input>)>,
    /// What the sinks want.
    pub taps: Vec<Tap>,
    /// The job's name.
    pub job: String,
    /// What pictures the job takes.
    pub limits: Limits,
    /// Where stages and batches are counted.
    pub metrics: Arc<Metrics>,
}

/// A picture on its way, and what its frame is to have written so far.
struct Traveller {
    picture: Picture,
    parcels: Vec<(usize, Parcel)>,
    frame: Arc<Frame>,
    at: Input,
}

impl Plan {
    fn run(&mut self, frames: Vec<Frame>) -> Vec<Outcome> {
        let (sound, flawed): (Vec<_>, Vec<_>) = frames.into_iter().partition(|frame| frame.flaw.is_none());
        let mut outcomes: Vec<_> = flawed.into_iter().filter_map(as_found).collect();
        let mut travellers: Vec<_> = sound.into_iter().map(depart).collect();
        self.tap(&mut travellers, &mut outcomes);
        for index in 0..self.steps.len() {
            let (_, step, inputs) = &mut self.steps[index];
            let (here, rest) = travellers.into_iter().partition(|traveller| inputs.contains(&traveller.at));
            travellers = rest;
            let Passed { mut on, filtered, dead } = pass(step.as_mut(), here, Input::Step(index));
            outcomes.extend(dead.into_iter().map(Outcome::Dead));
            outcomes.extend(filtered.into_iter().map(|traveller| self.let_go(traveller, index)));
            self.tap(&mut on, &mut outcomes);
            travellers.append(&mut on);
        }
        outcomes.extend(travellers.into_iter().map(|traveller| self.arrive(traveller)));
        outcomes
    }

    /// Makes what the sinks want of these pictures where they are now.
    fn tap(&self, travellers: &mut Vec<Traveller>, outcomes: &mut Vec<Outcome>) {
        let arrived = std::mem::take(travellers);
        for mut traveller in arrived {
            match self.taps.iter().try_for_each(|tap| self.fill(tap, &mut traveller)) {
                Ok(()) => travellers.push(traveller),
                Err(flaw) => outcomes.push(Outcome::Dead(Fault { frame: traveller.picture.frame, flaw })),
            }
        }
    }

    fn fill(&self, tap: &Tap, traveller: &mut Traveller) -> Result<(), operators::Flaw> {
        if !tap.inputs.contains(&traveller.at) {
            return Ok(());
        }
        let (body, media) = tap.write.body(&mut traveller.picture, &self.job, &self.limits)?;
        let (frame, write) = (traveller.frame.clone(), Some(tap.write));
        let parcel = Parcel { frame, write, reason: None, detail: None, body, media };
        traveller.parcels.push((tap.sink, parcel));
        Ok(())
    }

    fn arrive(&self, traveller: Traveller) -> Outcome {
        self.count(&traveller);
        Outcome::Result(traveller.frame, traveller.parcels, traveller.picture.score)
    }

    fn let_go(&self, traveller: Traveller, step: usize) -> Outcome {
        self.count(&traveller);
        Outcome::Filtered(step, traveller.frame, traveller.parcels, traveller.picture.score)
    }

    fn count(&self, traveller: &Traveller) {
        for (stage, time) in &traveller.picture.timings {
            self.metrics.stage(stage, *time);
        }
    }
}

fn depart(frame: Frame) -> Traveller {
    let shared = Arc::new(frame.clone());
    let at = Input::Source(frame.origin.source);
    Traveller { picture: Picture::new(frame), parcels: Vec::new(), frame: shared, at }
}

/// What its source found wrong with a frame.
fn as_found(mut frame: Frame) -> Option<Outcome> {
    let flaw = frame.flaw.take()?;
    Some(Outcome::Dead(Fault { frame, flaw }))
}

/// What a step made of its pictures.
#[derive(Default)]
struct Passed {
    on: Vec<Traveller>,
    filtered: Vec<Traveller>,
    dead: Vec<Fault>,
}

/// Lets a step work on pictures. It may answer in any order: each is known by its place in the batch.
fn pass(step: &mut dyn Step, here: Vec<Traveller>, at: Input) -> Passed {
    let mut luggage = Vec::with_capacity(here.len());
    let mut pictures = Vec::with_capacity(here.len());
    for (place, mut traveller) in here.into_iter().enumerate() {
        traveller.picture.place = place;
        luggage.push(Some((traveller.parcels, traveller.frame)));
        pictures.push(traveller.picture);
    }
    let mut passed = Passed::default();
    if pictures.is_empty() {
        return passed;
    }
    let mut again = |picture: Picture| {
        let (parcels, frame) = luggage[picture.place].take().expect("a step answers once for each picture");
        Traveller { picture, parcels, frame, at }
    };
    for answer in step.run(pictures) {
        match answer {
            Ok(picture) => passed.on.push(again(picture)),
            Err(Stop::Filtered(picture)) => passed.filtered.push(again(picture)),
            Err(Stop::Fault(fault)) => passed.dead.push(fault),
        }
    }
    passed
}

impl Work<Batch> for Plan {
    type Done = Vec<Outcome>;

    fn work(&mut self, batches: Vec<Batch>) -> Vec<Vec<Outcome>> {
        let mut run = |batch: Batch| {
            self.metrics.batch(batch.frames.len(), batch.cause);
            self.run(batch.frames)
        };
        batches.into_iter().map(&mut run).collect()
    }

    fn frames(batch: &Batch) -> u64 {
        batch.frames.len() as u64
    }

    /// Each frame once more, alone: so that only the one which caused it is a dead letter.
    fn panicked(&mut self, batches: Vec<Batch>, _: &str) -> Vec<Vec<Outcome>> {
        let mut alone = |frame: Frame| {
            let kept = frame.clone();
            guard(|| self.run(vec![frame])).unwrap_or_else(|panic| {
                let flaw = operators::Flaw::new(Reason::Panicked, format!("a mistake in Vigie: {panic}"));
                vec![Outcome::Dead(Fault { frame: kept, flaw })]
            })
        };
        batches.into_iter().map(|batch| batch.frames.into_iter().flat_map(&mut alone).collect()).collect()
    }
}
