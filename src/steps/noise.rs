//! `kind = "noise"`: pictures made worse on purpose, to see what a model makes of them.

use operators::{Flaw, Frame};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::{self, Form, Limits, Pixels};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;
use crate::raster::blur;

/// Makes pictures worse, to see from when on a model fails. The same frame always gets the same noise, and its level stands in
/// `values.noise`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// `gaussian`: each value is off by chance; `salt-pepper`: pixels are white or black by chance; `jpeg`: compressed
    /// badly; `blur`: out of focus.
    #[serde(default)]
    style: Style,
    /// How much, 0 to 1: the standard deviation as a share of white; the share of pixels; 1 less the quality as a share of
    /// 100; the deviation as a share of a sixth of the shorter side. A list is spread over the frames by their number.
    #[serde(default = "tenth")]
    level: Levels,
    /// Another number is other noise.
    #[serde(default)]
    seed: u64,
}

fn tenth() -> Levels {
    Levels::One(0.1)
}

/// What is made worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Style {
    /// Each value is off by chance.
    #[default]
    Gaussian,
    /// Pixels are white or black by chance.
    SaltPepper,
    /// It is compressed badly.
    Jpeg,
    /// It is out of focus.
    Blur,
}

/// One level, or several in turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a number, or a list of numbers")]
enum Levels {
    /// For all frames.
    One(f32),
    /// The frame's number chooses.
    Several(Vec<f32>),
}

impl Levels {
    fn all(&self) -> &[f32] {
        match self {
            Levels::One(level) => std::slice::from_ref(level),
            Levels::Several(levels) => levels,
        }
    }

    /// The level of a frame: each in turn.
    fn of(&self, frame: &Frame) -> f32 {
        let all = self.all();
        let turn = frame.number.0.checked_rem(all.len() as u64).unwrap_or_default();
        all.get(turn as usize).copied().unwrap_or_default()
    }
}

impl StepConfig for Noise {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        let levels = self.level.all();
        let sound = !levels.is_empty() && levels.iter().all(|level| (0.0..=1.0).contains(level));
        sound
            .then_some(())
            .ok_or_else(|| Mistake::at("level", "`level` is a number between 0 and 1, or a list of such numbers"))
    }

    fn describe(&self) -> String {
        let levels: Vec<_> = self.level.all().iter().map(f32::to_string).collect();
        let style = match self.style {
            Style::Gaussian => "gaussian",
            Style::SaltPepper => "salt-pepper",
            Style::Jpeg => "jpeg",
            Style::Blur => "blur",
        };
        format!("adds {style} noise, level {}", levels.join(", "))
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Spoiling { config: self.clone(), limits: context.picture }))
    }
}

/// The step of one worker.
struct Spoiling {
    config: Noise,
    limits: Limits,
}

impl Each for Spoiling {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        let level = self.config.level.of(&picture.frame);
        picture.values.insert("noise".to_owned(), told(level));
        if level == 0.0 {
            return Ok(Verdict::GoesOn);
        }
        let mut dice = Dice::new(&picture.frame, self.config.seed);
        picture.pixels(&self.limits)?;
        picture.timed("noise", |picture| {
            let canvas = picture.canvas(&self.limits)?;
            match self.config.style {
                Style::Gaussian => gaussian(canvas, level, &mut dice),
                Style::SaltPepper => salt_and_pepper(canvas, level, &mut dice),
                Style::Jpeg => *canvas = compressed(canvas, level, &self.limits)?,
                Style::Blur => blur::gaussian(canvas, level * canvas.width.min(canvas.height) as f32 / 6.0),
            }
            Ok(Verdict::GoesOn)
        })
    }
}

/// A level as it was written: 0.1, not the 0.10000000149011612 that 64 bits make of it.
fn told(level: f32) -> Value {
    level.to_string().parse::<f64>().unwrap_or(f64::from(level)).into()
}

/// Numbers by chance, the same for the same frame on every machine.
struct Dice {
    stream: blake3::OutputReader,
    drawn: [u8; 4096],
    at: usize,
}

impl Dice {
    fn new(frame: &Frame, seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [frame.camera.as_str().as_bytes(), frame.id.as_str().as_bytes(), &seed.to_be_bytes()] {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
        }
        Self { stream: hasher.finalize_xof(), drawn: [0; 4096], at: 4096 }
    }

    fn next(&mut self) -> u32 {
        if self.at == self.drawn.len() {
            self.stream.fill(&mut self.drawn);
            self.at = 0;
        }
        self.at += 4;
        u32::from_le_bytes(self.drawn[self.at - 4..self.at].try_into().expect("four bytes"))
    }

