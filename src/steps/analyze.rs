//! `kind = "analyze"`: what can be said of pictures without a model.

use operators::Flaw;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::{self, Format, Header, Limits, Pixels};
use crate::context::Context;
use crate::exif;
use crate::mistake::Mistake;
use crate::picture::Picture;
use crate::raster::luma;

/// Measures pictures. What comes out is in the report, under `values`: `width`, `height`, `format`, `bytes`, `brightness`
/// (mean, 0 to 255), `contrast` (standard deviation), `sharpness` (variance of the Laplacian: blurred pictures are under
/// 100), `entropy` (bits a pixel, 0 to 8), and `exif` with what the camera says.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Analyze {
    /// Whether the place where a picture was taken (EXIF) is told as well: `exif.latitude`, `.longitude`, `.altitude`.
    gps: bool,
}

impl StepConfig for Analyze {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        Ok(())
    }

    fn describe(&self) -> String {
        let gps = if self.gps { " and place" } else { "" };
        format!("measures size, brightness, contrast, sharpness, entropy; reads EXIF{gps}")
    }

    fn gives(&self, _: &Context) -> Vec<String> {
        VALUES.map(str::to_owned).into()
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Measuring { gps: self.gps, limits: context.picture }))
    }
}

/// All that it says, under these names.
const VALUES: [&str; 9] =
    ["width", "height", "brightness", "contrast", "sharpness", "entropy", "format", "bytes", "exif"];

/// The step of one worker.
struct Measuring {
    gps: bool,
    limits: Limits,
}

impl Each for Measuring {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        picture.pixels(&self.limits)?;
        picture.timed("analyze", |picture| {
            let pixels = picture.decoded().expect("decoded above");
            let mut values = measures(pixels);
            values.extend(self.said(&picture.frame.bytes));
            picture.values.extend(values);
        });
        Ok(Verdict::GoesOn)
    }
}

impl Measuring {
    /// What the bytes say of themselves.
    fn said(&self, bytes: &[u8]) -> Map<String, Value> {
        let format = Header::read(bytes).ok().map(|header| match header.format {
            Format::Jpeg => "jpeg",
            Format::Png => "png",
        });
        let mut said = Map::new();
        said.insert("format".into(), format.into());
        said.insert("bytes".into(), bytes.len().into());
        let exif = codec::exif(bytes).map(|block| exif::read(block, self.gps)).unwrap_or_default();
        if !exif.is_empty() {
            said.insert("exif".into(), exif.into());
        }
        said
    }
}

fn measures(pixels: &Pixels) -> Map<String, Value> {
    let luma = luma::plane(pixels);
    let (mean, deviation) = spread(luma.iter().map(|value| f64::from(*value)));
    let (_, edges) = spread(laplacian(&luma, pixels.width as usize));
    let values = json!({
        "width": pixels.width,
        "height": pixels.height,
        "brightness": rounded(mean),
        "contrast": rounded(deviation),
        "sharpness": rounded(edges * edges),
        "entropy": rounded(entropy(&luma)),
    });
    values.as_object().cloned().unwrap_or_default()
}

/// To a thousandth: more says nothing of a picture.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Mean and standard deviation.
fn spread(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (count, sum, squares) =
        values.fold((0.0, 0.0, 0.0), |(n, sum, squares), v| (n + 1.0, sum + v, squares + v * v));
    let mean = sum / f64::max(count, 1.0);
    (mean, (squares / f64::max(count, 1.0) - mean * mean).max(0.0).sqrt())
}

/// At each pixel, the sum of its four neighbours less four times itself. Beyond an edge stands what stands before it, as
/// in a mirror on the last pixel.
fn laplacian(luma: &[u8], width: usize) -> impl Iterator<Item = f64> {
    let height = luma.len() / width;
    let before = |at: usize, length: usize| if at > 0 { at - 1 } else { 1.min(length - 1) };
    let after = |at: usize, length: usize| if at + 1 < length { at + 1 } else { at.saturating_sub(1) };
    let at = move |x: usize, y: usize| f64::from(luma[y * width + x]);
    (0..luma.len()).map(move |index| {
        let (x, y) = (index % width, index / width);
        let across = at(before(x, width), y) + at(after(x, width), y);
        let down = at(x, before(y, height)) + at(x, after(y, height));
        across + down - 4.0 * at(x, y)
    })
}

/// Shannon's, of the histogram: how many bits a pixel needs at least, were all pixels on their own.
fn entropy(luma: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    luma.iter().for_each(|value| counts[usize::from(*value)] += 1);
    let shares = counts.into_iter().filter(|count| *count > 0).map(|count| f64::from(count) / luma.len() as f64);
    -shares.map(|share| share * libm::log2(share)).sum::<f64>()
}
