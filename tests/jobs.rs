//! The jobs in `jobs/` that take pictures by HTTP, and those that bring faces from a site to the cloud: as they are, on real
//! pictures, models and servers.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vigie::codec::{self, Limits, Pixels};

use crate::support::servers::S3;
use crate::support::{Broker, Process, files, free_port, images, models, page, shared_turn, wait};
use crate::tasks::caller::Caller;

/// A woman and a man, near the camera.
const TWO: &str = "video/head-pose-female-and-male/00000.jpg";

/// A job of the project, copied into a folder of its own.
struct Site {
    folder: tempfile::TempDir,
    models: PathBuf,
}

impl Site {
    fn new() -> Option<Self> {
        Some(Self { folder: tempfile::tempdir().expect("a folder"), models: models()? })
    }

    fn run(&self, name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Process {
        let (job, models) = (self.folder.path().join(format!("{name}.toml")), self.models.display().to_string());
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("jobs/{name}.toml")), &job).expect("the job");
        let (folder, job) = (self.folder.path().display().to_string(), job.display().to_string());
        let words = [&["-C", &folder, env!("CARGO_BIN_EXE_vigie"), "run", &job, "-w", "1"], arguments].concat();
        let environment = [&[("VIGIE_MODELS", models.as_str())], environment].concat();
        // Folders of the job lie in the current folder: `env -C` is a shell's `cd`.
        Process::start("env", &words, &environment)
    }

    /// Hands in a picture to a job; the task when it has ended, and its image.
    fn task(&self, name: &str, picture: &[u8]) -> (Value, Option<Vec<u8>>) {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut process = self.run(name, &["--http", &address.to_string()], &[]);
        process.until("HTTP", |process| process.said().contains("tasks at http").then_some(()));
        let path = format!("/api/v1/jobs/{name}/tasks?wait=30s");
        let answer = Caller(address).ask("POST", &path, "image/jpeg", picture).expect("an answer");
        let task = answer.json();
        assert_eq!((answer.status, &task["state"]), (200, &"done".into()), "{task:#}\n{}", process.said());
        let image = task["links"]["image"].as_str().map(|link| Caller(address).get(link).body);
        (task, image)
    }

    /// What lies in the folder that a job's sink writes to.
    fn out(&self, name: &str) -> Vec<String> {
        files(&self.folder.path().join("out").join(name))
    }
}

fn photo(name: &str) -> Option<Vec<u8>> {
    Some(fs::read(images()?.join(name)).expect("a picture"))
}

fn decoded(bytes: &[u8]) -> Pixels {
    codec::decode(bytes, &Limits::default()).expect("a picture")
}

/// How much neighbours differ, on average, in a part of a picture.
fn detail(pixels: &Pixels, [left, top, width, height]: [usize; 4]) -> f64 {
    let at = |x: usize, y: usize| i32::from(pixels.rgb[(y * pixels.width as usize + x) * 3 + 1]);
    let (right, bottom) =
        ((left + width).min(pixels.width as usize - 1), (top + height).min(pixels.height as usize - 1));
    let rows = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
    let sum: i32 = rows.clone().map(|(x, y)| (at(x + 1, y) - at(x, y)).abs() + (at(x, y + 1) - at(x, y)).abs()).sum();
    f64::from(sum) / rows.count().max(1) as f64
}

fn whole(pixels: &Pixels) -> [usize; 4] {
    [0, 0, pixels.width as usize, pixels.height as usize]
}

fn area(piece: &Value) -> [usize; 4] {
    let numbers: Vec<f64> = serde_json::from_value(piece["box"].clone()).expect("a box");
    [0, 1, 2, 3].map(|at| numbers[at] as usize)
}

