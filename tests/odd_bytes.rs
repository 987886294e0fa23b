//! Odd and bad bytes through the whole job: what is odd gives a result, what is bad is a dead letter with its reason and
//! its bytes, and the job goes on.

use std::collections::BTreeMap;
use std::fs;

use image::{DynamicImage, ImageFormat, RgbImage};

use crate::support::{Broker, Process, files, page, room, turn, wait};
use crate::whole_job::job;

fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::from(picture.clone()).write_to(&mut bytes, format).expect("it can be written");
    bytes.into_inner()
}

fn jpeg(picture: &RgbImage, colour: jpeg_encoder::ColorType, progressive: bool) -> Vec<u8> {
    let (width, height) = (picture.width() as u16, picture.height() as u16);
    let raw: Vec<u8> = match colour {
        jpeg_encoder::ColorType::Luma => image::imageops::grayscale(picture).into_raw(),
        jpeg_encoder::ColorType::Cmyk => {
            picture.pixels().flat_map(|p| [255 - p[0], 255 - p[1], 255 - p[2], 0]).collect()
        }
        _ => picture.clone().into_raw(),
    };
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 85);
    encoder.set_progressive(progressive);
    encoder.encode(&raw, width, height, colour).expect("it can be written");
    bytes
}

/// A JPEG with an EXIF segment that says how it is to be turned.
fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff = [b'I', b'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0];
    let exif: Vec<u8> = [&b"Exif\0\0"[..], &tiff[..]].concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length[..], &exif[..], &jpeg[2..]].concat()
}

/// A JPEG whose header says that it is as large as a header can say.
fn claims_to_be_huge(jpeg: &[u8]) -> Vec<u8> {
    let mut bytes = jpeg.to_vec();
    let frame = bytes.windows(2).position(|mark| mark == [0xff, 0xc0]).expect("a baseline frame");
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    bytes
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A frame with three people who count or more, and how many they are.
fn crowded() -> (Vec<u8>, usize) {
    let room = room();
    let counting = |number| {
        let (jpeg, truth) = room.frame(number);
        (jpeg.to_vec(), truth.persons.iter().filter(|person| person.counts()).count())
    };
    (0..500).map(counting).find(|(_, there)| *there >= 3).expect("somebody comes")
}

/// Catches a worker that dies of bad bytes, a dead letter without its bytes or with another reason, and memory that
/// grows with them.
#[test]
fn what_is_odd_is_drawn_and_what_is_bad_is_a_dead_letter() {
    let _turn = turn();
    let broker = Broker::boxed();
    let folder = tempfile::tempdir().expect("a folder");
    let limits = "[limits]\nmax_frame_bytes = \"8MiB\"\n";
    let mut worker = Process::vigie(&["run", &job(folder.path(), &broker.url(), limits), "-w", "1"]);
    worker.connected();

    let (good, there) = crowded();
    let picture = image::load_from_memory(&good).expect("a picture").to_rgb8();
    let plain = jpeg(&picture, jpeg_encoder::ColorType::Rgb, false);
    let odd = [
        ("png", encoded(&picture, ImageFormat::Png)),
        ("cmyk", jpeg(&picture, jpeg_encoder::ColorType::Cmyk, false)),
        ("progressive", jpeg(&picture, jpeg_encoder::ColorType::Rgb, true)),
        ("grey", jpeg(&picture, jpeg_encoder::ColorType::Luma, false)),
        ("exif", turned(&encoded(&image::imageops::rotate270(&picture), ImageFormat::Jpeg), 6)),
    ];
    let bad = [
        ("empty", Vec::new(), "empty"),
        ("text", b"this is no picture".to_vec(), "undecodable"),
        ("cut", good[..good.len() / 2].to_vec(), "truncated"),
        ("huge", claims_to_be_huge(&plain), "too-many-pixels"),
        ("noise", noise(30 << 20), "too-many-bytes"),
        ("json", br#"{"image": 7}"#.to_vec(), "bad-message"),
    ];
    let topic = |camera: &str, number: usize| format!("cameras/{camera}/{number}/raw");
    let mut messages: Vec<_> = odd.iter().map(|(camera, body)| (topic(camera, 0), body.clone())).collect();
    messages.extend(bad.iter().map(|(camera, body, _)| (topic(camera, 0), body.clone())));
    let count = messages.len() as f64;
    broker.publish(messages.clone());
    let ended = |at_least: f64| {
        wait("every frame's end", || {
            let page = page(&worker);
            (page["frames_in_total{}"] >= at_least && page["frames_in_flight{}"] == 0.0).then_some(page)
        })
    };
    let page = ended(count);

    let out = files(&folder.path().join("out"));
    let dead = files(&folder.path().join("dead"));
    for (camera, body) in &odd {
        assert!(out.contains(&format!("{camera}/0.jpg")), "{camera} led to no picture: {out:?}, {dead:?}");
        let drawn = fs::read(folder.path().join(format!("out/{camera}/0.jpg"))).expect("a picture");
        let size =
            image::load_from_memory(&drawn).map(|drawn| (drawn.width(), drawn.height())).expect("a right picture");
        assert_eq!(size, picture.dimensions(), "{camera} is upright");
        let report = fs::read(folder.path().join(format!("out/{camera}/0.json"))).expect("a report");
        let report: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
        let persons = report["detections"].as_array().expect("detections").len();
        assert!(persons + 1 >= there, "{camera}: {persons} persons of {there}, in {} bytes", body.len());
    }
    let mut reasons = BTreeMap::<&str, f64>::new();
    for (camera, body, reason) in &bad {
        let kept = folder.path().join(format!("dead/{camera}/0-{reason}"));
        assert_eq!(fs::read(&kept).ok().as_ref(), Some(body), "{camera}: {dead:?}");
        assert!(dead.contains(&format!("{camera}/0-{reason}.json")), "{camera} has a record: {dead:?}");
        *reasons.entry(reason).or_default() += 1.0;
    }
    for (reason, count) in reasons {
        assert_eq!(page[&format!("dead_total{{reason=\"{reason}\"}}")], count, "{reason}");
    }

    // Again and again: the memory of the first half is enough. Allocators find their level slowly: after some 25 rounds,
    // and for 150 then they stay there.
    let mut sizes = Vec::new();
    for round in 1..=40 {
        let again = messages.iter().map(|(topic, body)| (topic.replace("/0/", &format!("/{round}/")), body.clone()));
        broker.publish(again.collect());
        ended(count * (round as f64 + 1.0));
        sizes.push(worker.memory() >> 20);
    }
    let most = |sizes: &[u64]| sizes.iter().max().copied().unwrap_or_default();
    let (first, rest) = sizes.split_at(sizes.len() / 2);
    assert!(most(rest) < most(first) + 64, "600 MiB of noise stay in memory: {sizes:?} MiB");
}
