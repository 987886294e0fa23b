//! Picture steps, as a job file names them: held against Pillow (`pillow`), against what people must be able to read of
//! them, and in whole jobs.
//!
//! `VIGIE_BLESS=1` makes the pictures of `docs/steps.md` anew.

mod pillow;

use std::fs;
use std::path::{Path, PathBuf};

use operators::{Frame, Number, UnixMillis};
use serde_json::Value;
use vigie::codec::{self, Limits, Pixels};
use vigie::job::Job;
use vigie::picture::Picture;
use vigie::report::Detection;
use vigie::sources::synthetic::View;
use vigie::steps::{Step, Stop};

use crate::support::{Process, files, turn, wait};

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The steps of these tables, opened.
pub fn steps(tables: &str) -> Vec<Box<dyn Step>> {
    let text = format!(
        "name = 'room'\n[source.in]\nkind = 'synthetic'\n[batch]\npartition = 'camera'\n{tables}\n\
         [sink.out]\nkind = 'files'\npath = 'out/{{id}}'\n"
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without I/O");
    let job = Job::parse(&text, Path::new("room.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
    job.check(runtime.handle()).unwrap_or_else(|wrong| panic!("{wrong}"));
    let open = |part: &vigie::job::Part<dyn vigie::steps::StepConfig>| {
        let work = part.config.open(&job.context(&part.name, 0, runtime.handle())).expect("it opens");
        work.into_line().expect("one way in, one way out")
    };
    job.steps.iter().map(open).collect()
}

/// A picture of which nothing is known, of these bytes.
pub fn picture(bytes: Vec<u8>) -> Picture {
    Picture::new(Frame {
        captured_at: Some(UnixMillis(1_795_249_801_250)),
        received_at: UnixMillis(1_795_249_801_300),
        ..Frame::new("door".into(), Number(7), "7".into(), bytes.into())
    })
}

/// Something that was found.
pub fn detection(label: &str, area: [f32; 4]) -> Detection {
    Detection { class: 0, label: label.into(), score: 0.9, area, landmarks: None, by: Default::default() }
}

/// The picture after the steps of these tables; `None` where it is filtered.
pub fn after(tables: &str, mut picture: Picture) -> Option<Picture> {
    for mut step in steps(tables) {
        picture = match step.run(vec![picture]).pop().expect("an answer for each picture") {
            Ok(picture) => picture,
            Err(Stop::Filtered(_)) => return None,
            Err(Stop::Fault(_, flaw)) => panic!("{flaw:?}"),
        };
    }
    Some(picture)
}

fn one(kind: &str, keys: &str) -> String {
    format!("[step.{kind}]\nkind = '{kind}'\n{keys}\n")
}

fn pixels(tables: &str, source: Picture) -> Pixels {
    let mut picture = after(tables, source).expect("it goes on");
    picture.pixels(&Limits::default()).expect("it decodes").clone()
}

fn source() -> Picture {
    picture(fs::read(here("tests/references/source.png")).expect("the source"))
}

/// Every step that works on any picture, as tables.
fn any() -> Vec<(&'static str, String)> {
    let rows = [
        ("analyze", ""),
        ("blur", ""),
        ("blur", "style = 'pixelate'\nstrength = 1"),
        ("blur", "of = 'detections'\ngrow = 10"),
        ("convert", "to = 'png'"),
        ("crop", "area = [0.25, 0.25, 0.5, 1]\nunit = 'shares'"),
        ("crop", "to = 'detections'\nmargin = 0.2"),
        ("dedupe", "by = 'looks'"),
        ("draw", ""),
        ("draw", "label = '{detection.label} of {width}'"),
        ("flip", ""),
        ("flip", "axis = 'vertical'"),
        ("grey", ""),
        ("mask", "areas = [[[0, 0], [1, 0], [0.5, 1]]]"),
        ("motion", ""),
        ("noise", "style = 'gaussian'"),
        ("noise", "style = 'salt-pepper'\nlevel = [0.1, 0.2]"),
        ("noise", "style = 'jpeg'\nlevel = 0.9"),
        ("noise", "style = 'blur'"),
        ("resize", "width = 20"),
        ("resize", "width = 20\nheight = 30\nmode = 'fill'\nenlarge = true"),
        ("resize", "height = 20\nmode = 'exact'"),
        ("rotate", "degrees = 90"),
        ("rotate", "degrees = 27"),
        ("rotate", "degrees = -100\ngrow = false"),
        ("sample", "every = 1"),
        ("sample", "per_second = 5"),
        ("score", ""),
        ("strip", ""),
        ("where", "when = 'width > 0 && size(detections) >= 0'"),
    ];
    rows.map(|(kind, keys)| (kind, one(kind, keys))).into()
}

/// Pictures of odd sizes and kinds, as bytes.
fn odd() -> Vec<(&'static str, Vec<u8>)> {
    use image::{DynamicImage, ImageFormat};
    let png = |image: DynamicImage| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).expect("it can be written");
        bytes.into_inner()
    };
    let value = |x: u32, y: u32| (x * 7 + y * 13) as u8;
    let rgb = |width, height| {
        image::RgbImage::from_fn(width, height, |x, y| image::Rgb([value(x, y), value(y, x), value(x, x)])).into()
    };
    let grey16 = image::ImageBuffer::from_fn(40, 30, |x, y| image::Luma([u16::from(value(x, y)) << 8]));
    let grey = image::GrayImage::from_fn(41, 31, |x, y| image::Luma([value(x, y)]));
    let alpha = image::RgbaImage::from_fn(33, 44, |x, y| image::Rgba([value(x, y), 9, 200, value(y, x)]));
    vec![
        ("1×1", png(rgb(1, 1))),
        ("1×5000", png(rgb(1, 5000))),
        ("5000×1", png(rgb(5000, 1))),
        ("2×3", png(rgb(2, 3))),
        ("grey", png(grey.into())),
        ("16 bits", png(DynamicImage::ImageLuma16(grey16))),
        ("alpha", png(alpha.into())),
        ("a frame", View::new(7, 0, (320, 240), Some("room")).frame(3).0.to_vec()),
    ]
}

/// Catches a panic, a size that does not fit its pixels, and a detection that leaves its picture: each step on each odd
/// picture, and each two of them one after the other.
#[test]
fn every_step_takes_every_picture() {
    let any = any();
    for (name, bytes) in odd() {
        for (first, table) in &any {
            let mut picture = picture(bytes.clone());
            picture.detections =
                vec![detection("face", [0.2, 0.2, 3.5, 3.5]), detection("face", [-9.0, 0.0, 8.0, 8.0])];
            let Some(mut picture) = after(table, picture) else { continue };
            let (width, height, values) = {
                let pixels = picture.pixels(&Limits::default()).expect("it decodes");
                (pixels.width, pixels.height, pixels.rgb.len())
            };
            assert_eq!(values, (width * height * 3) as usize, "{first} on {name}");
            let keeps = ["crop", "flip", "resize", "rotate"].contains(first);
            for Detection { area: [x, y, w, h], .. } in
                picture.detections.iter().filter(|_| keeps && *first != "resize")
            {
                let inside =
                    *x >= -1e-3 && *y >= -1e-3 && x + w <= width as f32 + 0.01 && y + h <= height as f32 + 0.01;
                assert!(inside || picture.detections.len() == 2, "{first} on {name}: {:?}", picture.detections);
            }
            let image = picture.image(&Limits::default()).expect("it is written");
            assert!(!image.is_empty(), "{first} on {name}");
        }
    }
}

/// The middle of the brightest part of a picture.
fn brightest(pixels: &Pixels) -> [f32; 2] {
    let bright = pixels.rgb.as_chunks::<3>().0.iter().enumerate().filter(|(_, pixel)| pixel[0] > 200);
    let (mut sum, mut count) = ([0.0; 2], 0.0);
    for (at, _) in bright {
        sum[0] += (at as u32 % pixels.width) as f32 + 0.5;
        sum[1] += (at as u32 / pixels.width) as f32 + 0.5;
        count += 1.0;
    }
    sum.map(|sum| sum / count)
}

/// Catches boxes that stay behind when the picture moves: a white square is found where its box says that it is.
#[test]
fn detections_stay_on_what_they_lie_on() {
    let mut square = image::RgbImage::from_pixel(120, 90, image::Rgb([20; 3]));
    (30..50).for_each(|y| (70..90).for_each(|x| square.put_pixel(x, y, image::Rgb([255; 3]))));
    let mut bytes = std::io::Cursor::new(Vec::new());
    square.write_to(&mut bytes, image::ImageFormat::Png).expect("it can be written");
    for tables in [
        one("crop", "area = [40, 20, 70, 60]"),
        one("crop", "to = 'detections'\nmargin = 0.5"),
        one("flip", ""),
        one("flip", "axis = 'vertical'"),
        one("resize", "width = 60\nheight = 90\nmode = 'exact'"),
        one("resize", "width = 80\nheight = 80\nmode = 'fill'"),
        one("resize", "width = 300\nenlarge = true"),
        one("rotate", "degrees = 90"),
        one("rotate", "degrees = 180"),
        one("rotate", "degrees = 27"),
        one("rotate", "degrees = -40\ngrow = false"),
        one("crop", "area = [40, 20, 70, 60]") + &one("rotate", "degrees = 27") + &one("resize", "width = 50"),
    ] {
        let mut picture = picture(bytes.get_ref().clone());
        picture.detections = vec![detection("square", [70.0, 30.0, 20.0, 20.0])];
        let picture = after(&tables, picture).expect("it goes on");
        let [x, y, width, height] = picture.detections[0].area;
        let middle = brightest(picture.decoded().expect("it was decoded"));
        let off = [x + width / 2.0 - middle[0], y + height / 2.0 - middle[1]];
        assert!(off.iter().all(|off| off.abs() < 1.0), "{tables}: {:?} and {middle:?}", picture.detections);
    }
    let mut outside = picture(bytes.into_inner());
    outside.detections = vec![detection("square", [70.0, 30.0, 20.0, 20.0])];
    let outside = after(&one("crop", "area = [0, 0, 60, 60]"), outside).expect("it goes on");
    assert!(outside.detections.is_empty(), "it no longer lies in the picture");
}

/// Catches a crop to nothing that leads to a picture without pixels, or to a dead letter.
#[test]
fn a_crop_to_nothing_is_filtered() {
    assert!(after(&one("crop", "to = 'detections'"), source()).is_none());
    assert!(after(&one("crop", "area = [500, 500, 9, 9]"), source()).is_none());
    let mut cat = source();
    cat.detections = vec![detection("cat", [1.0, 1.0, 9.0, 9.0])];
    assert!(after(&one("crop", "to = 'detections'\nclasses = ['face']"), cat).is_none());
}

/// Catches a format that is not what was asked for, and one that loses what it should keep.
#[test]
fn images_are_written_as_asked() {
    let before = pixels("", source());
    for (to, media, format) in
        [("png", "image/png", image::ImageFormat::Png), ("webp", "image/webp", image::ImageFormat::WebP)]
    {
        let mut picture = after(&one("convert", &format!("to = '{to}'")), source()).expect("it goes on");
        let image = picture.image(&Limits::default()).expect("it is written");
        assert_eq!(picture.form.media(), media);
        let read = image::load_from_memory_with_format(&image, format).expect("it can be read").into_rgb8();
        assert_eq!(read.into_raw(), before.rgb, "{to}");
    }
    let size = |quality: u8| {
        let table = one("convert", &format!("to = 'jpeg'\nquality = {quality}"));
        after(&table, source()).expect("it goes on").image(&Limits::default()).expect("it is written").len()
    };
    assert!(size(20) < size(60) && size(60) < size(95));
    let frame = View::new(7, 0, (320, 240), Some("room")).frame(3).0;
    let mut same = after(&one("convert", "to = 'jpeg'"), picture(frame.to_vec())).expect("it goes on");
    assert_eq!(same.image(&Limits::default()).expect("it is written"), frame, "a JPEG stays as it came");
}

/// A JPEG with all that may stand beside a picture, turned by `orientation`.
fn talkative(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff = [b'I', b'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0];
    let segment =
        |marker: u8, body: &[u8]| [&[0xFF, marker][..], &(body.len() as u16 + 2).to_be_bytes(), body].concat();
    [
        &jpeg[..2],
        &segment(0xE1, &[&b"Exif\0\0"[..], &tiff].concat()),
        &segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0secret"),
        &segment(0xED, b"Photoshop 3.0\0secret"),
        &segment(0xFE, b"secret"),
        &jpeg[2..],
        b"secret behind the end",
    ]
    .concat()
}

/// Catches a secret that stays, a picture that is compressed again or lies on its side.
#[test]
fn what_is_stripped_shows_the_same_and_tells_nothing() {
    let jpeg = codec::encode_as(codec::Form::Jpeg(Some(80)), &pixels("", source()), &[], 1.0).expect("a JPEG");
    for orientation in [1, 3, 6, 8] {
        let told = talkative(&jpeg, orientation);
        let upright = codec::decode(&told, &Limits::default()).expect("it decodes");
        let mut stripped = after(&one("strip", ""), picture(told)).expect("it goes on");
        let image = stripped.image(&Limits::default()).expect("it is written");
        assert!(!image.windows(6).any(|six| six == b"secret"), "{orientation}");
        assert_eq!(codec::decode(&image, &Limits::default()).expect("it decodes"), upright, "{orientation}");
        let again = codec::bare(&image).expect("it is a JPEG");
        assert_eq!(again, image, "once more changes nothing");
        if orientation == 1 {
            assert_eq!(image, jpeg, "nothing but what was told is gone");
        }
    }
}

/// Catches a frame that is counted twice or nowhere, results of a filtered frame that are lost, and one that goes on.
#[test]
fn a_job_that_filters_accounts_for_every_frame() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().display();
    let job = folder.path().join("room.toml");
    let text = format!(
        r#"name = "room"
[source.cameras]
kind = "synthetic"
cameras = 2
count = 30
rate = 200
seed = 7
size = "320x240"
[step.some]
kind = "sample"
every = 3
[step.few]
kind = "sample"
every = 2
[step.measures]
kind = "analyze"
[sink.frames]
kind = "files"
from = "cameras"
path = "{out}/all/{{camera}}/{{id}}.jpg"
write = "frame"
[sink.pictures]
kind = "files"
from = "some"
path = "{out}/some/{{camera}}/{{id}}.jpg"
write = "image"
[sink.reports]
kind = "files"
path = "{out}/few/{{camera}}/{{id}}.json"
write = "report"
"#
    );
    fs::write(&job, text).expect("a job");
    let mut worker = Process::vigie(&["run", &job.display().to_string(), "-w", "2"]);
    assert!(worker.end().success(), "{}", worker.said());
    let count = |name: &str| files(&folder.path().join(name)).len();
    assert_eq!((count("all"), count("some"), count("few"), count("dead")), (60, 20, 10, 0), "{}", worker.said());
    let said = wait("the summary", || Some(worker.said()).filter(|said| said.contains("60 frames in")));
    assert!(said.contains("10 results, 50 filtered, 0 dead") && !said.contains("not finished"), "{said}");
    let report = folder.path().join("few").join(&files(&folder.path().join("few"))[0]);
    let report: Value = serde_json::from_slice(&fs::read(report).expect("a report")).expect("JSON");
    assert!(report["values"]["sharpness"].as_f64().is_some_and(|value| value > 0.0), "{report}");
}
