//! `kind = "resize"`: pictures of another size.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use operators::Flaw;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::{Limits, Pixels};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;

/// Makes pictures smaller, or larger if told so. Detections go with what they lie on.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Resize {
    /// The width in pixels. With `fit` and `exact` it may be left out: it then follows the height.
    width: Option<u32>,
    /// The height in pixels. With `fit` and `exact` it may be left out: it then follows the width.
    height: Option<u32>,
    /// `fit`: as large as fits into width and height, proportions kept. `fill`: fills both, proportions kept, and what
    /// stands over is cut off on both sides. `exact`: both, whatever becomes of the proportions.
    mode: Mode,
    /// How pixels are made of others: `nearest` (hard edges), `box`, `bilinear`, `hamming`, `bicubic`, `lanczos` (the
    /// sharpest).
    filter: Filter,
    /// Whether a picture that is smaller is made larger. Else no side ever grows.
    enlarge: bool,
}

/// What becomes of the proportions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// They are kept: one side may end up smaller than asked for.
    #[default]
    Fit,
    /// They are kept, and what stands over is cut off.
    Fill,
    /// They are not kept.
    Exact,
}

/// How pixels are made of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Filter {
    /// The nearest pixel.
    Nearest,
    /// The mean of the pixels.
    Box,
    /// Straight lines.
    Bilinear,
    /// A Hamming window.
    Hamming,
    /// Catmull-Rom.
    Bicubic,
    /// Lanczos with three lobes.
    #[default]
    Lanczos,
}

impl From<Filter> for ResizeAlg {
    fn from(filter: Filter) -> Self {
        Self::Convolution(match filter {
            Filter::Nearest => return Self::Nearest,
            Filter::Box => FilterType::Box,
            Filter::Bilinear => FilterType::Bilinear,
            Filter::Hamming => FilterType::Hamming,
            Filter::Bicubic => FilterType::CatmullRom,
            Filter::Lanczos => FilterType::Lanczos3,
        })
    }
}

impl StepConfig for Resize {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        let Limits { pixels, side } = context.picture;
        let sides = [("width", self.width), ("height", self.height)];
        let wrong = sides.into_iter().find(|(_, value)| value.is_some_and(|value| !(1..=side).contains(&value)));
        if let Some((field, _)) = wrong {
            return Err(Mistake::at(field, format!("`{field}` has to be from 1 to {side} pixels")));
        }
        match (self.width, self.height) {
            (None, None) => Err(Mistake::new("say how large: `width`, `height` or both, in pixels")),
            (None, _) | (_, None) if self.mode == Mode::Fill => {
                Err(Mistake::at("mode", "`fill` needs both `width` and `height`: add the other one"))
            }
            (Some(width), Some(height)) if u64::from(width) * u64::from(height) > pixels => {
                Err(Mistake::at("width", format!("{width}×{height} is more than the {pixels} pixels of `max_pixels`")))
            }
            _ => Ok(()),
        }
    }

    fn describe(&self) -> String {
        let side = |side: Option<u32>| side.map_or("…".to_owned(), |side| side.to_string());
        let mode = format!("{:?}", self.mode).to_lowercase();
        let larger = if self.enlarge { "" } else { ", never larger" };
        format!("resizes to {}×{} ({mode}{larger})", side(self.width), side(self.height))
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Resizing { config: self.clone(), limits: context.picture, resizer: Resizer::new() }))
    }
}

/// What a picture becomes: the part of it that is kept (left, top, width, height), and the size of that.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Target {
    part: [f64; 4],
    size: [u32; 2],
}

impl Resize {
    fn target(&self, pixels: &Pixels) -> Target {
        let from = [pixels.width, pixels.height];
        let asked = [self.width, self.height];
        let whole = [0.0, 0.0, f64::from(from[0]), f64::from(from[1])];
        let scales = [0, 1].map(|axis| asked[axis].map(|side| f64::from(side) / f64::from(from[axis])));
        let capped = |scale: f64| if self.enlarge { scale } else { scale.min(1.0) };
        let given = || scales.into_iter().flatten();
        // In f64 and to the nearest, as Pillow's `contain` does.
        let scaled = |scale: f64| from.map(|side| (f64::from(side) * scale).round().clamp(1.0, 4e9) as u32);
        match self.mode {
            Mode::Fit => Target { part: whole, size: scaled(capped(given().fold(f64::INFINITY, f64::min))) },
            Mode::Fill => {
                let scale = capped(given().fold(0.0, f64::max));
                let large = scaled(scale);
                let size = [0, 1].map(|axis| asked[axis].unwrap_or(large[axis]).min(large[axis]));
                Target { part: middle(from, size, scale), size }
            }
            Mode::Exact => {
                let side = |axis: usize| match asked[axis] {
                    Some(side) if self.enlarge => side,
                    Some(side) => side.min(from[axis]),
                    None => scaled(capped(given().fold(f64::INFINITY, f64::min)))[axis],
                };
                Target { part: whole, size: [side(0), side(1)] }
            }
        }
    }
}

