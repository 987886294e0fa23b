//! Boxes by distributions: what NanoDet and PicoDet share.
//!
//! Li et al., *Generalized Focal Loss* (arXiv 2006.04388): for each side of a box, the model gives the odds of each
//! distance of 0, 1, … strides from the cell's middle; their softmax's expectation is the distance.

use crate::engine::Output;

use super::detector::best;
use super::sight::Cell;
use super::{Candidate, Head, Placement};

/// A model that gives, for each cell, scores of classes and four distributions.
#[derive(Debug)]
pub struct Gfl {
    /// How many classes.
    pub classes: usize,
    /// Distances that each distribution tells apart.
    pub bins: usize,
    /// Grid after grid: its cells, and where its numbers stand.
    pub grids: Vec<Grid>,
    /// What is added to a cell's column and row, in strides, and then in pixels, to give its middle.
    pub middle: [f32; 2],
}

/// The cells of one stride, and where their numbers stand among the outputs.
#[derive(Debug)]
pub struct Grid {
    /// The cells.
    pub cells: Vec<Cell>,
    /// The output with scores and the first number in it.
    pub scores: Span,
    /// The output with distributions.
    pub boxes: Span,
}

/// Where the numbers of some cells stand.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The output, by its place.
    pub output: usize,
    /// The first number.
    pub first: usize,
    /// Numbers from one cell to the next.
    pub step: usize,
}

impl Span {
    fn row<'a>(&self, outputs: &[Output<'a>], at: usize, length: usize) -> Option<&'a [f32]> {
        outputs.get(self.output)?.data.get(self.first + at * self.step..)?.get(..length)
    }
}

/// The expectation of a distribution that is given by its odds.
fn expectation(odds: &[f32]) -> f32 {
    let most = odds.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (sum, weighted) = odds.iter().enumerate().fold((0.0, 0.0), |(sum, weighted), (at, odds)| {
        let share = (odds - most).exp();
        (sum + share, weighted + share * at as f32)
    });
    weighted / sum
}

impl Gfl {
    fn candidate(
        &self,
        grid: &Grid,
        at: usize,
        outputs: &[Output<'_>],
        place: &Placement,
        least: f32,
    ) -> Option<Candidate> {
        let cell = grid.cells[at];
        let (class, score) = best(grid.scores.row(outputs, at, self.classes)?)?;
        if score.is_nan() || score < least {
            return None;
        }
        let odds = grid.boxes.row(outputs, at, 4 * self.bins)?;
        let [left, top, right, bottom] =
            [0, 1, 2, 3].map(|side| expectation(&odds[side * self.bins..][..self.bins]) * cell.stride);
        let [strides, pixels] = self.middle;
        let (x, y) = ((cell.x + strides) * cell.stride + pixels, (cell.y + strides) * cell.stride + pixels);
        Candidate::new(class, score, [x - left, y - top, x + right, y + bottom], place)
    }
}

impl Head for Gfl {
    fn classes(&self) -> usize {
        self.classes
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let cells = self.grids.iter().flat_map(|grid| (0..grid.cells.len()).map(move |at| (grid, at)));
        cells.filter_map(|(grid, at)| self.candidate(grid, at, outputs, placement, threshold)).collect()
    }
}

/// The head of a model that gives two outputs for each stride, scores and distributions; `None` for other shapes.
pub fn head(outputs: &[&[i64]], size: [u32; 2], strides: &[usize], middle: [f32; 2]) -> Option<Gfl> {
    let of = |stride: &usize| super::sight::cells(size, &[*stride]);
    let grids: Vec<_> = strides.iter().map(of).collect();
    let (n, shapes) = (strides.len(), outputs.iter().map(|shape| <[i64; 2]>::try_from(*shape)));
    let shapes = shapes.collect::<Result<Vec<_>, _>>().ok().filter(|shapes| shapes.len() == 2 * n)?;
    // Scores of all strides first, or scores and distributions of one stride after the other.
    let together = |stride: usize| (stride, n + stride);
    let in_turn = |stride: usize| (2 * stride, 2 * stride + 1);
    let fits = |place: &dyn Fn(usize) -> (usize, usize)| {
        (0..n).all(|stride| {
            let ((a, b), (a0, b0)) = (place(stride), place(0));
            let counts = [a, b].iter().all(|at| super::sight::may_be(shapes[*at][0], grids[stride].len()));
            counts && shapes[a][1] == shapes[a0][1] && shapes[b][1] == shapes[b0][1] && shapes[b][1] % 4 == 0
        })
    };
    let place: &dyn Fn(usize) -> (usize, usize) = match () {
        () if fits(&together) => &together,
        () if fits(&in_turn) => &in_turn,
        () => return None,
    };
    let (a, b) = place(0);
    let classes = usize::try_from(shapes[a][1]).ok().filter(|classes| *classes > 0)?;
    let bins = usize::try_from(shapes[b][1] / 4).ok().filter(|bins| (2..=32).contains(bins))?;
    let span = |output, step| Span { output, first: 0, step };
    let grid = |(stride, cells)| {
        let (a, b) = place(stride);
        Grid { cells, scores: span(a, classes), boxes: span(b, 4 * bins) }
    };
    Some(Gfl { classes, bins, grids: grids.into_iter().enumerate().map(grid).collect(), middle })
}
