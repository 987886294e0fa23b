//! `kind = "describe"`: real weights against what the reference runtime said with them, made graphs against an independent
//! decoder (`tests/references/describe.py`), batches of pieces, and a whole job.

use std::fs;
use std::path::{Path, PathBuf};

use operators::Reason;
use serde_json::{Value, json};
use vigie::codec::{Form, Pixels, encode_as};
use vigie::engine::{Model, Output};
use vigie::picture::Picture;
use vigie::report::Report;
use vigie::steps::Stop;

use crate::steps;
use crate::support::{Process, files, images, models, turn};

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn json_of(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// A PNG of one colour.
fn plain(width: u32, height: u32, colour: [u8; 3]) -> Picture {
    let rgb = colour.repeat((width * height) as usize);
    let pixels = Pixels { width, height, rgb };
    steps::picture(encode_as(Form::Png, &pixels, &[], 1.0).expect("a PNG").to_vec())
}

/// The values of a picture after the steps of these tables.
fn values(tables: &str, picture: Picture) -> Value {
    let picture = steps::after(tables, picture).expect("it goes on");
    picture.values.into_iter().collect::<serde_json::Map<_, _>>().into()
}

fn table(name: &str, model: &Path, keys: &str) -> String {
    format!("[step.{name}]\nkind = 'describe'\nmodel = '{}'\n{keys}\n", model.display())
}

/// Whether two values are the same but for so much in their numbers.
fn alike(ours: &Value, theirs: &Value, within: f64) -> bool {
    match (ours, theirs) {
        (Value::Number(_), Value::Number(_)) => (number(ours) - number(theirs)).abs() <= within,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b, within)),
        (Value::Object(a), Value::Object(b)) => {
            let same = |(key, value)| a.get(key).is_some_and(|ours| alike(ours, value, within));
            a.len() == b.len() && b.iter().all(same)
        }
        _ => ours == theirs,
    }
}

/// Catches a softmax or a sigmoid too many or too few, labels of another order, outputs that are mixed up, bytes and colours
/// that go in otherwise, and a name that no expression can write.
#[test]
fn made_models_say_what_another_decoder_reads() {
    let told = json_of(&here("tests/references/describe.json"));
    for row in told["models"].as_array().expect("models") {
        let (model, keys) = (row["model"].as_str().expect("a file"), row["keys"].as_str().expect("keys"));
        let tables = table("mood", &here("tests/references").join(model), keys);
        let colours = told["colours"].as_array().expect("colours");
        for (colour, expected) in colours.iter().zip(row["said"].as_array().expect("values")) {
            let colour = [0, 1, 2].map(|channel| number(&colour[channel]) as u8);
            let said = values(&tables, plain(96, 64, colour));
            assert!(alike(&said, expected, 1e-4), "{model}, {colour:?}:\n{said}\ninstead of\n{expected}");
        }
    }
}

/// Catches pieces of many sizes that are mixed up in a batch or left out of it, small ones that are described all the same,
/// and one bad picture that spoils the others: neither bytes that are no picture, nor numbers that are none.
#[test]
fn a_batch_of_pieces_is_described_piece_by_piece() {
    let model = here("tests/references/describe_but_red.onnx");
    let keys = "min_size = 20\ninput = { scale = 1 }";
    let [mut step] = <[_; 1]>::try_from(steps::steps(&table("depth", &model, keys))).ok().expect("one step");
    let piece = |at: u32| match at {
        7 => steps::picture(b"no picture".to_vec()),
        11 => plain(30, 30, [255, 0, 0]),
        _ => plain(10 + at, 80 - at, [0, at as u8, 0]),
    };
    let mut pieces: Vec<_> = (0..70).map(piece).collect();
    pieces.iter_mut().zip(0_u64..).for_each(|(piece, at)| piece.frame.number = operators::Number(at));
    let (mut described, mut skipped, mut failed) = (0, 0, Vec::new());
    for answer in step.run(pieces) {
        match answer {
            Ok(picture) => {
                let at = picture.frame.number.0;
                let small = 10 + at < 20 || 80 - at < 20;
                let expected = (200.0 + at as f64).sqrt();
                if small {
                    assert_eq!(picture.values["depth"], Value::Null);
                    assert_eq!(picture.values["depth_skipped"], json!("smaller than 20 pixels"));
                    skipped += 1;
                } else {
                    let said = number(&picture.values["depth"]);
                    assert!((said - expected).abs() < 1e-3, "{at}: {said} instead of {expected}");
                    assert_eq!(picture.values.len(), 1, "{:?}", picture.values);
                    described += 1;
                }
            }
            Err(Stop::Fault(picture, flaw)) => failed.push((picture.frame.number.0, flaw.reason)),
            Err(Stop::Filtered(_)) => panic!("nothing is filtered"),
        }
    }
    failed.sort_by_key(|(at, _)| *at);
    assert_eq!(failed, [(7, Reason::Undecodable), (11, Reason::ModelFailed)]);
    // 0 to 9 are narrow, but for the one that is no picture; 61 to 69 are low.
    assert_eq!((described, skipped), (50, 18));
}

