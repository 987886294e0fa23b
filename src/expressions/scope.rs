//! What expressions know: the variables, and what they stand for in one frame.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use operators::{Frame, Headers, Settings, UnixMillis};

use super::parameter::{NO_SETTINGS, Parameter};
use super::types::Type;
use super::value::{Map, Value};
use crate::context::Context;
use crate::picture::Picture;
use crate::report::{Detection, Label};

/// A name that an expression knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "docs/expressions.md says what each stands for")]
pub enum Variable {
    Camera,
    Id,
    Number,
    CapturedAt,
    ReceivedAt,
    Now,
    Width,
    Height,
    Detections,
    Labels,
    Values,
    Headers,
    /// One of them, where something is said of each; of a piece, the one that it was cut for; else null.
    Detection,
}

/// Every variable by its name.
const VARIABLES: [(&str, Variable); 13] = [
    ("camera", Variable::Camera),
    ("id", Variable::Id),
    ("number", Variable::Number),
    ("captured_at", Variable::CapturedAt),
    ("received_at", Variable::ReceivedAt),
    ("now", Variable::Now),
    ("width", Variable::Width),
    ("height", Variable::Height),
    ("detections", Variable::Detections),
    ("labels", Variable::Labels),
    ("values", Variable::Values),
    ("headers", Variable::Headers),
    ("detection", Variable::Detection),
];

impl Variable {
    /// What it is, before a frame comes.
    pub fn type_of(self) -> Type {
        match self {
            Self::Camera | Self::Id => Type::Text,
            Self::Number | Self::Width | Self::Height => Type::Int,
            Self::CapturedAt => Type::Maybe(Box::new(Type::Time)),
            Self::ReceivedAt | Self::Now => Type::Time,
            Self::Detections => Type::list(Type::Detection),
            Self::Labels => Type::list(Type::Text),
            Self::Values => Type::Map(Box::new(Type::Any)),
            Self::Headers => Type::Map(Box::new(Type::Text)),
            Self::Detection => Type::Detection,
        }
    }
}

/// What stands before the name of a parameter.
pub const TASK: &str = "task";

/// What is known where an expression stands.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'s> {
    /// What tasks of the job may set.
    pub parameters: &'s [Parameter],
}

impl<'s> Scope<'s> {
    /// All that is known of a picture.
    pub const PICTURE: Scope<'static> = Scope { parameters: &[] };

    /// What the expressions of a job's part know.
    pub fn of(context: &'s Context) -> Self {
        Self { parameters: &context.parameters }
    }

    /// The same with these parameters.
    pub fn with(self, parameters: &'s [Parameter]) -> Self {
        Self { parameters }
    }

    /// The variable of that name.
    pub fn variable(&self, name: &str) -> Option<Variable> {
        VARIABLES.iter().find(|(own, _)| *own == name).map(|(_, variable)| *variable)
    }

    /// The names of all variables, and `task` where it has parameters.
    pub fn names(&self) -> Vec<&'static str> {
        let task = (!self.parameters.is_empty()).then_some(TASK);
        VARIABLES.iter().map(|(name, _)| *name).chain(task).collect()
    }
}

/// Of a frame whose message says nothing beside its picture.
static NO_HEADERS: LazyLock<Headers> = LazyLock::new(Headers::default);

/// What the variables stand for in one frame.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The frame.
    pub frame: &'a Frame,
    /// Width and height of the picture; `None` where nobody asked for its pixels.
    pub size: Option<[u32; 2]>,
    /// What was found.
    pub detections: &'a [Detection],
    /// The one that something is said of, or that the picture is a piece of.
    pub detection: Option<&'a Detection>,
    /// What it is of.
    pub kinds: &'a [Label],
    /// What steps found out.
    pub values: &'a BTreeMap<String, serde_json::Value>,
    /// What the task said that brought it.
    pub settings: &'a Settings,
    /// This moment.
    pub now: UnixMillis,
}

impl<'a> Facts<'a> {
    /// Those of a picture, at this moment.
    pub fn of(picture: &'a Picture) -> Self {
        Self {
            frame: &picture.frame,
            size: picture.size(),
            detections: &picture.detections,
            detection: picture.piece.as_ref().map(|piece| &piece.found),
            kinds: &picture.labels,
            values: &picture.values,
            settings: picture.frame.task.as_deref().unwrap_or(&NO_SETTINGS),
            now: UnixMillis::now(),
        }
    }

    /// What a variable stands for.
    pub fn value(&self, variable: Variable) -> Value<'a> {
        let side = |index: usize| self.size.map_or(Value::Null, |size| Value::Int(size[index].into()));
        match variable {
            Variable::Camera => Value::Str(self.frame.camera.as_str()),
            Variable::Id => Value::Str(self.frame.id.as_str()),
            Variable::Number => Value::Int(i64::try_from(self.frame.number.0).unwrap_or(i64::MAX)),
            Variable::CapturedAt => self.frame.captured_at.map_or(Value::Null, time),
            Variable::ReceivedAt => time(self.frame.received_at),
            Variable::Now => time(self.now),
            Variable::Width => side(0),
            Variable::Height => side(1),
            Variable::Detections => Value::list(self.found().map(|found| Value::Map(Map::Found(found))).collect()),
            Variable::Labels => self.labels(),
            Variable::Values => Value::Map(Map::Values(self.values)),
            Variable::Headers => Value::Map(Map::Headers(self.frame.headers.as_deref().unwrap_or(&NO_HEADERS))),
            Variable::Detection => self.detection.map_or(Value::Null, |found| Value::Map(Map::Found(found))),
        }
    }

    /// The detections that a report tells: those whose numbers are numbers.
    fn found(&self) -> impl Iterator<Item = &'a Detection> {
        self.detections.iter().filter(|found| found.is_finite())
    }

    /// Each label once: those of the detections, then those that the picture is of.
    fn labels(&self) -> Value<'a> {
        let mut labels: Vec<&'a str> = Vec::new();
        let found = self.found().map(|found| &*found.label);
        for label in found.chain(self.kinds.iter().map(|kind| &*kind.label)) {
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        Value::list(labels.into_iter().map(Value::Str).collect())
    }
}

fn time(at: UnixMillis) -> Value<'static> {
    Value::Time(i64::try_from(at.0).unwrap_or(i64::MAX))
}
