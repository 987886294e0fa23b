//! A thing that stands in the place, drawn once: what of it hides what is behind it.

use tiny_skia::{Pixmap, PremultipliedColorU8, Transform};

use super::brush::{Flat, Space};
use super::lens::Lens;

/// A thing's own pixels, and where they go.
pub struct Sprite {
    /// Column of its left edge in the picture.
    pub left: i32,
    /// Row of its upper edge in the picture.
    pub top: i32,
    /// How far away it stands, in metres: the nearer hides the farther.
    pub depth: f32,
    /// How much room it takes on the ground, as a radius in metres.
    pub room: f32,
    /// Where it stands, in metres to the right.
    pub x: f32,
    pixels: Pixmap,
}

/// The part of a thing's surroundings in which it is drawn, in metres: half its width, how far below and above the ground.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Half of the width.
    pub half_width: f32,
    /// How far it goes below the point it stands on.
    pub below: f32,
    /// How far it goes above.
    pub above: f32,
}

impl Sprite {
    /// A thing that faces the camera and stands at `x`, `z`, drawn in metres around that point.
    pub fn flat(lens: &Lens, [x, z]: [f32; 2], bounds: Bounds, draw: impl FnOnce(&mut Flat<'_>)) -> Option<Self> {
        let scale = lens.scale(z);
        let [column, row] = lens.pixel([x, 0.0, z]);
        let (left, top) =
            ((column - bounds.half_width * scale).floor() as i32, (row - bounds.above * scale).floor() as i32);
        let width = (bounds.half_width * 2.0 * scale).ceil() as u32 + 2;
        let height = ((bounds.above + bounds.below) * scale).ceil() as u32 + 2;
        let mut pixels = Pixmap::new(width, height)?;
        let place = Transform::from_row(scale, 0.0, 0.0, -scale, column - left as f32, row - top as f32);
        draw(&mut Flat { canvas: &mut pixels, place });
        Some(Self { left, top, depth: z, room: bounds.half_width * 0.7, x, pixels })
    }

    /// A thing in space around `x`, `z`.
    pub fn solid(lens: &Lens, [x, z]: [f32; 2], room: f32, draw: impl FnOnce(&mut Space<'_>)) -> Option<Self> {
        let mut pixels = Pixmap::new(lens.width as u32, lens.height as u32)?;
        draw(&mut Space { canvas: &mut pixels, lens: *lens });
        let (left, top, pixels) = cropped(&pixels)?;
        Some(Self { left, top, depth: z, room, x, pixels })
    }

    /// The same thing, taking this much room on the ground.
    pub fn taking(self, room: f32) -> Self {
        Self { room, ..self }
    }

    /// Whether a part of it may lie in a picture of this size.
    pub fn is_in_sight(&self, width: i32, height: i32) -> bool {
        let (right, bottom) = (self.left + self.pixels.width() as i32, self.top + self.pixels.height() as i32);
        self.left < width && self.top < height && right > 0 && bottom > 0
    }

    /// Pixels that the whole thing covers by half or more, in the picture and beyond its border.
    pub fn area(&self) -> u32 {
        self.pixels.pixels().iter().filter(|pixel| covers(**pixel)).count() as u32
    }

    /// Lays the thing over the picture. Where it covers by half or more, `owners` says `owner`.
    pub fn paste(&self, picture: &mut Pixmap, owners: &mut [u8], owner: u8) {
        let (width, height) = (picture.width() as i32, picture.height() as i32);
        let own = self.pixels.width() as i32;
        let columns = self.left.max(0)..(self.left + own).min(width);
        if columns.is_empty() {
            return;
        }
        for row in self.top.max(0)..(self.top + self.pixels.height() as i32).min(height) {
            let from = ((row - self.top) * own + columns.start - self.left) as usize;
            let to = (row * width + columns.start) as usize;
            let source = &self.pixels.pixels()[from..from + columns.len()];
            let target = &mut picture.pixels_mut()[to..to + columns.len()];
            let owners = &mut owners[to..to + columns.len()];
            for ((target, source), place) in target.iter_mut().zip(source).zip(owners) {
                if source.alpha() > 0 {
                    *target = over(*source, *target);
                    *place = if covers(*source) { owner } else { *place };
                }
            }
        }
    }
}

fn covers(pixel: PremultipliedColorU8) -> bool {
    pixel.alpha() >= 128
}

/// `source` over an opaque `target`.
fn over(source: PremultipliedColorU8, target: PremultipliedColorU8) -> PremultipliedColorU8 {
    let rest = 255 - u32::from(source.alpha());
    if rest == 0 {
        return source;
    }
    let mix = |source: u8, target: u8| (u32::from(source) + u32::from(target) * rest / 255).min(255) as u8;
    let [red, green, blue] =
        [mix(source.red(), target.red()), mix(source.green(), target.green()), mix(source.blue(), target.blue())];
    PremultipliedColorU8::from_rgba(red, green, blue, 255).unwrap_or(target)
}

/// The part of a pixmap that has something on it.
fn cropped(pixels: &Pixmap) -> Option<(i32, i32, Pixmap)> {
    let (width, seen) = (pixels.width() as usize, |pixel: &PremultipliedColorU8| pixel.alpha() > 0);
    let rows: Vec<_> =
        pixels.pixels().chunks(width).map(|row| (row.iter().position(seen), row.iter().rposition(seen))).collect();
    let top = rows.iter().position(|(first, _)| first.is_some())?;
    let bottom = rows.iter().rposition(|(first, _)| first.is_some())?;
    let left = rows.iter().filter_map(|(first, _)| *first).min()?;
    let right = rows.iter().filter_map(|(_, last)| *last).max()?;
    let area = tiny_skia::IntRect::from_ltrb(left as i32, top as i32, right as i32 + 1, bottom as i32 + 1)?;
    Some((left as i32, top as i32, pixels.clone_rect(area)?))
}
