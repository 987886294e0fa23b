//! `kind = "detect"`: what a model finds in pictures.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::codec::Enough;
use crate::context::Context;
use crate::engine::{Model, Session};
use crate::mistake::Mistake;
use crate::models::form::Asked;
use crate::models::{self, Candidate, Choice, Detector, Placement, nms, recognise};
use crate::picture::{ModelTag, Picture};
use crate::report::Detection;

use super::together::{Gaze, Together};
use super::{StepConfig, Work};

/// Finds things in pictures with an ONNX model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Detect {
    /// The model's file: looked for beside the job file, then under `VIGIE_MODELS` at any depth, then in `models/`.
    pub model: String,
    /// The model's family, where `vigie model FILE` can't tell or is wrong: `yolox`, `yolov5`, `yolov8`, `ssd` … (see
    /// docs/models.md).
    #[serde(default)]
    pub family: Option<String>,
    /// How the model wants its pictures, where that differs from what its family usually wants, or where it takes any size.
    #[serde(default)]
    pub input: Asked,
    /// Which classes to keep, by name; all, if left out.
    #[serde(default)]
    pub classes: Vec<String>,
    /// How sure the model has to be, 0 to 1.
    #[serde(default = "threshold")]
    pub threshold: f32,
    /// Of two boxes of a class that overlap by more than this (intersection over union, 0 to 1), the surer one is kept.
    #[serde(default = "overlap")]
    pub overlap: f32,
    /// The smallest box that is kept, as a share of the picture's area, 0 to 1.
    #[serde(default)]
    pub min_area: f32,
    /// The largest box that is kept, as a share of the picture's area, 0 to 1.
    #[serde(default = "whole")]
    pub max_area: f32,
    /// Whether JPEGs that are much larger than what the model sees may be decoded to a half, a quarter or an eighth a side, where
    /// no other part of the job needs all their pixels: a third less time for five megapixels, and scores move by up to 0.05,
    /// more with a small model. It takes a build with the feature `turbo`.
    #[serde(default)]
    pub scaled_decode: bool,
    /// The model, loaded once and shared by the workers, and its family, found by one trial.
    #[serde(skip)]
    #[schemars(skip)]
    loaded: OnceLock<(Arc<Model>, &'static str)>,
}

fn threshold() -> f32 {
    0.4
}

fn overlap() -> f32 {
    0.45
}

fn whole() -> f32 {
    1.0
}

impl Detect {
    fn load(&self, context: &Context) -> Result<(&Arc<Model>, Detector), Mistake> {
        let wrong = |what| Mistake::at("model", what);
        if let Some((model, family)) = self.loaded.get() {
            return Ok((model, recognise::known(model, family, &self.input).map_err(wrong)?));
        }
        let path = models::find(&self.model, &context.folder, &context.allowed).map_err(wrong)?;
        let model = Model::load(&path).map_err(wrong)?;
        let choice = Choice { family: self.family.clone(), input: self.input.clone() };
        let detector = models::detector(&model, &choice).map_err(wrong)?;
        let (model, _) = self.loaded.get_or_init(|| (model, detector.family));
        Ok((model, detector))
    }

    /// The names of the classes that are kept, by class; `None` for those that are not.
    fn kept(&self, labels: &[Arc<str>]) -> Result<Vec<Option<Arc<str>>>, String> {
        if let Some(unknown) = self.classes.iter().find(|class| !labels.iter().any(|label| **label == ***class)) {
            let nearest = labels
                .iter()
                .max_by(|a, b| strsim::jaro_winkler(a, unknown).total_cmp(&strsim::jaro_winkler(b, unknown)));
            let nearest = nearest.map(|label| format!(": did you mean `{label}`")).unwrap_or_default();
            let known: Vec<_> = labels.iter().map(|label| &**label).take(12).collect();
            let more = if labels.len() > known.len() { ", …" } else { "" };
            return Err(format!("the model knows no class `{unknown}`{nearest}? It knows {}{more}", known.join(", ")));
        }
        let wanted = |label: &Arc<str>| self.classes.is_empty() || self.classes.iter().any(|class| **class == **label);
        Ok(labels.iter().map(|label| wanted(label).then(|| label.clone())).collect())
    }
}

