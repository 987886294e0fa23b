//! Which family a model is of: each family looks at its shapes, names and metadata, and a trial run decides.

use crate::engine::Model;

use super::detector::{Claim, Detector};
use super::form::Asked;
use super::trial::{self, Verdict};
use super::values;
use super::{FAMILIES, Family, Sight};

/// The difference of two scores under which nobody can tell which is right.
const DOUBT: f32 = 0.1;

/// What a job says of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// The family's name, if it says so.
    pub family: Option<String>,
    /// How the model wants its picture, as far as it says so.
    pub input: Asked,
}

/// What one family thinks of a model.
#[derive(Debug)]
pub struct Opinion {
    /// The family's name.
    pub family: &'static str,
    /// What speaks for it.
    pub claim: Claim,
    /// What a trial showed, or why it is out of the question.
    pub verdict: Result<Verdict, String>,
}

impl Opinion {
    /// How likely the model is of this family, 0 to 1.
    pub fn score(&self) -> f32 {
        self.verdict.as_ref().map_or(0.0, |verdict| self.claim.score * (0.6 + 0.4 * verdict.plausible))
    }
}

/// What the families think that claim the model, the likeliest first; each was tried.
///
/// # Errors
/// One sentence, where the model takes no picture.
pub fn opinions(model: &Model, asked: &Asked) -> Result<Vec<Opinion>, String> {
    let sight = Sight::of(model, asked)?;
    let tried = |family: &Family| tried(family, &sight, asked);
    let mut opinions: Vec<_> = FAMILIES.iter().filter_map(tried).collect();
    opinions.sort_by(|a, b| b.score().total_cmp(&a.score()));
    Ok(opinions)
}

fn claim(family: &Family, sight: &Sight<'_>, asked: &Asked) -> Option<Claim> {
    let mut claim = (family.recognise)(sight)?;
    claim.form = claim.form.with(asked);
    Some(claim)
}

fn tried(family: &Family, sight: &Sight<'_>, asked: &Asked) -> Option<Opinion> {
    let claim = claim(family, sight, asked)?;
    let verdict = trial::run(sight, &claim);
    Some(Opinion { family: family.name, claim, verdict })
}

/// The detector for a model, tried on a picture.
///
/// # Errors
/// One sentence: no family knows it, two may be meant, or what it says on a trial can't be right.
pub fn detector(model: &Model, choice: &Choice) -> Result<Detector, String> {
    let sight = Sight::of(model, &choice.input)?;
    let opinion = match &choice.family {
        Some(name) => {
            let family = by_name(name)?;
            let tried = tried(family, &sight, &choice.input);
            tried.ok_or_else(|| no_such_shape(model, family))?
        }
        None => likeliest(&sight, opinions(model, &choice.input)?)?,
    };
    match opinion.verdict {
        Ok(_) => Ok(Detector::new(opinion.family, sight.picture, opinion.claim)),
        Err(why) => Err(refused(model, opinion.family, &why)),
    }
}

/// The detector of a family that is known already: without another trial.
///
/// # Errors
/// One sentence, where the model is not of that family.
pub fn known(model: &Model, family: &str, asked: &Asked) -> Result<Detector, String> {
    let (sight, family) = (Sight::of(model, asked)?, by_name(family)?);
    let claim = claim(family, &sight, asked).ok_or_else(|| no_such_shape(model, family))?;
    Ok(Detector::new(family.name, sight.picture, claim))
}

fn by_name(name: &str) -> Result<&'static Family, String> {
    FAMILIES.iter().find(|family| family.name == name).ok_or_else(|| {
        let near = |family: &&Family| strsim::jaro_winkler(family.name, name);
        let nearest = FAMILIES.iter().max_by(|a, b| near(a).total_cmp(&near(b)));
        let nearest = nearest.map(|family| format!(": did you mean `{}`", family.name)).unwrap_or_default();
        format!("there is no family `{name}`{nearest}? Known are {}", names())
    })
}

fn names() -> String {
    FAMILIES.iter().map(|family| family.name).collect::<Vec<_>>().join(", ")
}

fn likeliest(sight: &Sight<'_>, opinions: Vec<Opinion>) -> Result<Opinion, String> {
    let model = sight.model;
    let mut opinions = opinions.into_iter();
    let Some(first) = opinions.next() else { return Err(unknown(sight)) };
    match opinions.next() {
        Some(second) if second.verdict.is_ok() && first.score() - second.score() < DOUBT => {
            Err(ambiguous(model, &first, &second))
        }
        _ => Ok(first),
    }
}

fn unknown(sight: &Sight<'_>) -> String {
    let (name, signature) = (&sight.model.tag.name, &sight.model.signature);
    match values::recognise(sight) {
        Some(_) => format!(
            "{name} finds nothing, it says something of a whole picture (it has {signature}): write `kind = \"describe\"`"
        ),
        None => format!("{name} is of no family that Vigie knows ({}): it has {signature}", names()),
    }
}

fn ambiguous(model: &Model, first: &Opinion, second: &Opinion) -> String {
    let (name, a, b) = (&model.tag.name, first.family, second.family);
    let (s, t) = (first.score(), second.score());
    format!(
        "{name} may be of the family {a} ({s:.2}) or {b} ({t:.2}): write `family = \"{a}\"` or `family = \"{b}\"` in \
         this step, and `input = {{ … }}` where it wants its pictures otherwise (`vigie model {name}` shows both)"
    )
}

fn no_such_shape(model: &Model, family: &Family) -> String {
    let (name, signature) = (&model.tag.name, &model.signature);
    format!("{name} can't be of the family {}: it has {signature}", family.name)
}

fn refused(model: &Model, family: &str, why: &str) -> String {
    let name = &model.tag.name;
    format!(
        "{name} looks like the family {family}, but {why}: write another `family = \"…\"`, or how it wants its pictures \
         as `input = {{ … }}` (`vigie model {name}` shows what was tried)"
    )
}