/// Catches a runtime, a setting or an edit of the model that changes its numbers: no picture, no resize in between.
#[test]
fn raw_outputs_are_the_references() {
    let Some(folder) = models() else { return };
    for (file, key) in [
        ("age_gender_faceapi_112_synthetic.json", "outputs"),
        ("face_expression_faceapi_112_synthetic.json", "outputs"),
        ("emotion_mini_xception_64_synthetic.json", "outputs"),
        ("gender_mini_xception_64_synthetic.json", "outputs"),
        ("cifar10_resnet20.json", "first_outputs"),
        ("mlperf_tiny_resnet8.json", "first_outputs"),
        ("vww.json", "first_outputs"),
        ("mnist.json", "first_outputs"),
    ] {
        let told = json_of(&folder.join("reference").join(file));
        let model = Model::load(&folder.join(told["model"].as_str().expect("a model"))).expect("the model loads");
        assert_eq!(Some(&*model.tag.sha256), told["sha256"].as_str(), "the file that the reference was made with");
        let fill = |_: usize, input: &mut [f32]| {
            let value = |at: usize| ((at * 7919) % 256) as f32 / 255.0;
            input.iter_mut().enumerate().for_each(|(at, number)| *number = value(at));
        };
        let check = |_: usize, outputs: &[Output<'_>]| {
            for Output { name, data } in outputs {
                let expected = told["synthetic"][key][name].as_array().expect("numbers");
                assert_eq!(expected.len(), data.len(), "{file}, {name}");
                let near = |(a, b): (&Value, &f32)| (number(a) - f64::from(*b)).abs() < 1e-3;
                assert!(expected.iter().zip(*data).all(near), "{file}, {name}: {data:?}");
            }
        };
        model.session().expect("a session").run(1, fill, check).expect("the model runs");
    }
}

