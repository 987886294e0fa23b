//! Families of which no weights are here: graphs of their layout with made weights, against an independent decoder
//! (`tests/references/families.py`); and models that no detector may be made of.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use vigie::codec::Pixels;
use vigie::engine::Model;
use vigie::models::form::Asked;
use vigie::models::{self, Candidate, Choice, Detector};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/references")
}

/// A graph under a name that says nothing, so that its shapes and its numbers alone have to.
fn nameless(file: &str) -> Arc<Model> {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("model.onnx");
    fs::copy(folder().join(file), &path).expect("the graph");
    Model::load(&path).unwrap_or_else(|why| panic!("{file}: {why}"))
}

fn said(family: &str) -> Choice {
    Choice { family: Some(family.to_owned()), ..Choice::default() }
}

fn find(model: &Model, detector: Detector, pixels: &Pixels, threshold: f32) -> Vec<Candidate> {
    let mut session = detector.session(model).expect("a session");
    let (detector, placement, mut found) = (RefCell::new(detector), Cell::new(None), Vec::new());
    session
        .run(
            1,
            |_, input| placement.set(Some(detector.borrow_mut().prepare(pixels, input))),
            |_, outputs| {
                found = detector.borrow().read(outputs, &placement.get().expect("prepared before"), threshold);
            },
        )
        .expect("the model runs");
    found
}

