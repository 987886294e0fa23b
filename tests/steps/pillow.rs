//! What steps make of pixels, held against Pillow and OpenCV. `tests/references/steps.py` makes what it is held against.

use std::fs;

use serde_json::Value;
use vigie::codec::{self, Limits};

use super::{after, detection, here, one, pixels, source};

/// Catches a pixel that is another than Pillow's, where nothing has to be rounded or both round alike.
#[test]
fn pixels_are_pillows() {
    let text = fs::read_to_string(here("tests/references/steps.json")).expect("references");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let box_of_a_face = || {
        let mut picture = source();
        picture.detections = vec![detection("face", [10.0, 5.0, 30.0, 40.0])];
        picture
    };
    let rows = [
        ("grey", one("grey", ""), source()),
        ("flip-horizontal", one("flip", ""), source()),
        ("flip-vertical", one("flip", "axis = 'vertical'"), source()),
        ("crop-pixels", one("crop", "area = [10, 5, 30, 40]"), source()),
        ("crop-pixels", one("crop", "to = 'detections'"), box_of_a_face()),
        ("crop-beyond", one("crop", "area = [50, 40, 99, 99]"), source()),
        ("rotate-90", one("rotate", "degrees = 90"), source()),
        ("rotate-180", one("rotate", "degrees = -180"), source()),
        ("rotate--90", one("rotate", "degrees = 270"), source()),
        ("blur-whole", one("blur", ""), source()),
        ("blur-strong", one("blur", "strength = 1"), source()),
        ("blur-weak", one("blur", "strength = 0.1"), source()),
        ("blur-box", one("blur", "of = 'detections'\ngrow = 0"), box_of_a_face()),
        ("pixelate", one("blur", "style = 'pixelate'"), source()),
    ];
    for (name, tables, source) in rows {
        let got = pixels(&tables, source);
        let expected = &told["exact"][name];
        assert_eq!(serde_json::json!([got.width, got.height]), expected["size"], "{name}");
        assert_eq!(sha256(&got.rgb), expected["sha256"].as_str().expect("a hash"), "{name}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Catches a filter, a part or a centre that is another than Pillow's. Turns are equal; of resizing, two values of 255 are
/// rounding (`fast_image_resize` has fewer bits for its weights).
#[test]
fn pixels_are_pillows_but_for_rounding() {
    let part = one("crop", "area = [10, 5, 20, 30]");
    let mut rows: Vec<_> = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
        .map(|filter| {
            let keys = format!("width = 24\nheight = 18\nmode = 'exact'\nfilter = '{filter}'");
            (format!("resize-{filter}"), one("resize", &keys))
        })
        .into();
    let larger = "width = 40\nheight = 45\nmode = 'exact'\nenlarge = true\nfilter = 'bicubic'";
    rows.push(("resize-larger".into(), part.clone() + &one("resize", larger)));
    rows.push(("resize-fill".into(), one("resize", "width = 20\nheight = 20\nmode = 'fill'\nfilter = 'bilinear'")));
    let turned = "degrees = 27\nfill = '#ff8800'";
    rows.push(("rotate-27".into(), part.clone() + &one("rotate", turned)));
    rows.push(("rotate-27-same-size".into(), part + &one("rotate", &format!("{turned}\ngrow = false"))));
    for (name, tables) in rows {
        let got = pixels(&tables, source());
        let expected = fs::read(here(&format!("tests/references/{name}.png"))).expect("a reference");
        let expected = codec::decode(&expected, &Limits::default()).expect("a PNG");
        assert_eq!((got.width, got.height), (expected.width, expected.height), "{name}");
        let off = got.rgb.iter().zip(&expected.rgb).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or_default();
        println!("{name}: off by {off} at most");
        let most = if name.starts_with("rotate") { 0 } else { 2 };
        assert!(off <= most, "{name}: off by {off}");
    }
}

/// Catches a figure that means something else than people think: held against Pillow's and OpenCV's own.
#[test]
fn measures_are_pillows() {
    let text = fs::read_to_string(here("tests/references/steps.json")).expect("references");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let values = after(&one("analyze", ""), source()).expect("it goes on").values;
    for (name, expected) in told["values"].as_object().expect("values") {
        let (got, expected) = (values[name].as_f64().expect("a number"), expected.as_f64().expect("a number"));
        assert!((got - expected).abs() < 0.001, "{name}: {got} instead of {expected}");
    }
    assert_eq!((&values["format"], values.contains_key("exif")), (&Value::from("png"), false));
}
