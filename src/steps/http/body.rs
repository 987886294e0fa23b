//! What a service is sent of a picture.

use std::collections::BTreeMap;

use bytes::Bytes;
use operators::{Flaw, Reason};
use reqwest::header::HeaderValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock;
use crate::codec::{Limits, Pixels};
use crate::mistake::Mistake;
use crate::picture::Picture;

/// The form of what is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// The image.
    #[default]
    Raw,
    /// A form with the image as a file.
    Multipart,
    /// An object with the image in base64.
    Json,
    /// The Open Inference Protocol v2.
    Inference,
}

/// What an object says of the picture itself, beside `field`.
pub(super) const OWN: [&str; 6] = ["job", "camera", "id", "number", "captured_at", "media"];

/// The input of an inference.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tensor {
    /// Its name in the model.
    name: String,
    /// What its numbers are.
    datatype: Datatype,
    /// The order of its dimensions.
    layout: Layout,
}

impl Default for Tensor {
    fn default() -> Self {
        Self { name: "image".into(), datatype: Datatype::default(), layout: Layout::default() }
    }
}

/// What the numbers of a tensor are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Datatype {
    /// 0 to 255.
    #[default]
    Uint8,
    /// 0 to 1.
    Fp32,
    /// No numbers: the image, in base64.
    Bytes,
}

/// The order of the dimensions of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Layout {
    /// Rows, columns, colours.
    #[default]
    Nhwc,
    /// Colours, rows, columns.
    Nchw,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(super) struct Body {
    /// Its form.
    pub kind: Kind,
    /// What the image is called in it.
    pub field: String,
    /// What is in it besides.
    pub with: BTreeMap<String, Value>,
    /// The input of an inference.
    pub tensor: Tensor,
}

/// What is sent, and its media type.
pub(super) type Sent = (Bytes, HeaderValue);

impl Body {
    /// What is wrong with it by itself.
    pub fn check(&self) -> Result<(), Mistake> {
        if self.kind == Kind::Raw && !self.with.is_empty() {
            let what = "`with` has no place in a raw image: write `body = \"multipart\"` or \"json\", or leave it out";
            return Err(Mistake::at("with", what));
        }
        let plain = |name: &str| !name.is_empty() && !name.contains(['"', '\\']) && !name.contains(char::is_control);
        if !plain(&self.field) {
            return Err(Mistake::at("field", "`field` is no name that a form can have: write it without quotes"));
        }
        let odd = self.with.keys().find(|name| !plain(name));
        odd.map_or(Ok(()), |name| {
            Err(Mistake::at("with", format!("`with` has a name that no form can have: {name:?}")))
        })
    }

