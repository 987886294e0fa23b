//! A rendered camera: what frame `number` of camera `camera` shows, and what is truly there.
//!
//! A frame is a function of (seed, camera, number), and of the size: no clock, no state, no thread, no codec that a build
//! may choose has a part in it.

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use tiny_skia::{Pixmap, Transform};

use super::brush::Flat;
use super::dice::Dice;
use super::figure;
use super::light::Light;
use super::places::{PLACES, Place};
use super::sprite::Sprite;
use super::walk::{self, Walker};
use crate::truth::{Person, SEGMENT, Truth};

/// What is nobody's.
const NOBODY: u8 = 255;

/// A rendered camera.
pub struct View {
    seed: u64,
    camera: u64,
    scene: &'static str,
    place: Place,
    light: Light,
    quality: u8,
    /// Where the light comes from: -1 from the left, 1 from the right.
    sun: f32,
}

impl View {
    /// Camera number `camera`, for pictures of this size. Cameras see the four places in turn, where none is named.
    ///
    /// ```
    /// use vigie::sources::synthetic::View;
    /// let view = View::new(7, 0, (640, 480), None);
    /// let (jpeg, truth) = view.frame(12);
    /// assert_eq!(view.frame(12).0, jpeg, "a frame can be drawn again");
    /// assert_eq!(vigie::truth::Truth::of(&jpeg), Some(truth), "and carries its truth");
    /// ```
    pub fn new(seed: u64, camera: u64, size: (u32, u32), scene: Option<&str>) -> Self {
        let named = PLACES.iter().find(|place| Some(place.name) == scene);
        let row = named.unwrap_or(&PLACES[(camera % PLACES.len() as u64) as usize]);
        let mut dice = Dice::of(&[seed, camera, 1]);
        let place = (row.roll)(size, &mut dice);
        let light = Light::roll(size, &place.lamps, place.night, &mut Dice::of(&[seed, camera, 2]));
        let mut dice = Dice::of(&[seed, camera, 3]);
        let (quality, sun) = (60 + dice.below(36) as u8, dice.pick(&[-1.0, 1.0]));
        Self { seed, camera, scene: row.name, place, light, quality, sun }
    }

    /// Width and height of its pictures.
    pub fn size(&self) -> (u32, u32) {
        (self.place.backdrop.width(), self.place.backdrop.height())
    }

    /// A frame as a JPEG with its truth inside, and that truth.
    pub fn frame(&self, number: u64) -> (Bytes, Truth) {
        let (mut picture, persons) = self.draw(number);
        let (seed, camera, scene) = (self.seed, self.camera, self.scene.to_owned());
        let truth = Truth { seed, camera, number, scene, persons };
        self.light.develop(&mut picture, number, &mut Dice::of(&[seed, camera, 4, number]));
        (jpeg(&picture, self.quality, &truth), truth)
    }

    /// The place with everybody in it, in even light.
    fn draw(&self, number: u64) -> (Pixmap, Vec<Person>) {
        let mut picture = self.place.backdrop.clone();
        let mut owners = vec![NOBODY; picture.pixels().len()];
        let walkers = walk::walkers(&self.place, &self.place.lens, [self.seed, self.camera], number);
        let figures: Vec<_> = walkers.iter().filter_map(|walker| self.figure(walker)).collect();
        let mut layers: Vec<_> = figures.iter().enumerate().map(|(owner, figure)| (figure, owner as u8)).collect();
        layers.extend(self.place.props.iter().map(|prop| (prop, NOBODY)));
        layers.sort_by(|(a, _), (b, _)| b.depth.total_cmp(&a.depth));
        for (sprite, owner) in &layers {
            if *owner != NOBODY {
                self.shadow(&mut picture, sprite);
            }
            sprite.paste(&mut picture, &mut owners, *owner);
        }
        let mut seen = seen(&owners, picture.width() as usize, figures.len());
        let order = layers.iter().filter(|(_, owner)| *owner != NOBODY);
        let persons = order.filter_map(|(sprite, owner)| seen[usize::from(*owner)].take()?.person(sprite.area()));
        let persons = persons.collect();
        (picture, persons)
    }

    fn figure(&self, Walker { looks, pose, at }: &Walker) -> Option<Sprite> {
        let sprite = Sprite::flat(&self.place.lens, *at, figure::bounds(looks.height), |flat| {
            figure::draw(flat, looks, *pose);
            flat.shade(self.sun, 0.38);
        });
        let lens = &self.place.lens;
        sprite.filter(|sprite| sprite.is_in_sight(lens.width as i32, lens.height as i32))
    }

    /// A soft dark patch at somebody's feet, away from the light.
    fn shadow(&self, picture: &mut Pixmap, of: &Sprite) {
        let lens = &self.place.lens;
        let (scale, [x, y]) = (lens.scale(of.depth), lens.pixel([of.x, 0.0, of.depth]));
        let place = Transform::from_row(scale, 0.0, 0.0, -scale * 0.28, x, y);
        let mut flat = Flat { canvas: picture, place };
        for (reach, opacity) in [(0.46, 0.14), (0.32, 0.2), (0.2, 0.24)] {
            flat.dim([-self.sun * reach * 0.4, 0.0], reach, reach * 0.75, opacity);
        }
    }
}

