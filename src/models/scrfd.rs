//! SCRFD: faces, mostly with five landmarks, two anchors a cell on grids of stride 8, 16 and 32.
//!
//! Guo et al. (arXiv 2105.04714); InsightFace's `det_*.onnx`. Input N×3×H×W: red, green, blue as `(x − 127.5) / 128`, at
//! the top left, padded with black. Outputs, scores of all strides first, then distances, then landmarks, each with or
//! without a batch: A×1 (sigmoid in the graph), A×4 (left, top, right, bottom in strides) and A×10 (in strides).

use crate::engine::Output;

use super::form::{Colours, Form};
use super::sight::{Cell, cells, may_be};
use super::{Candidate, Claim, Head, Placement, Sight};

const STRIDES: [usize; 3] = [8, 16, 32];
/// Anchors a cell.
const ANCHORS: usize = 2;

/// An SCRFD.
#[derive(Debug)]
pub struct Scrfd {
    grids: Vec<Vec<Cell>>,
}

/// Whether a model is an SCRFD.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let outputs = sight.outputs();
    let size = sight.size_or(640);
    let grids: Vec<_> = STRIDES.iter().map(|stride| cells(size, &[*stride])).collect();
    let fits = |(at, shape): (usize, &&[i64])| {
        let (group, stride) = (at / STRIDES.len(), at % STRIDES.len());
        // Exports with a symbol for the rows lose them to what is taken for the batch.
        let (rows, numbers) = match shape {
            [rows, numbers] => (*rows, *numbers),
            [numbers] => (-1, *numbers),
            _ => return false,
        };
        numbers == [1, 4, 10][group] && may_be(rows, ANCHORS * grids[stride].len())
    };
    let counts = matches!(outputs.len(), 6 | 9) && sight.channels == 3;
    if !counts || !outputs.iter().enumerate().all(fits) {
        return None;
    }
    let (mean, std) = ([127.5; 3], [128.0; 3]);
    let form = Form { layout: sight.layout, mean, std, ..Form::plain(size, Colours::Rgb) };
    let score = 0.8 + sight.hint(&["scrfd", "det_", "face"]);
    Some(Claim::new(score, "scores, distances and landmarks for two anchors a cell", form, Scrfd { grids }))
}

impl Head for Scrfd {
    fn classes(&self) -> usize {
        1
    }

    fn only(&self) -> Option<&'static str> {
        Some("face")
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let mut found = Vec::new();
        for (stride, cells) in self.grids.iter().enumerate() {
            let of = |group: usize| outputs.get(3 * group + stride).map_or(&[][..], |output| output.data);
            let rows = of(0).iter().zip(of(1).chunks_exact(4)).enumerate().take(ANCHORS * cells.len());
            for (at, (score, sides)) in rows.filter(|(_, (score, _))| **score >= threshold) {
                let cell = &cells[at / ANCHORS];
                found.extend(face(*score, sides, of(2).get(10 * at..10 * at + 10), cell, placement));
            }
        }
        found
    }
}

fn face(score: f32, sides: &[f32], points: Option<&[f32]>, cell: &Cell, placement: &Placement) -> Option<Candidate> {
    let at = |dx: f32, dy: f32| [(cell.x + dx) * cell.stride, (cell.y + dy) * cell.stride];
    let ([left, top], [right, bottom]) = (at(-sides[0], -sides[1]), at(sides[2], sides[3]));
    let found = Candidate::new(0, score, [left, top, right, bottom], placement)?;
    let five = |points: &[f32]| [0, 1, 2, 3, 4].map(|point| at(points[2 * point], points[2 * point + 1]));
    Some(points.map_or(found, |points| found.with_landmarks(five(points), placement)))
}
