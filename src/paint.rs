//! Rectangles and text on pixels. Whatever lies outside the picture is left out.

use std::collections::HashMap;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};

use crate::codec::Pixels;

/// Red, green, blue.
pub type Colour = [u8; 3];

/// A rectangle of pixels, from left and top to just before right and bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// The first column.
    pub left: i32,
    /// The first row.
    pub top: i32,
    /// The column after the last.
    pub right: i32,
    /// The row after the last.
    pub bottom: i32,
}

impl Rect {
    /// By its top left corner and its size.
    pub fn sized(left: i32, top: i32, width: i32, height: i32) -> Self {
        Self { left, top, right: left.saturating_add(width), bottom: top.saturating_add(height) }
    }

    /// All of a picture.
    pub fn of(pixels: &Pixels) -> Self {
        Self::sized(0, 0, pixels.width as i32, pixels.height as i32)
    }

    /// What two rectangles share, if anything.
    pub fn and(self, other: Self) -> Option<Self> {
        let shared = Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        };
        (shared.left < shared.right && shared.top < shared.bottom).then_some(shared)
    }

    /// Columns.
    pub fn width(self) -> i32 {
        self.right - self.left
    }

    /// Rows.
    pub fn height(self) -> i32 {
        self.bottom - self.top
    }

    /// Moved as little as needed to lie inside `other`; to its left and top where it is too large.
    pub fn moved_into(self, other: Self) -> Self {
        let left = self.left.min(other.right - self.width()).max(other.left);
        let top = self.top.min(other.bottom - self.height()).max(other.top);
        Self::sized(left, top, self.width(), self.height())
    }
}

/// The rows of a rectangle, as far as it lies in the picture.
fn rows(pixels: &mut Pixels, rect: Rect) -> impl Iterator<Item = &mut [[u8; 3]]> {
    let rect = rect.and(Rect::of(pixels)).unwrap_or(Rect::sized(0, 0, 0, 0));
    let width = pixels.width as usize;
    let (columns, all) = (rect.left as usize..rect.right as usize, pixels.rgb.as_chunks_mut::<3>().0);
    let rows = &mut all[rect.top as usize * width..rect.bottom as usize * width];
    rows.chunks_exact_mut(width).map(move |row| &mut row[columns.clone()])
}

/// Covers a rectangle.
pub fn fill(pixels: &mut Pixels, rect: Rect, colour: Colour) {
    rows(pixels, rect).for_each(|row| row.fill(colour));
}

/// Lays a colour over a rectangle: 0 leaves the picture as it is, 255 covers it.
pub fn shade(pixels: &mut Pixels, rect: Rect, colour: Colour, cover: u8) {
    rows(pixels, rect).flatten().for_each(|pixel| mix(pixel, colour, cover));
}

/// Draws the outline of a rectangle, `line` pixels wide, inside its edges.
pub fn outline(pixels: &mut Pixels, rect: Rect, line: i32, colour: Colour) {
    let Rect { left, top, right, bottom } = rect;
    let sides = [
        Rect { bottom: top + line, ..rect },
        Rect { top: bottom - line, ..rect },
        Rect { left, top: top + line, right: left + line, bottom: bottom - line },
        Rect { left: right - line, top: top + line, right, bottom: bottom - line },
    ];
    for side in sides.into_iter().filter_map(|side| side.and(rect)) {
        fill(pixels, side, colour);
    }
}

fn mix(pixel: &mut [u8; 3], colour: Colour, cover: u8) {
    let cover = u32::from(cover);
    for (value, colour) in pixel.iter_mut().zip(colour) {
        *value = ((u32::from(*value) * (255 - cover) + u32::from(colour) * cover + 127) / 255) as u8;
    }
}

/// A font, and the glyphs it has drawn before.
pub struct Pen {
    font: FontRef<'static>,
    glyphs: HashMap<(GlyphId, u32), Glyph>,
}

/// A glyph in pixels.
#[derive(Default)]
struct Glyph {
    /// Where its top left pixel stands, from the pen's place on the base line.
    left: i32,
    top: i32,
    width: usize,
    /// How much of each pixel is ink, row by row.
    ink: Vec<u8>,
    /// How far the pen moves on.
    advance: i32,
}

impl Default for Pen {
    fn default() -> Self {
        Self::new()
    }
}

impl Pen {
    /// How many glyphs are kept: a few sizes of a few alphabets.
    const KEPT: usize = 4096;

    /// A pen with the bundled font: Hack, a monospaced face that stays readable when it is small.
    pub fn new() -> Self {
        let font = FontRef::try_from_slice(epaint_default_fonts::HACK_REGULAR).expect("the bundled font is a font");
        Self { font, glyphs: HashMap::new() }
    }

    /// Rows that a line of text takes, `size` being the height of the font in pixels.
    pub fn height(&self, size: u32) -> i32 {
        self.font.as_scaled(size as f32).height().round() as i32
    }

    /// Columns that `text` takes.
    pub fn width(&mut self, text: &str, size: u32) -> i32 {
        text.chars().map(|c| self.glyph(c, size).advance).fold(0, i32::saturating_add)
    }

