//! PicoDet without its post-processing: distributions of distances from the cells of four strides.
//!
//! PaddlePaddle/PaddleDetection, exported with `export.post_process=False`. Input N×3×S×S: red, green, blue, 0 to 1,
//! normalised by ImageNet's figures, stretched. For each of the strides 8, 16, 32 and 64, scores N×A×C (sigmoid in the
//! graph) and distributions N×A×4·B, from half a stride off a cell's corner.

use super::form::{Colours, Fit, Form};
use super::gfl;
use super::{Claim, Sight};

/// Whether a model is a PicoDet.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let size = sight.size_or(320);
    let head = gfl::head(&sight.outputs(), size, &[8, 16, 32, 64], [0.5, 0.0])?;
    let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    let plain = Form::plain(size, Colours::Rgb);
    let form = Form { fit: Fit::Stretch, layout: sight.layout, mean, std, scale: 1.0 / 255.0, ..plain };
    let score = 0.8 + sight.hint(&["picodet", "paddle"]);
    Some(Claim::new(score, "scores and distributions for each of the strides 8, 16, 32, 64", form, head))
}
