//! A model as families look at it: which input is the picture, of which size, and what its outputs are shaped like.

use crate::engine::{Model, Numbers, Port};

use super::form::{Asked, Layout};

/// A model whose picture input is understood.
#[derive(Debug)]
pub struct Sight<'a> {
    /// The model.
    pub model: &'a Model,
    /// Which input is the picture.
    pub picture: usize,
    /// The order of its numbers.
    pub layout: Layout,
    /// Numbers a pixel: 3, or 1 for grey.
    pub channels: i64,
    /// Width and height: the model's own, or where it takes any, the job's.
    size: Option<[u32; 2]>,
}

/// The longest side of a model's picture. Families lay out a cell for each few pixels before they look any further.
const LARGEST: i64 = 8192;

impl<'a> Sight<'a> {
    /// Understands a model's input.
    ///
    /// # Errors
    /// One sentence, where no input is a picture, or the job asks for a size that the model does not take.
    pub fn of(model: &'a Model, asked: &Asked) -> Result<Self, String> {
        let (name, signature) = (&model.tag.name, &model.signature);
        let none = || format!("{name} takes no picture (an input N×3×H×W or N×H×W×3 of f32 or u8): it has {signature}");
        let found = signature.inputs.iter().enumerate().find_map(|(at, port)| {
            let numbers = matches!(port.numbers, Numbers::Floats | Numbers::Bytes);
            picture(port, asked.layout).filter(|_| numbers).map(|(layout, channels, size)| (at, layout, channels, size))
        });
        let (picture, layout, channels, [width, height]) = found.ok_or_else(none)?;
        if width.max(height) > LARGEST {
            return Err(format!(
                "{name} takes pictures of {width}×{height}, and {LARGEST} a side is the most that is taken"
            ));
        }
        let own = (width > 0 && height > 0).then_some([width as u32, height as u32]);
        match (own, asked.size) {
            (Some([w, h]), Some([x, y])) if [w, h] != [x, y] => {
                Err(format!("{name} takes pictures of {w}×{h} and no others: `size` can't be [{x}, {y}]"))
            }
            (own, wanted) => Ok(Self { model, picture, layout, channels, size: own.or(wanted) }),
        }
    }

    /// Width and height of the picture input, `usual` on both sides where neither the model nor the job says.
    pub fn size_or(&self, usual: u32) -> [u32; 2] {
        self.size.unwrap_or([usual; 2])
    }

    /// Whether the model takes pictures of any size.
    pub fn is_dynamic(&self) -> bool {
        let shape = &self.model.signature.inputs[self.picture].shape;
        shape[1..].iter().any(|size| *size < 0)
    }

    /// Whether the picture goes in as bytes, whose scale nobody has to say.
    pub fn takes_bytes(&self) -> bool {
        self.model.signature.inputs[self.picture].numbers == Numbers::Bytes
    }

    /// The shape of each output without the batch; -1 stands for any.
    pub fn outputs(&self) -> Vec<&'a [i64]> {
        self.model.signature.outputs.iter().map(|port| self.without_batch(&port.shape)).collect()
    }

    fn without_batch(&self, shape: &'a [i64]) -> &'a [i64] {
        let batch = self.model.signature.inputs[self.picture].shape[0];
        match shape {
            [first, rest @ ..] if *first == batch || *first <= 1 => rest,
            all => all,
        }
    }

    /// The place of the output with one of these names.
    pub fn named(&self, names: &[&str]) -> Option<usize> {
        let outputs = &self.model.signature.outputs;
        outputs.iter().position(|port| names.iter().any(|name| port.name.eq_ignore_ascii_case(name)))
    }

    /// How much the file's name and its metadata speak for a family: 0.15 where one of `words` stands in them.
    pub fn hint(&self, words: &[&str]) -> f32 {
        let texts = self.model.facts.values().map(String::as_str).chain([&*self.model.tag.name]);
        let speaks = |text: &str| words.iter().any(|word| text.to_lowercase().contains(word));
        if texts.into_iter().any(speaks) { 0.15 } else { 0.0 }
    }

    /// Whether the model has an input of that name.
    pub fn has_input(&self, name: &str) -> bool {
        self.model.signature.inputs.iter().any(|port| port.name == name)
    }
}

/// Layout, channels, width and height, where an input is a picture.
fn picture(port: &Port, asked: Option<Layout>) -> Option<(Layout, i64, [i64; 2])> {
    let [_, a, b, c] = port.shape[..] else { return None };
    let colour = |channels: i64| matches!(channels, 1 | 3);
    let planes = (Layout::Nchw, a, [c, b]);
    let pixels = (Layout::Nhwc, c, [b, a]);
    let (layout, channels, size) = match asked {
        Some(Layout::Nchw) => planes,
        Some(Layout::Nhwc) => pixels,
        None if colour(a) => planes,
        None if colour(c) => pixels,
        None => planes,
    };
    // A model that leaves its channels open takes colours.
    let channels = if channels < 0 { 3 } else { channels };
    colour(channels).then_some((layout, channels, size))
}

/// Whether a dimension is `number`, or may be.
pub fn may_be(dimension: i64, number: usize) -> bool {
    dimension < 0 || dimension == number as i64
}

/// A cell of a grid over the input: its column and row, and the input's pixels a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The column, from 0.
    pub x: f32,
    /// The row, from 0.
    pub y: f32,
    /// Pixels of the input, across and down.
    pub stride: f32,
}

/// The cells of the grids of `strides` over an input, grid after grid, row after row.
pub fn cells(size: [u32; 2], strides: &[usize]) -> Vec<Cell> {
    let of = |stride: &usize| {
        let [columns, rows] = grid(size, *stride);
        let stride = *stride as f32;
        (0..columns * rows).map(move |at| Cell { x: (at % columns) as f32, y: (at / columns) as f32, stride })
    };
    strides.iter().flat_map(of).collect()
}

/// Columns and rows of the grid of one stride; what is left over at the right and below makes a cell too.
pub fn grid([width, height]: [u32; 2], stride: usize) -> [usize; 2] {
    [(width as usize).div_ceil(stride), (height as usize).div_ceil(stride)]
}
