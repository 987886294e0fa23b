//! What becomes of an answer: values, detections, or the picture.

use std::collections::BTreeMap;

use operators::{Flaw, Reason};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::path::Path;
use crate::codec::{self, Limits};
use crate::mistake::Mistake;
use crate::picture::Picture;
use crate::report::Detection;

/// More than this is no list of what is in a picture.
const MOST_DETECTIONS: usize = 10_000;

/// Where an answer goes. A path is keys with dots between them, `result.faces.0`; in a list a number is a place, and a word the
/// element of that `name`; `?` at its end: it may be missing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Take {
    /// Values by their names, each with its path.
    values: BTreeMap<String, Path>,
    /// The path of a list of detections, each of which has what follows.
    detections: Option<Path>,
    /// The path of a detection's box, a list of four numbers; or the paths of the four. `box` if left out.
    #[serde(rename = "box")]
    area: Option<Corners>,
    /// The path of its score, `score` if left out; where it is missing, the score is 1.
    score: Option<Path>,
    /// The path of its label, `label` if left out; where it is missing, the label is the path of the list.
    label: Option<Path>,
    /// The path of the number of its class; 0 if left out.
    class: Option<Path>,
    /// Whether the four numbers are left, top, right, bottom; if not, they are left, top, width, height.
    corners: bool,
    /// Whether they are from 0 to 1, as shares of the picture.
    relative: bool,
    /// Whether the answer is an image, which takes the place of the picture.
    picture: bool,
}

/// Where the four numbers of a box stand.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a path, or a list of four paths")]
enum Corners {
    /// In one list.
    List(Path),
    /// Each at a place of its own.
    Places([Path; 4]),
}

impl Take {
    /// What is wrong with it by itself.
    pub fn check(&self) -> Result<(), Mistake> {
        if self.picture && (!self.values.is_empty() || self.detections.is_some()) {
            let what = "an answer is an image or JSON: take the `picture`, or `values` and `detections`";
            return Err(Mistake::at("take", what));
        }
        let details = [self.score.is_some(), self.label.is_some(), self.class.is_some(), self.area.is_some()];
        if self.detections.is_none() && (details.contains(&true) || self.corners || self.relative) {
            let what = "`take` says what a detection looks like and not where they are: add `detections = \"…\"`, the path of \
                        their list";
            return Err(Mistake::at("take", what));
        }
        Ok(())
    }

