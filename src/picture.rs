//! A frame with all that is known of it so far. It never leaves the worker that made it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use operators::{Flaw, Frame, UnixMillis};

use crate::codec::{self, Enough, Form, Glance, Pixels};
use crate::paint::Rect;
use crate::raster::affine::Affine;
use crate::raster::cut;
use crate::report::{Detection, Label};
use crate::tasks::terms;
use crate::truth::Score;

/// What a step works on: a frame, its pixels once somebody asked for them, and what was found.
#[derive(Debug)]
pub struct Picture {
    /// The frame as it came.
    pub frame: Frame,
    /// What detectors found, in the order of the steps.
    pub detections: Vec<Detection>,
    /// What it is of, the likeliest first: as the last classifier says.
    pub labels: Vec<Label>,
    /// What is true of it, where somebody says so.
    pub truth: Option<Arc<str>>,
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
    /// Which piece of a picture it is, unless it is a whole one.
    pub piece: Option<Piece>,
    /// Decoded at most once, whoever of those that share them asks first.
    pixels: Arc<Kept>,
    /// How many of its pixels are enough for all that comes.
    enough: Enough,
    /// Fewer pixels, where nobody asked for all, and the size that it has itself.
    small: Arc<OnceLock<(Pixels, [u32; 2])>>,
    /// What it was encoded as, once somebody asked: until somebody paints, it is the same for all.
    encoded: Arc<OnceLock<(Form, Bytes)>>,
    touched: bool,
    /// Where its points lie in the picture as it came, or in the piece as it was cut.
    placed: Affine,
    /// The frame's bytes without what they tell beside the picture, where a step took that out.
    bare: Option<Bytes>,
    /// How much more room its image may take than the frame's: its pixels now for one as it came, 1 or more.
    grown: f64,
    /// Its place in the batch, by which the plan knows it again.
    pub(crate) place: usize,
}

/// Pixels, once somebody asked for them: their memory is for the next picture.
#[derive(Clone, Debug, Default)]
struct Kept(OnceLock<Pixels>);

impl From<Pixels> for Kept {
    fn from(pixels: Pixels) -> Self {
        Self(pixels.into())
    }
}

impl std::ops::Deref for Kept {
    type Target = OnceLock<Pixels>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(pixels) = self.0.take() {
            codec::reuse(pixels.rgb);
        }
    }
}

