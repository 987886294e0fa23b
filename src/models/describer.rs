//! How a model describes pictures: how they go in, and what each of its outputs says; from the job, from what is known of
//! the model, from its file, and from a trial.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::{Feed, Model, Port};
use crate::mistake::Mistake;

use super::form::{Asked, Colours, Fit, Form};
use super::known::{self, Known};
use super::reading::{Meaning, Reading};
use super::rehearsal::{self, Said};
use super::values;
use super::{Choice, Sight, labels, recognise};

/// What a job says of one output.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a list of labels, `{ any = [labels] }`, \"numbers\", \"unit\" or \"none\" is what an output may be"
)]
pub enum Told {
    /// The labels of classes, in the model's order: a picture is of one of them.
    One(Vec<String>),
    /// The labels of classes, in the model's order: any of them may be true of a picture.
    Any {
        /// The labels.
        any: Vec<String>,
    },
    /// What is no class.
    Other(Other),
}

/// What an output says that is no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Other {
    /// A measure, as an age, or several: as they are.
    Numbers,
    /// A vector of which the direction counts: it is made of length 1.
    Unit,
    /// Nothing of interest: it is left out.
    None,
}

impl Told {
    fn meaning(&self) -> Meaning {
        let labels = |list: &[String]| list.iter().map(|label| label.as_str().into()).collect();
        match self {
            Self::One(list) => Meaning::One(labels(list)),
            Self::Any { any } => Meaning::Any(labels(any)),
            Self::Other(Other::Numbers) => Meaning::Numbers,
            Self::Other(Other::Unit) => Meaning::Unit,
            Self::Other(Other::None) => Meaning::Nothing,
        }
    }
}

/// What a job says of a model that describes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    /// Which of the known models it is, if the job says so.
    pub family: Option<String>,
    /// How it wants its picture, as far as the job says so.
    pub input: Asked,
    /// The labels of its only output.
    pub labels: Option<Vec<String>>,
    /// What its outputs say, by name.
    pub outputs: BTreeMap<String, Told>,
}

/// How a model describes pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Describer {
    /// Which known model it is; `classifier` or `attributes` for others.
    pub family: &'static str,
    /// How a picture goes in.
    pub form: Form,
    /// How each output is read, in the model's order, by its name.
    pub readings: Vec<(String, Reading)>,
    picture: usize,
}

impl Describer {
    /// How a model describes pictures, after a trial on four of them.
    ///
    /// # Errors
    /// One sentence with the key it is about: what the job has to say because nobody else does, or what can't be right.
    pub fn of(model: &Model, ask: &Ask) -> Result<Self, Mistake> {
        let key = if ask.input.size.is_some() { "input" } else { "model" };
        let sight = Sight::of(model, &ask.input).map_err(|what| Mistake::at(key, what))?;
        let known = known(&sight, ask)?;
        let told = told(&sight, ask)?;
        let form = form(&sight, known, &ask.input)?;
        let meanings = meanings(&sight, known, &told)?;
        let (Some(form), true) = (form, meanings.iter().all(Option::is_some)) else {
            return Err(unsaid(model, &meanings, form.is_none()));
        };
        let meanings: Vec<_> = meanings.into_iter().flatten().collect();
        let said = rehearsal::run(&sight, &form).map_err(|why| refused(model, &why))?;
        let named = |(said, meaning): (Said, Meaning)| {
            let reading = reading(model, &said, meaning)?;
            Ok((said.name, reading))
        };
        let readings = said.into_iter().zip(meanings).map(named).collect::<Result<_, Mistake>>()?;
        let other = values::recognise(&sight).map_or("attributes", values::Says::name);
        Ok(Self { family: known.map_or(other, |known| known.name), form, readings, picture: sight.picture })
    }

    /// What goes into the model.
    pub fn feed(&self) -> Feed {
        Feed { picture: self.picture, sample: self.form.sample(), others: Vec::new() }
    }
}

