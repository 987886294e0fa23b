//! The steps of a job as one piece of work: batches in, what is to be written for each frame out.
//!
//! A batch stays on one thread from its first decode to the bytes that go to the sinks. Nothing is handed over or
//! copied between steps, and a picture's pixels are gone before its results leave.

mod flow;
#[cfg(test)]
mod tests;
mod ways;

use std::sync::Arc;

use operators::offload::guard;
use operators::views::{Told, Truth};
use operators::{Batch, Fault, Flaw, Frame, Reason};

use crate::codec::{Enough, Limits};
use crate::metrics::Metrics;
use crate::picture::Picture;
use crate::sinks::Parcel;
use crate::steps::{Choose, Cut, Join, OnFault, Step, Stop, Work};
use crate::template::Sayings;
use crate::truth::Score;
use crate::views::Teller;
use crate::views::truth::Reading;
use crate::write::Write;

use flow::{Collected, Flow, Record};

pub use flow::{Event, Watch};
pub use ways::{Input, Nest, Ways, common, nests};

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
    /// The expressions in its names, and in those of the sink for what is too large for it.
    pub sayings: Sayings,
}

/// A view's wish: to be told of the pictures that come out of these parts.
#[derive(Clone, Debug)]
pub struct Ear {
    /// Where it takes pictures from.
    pub inputs: Vec<Input>,
    /// What it is told of each.
    pub teller: Teller,
}

/// All that the sinks and views of a job want.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// One a thing to write.
    pub taps: Vec<Tap>,
    /// One a view.
    pub ears: Vec<Ear>,
    /// The job's name.
    pub job: String,
    /// What pictures the job takes.
    pub limits: Limits,
    /// Where it stands what is true of a frame, if the job says so.
    pub truth: Option<Reading>,
}

impl Wishes {
    /// Whether a sink or a view takes from there.
    fn at(&self, input: Input) -> bool {
        self.taps.iter().any(|tap| tap.inputs.contains(&input))
            || self.ears.iter().any(|ear| ear.inputs.contains(&input))
    }

    /// What views are told of a frame that says what is true of another one.
    fn truths(&self, frame: &Frame) -> Vec<Told> {
        let Frame { camera, id, received_at, .. } = frame;
        let truth = frame.truth.as_ref().map(|label| {
            let (camera, id, label) = (camera.clone(), id.clone(), label.clone());
            Truth { camera, id, version: *received_at, label }
        });
        let ears = self.ears.iter().enumerate().filter(|(_, ear)| ear.teller.needs_truth());
        ears.filter_map(|(view, _)| Some(Told::Truth(view, truth.clone()?))).collect()
    }

    /// What views are told of a frame that became a dead letter.
    fn obituaries(&self, frame: &Frame) -> Vec<Told> {
        let ears = self.ears.iter().enumerate().filter(|(_, ear)| ear.teller.is_of_the_dead());
        ears.map(|(view, ear)| Told::Fact(view, ear.teller.of_the_dead(frame))).collect()
    }
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

/// What came of a batch.
#[derive(Clone, Debug, Default)]
pub struct Worked {
    /// What became of each frame.
    pub outcomes: Vec<Outcome>,
    /// What views are told of them.
    pub told: Vec<Told>,
}

/// A step at its place in the graph.
pub struct Node {
    /// The step's name.
    pub name: String,
    /// What it does.
    pub work: Work,
    /// How many of a picture's pixels are enough for it.
    pub enough: Enough,
    /// Where it takes its pictures from.
    pub inputs: Vec<Input>,
}

/// A job's steps and what its sinks want of them, for one worker.
pub struct Plan {
    /// The steps in the order of the job file: each comes after all its inputs.
    nodes: Vec<Node>,
    ways: Ways,
    /// The name of the `each` that each `collect` closes; empty for all other steps.
    of: Vec<String>,
    /// How many of a picture's pixels are enough for all steps.
    enough: Enough,
    wishes: Wishes,
    /// What views are to be told of the batches that were run since somebody took it.
    told: Vec<Told>,
    /// Where stages and batches are counted.
    metrics: Arc<Metrics>,
    watch: Option<Watch>,
}

impl Plan {
    /// A plan of a graph that is sound: `job/graph.rs` sees to that.
    pub fn new(nodes: Vec<Node>, wishes: Wishes, metrics: Arc<Metrics>) -> Self {
        let shapes: Vec<_> = nodes.iter().map(|node| (node.work.shape(), node.inputs.as_slice())).collect();
        let ways = Ways::of(&shapes);
        let name = |each: &Option<usize>| each.map(|each| nodes[each].name.clone()).unwrap_or_default();
        let of = ways.closes.iter().map(name).collect();
        let enough = nodes.iter().fold(Enough::NONE, |enough, node| enough.and(node.enough));
        Self { nodes, ways, of, enough, wishes, told: Vec::new(), metrics, watch: None }
    }

    /// The same plan with somebody who looks on.
    pub fn watched(self, watch: Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// The job's name.
    pub fn job(&self) -> &str {
        &self.wishes.job
    }

    /// The names of the steps.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|node| node.name.as_str())
    }

