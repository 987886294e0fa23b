//! Suppression in the graph, with boxes, scores and classes in outputs of their own.
//!
//! TensorRT's EfficientNMS: `num_dets` N×1, `det_boxes` N×K×4, `det_scores` N×K, `det_classes` N×K. OpenMMLab's
//! mmdeploy: `dets` N×K×5 (corners and score) and `labels` N×K. Corners in pixels of the input.

use crate::engine::Output;

use super::form::{Colours, Fit, Form};
use super::{Candidate, Claim, Head, Placement, Sight};

/// Where things stand among a model's outputs.
#[derive(Debug)]
enum GraphNms {
    Efficient { classes: usize, places: [usize; 4] },
    Deployed { classes: usize, places: [usize; 2] },
}

/// Whether a model's graph ends in a suppression.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let outputs = sight.outputs();
    let last = |place: Option<usize>, number: i64| place.filter(|place| outputs[*place].last() == Some(&number));
    let classes = sight.model.names.as_deref().map(super::labels::count).filter(|count| *count > 0).unwrap_or(80);
    let size = sight.size_or(640);
    let layout = sight.layout;
    let count = sight.named(&["num_dets", "num_detections"]);
    let boxes = last(sight.named(&["det_boxes", "nmsed_boxes"]), 4);
    let (scores, ids) = (sight.named(&["det_scores", "nmsed_scores"]), sight.named(&["det_classes", "nmsed_classes"]));
    if let (Some(count), Some(boxes), Some(scores), Some(ids)) = (count, boxes, scores, ids) {
        let head = GraphNms::Efficient { classes, places: [count, boxes, scores, ids] };
        let form = Form { layout, ..Form::ultralytics(size) };
        return Some(Claim::new(0.9, "outputs named as EfficientNMS names them", form, head));
    }
    let places = [last(sight.named(&["dets"]), 5)?, sight.named(&["labels"])?];
    // The numbers of mmdetection's usual configuration.
    let (mean, std) = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]);
    let form = Form { layout, mean, std, fit: Fit::Corner, ..Form::plain(size, Colours::Rgb) };
    let head = GraphNms::Deployed { classes, places };
    Some(Claim::new(0.85, "outputs `dets` and `labels`, as mmdeploy names them", form, head))
}

impl Head for GraphNms {
    fn classes(&self) -> usize {
        match self {
            Self::Efficient { classes, .. } | Self::Deployed { classes, .. } => *classes,
        }
    }

    fn is_dense(&self) -> bool {
        false
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let of = |place: &usize| outputs.get(*place).map_or(&[][..], |output| output.data);
        let rows: Vec<([f32; 4], f32, f32)> = match self {
            Self::Efficient { places: [count, boxes, scores, ids], .. } => {
                let count = of(count).first().map_or(0, |count| *count as usize);
                let boxes = of(boxes).chunks_exact(4).map(|row| [row[0], row[1], row[2], row[3]]);
                boxes.zip(of(scores)).zip(of(ids)).take(count).map(|((row, score), id)| (row, *score, *id)).collect()
            }
            Self::Deployed { places: [boxes, ids], .. } => {
                let boxes = of(boxes).chunks_exact(5).map(|row| ([row[0], row[1], row[2], row[3]], row[4]));
                boxes.zip(of(ids)).map(|((row, score), id)| (row, score, *id)).collect()
            }
        };
        let sure = rows.into_iter().filter(|(_, score, id)| *score >= threshold && *id >= 0.0);
        sure.filter_map(|(corners, score, id)| Candidate::new(id as usize, score, corners, placement)).collect()
    }
}