    /// As much of `text` as `width` holds, with an ellipsis where it was cut.
    pub fn fit(&mut self, text: &str, size: u32, width: i32) -> String {
        let room = width - self.glyph('…', size).advance;
        let (mut used, mut cut) = (0_i32, 0);
        for (at, c) in text.char_indices() {
            let end = used.saturating_add(self.glyph(c, size).advance);
            if used <= room {
                cut = at;
            }
            if end > width {
                return format!("{}…", &text[..cut]);
            }
            used = end;
        }
        text.to_owned()
    }

    /// Writes a line of text whose top left corner is at `(left, top)`. What the font lacks shows as an empty box.
    pub fn write(&mut self, pixels: &mut Pixels, (left, top): (i32, i32), text: &str, size: u32, colour: Colour) {
        let base = top.saturating_add(self.font.as_scaled(size as f32).ascent().round() as i32);
        let mut at = left;
        for c in text.chars() {
            if at >= pixels.width as i32 {
                return;
            }
            let glyph = self.glyph(c, size);
            glyph.draw(pixels, at, base, colour);
            at = at.saturating_add(glyph.advance);
        }
    }

    fn glyph(&mut self, c: char, size: u32) -> &Glyph {
        let id = self.font.glyph_id(c);
        if self.glyphs.len() >= Self::KEPT && !self.glyphs.contains_key(&(id, size)) {
            self.glyphs.clear();
        }
        self.glyphs.entry((id, size)).or_insert_with(|| Glyph::of(&self.font, id, size))
    }
}

impl Glyph {
    fn of(font: &FontRef<'static>, id: GlyphId, size: u32) -> Self {
        let scale = PxScale::from(size as f32);
        let advance = font.as_scaled(scale).h_advance(id).round() as i32;
        let Some(outline) = font.outline_glyph(id.with_scale_and_position(scale, point(0.0, 0.0))) else {
            return Self { advance, ..Self::default() };
        };
        let bounds = outline.px_bounds();
        let (width, height) = (bounds.width().ceil() as usize, bounds.height().ceil() as usize);
        let mut ink = vec![0; width * height];
        outline.draw(|x, y, cover| {
            if let Some(pixel) = ink.get_mut(y as usize * width + x as usize) {
                *pixel = (cover * 255.0).round() as u8;
            }
        });
        Self { left: bounds.min.x as i32, top: bounds.min.y as i32, width, ink, advance }
    }

    fn draw(&self, pixels: &mut Pixels, x: i32, base: i32, colour: Colour) {
        if self.ink.is_empty() {
            return;
        }
        let (left, top) = (x.saturating_add(self.left), base.saturating_add(self.top));
        let rect = Rect::sized(left, top, self.width as i32, (self.ink.len() / self.width) as i32);
        let Some(seen) = rect.and(Rect::of(pixels)) else { return };
        let (skipped, hidden) = ((seen.left - left) as usize, (seen.top - top) as usize);
        let ink = self.ink.chunks_exact(self.width).skip(hidden);
        for (row, ink) in rows(pixels, seen).zip(ink) {
            for (pixel, &cover) in row.iter_mut().zip(&ink[skipped..]).filter(|(_, cover)| **cover > 0) {
                mix(pixel, colour, cover);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn black(width: u32, height: u32) -> Pixels {
        Pixels { width, height, rgb: vec![0; (width * height * 3) as usize] }
    }

    fn painted(pixels: &Pixels) -> usize {
        pixels.rgb.as_chunks::<3>().0.iter().filter(|pixel| **pixel != [0; 3]).count()
    }

    #[test]
    fn an_outline_covers_its_edges_and_nothing_else() {
        let mut pixels = black(20, 20);
        outline(&mut pixels, Rect::sized(2, 3, 10, 8), 2, [9; 3]);
        assert_eq!(painted(&pixels), 10 * 8 - 6 * 4);
        let mut small = black(20, 20);
        outline(&mut small, Rect::sized(2, 3, 3, 3), 9, [9; 3]);
        assert_eq!(painted(&small), 9, "a line wider than its box fills it");
    }

    #[test]
    fn text_that_does_not_fit_ends_with_an_ellipsis() {
        let mut pen = Pen::new();
        let four = pen.width("door", 16);
        assert_eq!(pen.fit("door", 16, four), "door");
        assert_eq!(pen.fit("doors", 16, four), "doo…");
        assert_eq!(pen.fit("doors", 16, 0), "…");
    }

    proptest! {
        /// Catches indexing outside the picture: anything at any place on a small one.
        #[test]
        fn nothing_outside_the_picture_panics(
            (left, top, right, bottom) in any::<(i32, i32, i32, i32)>(),
            (near, far) in ((-9..9_i32, -9..9_i32), (-9..20_i32, -9..20_i32)),
            line in 0..12_i32, size in 1..40_u32, text: String,
        ) {
            let mut pixels = black(13, 7);
            let mut pen = Pen::new();
            let half = |value: i32| value / 2;
            let anywhere = Rect { left: half(left), top: half(top), right: half(right), bottom: half(bottom) };
            for rect in [anywhere, Rect { left: near.0, top: near.1, right: far.0, bottom: far.1 }] {
                fill(&mut pixels, rect, [1; 3]);
                shade(&mut pixels, rect, [2; 3], 100);
                outline(&mut pixels, rect, line, [3; 3]);
                pen.write(&mut pixels, (rect.left, rect.top), &text, size, [255; 3]);
            }
        }
    }
}
