//! SSD: relative corners and scores, from PyTorch with two outputs or from TensorFlow with four.
//!
//! qfgaohao/pytorch-ssd: scores N×A×(1+C), the background first and the softmax in the graph, and boxes N×A×4 as left,
//! top, right, bottom; input red, green, blue as `(x − 127) / 128`. TensorFlow's object detection API: boxes as top,
//! left, bottom, right, classes from 1, and a count, after suppression; input N×H×W×3 of bytes. Both stretch the picture.

use crate::engine::{Numbers, Output};

use super::detector::best;
use super::form::{Colours, Fit, Form};
use super::{Candidate, Claim, Head, Placement, Sight};

/// An SSD with two outputs: a row for each prior.
#[derive(Debug)]
pub struct Priors {
    /// How many classes, the background not counted.
    pub classes: usize,
    /// The outputs with scores and with boxes.
    pub places: [usize; 2],
    /// Width and height of the input.
    pub size: [u32; 2],
    /// What the only class is called, if that is known.
    pub only: Option<&'static str>,
}

/// An SSD with four outputs: a row for each detection.
#[derive(Debug)]
struct Detections {
    classes: usize,
    /// The outputs with boxes, scores, classes and the count.
    places: [usize; 4],
    size: [u32; 2],
}

/// Whether a model is an SSD.
pub fn recognise(sight: &Sight<'_>) -> Option<Claim> {
    two(sight).or_else(|| four(sight))
}

fn two(sight: &Sight<'_>) -> Option<Claim> {
    let (classes, places) = scores_and_boxes(sight).filter(|(classes, _)| *classes > 1)?;
    let size = sight.size_or(300);
    let form = Form { layout: sight.layout, ..normalised(size) };
    let score = 0.7 + sight.hint(&["ssd"]);
    let head = Priors { classes, places, size, only: None };
    Some(Claim::new(score, "scores with a background, and boxes, one row for each prior", form, head))
}

/// Stretched, `(x − 127) / 128`: what pytorch-ssd and UltraFace want.
pub fn normalised(size: [u32; 2]) -> Form {
    Form { fit: Fit::Stretch, mean: [127.0; 3], std: [128.0; 3], ..Form::plain(size, Colours::Rgb) }
}

/// The classes, and the outputs with scores (background first) and boxes, where there are just these two.
pub fn scores_and_boxes(sight: &Sight<'_>) -> Option<(usize, [usize; 2])> {
    let outputs = sight.outputs();
    let [[a, m], [b, n]] = outputs[..] else { return None };
    let places = match (*m, *n) {
        (2.., 4) if sight.named(&["boxes", "bboxes", "locations", "loc"]) != Some(0) => [0, 1],
        (4, 2..) => [1, 0],
        _ => return None,
    };
    let columns = usize::try_from(outputs[places[0]][1]).ok()?;
    (a == b && sight.channels == 3).then_some((columns - 1, places))
}

fn four(sight: &Sight<'_>) -> Option<Claim> {
    let port = &sight.model.signature.inputs[sight.picture];
    let names = ["detection_boxes", "detection_scores", "detection_classes", "num_detections"];
    let find = |name: &str| {
        let ports = &sight.model.signature.outputs;
        // TensorFlow Lite's converter names the same outputs `TFLite_Detection_PostProcess`, `:1`, `:2`, `:3`.
        ports.iter().position(|port| port.name == name || port.name.strip_suffix(":0") == Some(name))
    };
    let lite = ["", ":2", ":1", ":3"].map(|end| find(&format!("TFLite_Detection_PostProcess{end}")));
    let found = match names.map(find) {
        [Some(a), Some(b), Some(c), Some(d)] => [a, b, c, d],
        _ => match lite {
            [Some(a), Some(b), Some(c), Some(d)] => [a, b, c, d],
            _ => return None,
        },
    };
    let size = sight.size_or(300);
    let plain = Form { fit: Fit::Stretch, layout: sight.layout, ..Form::plain(size, Colours::Rgb) };
    let form = match port.numbers {
        Numbers::Bytes => plain,
        _ => Form { mean: [127.5; 3], std: [127.5; 3], ..plain },
    };
    let told = sight.model.names.as_deref().map(super::labels::count).filter(|count| *count > 0);
    let head = Detections { classes: told.unwrap_or(90), places: found, size };
    Some(Claim::new(0.9, "outputs named as TensorFlow's detectors name them", form, head))
}

impl Head for Priors {
    fn classes(&self) -> usize {
        self.classes
    }

    fn only(&self) -> Option<&'static str> {
        self.only
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let of = |place: usize| outputs.get(place).map_or(&[][..], |output| output.data);
        let [width, height] = self.size.map(|side| side as f32);
        let rows = of(self.places[0]).chunks_exact(self.classes + 1).zip(of(self.places[1]).chunks_exact(4));
        rows.filter_map(|(scores, row)| {
            let (class, score) = best(&scores[1..])?;
            let corners = [row[0] * width, row[1] * height, row[2] * width, row[3] * height];
            (score >= threshold).then(|| Candidate::new(class, score, corners, placement))?
        })
        .collect()
    }
}

impl Head for Detections {
    fn classes(&self) -> usize {
        self.classes
    }

    fn is_dense(&self) -> bool {
        false
    }

    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate> {
        let [boxes, scores, classes, count] =
            self.places.map(|place| outputs.get(place).map_or(&[][..], |output| output.data));
        let count = count.first().map_or(0, |count| *count as usize);
        let [width, height] = self.size.map(|side| side as f32);
        let rows = boxes.chunks_exact(4).zip(scores).zip(classes).take(count);
        rows.filter(|((_, score), class)| **score >= threshold && **class >= 1.0)
            .filter_map(|((row, score), class)| {
                let corners = [row[1] * width, row[0] * height, row[3] * width, row[2] * height];
                Candidate::new(*class as usize - 1, *score, corners, placement)
            })
            .collect()
    }
}
