//! Places in a picture, as job files name them and as detections do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::Pixels;
use crate::paint::Rect;
use crate::report::Detection;

/// What the numbers of a place are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Pixels.
    #[default]
    Pixels,
    /// Shares of the picture's width and height: 0 is left and top, 1 is right and bottom.
    Shares,
}

impl Unit {
    /// A point in pixels.
    pub fn point(self, [x, y]: [f32; 2], pixels: &Pixels) -> [f32; 2] {
        match self {
            Unit::Pixels => [x, y],
            Unit::Shares => [x * pixels.width as f32, y * pixels.height as f32],
        }
    }

    /// As a word after a number.
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Pixels => "pixels",
            Unit::Shares => "shares",
        }
    }
}

/// A box `[x, y, width, height]` with `margin` more on each side, as a share of its own width and height, to whole pixels
/// outwards; the part of it that lies in the picture.
pub fn grown([x, y, width, height]: [f32; 4], margin: f32, pixels: &Pixels) -> Option<Rect> {
    let (across, down) = (width * margin, height * margin);
    let sides = [x - across, y - down, x + width + across, y + height + down];
    if !sides.iter().all(|side| side.is_finite()) {
        return None;
    }
    let [left, top, right, bottom] = sides;
    let rect = Rect {
        left: left.floor() as i32,
        top: top.floor() as i32,
        right: right.ceil() as i32,
        bottom: bottom.ceil() as i32,
    };
    rect.and(Rect::of(pixels))
}

/// The detections of these classes; all, where none is named.
pub fn of_classes<'a>(found: &'a [Detection], classes: &'a [String]) -> impl Iterator<Item = &'a Detection> {
    found.iter().filter(|found| classes.is_empty() || classes.iter().any(|class| **class == *found.label))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a box that leaves the picture, and one that loses its edge pixels.
    #[test]
    fn a_grown_box_stays_in_the_picture() {
        let pixels = Pixels { width: 100, height: 50, rgb: Vec::new() };
        let rect = |left, top, right, bottom| Some(Rect { left, top, right, bottom });
        assert_eq!(grown([10.5, 10.0, 20.0, 10.0], 0.0, &pixels), rect(10, 10, 31, 20));
        assert_eq!(grown([10.0, 10.0, 20.0, 10.0], 0.5, &pixels), rect(0, 5, 40, 25));
        assert_eq!(grown([90.0, 40.0, 20.0, 20.0], 0.0, &pixels), rect(90, 40, 100, 50));
        assert_eq!(grown([200.0, 0.0, 5.0, 5.0], 0.1, &pixels), None);
        assert_eq!(grown([f32::NAN, 0.0, 5.0, 5.0], 0.1, &pixels), None);
        assert!(grown([-1e30, -1e30, 3e30, 3e30], 1e9, &pixels).is_none_or(|rect| rect == Rect::of(&pixels)));
    }
}
