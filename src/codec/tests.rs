//! Odd and bad bytes, for every codec that is built. The pictures are made here.

use std::path::PathBuf;

use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageEncoder, Luma, Rgb, RgbImage, Rgba};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;

use super::*;

mod fewer;

const RED: [u8; 3] = [220, 30, 30];
const GREEN: [u8; 3] = [30, 200, 60];
const BLUE: [u8; 3] = [40, 60, 220];
const WHITE: [u8; 3] = [255, 255, 255];

/// Red, green, blue and white quarters, wider than high: it shows every wrong turn and every swapped channel.
fn quarters(width: u32, height: u32) -> Pixels {
    let image = RgbImage::from_fn(width, height, |x, y| {
        Rgb(match (x < width / 2, y < height / 2) {
            (true, true) => RED,
            (false, true) => GREEN,
            (true, false) => BLUE,
            (false, false) => WHITE,
        })
    });
    Pixels { width, height, rgb: image.into_raw() }
}

/// The colours in the middles of the quarters: top left, top right, bottom left, bottom right.
fn corners(pixels: &Pixels) -> [[u8; 3]; 4] {
    let at = |x: u32, y: u32| {
        let at = ((y * pixels.height / 4) * pixels.width + x * pixels.width / 4) as usize * 3;
        pixels.rgb[at..at + 3].try_into().unwrap()
    };
    [at(1, 1), at(3, 1), at(1, 3), at(3, 3)]
}

#[track_caller]
fn assert_corners(codec: &Codec, bytes: &[u8], wanted: [[u8; 3]; 4]) {
    let pixels = decode_by(codec, bytes, &Limits::default()).unwrap_or_else(|flaw| panic!("{}: {flaw:?}", codec.name));
    let near = |a: &[u8; 3], b: &[u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) < 12);
    let found = corners(&pixels);
    assert!(found.iter().zip(&wanted).all(|(a, b)| near(a, b)), "{}: {found:?}, not {wanted:?}", codec.name);
}

#[track_caller]
fn assert_flaw(codec: &Codec, bytes: &[u8], reason: Reason, words: &str) {
    let flaw = decode_by(codec, bytes, &Limits::default()).expect_err(codec.name);
    assert_eq!(flaw.reason, reason, "{}: {}", codec.name, flaw.detail);
    assert!(flaw.detail.contains(words), "{}: {}", codec.name, flaw.detail);
}

fn jpeg_of(pixels: &Pixels, change: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 90);
    change(&mut encoder);
    encoder.encode(&pixels.rgb, pixels.width as u16, pixels.height as u16, ColorType::Rgb).unwrap();
    jpeg
}

fn png_of(image: impl Into<DynamicImage>) -> Vec<u8> {
    let image = image.into();
    let mut png = Vec::new();
    let (width, height, color) = (image.width(), image.height(), image.color());
    PngEncoder::new(&mut png).write_image(image.as_bytes(), width, height, color.into()).unwrap();
    png
}

/// An EXIF block that holds the orientation alone.
fn exif(orientation: u8) -> Vec<u8> {
    let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    [&b"II*\0\x08\0\0\0\x01\0"[..], &entry, &[0; 4]].concat()
}

