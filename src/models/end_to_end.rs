//! Heads that need no suppression: rows of `left, top, right, bottom, score, class`.
//!
//! YOLOv10 and YOLO26 (Ultralytics), and YOLOv8 exported with `nms=True`: N×K×6, K mostly 300. YOLOv7 exported with
//! `--end2end`: M×7 for a whole batch, the picture's number first, the class before the score. Pixels of the input, which
//! is as YOLOv8's.

use crate::engine::Output;

use super::form::Form;
use super::{Candidate, Claim, Head, Placement, Sight};

/// A head whose rows are detections.
#[derive(Debug)]
pub struct EndToEnd {
    classes: usize,
    /// Numbers a row: 6, or 7 with the picture's number in front.
    width: usize,
}

/// Whether a model's rows are detections.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let outputs = sight.outputs();
    let [shape] = outputs[..] else { return None };
    let width = match shape {
        [rows, 6] if *rows <= 1000 => 6,
        _ if stacks(sight) => 7,
        _ => return None,
    };
    if sight.channels != 3 || sight.model.facts.get("task").is_some_and(|task| task != "detect") {
        return None;
    }
    let told = sight.model.names.as_deref().map(super::labels::count).filter(|count| *count > 0);
    let certain = shape.first() == Some(&300) || width == 7;
    let hint = sight.hint(&["yolov10", "yolo26", "end2end", "ultralytics"]);
    let score = if certain { 0.8 } else { 0.55 } + hint;
    let form = Form { layout: sight.layout, ..Form::ultralytics(sight.size_or(640)) };
    let head = EndToEnd { classes: told.unwrap_or(80), width };
    Some(Claim::new(score, format!("rows of {width}: corners, score and class of each detection"), form, head))
}

/// Whether the only output is rows of seven, as many as were found in the whole batch. A classifier of seven classes has
/// the same shape where both take any batch: then the file or its metadata has to say what it is.
fn stacks(sight: &Sight<'_>) -> bool {
    let batch = sight.model.signature.inputs[sight.picture].shape[0];
    let rows = |shape: &[i64]| matches!(shape, [rows, 7] if *rows != batch || sight.hint(&["yolov7", "end2end"]) > 0.0);
    sight.model.signature.outputs.first().is_some_and(|port| rows(&port.shape))
}

impl Head for EndToEnd {
    fn classes(&self) -> usize {
        self.classes
    }

    fn is_dense(&self) -> bool {
        false
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let numbers = outputs.first().map_or(&[][..], |output| output.data);
        let rows = numbers.chunks_exact(self.width);
        rows.filter_map(|row| {
            let (corners, score, class) = match *row {
                [left, top, right, bottom, score, class] => ([left, top, right, bottom], score, class),
                [_, left, top, right, bottom, class, score] => ([left, top, right, bottom], score, class),
                _ => return None,
            };
            (score >= threshold).then(|| Candidate::new(class as usize, score, corners, placement))?
        })
        .collect()
    }
}