    /// From just over 0 to 1.
    fn share(&mut self) -> f32 {
        ((self.next() >> 8) + 1) as f32 / (1 << 24) as f32
    }

    /// Two numbers of a normal distribution (Box and Muller).
    fn normal(&mut self) -> [f32; 2] {
        let (radius, angle) = (libm::sqrtf(-2.0 * libm::logf(self.share())), std::f32::consts::TAU * self.share());
        let (sin, cos) = libm::sincosf(angle);
        [radius * cos, radius * sin]
    }
}

fn gaussian(canvas: &mut Pixels, level: f32, dice: &mut Dice) {
    let deviation = level * 255.0;
    for pair in canvas.rgb.chunks_mut(2) {
        for (value, by) in pair.iter_mut().zip(dice.normal()) {
            *value = (f32::from(*value) + by * deviation).round().clamp(0.0, 255.0) as u8;
        }
    }
}

fn salt_and_pepper(canvas: &mut Pixels, level: f32, dice: &mut Dice) {
    for pixel in canvas.rgb.as_chunks_mut::<3>().0 {
        let draw = dice.next();
        if ((draw >> 1) as f32) < level * (1_u32 << 31) as f32 {
            *pixel = if draw & 1 == 1 { [255; 3] } else { [0; 3] };
        }
    }
}

/// As after a JPEG of bad quality.
fn compressed(canvas: &Pixels, level: f32, limits: &Limits) -> Result<Pixels, Flaw> {
    let quality = (100.0 - 99.0 * level).round() as u8;
    let jpeg = codec::encode_as(Form::Jpeg(Some(quality)), canvas, &[], 1.0)?;
    // It may have grown since it came, and is no larger for it.
    let limits = Limits { pixels: u64::MAX, side: limits.side.max(canvas.width).max(canvas.height) };
    codec::decode(&jpeg, &limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::picture;

    fn grey() -> Pixels {
        Pixels { width: 200, height: 100, rgb: vec![128; 60_000] }
    }

    /// Catches noise that is stronger or weaker than was asked for.
    #[test]
    fn noise_is_as_strong_as_its_level() {
        let frame = picture("".into()).frame;
        let mut noisy = grey();
        gaussian(&mut noisy, 0.1, &mut Dice::new(&frame, 0));
        let off = noisy.rgb.iter().map(|value| f64::from(*value) - 128.0);
        let (mean, squares) = off.fold((0.0, 0.0), |(sum, squares), off| (sum + off, squares + off * off));
        assert!((mean / 60_000.0).abs() < 0.5 && ((squares / 60_000.0).sqrt() - 25.5).abs() < 0.5);
        let mut noisy = grey();
        salt_and_pepper(&mut noisy, 0.25, &mut Dice::new(&frame, 0));
        let count = |value: u8| noisy.rgb.as_chunks::<3>().0.iter().filter(|pixel| **pixel == [value; 3]).count();
        assert!(count(0).abs_diff(2500) < 200 && count(255).abs_diff(2500) < 200, "{} {}", count(0), count(255));
    }

    /// Catches noise that is other the second time: a frame that comes again has to give the same result.
    #[test]
    fn the_same_frame_gets_the_same_noise() {
        let noisy = |id: &str, number: u64, seed: u64| {
            let jpeg = codec::encode_as(Form::Jpeg(Some(90)), &grey(), &[], 1.0).unwrap();
            let mut picture = picture(jpeg);
            picture.frame.id = id.into();
            picture.frame.number.0 = number;
            let config = Noise { style: Style::Gaussian, level: Levels::Several(vec![0.0, 0.1, 0.5]), seed };
            Spoiling { config, limits: Limits::default() }.each(&mut picture).unwrap();
            assert_eq!(picture.values["noise"], [0.0, 0.1, 0.5][number as usize % 3]);
            picture.canvas(&Limits::default()).unwrap().clone()
        };
        assert_eq!(noisy("7", 1, 0), noisy("7", 1, 0));
        assert_ne!(noisy("7", 1, 0), noisy("8", 1, 0));
        assert_ne!(noisy("7", 1, 0), noisy("7", 1, 1));
        assert_ne!(noisy("7", 1, 0), noisy("7", 2, 0), "another level");
        assert!(noisy("7", 3, 0).rgb.iter().all(|value| value.abs_diff(128) <= 2), "no noise at level 0");
    }
}
