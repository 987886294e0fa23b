//! Detectors against what the reference runtime found with the same models on the same pictures.

use std::fs;
use std::path::Path;

use serde_json::Value;
use vigie::codec::{self, CODECS, Glance, Limits, Pixels};
use vigie::engine::{Model, Output, Session};
use vigie::models::form::Asked;
use vigie::models::{self, Candidate, Choice, Detector, nms};

use crate::support::{images, models};

const NO_NUMBER: f64 = f64::NAN;

struct Reference {
    json: Value,
    session: Session,
    detector: Detector,
}

fn reference(name: &str) -> Option<Reference> {
    let folder = models()?;
    let text = fs::read_to_string(folder.join("reference").join(name)).expect("a reference");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let model = Model::load(&folder.join(json["model"].as_str().expect("a model"))).expect("the model loads");
    assert_eq!(Some(&*model.tag.sha256), json["sha256"].as_str(), "the file that the reference was made with");
    Some(with(&model, json, Asked::default()))
}

/// A model, recognised without help, against a reference.
fn with(model: &Model, json: Value, input: Asked) -> Reference {
    let detector = models::detector(model, &Choice { family: None, input }).expect("a family knows it");
    Reference { session: detector.session(model).expect("a session"), json, detector }
}

/// What is kept of what the model finds, and all that it finds.
fn find<'a>(reference: &mut Reference, picture: impl Into<Glance<'a>>) -> (Vec<Candidate>, Vec<Candidate>) {
    let picture = picture.into();
    let Reference { json, session, detector } = reference;
    let number = |key: &str| json[key].as_f64().expect("a number") as f32;
    let mut placement = None;
    let mut all = Vec::new();
    let detector = std::cell::RefCell::new(detector);
    let placed = std::cell::RefCell::new(&mut placement);
    session
        .run(
            1,
            |_, input| **placed.borrow_mut() = Some(detector.borrow_mut().prepare(picture, input)),
            |_, outputs| {
                let placement = placed.borrow().expect("prepared before");
                all = detector.borrow().read(outputs, &placement, number("score_threshold"));
            },
        )
        .expect("the model runs");
    (nms::suppress(all.clone(), number("nms_iou")), all)
}

