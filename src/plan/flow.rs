//! One batch on its way through a job's graph: which record is where, and what becomes of its frame.
//!
//! A frame leads to records: itself, copies of it where two steps take from one, and pieces. They go from step to step in
//! the order of the job, all of a batch that wait in front of a step together. So a `collect` knows, when its turn
//! comes, that no piece can come any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use operators::views::Told;
use operators::{Fault, Flaw, Frame};

use super::ways::{Input, Ways};
use super::{HOME, Outcome, Tap, Wishes};
use crate::codec::Enough;
use crate::metrics::Metrics;
use crate::picture::Picture;
use crate::sinks::Parcel;
use crate::steps::{Faulted, OnFault};
use crate::template::Said;
use crate::truth::Score;
use crate::write::Write;

/// A picture on its way.
pub struct Record {
    pub picture: Picture,
    pub place: Place,
}

/// Which record it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its frame, by its place in the batch.
    frame: usize,
    /// The `each` steps that cut it, and which of the pictures that they had cut, the innermost last.
    within: Vec<(usize, usize)>,
}

/// What becomes of a frame.
struct Fate {
    frame: Arc<Frame>,
    parcels: Vec<(usize, Parcel)>,
    dead: Option<Flaw>,
    /// Whether a record of the whole frame came to an end of the graph.
    arrived: bool,
    /// The steps that let such a record go.
    filtered: BTreeSet<usize>,
    score: Option<Score>,
    /// What views are told of it. Where it becomes a dead letter, only those about all frames are.
    told: Vec<Told>,
}

/// A picture whose pieces are under way.
struct Whole {
    record: Option<Record>,
    on_fault: OnFault,
    /// Pieces that could not be worked on, and by which step.
    faulted: Vec<(usize, Faulted)>,
}

/// A picture with what came of its pieces.
pub struct Collected {
    pub whole: Record,
    pub pieces: Vec<Picture>,
    pub faulted: Vec<Faulted>,
}