/// What is seen of somebody: pixels, and the columns and rows they lie in.
#[derive(Clone, Copy)]
struct Seen {
    pixels: u32,
    columns: (usize, usize),
    rows: (usize, usize),
}

impl Seen {
    fn person(self, whole: u32) -> Option<Person> {
        let Self { pixels, columns: (left, right), rows: (top, bottom) } = self;
        let area = [left as f32, top as f32, (right - left + 1) as f32, (bottom - top + 1) as f32];
        (whole > 0).then(|| Person { area, pixels, visible: (pixels as f32 / whole as f32 * 1000.0).round() / 1000.0 })
    }
}

/// What is seen of each of `count` people.
fn seen(owners: &[u8], width: usize, count: usize) -> Vec<Option<Seen>> {
    let mut seen = vec![None; count];
    for (row, owners) in owners.chunks_exact(width).enumerate() {
        // Most rows are nobody's: to look at eight places at once is cheaper.
        for (eight, owners) in owners.chunks(8).enumerate() {
            if owners.iter().all(|owner| *owner == NOBODY) {
                continue;
            }
            for (at, owner) in owners.iter().enumerate().filter(|(_, owner)| **owner != NOBODY) {
                let column = eight * 8 + at;
                let of: &mut Seen = seen[usize::from(*owner)].get_or_insert(Seen {
                    pixels: 0,
                    columns: (column, column),
                    rows: (row, row),
                });
                of.pixels += 1;
                of.columns = (of.columns.0.min(column), of.columns.1.max(column));
                of.rows.1 = row;
            }
        }
    }
    seen
}

/// Y, Cb and Cr of each pixel (JFIF: ITU-R BT.601 over the full range).
fn luma_and_chroma(picture: &Pixmap) -> Vec<u8> {
    let mut bytes = vec![0; picture.pixels().len() * 3];
    for (out, pixel) in bytes.chunks_exact_mut(3).zip(picture.data().chunks_exact(4)) {
        let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(i32::from);
        // Scaled by 2¹⁶; half of that rounds.
        out[0] = ((19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >> 16) as u8;
        out[1] = ((-11_059 * red - 21_709 * green + 32_768 * blue + (128 << 16) + 32_767) >> 16) as u8;
        out[2] = ((32_768 * red - 27_439 * green - 5_329 * blue + (128 << 16) + 32_767) >> 16) as u8;
    }
    bytes
}

/// Always by the encoder in Rust, so that every build gives the same bytes; from our own Y, Cb and Cr, which takes half the
/// time of its own.
fn jpeg(picture: &Pixmap, quality: u8, truth: &Truth) -> Bytes {
    let mut jpeg = Vec::with_capacity(picture.data().len() / 8);
    let mut encoder = Encoder::new(&mut jpeg, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.add_app_segment(SEGMENT, truth.to_segment()).expect("a few persons fit a segment");
    let (width, height) = (picture.width() as u16, picture.height() as u16);
    encoder.encode(&luma_and_chroma(picture), width, height, ColorType::Ycbcr).expect("the size is the picture's own");
    jpeg.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches boxes beyond the border, shares over 1, a place without people, and a size at which painting fails.
    #[test]
    fn the_truth_lies_in_the_picture() {
        for (camera, size) in [(0, (640, 480)), (1, (160, 120)), (2, (641, 479)), (3, (800, 300))] {
            let view = View::new(7, camera, size, None);
            let (width, height) = (size.0 as f32, size.1 as f32);
            let mut persons = 0;
            for number in (0..100).step_by(7) {
                let (jpeg, truth) = view.frame(number);
                assert_eq!(Truth::of(&jpeg).as_ref(), Some(&truth));
                for Person { area: [x, y, w, h], pixels, visible } in &truth.persons {
                    assert!(*x >= 0.0 && *y >= 0.0 && x + w <= width && y + h <= height, "{truth:?}");
                    assert!(*visible > 0.0 && *visible <= 1.0 && *pixels > 0 && *pixels as f32 <= w * h, "{truth:?}");
                }
                persons += truth.persons.len();
            }
            assert!(persons > 10, "{persons} persons in 15 frames of a {}", view.scene);
        }
    }

    /// Catches a frame that remembers what was drawn before it, and cameras or seeds that show the same.
    #[test]
    fn a_frame_is_told_by_its_names_alone() {
        let view = View::new(7, 0, (160, 120), None);
        let late = view.frame(1_000_000).0;
        view.frame(3);
        assert_eq!(view.frame(1_000_000).0, late);
        for (seed, camera) in [(8, 0), (7, 4)] {
            assert_ne!(View::new(seed, camera, (160, 120), None).frame(1_000_000).0, late);
        }
        // Whatever a user asks for.
        view.frame(u64::MAX);
    }
}
