//! RT-DETR and D-FINE: a fixed number of queries, each a detection or nothing; no suppression is needed.
//!
//! Zhao et al. (arXiv 2304.08069), Peng et al. (arXiv 2410.13842). Input N×3×S×S: red, green, blue, 0 to 1, stretched.
//! Their own exports take `orig_target_sizes` too and give labels N×Q, boxes N×Q×4 (corners in pixels of that size) and
//! scores N×Q. Hugging Face's give logits N×Q×C (sigmoid not in the graph) and pred_boxes N×Q×4 (middle and size,
//! relative); Ultralytics' N×Q×(4+C) of the same, with the sigmoid.

use crate::engine::Output;

use super::detector::{around, best};
use super::form::{Colours, Fit, Form};
use super::{Candidate, Claim, Head, Placement, Sight};

/// Where a model says what.
#[derive(Debug)]
enum Says {
    /// Labels, boxes and scores, in outputs of their own.
    Finished([usize; 3]),
    /// Logits and relative boxes.
    Raw([usize; 2]),
    /// Relative boxes and scores in one row.
    Rows,
}

/// An RT-DETR or D-FINE.
#[derive(Debug)]
pub struct Rtdetr {
    classes: usize,
    size: [u32; 2],
    says: Says,
}

/// Whether a model is an RT-DETR or D-FINE.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let (classes, says, score, why) = layout(sight)?;
    let size = sight.size_or(640);
    let plain = Form::plain(size, Colours::Rgb);
    let form = Form { fit: Fit::Stretch, layout: sight.layout, scale: 1.0 / 255.0, ..plain };
    let score = score + sight.hint(&["rtdetr", "rt-detr", "dfine", "d-fine"]);
    let mut claim = Claim::new(score, why, form, Rtdetr { classes, size, says });
    // Boxes come back in pixels of the input, as those of all families do.
    if sight.has_input(SIZES) {
        claim.others.push((SIZES.to_owned(), size.map(|side| side as f32).to_vec()));
    }
    Some(claim)
}

/// The input that says which size boxes are to be of.
const SIZES: &str = "orig_target_sizes";

fn layout(sight: &Sight<'_>) -> Option<(usize, Says, f32, &'static str)> {
    let outputs = sight.outputs();
    let of_names = sight.model.names.as_deref().map(super::labels::count).filter(|count| *count > 0).unwrap_or(80);
    let (labels, boxes, scores) = (sight.named(&["labels"]), sight.named(&["boxes"]), sight.named(&["scores"]));
    if let (Some(labels), Some(boxes), Some(scores)) = (labels, boxes, scores) {
        let says = Says::Finished([labels, boxes, scores]);
        return sight.has_input(SIZES).then_some((
            of_names,
            says,
            0.85,
            "input orig_target_sizes; labels, boxes, scores",
        ));
    }
    if let (Some(logits), Some(boxes)) = (sight.named(&["logits"]), sight.named(&["pred_boxes"])) {
        let classes = usize::try_from(*outputs[logits].last()?).ok().filter(|classes| *classes > 0)?;
        return Some((classes, Says::Raw([logits, boxes]), 0.8, "outputs logits and pred_boxes"));
    }
    let [[queries, numbers]] = outputs[..] else { return None };
    let classes = usize::try_from(*numbers).ok()?.checked_sub(4).filter(|classes| *classes > 2)?;
    (*queries == 300).then_some((classes, Says::Rows, 0.75, "300 rows of 4 + classes"))
}

impl Rtdetr {
    /// Corners in the input from a middle and a size relative to it.
    fn corners(&self, row: &[f32]) -> [f32; 4] {
        let [width, height] = self.size.map(|side| side as f32);
        around([row[0] * width, row[1] * height], [row[2] * width, row[3] * height])
    }
}

impl Head for Rtdetr {
    fn classes(&self) -> usize {
        self.classes
    }

    fn is_dense(&self) -> bool {
        false
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let of = |place: usize| outputs.get(place).map_or(&[][..], |output| output.data);
        let sigmoid = |logit: f32| 1.0 / (1.0 + (-logit).exp());
        let found: Vec<(usize, f32, [f32; 4])> = match self.says {
            Says::Finished([labels, boxes, scores]) => {
                let rows = of(boxes).chunks_exact(4).zip(of(scores)).zip(of(labels));
                rows.map(|((row, score), label)| (*label as usize, *score, [row[0], row[1], row[2], row[3]])).collect()
            }
            Says::Raw([logits, boxes]) => {
                let rows = of(logits).chunks_exact(self.classes).zip(of(boxes).chunks_exact(4));
                let read =
                    |(logits, row)| best(logits).map(|(class, logit)| (class, sigmoid(logit), self.corners(row)));
                rows.filter_map(read).collect()
            }
            Says::Rows => {
                let rows = of(0).chunks_exact(4 + self.classes);
                rows.filter_map(|row| best(&row[4..]).map(|(class, score)| (class, score, self.corners(row)))).collect()
            }
        };
        let sure = found.into_iter().filter(|(_, score, _)| *score >= threshold);
        sure.filter_map(|(class, score, corners)| Candidate::new(class, score, corners, placement)).collect()
    }
}