    /// The names of the values.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.values.keys()
    }

    /// Whether there are detections in an answer.
    pub fn finds(&self) -> bool {
        self.detections.is_some()
    }

    /// Gives a picture what is answered.
    ///
    /// # Errors
    /// What is missing in the answer, or wrong with it.
    pub fn apply(&self, answer: &[u8], picture: &mut Picture, limits: &Limits) -> Result<(), Flaw> {
        if self.picture {
            return replace(answer, picture, limits);
        }
        if self.values.is_empty() && self.detections.is_none() {
            return Ok(());
        }
        let unread = |error| wrong(format!("the answer is no JSON: {error}"));
        let answer: Value = serde_json::from_slice(answer).map_err(unread)?;
        let scale = match self.relative {
            true => picture.pixels(limits).map(|pixels| [pixels.width as f32, pixels.height as f32])?,
            false => [1.0, 1.0],
        };
        let values = self.read_values(&answer).map_err(wrong)?;
        picture.detections.extend(self.read_detections(&answer, scale).map_err(wrong)?);
        picture.values.extend(values);
        Ok(())
    }

    fn read_values(&self, answer: &Value) -> Result<BTreeMap<String, Value>, String> {
        let mut values = BTreeMap::new();
        for (name, path) in &self.values {
            values.extend(path.demand(answer)?.map(|value| (name.clone(), value.clone())));
        }
        Ok(values)
    }

    fn read_detections(&self, answer: &Value, scale: [f32; 2]) -> Result<Vec<Detection>, String> {
        let Some(path) = &self.detections else { return Ok(Vec::new()) };
        let found = match path.demand(answer)? {
            None | Some(Value::Null) => &[],
            Some(Value::Array(list)) if list.len() <= MOST_DETECTIONS => list.as_slice(),
            Some(Value::Array(list)) => return Err(format!("`{path}` of the answer has {} detections", list.len())),
            Some(_) => return Err(format!("`{path}` of the answer is no list")),
        };
        let one = |(at, found)| {
            self.detection(path, found, scale).map_err(|why| format!("`{path}.{at}` of the answer {why}"))
        };
        found.iter().enumerate().map(one).collect()
    }

    fn detection(&self, list: &Path, found: &Value, scale: [f32; 2]) -> Result<Detection, String> {
        let at = |path: &Option<Path>, usual: &str| match path {
            Some(path) => path.demand(found).map_err(|_| format!("has no `{path}`")),
            None => Ok(Path::from(usual).find(found)),
        };
        let [left, top, right, bottom] = self.numbers(found)?;
        let [width, height] = if self.corners { [right - left, bottom - top] } else { [right, bottom] };
        let area = [left * scale[0], top * scale[1], width * scale[0], height * scale[1]];
        let score = at(&self.score, "score")?.map_or(Ok(1.0), |score| number(score, "score"))?;
        let label = at(&self.label, "label")?.map_or_else(|| list.to_string(), text);
        let class = at(&self.class, "class")?.and_then(Value::as_u64).unwrap_or(0) as usize;
        let sound = area.iter().all(|value| value.is_finite()) && width > 0.0 && height > 0.0 && score.is_finite();
        sound
            .then_some(Detection { class, label: label.into(), score, area, landmarks: None, by: Default::default() })
            .ok_or_else(|| {
                let corners = if self.corners { "" } else { " (are its numbers `corners`?)" };
                format!("has a box without an area{corners}")
            })
    }

    /// The four numbers of a box.
    fn numbers(&self, found: &Value) -> Result<[f32; 4], String> {
        let usual = Corners::List("box".into());
        let values: Vec<_> = match self.area.as_ref().unwrap_or(&usual) {
            Corners::List(path) => {
                let list = path.find(found).ok_or_else(|| format!("has no `{path}`"))?;
                list.as_array()
                    .filter(|list| list.len() == 4)
                    .ok_or_else(|| format!("has no four numbers in `{path}`"))?
                    .iter()
                    .collect()
            }
            Corners::Places(paths) => {
                let one = |path: &Path| path.find(found).ok_or_else(|| format!("has no `{path}`"));
                // An array's worth of paths makes an array's worth of values.
                paths.iter().map(one).collect::<Result<_, _>>()?
            }
        };
        let mut numbers = [0.0; 4];
        for (place, value) in numbers.iter_mut().zip(values) {
            *place = number(value, "box")?;
        }
        Ok(numbers)
    }
}

fn number(value: &Value, what: &str) -> Result<f32, String> {
    value.as_f64().map(|number| number as f32).ok_or_else(|| format!("has a {what} that is no number"))
}

/// A label: services give numbers, too.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn wrong(what: String) -> Flaw {
    Flaw::new(Reason::ServiceFailed, what)
}

