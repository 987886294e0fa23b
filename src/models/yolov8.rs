//! YOLOv8, v9, v11 and v12: no anchors and no object score, columns of `x, y, w, h, classes …`.
//!
//! Ultralytics' `model.export(format="onnx")`. Input N×3×S×S: red, green, blue, 0 to 1, in the middle, padded with 114.
//! Output N×(4+C)×A, one column for each cell of stride 8, 16 and 32: middle and size in pixels of the input.

use crate::engine::Output;

use super::detector::around;
use super::form::Form;
use super::sight::{cells, may_be};
use super::{Candidate, Claim, Head, Placement, Sight};

/// A YOLOv8 or one of its followers.
#[derive(Debug)]
pub struct Yolov8 {
    classes: usize,
}

/// Whether a model is a YOLOv8.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let [[numbers, columns]] = sight.outputs()[..] else { return None };
    let task = sight.model.facts.get("task").map_or("detect", String::as_str);
    let size = sight.size_or(640);
    let classes = usize::try_from(*numbers).ok()?.checked_sub(4).filter(|classes| *classes > 0)?;
    let expected = cells(size, &[8, 16, 32]).len();
    if task != "detect" || sight.channels != 3 || !may_be(*columns, expected) {
        return None;
    }
    let score = if *columns < 0 { 0.6 } else { 0.8 } + sight.hint(&["yolov8", "yolov9", "yolo11", "ultralytics"]);
    let form = Form { layout: sight.layout, ..Form::ultralytics(size) };
    Some(Claim::new(score, "columns of 4 + classes for each cell of stride 8, 16, 32", form, Yolov8 { classes }))
}

impl Head for Yolov8 {
    fn classes(&self) -> usize {
        self.classes
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let numbers = outputs.first().map_or(&[][..], |output| output.data);
        let columns = numbers.len() / (4 + self.classes);
        if columns == 0 {
            return Vec::new();
        }
        let (boxes, scores) = numbers.split_at(4 * columns);
        // Class after class, as the numbers lie: column after column would miss the cache at each.
        let mut best = vec![(0, f32::NEG_INFINITY); columns];
        for (class, scores) in scores.chunks_exact(columns).enumerate() {
            for (best, score) in best.iter_mut().zip(scores).filter(|(best, score)| **score > best.1) {
                *best = (class, *score);
            }
        }
        let sure = best.iter().enumerate().filter(|(_, (_, score))| *score >= threshold && score.is_finite());
        sure.filter_map(|(at, (class, score))| {
            let [cx, cy, width, height] = [0, 1, 2, 3].map(|row| boxes[row * columns + at]);
            Candidate::new(*class, *score, around([cx, cy], [width, height]), placement)
        })
        .collect()
    }
}
