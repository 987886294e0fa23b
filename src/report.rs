//! What is told of a picture: one JSON object, described by `docs/report.schema.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use operators::UnixMillis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::picture::{ModelTag, Picture, Piece};
use crate::truth::Score;

/// One thing that a detector found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Detection {
    /// The number of the class in the model's list, from 0.
    pub class: usize,
    /// The name of the class.
    pub label: std::sync::Arc<str>,
    /// The detector's confidence, 0 to 1.
    pub score: f32,
    /// `[x, y, width, height]` in pixels of the picture as the steps left it, upright; x and y of the top left corner.
    #[serde(rename = "box")]
    pub area: [f32; 4],
    /// For a face, where the model says so: `[x, y]` of the eye at the left of the picture, the other eye, the nose, and the
    /// corners of the mouth in the order of the eyes, in pixels of the original picture. They may lie outside of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landmarks: Option<[[f32; 2]; 5]>,
    /// The step that found it.
    #[serde(skip)]
    pub by: std::sync::Arc<str>,
}

/// A class that a picture is of, as the step `classify` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Label {
    /// The name of the class.
    pub label: std::sync::Arc<str>,
    /// How sure the model is, 0 to 1.
    pub score: f64,
}

/// A piece of a picture: what `each` made of one thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cut {
    /// The step that cut it.
    pub of: String,
    /// Which one of its picture, from 0.
    pub index: usize,
    /// The name of the class that was found there.
    pub label: std::sync::Arc<str>,
    /// The detector's confidence, 0 to 1.
    pub score: f32,
    /// `[x, y, width, height]` in whole pixels of the picture that it was cut from.
    #[serde(rename = "box")]
    pub area: [i32; 4],
}

impl From<&Piece> for Cut {
    fn from(Piece { of, index, found, area }: &Piece) -> Self {
        Self {
            of: of.to_string(),
            index: *index,
            label: found.label.clone(),
            score: found.score,
            area: [area.left, area.top, area.width(), area.height()],
        }
    }
}

/// All that is known of one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The job's name.
    pub job: String,
    /// The camera's name.
    pub camera: String,
    /// What names the frame for ever within its job and camera.
    pub id: String,
    /// The frame's place in its stream.
    pub number: u64,
    /// When the camera took it (RFC 3339, UTC), if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<String>,
    /// When it reached Vigie (RFC 3339, UTC).
    pub received_at: String,
    /// When this report was made (RFC 3339, UTC).
    pub done_at: String,
    /// Width of the picture in pixels, upright, as the steps left it; absent where nothing needed its pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height of the picture in pixels, upright, as the steps left it; absent where nothing needed its pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Size of the compressed picture as it came.
    pub bytes: usize,
    /// Where it was cut from, if it is a piece of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piece: Option<Cut>,
    /// What was found.
    pub detections: Vec<Detection>,
    /// What it is of, the likeliest first, as the last step `classify` says; absent where none does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// What is true of it, where the job's `truth` says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<std::sync::Arc<str>>,
    /// What steps found out about it, by name; absent where nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, serde_json::Value>,
    /// How right that is; absent where the frame carries no truth, or nobody compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// The model that looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelTag>,
    /// Milliseconds per stage.
    pub timings: BTreeMap<String, f64>,
}

impl Report {
    /// What is known of `picture` now. Boxes are rounded to a hundredth of a pixel, times to a microsecond; the times of
    /// a stage that ran more than once are added up. A detection with a number that is none is left out: JSON has no
    /// word for it.
    pub fn of(picture: &Picture, job: &str) -> Self {
        let frame = &picture.frame;
        Self {
            job: job.to_owned(),
            camera: frame.camera.to_string(),
            id: frame.id.to_string(),
            number: frame.number.0,
            captured_at: frame.captured_at.map(clock::rfc3339),
            received_at: clock::rfc3339(frame.received_at),
            done_at: clock::rfc3339(UnixMillis::now()),
            width: picture.size().map(|[width, _]| width),
            height: picture.size().map(|[_, height]| height),
            bytes: frame.bytes.len(),
            piece: picture.piece.as_ref().map(Cut::from),
            detections: picture.detections.iter().filter(|found| found.is_finite()).map(Detection::rounded).collect(),
            labels: picture.labels.clone(),
            truth: picture.truth.clone(),
            values: picture.values.clone(),
            score: picture.score,
            model: picture.model.clone(),
            timings: milliseconds(&picture.timings),
        }
    }

    /// The report as one JSON object on one line.
    pub fn to_json(&self) -> Bytes {
        serde_json::to_vec(self).expect("a report is plain data with text for keys").into()
    }
}

impl Detection {
    /// Whether the box and the score are numbers.
    pub fn is_finite(&self) -> bool {
        self.score.is_finite() && self.area.iter().all(|value| value.is_finite())
    }

    /// The same thing in a picture of that size, where points have moved `to`; `None` where it no longer lies in it.
    pub fn moved(&self, to: impl Fn([f32; 2]) -> [f32; 2], [width, height]: [f32; 2]) -> Option<Self> {
        let [x, y, w, h] = self.area;
        let corners = [[x, y], [x + w, y], [x, y + h], [x + w, y + h]].map(&to);
        let (mut least, mut most) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for corner in corners {
            for axis in 0..2 {
                least[axis] = least[axis].min(corner[axis]);
                most[axis] = most[axis].max(corner[axis]);
            }
        }
        let (left, top) = (least[0].max(0.0), least[1].max(0.0));
        let (right, bottom) = (most[0].min(width), most[1].min(height));
        let area = [left, top, right - left, bottom - top];
        let landmarks = self.landmarks.map(|points| points.map(&to));
        (left < right && top < bottom).then(|| Self { area, landmarks, ..self.clone() })
    }

