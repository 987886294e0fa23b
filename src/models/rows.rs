//! Rows of `x, y, w, h, object, classes …`: what YOLOv5, v6, v7 and YOLOX share once boxes are decoded in the graph.

use crate::engine::Output;

use super::detector::{around, best};
use super::{Candidate, Head, Placement};

/// A row for each anchor: middle and size in pixels of the input, and scores of the object and of each class.
#[derive(Debug)]
pub struct Rows {
    /// How many classes a row has.
    pub classes: usize,
}

impl Head for Rows {
    fn classes(&self) -> usize {
        self.classes
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let numbers = outputs.first().map_or(&[][..], |output| output.data);
        let rows = numbers.chunks_exact(5 + self.classes);
        // No class is surer than its object: most rows end here.
        let sure = rows.filter(|row| row[4] >= threshold);
        sure.filter_map(|row| {
            let (class, score) = best(&row[5..])?;
            let corners = around([row[0], row[1]], [row[2], row[3]]);
            (row[4] * score >= threshold).then(|| Candidate::new(class, row[4] * score, corners, placement))?
        })
        .collect()
    }
}
