//! CenterNet: things as the peaks of a heat map, a quarter of the input's size.
//!
//! Zhou et al., *Objects as Points* (arXiv 1904.07850). Input N×3×S×S: blue, green, red, 0 to 1, normalised by the
//! paper's figures, in the middle. Outputs: the heat map N×C×H×W (sigmoid in the graph, or not: a map with numbers
//! outside 0 to 1 gets it here), sizes N×2×H×W in cells, and where the middle lies in its cell N×2×H×W. A peak is a cell
//! that no neighbour of its class is above.

use crate::engine::Output;

use super::detector::around;
use super::form::{Colours, Fit, Form};
use super::sight::{grid, may_be};
use super::{Candidate, Claim, Head, Placement, Sight};

/// Pixels of the input for one cell of the map.
const STRIDE: usize = 4;

/// A CenterNet.
#[derive(Debug)]
pub struct Centernet {
    classes: usize,
    grid: [usize; 2],
    /// The outputs with the map, the sizes and the places in the cell.
    places: [usize; 3],
}

/// Whether a model is a CenterNet.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    let outputs = sight.outputs();
    let size = sight.size_or(512);
    let [across, down] = grid(size, STRIDE);
    let fits = |shape: &&[i64]| matches!(shape, [_, rows, columns] if may_be(*rows, down) && may_be(*columns, across));
    if outputs.len() != 3 || !outputs.iter().all(fits) || sight.channels != 3 {
        return None;
    }
    let named = [&["hm", "heatmap"][..], &["wh", "size"], &["reg", "offset", "off"]].map(|names| sight.named(names));
    let (places, sure) = match named {
        [Some(map), Some(sizes), Some(offsets)] => ([map, sizes, offsets], 0.9),
        _ if outputs[1][0] == 2 && outputs[2][0] == 2 => ([0, 1, 2], 0.7),
        _ => return None,
    };
    let classes = usize::try_from(outputs[places[0]][0]).ok().filter(|classes| *classes > 0)?;
    let (mean, std) = ([0.408, 0.447, 0.470], [0.289, 0.274, 0.278]);
    let plain = Form::plain(size, Colours::Bgr);
    let form = Form { fit: Fit::Centre, layout: sight.layout, mean, std, scale: 1.0 / 255.0, ..plain };
    let head = Centernet { classes, grid: [across, down], places };
    Some(Claim::new(sure, "a heat map, sizes and offsets, a quarter of the input's size", form, head))
}

impl Centernet {
    /// The cells that no neighbour is above.
    fn peaks<'a>(&self, map: &'a [f32], least: f32) -> impl Iterator<Item = (usize, f32)> + 'a {
        let [across, down] = self.grid;
        let is_peak = move |at: usize| {
            let (x, y) = (at % across, at / across);
            let rows = y.saturating_sub(1)..(y + 2).min(down);
            let mut around =
                rows.flat_map(move |y| (x.saturating_sub(1)..(x + 2).min(across)).map(move |x| y * across + x));
            around.all(|near| map[near] <= map[at])
        };
        let sure = map.iter().copied().enumerate().filter(move |(_, score)| *score >= least);
        sure.filter(move |(at, _)| is_peak(*at))
    }
}

impl Head for Centernet {
    fn classes(&self) -> usize {
        self.classes
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let [map, sizes, offsets] = self.places.map(|place| outputs.get(place).map_or(&[][..], |output| output.data));
        let (across, cells) = (self.grid[0], self.grid[0] * self.grid[1]);
        if [map.len(), sizes.len(), offsets.len()] != [self.classes * cells, 2 * cells, 2 * cells] {
            return Vec::new();
        }
        let is_raw = map.iter().any(|value| !(-0.01..=1.01).contains(value));
        let sigmoid = |value: f32| 1.0 / (1.0 + (-value).exp());
        let least = if is_raw { (threshold / (1.0 - threshold)).max(0.0).ln() } else { threshold };
        let mut found = Vec::new();
        for (class, map) in map.chunks_exact(cells).enumerate() {
            for (at, value) in self.peaks(map, least) {
                let score = if is_raw { sigmoid(value) } else { value };
                let middle = [(at % across) as f32 + offsets[at], (at / across) as f32 + offsets[cells + at]];
                let corners = around(middle, [sizes[at], sizes[cells + at]]).map(|value| value * STRIDE as f32);
                found.extend(Candidate::new(class, score, corners, placement));
            }
        }
        found
    }
}