    /// What becomes of these frames.
    pub fn run(&mut self, frames: Vec<Frame>) -> Vec<Outcome> {
        let (sound, flawed): (Vec<_>, Vec<_>) = frames.into_iter().partition(|frame| frame.flaw.is_none());
        let (truths, sound): (Vec<_>, Vec<_>) = sound.into_iter().partition(|frame| frame.truth.is_some());
        let mut flow = Flow::new(&self.ways, &self.wishes, &self.metrics, self.watch.as_mut());
        sound.into_iter().for_each(|frame| flow.depart(frame, self.enough));
        for (index, node) in self.nodes.iter_mut().enumerate() {
            match &mut node.work {
                Work::Line(step) => pass(&mut flow, index, step.as_mut()),
                Work::Branch(choice) => choose(&mut flow, index, choice.as_mut()),
                Work::Each(knife, on_fault) => cut(&mut flow, index, knife.as_mut(), *on_fault),
                Work::Collect(join) => collect(&mut flow, index, &self.of[index], join.as_mut()),
            }
        }
        let (mut outcomes, told) = flow.outcomes();
        outcomes.extend(flawed.into_iter().filter_map(as_found));
        self.told.extend(told);
        self.told.extend(truths.iter().flat_map(|frame| self.wishes.truths(frame)));
        // What is true of a picture is no picture: no step sees it, and nothing is written of it.
        outcomes.extend(truths.into_iter().map(|frame| Outcome::Result(Arc::new(frame), Vec::new(), None)));
        outcomes
    }

    /// What became of these frames, and what views are told of them.
    fn worked(&mut self, outcomes: Vec<Outcome>) -> Worked {
        let mut told = std::mem::take(&mut self.told);
        for outcome in &outcomes {
            if let Outcome::Dead(fault) = outcome {
                told.extend(self.wishes.obituaries(&fault.frame));
            }
        }
        Worked { outcomes, told }
    }
}

/// What its source found wrong with a frame.
fn as_found(mut frame: Frame) -> Option<Outcome> {
    let flaw = frame.flaw.take()?;
    Some(Outcome::Dead(Fault { frame, flaw }))
}

/// Lets a step work on what has arrived. It may answer in any order: each picture is known by its place.
fn pass(flow: &mut Flow<'_>, index: usize, step: &mut dyn Step) {
    let mut luggage = Vec::new();
    let mut pictures = Vec::new();
    for (place, record) in flow.arrived(index).into_iter().enumerate() {
        let mut picture = record.picture;
        picture.place = place;
        pictures.push(picture);
        luggage.push(Some(record.place));
    }
    if pictures.is_empty() {
        return;
    }
    let mut again = |picture: Picture| {
        let place = luggage[picture.place].take().expect("a step answers once for each picture");
        Record { picture, place }
    };
    for answer in step.run(pictures) {
        match answer {
            Ok(picture) => flow.emit(Input::Step(index), Some(index), again(picture)),
            Err(Stop::Filtered(picture)) => flow.let_go(index, again(picture)),
            Err(Stop::Fault(picture, flaw)) => flow.fault(Some(index), again(picture), flaw),
        }
    }
}

fn choose(flow: &mut Flow<'_>, index: usize, choice: &mut dyn Choose) {
    for mut record in flow.arrived(index) {
        match choice.choose(&mut record.picture) {
            Ok(true) => flow.choose(Input::Step(index), index, record),
            Ok(false) => flow.choose(Input::Else(index), index, record),
            Err(flaw) => flow.fault(Some(index), record, flaw),
        }
    }
}

fn cut(flow: &mut Flow<'_>, index: usize, knife: &mut dyn Cut, on_fault: OnFault) {
    for mut record in flow.arrived(index) {
        match knife.cut(&mut record.picture) {
            Ok(pieces) => flow.cut(index, on_fault, record, pieces),
            Err(flaw) => flow.fault(Some(index), record, flaw),
        }
    }
}

fn collect(flow: &mut Flow<'_>, index: usize, of: &str, join: &mut dyn Join) {
    for Collected { mut whole, pieces, faulted } in flow.collected(index) {
        match join.join(&mut whole.picture, of, pieces, faulted) {
            Ok(()) => flow.emit(Input::Step(index), Some(index), whole),
            Err(flaw) => flow.fault(Some(index), whole, flaw),
        }
    }
}

impl operators::Work<Batch> for Plan {
    type Done = Worked;

    fn work(&mut self, batches: Vec<Batch>) -> Vec<Worked> {
        let mut run = |batch: Batch| {
            self.metrics.batch(batch.frames.len(), batch.cause);
            let outcomes = self.run(batch.frames);
            self.worked(outcomes)
        };
        batches.into_iter().map(&mut run).collect()
    }

    fn frames(batch: &Batch) -> u64 {
        batch.frames.len() as u64
    }

    /// Each frame once more, alone: so that only the one which caused it is a dead letter.
    fn panicked(&mut self, batches: Vec<Batch>, _: &str) -> Vec<Worked> {
        let mut alone = |frame: Frame| {
            let kept = frame.clone();
            let outcomes = guard(|| self.run(vec![frame])).unwrap_or_else(|panic| {
                let flaw = Flaw::new(Reason::Panicked, format!("a mistake in Vigie: {panic}"));
                vec![Outcome::Dead(Fault { frame: kept, flaw })]
            });
            self.worked(outcomes)
        };
        let mut all = |batch: Batch| {
            batch.frames.into_iter().map(&mut alone).fold(Worked::default(), |mut all, one| {
                all.outcomes.extend(one.outcomes);
                all.told.extend(one.told);
                all
            })
        };
        batches.into_iter().map(&mut all).collect()
    }
}