/// The known model that it is, by what the job says or by its file.
fn known(sight: &Sight<'_>, ask: &Ask) -> Result<Option<&'static Known>, Mistake> {
    let Some(name) = &ask.family else { return Ok(known::of(sight)) };
    let known = known::named(name).map_err(|what| Mistake::at("family", what))?;
    let (file, signature) = (&sight.model.tag.name, &sight.model.signature);
    let other = || Mistake::at("family", format!("{file} can't be of the family {name}: it has {signature}"));
    known.fits(sight).then_some(Some(known)).ok_or_else(other)
}

/// What the job says of each output, in the model's order.
fn told(sight: &Sight<'_>, ask: &Ask) -> Result<Vec<Option<Told>>, Mistake> {
    let (file, ports) = (&sight.model.tag.name, &sight.model.signature.outputs);
    let names = || ports.iter().map(|port| format!("`{}`", port.name)).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = ask.outputs.keys().find(|name| !ports.iter().any(|port| port.name == **name)) {
        let what = format!("{file} has no output `{unknown}`: it has {}", names());
        return Err(Mistake::at("outputs", what));
    }
    let mut told: Vec<_> = ports.iter().map(|port| ask.outputs.get(&port.name).cloned()).collect();
    match (&ask.labels, &mut told[..]) {
        (None, _) => {}
        (Some(labels), [only @ None]) => *only = Some(Told::One(labels.clone())),
        (Some(_), [Some(_)]) => {
            return Err(Mistake::at(
                "labels",
                "`labels` and `outputs` both say what the only output is: leave one out",
            ));
        }
        (Some(_), _) => {
            let what = format!(
                "{file} has several outputs: write the labels of each as `outputs = {{ NAME = [\"…\"] }}`, for {}",
                names()
            );
            return Err(Mistake::at("labels", what));
        }
    }
    Ok(told)
}

/// How a picture goes in of which nothing is known: stretched, values of 0 to 255.
pub fn plain(sight: &Sight<'_>) -> Form {
    let colours = if sight.channels == 1 { Colours::Grey } else { Colours::Rgb };
    Form { layout: sight.layout, fit: Fit::Stretch, ..Form::plain(sight.size_or(224), colours) }
}

/// How a picture goes in; `None` where nobody can tell its scale.
fn form(sight: &Sight<'_>, known: Option<&Known>, asked: &Asked) -> Result<Option<Form>, Mistake> {
    let form = known.map_or(plain(sight), |known| known.form(sight)).with(asked);
    if form.channels() as i64 != sight.channels {
        let file = &sight.model.tag.name;
        let what = match sight.channels {
            1 => format!("{file} takes one number a pixel: `colours` has to be \"grey\""),
            _ => format!("{file} takes three numbers a pixel: `colours` has to be \"rgb\" or \"bgr\""),
        };
        return Err(Mistake::at("input", what));
    }
    let is_said = asked.scale.is_some() || asked.mean.is_some() || asked.std.is_some();
    Ok((known.is_some() || is_said || sight.takes_bytes()).then_some(form))
}

/// What each output says; `None` for what nobody can tell.
fn meanings(sight: &Sight<'_>, known: Option<&Known>, told: &[Option<Told>]) -> Result<Vec<Option<Meaning>>, Mistake> {
    let meaning = |(at, shape): (usize, &[i64])| {
        if let Some(told) = told.get(at).and_then(Option::as_ref) {
            return Ok(Some(told.meaning()));
        }
        let numbers = values::count(shape).ok_or_else(|| no_list(sight, &sight.model.signature.outputs[at]))?;
        let classes = known.map(|known| known.classes(at)).unwrap_or_default();
        let names = sight.model.names.as_deref().filter(|names| labels::count(names) == numbers && told.len() == 1);
        Ok(match (numbers, names) {
            (1, _) => Some(Meaning::Numbers),
            _ if !classes.is_empty() => Some(Meaning::One(classes.into_iter().map(Arc::from).collect())),
            (_, Some(names)) => Some(Meaning::One(labels::labels(Some(names), numbers))),
            _ => None,
        })
    };
    sight.outputs().into_iter().enumerate().map(meaning).collect()
}

/// How an output is read that says this on a trial.
fn reading(model: &Model, said: &Said, meaning: Meaning) -> Result<Reading, Mistake> {
    if let Some(flaw) = said.flaw().filter(|_| meaning != Meaning::Nothing) {
        return Err(refused(model, &flaw));
    }
    let (classes, numbers) = (meaning.classes().len(), said.numbers.first().map_or(0, Vec::len));
    if matches!(meaning, Meaning::One(_) | Meaning::Any(_)) && classes != numbers {
        let (file, name) = (&model.tag.name, &said.name);
        let key = if model.signature.outputs.len() == 1 { "labels" } else { "outputs" };
        let what = format!("the output `{name}` of {file} says {numbers} numbers: `{key}` names {classes} classes");
        return Err(Mistake::at(key, what));
    }
    let odds = match meaning {
        Meaning::Any(_) => said.are_odds(),
        _ => said.sums_to_one(),
    };
    Ok(Reading { meaning, odds })
}

/// An output that is no list of numbers: boxes, or a map.
fn no_list(sight: &Sight<'_>, port: &Port) -> Mistake {
    let (file, name) = (&sight.model.tag.name, key(&port.name));
    let what = match recognise::detector(sight.model, &Choice::default()) {
        Ok(detector) => {
            let family = detector.family;
            format!("{file} finds things in pictures (it is of the family {family}): write `kind = \"detect\"`")
        }
        Err(_) => format!(
            "the output `{port}` of {file} is no list of numbers about a whole picture: write \
             `outputs = {{ {name} = \"none\" }}` to leave it out, or \"numbers\" for all of them"
        ),
    };
    Mistake::at("model", what)
}

/// What a job has to say of a model because nobody else does.
fn unsaid(model: &Model, meanings: &[Option<Meaning>], lacks_form: bool) -> Mistake {
    let ports = &model.signature.outputs;
    let open = ports.iter().zip(meanings).filter(|(_, meaning)| meaning.is_none()).map(|(port, _)| key(&port.name));
    let open: Vec<_> = open.collect();
    let labels = match (&open[..], ports.len()) {
        ([], _) => None,
        ([name], 1) => Some(format!(
            "`labels = [\"…\", \"…\"]`, a name for each class in the model's order (or `outputs = {{ {name} = \"unit\" }}` \
             for a vector that is no classes)"
        )),
        (open, _) => {
            let rows: Vec<_> = open.iter().map(|name| format!("{name} = [\"…\", \"…\"]")).collect();
            Some(format!("`outputs = {{ {} }}`, a name for each class in the model's order", rows.join(", ")))
        }
    };
    let scale = "`input = { scale = 0.00392157 }` if it was trained with values of 0 to 1 (`scale = 1` for 0 to 255, and \
                 `mean`, `std`, `colours` where it needs them)";
    let lines: Vec<_> = labels.into_iter().chain(lacks_form.then(|| scale.to_owned())).collect();
    let (file, signature) = (&model.tag.name, &model.signature);
    Mistake::at(
        "model",
        format!("{file} ({signature}) does not say all that is needed: write {}", lines.join("; and ")),
    )
}

/// A name as a key of a job file.
fn key(name: &str) -> String {
    let is_bare = |char: char| char.is_ascii_alphanumeric() || "_-".contains(char);
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { format!("{name:?}") }
}

fn refused(model: &Model, why: &str) -> Mistake {
    let file = &model.tag.name;
    let what = format!(
        "{file} can't be used as it is: {why}; its file may be broken, or it wants its pictures otherwise: write how as \
         `input = {{ … }}` (docs/models.md)"
    );
    Mistake::at("model", what)
}
