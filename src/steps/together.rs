//! Pictures that a model looks at together: decoded, a few at once, and one by one where it fails.

use operators::{Flaw, Reason};

use crate::codec::Limits;
use crate::picture::{ModelTag, Picture};

use super::{Step, Stop};

/// How many pictures are looked at together at most. A batch may hold many pieces of pictures, and each has room in the
/// model's input.
const MOST: usize = 32;

/// A model that looks at pictures.
pub trait Gaze: Send {
    /// The model.
    fn model(&self) -> &ModelTag;

    /// Looks at pictures that are decoded, and writes into each what it sees.
    ///
    /// # Errors
    /// What the model says. Then nothing was written into any of them.
    fn look(&mut self, pictures: &mut [Picture]) -> Result<(), String>;
}

/// The step of a model.
#[derive(Debug)]
pub struct Together<G> {
    /// The model.
    pub gaze: G,
    /// The largest picture that is taken.
    pub limits: Limits,
}

impl<G: Gaze> Step for Together<G> {
    fn run(&mut self, batch: Vec<Picture>) -> Vec<Result<Picture, Stop>> {
        let (mut sound, mut answers) = (Vec::with_capacity(batch.len()), Vec::new());
        for mut picture in batch {
            match picture.look(&self.limits).map(drop) {
                Ok(()) => sound.push(picture),
                Err(flaw) => answers.push(Err(Stop::Fault(picture, flaw))),
            }
        }
        while !sound.is_empty() {
            let rest = sound.split_off(sound.len().min(MOST));
            answers.extend(self.some(std::mem::replace(&mut sound, rest)));
        }
        answers
    }
}

impl<G: Gaze> Together<G> {
    fn some(&mut self, mut pictures: Vec<Picture>) -> Vec<Result<Picture, Stop>> {
        match self.gaze.look(&mut pictures) {
            Ok(()) => pictures.into_iter().map(Ok).collect(),
            // One of them may be the cause, or the model takes no batch although it says so.
            Err(_) if pictures.len() > 1 => pictures.into_iter().flat_map(|picture| self.some(vec![picture])).collect(),
            Err(error) => {
                let flaw =
                    Flaw::new(Reason::ModelFailed, format!("{} did not take it: {error}", self.gaze.model().name));
                let fault = |picture: Picture| Err(Stop::Fault(picture, flaw.clone()));
                pictures.into_iter().map(fault).collect()
            }
        }
    }
}