/// The image that is answered takes the place of the picture; detections lie on it as they lay on that one.
fn replace(answer: &[u8], picture: &mut Picture, limits: &Limits) -> Result<(), Flaw> {
    let unread = |flaw: Flaw| Flaw { detail: format!("the answer is no image: {}", flaw.detail), ..flaw };
    let pixels = codec::decode(answer, limits).map_err(unread)?;
    let before = picture.pixels(limits)?;
    let scale = [pixels.width as f32 / before.width as f32, pixels.height as f32 / before.height as f32];
    picture.replace(pixels, |[x, y]| [x * scale[0], y * scale[1]]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Pixels;
    use crate::picture::tests::picture;
    use proptest::prelude::*;
    use serde_json::json;

    fn take(table: Value) -> Take {
        serde_json::from_value(table).expect("a sound table")
    }

    fn grey(width: u32, height: u32) -> bytes::Bytes {
        let pixels = Pixels { width, height, rgb: vec![90; (width * height * 3) as usize] };
        codec::encode_as(codec::Form::Png, &pixels, &[], 1.0).expect("a PNG")
    }

    fn after(table: Value, answer: &Value) -> Result<Picture, String> {
        let mut picture = picture(grey(200, 100));
        let applied = take(table).apply(answer.to_string().as_bytes(), &mut picture, &Limits::default());
        applied.map(|()| picture).map_err(|flaw| flaw.detail)
    }

    /// Catches boxes in another form than the table says, and details that are left behind.
    #[test]
    fn detections_are_taken_in_each_form() {
        let rows = [
            (
                json!({ "detections": "faces" }),
                json!({ "faces": [{ "box": [10, 20, 30, 40], "score": 0.5, "label": "a" }] }),
            ),
            (
                json!({ "detections": "r.0", "box": "xyxy", "corners": true, "score": "p", "label": "name" }),
                json!({ "r": [[{ "xyxy": [10, 20, 40, 60], "p": 0.5, "name": "a" }]] }),
            ),
            (
                json!({ "detections": "", "box": ["b.x", "b.y", "b.w", "b.h"], "relative": true }),
                json!([{ "b": { "x": 0.05, "y": 0.2, "w": 0.15, "h": 0.4 }, "score": 0.5, "label": "a" }]),
            ),
        ];
        for (table, answer) in rows {
            let picture = after(table.clone(), &answer).unwrap_or_else(|wrong| panic!("{table}: {wrong}"));
            let [found] = picture.detections.as_slice() else { panic!("{table}: {:?}", picture.detections) };
            let near = found.area.iter().zip([10.0, 20.0, 30.0, 40.0]).all(|(got, wanted)| (got - wanted).abs() < 0.01);
            assert!(near && found.score == 0.5 && &*found.label == "a", "{table}: {found:?}");
        }
        let bare =
            after(json!({ "detections": "faces" }), &json!({ "faces": [{ "box": [1, 2, 3, 4] }] })).expect("sound");
        assert_eq!((bare.detections[0].score, &*bare.detections[0].label), (1.0, "faces"));
    }

    /// Catches an answer that lacks what is asked for and goes on all the same.
    #[test]
    fn what_is_missing_or_odd_is_told() {
        let faces = |found: Value| json!({ "faces": [found] });
        let rows = [
            (json!({ "values": { "age": "a.b" } }), json!({ "a": 1 }), "no `a.b`"),
            (json!({ "detections": "faces" }), json!({}), "no `faces`"),
            (json!({ "detections": "faces" }), json!({ "faces": 1 }), "no list"),
            (json!({ "detections": "faces" }), faces(json!({})), "`faces.0` of the answer has no `box`"),
            (json!({ "detections": "faces" }), faces(json!({ "box": [1, 2, 3] })), "four numbers"),
            (json!({ "detections": "faces" }), faces(json!({ "box": [1, 2, "x", 4] })), "no number"),
            (json!({ "detections": "faces" }), faces(json!({ "box": [1, 2, -3, 4] })), "are its numbers `corners`?"),
            (json!({ "detections": "faces", "score": "p" }), faces(json!({ "box": [1, 2, 3, 4] })), "no `p`"),
        ];
        for (table, answer, word) in rows {
            let told = after(table.clone(), &answer).map(drop).expect_err("something is missing");
            assert!(told.contains(word), "{table}: {told}");
        }
        let picture =
            after(json!({ "values": { "age": "a?" }, "detections": "faces?" }), &json!({})).expect("it may be missing");
        assert!(picture.values.is_empty() && picture.detections.is_empty());
        let told = take(json!({ "values": { "a": "b" } })).apply(
            b"<html>",
            &mut self::picture(grey(1, 1)),
            &Limits::default(),
        );
        assert!(told.expect_err("no JSON").detail.contains("no JSON"));
    }

    /// Catches detections that stay behind when a service makes the picture smaller.
    #[test]
    fn an_image_takes_the_place_of_the_picture() {
        let mut picture = picture(grey(200, 100));
        let found = Detection {
            class: 0,
            label: "a".into(),
            score: 1.0,
            area: [20.0, 10.0, 40.0, 20.0],
            landmarks: None,
            by: Default::default(),
        };
        picture.detections.push(found);
        let take = take(json!({ "picture": true }));
        take.apply(&grey(100, 50), &mut picture, &Limits::default()).expect("an image");
        assert_eq!(picture.decoded().map(|pixels| (pixels.width, pixels.height)), Some((100, 50)));
        assert_eq!(picture.detections[0].area, [10.0, 5.0, 20.0, 10.0]);
        let told = take.apply(b"{}", &mut picture, &Limits::default()).expect_err("no image");
        assert!(told.detail.contains("the answer is no image"), "{told:?}");
    }

    proptest! {
        /// Catches an answer of any shape that panics.
        #[test]
        fn no_answer_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "[\\[\\]{}\",:0-9a-e.-]{0,60}") {
            let take = take(json!({ "values": { "a": "a.0?" }, "detections": "b?", "relative": true }));
            for answer in [bytes, text.into_bytes()] {
                let _ = take.apply(&answer, &mut picture(grey(2, 2)), &Limits::default());
            }
        }
    }
}