/// Noise that no encoder makes small.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Every picture of a folder of the shared ones; empty where they are absent.
fn shared(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let root = std::env::var_os("VIGIE_IMAGES").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/images")));
    let pattern = root.join(folder).join("**").join("*.jpg");
    let files: Vec<_> = glob::glob(&pattern.to_string_lossy()).unwrap().flatten().collect();
    if files.is_empty() {
        println!("skipped: no pictures at {} (set VIGIE_IMAGES)", pattern.display());
    }
    files.into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

#[test]
fn every_sampling_and_scan_order_gives_the_picture() {
    let pixels = quarters(96, 64);
    for codec in CODECS {
        for sampling in [SamplingFactor::R_4_4_4, SamplingFactor::R_4_2_2, SamplingFactor::R_4_2_0] {
            for progressive in [false, true] {
                let jpeg = jpeg_of(&pixels, |encoder| {
                    encoder.set_sampling_factor(sampling);
                    encoder.set_progressive(progressive);
                    encoder.set_restart_interval(if progressive { 0 } else { 2 });
                });
                assert_corners(codec, &jpeg, [RED, GREEN, BLUE, WHITE]);
            }
        }
    }
}

#[test]
fn grey_and_one_pixel_become_rgb() {
    for codec in CODECS {
        let mut grey = Vec::new();
        Encoder::new(&mut grey, 90).encode(&[99; 40 * 30], 40, 30, ColorType::Luma).unwrap();
        assert_corners(codec, &grey, [[99; 3]; 4]);
        let one = jpeg_of(&Pixels { width: 1, height: 1, rgb: RED.to_vec() }, |_| ());
        assert_corners(codec, &one, [RED; 4]);
    }
}

/// CMYK as Adobe writes it (inverted), plain and as YCCK.
#[test]
fn cmyk_becomes_rgb() {
    let ink = |[r, g, b]: [u8; 3]| [255 - r, 255 - g, 255 - b, 0];
    let cmyk: Vec<_> = quarters(64, 64).rgb.as_chunks::<3>().0.iter().flat_map(|rgb| ink(*rgb)).collect();
    for codec in CODECS {
        for color in [ColorType::Cmyk, ColorType::CmykAsYcck] {
            let mut jpeg = Vec::new();
            Encoder::new(&mut jpeg, 95).encode(&cmyk, 64, 64, color).unwrap();
            assert_corners(codec, &jpeg, [RED, GREEN, BLUE, WHITE]);
            // Below 90, the encoder makes the inks of different sizes.
            let mut smaller = Vec::new();
            Encoder::new(&mut smaller, 85).encode(&cmyk, 64, 64, color).unwrap();
            assert_corners(codec, &smaller, [RED, GREEN, BLUE, WHITE]);
            let pixels = (codec.decode)(&smaller, &super::Header::read(&smaller).unwrap(), 1).unwrap();
            let rows: Vec<_> = pixels.chunks(64 * 3).take(20).map(|row| row[12..15].to_vec()).collect();
            assert!(
                rows.windows(2).all(|pair| pair[0].iter().zip(&pair[1]).all(|(a, b)| a.abs_diff(*b) < 24)),
                "{rows:?}"
            );
        }
    }
}

/// Catches a JPEG of four inks that keeps a worker busy for hours with scans that say nothing.
#[test]
fn four_inks_have_few_scans() {
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 90).encode(&[7; 16 * 16 * 4], 16, 16, ColorType::Cmyk).unwrap();
    let end = jpeg.split_off(jpeg.len() - 2);
    jpeg.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0].repeat(SCANS));
    jpeg.extend(end);
    for codec in CODECS {
        assert_flaw(codec, &jpeg, Reason::Undecodable, "more than 100 scans");
    }
}

