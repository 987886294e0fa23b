//! NanoDet and NanoDet-Plus: distributions of distances from the cells of three or four strides.
//!
//! RangiLyu/nanodet. Input N×3×S×S: blue, green, red, normalised by ImageNet's figures. NanoDet (v0.x) gives, for each
//! of the strides 8, 16 and 32, scores N×A×C (sigmoid in the graph) and distributions N×A×4·B; the middle of a cell is
//! half a stride and minus half a pixel off its corner. NanoDet-Plus gives one output N×A×(C+4·B), strides 8 to 64, and
//! counts from the corner itself.

use super::form::{Colours, Fit, Form};
use super::gfl::{self, Gfl, Grid, Span};
use super::sight::{cells, may_be};
use super::{Claim, Sight};

/// ImageNet's figures for blue, green, red of 0 to 255.
const MEAN: [f32; 3] = [103.53, 116.28, 123.675];
const STD: [f32; 3] = [57.375, 57.12, 58.395];

/// Distances that NanoDet-Plus tells apart.
const BINS: usize = 8;

fn form(sight: &Sight<'_>, fit: Fit) -> Form {
    let size = sight.size_or(416);
    Form { fit, layout: sight.layout, mean: MEAN, std: STD, ..Form::plain(size, Colours::Bgr) }
}

/// Whether a model is a NanoDet.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let form = form(sight, Fit::Centre);
    let head = gfl::head(&sight.outputs(), form.size, &[8, 16, 32], [0.5, -0.5])?;
    let score = 0.75 + sight.hint(&["nanodet"]);
    Some(Claim::new(score, "scores and distributions for each of the strides 8, 16, 32", form, head))
}

/// Whether a model is a NanoDet-Plus.
pub fn recognise_plus(sight: &Sight<'_>) -> Option<Claim> {
    let [[rows, numbers]] = sight.outputs()[..] else { return None };
    let form = form(sight, Fit::Stretch);
    let strides = [8, 16, 32, 64];
    let classes = usize::try_from(*numbers).ok()?.checked_sub(4 * BINS).filter(|classes| *classes > 0)?;
    if sight.channels != 3 || !may_be(*rows, cells(form.size, &strides).len()) {
        return None;
    }
    let mut before = 0;
    let grid = |stride| {
        let cells = cells(form.size, &[stride]);
        let first = before * (classes + 4 * BINS);
        before += cells.len();
        let span = |first| Span { output: 0, first, step: classes + 4 * BINS };
        Grid { cells, scores: span(first), boxes: span(first + classes) }
    };
    let grids = strides.map(grid).into_iter().collect();
    let score = if *rows < 0 { 0.5 } else { 0.75 } + sight.hint(&["nanodet"]);
    let head = Gfl { classes, bins: BINS, grids, middle: [0.0, 0.0] };
    Some(Claim::new(score, "one row of classes + 32 for each cell of stride 8 to 64", form, head))
}