/// What the reference found in one picture, each with its nearest box of ours: worst overlap and worst score.
///
/// Of two boxes that are as sure but for a hundredth, the suppression keeps either: then ours may be the other one, if
/// that of the reference is among those that were left out.
fn compare(name: &str, expected: &[Value], found: &[Candidate], all: &[Candidate], threshold: f64) -> (f32, f32) {
    let (mut overlap, mut score) = (1.0_f32, 0.0_f32);
    let threshold_near = |score: f64| score < threshold + 0.03;
    for one in expected {
        let corners: Vec<f32> = one["box"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        let corners = [corners[0], corners[1], corners[2], corners[3]];
        let class = one["cls"].as_u64().unwrap() as usize;
        let same = found.iter().filter(|candidate| candidate.class == class);
        let nearest = same.max_by(|a, b| nms::overlap(a.corners, corners).total_cmp(&nms::overlap(b.corners, corners)));
        let sure = one["score"].as_f64().unwrap_or(NO_NUMBER);
        let Some(nearest) = nearest.filter(|nearest| nms::overlap(nearest.corners, corners) >= 0.5) else {
            // At the threshold itself, a difference of a hundredth decides whether there is a box.
            assert!(threshold_near(sure), "{name}: nothing like {one}");
            continue;
        };
        let twin = |other: &&Candidate| {
            other.class == class
                && (other.score - nearest.score).abs() <= 0.03
                && nms::overlap(other.corners, corners) >= 0.9
        };
        let nearest = match nms::overlap(nearest.corners, corners) >= 0.9 {
            true => nearest,
            false => all.iter().find(twin).unwrap_or(nearest),
        };
        overlap = overlap.min(nms::overlap(nearest.corners, corners));
        score = score.max((nearest.score - sure as f32).abs());
        if let Some(points) = one["landmarks"].as_array() {
            let side = (corners[2] - corners[0]).max(corners[3] - corners[1]);
            let ours = nearest.landmarks.expect("landmarks").into_iter().flatten();
            for (ours, theirs) in ours.zip(points) {
                let off = (ours - theirs.as_f64().expect("a number") as f32).abs();
                assert!(off <= 0.1 * side + 0.5, "{name}: a landmark is {off} pixels off on a face of {side}");
            }
        }
    }
    let extra = found.len().saturating_sub(expected.len());
    let unsure = found.iter().filter(|candidate| threshold_near(candidate.score.into())).count();
    assert!(extra <= unsure, "{name}: {} boxes instead of {}", found.len(), expected.len());
    (overlap, score)
}

fn holds_to(name: &str, family: &str) {
    let Some(mut reference) = reference(name) else { return };
    assert_eq!(reference.detector.family, family, "{name}");
    holds(name, &mut reference);
}

fn holds(name: &str, reference: &mut Reference) {
    let Some(folder) = images() else { return };
    let pictures = reference.json["images"].as_object().expect("pictures").clone();
    let (mut worst_overlap, mut worst_score) = (1.0_f32, 0.0_f32);
    for (picture, expected) in &pictures {
        let bytes = fs::read(find_picture(&folder, picture)).expect("a picture");
        let pixels = codec::decode(&bytes, &Limits::default()).expect("it decodes");
        let (found, all) = find(reference, &pixels);
        let threshold = reference.json["score_threshold"].as_f64().expect("a number");
        let expected = expected["detections"].as_array().expect("boxes");
        let (overlap, score) = compare(picture, expected, &found, &all, threshold);
        worst_overlap = worst_overlap.min(overlap);
        worst_score = worst_score.max(score);
    }
    println!("{name}: {} pictures, overlap ≥ {worst_overlap:.3}, scores within {worst_score:.3}", pictures.len());
    assert!(worst_overlap >= 0.9, "overlap {worst_overlap}");
    assert!(worst_score <= 0.03, "scores differ by {worst_score}");
}

fn find_picture(folder: &Path, name: &str) -> std::path::PathBuf {
    let direct = folder.join(name);
    if direct.exists() {
        return direct;
    }
    let (set, file) = name.split_once('/').expect("a folder and a file");
    folder.join(set).join("images").join(file)
}

/// Catches a wrong letterbox, colour order, grid, decode or suppression, on YOLOX-nano.
#[test]
fn yolox_nano_finds_what_the_reference_found() {
    holds_to("yolox_nano_416.json", "yolox");
}

/// … and on a model of another size with one class.
#[test]
fn yolox_of_one_class_finds_what_the_reference_found() {
    holds_to("person_rpi_192.json", "yolox");
}

/// Catches distributions that are read wrong, and a picture that is not in the middle.
#[test]
fn nanodet_finds_what_the_reference_found() {
    holds_to("nanodet_m_416.json", "nanodet");
}

/// Catches a picture that is not stretched, and boxes that are not relative to it.
#[test]
fn fastestdet_finds_what_the_reference_found() {
    holds_to("fastestdet_352.json", "fastestdet");
}

/// Catches a wrong score or size, and landmarks elsewhere than in the face.
#[test]
fn yunet_finds_what_the_reference_found() {
    holds_to("yunet_n_320.json", "yunet");
}

/// Catches a model of any size that is not fed the size the job asks for.
#[test]
fn yunet_of_any_size_finds_what_the_reference_found() {
    let (Some(folder), Some(reference)) = (models(), reference("yunet_n_320.json")) else { return };
    let model = Model::load(&folder.join("face/yunet_n_dynamic.onnx")).expect("the model loads");
    let mut dynamic = with(&model, reference.json, Asked { size: Some([320, 320]), ..Asked::default() });
    assert_eq!(dynamic.detector.family, "yunet");
    holds("yunet_n_dynamic.onnx", &mut dynamic);
}

/// Catches colours in the wrong order, and scores of the background.
#[test]
fn ultraface_finds_what_the_reference_found() {
    holds_to("ultraface_rfb320.json", "ultraface");
}

/// Catches a picture of fewer pixels that is put elsewhere, shows less, or has boxes of its own size: photographs as a
/// camera of 5 megapixels sends them. Nothing may be lost of what is surely there, and on the whole scores stay; single
/// ones do not, where a thing is as small as a few pixels of the input (`docs/performance.md`).
#[test]
fn of_fewer_pixels_the_same_is_found() {
    let (Some(mut reference), Some(folder)) = (reference("yolox_nano_416.json"), images()) else { return };
    let enough = reference.detector.form().enough();
    let (mut off, mut least, mut shrunk) = (Vec::new(), 1.0_f32, 0);
    for file in fs::read_dir(folder.join("coco_ccby_train")).expect("pictures").flatten().map(|entry| entry.path()) {
        let Ok(picture) = image::open(&file) else { continue };
        let (width, height) = (picture.width() * 4, picture.height() * 4);
        let rgb = picture.resize_exact(width, height, image::imageops::FilterType::CatmullRom).into_rgb8().into_raw();
        let jpeg = CODECS[0].encode(&Pixels { width, height, rgb }, 90).expect("a JPEG");
        let all = codec::decode(&jpeg, &Limits::default()).expect("it decodes");
        let (fewer, size) = codec::look(&jpeg, &Limits::default(), enough).expect("it decodes");
        shrunk += usize::from(fewer.size() != size);
        let (wanted, _) = find(&mut reference, &all);
        let (found, _) = find(&mut reference, Glance { pixels: &fewer, size });
        for one in wanted.iter().filter(|one| one.score >= 0.4) {
            let like = |other: &&Candidate| other.class == one.class && nms::overlap(one.corners, other.corners) > 0.5;
            let nearest = found
                .iter()
                .filter(like)
                .max_by(|a, b| nms::overlap(one.corners, a.corners).total_cmp(&nms::overlap(one.corners, b.corners)));
            let nearest = nearest.unwrap_or_else(|| panic!("{}: nothing like {one:?}", file.display()));
            least = least.min(nms::overlap(one.corners, nearest.corners));
            off.push((one.score - nearest.score).abs());
        }
    }
    let (mean, most) = (off.iter().sum::<f32>() / off.len() as f32, off.iter().copied().fold(0.0, f32::max));
    println!(
        "{} things, {shrunk} pictures of fewer pixels: overlap ≥ {least:.2}, scores off by {mean:.3}, at most {most:.3}",
        off.len()
    );
    assert_eq!(shrunk > 0, cfg!(feature = "turbo"));
    assert!(off.len() > 20 && mean <= 0.01 && most <= 0.1 && least >= 0.85, "{mean}, {most}, {least}");
}

/// The numbers that a reference's outputs were made with, from 0 to 255 each.
fn synthetic(json: &Value, index: usize) -> f32 {
    let value = ((index * 7919) % 256) as f32;
    match json["synthetic"]["input"].as_str().unwrap_or_default() {
        said if said.contains("(v-116)/58") => (value - 116.0) / 58.0,
        said if said.contains("(v-127)/128") => (value - 127.0) / 128.0,
        said if said.contains("v/255") => value / 255.0,
        _ => value,
    }
}

/// Catches a runtime, a setting or an edit of the model that changes its numbers: no picture, no resize in between.
#[test]
fn raw_outputs_are_the_references() {
    let names = [
        "yolox_nano_416.json",
        "person_rpi_192.json",
        "nanodet_m_416.json",
        "fastestdet_352.json",
        "yunet_n_320.json",
        "ultraface_rfb320.json",
    ];
    for name in names {
        let Some(Reference { json, mut session, .. }) = reference(name) else { return };
        let fill = |_: usize, input: &mut [f32]| {
            input.iter_mut().enumerate().for_each(|(index, value)| *value = synthetic(&json, index));
        };
        let check = |_: usize, outputs: &[Output<'_>]| {
            for Output { name: output, data } in outputs {
                same_numbers(&format!("{name}, {output}"), data, &json["synthetic"]["outputs"][output]);
            }
        };
        session.run(1, fill, check).expect("the model runs");
    }
}

fn same_numbers(name: &str, raw: &[f32], expected: &Value) {
    let number = |key: &str| expected[key].as_f64().expect("a number");
    let sum: f64 = raw.iter().map(|v| f64::from(*v)).sum();
    let (least, most) = raw.iter().fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
    assert!((sum - number("sum")).abs() < 1e-3 * number("abs_sum").max(1.0), "{name}: sum {sum}");
    assert!(
        (f64::from(least) - number("min")).abs() < 1e-3 && (f64::from(most) - number("max")).abs() < 1e-3,
        "{name}"
    );
    for (key, values) in [("first8", &raw[..8]), ("last8", &raw[raw.len() - 8..])] {
        let expected = expected[key].as_array().expect("numbers").iter().map(|v| v.as_f64().expect("a number"));
        assert!(expected.zip(values).all(|(a, b)| (a - f64::from(*b)).abs() < 1e-3), "{name}: {key}");
    }
}

/// Catches the edit of initializers changing what a model says: the released UltraFace lists all its weights as inputs.
#[test]
fn a_model_without_its_weights_among_the_inputs_says_the_same() {
    let Some(folder) = models() else { return };
    let text = fs::read_to_string(folder.join("reference/ultraface_rfb320.json")).expect("a reference");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let model = Model::load(&folder.join("face/version-RFB-320.onnx")).expect("the model loads");
    assert_eq!(model.signature.inputs.len(), 1, "{}", model.signature);
    let mut session = model.session().expect("a session");
    let scale = |index: usize| ((index * 7919) % 256) as f32;
    let said = json["synthetic"]["input"].as_str().unwrap_or_default().to_owned();
    let value = move |index: usize| if said.contains("127") { (scale(index) - 127.0) / 128.0 } else { scale(index) };
    let fill = |_: usize, input: &mut [f32]| input.iter_mut().enumerate().for_each(|(index, v)| *v = value(index));
    session
        .run(1, fill, |_, outputs| {
            for output in outputs {
                let expected = &json["synthetic"]["outputs"][output.name];
                let sum: f64 = output.data.iter().map(|v| f64::from(*v)).sum();
                let (of, within) =
                    (expected["sum"].as_f64().expect("a sum"), expected["abs_sum"].as_f64().expect("a sum"));
                assert!((sum - of).abs() < 1e-5 * within, "{}: {sum} instead of {of}", output.name);
            }
        })
        .expect("the model runs");
}
