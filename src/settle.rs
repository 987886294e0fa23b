//! What is written for frames, until each of them has ended.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use operators::{Fault, Flaw, Frame, Origin, Reason, UnixMillis, Work};
use serde::{Deserialize, Serialize};

use crate::account::End;
use crate::plan::{HOME, Outcome};
use crate::sinks::{Parcel, Sink};
use crate::tasks::{Found, Told};
use crate::truth::Score;

/// Where a parcel goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The sink of this index in the job.
    Sink(usize),
    /// The dead letters.
    Dead,
    /// Nowhere: there is nothing to write, or it is written.
    Done,
}

/// Something to be written for a frame, and the frame's account.
#[derive(Clone, Debug)]
pub struct Shipment {
    /// Where it goes.
    pub to: To,
    parcel: Parcel,
    open: Arc<Open>,
}

/// How much of a frame is still to be written.
#[derive(Debug)]
struct Open {
    frame: Arc<Frame>,
    parcels: AtomicUsize,
    /// How the frame ends, unless a sink refuses what is written of it.
    end: End,
    refused: OnceLock<Flaw>,
    score: Option<Score>,
    /// A row of a view is no frame, and in no account.
    is_row: bool,
    /// What is to be told of it where it is a task.
    task: Option<Told>,
}

/// A frame has ended: for the worker that admitted it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// Where it is accounted for.
    pub origin: Origin,
    /// How it ended.
    pub end: End,
    /// When it was received.
    pub received_at: UnixMillis,
    /// How right what was found in it is, where that is known.
    pub score: Option<Score>,
    /// What came of it, where it is a task.
    pub task: Option<Box<Told>>,
}

/// What is to be written for a frame, one shipment a parcel. A frame with nothing to write is one that is done.
pub fn ship(outcome: Outcome) -> Vec<Shipment> {
    let to_sinks = |parcels: Vec<(usize, Parcel)>| {
        parcels.into_iter().map(|(sink, parcel)| (To::Sink(sink), parcel)).collect::<Vec<_>>()
    };
    let (frame, mut parcels, end, score, task) = match outcome {
        Outcome::Result(frame, parcels, score) => {
            let (task, parcels) = take_home(&frame, parcels);
            (frame, to_sinks(parcels), End::Result, score, task)
        }
        Outcome::Filtered(step, frame, parcels, score) => {
            let (task, parcels) = take_home(&frame, parcels);
            (frame, to_sinks(parcels), End::Filtered(step), score, task)
        }
        Outcome::Dead(Fault { frame, flaw }) => {
            let task = told(&frame).map(|task| Told { detail: Some(flaw.detail.clone()), ..task });
            let frame = Arc::new(frame);
            (frame.clone(), vec![(To::Dead, Parcel::letter(frame, &flaw))], End::Dead(flaw.reason), None, task)
        }
    };
    if parcels.is_empty() {
        let nothing = Parcel::new(frame.clone(), Bytes::new(), "");
        parcels.push((To::Done, nothing));
    }
    let (count, refused) = (AtomicUsize::new(parcels.len()), OnceLock::new());
    let open = Arc::new(Open { frame, parcels: count, end, refused, score, is_row: false, task });
    parcels.into_iter().map(|(to, parcel)| Shipment { to, parcel, open: open.clone() }).collect()
}

/// What is told of a frame, if it is a task.
fn told(frame: &Frame) -> Option<Told> {
    frame.task.as_ref().map(|_| Told { id: frame.id.clone(), detail: None, found: Vec::new() })
}

/// What goes home with a frame that is a task, and what is left for the sinks.
fn take_home(frame: &Frame, parcels: Vec<(usize, Parcel)>) -> (Option<Told>, Vec<(usize, Parcel)>) {
    let Some(told) = told(frame) else { return (None, parcels) };
    let (home, to_sinks): (Vec<_>, Vec<_>) = parcels.into_iter().partition(|(sink, _)| *sink == HOME);
    let found = |(_, Parcel { frame, write, media, body, .. }): (usize, Parcel)| {
        Some(Found { id: frame.id.to_string(), write: write?, media: media.to_owned(), body })
    };
    (Some(Told { found: home.into_iter().filter_map(found).collect(), ..told }), to_sinks)
}

