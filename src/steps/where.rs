//! `kind = "where"`: the frames of which an expression is true.

use operators::Flaw;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::Enough;
use crate::context::Context;
use crate::expressions::Condition;
use crate::mistake::Mistake;
use crate::picture::Picture;

/// Lets the frames go on of which an expression is true; the others are filtered.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Where {
    /// What is true of those that go on, in CEL: see [expressions](expressions.md).
    when: String,
}

impl StepConfig for Where {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        Condition::check(&self.when, context, "when").map(|_| ())
    }

    fn describe(&self) -> String {
        format!("lets those go on where {}", self.when.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn when(&self) -> Option<&str> {
        Some(&self.when)
    }

    fn enough(&self, _: &Context) -> Enough {
        Enough::NONE
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Asking(Condition::check(&self.when, context, "when")?)))
    }
}

/// The step of one worker.
struct Asking(Condition);

impl Each for Asking {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        self.0.holds(picture).map(Verdict::of)
    }
}

#[cfg(test)]
mod tests {
    use operators::Reason;

    use super::*;
    use crate::codec::Limits;
    use crate::expressions::Scope;
    use crate::picture::tests::{found, picture};

    fn asking(when: &str) -> Asking {
        Asking(Condition::read(when, &Scope::PICTURE, Limits::default()).expect("a condition"))
    }

    /// Catches a frame that goes on although nothing was found, and one that is let go although something was.
    #[test]
    fn those_go_on_of_which_it_is_true() {
        let mut step = asking("camera == 'door' && detections.exists(d, d.label == 'cat' && d.score > 0.5)");
        let mut ask = |label: &str, score| {
            let mut picture = picture("".into());
            picture.detections = vec![found(label, score)];
            step.each(&mut picture).expect("an answer")
        };
        assert_eq!(ask("cat", 0.6), Verdict::GoesOn);
        assert_eq!(ask("cat", 0.4), Verdict::Filtered);
        assert_eq!(ask("dog", 0.9), Verdict::Filtered);
    }

    /// Catches a step that hides from expressions what others wrote, and one that guesses where nothing was written.
    #[test]
    fn values_of_other_steps_are_known() {
        let mut step = asking("values.gender == 'woman'");
        let mut told = picture("".into());
        told.values.insert("gender".to_owned(), "woman".into());
        assert_eq!(step.each(&mut told).expect("an answer"), Verdict::GoesOn);
        let flaw = step.each(&mut picture("".into())).expect_err("nobody said so");
        assert_eq!(flaw.reason, Reason::ExpressionFailed);
        assert!(flaw.detail.contains("values.gender == 'woman'"), "{}", flaw.detail);
    }

    /// Catches a picture that is decoded for nothing, and a size that is not known where it is asked for.
    #[test]
    fn pixels_are_decoded_for_their_size_alone() {
        assert_eq!(asking("number == 0").each(&mut picture("no picture".into())).expect("an answer"), Verdict::GoesOn);
        let flaw = asking("width > 100").each(&mut picture("no picture".into())).expect_err("it has no size");
        assert_eq!(flaw.reason, Reason::Undecodable);
    }
}