    fn rounded(&self) -> Self {
        // In f64: a hundred times a large f32 has no hundredths left.
        let round = |value: f32| ((f64::from(value) * 100.0).round() / 100.0) as f32;
        let landmarks = self.landmarks.map(|points| points.map(|point| point.map(round)));
        Self { area: self.area.map(round), landmarks, ..self.clone() }
    }
}

fn milliseconds(timings: &[(&'static str, Duration)]) -> BTreeMap<String, f64> {
    let mut stages = BTreeMap::<_, Duration>::new();
    for (stage, time) in timings {
        *stages.entry((*stage).to_owned()).or_default() += *time;
    }
    stages.into_iter().map(|(stage, time)| (stage, time.as_micros() as f64 / 1000.0)).collect()
}

#[cfg(test)]
mod tests {
    use operators::Frame;
    use serde_json::{Value, json};

    use super::*;
    use crate::codec::{self, Limits, Pixels};

    const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json");

    /// Catches landmarks that stay behind when a picture is turned.
    #[test]
    fn landmarks_go_with_their_box() {
        let face = Detection {
            class: 0,
            label: "face".into(),
            score: 1.0,
            area: [10.0, 20.0, 30.0, 40.0],
            landmarks: Some([[20.0, 30.0]; 5]),
            by: Default::default(),
        };
        let mirrored = face.moved(|[x, y]| [100.0 - x, y], [100.0, 100.0]).expect("it is still there");
        assert_eq!((mirrored.area, mirrored.landmarks), ([60.0, 20.0, 30.0, 40.0], Some([[80.0, 30.0]; 5])));
    }

    fn schema() -> Value {
        schemars::schema_for!(Report).to_value()
    }

    fn picture() -> Picture {
        let jpeg = codec::encode(&Pixels { width: 32, height: 24, rgb: vec![90; 32 * 24 * 3] }, &[0; 9999]).unwrap();
        let mut picture = Picture::new(Frame {
            captured_at: Some(UnixMillis(1_795_249_801_250)),
            received_at: UnixMillis(1_795_249_801_300),
            ..Frame::new("door".into(), operators::Number(7), "a-7".into(), jpeg)
        });
        let found = |score, area| Detection {
            class: 0,
            label: "person".into(),
            score,
            area,
            landmarks: None,
            by: Default::default(),
        };
        picture.detections = vec![
            found(0.87, [1.0 / 3.0, 2.0, 10.004, 3.996]),
            found(f32::NAN, [0.0; 4]),
            found(0.5, [0.0, f32::INFINITY, 1.0, 1.0]),
        ];
        picture.model = Some(ModelTag { name: "yolox.onnx".into(), sha256: "ab".repeat(32).into() });
        picture.timings = vec![("infer", Duration::from_micros(7100)), ("infer", Duration::from_micros(400))];
        picture
    }

    /// The schema that is published is the schema of the code. `VIGIE_BLESS=1 cargo test report` writes it anew.
    #[test]
    fn the_published_schema_is_up_to_date() {
        let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        if std::env::var_os("VIGIE_BLESS").is_some() {
            std::fs::write(SCHEMA, &text).unwrap();
        }
        let published = std::fs::read_to_string(SCHEMA).unwrap_or_default();
        assert!(published == text, "docs/report.schema.json is out of date: run VIGIE_BLESS=1 cargo test report");
    }

    #[test]
    fn reports_fit_the_schema() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let mut decoded = picture();
        decoded.pixels(&Limits::default()).unwrap();
        let mut bare = picture();
        (bare.frame.captured_at, bare.model, bare.timings) = (None, None, Vec::new());
        for picture in [decoded, bare, picture()] {
            let json = Report::of(&picture, "room").to_json();
            let value: Value = serde_json::from_slice(&json).unwrap();
            assert!(validator.is_valid(&value), "{value:#}");
            assert_eq!(serde_json::from_slice::<Report>(&json).unwrap().to_json(), json, "it can be read back");
        }
        assert!(!validator.is_valid(&json!({"job": "room"})), "the schema asks for something");
    }

    #[test]
    fn a_report_says_what_is_known() {
        let mut picture = picture();
        assert_eq!(Report::of(&picture, "room").width, None, "nobody asked for the pixels");
        picture.pixels(&Limits::default()).unwrap();
        let report = serde_json::to_value(Report::of(&picture, "room")).unwrap();
        assert_eq!(report["captured_at"], "2026-11-21T08:30:01.250Z");
        assert_eq!(report["detections"].as_array().unwrap().len(), 1, "what is no number is left out");
        let text = String::from_utf8(Report::of(&picture, "room").to_json().to_vec()).unwrap();
        assert!(text.contains(r#""score":0.87,"box":[0.33,2.0,10.0,4.0]"#), "{text}");
        assert_eq!(report["timings"]["infer"], 7.5);
        assert_eq!((&report["width"], &report["height"], &report["number"]), (&json!(32), &json!(24), &json!(7)));
    }
}
