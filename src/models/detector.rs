//! A detector: how a picture goes into a model, and how boxes come out.

use std::fmt::Debug;
use std::sync::Arc;

use crate::codec::Glance;
use crate::engine::{Feed, Model, Output, Session};

use super::form::Form;
use super::labels;
use super::letterbox::{Letterbox, Placement};

/// What a detector thinks is there, in pixels of the original picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The class, from 0.
    pub class: usize,
    /// How sure, 0 to 1.
    pub score: f32,
    /// Left, top, right, bottom; finite and inside the picture.
    pub corners: [f32; 4],
    /// For faces: the eye, the other eye, the nose, the corners of the mouth, in the model's order.
    pub landmarks: Option<[[f32; 2]; 5]>,
}

impl Candidate {
    /// A candidate of these corners in the input, as `placement` puts them in the picture; `None` where that holds
    /// nothing.
    pub fn new(class: usize, score: f32, corners: [f32; 4], placement: &Placement) -> Option<Self> {
        let corners = placement.original(corners)?;
        Some(Self { class, score, corners, landmarks: None })
    }

    /// With landmarks, each of `points` two numbers of the input.
    #[must_use]
    pub fn with_landmarks(mut self, points: [[f32; 2]; 5], placement: &Placement) -> Self {
        let points = points.map(|point| placement.point(point));
        self.landmarks = points.iter().flatten().all(|value| value.is_finite()).then_some(points);
        self
    }
}

/// The corners of a box that is given by its middle and its size.
pub fn around([cx, cy]: [f32; 2], [width, height]: [f32; 2]) -> [f32; 4] {
    [cx - width / 2.0, cy - height / 2.0, cx + width / 2.0, cy + height / 2.0]
}

/// The largest of some scores, and its place. A number that is none is the largest, and above no threshold.
pub fn best(scores: &[f32]) -> Option<(usize, f32)> {
    let (class, score) = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    Some((class, *score))
}

/// What a family reads from the outputs of one of its models.
pub trait Head: Debug + Send {
    /// How many classes the model tells apart.
    fn classes(&self) -> usize;

    /// What the outputs say, at `threshold` and above, before any suppression.
    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate>;

    /// The name of the only class, where it is known without being told.
    fn only(&self) -> Option<&'static str> {
        None
    }

    /// Whether the model answers for each cell of a grid, whatever it sees; others may find nothing.
    fn is_dense(&self) -> bool {
        true
    }
}

/// A family's claim on a model.
#[derive(Debug)]
pub struct Claim {
    /// How likely the model is of the family, 0 to 1, by names, shapes and metadata.
    pub score: f32,
    /// What speaks for it, in a few words.
    pub why: String,
    /// How the model wants its picture.
    pub form: Form,
    /// What stands in further inputs.
    pub others: Vec<(String, Vec<f32>)>,
    /// What reads its outputs.
    pub head: Box<dyn Head>,
}

impl Claim {
    /// A claim on a model with one input.
    pub fn new(score: f32, why: impl Into<String>, form: Form, head: impl Head + 'static) -> Self {
        Self { score: score.min(1.0), why: why.into(), form, others: Vec::new(), head: Box::new(head) }
    }
}

/// A detector at work for one worker.
#[derive(Debug)]
pub struct Detector {
    /// The name of its family.
    pub family: &'static str,
    letterbox: Letterbox,
    head: Box<dyn Head>,
    feed: Feed,
}

impl Detector {
    /// The detector that a claim describes; `picture` is the model's input that is the picture.
    pub fn new(family: &'static str, picture: usize, claim: Claim) -> Self {
        let feed = Feed { picture, sample: claim.form.sample(), others: claim.others };
        Self { family, letterbox: Letterbox::new(claim.form), head: claim.head, feed }
    }

    /// A session that is fed as this detector prepares it.
    ///
    /// # Errors
    /// As [`Model::session_of`].
    pub fn session(&self, model: &Model) -> anyhow::Result<Session> {
        model.session_of(self.feed.clone())
    }

    /// How the model wants its picture.
    pub fn form(&self) -> &Form {
        self.letterbox.form()
    }

    /// The names of its classes, as the model's metadata says them or as they are known.
    pub fn labels(&self, model: &Model) -> Vec<Arc<str>> {
        match (self.head.only(), &model.names) {
            (Some(only), None) => vec![only.into()],
            (_, names) => labels::labels(names.as_deref(), self.head.classes()),
        }
    }

    /// Writes a picture as the model wants it into `input`; where it was put.
    pub fn prepare<'a>(&mut self, picture: impl Into<Glance<'a>>, input: &mut [f32]) -> Placement {
        self.letterbox.put(picture, input)
    }

    /// What the outputs say, at `threshold` and above, before any suppression. What is not between 0 and 1 is no score.
    pub fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let mut found = self.head.read(outputs, placement, threshold);
        found.retain(|one| one.score <= 1.01 && one.class < self.head.classes());
        found.iter_mut().for_each(|one| one.score = one.score.min(1.0));
        found
    }

    /// What goes into the model.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }
}