fn image(name: &str) -> Picture {
    let folder = images().expect("pictures");
    let (set, file) = name.rsplit_once('/').expect("a folder and a file");
    let plain = folder.join(set).join(file);
    let path = if plain.is_file() { plain } else { folder.join(set).join("images").join(file) };
    steps::picture(fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn softmax(numbers: &Value) -> Vec<f64> {
    let numbers: Vec<_> = numbers.as_array().expect("numbers").iter().map(number).collect();
    let most = numbers.iter().copied().fold(f64::MIN, f64::max);
    let sum: f64 = numbers.iter().map(|number| (number - most).exp()).sum();
    numbers.iter().map(|number| (number - most).exp() / sum).collect()
}

const CIFAR: &str =
    "labels = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']";

/// Catches a wrong scale, mean or order of colours or classes, and a softmax too many: pictures of the model's own size, so
/// scores are within a hundredth (two decoders of JPEGs differ by that).
#[test]
fn classifiers_say_what_the_reference_said() {
    let (Some(folder), Some(_)) = (models(), images()) else { return };
    let unit = "scale = 0.00392156862745098";
    let imagenet = format!("{unit}, mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225]");
    for (reference, odds, keys) in [
        ("mnist.json", false, String::new()),
        ("cifar10_resnet20.json", false, format!("{CIFAR}\ninput = {{ {imagenet} }}")),
        ("mlperf_tiny_resnet8.json", true, format!("{CIFAR}\ninput = {{ scale = 1 }}")),
    ] {
        let told = json_of(&folder.join("reference").join(reference));
        let model = folder.join(told["model"].as_str().expect("a model"));
        let mut labels: Vec<_> = (0..10).map(|digit| json!(digit.to_string())).collect();
        labels = told["classes"].as_array().cloned().unwrap_or(labels);
        let tables = table("kind", &model, &format!("{keys}\ntop = 10"));
        for (name, row) in told["images"].as_object().expect("pictures") {
            let said = values(&tables, image(name));
            let numbers = &row["output"];
            let theirs =
                if odds { numbers.as_array().expect("odds").iter().map(number).collect() } else { softmax(numbers) };
            let top = row["top1"].as_u64().expect("a class") as usize;
            assert_eq!(said["kind"], labels[top], "{reference}, {name}: {said}");
            for one in said["kind_top"].as_array().expect("ten classes") {
                let class = labels.iter().position(|label| *label == one["label"]).expect("a label");
                let off = (number(&one["score"]) - theirs[class]).abs();
                assert!(off < 0.01, "{reference}, {name}: {one} is {off} off");
            }
        }
    }
}

/// Catches a model that is known and still has to be explained, labels out of order, a score that is another class's, and labels
/// that stand twice in a report or that no expression sees. References are those of the test above.
#[test]
fn known_classifiers_need_nothing_but_their_name() {
    let (Some(folder), Some(_)) = (models(), images()) else { return };
    let digits: Vec<_> = (0..10).map(|digit| digit.to_string()).collect();
    for (reference, odds) in
        [("mnist.json", false), ("cifar10_resnet20.json", false), ("mlperf_tiny_resnet8.json", true)]
    {
        let told = json_of(&folder.join("reference").join(reference));
        let model = folder.join(told["model"].as_str().expect("a model"));
        let classes = told["classes"]
            .as_array()
            .map_or(digits.clone(), |all| all.iter().map(|class| class.as_str().expect("a name").to_owned()).collect());
        let tables = |seen: &str| {
            let classify = table("kind", &model, "top = 3").replace("describe", "classify");
            format!("{classify}[step.seen]\nkind = 'where'\nwhen = '{seen}'\n")
        };
        for (name, row) in told["images"].as_object().expect("pictures") {
            let numbers = &row["output"];
            let theirs =
                if odds { numbers.as_array().expect("odds").iter().map(number).collect() } else { softmax(numbers) };
            let top = &classes[row["top1"].as_u64().expect("a class") as usize];
            let seen = format!("labels[0] == \"{top}\" && size(labels) == 3 && values.kind == \"{top}\"");
            let picture =
                steps::after(&tables(&seen), image(name)).unwrap_or_else(|| panic!("{reference}, {name}: {top}"));
            assert!(picture.labels.is_sorted_by(|a, b| a.score >= b.score), "{:?}", picture.labels);
            assert_eq!(picture.values.keys().collect::<Vec<_>>(), ["kind", "kind_score"]);
            for one in &picture.labels {
                let class = classes.iter().position(|class| **class == *one.label).expect("a class");
                assert!((one.score - theirs[class]).abs() < 0.01, "{reference}, {name}: {one:?}");
            }
        }
    }
}

/// Catches a person that is none: a photograph is made small otherwise than the reference does it (it took means of areas), so
/// that sure answers alone are held against it.
#[test]
fn persons_are_where_the_reference_saw_them() {
    let (Some(folder), Some(_)) = (models(), images()) else { return };
    let told = json_of(&folder.join("reference/vww.json"));
    let tables = table("who", &folder.join("classification/vww_96_person.onnx"), "");
    for (name, odds) in told["images"].as_object().expect("pictures") {
        let said = values(&tables, image(name));
        let sure = number(&odds[1]);
        let label = if sure > 0.5 { "person" } else { "no person" };
        let score = number(&said["who_score"]);
        let classified = steps::after(&tables.replace("describe", "classify"), image(name)).expect("it goes on");
        assert_eq!(classified.labels.iter().map(|one| &*one.label).collect::<Vec<_>>(), [label]);
        assert_eq!(said["who"], json!(label), "{name}: {said}, and the reference {odds}");
        assert!((score - sure.max(1.0 - sure)).abs() < 0.2, "{name}: {said}, and the reference {odds}");
    }
}

/// A face of a reference, with so much on each side, as the step that cuts it out as the reference did: whole pixels towards
/// the picture's corner. `None` where its box, which is told to a tenth, leaves open which pixel that is.
fn face(face: &Value, margin: f64) -> Option<String> {
    let [left, top, right, bottom] = [0, 1, 2, 3].map(|at| number(&face["box"][at]));
    let (dx, dy) = (margin * (right - left), margin * (bottom - top));
    let edges = [left - dx, top - dy, right + dx, bottom + dy];
    let is_clear = |edge: &f64| *edge > 0.0 && (0.07..0.93).contains(&edge.fract());
    let [x, y, right, bottom] = edges.map(f64::trunc);
    let step = format!("[step.face]\nkind = 'crop'\narea = [{x}, {y}, {}, {}]\n", right - x, bottom - y);
    edges.iter().all(is_clear).then_some(step)
}

/// What of a face a model says: the file, the margin, and each value with its name in the reference.
const OF_FACES: [(&str, f64, &str, &[&str]); 5] = [
    ("age_gender_faceapi_112.onnx", 0.1, "age", &[]),
    ("age_gender_faceapi_112.onnx", 0.1, "gender_male_female", &["man", "woman"]),
    ("gender_mini_xception_64.onnx", 0.15, "gender_woman_man", &["woman", "man"]),
    ("face_expression_faceapi_112.onnx", 0.1, "expression", &[]),
    ("emotion_mini_xception_64.onnx", 0.0, "emotion", &[]),
];

/// How far what is said of a face is from what the reference said, at most.
fn distance(said: &Value, expected: &Value, labels: &[&str]) -> f64 {
    if let Some(age) = expected.as_f64() {
        return (number(&said["age"]) - age).abs();
    }
    let top = said.as_object().into_iter().flatten().find(|(name, _)| name.ends_with("_top")).map(|(_, rows)| rows);
    let off = |label: &str, theirs: &Value| {
        let row = top.and_then(Value::as_array).into_iter().flatten().find(|row| row["label"] == *label);
        row.map_or(f64::INFINITY, |row| (number(&row["score"]) - number(theirs)).abs())
    };
    let named = expected.as_object().into_iter().flatten().map(|(label, theirs)| off(label, theirs));
    let listed = labels.iter().zip(expected.as_array().into_iter().flatten()).map(|(label, theirs)| off(label, theirs));
    named.chain(listed).fold(0.0, f64::max)
}

/// Catches an age or a gender that is read from another number, a face that is not in the middle or not padded as in training,
/// and a mean that is another. Faces of 20 pixels are made five times as large, and these models are nervous: where each value
/// of such a face is off by one of 255, its age moves by up to ten years. Two JPEG decoders are further apart than that.
#[test]
fn faces_are_described_as_the_reference_did() {
    let (Some(folder), Some(_)) = (models(), images()) else { return };
    let told = json_of(&folder.join("reference/attributes.json"));
    let (mut faces, mut wrong) = (0, Vec::new());
    for (name, row) in told["images"].as_object().expect("pictures") {
        let side = |face: &&Value| number(&face["box"][2]) - number(&face["box"][0]);
        for one in row.as_array().expect("faces").iter().filter(|face| side(face) >= 20.0) {
            for (model, margin, key, labels) in OF_FACES {
                let Some(crop) = face(one, margin) else { continue };
                let tables = crop + &table("x", &folder.join("attributes").join(model), "top = 7");
                let said = values(&tables, image(name));
                let off = distance(&said, &one[key], labels);
                println!("{name}, {key}: {off:.4}");
                let within = if key == "age" { 3.0 } else { 0.08 };
                if off > within {
                    wrong.push(format!("{name}, {key}: {off} off: {said} instead of {}", one[key]));
                }
                faces += 1;
            }
        }
    }
    assert!(faces >= 40, "{faces} answers");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Catches an example that does not run: 150 written digits, as a whole job, of which the model reads 147 at least.
#[test]
fn digits_are_read_by_a_whole_job() {
    let (Some(models), Some(pictures)) = (models(), images()) else { return };
    let _turn = turn();
    let out = tempfile::tempdir().expect("a folder");
    let digits = pictures.join("mnist");
    let text = fs::read_to_string(here("jobs/digits.toml")).expect("the job");
    let job = out.path().join("digits.toml");
    fs::write(&job, text.replace("\"out/{job}", &format!("\"{}/out", out.path().display()))).expect("a job");
    let [job, models, digits_at] = [&job, &models, &digits].map(|path| path.display().to_string());
    let settings = [("VIGIE_MODELS", models.as_str()), ("VIGIE_PICTURES", &digits_at)];
    let mut process = Process::start(env!("CARGO_BIN_EXE_vigie"), &["run", &job, "-w", "2"], &settings);
    assert!(process.end().success(), "{}", process.said());
    let labels = fs::read_to_string(digits.join("labels.csv")).expect("labels");
    let labels: Vec<_> = labels.lines().filter_map(|line| line.split_once(',')).collect();
    let (mut reports, mut right) = (0, 0);
    for file in files(out.path()).iter().filter(|file| file.ends_with(".json")) {
        let report: Report = serde_json::from_slice(&fs::read(out.path().join(file)).expect("a report")).expect("JSON");
        let own = Path::new(file).file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let (_, label) = labels.iter().find(|(name, _)| name.starts_with(own)).expect("a label");
        reports += 1;
        right += usize::from(report.values["digit"] == json!(label.trim()));
        assert!(report.values["digit_score"].as_f64().is_some_and(|score| (0.0..=1.0).contains(&score)));
    }
    assert_eq!(reports, 150, "{}", process.said());
    assert!(right >= 147, "{right} of 150");
}