impl Shipment {
    /// A row of a view, for the sink of that index.
    pub fn of_row(sink: usize, parcel: Parcel) -> Self {
        let (frame, parcels, refused) = (parcel.frame.clone(), AtomicUsize::new(1), OnceLock::new());
        let open = Open { frame, parcels, end: End::Result, refused, score: None, is_row: true, task: None };
        Self { to: To::Sink(sink), parcel, open: Arc::new(open) }
    }

    /// The frame that it is written for, whole even where this is of one of its pieces.
    pub fn frame(&self) -> &Arc<Frame> {
        &self.open.frame
    }

    /// One parcel less to be written; the frame's end, if it was the last.
    pub fn settle(self) -> Option<Ended> {
        if self.open.is_row || self.open.parcels.fetch_sub(1, Ordering::AcqRel) > 1 {
            return None;
        }
        let refused = self.open.refused.get();
        let end = refused.map_or(self.open.end, |flaw| End::Dead(flaw.reason));
        let Frame { origin, received_at, .. } = *self.parcel.frame;
        let task = self.open.task.clone().map(|task| match refused {
            Some(flaw) => Box::new(Told { detail: Some(flaw.detail.clone()), ..task }),
            None => Box::new(task),
        });
        Some(Ended { origin, end, received_at, score: self.open.score, task })
    }

    /// A sink will never take it: its frame is off to the dead letters, in place of what was to be written.
    fn refused(mut self, flaw: &Flaw) -> Self {
        match self.open.refused.set(flaw.clone()) {
            Ok(()) => {
                self.to = To::Dead;
                self.parcel = Parcel::letter(self.open.frame.clone(), flaw);
            }
            // One letter a frame is enough, however many of its pieces were refused.
            Err(_) => self.to = To::Done,
        }
        self
    }
}

/// A sink's work: what comes out is written ([`To::Done`]) or refused ([`To::Dead`]).
pub struct Writing(pub Box<dyn Sink>);

impl Work<Shipment> for Writing {
    type Done = Shipment;

    fn work(&mut self, shipments: Vec<Shipment>) -> Vec<Shipment> {
        let parcels: Vec<Parcel> = shipments.iter().map(|shipment| shipment.parcel.clone()).collect();
        let verdicts = self.0.write(&parcels);
        shipments.into_iter().zip(verdicts).map(|(shipment, verdict)| judged(shipment, verdict)).collect()
    }

    fn is_quick(&self) -> bool {
        self.0.is_quick()
    }

    fn panicked(&mut self, shipments: Vec<Shipment>, panic: &str) -> Vec<Shipment> {
        let flaw = Flaw::new(Reason::Panicked, format!("a mistake in Vigie, while writing: {panic}"));
        shipments.into_iter().map(|shipment| judged(shipment, Err(flaw.clone()))).collect()
    }
}

