//! `kind = "describe"`: what a model says of whole pictures.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::context::Context;
use crate::engine::{Model, Session};
use crate::mistake::Mistake;
use crate::models::describer::{Ask, Told};
use crate::models::form::Asked;
use crate::models::letterbox::Letterbox;
use crate::models::reading::{Reading, Rules};
use crate::models::{self, Describer};
use crate::picture::{ModelTag, Picture};

use super::together::{Gaze, Together};
use super::{StepConfig, Work};

/// Says what a picture is of, with an ONNX model: one of several classes, or any of them, measures as an age, or a vector.
/// What a model says is in the report and in expressions, under `values`. A model with one output says it under the step's
/// name, one with several under the names of its outputs. Of classes, `values.NAME` is the label and `values.NAME_score` how
/// sure the model is, 0 to 1; of classes of which any may be true, `values.NAME` is the list of those that are, and
/// `values.NAME_scores` holds a number for each. Measures are numbers, vectors are lists. What is not known (a picture under
/// `min_size`, a class under `threshold`) is `null`: `values.gender == "woman"` is then false, and before a number is compared
/// ask `values.age != null`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Describe {
    /// The model's file: looked for beside the job file, then under `VIGIE_MODELS` at any depth, then in `models/`.
    pub model: String,
    /// Which known model it is, where its file does not tell: `faceapi_age_gender`, `mnist` … (see docs/models.md).
    #[serde(default)]
    pub family: Option<String>,
    /// How the model wants its pictures. For a model that is not known, `scale`, `mean` or `std` are needed: a wrong scale
    /// can't be seen from its file.
    #[serde(default)]
    pub input: Asked,
    /// The labels of the classes of a model with one output, in the model's order: a list, or a file with one a line. Not
    /// needed where the model is known, or its metadata has `names`.
    #[serde(default)]
    pub labels: Option<Labels>,
    /// What each output of the model says, by its name: a list of labels for classes; `{ any = [labels] }` where several may be
    /// true at once; `"numbers"` for measures and vectors as they are; `"unit"` for a vector that is made of length 1;
    /// `"none"` to leave it out.
    #[serde(default)]
    pub outputs: BTreeMap<String, Told>,
    /// The name in `values` in place of the step's; in front of each output's name (`NAME_age`) where there are several.
    #[serde(default, rename = "as")]
    pub name: Option<String>,
    /// Pictures whose shorter side has fewer pixels are left undescribed: `values.NAME_skipped` says so, with the step's name
    /// or `as`.
    #[serde(default)]
    pub min_size: u32,
    /// Of classes, how many of the likeliest are told. More than one are in `values.NAME_top`, a list of `label` and `score`.
    #[serde(default = "one")]
    pub top: usize,
    /// How sure the model has to be of a class, 0 to 1. Without it: 0.5 where any of several may be true, and 0 else.
    #[serde(default)]
    pub threshold: Option<f32>,
    /// The model, loaded and tried once and shared by the workers.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) loaded: OnceLock<(Arc<Model>, Describer)>,
}

/// The labels of a model's classes.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a list of labels, or a file with one a line")]
pub enum Labels {
    /// As they are.
    List(Vec<String>),
    /// One a line in a file, relative to the job file's folder.
    File(PathBuf),
}

fn one() -> usize {
    1
}

impl Labels {
    fn read(&self, context: &Context) -> Result<Vec<String>, Mistake> {
        let file = match self {
            Self::List(list) => return Ok(list.clone()),
            Self::File(file) => context.path("labels", file)?,
        };
        let unreadable = |error: std::io::Error| {
            Mistake::at("labels", format!("the labels {} can't be read: {error}", file.display()))
        };
        let text = std::fs::read_to_string(&file).map_err(unreadable)?;
        Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }
}

/// A name as an expression can write it behind `values.`.
fn plain(name: &str) -> String {
    let plain = name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect::<String>();
    let digit = plain.starts_with(|char: char| char.is_ascii_digit());
    if digit || plain.is_empty() { format!("_{plain}") } else { plain }
}

impl Describe {
    pub(super) fn load(&self, context: &Context) -> Result<&(Arc<Model>, Describer), Mistake> {
        if let Some(loaded) = self.loaded.get() {
            return Ok(loaded);
        }
        let wrong = |what| Mistake::at("model", what);
        let path = models::find(&self.model, &context.folder, &context.allowed).map_err(wrong)?;
        let model = Model::load(&path).map_err(wrong)?;
        let ask = Ask {
            family: self.family.clone(),
            input: self.input.clone(),
            labels: self.labels.as_ref().map(|labels| labels.read(context)).transpose()?,
            outputs: self.outputs.clone(),
        };
        let describer = Describer::of(&model, &ask)?;
        Ok(self.loaded.get_or_init(|| (model, describer)))
    }

    fn rules(&self) -> Rules {
        Rules { top: self.top, threshold: self.threshold }
    }

    /// What it does, in a few words.
    pub(super) fn told(&self, does: &str) -> String {
        // Processes compare what their jobs describe: two files of one name are two models.
        let loaded = self.loaded.get();
        let hash = loaded.map(|(model, _)| format!(" ({})", &model.tag.sha256[..8])).unwrap_or_default();
        let family = loaded.map(|(_, describer)| format!(", {}", describer.family)).unwrap_or_default();
        let least = if self.min_size > 0 { format!(", from {} pixels", self.min_size) } else { String::new() };
        format!("{}{hash}{family} {does} pictures{least}", self.model)
    }

    /// The name in `values`, where there is one output.
    pub(super) fn name(&self, context: &Context) -> String {
        self.name.clone().unwrap_or_else(|| plain(&context.part))
    }

