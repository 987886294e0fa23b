//! A picture of any size in a network's input, as its [`Form`] says.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::codec::{Glance, Pixels};

use super::form::{Colours, Fit, Form, Layout};

/// Where a picture was put in the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Pixels of the input for one of the picture, across and down.
    pub scale: [f32; 2],
    /// Where the picture begins in the input, from the left and the top.
    pub offset: [f32; 2],
    /// The picture's own width.
    pub width: f32,
    /// The picture's own height.
    pub height: f32,
    /// Whether boxes are clipped to the picture; not so where somebody judges them.
    pub clips: bool,
}

impl Placement {
    /// At the top left, with proportions kept.
    pub fn corner(scale: f32, width: f32, height: f32) -> Self {
        Self { scale: [scale; 2], offset: [0.0; 2], width, height, clips: true }
    }

    /// Corners in the input as corners in the picture, clipped to it; `None` where they are not finite or hold nothing.
    pub fn original(&self, corners: [f32; 4]) -> Option<[f32; 4]> {
        if corners.iter().any(|corner| !corner.is_finite()) {
            return None;
        }
        let [left, top] = self.point([corners[0], corners[1]]);
        let [right, bottom] = self.point([corners[2], corners[3]]);
        if !self.clips {
            return Some([left, top, right, bottom]);
        }
        let x = |x: f32| x.clamp(0.0, self.width);
        let y = |y: f32| y.clamp(0.0, self.height);
        let clipped = [x(left), y(top), x(right), y(bottom)];
        (clipped[2] > clipped[0] && clipped[3] > clipped[1]).then_some(clipped)
    }

    /// A point of the input as one of the picture, wherever it lies.
    pub fn point(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [(x - self.offset[0]) / self.scale[0], (y - self.offset[1]) / self.scale[1]]
    }
}

/// Puts pictures into a network's input.
pub struct Letterbox {
    form: Form,
    resizer: Resizer,
    small: Image<'static>,
}

impl std::fmt::Debug for Letterbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letterbox").field("form", &self.form).finish_non_exhaustive()
    }
}

impl Letterbox {
    /// For an input of this form.
    pub fn new(form: Form) -> Self {
        Self { form, resizer: Resizer::new(), small: Image::new(1, 1, PixelType::U8x3) }
    }

    /// The input's form.
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// Writes a picture into `input`, which has the form's size. It is placed as all of its pixels would be.
    pub fn put<'a>(&mut self, picture: impl Into<Glance<'a>>, input: &mut [f32]) -> Placement {
        let Glance { pixels, size } = picture.into();
        let (inside, placement) = self.place(size);
        self.resize(pixels, inside);
        let [left, top] = placement.offset.map(|offset| offset as usize);
        match self.form.layout {
            Layout::Nchw => self.planes(left, top, input),
            Layout::Nhwc => self.rows(left, top, input),
        }
        placement
    }

    /// The size of a picture inside the input, and where it lies.
    fn place(&self, own: [u32; 2]) -> ([u32; 2], Placement) {
        // In f64, as the references do: in f32 a height of 234 becomes 233.99998, and so 233.
        let own = own.map(f64::from);
        let size = self.form.size;
        let scales = [f64::from(size[0]) / own[0], f64::from(size[1]) / own[1]];
        let scale = scales[0].min(scales[1]);
        let whole = |round: fn(f64) -> f64| [0, 1].map(|axis| (round(own[axis] * scale) as u32).clamp(1, size[axis]));
        let (inside, scales) = match self.form.fit {
            Fit::Corner => (whole(f64::trunc), [scale; 2]),
            Fit::Centre => (whole(f64::round), [scale; 2]),
            Fit::Stretch => (size, scales),
        };
        let offset = match self.form.fit {
            Fit::Centre => [0, 1].map(|axis| ((size[axis] - inside[axis]) / 2) as f32),
            Fit::Corner | Fit::Stretch => [0.0; 2],
        };
        let scale = scales.map(|scale| scale as f32);
        let (width, height) = (own[0] as f32, own[1] as f32);
        (inside, Placement { scale, offset, width, height, clips: true })
    }

    fn resize(&mut self, pixels: &Pixels, [width, height]: [u32; 2]) {
        if (self.small.width(), self.small.height()) != (width, height) {
            self.small = Image::new(width, height, PixelType::U8x3);
        }
        let full =
            ImageRef::new(pixels.width, pixels.height, &pixels.rgb, PixelType::U8x3).expect("three bytes a pixel");
        // Not antialiased: the way these networks were trained with, and a third faster.
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Interpolation(FilterType::Bilinear));
        self.resizer.resize(&full, &mut self.small, &options).expect("both images are of one kind");
    }

    /// The rows of the input, each with that of the small picture which lies in it.
    fn lines(&self, top: usize) -> impl Iterator<Item = (usize, Option<&[u8]>)> {
        let width = self.small.width() as usize;
        let rows: Vec<_> = self.small.buffer().chunks_exact(width * 3).collect();
        (0..self.form.size[1] as usize).map(move |y| (y, y.checked_sub(top).and_then(|y| rows.get(y).copied())))
    }

    /// One plane for each colour, padded.
    fn planes(&self, left: usize, top: usize, input: &mut [f32]) {
        let [width, height] = self.form.size.map(|side| side as usize);
        let end = left + self.small.width() as usize;
        for (y, row) in self.lines(top) {
            for channel in 0..self.form.channels() {
                let (times, plus) = self.form.affine(channel);
                let padding = f32::from(self.form.pad) * times + plus;
                let out = &mut input[channel * width * height + y * width..][..width];
                let Some(row) = row else {
                    out.fill(padding);
                    continue;
                };
                out[..left].fill(padding);
                out[end..].fill(padding);
                let pixels = out[left..end].iter_mut().zip(row.chunks_exact(3));
                match self.form.colours {
                    Colours::Grey => pixels.for_each(|(out, pixel)| *out = grey(pixel) * times + plus),
                    Colours::Rgb => pixels.for_each(|(out, pixel)| *out = f32::from(pixel[channel]) * times + plus),
                    Colours::Bgr => pixels.for_each(|(out, pixel)| *out = f32::from(pixel[2 - channel]) * times + plus),
                }
            }
        }
    }

    /// The colours of a pixel side by side, padded.
    fn rows(&self, left: usize, top: usize, input: &mut [f32]) {
        let (channels, width) = (self.form.channels(), self.form.size[0] as usize);
        let affine = [0, 1, 2].map(|channel| self.form.affine(channel));
        let padding = affine.map(|(times, plus)| f32::from(self.form.pad) * times + plus);
        for (y, row) in self.lines(top) {
            let out = &mut input[y * width * channels..][..width * channels];
            out.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(&padding[..channels]));
            let inside = out.chunks_exact_mut(channels).skip(left).zip(row.unwrap_or_default().chunks_exact(3));
            for (out, pixel) in inside {
                let values = match self.form.colours {
                    Colours::Grey => [grey(pixel), 0.0, 0.0],
                    Colours::Rgb => [0, 1, 2].map(|at| f32::from(pixel[at])),
                    Colours::Bgr => [2, 1, 0].map(|at| f32::from(pixel[at])),
                };
                let put = out.iter_mut().zip(values).zip(affine);
                put.for_each(|((out, value), (times, plus))| *out = value * times + plus);
            }
        }
    }
}

