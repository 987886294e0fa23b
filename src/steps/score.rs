//! `kind = "score"`: how many of the people who are truly there were found.

use operators::Flaw;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::Enough;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;
use crate::truth::Truth;

/// Compares what was found with the truth that rendered frames carry; other frames pass as they are. The counts are in
/// the report, on the metrics page and in the live line.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// The class that stands for a person.
    #[serde(default = "person")]
    label: String,
}

fn person() -> String {
    "person".to_owned()
}

impl StepConfig for Score {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        Ok(())
    }

    fn describe(&self) -> String {
        format!("counts each `{}` that is right, missed or too many, where a frame carries the truth", self.label)
    }

    fn enough(&self, _: &Context) -> Enough {
        Enough::NONE
    }

    fn open(&self, _: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Scoring(self.clone())))
    }
}

/// The step of one worker.
struct Scoring(Score);

impl Each for Scoring {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        if let Some(truth) = Truth::of(&picture.frame.bytes) {
            let persons = picture.detections.iter().filter(|found| *found.label == *self.0.label);
            picture.score = Some(truth.score(persons.map(|found| (found.score, found.area))));
        }
        Ok(Verdict::GoesOn)
    }
}
