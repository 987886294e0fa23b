//! Rendered cameras as a user meets them: data sets whose labels are right, frames that are the same everywhere, and
//! flags that are wrong.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use vigie::sources::synthetic::View;
use vigie::truth::Truth;

use crate::support::files;

/// Runs `vigie camera --synthetic`; what it said, and how it ended.
fn camera(arguments: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    let output = command.args(["camera", "--synthetic"]).args(arguments).output().expect("vigie starts");
    (String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(), output.status.code())
}

fn data_set(folder: &Path, labels: &str) {
    let dir = folder.display().to_string();
    let what = ["--count", "30", "--cameras", "8", "--seed", "7", "--labels", labels, "--dir", &dir];
    let (said, code) = camera(&what);
    assert_eq!(code, Some(0), "{said}");
}

fn close(a: f64, b: f32) -> bool {
    (a - f64::from(b)).abs() < 1e-3
}

/// Catches labels of another picture, boxes in another form, and people who are left out.
#[test]
fn a_coco_data_set_says_what_its_pictures_show() {
    let folder = tempfile::tempdir().expect("a folder");
    data_set(folder.path(), "coco");
    let text = fs::read(folder.path().join("annotations.json")).expect("labels");
    let coco: Value = serde_json::from_slice(&text).expect("JSON");
    let images = coco["images"].as_array().expect("images");
    assert_eq!((images.len(), files(&folder.path().join("images")).len()), (30, 30));
    let mut persons = 0;
    for image in images {
        let file = folder.path().join("images").join(image["file_name"].as_str().expect("a name"));
        let truth = Truth::of(&fs::read(&file).expect("a picture")).expect("its truth");
        let annotations = coco["annotations"].as_array().expect("annotations");
        let mine: Vec<_> = annotations.iter().filter(|one| one["image_id"] == image["id"]).collect();
        assert_eq!(mine.len(), truth.persons.len(), "{}", file.display());
        for (one, person) in mine.iter().zip(&truth.persons) {
            let area = (0..4).all(|at| close(one["bbox"][at].as_f64().expect("a number"), person.area[at]));
            assert!(
                area && close(one["visible"].as_f64().expect("a share"), person.visible),
                "{one} is not {person:?}"
            );
        }
        persons += mine.len();
    }
    assert!(persons > 30, "{persons} persons");
}

/// Catches boxes that are not relative to the picture, and people who don't count among them.
#[test]
fn a_yolo_data_set_says_who_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    data_set(folder.path(), "yolo");
    let mut persons = 0;
    for label in files(&folder.path().join("labels")) {
        let image = folder.path().join("images").join(&label).with_extension("jpg");
        let truth = Truth::of(&fs::read(image).expect("a picture")).expect("its truth");
        let text = fs::read_to_string(folder.path().join("labels").join(&label)).expect("labels");
        let counting: Vec<_> = truth.persons.iter().filter(|person| person.counts()).collect();
        assert_eq!(text.lines().count(), counting.len(), "{label}");
        for (line, person) in text.lines().zip(counting) {
            let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
            let [x, y, width, height] = person.area;
            let expected = [0.0, (x + width / 2.0) / 640.0, (y + height / 2.0) / 480.0, width / 640.0, height / 480.0];
            assert!(numbers.iter().zip(expected).all(|(number, right)| close(*number, right)), "{line}: {person:?}");
        }
        persons += text.lines().count();
    }
    assert!(persons > 20, "{persons} persons");
}

/// Catches a frame that depends on the process, the build, the time, or what was drawn before it. The hashes are those
/// of every build on every machine; who changes how frames look writes them anew, and trains the model anew.
#[test]
fn a_frame_is_the_same_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    data_set(folder.path(), "coco");
    let mut hashes = Vec::new();
    for file in files(&folder.path().join("images")).iter().step_by(5) {
        let picture = fs::read(folder.path().join("images").join(file)).expect("a picture");
        let truth = Truth::of(&picture).expect("its truth");
        let (here, again) = View::new(7, truth.camera, (640, 480), None).frame(truth.number);
        assert!(here == picture && again == truth, "{file} is another one in another process");
        hashes.push(format!("{file} {}", &blake3::hash(&picture).to_hex()[..12]));
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frames.txt");
    let hashes = hashes.join("\n") + "\n";
    if std::env::var_os("VIGIE_BLESS").is_some() {
        fs::write(&kept, &hashes).expect("it can be written");
    }
    assert_eq!(hashes, fs::read_to_string(kept).unwrap_or_default());
}

/// Catches a wrong flag that renders something, overwrites something, or is told in more than a sentence.
#[test]
fn what_can_not_be_rendered_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("mine.txt"), "mine").expect("a file");
    let dir = folder.path().display().to_string();
    let cases: [(&[&str], &str); 8] = [
        (&["--to", "mqtt://localhost:1", "--rate", "0"], "frames a second"),
        (&["--to", "mqtt://localhost:1", "--cameras", "0"], "`cameras` is 0"),
        (&["--to", "mqtt://localhost:1", "--size", "9000x10"], "160x120 to 3840x2160"),
        (&["--to", "mqtt://localhost:1", "--scene", "moon"], "room, corridor, street, yard"),
        (&["--to", "mqtt://localhost:1/one/topic"], "write {camera} into"),
        (&["--dir", &dir, "--count", "3", "--labels", "voc"], "possible values: coco, yolo"),
        (&["--dir", &dir, "--count", "3"], "is not empty, and nothing is overwritten"),
        (&["--dir", &dir], "--count"),
    ];
    for (arguments, word) in cases {
        let (said, code) = camera(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.starts_with("error: ") && said.contains(word), "{arguments:?}: no `{word}` in {said}");
    }
    assert_eq!(files(folder.path()), ["mine.txt"]);
}