    /// The model for one worker.
    pub(super) fn gaze(&self, context: &Context) -> anyhow::Result<Describing> {
        let (model, describer) = self.load(context)?;
        context.board.runs(&context.part, model);
        let name = self.name(context);
        Ok(Describing {
            session: model.session_of(describer.feed())?,
            model: model.tag.clone(),
            letterbox: Letterbox::new(describer.form),
            readings: self.readings(&name, describer),
            rules: self.rules(),
            min_size: self.min_size,
            skipped: format!("{name}_skipped"),
        })
    }

    /// Each output's name in `values`, and how it is read.
    fn readings(&self, name: &str, describer: &Describer) -> Vec<(String, Reading)> {
        let alone = describer.readings.len() == 1;
        let named = |(output, reading): &(String, Reading)| {
            let name = match &self.name {
                _ if alone => name.to_owned(),
                Some(name) => format!("{name}_{}", plain(output)),
                None => plain(output),
            };
            (name, reading.clone())
        };
        describer.readings.iter().map(named).collect()
    }
}

impl StepConfig for Describe {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        if let Some(threshold) = self.threshold.filter(|value| !(0.0..=1.0).contains(value)) {
            let what = format!("`threshold` is {threshold}: it has to be between 0 and 1");
            return Err(Mistake::at("threshold", what));
        }
        if self.top == 0 {
            return Err(Mistake::at("top", "`top` is 0: then nothing is told of a class; write 1 or more"));
        }
        if let Some(name) = self.name.as_ref().filter(|name| plain(name) != **name) {
            let what = format!("`{name}` is no name for an expression: write `{}`", plain(name));
            return Err(Mistake::at("as", what));
        }
        self.input.check().map_err(|what| Mistake::at("input", what))?;
        self.load(context).map(drop)
    }

    fn describe(&self) -> String {
        self.told("describes")
    }

    fn gives(&self, context: &Context) -> Vec<String> {
        let Ok((_, describer)) = self.load(context) else { return Vec::new() };
        let name = self.name(context);
        let named =
            |(name, reading): (String, Reading)| under(&name, reading.silence(&self.rules())).collect::<Vec<_>>();
        let said = self.readings(&name, describer).into_iter().flat_map(named).map(|(name, _)| name);
        said.chain([format!("{name}_skipped")]).collect()
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Together { gaze: self.gaze(context)?, limits: context.picture }))
    }
}

/// A model at work for one worker.
pub(super) struct Describing {
    session: Session,
    model: ModelTag,
    letterbox: Letterbox,
    readings: Vec<(String, Reading)>,
    rules: Rules,
    min_size: u32,
    skipped: String,
}

/// What is said of a picture, by name.
type Said = Vec<(String, Value)>;

impl Gaze for Describing {
    fn model(&self) -> &ModelTag {
        &self.model
    }

    fn look(&mut self, pictures: &mut [Picture]) -> Result<(), String> {
        let too_small =
            |picture: &&mut Picture| picture.size().is_some_and(|[width, height]| width.min(height) < self.min_size);
        let (small, mut large): (Vec<_>, Vec<_>) = pictures.iter_mut().partition(too_small);
        self.infer(&mut large)?;
        small.into_iter().for_each(|picture| self.skip(picture));
        Ok(())
    }
}

impl Describing {
    /// Runs the model over pictures that are decoded and large enough.
    fn infer(&mut self, pictures: &mut [&mut Picture]) -> Result<(), String> {
        let start = Instant::now();
        let (mut prepared, mut said) = (Duration::ZERO, Vec::with_capacity(pictures.len()));
        let Self { session, letterbox, readings, rules, .. } = self;
        session.run(
            pictures.len(),
            |index, input| {
                let begun = Instant::now();
                letterbox.put(pictures[index].seen().expect("decoded before"), input);
                prepared += begun.elapsed();
            },
            |_, outputs| said.push(read(readings, rules, outputs.iter().map(|output| output.data))),
        )?;
        let said = said.into_iter().collect::<Result<Vec<_>, _>>()?;
        // The batch is inferred as one: each picture is told its share.
        let share = pictures.len().max(1) as u32;
        let (resize, infer) = (prepared / share, start.elapsed().saturating_sub(prepared) / share);
        for (picture, said) in pictures.iter_mut().zip(said) {
            picture.values.extend(said);
            picture.model = Some(self.model.clone());
            picture.timings.extend([("resize", resize), ("infer", infer)]);
        }
        Ok(())
    }

    /// Says of a picture that it is too small.
    fn skip(&self, picture: &mut Picture) {
        let silence = self.readings.iter().flat_map(|(name, reading)| under(name, reading.silence(&self.rules)));
        picture.values.extend(silence);
        let why = format!("smaller than {} pixels", self.min_size);
        picture.values.insert(self.skipped.clone(), why.into());
    }
}

/// What the outputs of one picture say.
fn read<'a>(
    readings: &[(String, Reading)],
    rules: &Rules,
    outputs: impl Iterator<Item = &'a [f32]>,
) -> Result<Said, String> {
    let one = |((name, reading), numbers): (&(String, Reading), &[f32])| {
        let said = reading.read(numbers, rules).map_err(|why| format!("of {name} {why}"))?;
        Ok(under(name, said).collect::<Vec<_>>())
    };
    Ok(readings.iter().zip(outputs).map(one).collect::<Result<Vec<_>, String>>()?.concat())
}

/// What is said, each with its whole name.
fn under(name: &str, said: Vec<(&'static str, Value)>) -> impl Iterator<Item = (String, Value)> {
    said.into_iter().map(move |(behind, value)| (format!("{name}{behind}"), value))
}
