//! A picture as it is handed in: as it is, in a form, or as base64 in JSON; and what is said along with it.

use std::collections::HashMap;

use axum::http::header::{CONTENT_TYPE, HeaderMap};
use bytes::Bytes;
use operators::{Headers, Settings, UnixMillis};
use serde_json::{Map, Value};

use super::{Problem, multipart};
use crate::tasks::Terms;
use crate::{body, clock, codec};

/// Beside the picture, a form or a JSON object may have so many bytes.
const BESIDE: usize = 1 << 20;

/// The longest name of a camera.
const LONGEST: usize = 200;

/// What the names of a request's headers begin with that go with the picture.
const BESIDE_IT: &str = "x-vigie-";

/// How a picture is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// As it is.
    Raw,
    /// In a form, with that between its fields.
    Form(String),
    /// As base64 in JSON.
    Json,
}

/// What was handed in.
#[derive(Debug, Default, PartialEq)]
pub struct Handed {
    /// The picture.
    pub picture: Bytes,
    /// The camera, if somebody names one.
    pub camera: Option<String>,
    /// When it was taken, if somebody says so.
    pub captured_at: Option<UnixMillis>,
    /// The parameters, with the defaults of the job.
    pub settings: Settings,
}

/// What the request says of its picture in headers: `X-Vigie-Label: cat` is the header `label` of its frame.
///
/// # Errors
/// 422: they are no text, or too many.
pub fn beside(all: &HeaderMap) -> Result<Headers, Problem> {
    let mut headers = Headers::default();
    for (name, value) in all {
        let Some(name) = name.as_str().strip_prefix(BESIDE_IT) else { continue };
        let text = std::str::from_utf8(value.as_bytes());
        let text =
            text.map_err(|_| Problem::unfit(format!("the header `{BESIDE_IT}{name}` is no UTF-8: write it so")))?;
        headers.add(name, text);
    }
    match headers.left_out() {
        0 => Ok(headers),
        _ => Err(Problem::unfit(format!(
            "headers that begin with `{BESIDE_IT}` go with the picture, {} at most with {} bytes in all: send fewer",
            Headers::MOST,
            Headers::ROOM
        ))),
    }
}

impl Sent {
    /// How it is sent, as its headers say.
    ///
    /// # Errors
    /// 415 where nothing takes it.
    pub fn by(headers: &HeaderMap) -> Result<Self, Problem> {
        let told = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media = told.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media.as_str() {
            "image/jpeg" | "image/png" | "image/*" | "application/octet-stream" => Ok(Self::Raw),
            "application/json" => Ok(Self::Json),
            "multipart/form-data" => match multipart::boundary(told) {
                Some(boundary) => Ok(Self::Form(boundary.to_owned())),
                None => {
                    Err(Problem::wrong("this form does not say its boundary: send it with curl's -F, or as `FormData`"))
                }
            },
            _ => Err(Problem::unsupported(format!(
                "a picture is sent as image/jpeg, image/png, multipart/form-data or application/json, and not as \"{media}\""
            ))),
        }
    }

    /// How many bytes it takes at most, for a picture of so many.
    pub fn most(&self, largest: usize) -> usize {
        match self {
            Self::Raw => largest,
            Self::Form(_) => largest + BESIDE,
            Self::Json => largest / 3 * 4 + 4 + BESIDE,
        }
    }
}

impl Handed {
    /// Reads what was sent, with what stands behind `?`.
    ///
    /// # Errors
    /// 400, 415 or 422, in words.
    pub fn read(sent: &Sent, body: Bytes, query: &HashMap<String, String>, terms: &Terms) -> Result<Self, Problem> {
        let mut handed = Self { settings: terms.defaults(), ..Self::default() };
        for (name, text) in query.iter().filter(|(name, _)| *name != "wait") {
            handed.say(name, text, terms)?;
        }
        match sent {
            Sent::Raw => handed.picture = body,
            Sent::Form(boundary) => handed.form(&body, boundary, terms)?,
            Sent::Json => handed.json(&body, terms)?,
        }
        if codec::format(&handed.picture).is_none() {
            let what = if handed.picture.is_empty() {
                "there is no picture in it"
            } else {
                "this is neither a JPEG nor a PNG"
            };
            return Err(Problem::unsupported(format!("{what}: send a picture as one of these")));
        }
        Ok(handed)
    }