/// Brightness (ITU-R BT.601), as OpenCV and Pillow make it.
fn grey(pixel: &[u8]) -> f32 {
    0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(width: u32, height: u32, colour: [u8; 3]) -> Pixels {
        Pixels { width, height, rgb: colour.repeat((width * height) as usize) }
    }

    /// Catches swapped colours, a picture in the wrong corner, and padding that is left from the picture before.
    #[test]
    fn a_picture_lies_at_the_top_left_in_blue_green_red() {
        let mut letterbox = Letterbox::new(Form { pad: 114, ..Form::plain([8, 8], Colours::Bgr) });
        let mut input = vec![f32::NAN; 3 * 64];
        letterbox.put(&pixels(8, 8, [9, 9, 9]), &mut input);
        let placement = letterbox.put(&pixels(16, 8, [1, 2, 3]), &mut input);
        assert_eq!(placement, Placement::corner(0.5, 16.0, 8.0));
        for (plane, value) in input.chunks(64).zip([3.0, 2.0, 1.0]) {
            assert!(plane[..32].iter().all(|v| *v == value) && plane[32..].iter().all(|v| *v == 114.0));
        }
        assert_eq!(placement.original([4.0, 2.0, 100.0, 3.0]), Some([8.0, 4.0, 16.0, 6.0]));
        assert_eq!(placement.original([4.0, f32::NAN, 5.0, 3.0]), None);
    }

    /// Catches a picture that is not in the middle, is normalised otherwise than its padding, or mixes up the axes.
    #[test]
    fn a_picture_lies_in_the_middle_or_everywhere_in_any_layout() {
        let form = Form { fit: Fit::Centre, mean: [1.0; 3], std: [2.0; 3], ..Form::plain([8, 4], Colours::Rgb) };
        for layout in [Layout::Nchw, Layout::Nhwc] {
            let mut input = vec![f32::NAN; 3 * 32];
            let mut letterbox = Letterbox::new(Form { layout, ..form });
            let placement = letterbox.put(&pixels(4, 4, [3, 5, 7]), &mut input);
            assert_eq!(placement.offset, [2.0, 0.0]);
            let at = |x: usize, y: usize, channel: usize| match layout {
                Layout::Nchw => input[channel * 32 + y * 8 + x],
                Layout::Nhwc => input[(y * 8 + x) * 3 + channel],
            };
            assert_eq!([at(2, 0, 0), at(5, 3, 1), at(3, 2, 2)], [1.0, 2.0, 3.0], "{layout:?}");
            assert_eq!([at(1, 0, 0), at(6, 3, 2)], [-0.5, -0.5], "{layout:?}");
            assert_eq!(placement.original([2.0, 0.0, 6.0, 4.0]), Some([0.0, 0.0, 4.0, 4.0]));
        }
        let mut stretched = Letterbox::new(Form { fit: Fit::Stretch, ..Form::plain([8, 4], Colours::Grey) });
        let mut input = vec![f32::NAN; 32];
        let placement = stretched.put(&pixels(2, 2, [10, 10, 10]), &mut input);
        assert_eq!(placement.scale, [4.0, 2.0]);
        assert!(input.iter().all(|value| (value - 10.0).abs() < 1e-4));
    }
}