fn judged(mut shipment: Shipment, verdict: Result<(), Flaw>) -> Shipment {
    match verdict {
        Ok(()) => shipment.to = To::Done,
        // What even the dead letters refuse can only be told: to keep it would stop every frame behind it.
        Err(flaw) if shipment.to == To::Dead => {
            let Parcel { frame, .. } = &shipment.parcel;
            tracing::error!("a dead letter of camera {} ({}) is lost: {}", frame.camera, frame.id, flaw.detail);
            shipment.to = To::Done;
        }
        // A row has no letter: the view has it, and writes it again at the next start.
        Err(flaw) if shipment.open.is_row => {
            let Parcel { frame, .. } = &shipment.parcel;
            tracing::error!("the row {} of the view {} is not written: {}", frame.id, frame.camera, flaw.detail);
            shipment.to = To::Done;
        }
        Err(flaw) => shipment = shipment.refused(&flaw),
    }
    shipment
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::picture;
    use crate::write::Write;

    fn filtered() -> Vec<Shipment> {
        let frame = Arc::new(picture("frame".into()).frame);
        let parcel = |body: &'static str| Parcel {
            write: Some(Write::Report),
            ..Parcel::new(frame.clone(), body.into(), "application/json")
        };
        ship(Outcome::Filtered(3, frame.clone(), vec![(0, parcel("a")), (1, parcel("b"))], None))
    }

    /// Catches a filtered frame that ends before what was wanted of it is written, or as a result.
    #[test]
    fn a_filtered_frame_ends_when_what_was_wanted_of_it_is_written() {
        let mut shipments = filtered();
        let (second, first) = (shipments.pop().unwrap(), shipments.pop().unwrap());
        assert!(first.settle().is_none());
        assert_eq!(second.settle().map(|ended| ended.end), Some(End::Filtered(3)));
        let frame = Arc::new(picture("frame".into()).frame);
        let mut nothing = ship(Outcome::Filtered(0, frame, Vec::new(), None));
        assert_eq!((nothing.len(), nothing[0].to), (1, To::Done));
        assert_eq!(nothing.pop().unwrap().settle().map(|ended| ended.end), Some(End::Filtered(0)));
    }

    fn task() -> (Arc<Frame>, impl Fn(&'static str) -> Parcel) {
        let frame = Frame { task: Some(Arc::default()), ..picture("frame".into()).frame };
        let frame = Arc::new(frame);
        let about = frame.clone();
        let parcel = move |body: &'static str| Parcel {
            write: Some(Write::Report),
            ..Parcel::new(about.clone(), body.into(), "application/json")
        };
        (frame, parcel)
    }

    /// Catches a result that is written to no sink as if it were one, that goes home before the sinks have theirs, or that
    /// does not go home at all.
    #[test]
    fn what_came_of_a_task_goes_home_with_its_end() {
        let (frame, parcel) = task();
        let parcels = vec![(0, parcel("out")), (HOME, parcel("home")), (1, parcel("out"))];
        let mut shipments = ship(Outcome::Result(frame, parcels, None));
        assert_eq!(shipments.iter().map(|shipment| shipment.to).collect::<Vec<_>>(), [To::Sink(0), To::Sink(1)]);
        let (second, first) = (shipments.pop().unwrap(), shipments.pop().unwrap());
        assert!(first.settle().is_none());
        let told = second.settle().and_then(|ended| ended.task).expect("it is a task");
        assert_eq!((told.id.as_str(), told.found.len(), &told.found[0].body[..]), ("1", 1, &b"home"[..]));
    }

    /// Catches a task that fails without a word of why, and a frame that nobody asks for and is told of all the same.
    #[test]
    fn a_task_that_fails_says_why() {
        let (frame, parcel) = task();
        let flaw = Flaw::new(Reason::Truncated, "it ends too soon");
        let dead = Outcome::Dead(Fault { frame: Frame::clone(&frame), flaw });
        let told = ship(dead).pop().unwrap().settle().and_then(|ended| ended.task).expect("it is a task");
        assert_eq!(told.detail.as_deref(), Some("it ends too soon"));
        let shipment = ship(Outcome::Result(frame, vec![(0, parcel("out"))], None)).pop().unwrap();
        let refused = judged(shipment, Err(Flaw::new(Reason::Refused, "no such topic")));
        let told = refused.settle().and_then(|ended| ended.task).expect("it is a task");
        assert_eq!(told.detail.as_deref(), Some("no such topic"));
        let plain = filtered().pop().unwrap();
        assert!(plain.open.task.is_none());
    }

    /// Catches a frame that is both filtered and a dead letter: it ends once, as the dead letter that it is.
    #[test]
    fn what_a_sink_refuses_of_a_filtered_frame_is_a_dead_letter() {
        let mut shipments = filtered();
        let (second, first) = (shipments.pop().unwrap(), shipments.pop().unwrap());
        let refused = judged(first, Err(Flaw::new(Reason::Refused, "no")));
        assert_eq!(refused.to, To::Dead);
        assert!(judged(second, Ok(())).settle().is_none());
        assert_eq!(refused.settle().map(|ended| ended.end), Some(End::Dead(Reason::Refused)));
    }
}