    /// What stands in a query or a field.
    fn say(&mut self, name: &str, text: &str, terms: &Terms) -> Result<(), Problem> {
        match name {
            "camera" => self.camera(text),
            "captured_at" => self.captured_at(&Value::from(text)),
            _ => terms.read(&mut self.settings, name, text).map_err(Problem::unfit),
        }
    }

    fn camera(&mut self, name: &str) -> Result<(), Problem> {
        let name = name.trim();
        if name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control) {
            return Err(Problem::unfit(format!("`camera` is a name of 1 to {LONGEST} characters")));
        }
        self.camera = Some(name.to_owned());
        Ok(())
    }

    fn captured_at(&mut self, told: &Value) -> Result<(), Problem> {
        let moment = match told {
            Value::String(text) => clock::parse(text),
            told => told.as_f64().and_then(clock::from_unix),
        };
        let what = "`captured_at` is a time like \"2026-11-21T08:30:00Z\", or a Unix time as a number";
        self.captured_at = Some(moment.ok_or_else(|| Problem::unfit(what))?);
        Ok(())
    }

    fn form(&mut self, body: &Bytes, boundary: &str, terms: &Terms) -> Result<(), Problem> {
        let broken = || Problem::wrong("this form can't be read: it ends too soon, or is none");
        for field in multipart::fields(body, boundary).ok_or_else(broken)? {
            if field.is_file || field.name == "image" {
                self.picture = field.body;
            } else {
                let text = std::str::from_utf8(&field.body).map_err(|_| broken())?;
                self.say(&field.name, text, terms)?;
            }
        }
        Ok(())
    }

    fn json(&mut self, text: &[u8], terms: &Terms) -> Result<(), Problem> {
        let wrong = |error| Problem::wrong(format!("what was sent is no JSON object: {error}"));
        let object: Map<String, Value> = serde_json::from_slice(text).map_err(wrong)?;
        for (name, value) in &object {
            match (name.as_str(), value) {
                ("image", Value::String(image)) => {
                    let image = body::picture(image);
                    self.picture = image.map_err(|flaw| Problem::unfit(format!("field `image`: {}", flaw.detail)))?;
                }
                ("image", _) => return Err(Problem::unfit("`image` is the picture as base64 text")),
                ("camera", Value::String(camera)) => self.camera(camera)?,
                ("camera", _) => self.camera("")?,
                ("captured_at", told) => self.captured_at(told)?,
                (name, value) => terms.take(&mut self.settings, name, value).map_err(Problem::unfit)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(headers: &[(&'static str, &[u8])]) -> Result<Headers, Problem> {
        let header = |(name, value): &(&'static str, &[u8])| ((*name).parse().ok(), value.to_vec().try_into().ok());
        let pairs = headers.iter().map(header);
        beside(&pairs.map(|(name, value)| (name.expect("a name"), value.expect("a value"))).collect::<HeaderMap>())
    }

    /// Catches a header of HTTP itself that goes along, one of ours that does not, and more than a frame takes.
    #[test]
    fn headers_that_are_meant_go_with_the_picture() {
        let headers = told(&[("authorization", b"Bearer x"), ("x-vigie-label", "é".as_bytes())]).expect("one header");
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("label", "é")]);
        assert_eq!(told(&[("x-vigie-label", b"\xFF")]).expect_err("no text").status, 422);
        assert_eq!(told(&[("x-vigie-label", &[b'x'; 5000])]).expect_err("too long").status, 422);
    }
}