/// A piece of a picture, as an `each` cut it.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The step that cut it.
    pub of: Arc<str>,
    /// Which one of its picture, from 0.
    pub index: usize,
    /// What was found there.
    pub found: Detection,
    /// Where it lies in the picture that it was cut from.
    pub area: Rect,
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
        let (detections, labels, timings) = Default::default();
        let said = frame.task.iter().filter(|said| !said.is_empty());
        let values = said.map(|said| ("task".to_owned(), terms::json(said).into())).collect();
        let (form, bare, grown) = (Form::default(), None, 1.0);
        let (score, truth, model, piece, touched, place) = (None, None, None, None, false, 0);
        let (pixels, small, encoded, placed) = (Arc::default(), Arc::default(), Arc::default(), Affine::NOTHING);
        Self {
            frame,
            detections,
            labels,
            truth,
            values,
            form,
            score,
            model,
            timings,
            piece,
            pixels,
            enough: Enough::All,
            small,
            encoded,
            touched,
            placed,
            bare,
            grown,
            place,
        }
    }

    /// The same, of which so many pixels are enough for all that is done with it.
    #[must_use]
    pub fn with(self, enough: Enough) -> Self {
        Self { enough, ..self }
    }

    /// The same picture for another way through the job. Its pixels are shared until one of the two is written to, and
    /// the time spent so far is told of this one alone.
    pub fn share(&self) -> Self {
        Self {
            frame: self.frame.clone(),
            detections: self.detections.clone(),
            labels: self.labels.clone(),
            truth: self.truth.clone(),
            values: self.values.clone(),
            model: self.model.clone(),
            timings: Vec::new(),
            piece: self.piece.clone(),
            pixels: Arc::clone(&self.pixels),
            small: Arc::clone(&self.small),
            encoded: Arc::clone(&self.encoded),
            bare: self.bare.clone(),
            ..*self
        }
    }

    /// A piece of it as a picture of its own. Its frame is called `ID.STEP.INDEX`.
    ///
    /// # Errors
    /// A flaw of the picture, where it has to be decoded for this and can't be.
    pub fn cut(&mut self, piece: Piece, limits: &codec::Limits) -> Result<Self, Flaw> {
        let pixels = cut(self.pixels(limits)?, piece.area);
        let id = format!("{}.{}.{}", self.frame.id, piece.of, piece.index).into();
        let mut picture = Self::new(Frame { id, ..self.frame.clone() });
        (picture.piece, picture.pixels, picture.model) = (Some(piece), Arc::new(pixels.into()), self.model.clone());
        Ok(picture)
    }

    /// When it was taken, as far as that is known: else when it was received.
    pub fn taken_at(&self) -> UnixMillis {
        self.frame.captured_at.unwrap_or(self.frame.received_at)
    }

    /// The pixels, decoded at the first call.
    pub fn pixels(&mut self, limits: &codec::Limits) -> Result<&Pixels, Flaw> {
        if self.pixels.get().is_none() {
            let decoded = self.timed("decode", |picture| codec::decode(&picture.frame.bytes, limits))?;
            let _ = self.pixels.set(decoded);
        }
        Ok(self.pixels.get().expect("decoded above"))
    }

    /// The picture to look at, decoded at the first call: with fewer pixels, where these are [`Enough`].
    pub fn look(&mut self, limits: &codec::Limits) -> Result<Glance<'_>, Flaw> {
        if self.seen().is_none() {
            let look = |picture: &mut Self| codec::look(&picture.frame.bytes, limits, picture.enough);
            let (pixels, size) = self.timed("decode", look)?;
            match pixels.size() == size {
                true => _ = self.pixels.set(pixels),
                false => _ = self.small.set((pixels, size)),
            }
        }
        Ok(self.seen().expect("decoded above"))
    }

    /// The picture to look at, if somebody asked for it before.
    pub fn seen(&self) -> Option<Glance<'_>> {
        let small = || self.small.get().map(|(pixels, size)| Glance { pixels, size: *size });
        self.pixels.get().map(Glance::from).or_else(small)
    }

    /// Width and height, if somebody asked for the picture before.
    pub fn size(&self) -> Option<[u32; 2]> {
        self.seen().map(|glance| glance.size)
    }

    /// The pixels, to be painted on: from here on the image is no longer the frame as it came, and the pixels are this
    /// picture's own.
    pub fn canvas(&mut self, limits: &codec::Limits) -> Result<&mut Pixels, Flaw> {
        self.pixels(limits)?;
        self.touched = true;
        self.encoded = Arc::default();
        Ok(Arc::make_mut(&mut self.pixels).0.get_mut().expect("decoded above"))
    }

    /// Gives it other pixels, which lie elsewhere: `to`, an affine map, says where a point of the picture as it was is
    /// now. Detections go with what they lie on, and those that no longer lie in the picture are dropped.
    pub fn replace(&mut self, pixels: Pixels, to: impl Fn([f32; 2]) -> [f32; 2]) {
        let (width, height) = (pixels.width as f32, pixels.height as f32);
        self.detections = self.detections.iter().filter_map(|found| found.moved(&to, [width, height])).collect();
        let before = self.pixels.get().map_or(pixels.rgb.len(), |before| before.rgb.len());
        self.grown = (self.grown * pixels.rgb.len() as f64 / before.max(1) as f64).max(1.0);
        if let Some(back) = Affine::of(to).back() {
            self.placed = self.placed.after(&back);
        }
        self.pixels = Arc::new(pixels.into());
        self.encoded = Arc::default();
        self.touched = true;
    }

    /// Where a point of it lies in the picture as it came, or in the piece as it was cut.
    pub fn placed(&self, point: [f32; 2]) -> [f32; 2] {
        self.placed.map(point)
    }

    /// Its image is these bytes in place of the frame's, as long as nobody paints: they show the same picture.
    pub fn bare(&mut self, bytes: Bytes) {
        self.bare = Some(bytes);
    }

    /// The picture as an image: the bytes as they came where nobody painted and every viewer shows them upright, else
    /// what [`Self::form`] says, made of the pixels; once, however many want it.
    pub fn image(&mut self, limits: &codec::Limits) -> Result<Bytes, Flaw> {
        let as_it_came = !self.touched && self.piece.is_none() && self.form == Form::default();
        if let Some(bare) = self.bare.as_ref().filter(|_| as_it_came) {
            return Ok(bare.clone());
        }
        if as_it_came && codec::is_upright_jpeg(&self.frame.bytes) {
            return Ok(self.frame.bytes.clone());
        }
        if let Some((_, image)) = self.encoded.get().filter(|(form, _)| *form == self.form) {
            return Ok(image.clone());
        }
        self.pixels(limits)?;
        let image = self.timed("encode", |picture| {
            let pixels = picture.pixels.get().expect("decoded above");
            codec::encode_as(picture.form, pixels, &picture.frame.bytes, picture.grown)
        })?;
        // In the form that was asked for first: who converts it for himself encodes it for himself.
        let _ = self.encoded.set((self.form, image.clone()));
        Ok(image)
    }

    /// Whether somebody painted on it, or gave it other pixels.
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// The pixels, if somebody asked for them before.
    pub fn decoded(&self) -> Option<&Pixels> {
        self.pixels.get()
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
            received_at: Default::default(),
            ..Frame::new("door".into(), Default::default(), "1".into(), bytes)
        })
    }

    /// Something that was found in the upper left corner.
    pub fn found(label: &str, score: f32) -> Detection {
        let (class, area, landmarks, by) = (0, [0.0; 4], None, Default::default());
        Detection { class, label: label.into(), score, area, landmarks, by }
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

    /// Catches an image that is made again although nothing changed, one that is kept although something did, and one that
    /// is of another's form.
    #[test]
    fn an_image_is_made_once_until_somebody_paints_or_converts() {
        let limits = Limits::default();
        let mut first = picture(png());
        let mut second = first.share();
        let image = first.image(&limits).unwrap();
        assert_eq!(second.image(&limits).unwrap().as_ptr(), image.as_ptr(), "whoever shares it has it");
        second.form = Form::Png;
        assert_ne!(second.image(&limits).unwrap(), image);
        assert_eq!(first.image(&limits).unwrap().as_ptr(), image.as_ptr());
        first.canvas(&limits).unwrap().rgb.fill(200);
        assert_ne!(first.image(&limits).unwrap(), image);
    }

    /// Catches a picture whose pixels stay fewer for who needs all, or whose size is that of the fewer.
    #[test]
    fn fewer_pixels_are_for_who_looks() {
        let limits = Limits::default();
        let mut picture = picture(jpeg()).with(Enough::Input { size: [4; 2], stretched: false });
        let (by, size) = (if cfg!(feature = "turbo") { 4 } else { 1 }, [32, 24]);
        assert_eq!(picture.look(&limits).unwrap().pixels.size(), size.map(|side| side / by));
        assert_eq!((picture.size(), picture.share().size()), (Some(size), Some(size)));
        assert_eq!(picture.pixels(&limits).unwrap().size(), size);
        assert_eq!(picture.look(&limits).unwrap().pixels.size(), size, "once all are there, all are seen");
    }

    #[test]
    fn what_cannot_be_decoded_is_a_flaw() {
        let mut picture = picture("text".into());
        assert_eq!(picture.image(&Limits::default()).unwrap_err().reason, operators::Reason::Undecodable);
    }
}
