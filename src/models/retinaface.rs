//! RetinaFace: faces with five landmarks, two priors a cell on grids of stride 8, 16 and 32.
//!
//! Deng et al. (arXiv 1905.00641), as biubug6/Pytorch_Retinaface exports it. Input N×3×H×W: blue, green, red minus (104,
//! 117, 123). Outputs N×A×4 (offsets from the priors, variances 0.1 and 0.2), N×A×2 (background, face; softmax in the
//! graph) and N×A×10, in any order.

use crate::engine::Output;

use super::detector::around;
use super::form::{Colours, Form};
use super::sight::{cells, may_be};
use super::{Candidate, Claim, Head, Placement, Sight};

/// A stride, and the sides of its priors in pixels.
const PRIORS: [(usize, [f32; 2]); 3] = [(8, [16.0, 32.0]), (16, [64.0, 128.0]), (32, [256.0, 512.0])];

/// A RetinaFace.
#[derive(Debug)]
pub struct Retinaface {
    /// Middle and side of each prior.
    priors: Vec<([f32; 2], f32)>,
    /// The outputs with boxes, scores and landmarks.
    places: [usize; 3],
}

/// Whether a model is a RetinaFace.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let outputs = sight.outputs();
    let size = sight.size_or(640);
    let priors = priors(size);
    let place = |numbers: i64| {
        let fits = |shape: &&[i64]| matches!(shape, [rows, n] if *n == numbers && may_be(*rows, priors.len()));
        outputs.iter().position(fits)
    };
    let [Some(boxes), Some(scores), Some(points)] = [4, 2, 10].map(place) else { return None };
    if outputs.len() != 3 || sight.channels != 3 {
        return None;
    }
    let mean = [104.0, 117.0, 123.0];
    let form = Form { layout: sight.layout, mean, ..Form::plain(size, Colours::Bgr) };
    let head = Retinaface { priors, places: [boxes, scores, points] };
    let score = 0.8 + sight.hint(&["retina", "face"]);
    Some(Claim::new(score, "offsets, scores and landmarks for two priors a cell", form, head))
}

fn priors(size: [u32; 2]) -> Vec<([f32; 2], f32)> {
    let of = |(stride, sides): (usize, [f32; 2])| {
        let cells = cells(size, &[stride]).into_iter();
        cells.flat_map(move |cell| sides.map(|side| ([cell.x + 0.5, cell.y + 0.5].map(|at| at * cell.stride), side)))
    };
    PRIORS.into_iter().flat_map(of).collect()
}

impl Head for Retinaface {
    fn classes(&self) -> usize {
        1
    }

    fn only(&self) -> Option<&'static str> {
        Some("face")
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let [boxes, scores, points] = self.places.map(|place| outputs.get(place).map_or(&[][..], |output| output.data));
        let rows = scores.chunks_exact(2).zip(boxes.chunks_exact(4)).zip(points.chunks_exact(10)).zip(&self.priors);
        let sure = rows.filter(|(((scores, _), _), _)| scores[1] >= threshold);
        sure.filter_map(|(((scores, row), points), ([x, y], side))| {
            let at = |dx: f32, dy: f32| [x + dx * 0.1 * side, y + dy * 0.1 * side];
            let size = [(row[2] * 0.2).exp() * side, (row[3] * 0.2).exp() * side];
            let points = [0, 1, 2, 3, 4].map(|point| at(points[2 * point], points[2 * point + 1]));
            let found = Candidate::new(0, scores[1], around(at(row[0], row[1]), size), placement)?;
            Some(found.with_landmarks(points, placement))
        })
        .collect()
    }
}
