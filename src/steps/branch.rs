//! `kind = "branch"`: two ways out.

use operators::Flaw;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Choose, Shape, StepConfig, Work};
use crate::codec::Enough;
use crate::context::Context;
use crate::expressions::Condition;
use crate::mistake::Mistake;
use crate::picture::Picture;

/// Has two ways out: pictures of which an expression is true go on under the name of this step, the others under that name
/// with `.else` behind it. Parts that follow name one of the two in their `from`. A picture whose way no part takes is
/// filtered.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// What is true of those that take the first way, in CEL: see [expressions](expressions.md).
    when: String,
}

impl StepConfig for Branch {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        Condition::check(&self.when, context, "when").map(|_| ())
    }

    fn describe(&self) -> String {
        format!("one way where {}, another else", self.when.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn shape(&self) -> Shape {
        Shape::Branch
    }

    fn when(&self) -> Option<&str> {
        Some(&self.when)
    }

    fn enough(&self, _: &Context) -> Enough {
        Enough::NONE
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::Branch(Box::new(Choosing(Condition::check(&self.when, context, "when")?))))
    }
}

/// The step of one worker.
struct Choosing(Condition);

impl Choose for Choosing {
    fn choose(&mut self, picture: &mut Picture) -> Result<bool, Flaw> {
        self.0.holds(picture)
    }
}
