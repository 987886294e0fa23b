//! A message that holds no picture, but says what is true of one.

use std::sync::Arc;

use bytes::Bytes;
use operators::{Flaw, Frame, Reason};
use serde::Deserialize;
use serde_json::Value;

use super::message::{self, Otherwise, Told};
use crate::body::Body;

/// The fields as they stand; wrong types are found afterwards, so that the flaw names the field.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    camera: Value,
    id: Value,
    label: Value,
}

/// Whose frame it is, which, and what is true of it.
struct Said {
    camera: String,
    id: String,
    label: Arc<str>,
}

/// Makes a frame of a message, with the name of the frame that it is about. What is wrong with it is the frame's flaw.
pub fn frame(message: Bytes, told: Told, otherwise: Otherwise, max_frame_bytes: usize) -> Frame {
    match read(&message, &told) {
        Ok(Said { camera, id, label }) => {
            let body = Body { bytes: message.clone(), camera: Some(camera), ..Body::default() };
            let told = Told { id: Some(id), ..told };
            Frame { truth: Some(label), ..message::frame(Ok(body), message, told, otherwise, max_frame_bytes) }
        }
        Err(flaw) => message::frame(Err(flaw), message, told, otherwise, max_frame_bytes),
    }
}

fn read(message: &[u8], told: &Told) -> Result<Said, Flaw> {
    let said: Message = serde_json::from_slice(message)
        .map_err(|error| bad(format!("it is no JSON object with camera, id and label: {error}")))?;
    let number = || told.number.map(|number| number.to_string());
    Ok(Said {
        camera: field("camera", &said.camera, told.camera.clone())?,
        id: field("id", &said.id, told.id.clone().or_else(number))?,
        label: field("label", &said.label, None)?.into(),
    })
}

/// A field as text: what the message says, or else its transport.
fn field(name: &str, value: &Value, told: Option<String>) -> Result<String, Flaw> {
    let said = match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    };
    let said = said.filter(|text| !text.is_empty()).or(told);
    said.ok_or_else(|| {
        bad(format!("it says what is true of a picture, and not its `{name}`, which is a text or a number"))
    })
}

fn bad(detail: String) -> Flaw {
    Flaw::new(Reason::BadMessage, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &'static str, told: Told) -> Frame {
        let otherwise = Otherwise { camera: "labels".to_owned(), number: 9, id: Some("0-9".to_owned()) };
        frame(message.into(), told, otherwise, 1000)
    }

    /// Catches a truth that is another frame's: one that has its broker's name for the message, or the source's for the camera.
    #[test]
    fn what_is_true_is_said_of_a_frame_by_its_name() {
        let key = || Told { camera: Some("door".into()), ..Told::default() };
        for (message, told) in [
            (r#"{"camera": "door", "id": "7", "label": "cat"}"#, Told::default()),
            (
                r#"{"camera": "door", "id": 7, "label": " cat "}"#,
                Told { camera: Some("yard".into()), ..Told::default() },
            ),
            (r#"{"id": "7", "label": "cat", "by": ["somebody"]}"#, key()),
            (r#"{"label": "cat"}"#, Told { number: Some(7), ..key() }),
        ] {
            let frame = said(message, told);
            assert_eq!((frame.flaw, frame.truth.as_deref()), (None, Some("cat")), "{message}");
            assert_eq!((frame.camera.as_str(), frame.id.as_str()), ("door", "7"), "{message}");
        }
        assert_eq!(said(r#"{"camera": "a", "id": "b", "label": 3}"#, Told::default()).truth.as_deref(), Some("3"));
    }

    /// Catches a message that says nothing and counts as the truth of some frame.
    #[test]
    fn what_says_nothing_is_a_dead_letter() {
        for (message, words) in [
            ("cat", "no JSON object"),
            (r#"{"id": "7", "label": "cat"}"#, "`camera`"),
            (r#"{"camera": "door", "label": "cat"}"#, "`id`"),
            (r#"{"camera": "door", "id": "7", "label": null}"#, "`label`"),
            (r#"{"camera": "door", "id": "7", "label": ["cat"]}"#, "`label`"),
            (r#"{"camera": "door", "id": "", "label": "cat"}"#, "`id`"),
        ] {
            let frame = said(message, Told::default());
            let flaw = frame.flaw.expect(message);
            assert_eq!((flaw.reason, frame.truth), (Reason::BadMessage, None));
            assert!(flaw.detail.contains(words), "{message}: {}", flaw.detail);
        }
    }
}
