//! `kind = "classify"`: of which class a picture is.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::context::Context;
use crate::mistake::Mistake;
use crate::models::form::Asked;
use crate::models::reading::Meaning;
use crate::picture::{ModelTag, Picture};
use crate::report::Label;

use super::describe::{Describe, Describing, Labels};
use super::together::{Gaze, Together};
use super::{StepConfig, Work};

/// Says of which class a picture is, with an ONNX model of one output. The likeliest classes are in the report as `labels`, a
/// list of `label` and `score`, and in expressions in `labels`; the first one is also `values.NAME`, with the step's name, and
/// `values.NAME_score` is how sure the model is of it, 0 to 1. A class under `threshold` is not told: then `values.NAME` is
/// `null`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Classify {
    /// The model's file: looked for beside the job file, then under `VIGIE_MODELS` at any depth, then in `models/`.
    model: String,
    /// Which known model it is, where its file does not tell: `cifar10_resnet`, `mnist` … (see docs/models.md).
    #[serde(default)]
    family: Option<String>,
    /// How the model wants its pictures. For a model that is not known, `scale`, `mean` or `std` are needed: a wrong scale
    /// can't be seen from its file.
    #[serde(default)]
    input: Asked,
    /// The labels of the classes, in the model's order: a list, or a file with one a line. Not needed where the model is known,
    /// or its metadata has `names`.
    #[serde(default)]
    labels: Option<Labels>,
    /// How many of the likeliest classes are told.
    #[serde(default = "one")]
    top: usize,
    /// How sure the model has to be of a class, 0 to 1.
    #[serde(default)]
    threshold: Option<f32>,
    /// Pictures whose shorter side has fewer pixels are left without a label: `values.NAME_skipped` says so.
    #[serde(default)]
    min_size: u32,
    /// The same as a step that says anything of pictures.
    #[serde(skip)]
    #[schemars(skip)]
    inside: OnceLock<Describe>,
}

fn one() -> usize {
    1
}

impl Classify {
    fn inside(&self) -> &Describe {
        self.inside.get_or_init(|| Describe {
            model: self.model.clone(),
            family: self.family.clone(),
            input: self.input.clone(),
            labels: self.labels.clone(),
            outputs: Default::default(),
            name: None,
            min_size: self.min_size,
            top: self.top,
            threshold: self.threshold,
            loaded: Default::default(),
        })
    }
}

impl StepConfig for Classify {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        self.inside().check(context)?;
        let (model, describer) = self.inside().load(context)?;
        match &describer.readings[..] {
            [(_, reading)] if matches!(reading.meaning, Meaning::One(_)) => Ok(()),
            _ => {
                let what =
                    format!("{} does not say of which class a picture is: write `kind = \"describe\"`", model.tag.name);
                Err(Mistake::at("model", what))
            }
        }
    }

    fn describe(&self) -> String {
        self.inside().told("classifies")
    }

    fn gives(&self, context: &Context) -> Vec<String> {
        self.inside().gives(context)
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        let gaze = Classifying { gaze: self.inside().gaze(context)?, name: self.inside().name(context) };
        Ok(Work::line(Together { gaze, limits: context.picture }))
    }
}

/// A classifier at work for one worker.
struct Classifying {
    gaze: Describing,
    /// Under which name its values are.
    name: String,
}

impl Gaze for Classifying {
    fn model(&self) -> &ModelTag {
        self.gaze.model()
    }

    fn look(&mut self, pictures: &mut [Picture]) -> Result<(), String> {
        self.gaze.look(pictures)?;
        pictures.iter_mut().for_each(|picture| picture.labels = self.labels(picture));
        Ok(())
    }
}

impl Classifying {
    /// What was said of a picture, as labels: those of a list do not stand among its values, too.
    fn labels(&self, picture: &mut Picture) -> Vec<Label> {
        let Self { name, .. } = self;
        if let Some(top) = picture.values.remove(&format!("{name}_top")) {
            return serde_json::from_value(top).unwrap_or_default();
        }
        let value = |behind: &str| picture.values.get(&format!("{name}{behind}"));
        let label = value("").and_then(Value::as_str);
        let score = value("_score").and_then(Value::as_f64);
        label.zip(score).map(|(label, score)| Label { label: label.into(), score }).into_iter().collect()
    }
}