    /// In a few words.
    pub fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Raw => "images",
            Kind::Multipart => "images in forms",
            Kind::Json => "images in JSON",
            Kind::Inference => "inference requests",
        }
    }

    /// What is sent of `picture`.
    ///
    /// # Errors
    /// The picture can't be decoded or encoded.
    pub fn of(&self, picture: &mut Picture, job: &str, limits: &Limits) -> Result<Sent, Flaw> {
        let json = |value: &Value| (Bytes::from(value.to_string()), HeaderValue::from_static("application/json"));
        match self.kind {
            Kind::Raw => Ok((picture.image(limits)?, HeaderValue::from_static(picture.form.media()))),
            Kind::Multipart => self.form(&picture.image(limits)?, picture.form.media()),
            Kind::Json => Ok(json(&self.object(picture, job, limits)?)),
            Kind::Inference => self.inference(picture, limits),
        }
    }

    /// RFC 7578.
    fn form(&self, image: &[u8], media: &str) -> Result<Sent, Flaw> {
        // The same for the same picture: a request that is sent again is the same to the byte.
        let boundary = format!("vigie-{}", &blake3::hash(image).to_hex()[..32]);
        let mut form = Vec::with_capacity(image.len() + 1024);
        for (name, value) in &self.with {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            form.extend_from_slice(part(&boundary, &format!("name=\"{name}\"")).as_bytes());
            form.extend_from_slice(format!("\r\n{value}\r\n").as_bytes());
        }
        let ending = media.rsplit('/').next().unwrap_or_default().replace("jpeg", "jpg");
        let file = format!("name=\"{}\"; filename=\"picture.{ending}\"", self.field);
        form.extend_from_slice(format!("{}Content-Type: {media}\r\n\r\n", part(&boundary, &file)).as_bytes());
        form.extend_from_slice(image);
        form.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let media = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
        Ok((form.into(), media.expect("hex is plain")))
    }

    fn object(&self, picture: &mut Picture, job: &str, limits: &Limits) -> Result<Value, Flaw> {
        let image = base64_simd::STANDARD.encode_to_string(picture.image(limits)?);
        let frame = &picture.frame;
        let mut object: Map<_, _> = self.with.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        object.insert("job".into(), job.into());
        object.insert("camera".into(), frame.camera.as_str().into());
        object.insert("id".into(), frame.id.as_str().into());
        object.insert("number".into(), frame.number.0.into());
        object.insert("captured_at".into(), frame.captured_at.map(clock::rfc3339).into());
        object.insert("media".into(), picture.form.media().into());
        object.insert(self.field.clone(), image.into());
        Ok(object.into())
    }

    fn inference(&self, picture: &mut Picture, limits: &Limits) -> Result<Sent, Flaw> {
        let name = &self.tensor.name;
        let json = match self.tensor.datatype {
            Datatype::Bytes => {
                let image = base64_simd::STANDARD.encode_to_string(picture.image(limits)?);
                self.ask(&Input { name, shape: [1].as_slice(), datatype: "BYTES", data: [image] })
            }
            Datatype::Uint8 => {
                let (shape, data) = self.numbers(picture.pixels(limits)?);
                self.ask(&Input { name, shape: shape.as_slice(), datatype: "UINT8", data })
            }
            Datatype::Fp32 => {
                let (shape, data) = self.numbers(picture.pixels(limits)?);
                let data: Vec<_> = data.into_iter().map(|value| f32::from(value) / 255.0).collect();
                self.ask(&Input { name, shape: shape.as_slice(), datatype: "FP32", data })
            }
        };
        Ok((json?, HeaderValue::from_static("application/json")))
    }

    fn ask<T: Serialize>(&self, input: &Input<'_, T>) -> Result<Bytes, Flaw> {
        let request = Inference { inputs: [input], parameters: &self.with };
        let unwritten = |error| Flaw::new(Reason::ServiceFailed, format!("the request can't be written: {error}"));
        serde_json::to_vec(&request).map(Bytes::from).map_err(unwritten)
    }

    /// The shape of a picture as a tensor, and its numbers in that order.
    fn numbers(&self, pixels: &Pixels) -> ([usize; 4], Vec<u8>) {
        let (width, height) = (pixels.width as usize, pixels.height as usize);
        match self.tensor.layout {
            Layout::Nhwc => ([1, height, width, 3], pixels.rgb.to_vec()),
            Layout::Nchw => {
                let plane = |colour: usize| pixels.rgb.iter().skip(colour).step_by(3).copied();
                ([1, 3, height, width], (0..3).flat_map(plane).collect())
            }
        }
    }
}

/// The head of a part of a form, as far as all have it.
fn part(boundary: &str, what: &str) -> String {
    format!("--{boundary}\r\nContent-Disposition: form-data; {what}\r\n")
}

/// A request of the Open Inference Protocol v2.
#[derive(Serialize)]
struct Inference<'a, T> {
    inputs: [&'a Input<'a, T>; 1],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parameters: &'a BTreeMap<String, Value>,
}

