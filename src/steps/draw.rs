//! Draws what was found: boxes, labels, and whose picture this is.

use operators::{Flaw, Frame};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Each, StepConfig, Verdict, Work};
use crate::clock;
use crate::codec::{Limits, Pixels};
use crate::context::Context;
use crate::expressions::{Facts, Scope, Wording};
use crate::mistake::Mistake;
use crate::paint::{self, Colour, Pen, Rect};
use crate::picture::Picture;
use crate::report::Detection;

/// Draws boxes, labels, and the camera's name with the time on each picture.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Draw {
    /// A box around each thing that was found. The colour belongs to its class.
    boxes: bool,
    /// The class and the score at each box: `person 0.87`. Left out where a picture is too small to read it.
    labels: bool,
    /// What is written at each box in place of that, with [expressions](expressions.md) in braces:
    /// `"{detection.label} at {camera}"`.
    label: Option<String>,
    /// The camera's name and the time (UTC) in the lower left corner.
    corner: bool,
    /// Width of the boxes' lines in pixels; by default it grows with the picture (2 at 640×480).
    line: Option<u32>,
}

impl Default for Draw {
    fn default() -> Self {
        Self { boxes: true, labels: true, label: None, corner: true, line: None }
    }
}

impl Draw {
    /// What is drawn, by the names of the fields.
    fn parts(&self) -> Vec<&'static str> {
        let all = [(self.boxes, "boxes"), (self.labels, "labels"), (self.corner, "corner")];
        all.into_iter().filter_map(|(wanted, name)| wanted.then_some(name)).collect()
    }

    /// What is written at each box, if it is not the class and the score.
    fn wording(&self, context: &Context) -> Result<Option<Wording>, Mistake> {
        let read = |text: &String| Wording::read(text, &Scope::of(context));
        self.label.as_ref().map(read).transpose().map_err(|wrong| wrong.in_field("label"))
    }
}

impl StepConfig for Draw {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        if self.line.is_some_and(|line| !(1..=100).contains(&line)) {
            return Err(Mistake::at("line", "a line is 1 to 100 pixels wide; leave it out and it fits the picture"));
        }
        if self.label.is_some() && !self.labels {
            return Err(Mistake::at("label", "`labels = false` writes nothing at the boxes: leave one of the two out"));
        }
        self.wording(context)?;
        match self.parts().is_empty() {
            true => Err(Mistake::new("nothing is left to draw: set `boxes`, `labels` or `corner` to true")),
            false => Ok(()),
        }
    }

    fn describe(&self) -> String {
        format!("draws {}", self.parts().join(", "))
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        let wording = self.wording(context)?;
        Ok(Work::line(Drawing { config: self.clone(), wording, limits: context.picture, pen: Pen::new() }))
    }
}

/// The step of one worker.
struct Drawing {
    config: Draw,
    wording: Option<Wording>,
    limits: Limits,
    pen: Pen,
}

impl Each for Drawing {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        let nothing = picture.detections.is_empty() && !self.config.corner;
        if nothing {
            return Ok(Verdict::GoesOn); // It stays the frame as it came.
        }
        picture.pixels(&self.limits)?;
        let texts = self.texts(picture)?;
        picture.timed("draw", |picture| {
            let detections = std::mem::take(&mut picture.detections);
            let corner = self.config.corner.then(|| corner(&picture.frame));
            let canvas = picture.canvas(&self.limits).expect("decoded above");
            self.paint(canvas, &detections, &texts, corner.as_deref());
            picture.detections = detections;
        });
        Ok(Verdict::GoesOn)
    }
}

impl Drawing {
    /// What is written at each box.
    fn texts(&self, picture: &Picture) -> Result<Vec<String>, Flaw> {
        let text = |found| match &self.wording {
            Some(wording) => wording.fill(&Facts { detection: Some(found), ..Facts::of(picture) }),
            None => Ok(format!("{} {:.2}", found.label, found.score)),
        };
        picture.detections.iter().map(text).collect()
    }

    /// Boxes first, then tags, so that no line crosses a word; the corner last.
    fn paint(&mut self, canvas: &mut Pixels, detections: &[Detection], texts: &[String], corner: Option<&str>) {
        let style = Style::of(canvas, self.config.line);
        let mut found: Vec<_> =
            detections.iter().zip(texts).filter_map(|(found, text)| Seen::of(found, text, canvas)).collect();
        if self.config.boxes {
            for Seen { detection, area, .. } in &found {
                paint::outline(canvas, *area, style.line, colour(&detection.label));
            }
        }
        let Some(size) = style.text else { return };
        if self.config.labels {
            // The surest is written last: where two tags must overlap, it is the one to be read.
            found.sort_by(|a, b| b.detection.score.total_cmp(&a.detection.score));
            let tags = self.place(canvas, &found, size);
            for (text, tag, colour) in tags.iter().rev() {
                paint::fill(canvas, *tag, *colour);
                self.pen.write(canvas, (tag.left + margin(size), tag.top), text, size, ink_on(*colour));
            }
        }
        if let Some(text) = corner {
            self.write_corner(canvas, text, size);
        }
    }

