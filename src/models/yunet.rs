//! YuNet: faces with five landmarks, on grids of stride 8, 16 and 32.
//!
//! Wu et al., *YuNet: A Tiny Millisecond-level Face Detector*; ShiqiYu/libfacedetection.train and OpenCV's zoo. Input
//! N×3×H×W: blue, green, red, 0 to 255, at the top left, padded with black. For each stride the outputs cls, obj (N×A×1,
//! sigmoid in the graph), bbox (N×A×4) and kps (N×A×10): `score = √(cls · obj)`, middle `(gx + b0)·s`, size
//! `exp(b2)·s`, landmarks `(gx + k)·s`: right eye, left eye, nose, right and left corner of the mouth.

use crate::engine::Output;

use super::detector::around;
use super::form::{Colours, Form};
use super::sight::{Cell, cells, may_be};
use super::{Candidate, Claim, Head, Placement, Sight};

const STRIDES: [usize; 3] = [8, 16, 32];

/// A YuNet.
#[derive(Debug)]
pub struct Yunet {
    /// For each stride: its cells, and the outputs cls, obj, bbox and kps.
    grids: Vec<(Vec<Cell>, [usize; 4])>,
}

/// Whether a model is a YuNet.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let size = sight.size_or(640);
    let outputs = sight.outputs();
    let grid = |stride: usize| {
        let cells = cells(size, &[stride]);
        let place = |(name, numbers): (&str, i64)| {
            let place = sight.named(&[&format!("{name}_{stride}")])?;
            let [rows, width] = outputs[place][..] else { return None };
            (width == numbers && may_be(rows, cells.len())).then_some(place)
        };
        match [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)].map(place) {
            [Some(a), Some(b), Some(c), Some(d)] => Some((cells, [a, b, c, d])),
            _ => None,
        }
    };
    let grids = STRIDES.map(grid).into_iter().collect::<Option<_>>()?;
    let form = Form { layout: sight.layout, ..Form::plain(size, Colours::Bgr) };
    Some(Claim::new(0.95, "outputs cls, obj, bbox and kps for each stride", form, Yunet { grids }))
}

impl Head for Yunet {
    fn classes(&self) -> usize {
        1
    }

    fn only(&self) -> Option<&'static str> {
        Some("face")
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let mut found = Vec::new();
        for (cells, places) in &self.grids {
            let [classes, objects, boxes, points] =
                places.map(|place| outputs.get(place).map_or(&[][..], |output| output.data));
            let scores = classes.iter().zip(objects).map(|(class, object)| (class * object).sqrt());
            let rows = scores.zip(boxes.chunks_exact(4)).zip(points.chunks_exact(10)).zip(cells);
            let sure = rows.filter(|(((score, _), _), _)| *score >= threshold);
            found.extend(sure.filter_map(|(((score, row), points), cell)| face(score, row, points, cell, placement)));
        }
        found
    }
}

fn face(score: f32, row: &[f32], points: &[f32], cell: &Cell, placement: &Placement) -> Option<Candidate> {
    let at = |x: f32, y: f32| [(cell.x + x) * cell.stride, (cell.y + y) * cell.stride];
    let size = [row[2].exp() * cell.stride, row[3].exp() * cell.stride];
    let points = [0, 1, 2, 3, 4].map(|point| at(points[2 * point], points[2 * point + 1]));
    let found = Candidate::new(0, score, around(at(row[0], row[1]), size), placement)?;
    Some(found.with_landmarks(points, placement))
}
