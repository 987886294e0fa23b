//! FastestDet: one anchor a cell on one grid of stride 16.
//!
//! dog-qiuqiu/FastestDet. Input N×3×S×S: blue, green, red, 0 to 1, stretched. Output N×(5+C)×H×W: the object (sigmoid
//! in the graph), four raw numbers, the classes (softmax in the graph). `score = object^0.6 · class^0.4`, the middle
//! `(gx + tanh o1) / W`, the size `sigmoid o3`, all relative to the picture.

use crate::engine::Output;

use super::detector::around;
use super::form::{Colours, Fit, Form};
use super::sight::{grid, may_be};
use super::{Candidate, Claim, Head, Placement, Sight};

/// A FastestDet.
#[derive(Debug)]
pub struct FastestDet {
    classes: usize,
    grid: [usize; 2],
    size: [u32; 2],
}

/// Whether a model is a FastestDet.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let [[planes, rows, columns]] = sight.outputs()[..] else { return None };
    let size = sight.size_or(352);
    let [across, down] = grid(size, 16);
    let classes = usize::try_from(*planes).ok()?.checked_sub(5).filter(|classes| *classes > 0)?;
    if sight.channels != 3 || !may_be(*rows, down) || !may_be(*columns, across) {
        return None;
    }
    let plain = Form::plain(size, Colours::Bgr);
    let form = Form { fit: Fit::Stretch, layout: sight.layout, scale: 1.0 / 255.0, ..plain };
    let head = FastestDet { classes, grid: [across, down], size };
    let score = 0.75 + sight.hint(&["fastestdet"]);
    Some(Claim::new(score, "planes of 5 + classes over one grid of stride 16", form, head))
}

impl Head for FastestDet {
    fn classes(&self) -> usize {
        self.classes
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let numbers = outputs.first().map_or(&[][..], |output| output.data);
        let [across, down] = self.grid;
        let cells = across * down;
        if numbers.len() != (5 + self.classes) * cells {
            return Vec::new();
        }
        let at = |plane: usize, cell: usize| numbers[plane * cells + cell];
        let candidate = |cell: usize| {
            // No class is surer than its object lets it be: most cells end here.
            let object = at(0, cell).powf(0.6);
            let best = (0..self.classes).map(|class| (class, at(5 + class, cell))).max_by(|a, b| a.1.total_cmp(&b.1));
            let (class, sure) = best.filter(|_| object >= threshold)?;
            let score = object * sure.powf(0.4);
            let middle = |raw: f32, place: usize, of: usize| (place as f32 + raw.tanh()) / of as f32;
            let length = |raw: f32| 1.0 / (1.0 + (-raw).exp());
            let [width, height] = self.size.map(|side| side as f32);
            let x = middle(at(1, cell), cell % across, across) * width;
            let y = middle(at(2, cell), cell / across, down) * height;
            let sides = [length(at(3, cell)) * width, length(at(4, cell)) * height];
            (score >= threshold).then(|| Candidate::new(class, score, around([x, y], sides), placement))?
        };
        (0..cells).filter_map(candidate).collect()
    }
}