    /// A tag for each box, the surest first: where no tag is yet, if there is such a place at its box.
    fn place(&mut self, canvas: &Pixels, found: &[Seen<'_>], size: u32) -> Vec<(String, Rect, Colour)> {
        let (all, height) = (Rect::of(canvas), self.pen.height(size));
        let columns = Rect { top: i32::MIN / 2, bottom: i32::MAX / 2, ..all };
        let mut tags: Vec<(String, Rect, Colour)> = Vec::with_capacity(found.len());
        for Seen { detection, text, area } in found {
            let text = self.pen.fit(text, size, all.width() - 2 * margin(size));
            let width = self.pen.width(&text, size) + 2 * margin(size);
            let above = Rect::sized(area.left, area.top - height, width, height);
            let inside = Rect::sized(area.left, area.top, width, height);
            let below = Rect::sized(area.left, area.bottom, width, height);
            let foot = Rect::sized(area.left, area.bottom - height, width, height);
            let right = Rect::sized(area.right - width, area.top - height, width, height);
            let free = |tag: &Rect| {
                tag.top >= 0 && tag.bottom <= all.bottom && tags.iter().all(|(_, other, _)| tag.and(*other).is_none())
            };
            let places = [above, inside, right, foot, below].map(|tag| tag.moved_into(columns));
            let tag = places.into_iter().find(free).unwrap_or(above.moved_into(all));
            tags.push((text, tag, colour(&detection.label)));
        }
        tags
    }

    fn write_corner(&mut self, canvas: &mut Pixels, text: &str, size: u32) {
        let text = self.pen.fit(text, size, canvas.width as i32 - 2 * margin(size));
        let (width, height) = (self.pen.width(&text, size) + 2 * margin(size), self.pen.height(size));
        let strip = Rect::sized(0, canvas.height as i32 - height, width, height);
        paint::shade(canvas, strip, [0; 3], 160);
        self.pen.write(canvas, (margin(size), strip.top), &text, size, [255; 3]);
    }
}

/// A detection that lies in the picture.
struct Seen<'a> {
    detection: &'a Detection,
    /// What is written at its box.
    text: &'a str,
    /// The part of its box that lies in the picture.
    area: Rect,
}

impl<'a> Seen<'a> {
    fn of(detection: &'a Detection, text: &'a str, canvas: &Pixels) -> Option<Self> {
        Some(Self { detection, text, area: visible(detection, canvas)? })
    }
}

/// Sizes that fit a picture.
struct Style {
    /// Width of the boxes' lines in pixels.
    line: i32,
    /// Height of the font in pixels; `None` where the picture is too small for text.
    text: Option<u32>,
}

impl Style {
    fn of(canvas: &Pixels, line: Option<u32>) -> Self {
        let side = canvas.width.min(canvas.height);
        let line = line.unwrap_or_else(|| (side as f32 / 240.0).round().max(1.0) as u32);
        Self { line: line as i32, text: (side >= 96).then_some((side / 30).max(12)) }
    }
}

/// Space beside a text, for a size of the font.
fn margin(size: u32) -> i32 {
    (size as i32 / 3).max(2)
}

/// The part of a detection's box that lies in the picture; `None` where nothing does, or the box is no box.
fn visible(detection: &Detection, canvas: &Pixels) -> Option<Rect> {
    let [x, y, width, height] = detection.area;
    if ![x, y, width, height].iter().all(|value| value.is_finite()) {
        return None;
    }
    let place = |value: f32| value.round() as i32;
    Rect { left: place(x), top: place(y), right: place(x + width), bottom: place(y + height) }.and(Rect::of(canvas))
}

/// Colours that are told apart on most pictures, and on each other.
const PALETTE: [Colour; 16] = [
    [0x00, 0xD0, 0x60],
    [0xFF, 0x3B, 0x30],
    [0x1E, 0x90, 0xFF],
    [0xFF, 0xC4, 0x00],
    [0xE0, 0x40, 0xFB],
    [0x00, 0xE5, 0xFF],
    [0xFF, 0x7A, 0x00],
    [0x7C, 0x4D, 0xFF],
    [0xC6, 0xFF, 0x00],
    [0xFF, 0x40, 0x81],
    [0x00, 0xBF, 0xA5],
    [0xA1, 0x6B, 0x56],
    [0xFF, 0xFF, 0x8D],
    [0x9C, 0xC2, 0xFF],
    [0xFF, 0xA4, 0x8A],
    [0xB0, 0xBE, 0xC5],
];

/// The colour of a class: by its name, so that it is the same in every job, model and run. Hash: FNV-1a, 32 bits.
fn colour(label: &str) -> Colour {
    let hash = label.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    PALETTE[((hash ^ hash >> 16) % PALETTE.len() as u32) as usize]
}

/// Black or white, whichever is read better on `colour`: by its luma (ITU-R BT.601).
fn ink_on([red, green, blue]: Colour) -> Colour {
    let luma = (299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue)) / 1000;
    if luma > 130 { [0; 3] } else { [255; 3] }
}

fn corner(frame: &Frame) -> String {
    format!("{}  {}", frame.camera, clock::second(frame.captured_at.unwrap_or(frame.received_at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::{found, picture};

    fn texts(label: Option<&str>) -> Result<Vec<String>, Flaw> {
        let read = |label| Wording::read(label, &Scope::PICTURE).expect("a sound label");
        let (config, limits) = (Draw::default(), Limits::default());
        let drawing = Drawing { config, wording: label.map(read), limits, pen: Pen::new() };
        let mut picture = picture("".into());
        picture.detections = vec![found("cat", 0.876), found("dog", 0.5)];
        drawing.texts(&picture)
    }

    /// Catches a label that is written at another box than its own, or that hides what is wrong with it.
    #[test]
    fn a_label_is_written_for_each_detection() {
        assert_eq!(texts(None).expect("texts"), ["cat 0.88", "dog 0.50"]);
        let label = "{detection.label} {int(detection.score * 100.0)} % at the {camera}";
        assert_eq!(texts(Some(label)).expect("texts"), ["cat 87 % at the door", "dog 50 % at the door"]);
        let flaw = texts(Some("{values.gender}")).expect_err("nobody said a gender");
        assert!(flaw.detail.contains("`values.gender` came to nothing"), "{}", flaw.detail);
    }
}