#[derive(Serialize)]
struct Input<'a, T> {
    name: &'a str,
    shape: &'a [usize],
    datatype: &'static str,
    data: T,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use crate::picture::tests::picture;
    use serde_json::json;

    fn body(kind: Kind, datatype: Datatype, layout: Layout) -> Body {
        let with = BTreeMap::from([("least".to_owned(), json!(0.5)), ("model".to_owned(), json!("x"))]);
        Body { kind, field: "image".into(), with, tensor: Tensor { name: "in".into(), datatype, layout } }
    }

    /// A picture of 2×1: a red pixel and one of three greys.
    fn two() -> Picture {
        let mut picture = picture("".into());
        let pixels = Pixels { width: 2, height: 1, rgb: vec![255, 0, 0, 10, 20, 30] };
        picture.frame.bytes = codec::encode_as(codec::Form::Png, &pixels, &[], 1.0).expect("a PNG");
        picture
    }

    fn sent(body: &Body) -> (String, Vec<u8>) {
        let (bytes, media) = body.of(&mut two(), "room", &Limits::default()).expect("it can be sent");
        (media.to_str().expect("text").to_owned(), bytes.to_vec())
    }

    /// Catches a tensor in another order than it says, or on another scale.
    #[test]
    fn a_tensor_is_what_it_says() {
        let input = |datatype, layout| {
            let (media, bytes) = sent(&body(Kind::Inference, datatype, layout));
            assert_eq!(media, "application/json");
            let mut asked: Value = serde_json::from_slice(&bytes).expect("JSON");
            assert_eq!(asked["parameters"], json!({ "least": 0.5, "model": "x" }));
            asked["inputs"][0].take()
        };
        let nhwc = json!({ "name": "in", "shape": [1, 1, 2, 3], "datatype": "UINT8", "data": [255, 0, 0, 10, 20, 30] });
        assert_eq!(input(Datatype::Uint8, Layout::Nhwc), nhwc);
        let nchw = json!({ "name": "in", "shape": [1, 3, 1, 2], "datatype": "UINT8", "data": [255, 10, 0, 20, 0, 30] });
        assert_eq!(input(Datatype::Uint8, Layout::Nchw), nchw);
        let floats = input(Datatype::Fp32, Layout::Nhwc);
        assert_eq!(
            (&floats["datatype"], &floats["data"][0], &floats["data"][1]),
            (&json!("FP32"), &json!(1.0), &json!(0.0))
        );
        let bytes = input(Datatype::Bytes, Layout::Nhwc);
        assert_eq!((&bytes["datatype"], &bytes["shape"]), (&json!("BYTES"), &json!([1])));
        let image = base64_simd::STANDARD.decode_to_vec(bytes["data"][0].as_str().expect("text")).expect("base64");
        assert_eq!(codec::media(&image), "image/jpeg");
    }

    /// Catches a form that no server reads, and one that differs when it is sent again.
    #[test]
    fn a_form_holds_the_image_and_the_rest() {
        let form = body(Kind::Multipart, Datatype::Uint8, Layout::Nhwc);
        let (media, bytes) = sent(&form);
        assert_eq!(sent(&form), (media.clone(), bytes.clone()));
        let boundary = media.strip_prefix("multipart/form-data; boundary=").expect("a boundary");
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            text.starts_with(&format!("--{boundary}\r\nContent-Disposition: form-data; name=\"least\"\r\n\r\n0.5\r\n")),
            "{text}"
        );
        assert!(
            text.contains("name=\"model\"\r\n\r\nx\r\n") && text.ends_with(&format!("\r\n--{boundary}--\r\n")),
            "{text}"
        );
        let head = "name=\"image\"; filename=\"picture.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n";
        assert!(text.contains(head) && text.matches(boundary).count() == 4, "{text}");
    }

    /// Catches an object without what names the frame.
    #[test]
    fn an_object_names_its_frame() {
        let (_, bytes) = sent(&body(Kind::Json, Datatype::Uint8, Layout::Nhwc));
        let object: Value = serde_json::from_slice(&bytes).expect("JSON");
        for (key, value) in
            [("job", json!("room")), ("camera", json!("door")), ("id", json!("1")), ("model", json!("x"))]
        {
            assert_eq!(object[key], value, "{object}");
        }
        assert!(object["image"].as_str().is_some_and(|image| image.starts_with("/9j/")), "{object}");
    }

    /// Catches a name that breaks a form.
    #[test]
    fn a_name_that_no_form_can_have_is_told() {
        let mut form = body(Kind::Multipart, Datatype::Uint8, Layout::Nhwc);
        assert_eq!(form.check(), Ok(()));
        form.field = "a\"\r\nX: y".into();
        assert_eq!(form.check().expect_err("no name").field, Some("field"));
        let raw = body(Kind::Raw, Datatype::Uint8, Layout::Nhwc);
        assert_eq!(raw.check().expect_err("nowhere to put it").field, Some("with"));
    }
}