/// The part in the middle of a picture that gives `size` at `scale`.
fn middle(from: [u32; 2], size: [u32; 2], scale: f64) -> [f64; 4] {
    let part = [0, 1].map(|axis| (f64::from(size[axis]) / scale).min(f64::from(from[axis])));
    let start = [0, 1].map(|axis| (f64::from(from[axis]) - part[axis]) / 2.0);
    // Half a pixel at the same size would blur all of it.
    let start = if scale == 1.0 { start.map(f64::floor) } else { start };
    [start[0], start[1], part[0], part[1]]
}

/// Where a part begins whose first pixel lies exactly on one of the picture: a millionth beside that. `fast_image_resize`
/// leaves out leading weights of zero, which such a pixel has at whole distances, and takes it for the leftmost one: a
/// later one begins before it then, and the difference underflows.
fn beside(start: f64, length: f64, size: u32) -> f64 {
    let first = start + length / f64::from(size) / 2.0 - 0.5;
    let is_on_one = (first - first.round()).abs() < 1e-6;
    if start > 1e-5 && is_on_one { start - 1e-5 } else { start }
}

/// The step of one worker.
struct Resizing {
    config: Resize,
    limits: Limits,
    resizer: Resizer,
}

impl Each for Resizing {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        let target = self.config.target(picture.pixels(&self.limits)?);
        let Target { part: [left, top, width, height], size } = target;
        // A narrow picture that is to be wide may become larger than the job takes.
        self.limits.admit_size("resized to ", size)?;
        let pixels = picture.decoded().expect("decoded above");
        if size == [pixels.width, pixels.height] {
            return Ok(Verdict::GoesOn);
        }
        picture.timed("scale", |picture| {
            let pixels = self.resized(picture.decoded().expect("decoded above"), target);
            let scales = [f64::from(size[0]) / width, f64::from(size[1]) / height].map(|scale| scale as f32);
            picture.replace(pixels, |[x, y]| [(x - left as f32) * scales[0], (y - top as f32) * scales[1]]);
        });
        Ok(Verdict::GoesOn)
    }
}

impl Resizing {
    fn resized(&mut self, pixels: &Pixels, Target { part, size: [width, height] }: Target) -> Pixels {
        let full =
            ImageRef::new(pixels.width, pixels.height, &pixels.rgb, PixelType::U8x3).expect("three bytes a pixel");
        let mut image = Image::new(width, height, PixelType::U8x3);
        let [left, top, across, down] = part;
        let (left, top) = (beside(left, across, width), beside(top, down, height));
        let options = ResizeOptions::new().resize_alg(self.config.filter.into()).crop(left, top, across, down);
        self.resizer
            .resize(&full, &mut image, &options)
            .expect("both images are of one kind, and the part lies inside");
        Pixels { width, height, rgb: image.into_vec() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::raster::tests::pattern;

    fn mode() -> impl Strategy<Value = Mode> {
        prop_oneof![Just(Mode::Fit), Just(Mode::Fill), Just(Mode::Exact)]
    }

    /// Catches a part whose first pixel lies on one of the picture: it once panicked.
    #[test]
    fn a_part_that_begins_on_a_pixel_is_resized() {
        let (mode, filter) = (Mode::Fill, Filter::Bicubic);
        let config = Resize { width: Some(11), height: Some(65), mode, filter, enlarge: true };
        let pixels = pattern(75, 39, 1);
        let target = config.target(&pixels);
        let mut resizing = Resizing { config, limits: Limits::default(), resizer: Resizer::new() };
        assert_eq!(resizing.resized(&pixels, target).rgb.len(), 11 * 65 * 3);
    }

    proptest! {
        /// Catches a size that is not what was asked for, a part that leaves the picture, and a panic on odd sizes.
        #[test]
        fn sizes_are_what_was_asked_for(
            (width, height) in (1..90_u32, 1..90_u32), (w, h) in (1..90_u32, 1..90_u32), mode in mode(),
            only_one: bool, enlarge: bool, filter in 0..6_usize,
        ) {
            let filter = [Filter::Nearest, Filter::Box, Filter::Bilinear, Filter::Hamming, Filter::Bicubic, Filter::Lanczos][filter];
            let asked = (only_one && mode != Mode::Fill).then_some(()).map_or(Some(h), |()| None);
            let config = Resize { width: Some(w), height: asked, mode, filter, enlarge };
            let pixels = pattern(width, height, 1);
            let target = config.target(&pixels);
            let mut resizing = Resizing { config, limits: Limits::default(), resizer: Resizer::new() };
            let resized = resizing.resized(&pixels, target);
            prop_assert_eq!([resized.width, resized.height], target.size);
            prop_assert_eq!(resized.rgb.len(), (resized.width * resized.height * 3) as usize);
            let [left, top, across, down] = target.part;
            prop_assert!(left >= 0.0 && top >= 0.0);
            prop_assert!(left + across <= f64::from(width) + 1e-9 && top + down <= f64::from(height) + 1e-9);
            let smaller = target.size[0] <= width && target.size[1] <= height;
            prop_assert!(enlarge || smaller, "{target:?}");
            prop_assert!(target.size[0] <= w && asked.is_none_or(|h| target.size[1] <= h), "{target:?}");
            if enlarge && mode != Mode::Fit && let Some(h) = asked {
                prop_assert_eq!(target.size, [w, h]);
            }
        }
    }
}
