//! UltraFace: small faces on 320×240 or 640×480, boxes decoded in the graph.
//!
//! Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB. Input N×3×H×W: red, green, blue as `(x − 127) / 128`, stretched.
//! Outputs scores N×A×2 (background, face) and boxes N×A×4, relative corners; A has three priors for each cell of stride
//! 8, two for 16 and 32, three for 64. The "simplified" file of that repository is not decoded, and is another family.

use super::form::Form;
use super::sight::{grid, may_be};
use super::ssd::{Priors, normalised, scores_and_boxes};
use super::{Claim, Sight};

/// Whether a model is an UltraFace.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let (classes, places) = scores_and_boxes(sight).filter(|(classes, _)| *classes == 1)?;
    let size = sight.size_or(320);
    let priors: usize = [(8, 3), (16, 2), (32, 2), (64, 3)]
        .map(|(stride, each)| grid(size, stride).iter().product::<usize>() * each)
        .iter()
        .sum();
    let exact = may_be(sight.outputs()[places[0]][0], priors);
    let score = if exact { 0.8 } else { 0.5 } + sight.hint(&["rfb", "slim", "ultra", "face"]);
    let form = Form { layout: sight.layout, ..normalised(size) };
    let head = Priors { classes, places, size, only: Some("face") };
    Some(Claim::new(score, "scores of background and face, and boxes, one row for each prior", form, head))
}