/// Catches a picture job that does something else than it says.
#[test]
fn picture_jobs_do_what_they_say() {
    let _turn = shared_turn();
    let Some((site, photo)) = Site::new().zip(photo(TWO)) else { return };
    let before = decoded(&photo);
    let image = |name: &str| {
        let (_, image) = site.task(name, &photo);
        assert_eq!(site.out(name).len(), 1, "{name}: its sink has it too");
        decoded(&image.expect("an image"))
    };
    let blurred = image("image-blur");
    assert!(detail(&blurred, whole(&blurred)) < 0.5 * detail(&before, whole(&before)));
    let middle = image("image-crop");
    assert!(middle.width.abs_diff(before.width / 2) <= 1 && middle.height.abs_diff(before.height / 2) <= 1);
    let small = image("image-resize");
    assert!(small.width <= 640 && small.height <= 480);
    assert!((small.width * before.height).abs_diff(small.height * before.width) <= before.width + before.height);
    let grey = image("image-greyscale");
    assert!(grey.rgb.chunks(3).all(|pixel| pixel.iter().max().unwrap() - pixel.iter().min().unwrap() <= 3));
    let turned = image("rotate-27");
    assert!(turned.width > before.width && turned.height > before.height);

    let mut png = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_raw(before.width, before.height, before.rgb.clone()).expect("its pixels");
    picture.write_to(&mut png, image::ImageFormat::Png).expect("a PNG");
    let (_, jpeg) = site.task("image-convert", png.get_ref());
    assert!(jpeg.expect("an image").starts_with(&[0xFF, 0xD8]));

    let (task, _) = site.task("image-analyze", &photo);
    let values = &task["report"]["values"];
    assert!(values.to_string().contains(&before.width.to_string()), "{values:#}");
}

/// A man and a woman, side by side: two photographs, equally high.
fn man_and_woman() -> Option<Vec<u8>> {
    let photos = ["coco_ccby_train/000000000459.jpg", "coco_val2017_128/000000001296.jpg"];
    let [man, woman] = photos.map(|name| {
        let photo = image::load_from_memory(&photo(name)?).expect("a picture");
        Some(photo.resize(u32::MAX, 480, image::imageops::FilterType::Triangle).into_rgb8())
    });
    let (man, woman) = man.zip(woman)?;
    let mut both = image::RgbImage::new(man.width() + woman.width(), 480);
    image::imageops::replace(&mut both, &man, 0, 0);
    image::imageops::replace(&mut both, &woman, man.width().into(), 0);
    let pixels = Pixels { width: both.width(), height: 480, rgb: both.into_raw() };
    Some(codec::encode(&pixels, &[0; 999_999]).expect("a JPEG").to_vec())
}

/// Catches faces that are not found, pieces that are mixed up, and what is blurred although nobody asked for it.
#[test]
fn face_jobs_do_what_they_say() {
    let _turn = shared_turn();
    let Some((site, photo)) = Site::new().zip(man_and_woman()) else { return };
    let before = decoded(&photo);
    let (task, _) = site.task("describe-faces", &photo);
    let faces = task["report"]["values"]["face"].as_array().expect("a list").clone();
    let of = |gender: &str| faces.iter().filter(|face| face["values"]["gender"] == gender).count();
    assert!(of("man") >= 1 && of("woman") == 1, "{faces:#?}");
    for face in faces.iter().filter(|face| !face["values"]["gender"].is_null()) {
        assert!(face["values"]["age"].as_f64().is_some_and(|age| (10.0..80.0).contains(&age)), "{face:#}");
        assert!(face["values"]["mood"].is_string(), "{face:#}");
    }

    let (task, _) = site.task("face-analyze", &photo);
    let measured = task["report"]["values"]["face"].as_array().expect("a list");
    assert_eq!(measured.len(), faces.len());
    assert!(measured.iter().all(|face| face["values"].as_object().is_some_and(|values| values.len() > 3)));

    let (_, image) = site.task("face-blur", &photo);
    let blurred = decoded(&image.expect("an image"));
    for face in &faces {
        assert!(detail(&blurred, area(face)) < 0.7 * detail(&before, area(face)), "{face:#}");
    }

    let (_, image) = site.task("blur-women", &photo);
    let women = decoded(&image.expect("an image"));
    for face in &faces {
        let (was, is) = (detail(&before, area(face)), detail(&women, area(face)));
        match face["values"]["gender"] == "woman" {
            true => assert!(is < 0.5 * was, "{was} and {is}: {face:#}"),
            false => assert!(is > 0.8 * was, "{was} and {is}: {face:#}"),
        }
    }

    let (task, _) = site.task("face-thumbnail", &photo);
    let mut thumbnails = site.out("face-thumbnail");
    thumbnails.sort();
    let id = task["id"].as_str().expect("an id");
    let names: Vec<_> = (0..faces.len()).map(|index| format!("{id}.face.{index}.jpg")).collect();
    assert_eq!(thumbnails, names);
    let first = site.folder.path().join("out/face-thumbnail").join(&thumbnails[0]);
    assert_eq!(decoded(&fs::read(first).expect("a file")).height, 96);
}

