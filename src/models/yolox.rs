//! YOLOX: one anchor a cell on grids of stride 8, 16 and 32, the head's raw numbers.
//!
//! Ge et al., *YOLOX: Exceeding YOLO Series in 2021* (arXiv 2107.08430). Input N×3×S×S: blue, green, red, 0 to 255, at
//! the top left of a square padded with 114. Output N×A×(5+C) with A = (S/8)² + (S/16)² + (S/32)²: for the cell (gx, gy)
//! of stride s, `cx = (o0 + gx)·s`, `cy = (o1 + gy)·s`, `w = exp(o2)·s`, `h = exp(o3)·s`; object `o4` and classes `o5…`
//! went through their sigmoid in the graph, and the score of a class is their product.

use crate::codec::Pixels;
use crate::engine::{Output, Signature};

use super::letterbox::Letterbox;
use super::{Candidate, Detector, Placement};

const STRIDES: [usize; 3] = [8, 16, 32];

/// A YOLOX model of any size.
#[derive(Debug)]
pub struct Yolox {
    side: usize,
    classes: usize,
    letterbox: Letterbox,
}

/// Whether a model is a YOLOX with its raw head.
pub fn recognise(signature: &Signature) -> Option<Box<dyn Detector>> {
    let ([input], [output]) = (&signature.inputs[..], &signature.outputs[..]) else { return None };
    let ([_, 3, height, width], [_, cells, numbers]) = (&input.shape[..], &output.shape[..]) else { return None };
    let side = usize::try_from(*width).ok().filter(|side| height == width && side % 32 == 0)?;
    let expected: usize = STRIDES.iter().map(|stride| (side / stride).pow(2)).sum();
    let classes = usize::try_from(*numbers).ok()?.checked_sub(5).filter(|classes| *classes > 0)?;
    if !input.float || !output.float || (*cells >= 0 && *cells as usize != expected) {
        return None;
    }
    Some(Box::new(Yolox { side, classes, letterbox: Letterbox::new(side as u32) }))
}

impl Yolox {
    /// The cells in the order of the output: column, row, stride.
    fn cells(&self) -> impl Iterator<Item = (f32, f32, f32)> {
        let side = self.side;
        STRIDES.into_iter().flat_map(move |stride| {
            let grid = side / stride;
            (0..grid * grid).map(move |cell| ((cell % grid) as f32, (cell / grid) as f32, stride as f32))
        })
    }
}

impl Detector for Yolox {
    fn classes(&self) -> usize {
        self.classes
    }

    fn prepare(&mut self, pixels: &Pixels, input: &mut [f32]) -> Placement {
        self.letterbox.put(pixels, input)
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let numbers = outputs.first().map_or(&[][..], |output| output.data);
        let rows = numbers.chunks_exact(5 + self.classes).zip(self.cells());
        // No class is surer than its object: most rows end here.
        rows.filter(|(row, _)| row[4] >= threshold)
            .filter_map(|(row, cell)| candidate(row, cell, placement, threshold))
            .collect()
    }
}

fn candidate(
    row: &[f32],
    (gx, gy, stride): (f32, f32, f32),
    placement: &Placement,
    threshold: f32,
) -> Option<Candidate> {
    let (class, best) = row[5..].iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let score = row[4] * best;
    // A score that is no number is not above any threshold.
    if !(score >= threshold && score <= 1.01) {
        return None;
    }
    let (cx, cy) = ((row[0] + gx) * stride, (row[1] + gy) * stride);
    let (w, h) = (row[2].exp() * stride, row[3].exp() * stride);
    let corners = placement.original([cx - w / 2.0, cy - h / 2.0, cx + w / 2.0, cy + h / 2.0])?;
    Some(Candidate { class, score: score.min(1.0), corners })
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
            let placement = Placement { scale: 0.65, width: 640.0, height: 480.0 };
            let cell = (f32::from(gx), 3.0, STRIDES[stride] as f32);
            if let Some(Candidate { score, corners: [left, top, right, bottom], .. }) = candidate(&row, cell, &placement, 0.3) {
                prop_assert!((0.3..=1.0).contains(&score));
                prop_assert!(0.0 <= left && left < right && right <= 640.0, "{left} {right}");
                prop_assert!(0.0 <= top && top < bottom && bottom <= 480.0, "{top} {bottom}");
            }
        }
    }
}
