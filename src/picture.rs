//! A frame with all that is known of it so far. It never leaves the worker that made it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use operators::{Flaw, Frame, UnixMillis};

use crate::codec::{self, Form, Pixels};
use crate::report::Detection;
use crate::tasks::terms;
use crate::truth::Score;

/// What a step works on: a frame, its pixels once somebody asked for them, and what was found.
#[derive(Debug)]
pub struct Picture {
    /// The frame as it came.
    pub frame: Frame,
    /// What detectors found, in the order of the steps.
    pub detections: Vec<Detection>,
    /// What steps found out about it, by name.
    pub values: BTreeMap<String, serde_json::Value>,
    /// How its image is written.
    pub form: Form,
    /// How right the detections are, where the frame carries the truth and somebody compared.
    pub score: Option<Score>,
    /// The model that looked last.
    pub model: Option<ModelTag>,
    /// Time spent on this picture, stage by stage.
    pub timings: Vec<(&'static str, Duration)>,
    pixels: Option<Pixels>,
    touched: bool,
    /// The frame's bytes without what they tell beside the picture, where a step took that out.
    bare: Option<Bytes>,
    /// How much more room its image may take than the frame's: its pixels now for one as it came, 1 or more.
    grown: f64,
    /// Its place in the batch, by which the plan knows it again.
    pub(crate) place: usize,
}

/// Which model looked at a picture.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct ModelTag {
    /// The model's file name.
    pub name: std::sync::Arc<str>,
    /// SHA-256 of the model's file, in hex.
    pub sha256: std::sync::Arc<str>,
}

impl Picture {
    /// A picture of which nothing is known yet.
    pub fn new(frame: Frame) -> Self {
        let (detections, timings) = Default::default();
        let said = frame.task.iter().filter(|said| !said.is_empty());
        let values = said.map(|said| ("task".to_owned(), terms::json(said).into())).collect();
        let (form, bare, grown) = (Form::default(), None, 1.0);
        let (score, model, pixels, touched, place) = (None, None, None, false, 0);
        Self { frame, detections, values, form, score, model, timings, pixels, touched, bare, grown, place }
    }

    /// When it was taken, as far as that is known: else when it was received.
    pub fn taken_at(&self) -> UnixMillis {
        self.frame.captured_at.unwrap_or(self.frame.received_at)
    }

    /// The pixels, decoded at the first call.
    pub fn pixels(&mut self, limits: &codec::Limits) -> Result<&Pixels, Flaw> {
        if self.pixels.is_none() {
            let decoded = self.timed("decode", |picture| codec::decode(&picture.frame.bytes, limits))?;
            self.pixels = Some(decoded);
        }
        Ok(self.pixels.as_ref().expect("decoded above"))
    }

    /// The pixels, to be painted on: from here on the image is no longer the frame as it came.
    pub fn canvas(&mut self, limits: &codec::Limits) -> Result<&mut Pixels, Flaw> {
        self.pixels(limits)?;
        self.touched = true;
        Ok(self.pixels.as_mut().expect("decoded above"))
    }

    /// Gives it other pixels, which lie elsewhere: `to` says where a point of the picture as it was is now. Detections go
    /// with what they lie on, and those that no longer lie in the picture are dropped.
    pub fn replace(&mut self, pixels: Pixels, to: impl Fn([f32; 2]) -> [f32; 2]) {
        let (width, height) = (pixels.width as f32, pixels.height as f32);
        self.detections = self.detections.iter().filter_map(|found| found.moved(&to, [width, height])).collect();
        let before = self.pixels.as_ref().map_or(pixels.rgb.len(), |before| before.rgb.len());
        self.grown = (self.grown * pixels.rgb.len() as f64 / before.max(1) as f64).max(1.0);
        self.pixels = Some(pixels);
        self.touched = true;
    }

    /// Its image is these bytes in place of the frame's, as long as nobody paints: they show the same picture.
    pub fn bare(&mut self, bytes: Bytes) {
        self.bare = Some(bytes);
    }

    /// The picture as an image: the bytes as they came where nobody painted and every viewer shows them upright, else
    /// what [`Self::form`] says, made of the pixels.
    pub fn image(&mut self, limits: &codec::Limits) -> Result<Bytes, Flaw> {
        let as_it_came = !self.touched && self.form == Form::default();
        if let Some(bare) = self.bare.as_ref().filter(|_| as_it_came) {
            return Ok(bare.clone());
        }
        if as_it_came && codec::is_upright_jpeg(&self.frame.bytes) {
            return Ok(self.frame.bytes.clone());
        }
        self.pixels(limits)?;
        self.timed("encode", |picture| {
            let pixels = picture.pixels.as_ref().expect("decoded above");
            codec::encode_as(picture.form, pixels, &picture.frame.bytes, picture.grown)
        })
    }

    /// Whether somebody painted on it.
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// The pixels, if somebody asked for them before.
    pub fn decoded(&self) -> Option<&Pixels> {
        self.pixels.as_ref()
    }

    /// Runs `work` and notes its time under `stage`.
    pub fn timed<R>(&mut self, stage: &'static str, work: impl FnOnce(&mut Self) -> R) -> R {
        let start = std::time::Instant::now();
        let result = work(self);
        self.timings.push((stage, start.elapsed()));
        result
    }
}

/// Pictures for tests.
#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::codec::Limits;

    /// A frame of the camera `door` of which nothing is known.
    pub fn picture(bytes: Bytes) -> Picture {
        Picture::new(Frame {
            camera: "door".into(),
            number: Default::default(),
            id: "1".into(),
            captured_at: None,
            received_at: Default::default(),
            origin: Default::default(),
            flaw: None,
            task: None,
            bytes,
        })
    }

    fn jpeg() -> Bytes {
        codec::encode(&Pixels { width: 32, height: 24, rgb: vec![90; 32 * 24 * 3] }, &[0; 9999]).unwrap()
    }

    fn png() -> Bytes {
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(32, 24).write_to(&mut png, image::ImageFormat::Png).unwrap();
        png.into_inner().into()
    }

    #[test]
    fn an_untouched_jpeg_is_the_frame_as_it_came() {
        let bytes = jpeg();
        let mut picture = picture(bytes.clone());
        picture.pixels(&Limits::default()).unwrap();
        assert_eq!(picture.image(&Limits::default()).unwrap().as_ptr(), bytes.as_ptr(), "not even copied");
        assert!(picture.timings.iter().all(|(stage, _)| *stage != "encode"));
    }

    #[test]
    fn a_painted_picture_and_a_png_are_encoded() {
        let mut painted = picture(jpeg());
        painted.canvas(&Limits::default()).unwrap().rgb.fill(200);
        for mut picture in [painted, picture(png())] {
            let image = picture.image(&Limits::default()).unwrap();
            assert_ne!(image, picture.frame.bytes);
            assert!(codec::is_upright_jpeg(&image));
            assert_eq!(picture.timings.iter().map(|(stage, _)| *stage).collect::<Vec<_>>(), ["decode", "encode"]);
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_a_flaw() {
        let mut picture = picture("text".into());
        assert_eq!(picture.image(&Limits::default()).unwrap_err().reason, operators::Reason::Undecodable);
    }
}