/// Catches faces that are lost or doubled on their way from the cameras of a site, over a line that is cut, into the store.
#[test]
fn faces_come_from_the_edge_to_the_cloud() {
    let _turn = shared_turn();
    let Some((site, folder)) = Site::new().zip(images()) else { return };
    let Some(((edge, mut cloud), s3)) = Broker::mosquitto().zip(Broker::mosquitto()).zip(S3::start()) else { return };
    let bucket = s3.bucket("faces");
    let (edge_url, cloud_url, endpoint) = (edge.url(), cloud.url(), s3.endpoint());
    let environment = [
        ("VIGIE_EDGE", edge_url.as_str()),
        ("VIGIE_CLOUD", &cloud_url),
        ("VIGIE_BUCKET", "faces"),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_ACCESS_KEY_ID", S3::KEY),
        ("AWS_SECRET_ACCESS_KEY", S3::SECRET),
        ("AWS_REGION", "us-east-1"),
    ];
    let jobs = ["faces-cloud", "forward", "faces-edge"].map(|name| {
        let mut process = site.run(name, &[], &environment);
        process.connected();
        process
    });
    let frames: Vec<_> = files(&folder.join("video/head-pose-female-and-male"))
        .into_iter()
        .filter(|name| name.ends_with(".jpg"))
        .map(|name| fs::read(folder.join("video/head-pose-female-and-male").join(name)).expect("a picture"))
        .collect();
    let send = |numbers: std::ops::Range<usize>| {
        let one = |number: usize| ("cameras/door/raw".to_owned(), frames[number].clone());
        edge.publish(numbers.map(one).collect());
    };
    assert!(frames.len() >= 10, "{} pictures", frames.len());
    let done = |of: &Process, count: f64| page(of)["results_total{}"] == count;
    send(0..4);
    wait("the first faces in the store", || (!files(&bucket).is_empty()).then_some(()));
    cloud.stop();
    send(4..frames.len());
    wait("all pictures at the edge", || done(&jobs[2], frames.len() as f64).then_some(()));
    cloud.restart();
    // As many as the edge has published are in the store, each under its own name.
    let forwarded = || page(&jobs[1])["acknowledged_total{}"];
    wait("all faces in the store", || {
        let (stored, sent) = (files(&bucket).len() as f64, forwarded());
        (sent > frames.len() as f64 && stored == sent && page(&jobs[1])["frames_in_flight{}"] == 0.0).then_some(())
    });
    for name in files(&bucket) {
        let bytes = fs::read(bucket.join(&name)).expect("an object");
        assert!(name.starts_with("door/") && name.ends_with(".png") && bytes.starts_with(b"\x89PNG"), "{name}");
        assert!(
            decoded(&bytes).rgb.chunks(3).all(|pixel| pixel.iter().max().unwrap() - pixel.iter().min().unwrap() <= 6)
        );
    }
}