/// What happens to a record, for who looks on.
pub enum Event<'a> {
    /// It comes out of a part.
    Out(Input, &'a Picture),
    /// The step of that index lets it go.
    LetGo(usize, &'a Picture),
    /// The step of that index, or a sink's wish at a source, has a fault over it.
    Fault(Option<usize>, &'a Picture, &'a Flaw),
}

/// Somebody who looks on.
pub type Watch = Box<dyn FnMut(Event<'_>) + Send>;

/// The state of one batch.
pub struct Flow<'p> {
    ways: &'p Ways,
    wishes: &'p Wishes,
    metrics: &'p Metrics,
    watch: Option<&'p mut Watch>,
    fates: Vec<Fate>,
    /// What waits in front of each step.
    queues: Vec<Vec<Record>>,
    /// By the step that cut them.
    wholes: Vec<Vec<Whole>>,
}

impl<'p> Flow<'p> {
    /// A batch at its sources, in front of so many steps.
    pub fn new(ways: &'p Ways, wishes: &'p Wishes, metrics: &'p Metrics, watch: Option<&'p mut Watch>) -> Self {
        let steps = ways.closes.len();
        let (queues, wholes) = ((0..steps).map(|_| Vec::new()), (0..steps).map(|_| Vec::new()));
        let (queues, wholes) = (queues.collect(), wholes.collect());
        Self { ways, wishes, metrics, watch, fates: Vec::new(), queues, wholes }
    }

    fn tell(&mut self, event: Event<'_>) {
        if let Some(watch) = &mut self.watch {
            watch(event);
        }
    }

    /// A frame comes from its source; so many of its pixels are enough for all steps.
    pub fn depart(&mut self, frame: Frame, enough: Enough) {
        let shared = Arc::new(frame.clone());
        let (parcels, filtered, told) = Default::default();
        let fate = Fate { frame: shared, parcels, dead: None, arrived: false, filtered, score: None, told };
        self.fates.push(fate);
        let at = Input::Source(frame.origin.source);
        let picture = Picture::new(frame).with(enough);
        let record = Record { picture, place: Place { frame: self.fates.len() - 1, within: Vec::new() } };
        self.emit(at, None, record);
    }

    /// What waits in front of a step, in the order of the frames and of their pieces.
    pub fn arrived(&mut self, step: usize) -> Vec<Record> {
        let mut records = std::mem::take(&mut self.queues[step]);
        records.retain(|record| self.fates[record.place.frame].dead.is_none());
        records.sort_by(|a, b| a.order().cmp(&b.order()));
        records
    }

    /// A record comes out of a part: to the sinks and views that take from there, and on to the steps.
    pub fn emit(&mut self, at: Input, step: Option<usize>, mut record: Record) {
        self.tell(Event::Out(at, &record.picture));
        if let Err(flaw) = self.fill(at, &mut record) {
            return self.fault(step, record, flaw);
        }
        self.tell_views(at, &record);
        let [others @ .., last] = self.ways.takers(at) else { return self.arrive(record) };
        for taker in others {
            self.queues[*taker].push(record.share());
        }
        self.queues[*last].push(record);
    }

    /// A record comes out of a branch, by a way that perhaps nobody takes: then it is let go.
    pub fn choose(&mut self, way: Input, step: usize, record: Record) {
        match self.ways.takers(way).is_empty() && !self.wishes.at(way) {
            true => self.let_go(step, record),
            false => self.emit(way, Some(step), record),
        }
    }

    /// Makes what the sinks want of a record where it is now.
    fn fill(&mut self, at: Input, record: &mut Record) -> Result<(), Flaw> {
        let fate = &mut self.fates[record.place.frame];
        let is_task = record.picture.frame.task.is_some();
        let wanted = |tap: &&Tap| tap.inputs.contains(&at) && (tap.sink != HOME || is_task);
        if let Some(truth) = &self.wishes.truth {
            record.picture.truth = truth.of(&record.picture);
        }
        // What several want alike is made once; and all that one sink gets of a record has one name.
        let mut made: Vec<(Write, (Bytes, &'static str))> = Vec::new();
        let mut named: Vec<(usize, Said)> = Vec::new();
        for tap in self.wishes.taps.iter().filter(wanted) {
            let (body, media) = match made.iter().find(|(write, _)| *write == tap.write) {
                Some((_, body)) => body.clone(),
                None => tap.write.body(&mut record.picture, &self.wishes.job, &self.wishes.limits)?,
            };
            made.push((tap.write, (body.clone(), media)));
            let frame = match record.place.within.is_empty() {
                true => fate.frame.clone(),
                false => Arc::new(record.picture.frame.clone()),
            };
            let said = match named.iter().find(|(sink, _)| *sink == tap.sink) {
                Some((_, said)) => said.clone(),
                None => tap.sayings.say(&mut record.picture, &self.wishes.limits)?,
            };
            named.push((tap.sink, said.clone()));
            let parcel = Parcel { write: Some(tap.write), said, ..Parcel::new(frame, body, media) };
            fate.parcels.push((tap.sink, parcel));
        }
        Ok(())
    }

    /// Tells the views of a record where it is now.
    fn tell_views(&mut self, at: Input, record: &Record) {
        let told = &mut self.fates[record.place.frame].told;
        for (view, ear) in self.wishes.ears.iter().enumerate().filter(|(_, ear)| ear.inputs.contains(&at)) {
            if !ear.teller.is_of_the_dead() {
                told.push(Told::Fact(view, ear.teller.of_picture(&record.picture)));
            }
        }
    }

    /// A step can't work on a record.
    pub fn fault(&mut self, step: Option<usize>, record: Record, flaw: Flaw) {
        self.tell(Event::Fault(step, &record.picture, &flaw));
        let (Some((each, whole)), Some(piece)) = (record.place.within.last(), record.picture.piece) else {
            self.fates[record.place.frame].dead.get_or_insert(flaw);
            return;
        };
        let whole = &mut self.wholes[*each][*whole];
        self.metrics.piece_faulted(&piece.of);
        match whole.on_fault {
            OnFault::Drop => {}
            OnFault::Keep => whole.faulted.extend(step.map(|step| (step, Faulted { piece, flaw }))),
            OnFault::Fail => {
                let detail = format!("piece {} of `{}`: {}", piece.index, piece.of, flaw.detail);
                self.fates[record.place.frame].dead.get_or_insert(Flaw { detail, ..flaw });
            }
        }
    }

    /// A step lets a record go on purpose.
    pub fn let_go(&mut self, step: usize, record: Record) {
        self.tell(Event::LetGo(step, &record.picture));
        self.count(&record);
        if record.place.within.is_empty() {
            let fate = &mut self.fates[record.place.frame];
            fate.filtered.insert(step);
            fate.score = record.picture.score.or(fate.score);
        }
    }

    /// A record comes to an end of the graph.
    fn arrive(&mut self, record: Record) {
        self.count(&record);
        if record.place.within.is_empty() {
            let fate = &mut self.fates[record.place.frame];
            fate.arrived = true;
            fate.score = record.picture.score.or(fate.score);
        }
    }

    /// An `each` has cut a record: its pieces go on, and the whole waits for its `collect`, if there is one.
    pub fn cut(&mut self, step: usize, on_fault: OnFault, record: Record, pieces: Vec<Picture>) {
        let within = [&record.place.within[..], &[(step, self.wholes[step].len())]].concat();
        let frame = record.place.frame;
        let record = match self.ways.collects[step].is_empty() {
            true => {
                self.arrive(record);
                None
            }
            false => Some(record),
        };
        self.wholes[step].push(Whole { record, on_fault, faulted: Vec::new() });
        for picture in pieces {
            self.emit(
                Input::Step(step),
                Some(step),
                Record { picture, place: Place { frame, within: within.clone() } },
            );
        }
    }

    /// What a `collect` is to join: every picture that its `each` has cut, with what came of the pieces.
    pub fn collected(&mut self, step: usize) -> Vec<Collected> {
        let each = self.ways.closes[step].expect("a sound graph has pieces in front of a collect");
        let mut pieces: Vec<Vec<Picture>> = self.wholes[each].iter().map(|_| Vec::new()).collect();
        for record in self.arrived(step) {
            let (_, whole) = record.place.within.last().expect("only pieces come to a collect");
            pieces[*whole].push(record.picture);
        }
        let is_last = self.ways.collects[each].last() == Some(&step);
        let mut all = Vec::with_capacity(pieces.len());
        for (whole, pieces) in self.wholes[each].iter_mut().zip(pieces) {
            let record = if is_last { whole.record.take() } else { whole.record.as_ref().map(Record::share) };
            let faulted = whole.faulted.iter().filter(|(at, _)| self.ways.leads(*at, step) || *at == each);
            let faulted = faulted.map(|(_, faulted)| faulted.clone()).collect();
            let whole = record.filter(|record| self.fates[record.place.frame].dead.is_none());
            all.extend(whole.map(|whole| Collected { whole, pieces, faulted }));
        }
        all
    }

    fn count(&self, record: &Record) {
        self.metrics.worked(&self.fates[record.place.frame].frame, &record.picture.timings);
    }

    /// What became of the frames, when all steps had their turn, and what views are told of them.
    pub fn outcomes(self) -> (Vec<Outcome>, Vec<Told>) {
        let mut all = Vec::new();
        let ears = &self.wishes.ears;
        let mut outcome = |fate: Fate| {
            let is_dead = fate.dead.is_some();
            let is_told =
                |told: &Told| !is_dead || matches!(told, Told::Fact(view, _) if ears[*view].teller.is_of_all());
            all.extend(fate.told.into_iter().filter(is_told));
            match (fate.dead, fate.filtered.first()) {
                (Some(flaw), _) => Outcome::Dead(Fault { frame: Arc::unwrap_or_clone(fate.frame), flaw }),
                (None, Some(step)) if !fate.arrived => Outcome::Filtered(*step, fate.frame, fate.parcels, fate.score),
                (None, _) => Outcome::Result(fate.frame, fate.parcels, fate.score),
            }
        };
        let outcomes = self.fates.into_iter().map(&mut outcome).collect();
        (outcomes, all)
    }
}

impl Record {
    fn share(&self) -> Self {
        Self { picture: self.picture.share(), place: self.place.clone() }
    }

    fn order(&self) -> (&Place, Option<usize>) {
        (&self.place, self.picture.piece.as_ref().map(|piece| piece.index))
    }
}
