//! YOLOX: one anchor a cell on grids of stride 8, 16 and 32, the head's raw numbers.
//!
//! Ge et al., *YOLOX: Exceeding YOLO Series in 2021* (arXiv 2107.08430). Input N×3×S×S: blue, green, red, 0 to 255, at
//! the top left of a square padded with 114. Output N×A×(5+C) with A = (S/8)² + (S/16)² + (S/32)²: for the cell (gx, gy)
//! of stride s, `cx = (o0 + gx)·s`, `cy = (o1 + gy)·s`, `w = exp(o2)·s`, `h = exp(o3)·s`; object `o4` and classes `o5…`
//! went through their sigmoid in the graph, and the score of a class is their product. Exports with
//! `--decode_in_inference` have the same shape and do the sums in the graph: only a trial tells them apart.

use crate::engine::Output;

use super::detector::{around, best};
use super::form::{Colours, Form};
use super::rows::Rows;
use super::sight::{Cell, cells, may_be};
use super::{Candidate, Claim, Head, Placement, Sight};

const STRIDES: [usize; 3] = [8, 16, 32];

/// A YOLOX model of any size with its raw head.
#[derive(Debug)]
pub struct Yolox {
    classes: usize,
    cells: Vec<Cell>,
}

/// Whether a model is a YOLOX with its raw head.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let (form, classes, cells) = shape(sight)?;
    let score = certain(sight, 0.75) + sight.hint(&["yolox"]);
    Some(Claim::new(score, "one row of 5 + classes for each cell of stride 8, 16, 32", form, Yolox { classes, cells }))
}

/// Whether a model is a YOLOX whose graph decodes the boxes.
pub fn recognise_decoded(sight: &Sight<'_>) -> Option<Claim> {
    let (form, classes, _) = shape(sight)?;
    let score = certain(sight, 0.7) + sight.hint(&["yolox"]);
    Some(Claim::new(score, "one row of 5 + classes for each cell, in pixels already", form, Rows { classes }))
}

/// How sure the shape makes it: a number of rows that is left open fits other families too.
fn certain(sight: &Sight<'_>, fixed: f32) -> f32 {
    if sight.outputs()[0][0] < 0 { 0.6 } else { fixed }
}

fn shape(sight: &Sight<'_>) -> Option<(Form, usize, Vec<Cell>)> {
    let [[rows, numbers]] = sight.outputs()[..] else { return None };
    let size = sight.size_or(416);
    let cells = cells(size, &STRIDES);
    let classes = usize::try_from(*numbers).ok()?.checked_sub(5).filter(|classes| *classes > 0)?;
    let fits = size.iter().all(|side| side % 32 == 0) && may_be(*rows, cells.len()) && sight.channels == 3;
    fits.then(|| (Form { pad: 114, layout: sight.layout, ..Form::plain(size, Colours::Bgr) }, classes, cells))
}

impl Head for Yolox {
    fn classes(&self) -> usize {
        self.classes
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let numbers = outputs.first().map_or(&[][..], |output| output.data);
        let rows = numbers.chunks_exact(5 + self.classes).zip(&self.cells);
        // No class is surer than its object: most rows end here.
        rows.filter(|(row, _)| row[4] >= threshold)
            .filter_map(|(row, cell)| candidate(row, cell, placement, threshold))
            .collect()
    }
}

fn candidate(row: &[f32], cell: &Cell, placement: &Placement, threshold: f32) -> Option<Candidate> {
    let (class, sure) = best(&row[5..])?;
    let score = row[4] * sure;
    // A score that is no number is not above any threshold.
    if score.is_nan() || score < threshold {
        return None;
    }
    let middle = [(row[0] + cell.x) * cell.stride, (row[1] + cell.y) * cell.stride];
    let size = [row[2].exp() * cell.stride, row[3].exp() * cell.stride];
    Candidate::new(class, score, around(middle, size), placement)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Catches a box that is not a number, lies outside, or is unsure, whatever a model puts out.
        #[test]
        fn boxes_are_finite_and_inside(
            row in proptest::collection::vec(any::<f32>(), 7), gx in 0_u8..52, stride in 0_usize..3,
        ) {
            let placement = Placement::corner(0.65, 640.0, 480.0);
            let cell = Cell { x: f32::from(gx), y: 3.0, stride: STRIDES[stride] as f32 };
            if let Some(Candidate { score, corners: [left, top, right, bottom], .. }) = candidate(&row, &cell, &placement, 0.3) {
                prop_assert!(score >= 0.3);
                prop_assert!(0.0 <= left && left < right && right <= 640.0, "{left} {right}");
                prop_assert!(0.0 <= top && top < bottom && bottom <= 480.0, "{top} {bottom}");
            }
        }
    }
}
