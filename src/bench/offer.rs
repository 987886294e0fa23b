//! What stands in place of a job's sources: cameras that have the next picture ready at once.

use operators::mailbox::Gone;
use operators::{Frame, Number, Partition, UnixMillis};

use super::pictures::Pictures;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::sources::{Holds, Inlet, Source, SourceConfig};
use crate::tasks::Terms;

/// Cameras of each worker: enough for steps that remember cameras to remember several.
const CAMERAS: usize = 8;

/// A source of the job, played.
#[derive(Debug)]
pub struct Offer {
    /// The table that the job has in its place.
    pub real: Box<dyn SourceConfig>,
    /// What the cameras show.
    pub pictures: Pictures,
    /// A frame with all that comes along with each picture.
    pub frame: Frame,
    /// Workers of the trial: each gets as many frames as the others.
    pub workers: usize,
}

impl SourceConfig for Offer {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        self.real.check(context)
    }

    fn describe(&self) -> String {
        self.real.describe()
    }

    fn holds(&self) -> Holds {
        self.real.holds()
    }

    fn terms(&self) -> Option<Terms> {
        self.real.terms()
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Source>> {
        let cameras = match self.real.holds() {
            Holds::Pictures => cameras(&self.frame, &context.part, self.workers, context.partition, context.batch),
            // What is true of a picture that was made for this, nobody knows.
            Holds::Truth => Vec::new(),
        };
        Ok(Box::new(Offering { cameras, pictures: self.pictures.clone() }))
    }
}

/// The first frame of each camera, in turns of the workers that take them.
///
/// By number each camera begins a batch after the one before, so that a round of all cameras spreads over the workers; by
/// camera their names are such that each worker has as many.
fn cameras(like: &Frame, source: &str, workers: usize, partition: Partition, batch: usize) -> Vec<Frame> {
    let mut had = vec![0; workers];
    let mut cameras = Vec::new();
    for index in 0.. {
        let number = Number((index * batch) as u64);
        let frame = Frame { camera: format!("{source}-{index}").into(), number, ..like.clone() };
        let worker = (partition.route(&frame, batch) % workers as u64) as usize;
        if had[worker] < CAMERAS {
            cameras.push(((had[worker], worker), frame));
            had[worker] += 1;
        }
        if cameras.len() == workers * CAMERAS {
            break;
        }
    }
    cameras.sort_by_key(|(turn, _)| *turn);
    cameras.into_iter().map(|(_, frame)| frame).collect()
}

/// The cameras at work.
struct Offering {
    /// The next frame of each.
    cameras: Vec<Frame>,
    pictures: Pictures,
}

impl Source for Offering {
    fn run(mut self: Box<Self>, inlet: Inlet) -> anyhow::Result<()> {
        // Gone: nobody listens any more.
        let _ = self.offer(&inlet);
        inlet.finish().for_each(drop);
        Ok(())
    }
}

impl Offering {
    fn offer(&mut self, inlet: &Inlet) -> Result<(), Gone> {
        if self.cameras.is_empty() {
            return Ok(());
        }
        for sent in 0.. {
            if inlet.is_closing() {
                break;
            }
            let camera = sent as usize % self.cameras.len();
            let next = &mut self.cameras[camera];
            let (now, number) = (UnixMillis::now(), next.number);
            let bytes = self.pictures.of(camera, number.0);
            let id = number.to_string().into();
            let frame = Frame { id, captured_at: Some(now), received_at: now, bytes, ..next.clone() };
            next.number = Number(number.0 + 1);
            inlet.send(frame, sent)?;
            while inlet.receipt()?.is_some() {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::rehearsal;

    /// Catches two frames of one name, and a worker that gets more than another: it would hold up the whole trial.
    #[test]
    fn each_worker_has_as_many_frames_in_any_window() {
        let like = rehearsal::frame(0, "", 0, "", Default::default());
        for (partition, workers, batch) in
            [(Partition::Number, 3, 3), (Partition::Number, 2, 1), (Partition::Camera, 4, 3)]
        {
            let mut cameras = cameras(&like, "in", workers, partition, batch);
            assert_eq!(cameras.len(), workers * CAMERAS);
            let names: BTreeSet<_> = cameras.iter().map(|frame| frame.camera.clone()).collect();
            assert_eq!(names.len(), cameras.len());
            for round in 0..5 {
                let mut shares = BTreeMap::<u64, usize>::new();
                for frame in &mut cameras {
                    *shares.entry(partition.route(frame, batch) % workers as u64).or_default() += 1;
                    frame.number.0 += 1;
                }
                assert!(shares.values().all(|share| *share == CAMERAS), "{partition:?} round {round}: {shares:?}");
            }
        }
    }
}