#[test]
fn every_orientation_is_turned_upright() {
    let wanted = [
        (1, [RED, GREEN, BLUE, WHITE]),
        (2, [GREEN, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (4, [BLUE, WHITE, RED, GREEN]),
        (5, [RED, BLUE, GREEN, WHITE]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (7, [WHITE, GREEN, BLUE, RED]),
        (8, [GREEN, WHITE, RED, BLUE]),
    ];
    for codec in CODECS {
        for (orientation, corners) in wanted {
            let jpeg = jpeg_of(&quarters(96, 64), |encoder| encoder.add_exif_metadata(&exif(orientation)).unwrap());
            assert_corners(codec, &jpeg, corners);
            let pixels = decode_by(codec, &jpeg, &Limits::default()).unwrap();
            let size = if orientation < 5 { (96, 64) } else { (64, 96) };
            assert_eq!((pixels.width, pixels.height), size, "orientation {orientation}");
            assert_eq!(is_upright_jpeg(&jpeg), orientation == 1);
        }
    }
}

#[test]
fn pngs_of_every_depth_are_read_whatever_their_name() {
    let Pixels { width, height, rgb } = quarters(48, 32);
    let image = DynamicImage::from(RgbImage::from_raw(width, height, rgb).unwrap());
    for codec in CODECS {
        assert_corners(codec, &png_of(image.to_rgb8()), [RED, GREEN, BLUE, WHITE]);
        assert_corners(codec, &png_of(image.to_rgba8()), [RED, GREEN, BLUE, WHITE]);
        assert_corners(codec, &png_of(image.to_rgb16()), [RED, GREEN, BLUE, WHITE]);
        assert_corners(codec, &png_of(image.to_rgba16()), [RED, GREEN, BLUE, WHITE]);
        let clear = image::RgbaImage::from_pixel(8, 8, Rgba([200, 0, 0, 0]));
        assert_corners(codec, &png_of(clear), [WHITE; 4]);
        let grey = image::GrayImage::from_pixel(8, 8, Luma([77]));
        assert_corners(codec, &png_of(grey), [[77; 3]; 4]);
        let half = image::GrayAlphaImage::from_pixel(8, 8, image::LumaA([0, 128]));
        assert_corners(codec, &png_of(half), [[127; 3]; 4]);
    }
    assert!(!is_upright_jpeg(&png_of(image)));
}

#[test]
fn what_is_no_picture_is_told_in_words() {
    for codec in CODECS {
        assert_flaw(codec, b"", Reason::Empty, "no bytes");
        assert_flaw(codec, b"hello", Reason::Undecodable, "text that begins with \"hello\"");
        assert_flaw(codec, b"<html><body>404", Reason::Undecodable, "HTML");
        assert_flaw(codec, &noise(30 << 20), Reason::Undecodable, "begins with the bytes");
    }
}

#[test]
fn what_was_cut_short_is_truncated_at_every_length() {
    let jpeg = jpeg_of(&quarters(96, 64), |_| ());
    let progressive = jpeg_of(&quarters(96, 64), |encoder| encoder.set_progressive(true));
    let png = png_of(RgbImage::from_raw(64, 64, noise(64 * 64 * 3)).unwrap());
    for codec in CODECS {
        for whole in [&jpeg, &progressive] {
            // The last two bytes are the end marker: without it alone, the picture is refused all the same.
            for length in (2..whole.len() - 1).step_by(7).chain([whole.len() / 2, whole.len() - 2, whole.len() - 1]) {
                assert_flaw(codec, &whole[..length], Reason::Truncated, "");
            }
        }
        // From 8 bytes on it is known to be a PNG. Behind the pixels stands an end chunk of 12 bytes.
        for length in (8..png.len() - 12).step_by(61) {
            assert_flaw(codec, &png[..length], Reason::Truncated, "");
        }
    }
}

#[test]
fn what_follows_the_end_does_not_matter() {
    for codec in CODECS {
        let mut jpeg = jpeg_of(&quarters(96, 64), |_| ());
        jpeg.extend([0; 500]);
        jpeg.extend(noise(500));
        assert_corners(codec, &jpeg, [RED, GREEN, BLUE, WHITE]);
    }
}

/// Bytes of the scan overwritten with what no Huffman code is, and a marker in its middle.
#[test]
fn what_is_broken_inside_is_undecodable() {
    let real = jpeg_of(&Pixels { width: 128, height: 128, rgb: noise(128 * 128 * 3) }, |_| ());
    for codec in CODECS {
        let mut jpeg = real.clone();
        let middle = jpeg.len() / 2;
        jpeg[middle..middle + 64].copy_from_slice(&[0xFF, 0xC0].repeat(32));
        assert_flaw(codec, &jpeg, Reason::Undecodable, "broken JPEG");
        let headless = [&real[..2], &[0xFF, 0xD9]].concat();
        assert_flaw(codec, &headless, Reason::Undecodable, "first scan");
    }
}

/// The header alone decides: nothing of that size is allocated.
#[test]
fn what_claims_too_many_pixels_is_not_decoded() {
    let mut jpeg = jpeg_of(&quarters(96, 64), |_| ());
    let size = jpeg.windows(4).position(|four| four == [0, 64, 0, 96]).unwrap();
    jpeg[size..size + 4].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);
    let mut png = png_of(RgbImage::new(8, 8));
    png[16..24].copy_from_slice(&[0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]);
    for codec in CODECS {
        assert_flaw(codec, &jpeg, Reason::TooManyPixels, "65500×65500");
        assert_flaw(codec, &png, Reason::TooManyPixels, "2147483647×2147483647");
        let small = jpeg_of(&quarters(96, 64), |_| ());
        for limits in [Limits { pixels: 96 * 64 - 1, side: 96 }, Limits { pixels: 96 * 64, side: 95 }] {
            assert_eq!(decode_by(codec, &small, &limits).unwrap_err().reason, Reason::TooManyPixels);
        }
        assert!(decode_by(codec, &small, &Limits { pixels: 96 * 64, side: 96 }).is_ok());
        jpeg[size..size + 4].copy_from_slice(&[0, 0, 0, 96]);
        assert_flaw(codec, &jpeg, Reason::Undecodable, "96×0");
        jpeg[size..size + 4].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);
    }
}

#[test]
fn the_quality_of_a_jpeg_is_read_from_its_tables() {
    for codec in CODECS {
        for quality in [20, 35, 50, 75, 85, 90, 95] {
            let jpeg = (codec.encode)(&quarters(64, 64), quality).unwrap();
            assert_eq!(Header::read(&jpeg).unwrap().quality, Some(quality), "{}", codec.name);
        }
    }
}

#[test]
fn an_encoded_picture_is_the_same_picture_in_4_2_0() {
    for codec in CODECS {
        let jpeg =
            encode_by(codec, &quarters(96, 64), &png_of(RgbImage::from_raw(64, 64, noise(64 * 64 * 3)).unwrap()))
                .unwrap();
        assert_corners(codec, &jpeg, [RED, GREEN, BLUE, WHITE]);
        let sof = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("baseline");
        assert_eq!(jpeg[sof + 11], 0x22, "{}: 4:2:0", codec.name);
        assert!(is_upright_jpeg(&jpeg));
    }
}

/// Real pictures painted on, and noise, come out at most 1.3 times as large, at a quality of 90 at most.
#[test]
fn an_encoded_picture_is_at_most_1_3_times_its_original() {
    let mut pictures = shared("video");
    pictures.extend(shared("coco_val2017_128"));
    let loud = Pixels { width: 320, height: 240, rgb: noise(320 * 240 * 3) };
    for quality in [30, 75, 98] {
        pictures.push((format!("noise at {quality}").into(), (jpeg::CODEC.encode)(&loud, quality).unwrap().to_vec()));
    }
    for codec in CODECS {
        let mut ratios = Vec::new();
        for (name, original) in &pictures {
            let mut pixels = decode_by(codec, original, &Limits::default()).unwrap();
            for at in (0..pixels.rgb.len()).step_by(3 * 97) {
                pixels.rgb[at] = 255; // A drawing harder to encode than any box.
            }
            let jpeg = encode_by(codec, &pixels, original).unwrap();
            let ratio = jpeg.len() as f64 / original.len() as f64;
            assert!(ratio <= 1.3, "{}: {} became {ratio:.2} times as large", codec.name, name.display());
            assert!(Header::read(&jpeg).unwrap().quality.unwrap() <= BEST);
            ratios.push(ratio);
        }
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        println!("{}: {} pictures, mean ratio {mean:.2}", codec.name, ratios.len());
    }
}

/// The floor: a picture that can't be made small enough is given at it, rather than spoilt.
#[test]
fn the_quality_stops_at_the_floor() {
    let loud = Pixels { width: 64, height: 64, rgb: noise(64 * 64 * 3) };
    for codec in CODECS {
        let jpeg = encode_by(codec, &loud, b"short").unwrap();
        assert_eq!(Header::read(&jpeg).unwrap().quality, Some(FLOOR), "{}", codec.name);
    }
}

#[test]
fn both_codecs_show_the_same_picture() {
    for (name, bytes) in shared("coco_val2017_128").into_iter().step_by(8) {
        let [first, .., last] = CODECS else { return };
        let [a, b] = [first, last].map(|codec| decode_by(codec, &bytes, &Limits::default()).unwrap());
        assert_eq!((a.width, a.height), (b.width, b.height));
        let off: u64 = a.rgb.iter().zip(&b.rgb).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let mean = off as f64 / a.rgb.len() as f64;
        assert!(mean < 2.0, "{}: {mean:.2} levels apart", name.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Catches panics and overruns: a real JPEG or PNG with bytes changed, left out and doubled.
    #[test]
    fn no_bytes_panic(
        kind in 0..4_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
        doubled in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let pixels = Pixels { width: 72, height: 56, rgb: noise(72 * 56 * 3) };
        let mut bytes = match kind {
            0 => jpeg_of(&pixels, |encoder| encoder.set_restart_interval(3)),
            1 => jpeg_of(&pixels, |encoder| encoder.set_progressive(true)),
            2 => jpeg_of(&quarters(96, 64), |encoder| encoder.add_exif_metadata(&exif(6)).unwrap()),
            _ => png_of(RgbImage::from_raw(72, 56, pixels.rgb).unwrap()),
        };
        for (at, value) in changes {
            // Half of the changes go to the header, where they do most.
            let at = if value % 2 == 0 { at.index(bytes.len().min(700)) } else { at.index(bytes.len()) };
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Some(at) = doubled.filter(|_| !bytes.is_empty()) {
            bytes.extend_from_within(at.index(bytes.len())..);
        }
        let limits = Limits { pixels: 1 << 20, side: 4096 };
        for codec in CODECS {
            if let Ok(pixels) = decode_by(codec, &bytes, &limits) {
                prop_assert_eq!(pixels.rgb.len(), (pixels.width * pixels.height * 3) as usize);
                let _ = encode_by(codec, &pixels, &bytes);
            }
        }
        let _ = is_upright_jpeg(&bytes);
    }

    #[test]
    fn no_noise_panics(bytes in prop::collection::vec(any::<u8>(), 0..600), magic in 0..3_usize) {
        let magic = [&b""[..], b"\xFF\xD8\xFF", b"\x89PNG\r\n\x1a\n"][magic];
        for codec in CODECS {
            let _ = decode_by(codec, &[magic, &bytes].concat(), &Limits::default());
        }
    }
}