/// How far a candidate is from what was expected, in pixels; infinite where class or score differ.
fn distance(found: &Candidate, expected: &Value) -> f64 {
    let number = |value: &Value| value.as_f64().expect("a number");
    let same = found.class as f64 == number(&expected["cls"])
        && (f64::from(found.score) - number(&expected["score"])).abs() < 1e-3;
    let all = |of: &Value| of.as_array().into_iter().flatten().map(number).collect::<Vec<_>>();
    let points = found.landmarks.into_iter().flatten().flatten();
    let ours = found.corners.into_iter().chain(points).map(f64::from).collect::<Vec<_>>();
    let theirs = [all(&expected["box"]), all(&expected["landmarks"])].concat();
    if !same || ours.len() != theirs.len() {
        return f64::INFINITY;
    }
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Catches a family that is not recognised, is taken for another, or reads its outputs otherwise than they are meant:
/// each detection that another decoder finds, and no other.
#[test]
fn families_read_what_another_decoder_reads() {
    let text = fs::read_to_string(folder().join("families.json")).expect("what another decoder found");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let colour =
        json["picture"]["colour"].as_array().expect("a colour").iter().map(|v| v.as_u64().expect("a byte") as u8);
    let side = |key: &str| json["picture"][key].as_u64().expect("a size") as u32;
    let (width, height) = (side("width"), side("height"));
    let rgb = colour.collect::<Vec<_>>().repeat((width * height) as usize);
    let pixels = Pixels { width, height, rgb };
    let threshold = json["threshold"].as_f64().expect("a threshold") as f32;
    let mut wrong = Vec::new();
    for row in json["models"].as_array().expect("models") {
        let (file, family) = (row["model"].as_str().expect("a file"), row["family"].as_str().expect("a family"));
        let model = nameless(file);
        let detector = match models::detector(&model, &Choice::default()) {
            Ok(detector) if detector.family == family => detector,
            Ok(detector) => {
                wrong.push(format!("{file}: taken for {}", detector.family));
                continue;
            }
            Err(why) => {
                wrong.push(format!("{file}: {why}"));
                continue;
            }
        };
        let found = find(&model, detector, &pixels, threshold);
        let expected = row["found"].as_array().expect("detections");
        if found.len() != expected.len() {
            wrong.push(format!("{file}: {} detections instead of {}", found.len(), expected.len()));
        }
        for one in expected {
            let nearest = found.iter().map(|found| distance(found, one)).fold(f64::INFINITY, f64::min);
            if nearest > 0.02 {
                wrong.push(format!("{file}: {nearest} pixels from {one}"));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Catches a detector that would run silently wrong.
#[test]
fn what_cannot_be_right_is_refused_with_words() {
    for (file, word) in [
        ("broken_nan.onnx", "NaN"),
        ("broken_same.onnx", "the same"),
        ("broken_outside.onnx", "outside of the picture"),
        ("broken_logits.onnx", "between 0 and 1"),
    ] {
        let why = models::detector(&nameless(file), &Choice::default()).expect_err(file);
        assert!(why.contains("yolov8") && why.contains(word) && why.contains("family = "), "{file}: {why}");
    }
}

/// Catches a guess where two families fit: the mistake names both, and what to write.
#[test]
fn two_families_that_fit_are_both_named() {
    let model = nameless("ambiguous.onnx");
    let why = models::detector(&model, &Choice::default()).expect_err("nobody can tell");
    assert!(why.contains("`family = \"yolov5\"`") && why.contains("`family = \"yolox_decoded\"`"), "{why}");
    for family in ["yolov5", "yolox_decoded"] {
        assert_eq!(models::detector(&model, &said(family)).expect("it was said").family, family);
    }
}

/// Catches a family or a size that is taken although the model can't be of it.
#[test]
fn a_wrong_family_or_size_is_refused_with_words() {
    let model = nameless("yolov8.onnx");
    let why = models::detector(&model, &said("ssd")).expect_err("no SSD");
    assert!(why.contains("can't be of the family ssd") && why.contains("output0 1×7×84"), "{why}");
    let why = models::detector(&model, &said("yolo8")).expect_err("no such family");
    assert!(why.contains("did you mean `yolov8`"), "{why}");
    let input = Asked { size: Some([128, 128]), ..Asked::default() };
    let why = models::detector(&model, &Choice { family: None, input }).expect_err("no such size");
    assert!(why.contains("64×64"), "{why}");
    let raw = nameless("yolox_raw.onnx");
    let why = models::detector(&raw, &said("yolox_decoded")).expect_err("its numbers are raw");
    assert!(why.contains("on a trial"), "{why}");
}

/// Catches `vigie model` naming another family than the folder a file lies in says.
#[test]
fn every_model_at_hand_is_what_it_is() {
    let Some(folder) = crate::support::models() else { return };
    for (file, family) in [
        ("detection/yolox_nano_416_kazuhito.onnx", "yolox"),
        ("detection/person_rpi_kazuhito.onnx", "yolox"),
        ("detection/nanodet_m_416.onnx", "nanodet"),
        ("detection/fastestdet_352.onnx", "fastestdet"),
        ("face/yunet_n_320_320.onnx", "yunet"),
        ("face/yunet_n_dynamic.onnx", "yunet"),
        ("face/version-RFB-320.onnx", "ultraface"),
        ("attributes/age_gender_faceapi_112.onnx", "faceapi_age_gender"),
        ("attributes/face_expression_faceapi_112.onnx", "faceapi_expression"),
        ("attributes/emotion_mini_xception_64.onnx", "mini_xception_emotion"),
        ("attributes/gender_mini_xception_64.onnx", "mini_xception_gender"),
        ("classification/cifar10_resnet20.onnx", "cifar10_resnet"),
        ("classification/mlperf_tiny_resnet8_cifar10.onnx", "mlperf_tiny_resnet8"),
        ("classification/vww_96_person.onnx", "visual_wake_words"),
        ("classification/mnist_ekuiper.onnx", "mnist"),
    ] {
        let found = vigie::look::look(&folder.join(file)).expect("a model");
        assert_eq!(found.family.as_deref(), Some(family), "{file}: {}", found.why);
        let unsure = found.families.iter().skip(1).filter(|row| row.refused.is_none() && row.score > 0.5).count();
        assert_eq!(unsure, 0, "{file}: {:?}", found.families);
        assert!(found.milliseconds.is_some_and(|time| time > 0.0), "{file}");
    }
}
