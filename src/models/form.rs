//! How a model wants its picture: size, layout, colours and numbers; what a family knows, and what a job may say instead.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::Enough;

/// The order of a picture's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One plane for each colour (N×C×H×W).
    Nchw,
    /// The colours of a pixel side by side (N×H×W×C).
    Nhwc,
}

/// The order of a pixel's colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Colours {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red: what OpenCV reads.
    Bgr,
    /// One number a pixel: its brightness.
    Grey,
}

/// How a picture of other proportions is put into the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Proportions kept, at the top left, the rest padded.
    Corner,
    /// Proportions kept, in the middle, the rest padded.
    Centre,
    /// Stretched to the whole input.
    Stretch,
}

/// How a model wants its picture. A number goes in as `(value × scale − mean) / std`, with values from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Form {
    /// Width and height.
    pub size: [u32; 2],
    /// The order of the numbers.
    pub layout: Layout,
    /// The order of the colours.
    pub colours: Colours,
    /// Where the picture is put.
    pub fit: Fit,
    /// What is subtracted, in the order of the colours.
    pub mean: [f32; 3],
    /// What is divided by, in the order of the colours.
    pub std: [f32; 3],
    /// What values are multiplied by first.
    pub scale: f32,
    /// The value around a picture that does not fill the input.
    pub pad: u8,
}

impl Form {
    /// Values of 0 to 255 as they are, in the corner, padded with black.
    pub fn plain(size: [u32; 2], colours: Colours) -> Self {
        let (layout, fit) = (Layout::Nchw, Fit::Corner);
        Self { size, layout, colours, fit, mean: [0.0; 3], std: [1.0; 3], scale: 1.0, pad: 0 }
    }

    /// Values of 0 to 1, in the middle, padded with grey: how Ultralytics' models are trained.
    pub fn ultralytics(size: [u32; 2]) -> Self {
        Self { scale: 1.0 / 255.0, fit: Fit::Centre, pad: 114, ..Self::plain(size, Colours::Rgb) }
    }

    /// How many of a picture's pixels are enough for the model.
    pub fn enough(&self) -> Enough {
        Enough::Input { size: self.size, stretched: self.fit == Fit::Stretch }
    }

    /// How many numbers a pixel has.
    pub fn channels(&self) -> usize {
        match self.colours {
            Colours::Grey => 1,
            Colours::Rgb | Colours::Bgr => 3,
        }
    }

    /// The input's shape without the batch.
    pub fn sample(&self) -> Vec<i64> {
        let [width, height] = self.size.map(i64::from);
        let channels = self.channels() as i64;
        match self.layout {
            Layout::Nchw => vec![channels, height, width],
            Layout::Nhwc => vec![height, width, channels],
        }
    }

    /// What is multiplied by and then added, for the colour of that place.
    pub fn affine(&self, channel: usize) -> (f32, f32) {
        (self.scale / self.std[channel], -self.mean[channel] / self.std[channel])
    }

    /// As this, with what the job says instead.
    #[must_use]
    pub fn with(self, asked: &Asked) -> Self {
        Self {
            size: self.size,
            layout: asked.layout.unwrap_or(self.layout),
            colours: asked.colours.unwrap_or(self.colours),
            fit: asked.fit.unwrap_or(self.fit),
            mean: asked.mean.unwrap_or(self.mean),
            std: asked.std.unwrap_or(self.std),
            scale: asked.scale.unwrap_or(self.scale),
            pad: asked.pad.unwrap_or(self.pad),
        }
    }

    /// As a job file says it.
    pub fn line(&self) -> String {
        let Self { size: [width, height], mean, std, scale, pad, .. } = self;
        let [layout, colours, fit] = self.words();
        let first =
            format!("size = [{width}, {height}], layout = \"{layout}\", colours = \"{colours}\", fit = \"{fit}\"");
        format!("input = {{ {first}, mean = {mean:?}, std = {std:?}, scale = {scale}, pad = {pad} }}")
    }

    /// Layout, colours and fit as a job file says them.
    fn words(&self) -> [&'static str; 3] {
        let layout = match self.layout {
            Layout::Nchw => "nchw",
            Layout::Nhwc => "nhwc",
        };
        let colours = match self.colours {
            Colours::Rgb => "rgb",
            Colours::Bgr => "bgr",
            Colours::Grey => "grey",
        };
        let fit = match self.fit {
            Fit::Corner => "corner",
            Fit::Centre => "centre",
            Fit::Stretch => "stretch",
        };
        [layout, colours, fit]
    }
}

/// What a job says of a model's input, where the family does not know it or is wrong.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Width and height, where the model takes any; a multiple of 32 for most families.
    pub size: Option<[u32; 2]>,
    /// The order of the numbers.
    pub layout: Option<Layout>,
    /// The order of the colours.
    pub colours: Option<Colours>,
    /// How a picture of other proportions is put in.
    pub fit: Option<Fit>,
    /// What is subtracted after scaling, in the order of the colours.
    pub mean: Option<[f32; 3]>,
    /// What is then divided by, in the order of the colours.
    pub std: Option<[f32; 3]>,
    /// What values of 0 to 255 are multiplied by first: `0.00392157` (1/255) makes them 0 to 1.
    pub scale: Option<f32>,
    /// The value, 0 to 255, around a picture that does not fill the input.
    pub pad: Option<u8>,
}

impl Asked {
    /// What is wrong with it.
    ///
    /// # Errors
    /// One sentence that names the key.
    pub fn check(&self) -> Result<(), String> {
        if let Some([width, height]) = self.size.filter(|size| size.iter().any(|side| !(8..=8192).contains(side))) {
            return Err(format!("`size` is [{width}, {height}]: width and height have to be between 8 and 8192"));
        }
        let numbers = [("mean", self.mean), ("std", self.std), ("scale", self.scale.map(|scale| [scale; 3]))];
        if let Some((key, _)) = numbers.iter().find(|(_, of)| of.iter().flatten().any(|value| !value.is_finite())) {
            return Err(format!("`{key}` has to be made of numbers"));
        }
        let zero = [("std", self.std), ("scale", self.scale.map(|scale| [scale; 3]))];
        match zero.iter().find(|(_, of)| of.iter().flatten().any(|value| *value == 0.0)) {
            Some((key, _)) => Err(format!("`{key}` is 0: then every picture looks the same to the model")),
            None => Ok(()),
        }
    }
}
