//! What the expressions of templates come to.

use std::sync::Arc;

use operators::Flaw;

use super::Template;
use crate::codec::Limits;
use crate::expressions::{Expression, Facts, Variable};
use crate::picture::Picture;

/// What expressions came to for one picture, each by its text.
#[derive(Clone, Debug, Default)]
pub struct Said(Arc<[(Arc<Expression>, String)]>);

impl Said {
    /// What came of the expression of that text; nothing, where nobody evaluated it.
    pub fn of(&self, expression: &str) -> &str {
        let row = self.0.iter().find(|(own, _)| own.as_str() == expression);
        row.map(|(_, said)| said.as_str()).unwrap_or_default()
    }
}

/// The expressions of some templates, each once.
#[derive(Clone, Debug, Default)]
pub struct Sayings(Vec<Saying>);

#[derive(Clone, Debug)]
struct Saying {
    expression: Arc<Expression>,
    /// The template that it stands in.
    of: Arc<str>,
}

impl Sayings {
    /// All expressions of these templates.
    pub fn of<'t>(templates: impl IntoIterator<Item = &'t Template>) -> Self {
        let mut all = Self::default();
        for template in templates {
            let of: Arc<str> = template.as_str().into();
            for expression in &template.expressions {
                if !all.0.iter().any(|other| other.expression.as_str() == expression.as_str()) {
                    all.0.push(Saying { expression: expression.clone(), of: of.clone() });
                }
            }
        }
        all
    }

    /// What they say of a picture. Only who asks for the picture's size pays for its pixels.
    ///
    /// # Errors
    /// A flaw of the frame: that nothing comes of an expression, and what to write in its place; or that there is no
    /// picture in it.
    pub fn say(&self, picture: &mut Picture, limits: &Limits) -> Result<Said, Flaw> {
        if self.0.is_empty() {
            return Ok(Said::default());
        }
        let sized = |variable| self.0.iter().any(|saying| saying.expression.names(variable));
        if sized(Variable::Width) || sized(Variable::Height) {
            picture.look(limits)?;
        }
        let facts = Facts::of(picture);
        let said: Result<Vec<_>, Flaw> = self.0.iter().map(|saying| saying.say(&facts)).collect();
        Ok(Said(said?.into()))
    }
}

impl Saying {
    fn say(&self, facts: &Facts<'_>) -> Result<(Arc<Expression>, String), Flaw> {
        let failed = |flaw: Flaw| {
            let detail = format!("no name can be made by `{}`: {}{}", self.of, flaw.detail, self.way_out());
            Flaw { detail, ..flaw }
        };
        let said = self.expression.written(facts).map_err(failed)?;
        Ok((self.expression.clone(), said))
    }

    /// What to write in place of an expression that names something which is not always there.
    fn way_out(&self) -> String {
        let text = self.expression.as_str();
        let is_path =
            text.contains('.') && text.chars().all(|char| char.is_ascii_alphanumeric() || "._".contains(char));
        match is_path {
            true => format!("; say what stands there without it: {{has({text}) ? {text} : \"unknown\"}}"),
            false => String::new(),
        }
    }
}
