//! What happened to a picture, one scene a record and step.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use serde_json::Value;

use super::Rehearsed;
use super::mock::Mock;
use crate::codec::Limits;
use crate::job::Job;
use crate::picture::Picture;
use crate::plan::{Event, Input};
use crate::report::{Cut, Detection};
use crate::steps::Shape;

/// What became of a record at a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It went on.
    On,
    /// The step let it go.
    LetGo,
    /// The step had a fault over it, which says why.
    Fault(String),
}

/// A record after a step.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The source or step, and of a branch the way: `women` or `women.else`.
    pub part: String,
    /// Of a branch, the way that the record takes: `part` once more.
    pub way: Option<String>,
    /// The mock file that has answered in place of its service.
    pub played_by: Option<String>,
    /// What the record is called: the picture's name, and of a piece what follows it.
    pub id: String,
    /// What became of it there.
    pub end: End,
    /// Its image, and the media type; nothing where it can't be decoded.
    pub image: Option<(Bytes, &'static str)>,
    /// Its size in pixels, where it was decoded.
    pub size: Option<[u32; 2]>,
    /// Where it was cut from, if it is a piece.
    pub piece: Option<Cut>,
    /// What was found in it so far.
    pub detections: Vec<Detection>,
    /// What steps found out about it so far.
    pub values: BTreeMap<String, Value>,
    /// Milliseconds that it took since the scene before, by stage.
    pub times: Vec<(&'static str, f64)>,
}

impl Scene {
    /// The source or step, whichever way out of it the record takes.
    pub fn step(&self) -> &str {
        match &self.way {
            Some(way) => way.strip_suffix(".else").unwrap_or(way),
            None => &self.part,
        }
    }
}

/// A way out of a part, as it is shown.
#[derive(Clone, Debug, Default)]
struct Exit {
    /// What `from` calls it.
    part: String,
    /// Whether there is another one.
    is_way: bool,
    /// Whether pieces come together there: their times are told already.
    is_collect: bool,
    /// The mock file that plays its service.
    by: Option<String>,
}

/// The scenes of a picture, as they come.
pub struct Scenes {
    parts: HashMap<Input, Exit>,
    limits: Limits,
    scenes: Vec<Scene>,
    /// How many times of a record were told already.
    told: HashMap<String, usize>,
}

impl Scenes {
    /// None yet, of that job with what is played.
    pub fn of(job: &Job, mock: &Mock) -> Self {
        let sources = (0..job.sources.len()).map(Input::Source);
        let steps = (0..job.steps.len()).flat_map(|step| [Input::Step(step), Input::Else(step)]);
        let played = |input: Input| {
            let (part, step) = (job.name_of(input), input.step().map(|step| &job.steps[step]));
            let is_of = |shape| step.is_some_and(|step| step.config.shape() == shape);
            let (is_way, is_collect) = (is_of(Shape::Branch), is_of(Shape::Collect));
            let by = step.filter(|step| mock.plays(&step.name)).map(|_| mock.name.clone());
            (input, Exit { part, is_way, is_collect, by })
        };
        let parts = sources.chain(steps).map(played).collect();
        Self { parts, limits: job.limits.picture(), scenes: Vec::new(), told: HashMap::new() }
    }

    /// Something happens.
    pub fn see(&mut self, event: Event<'_>) {
        let (at, picture, end) = match event {
            Event::Out(at, picture) => (Some(at), picture, End::On),
            Event::LetGo(step, picture) => (Some(Input::Step(step)), picture, End::LetGo),
            Event::Fault(step, picture, flaw) => {
                (step.map(Input::Step), picture, End::Fault(format!("{}: {}", flaw.reason, flaw.detail)))
            }
        };
        let part = at.and_then(|at| self.parts.get(&at)).cloned().unwrap_or_default();
        let scene = self.scene(part, picture, end);
        self.scenes.push(scene);
    }

    fn scene(&mut self, Exit { part, is_way, is_collect, by }: Exit, picture: &Picture, end: End) -> Scene {
        let id = picture.frame.id.to_string();
        let told = self.told.entry(id.clone()).or_default();
        // A copy begins to count anew.
        let from = match *told {
            _ if is_collect => picture.timings.len(),
            told if told > picture.timings.len() => 0,
            told => told,
        };
        let times = picture.timings[from..].iter().map(|(stage, time)| (*stage, time.as_secs_f64() * 1e3)).collect();
        *told = picture.timings.len();
        let size = picture.size();
        let mut copy = picture.share();
        // Who is let go has taken no way.
        let way = (is_way && end == End::On).then(|| part.clone());
        Scene {
            part,
            way,
            played_by: by,
            id,
            end,
            image: copy.image(&self.limits).ok().map(|image| (image, copy.form.media())),
            size,
            piece: picture.piece.as_ref().map(Cut::from),
            detections: picture.detections.clone(),
            values: picture.values.clone(),
            times,
        }
    }

    /// The scenes so far: the next ones are another picture's.
    pub fn take(&mut self) -> Vec<Scene> {
        self.told.clear();
        std::mem::take(&mut self.scenes)
    }
}

/// The pictures of a rehearsal under the names of their files.
pub fn files(rehearsed: &Rehearsed) -> impl Iterator<Item = (String, Bytes)> {
    rehearsed
        .scenes
        .iter()
        .enumerate()
        .filter_map(|(at, scene)| Some((file(at, scene)?, scene.image.as_ref()?.0.clone())))
}

/// What the picture of a scene is called: its place, its part, its record.
pub fn file(at: usize, scene: &Scene) -> Option<String> {
    let (_, media) = scene.image.as_ref()?;
    let extension = media.rsplit('/').next().map_or("jpg", |kind| if kind == "jpeg" { "jpg" } else { kind });
    let sound = |name: &str| {
        let letter = |char: char| if char.is_alphanumeric() || "-_.".contains(char) { char } else { '_' };
        name.chars().map(letter).take(80).collect::<String>()
    };
    Some(format!("{}-{:02}-{}.{extension}", sound(&scene.id), at + 1, sound(&scene.part)))
}

/// Whether a file is called as [`file`] calls one: `a-03-grey.jpg`.
pub fn is_file(name: &str) -> bool {
    let is_place = |word: &str| word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_image = [".jpg", ".png", ".webp"].iter().any(|ending| name.ends_with(ending));
    is_image && name.split('-').skip(1).any(is_place)
}