impl StepConfig for Detect {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        let shares = [
            ("threshold", self.threshold),
            ("overlap", self.overlap),
            ("min_area", self.min_area),
            ("max_area", self.max_area),
        ];
        if let Some((field, value)) = shares.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
            return Err(Mistake::at(field, format!("`{field}` is {value}: it has to be between 0 and 1")));
        }
        self.input.check().map_err(|what| Mistake::at("input", what))?;
        let (model, detector) = self.load(context)?;
        let labels = detector.labels(model);
        self.kept(&labels).map(|_| ()).map_err(|what| Mistake::at("classes", what))
    }

    fn describe(&self) -> String {
        let classes = if self.classes.is_empty() { "all classes".to_owned() } else { self.classes.join(", ") };
        // Processes compare what their jobs describe: two files of one name are two models.
        let hash = self.loaded.get().map(|(model, _)| format!(" ({})", &model.tag.sha256[..8]));
        let family = self.loaded.get().map(|(_, family)| format!(", {family},")).unwrap_or_default();
        format!("detect {classes} with {}{}{family} from {}", self.model, hash.unwrap_or_default(), self.threshold)
    }

    fn finds(&self) -> bool {
        true
    }

    fn enough(&self, context: &Context) -> Enough {
        let seen = self.scaled_decode.then(|| self.load(context).ok()).flatten();
        seen.map_or(Enough::All, |(_, detector)| detector.form().enough())
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        let (model, detector) = self.load(context)?;
        let labels = detector.labels(model);
        let kept = self.kept(&labels).map_err(anyhow::Error::msg)?;
        let rules = Rules {
            by: context.part.as_str().into(),
            kept,
            threshold: self.threshold,
            overlap: self.overlap,
            areas: [self.min_area, self.max_area],
        };
        context.board.runs(&context.part, model);
        let gaze = Detecting { session: detector.session(model)?, model: model.clone(), detector, rules };
        Ok(Work::line(Together { gaze, limits: context.picture }))
    }
}

/// What is kept of what a model finds.
struct Rules {
    by: Arc<str>,
    kept: Vec<Option<Arc<str>>>,
    threshold: f32,
    overlap: f32,
    areas: [f32; 2],
}

impl Rules {
    fn detections(&self, mut candidates: Vec<Candidate>, placement: &Placement) -> Vec<Detection> {
        candidates.retain(|candidate| self.kept[candidate.class].is_some());
        let kept = nms::suppress(candidates, self.overlap);
        kept.into_iter().filter_map(|candidate| self.detection(candidate, placement)).collect()
    }

    fn detection(&self, candidate: Candidate, placement: &Placement) -> Option<Detection> {
        let [left, top, right, bottom] = candidate.corners;
        let area = [left, top, right - left, bottom - top];
        let share = area[2] * area[3] / (placement.width * placement.height);
        let [least, most] = self.areas;
        let label = self.kept[candidate.class].clone().filter(|_| (least..=most).contains(&share))?;
        let Candidate { class, score, landmarks, .. } = candidate;
        Some(Detection { class, label, score, area, landmarks, by: self.by.clone() })
    }
}

/// A model at work for one worker.
struct Detecting {
    session: Session,
    model: Arc<Model>,
    detector: Detector,
    rules: Rules,
}

impl Gaze for Detecting {
    fn model(&self) -> &ModelTag {
        &self.model.tag
    }

    fn look(&mut self, pictures: &mut [Picture]) -> Result<(), String> {
        let Self { session, detector, rules, .. } = self;
        let start = Instant::now();
        let mut placements = Vec::with_capacity(pictures.len());
        let mut found = Vec::with_capacity(pictures.len());
        let mut prepared = std::time::Duration::ZERO;
        let detector = std::cell::RefCell::new(detector);
        let shared = std::cell::RefCell::new(&mut placements);
        session.run(
            pictures.len(),
            |index, input| {
                let begun = Instant::now();
                let seen = pictures[index].seen().expect("decoded before");
                shared.borrow_mut().push(detector.borrow_mut().prepare(seen, input));
                prepared += begun.elapsed();
            },
            |index, outputs| {
                let placement = shared.borrow()[index];
                let candidates = detector.borrow().read(outputs, &placement, rules.threshold);
                found.push(rules.detections(candidates, &placement));
            },
        )?;
        // The batch is inferred as one: each picture is told its share.
        let share = pictures.len().max(1) as u32;
        let (resize, infer) = (prepared / share, start.elapsed().saturating_sub(prepared) / share);
        for (picture, found) in pictures.iter_mut().zip(found) {
            picture.detections.extend(found);
            picture.model = Some(self.model.tag.clone());
            picture.timings.extend([("resize", resize), ("infer", infer)]);
        }
        Ok(())
    }
}
