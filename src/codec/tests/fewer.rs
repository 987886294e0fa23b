//! Pictures that are decoded to fewer pixels than they have.

use super::*;

/// Catches fewer pixels that show another picture, stand otherwise, or are of another size than half and quarter: of each
/// orientation and sampling, odd sizes, grey, progressive and four inks.
#[test]
fn fewer_pixels_show_the_same_picture() {
    let colours = [RED, GREEN, BLUE, WHITE];
    let of_size = |width, height| jpeg_of(&quarters(width, height), |_| ());
    let mut pictures = vec![
        (of_size(97, 65), [97, 65], colours),
        (of_size(203, 99), [203, 99], colours),
        (jpeg_of(&quarters(96, 64), |encoder| encoder.set_progressive(true)), [96, 64], colours),
        (jpeg_of(&quarters(96, 64), |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_2_2)), [96, 64], colours),
        (jpeg_of(&quarters(96, 64), |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_4_4)), [96, 64], colours),
    ];
    let mut grey = Vec::new();
    Encoder::new(&mut grey, 90).encode(&[99; 96 * 64], 96, 64, ColorType::Luma).unwrap();
    pictures.push((grey, [96, 64], [[99; 3]; 4]));
    let turned = jpeg_of(&quarters(96, 64), |encoder| encoder.add_exif_metadata(&exif(6)).unwrap());
    pictures.push((turned, [64, 96], [BLUE, RED, WHITE, GREEN]));
    pictures.push((png_of(RgbImage::from_raw(96, 64, quarters(96, 64).rgb).unwrap()), [96, 64], colours));
    let ink = |[r, g, b]: [u8; 3]| [255 - r, 255 - g, 255 - b, 0];
    let cmyk: Vec<_> = quarters(96, 64).rgb.as_chunks::<3>().0.iter().flat_map(|rgb| ink(*rgb)).collect();
    let mut inks = Vec::new();
    Encoder::new(&mut inks, 95).encode(&cmyk, 96, 64, ColorType::Cmyk).unwrap();
    pictures.push((inks, [96, 64], colours));
    for codec in CODECS {
        for (at, (bytes, whole, wanted)) in pictures.iter().enumerate() {
            for side in [24, 12, 100] {
                let enough = Enough::Input { size: [side; 2], stretched: false };
                let (pixels, size) = look_by(codec, bytes, &Limits::default(), enough).expect("a sound picture");
                // Neither PNG nor four inks get smaller.
                let by = if codec.shrinks && at < pictures.len() - 2 { enough.shrink(*whole) } else { 1 };
                assert_eq!(
                    (pixels.size(), size),
                    (whole.map(|side| side.div_ceil(by)), *whole),
                    "{}: {at}",
                    codec.name
                );
                let near = |(a, b): (&[u8; 3], &[u8; 3])| a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) < 14);
                let found = corners(&pixels);
                assert!(found.iter().zip(wanted).all(near), "{}: {at} by {by}: {found:?}", codec.name);
            }
        }
    }
}
