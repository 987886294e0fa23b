//! What light, lens and sensor make of a picture: daylight and lamps, softness, noise.

use std::sync::OnceLock;

use tiny_skia::Pixmap;

use super::dice::Dice;

/// Frames in which daylight comes and goes once.
const DAY: f32 = 2400.0;
/// Fixed point: 128 is 1.
const ONE: f32 = 128.0;
/// Bytes that get noise in one go.
const STRETCH: usize = 2048;

/// A lamp's pool of light in the picture.
#[derive(Clone, Copy, Debug)]
pub struct Lamp {
    /// Its middle, in pixels.
    pub middle: [f32; 2],
    /// How far it reaches, in pixels.
    pub reach: f32,
}

/// The light of a place, and the camera that sees it.
pub struct Light {
    /// How much lamplight each pixel gets, 255 the most.
    pool: Vec<u8>,
    /// The colour of the lamps.
    lamp: [f32; 3],
    /// Where in the day frame 0 is, in radians.
    hour: f32,
    /// How bright the night is, 0 to 1.
    night: f32,
    /// How many times the picture is softened.
    soft: usize,
    /// How strong the noise is, in steps of the sensor by day.
    noise: f32,
}

impl Light {
    /// The light of a place of this size with these lamps; `night` is how bright it is without lamps, 0 to 1.
    pub fn roll((width, height): (u32, u32), lamps: &[Lamp], night: f32, dice: &mut Dice) -> Self {
        let pool = (0..height).flat_map(|y| (0..width).map(move |x| glow(lamps, [x as f32, y as f32]))).collect();
        let warm = dice.range(0.0, 1.0);
        Self {
            pool,
            lamp: [1.0, 0.98 - 0.1 * warm, 0.96 - 0.32 * warm],
            hour: dice.range(0.0, std::f32::consts::TAU),
            night,
            soft: dice.pick(&[0, 0, 1, 1, 2]),
            noise: dice.range(0.8, 3.2),
        }
    }

    /// How much daylight there is, from `night` to 1.
    fn daylight(&self, number: u64) -> f32 {
        let turn = (number % DAY as u64) as f32 / DAY * std::f32::consts::TAU;
        // Most of the day is bright.
        let sun = (0.62 + 0.75 * libm::sinf(self.hour + turn)).clamp(0.0, 1.0);
        self.night + (1.0 - self.night) * sun
    }

    /// The picture as the camera gives it.
    pub fn develop(&self, picture: &mut Pixmap, number: u64, dice: &mut Dice) {
        let day = self.daylight(number);
        self.expose(picture, day);
        for _ in 0..self.soft {
            soften(picture);
        }
        // A sensor that has to see in the dark is noisy.
        let noise = self.noise * (1.0 + 2.2 * (1.0 - day));
        sense(picture, (noise * 16.0) as i16, dice);
    }

    /// Daylight is bluish when there is little of it; lamps are lit then.
    fn expose(&self, picture: &mut Pixmap, day: f32) {
        let dusk = 1.0 - day;
        let sun = [day * (1.0 - 0.12 * dusk), day * (1.0 - 0.05 * dusk), day * (1.0 + 0.05 * dusk)];
        let sun = sun.map(|part| (part * ONE) as u16);
        let lamp = self.lamp.map(|part| (part * dusk * ONE * 1.1) as u16);
        for (pixel, pool) in picture.data_mut().chunks_exact_mut(4).zip(&self.pool) {
            for part in 0..3 {
                // Sixteen bits are enough, and twice as fast.
                let light = (sun[part] + ((lamp[part] * u16::from(*pool)) >> 8)).min(2 * ONE as u16);
                pixel[part] = ((u16::from(pixel[part]) * light) >> 7).min(255) as u8;
            }
        }
    }
}

fn glow(lamps: &[Lamp], [x, y]: [f32; 2]) -> u8 {
    let of = |lamp: &Lamp| {
        let (dx, dy) = ((x - lamp.middle[0]) / lamp.reach, (y - lamp.middle[1]) / lamp.reach);
        let near = (1.0 - (dx * dx + dy * dy) * 0.7).max(0.0);
        near * near
    };
    let sum: f32 = lamps.iter().map(of).sum();
    (sum.min(1.0) * 255.0) as u8
}

/// Mixes each pixel with its neighbours: 1, 2, 1 both ways.
fn soften(picture: &mut Pixmap) {
    let row = picture.width() as usize * 4;
    let mix = |a: u8, b: u8, c: u8| ((u16::from(a) + 2 * u16::from(b) + u16::from(c) + 2) >> 2) as u8;
    let mut across = picture.data().to_vec();
    for (out, line) in across.chunks_exact_mut(row).zip(picture.data().chunks_exact(row)) {
        let neighbours = line.iter().zip(&line[4..]).zip(&line[8..]);
        out[4..].iter_mut().zip(neighbours).for_each(|(out, ((a, b), c))| *out = mix(*a, *b, *c));
    }
    let lines = across.chunks_exact(row).zip(across.chunks_exact(row).skip(1)).zip(across.chunks_exact(row).skip(2));
    for (out, ((above, here), below)) in picture.data_mut().chunks_exact_mut(row).skip(1).zip(lines) {
        let neighbours = above.iter().zip(here).zip(below);
        out.iter_mut().zip(neighbours).for_each(|(out, ((a, b), c))| *out = mix(*a, *b, *c));
    }
}

/// Random steps around 0 with a standard deviation of 16, four for each pixel: most of the noise is one of brightness.
fn grains() -> &'static [i8] {
    static GRAINS: OnceLock<Vec<i8>> = OnceLock::new();
    GRAINS.get_or_init(|| {
        let mut dice = Dice::of(&[0x67_72_61_69_6E]);
        // The sum of twelve even ones is close to normal, with a deviation of 1.
        let mut normal = move || (0..12).map(|_| dice.unit()).sum::<f32>() - 6.0;
        let pixel = |_| {
            let light = normal();
            [normal(), normal(), normal(), 0.0].map(|tint| ((0.95 * light + 0.31 * tint) * 16.0) as i8)
        };
        (0..1 << 15).flat_map(pixel).collect()
    })
}

/// Adds noise with a standard deviation of `strength`, in sixteenths of a step.
fn sense(picture: &mut Pixmap, strength: i16, dice: &mut Dice) {
    let grains = grains();
    for stretch in picture.data_mut().chunks_mut(STRETCH) {
        let from = dice.below((grains.len() - STRETCH) / 4) * 4;
        for (part, grain) in stretch.iter_mut().zip(&grains[from..]) {
            *part = (i16::from(*part) + ((i16::from(*grain) * strength) >> 8)).clamp(0, 255) as u8;
        }
    }
}
