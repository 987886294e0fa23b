//! What a part of a job asks of each picture: the way of `where`, and of every part that decides.

use operators::Flaw;

use super::{Expression, Facts, Scope, Variable, Wrong};
use crate::codec::Limits;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;

/// An expression that is true or false of a picture.
#[derive(Debug)]
pub struct Condition {
    expression: Expression,
    limits: Limits,
}

impl Condition {
    /// Reads and checks what stands in `field` of a part: for its `check`, and for its `open`.
    ///
    /// # Errors
    /// The first mistake, and where in the field it is.
    pub fn check(text: &str, context: &Context, field: &'static str) -> Result<Self, Mistake> {
        Self::read(text, &Scope::of(context), context.picture).map_err(|wrong| wrong.in_field(field))
    }

    /// The same for whoever has no job around it.
    ///
    /// # Errors
    /// The first mistake, and where it is.
    pub fn read(text: &str, scope: &Scope<'_>, limits: Limits) -> Result<Self, Wrong> {
        Ok(Self { expression: Expression::condition(text, scope)?, limits })
    }

    /// Whether it is true of a picture. Only who asks for the picture's size pays for its pixels.
    ///
    /// # Errors
    /// A flaw of the frame: that nothing comes of the expression, which it names; or that there is no picture in it.
    pub fn holds(&self, picture: &mut Picture) -> Result<bool, Flaw> {
        if self.expression.names(Variable::Width) || self.expression.names(Variable::Height) {
            picture.look(&self.limits)?;
        }
        self.expression.holds(&Facts::of(picture))
    }
}
