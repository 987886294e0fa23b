//! A broker's message as a frame: who, which and when.

use std::sync::{Arc, Once};

use bytes::Bytes;
use operators::{Flaw, Frame, Headers, Number, Reason, UnixMillis};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::label;
use crate::body::{self, Body};
use crate::template::Captured;

/// What the messages of a source hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// Pictures.
    #[default]
    Pictures,
    /// What is true of pictures that come by another source, before or after them.
    Truth,
}

impl Holds {
    /// In a few words, behind others; nothing where it is pictures.
    pub fn told(self) -> &'static str {
        match self {
            Self::Pictures => "",
            Self::Truth => ", what is true of pictures",
        }
    }

    /// A message as a frame. What is wrong with it is its flaw.
    pub fn frame(self, message: Bytes, told: Told, otherwise: Otherwise, max_frame_bytes: usize) -> Frame {
        match self {
            Self::Pictures => frame(body::parse(message.clone()), message, told, otherwise, max_frame_bytes),
            Self::Truth => label::frame(message, told, otherwise, max_frame_bytes),
        }
    }
}

/// What a transport says of a message: its topic, its headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The camera.
    pub camera: Option<String>,
    /// The frame's number.
    pub number: Option<u64>,
    /// The frame's name for ever.
    pub id: Option<String>,
    /// When it was taken.
    pub captured_at: Option<UnixMillis>,
    /// Its headers.
    pub headers: Headers,
}

impl From<Captured> for Told {
    fn from(Captured { camera, number, id }: Captured) -> Self {
        Self { camera, number, id, ..Self::default() }
    }
}

/// What is taken where nobody says anything.
#[derive(Clone, Debug)]
pub struct Otherwise {
    /// The camera.
    pub camera: String,
    /// The number, which decides where the frame goes.
    pub number: u64,
    /// The name that the broker itself gives the message for ever; without one, a hash of the picture.
    pub id: Option<String>,
}

/// Makes a frame of a message. The message's own word counts first, then its transport's, then what is left. What is
/// wrong with it is the frame's flaw.
pub fn frame(
    parsed: Result<Body, Flaw>,
    message: Bytes,
    told: Told,
    otherwise: Otherwise,
    max_frame_bytes: usize,
) -> Frame {
    let (mut body, flaw) = match parsed {
        Ok(body) => {
            let flaw = too_large(body.bytes.len(), max_frame_bytes);
            (body, flaw)
        }
        Err(flaw) => (Body { bytes: message, ..Body::default() }, Some(flaw)),
    };
    let number = body.number.or(told.number);
    let id = told.id.or(number.map(|number| number.to_string())).or(otherwise.id);
    body.headers.add_all(&told.headers);
    let frame = Frame {
        captured_at: body.captured_at.or(told.captured_at),
        flaw,
        headers: (!body.headers.is_empty()).then(|| Arc::new(body.headers)),
        ..Frame::new(
            body.camera.or(told.camera).unwrap_or(otherwise.camera).into(),
            Number(number.unwrap_or(otherwise.number)),
            id.unwrap_or_else(|| content_id(&body.bytes)).into(),
            body.bytes,
        )
    };
    say_left_out(&frame);
    frame
}

/// Says once that a message has more headers than are kept.
fn say_left_out(frame: &Frame) {
    static SAID: Once = Once::new();
    let left_out = frame.headers.as_ref().map_or(0, |headers| headers.left_out());
    if left_out > 0 {
        SAID.call_once(|| {
            let Frame { camera, id, .. } = frame;
            let (most, room) = (Headers::MOST, Headers::ROOM);
            tracing::warn!(
                "{left_out} headers of frame {id} of camera {camera} are left out: of one frame, {most} with {room} bytes in \
                 all are kept; of other frames it is not said"
            );
        });
    }
}

fn too_large(bytes: usize, most: usize) -> Option<Flaw> {
    (bytes > most).then(|| {
        let detail = format!("the picture has {bytes} bytes and `max_frame_bytes` is {most}");
        Flaw::new(Reason::TooManyBytes, detail)
    })
}

/// A name that a picture has by itself, so that it is the same when the broker sends it again.
fn content_id(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble(body: Result<Body, Flaw>, told: Told) -> Frame {
        let otherwise = Otherwise { camera: "door".to_owned(), number: 7, id: None };
        frame(body, "whole".into(), told, otherwise, 8)
    }

    #[test]
    fn the_message_is_believed_before_its_topic() {
        let body = Body { bytes: "jpeg".into(), camera: Some("gate".into()), number: Some(3), ..Body::default() };
        let told = Told { camera: Some("yard".into()), number: Some(4), ..Told::default() };
        let frame = assemble(Ok(body.clone()), told.clone());
        assert_eq!((frame.camera.as_str(), frame.number, frame.id.as_str()), ("gate", Number(3), "3"));
        let frame = assemble(Ok(Body { camera: None, number: None, ..body }), Told { id: Some("x".into()), ..told });
        assert_eq!((frame.camera.as_str(), frame.number, frame.id.as_str()), ("yard", Number(4), "x"));
    }

    #[test]
    fn a_picture_that_nobody_names_has_the_same_id_when_it_comes_again() {
        let body = || Ok(Body { bytes: "jpeg".into(), ..Body::default() });
        let (first, again) = (assemble(body(), Told::default()), assemble(body(), Told::default()));
        assert_eq!(first.id, again.id);
        assert_eq!((first.id.as_str().len(), first.camera.as_str(), first.number), (16, "door", Number(7)));
    }

    /// Catches a header that is lost, and a topic's word that counts before the message's own.
    #[test]
    fn what_is_said_beside_a_picture_travels_with_its_frame() {
        let headers = |said: &[(&str, &str)]| {
            let mut headers = Headers::default();
            said.iter().for_each(|(name, text)| headers.add(name, text));
            headers
        };
        let body = Body { bytes: "jpeg".into(), headers: headers(&[("label", "cat")]), ..Body::default() };
        let told = Told { headers: headers(&[("label", "dog"), ("lens", "wide")]), ..Told::default() };
        let frame = assemble(Ok(body), told);
        assert_eq!(frame.headers.as_deref(), Some(&headers(&[("label", "cat"), ("lens", "wide")])));
        assert_eq!(assemble(Ok(Bytes::from("jpeg").into()), Told::default()).headers, None);
    }

    #[test]
    fn what_is_wrong_travels_with_the_frame() {
        let large = assemble(Ok(Body { bytes: "123456789".into(), ..Body::default() }), Told::default());
        assert_eq!(large.flaw.unwrap().reason, Reason::TooManyBytes);
        assert_eq!(large.bytes, "123456789");
        let bad = assemble(Err(Flaw::new(Reason::BadMessage, "no picture")), Told::default());
        assert_eq!((bad.flaw.unwrap().reason, bad.bytes), (Reason::BadMessage, Bytes::from("whole")));
    }
}
