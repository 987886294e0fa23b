//! YOLOv5, and v7 with its grids concatenated: three anchors a cell, decoded in the graph.
//!
//! ultralytics/yolov5 `export.py`, WongKinYiu/yolov7 `export.py --grid`. Input N×3×S×S: red, green, blue, 0 to 1, in the
//! middle, padded with 114. Output N×A×(5+C) with three rows for each cell of stride 8, 16, 32 (and 64 for the P6
//! models): middle and size in pixels of the input, then scores of the object and of each class.

use super::form::Form;
use super::rows::Rows;
use super::sight::{cells, may_be};
use super::{Claim, Sight};

/// Whether a model is a YOLOv5 or v7.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let outputs = sight.outputs();
    // YOLOv5 may give its raw grids after the concatenated output.
    let [rows, numbers] = outputs.first()?[..] else { return None };
    let grids_follow = outputs[1..].iter().all(|shape| shape.len() == 4 && shape[3] == numbers);
    let size = sight.size_or(640);
    let of = |strides: &[usize]| 3 * cells(size, strides).len();
    let counts = [of(&[8, 16, 32]), of(&[8, 16, 32, 64])];
    let classes = usize::try_from(numbers).ok()?.checked_sub(5).filter(|classes| *classes > 0)?;
    if !grids_follow || sight.channels != 3 || !counts.iter().any(|count| may_be(rows, *count)) {
        return None;
    }
    let score = if rows < 0 { 0.55 } else { 0.8 } + sight.hint(&["yolov5", "yolov7", "yolov6"]);
    let form = Form { layout: sight.layout, ..Form::ultralytics(size) };
    Some(Claim::new(score, "three rows of 5 + classes for each cell of stride 8, 16, 32", form, Rows { classes }))
}
