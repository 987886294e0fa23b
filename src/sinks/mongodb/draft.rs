//! What a parcel adds to its document.

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Document, RawDocumentBuf};
use operators::{Flaw, Frame, Reason, UnixMillis};
use serde_json::Value;

use super::fields::Fields;
use crate::codec;
use crate::letter::Letter;
use crate::sinks::Parcel;
use crate::write::Write;

/// The largest document that MongoDB takes.
pub const LARGEST: usize = 16 << 20;

/// What a document has around what is written, at most: names, times, the sizes of other things.
pub const ENVELOPE: usize = 16 << 10;

/// The field that a document's age counts from.
pub const STORED_AT: &str = "stored_at";

/// The fields with the sizes of what a document holds. There is one for each thing, as things come in updates of their
/// own, and no update knows the others.
pub const SIZES: [&str; 3] = ["image_bytes", "report_bytes", "frame_bytes"];

/// Fields to be set in one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The collection's name.
    pub collection: String,
    /// The document's `_id`.
    pub id: String,
    /// What is set.
    pub fields: Document,
    /// How large the fields are as BSON.
    pub size: usize,
}

impl Draft {
    /// What `parcel` adds to the document `id` of `collection`, with the fields that the user names.
    ///
    /// # Errors
    /// A flaw, where no document can hold it.
    pub fn new(collection: String, id: String, parcel: &Parcel, job: &str, more: &Fields) -> Result<Self, Flaw> {
        let fields = fields(parcel, job, more);
        let cannot = |error| Flaw::new(Reason::Refused, format!("no document can be made of it: {error}"));
        let size = RawDocumentBuf::try_from(&fields).map_err(cannot)?.as_bytes().len();
        if size + id.len() + 32 > LARGEST {
            let what = format!("its document has {size} bytes, and MongoDB takes {LARGEST}");
            return Err(Flaw::new(Reason::TooLarge, what));
        }
        Ok(Self { collection, id, fields, size })
    }
}

fn fields(parcel: &Parcel, job: &str, more: &Fields) -> Document {
    if parcel.row.is_some() {
        return row(parcel, job);
    }
    let Frame { camera, number, id, captured_at, received_at, .. } = &*parcel.frame;
    let mut fields = Document::new();
    fields.insert("job", job);
    fields.insert("camera", camera.as_str());
    fields.insert("id", id.as_str());
    fields.insert("number", i64::try_from(number.0).unwrap_or(i64::MAX));
    if let Some(captured_at) = captured_at {
        fields.insert("captured_at", date(*captured_at));
    }
    fields.insert("received_at", date(*received_at));
    fields.insert(STORED_AT, date(UnixMillis::now()));
    match parcel.write {
        Some(write) => put(&mut fields, write, parcel, parcel.media, more),
        None => {
            let letter = Letter::of(parcel, job).and_then(|letter| serde_json::to_value(letter).ok());
            if let Some(letter) = letter {
                fields.insert("letter", bson(letter));
            }
            put(&mut fields, Write::Frame, parcel, codec::media(&parcel.body), more);
        }
    }
    fields
}

/// A row of a view: its columns under their own names.
fn row(parcel: &Parcel, job: &str) -> Document {
    let mut fields = Document::new();
    fields.insert("job", job);
    fields.insert("view", parcel.frame.camera.as_str());
    fields.insert(STORED_AT, date(UnixMillis::now()));
    if let Ok(Value::Object(columns)) = serde_json::from_slice(&parcel.body) {
        fields.extend(columns.into_iter().map(|(column, cell)| (column, bson(cell))));
    }
    fields
}

/// A thing under its own name, and the user's fields. What is JSON (a report, or a note where something is that was too large) is kept as
/// fields; all else as the bytes it is.
fn put(fields: &mut Document, write: Write, parcel: &Parcel, media: &str, more: &Fields) {
    let name = write.as_str();
    let json = (media == "application/json").then(|| serde_json::from_slice(&parcel.body).ok()).flatten();
    more.fill(fields, parcel, json.as_ref().filter(|_| write == Write::Report));
    let binary = || Bson::from(Binary { subtype: BinarySubtype::Generic, bytes: parcel.body.to_vec() });
    fields.insert(name, json.map_or_else(binary, bson));
    if write != Write::Report {
        fields.insert(format!("{name}_media"), media);
    }
    fields.insert(format!("{name}_bytes"), parcel.body.len() as i64);
}

/// A moment, as documents have it.
pub fn date(at: UnixMillis) -> DateTime {
    DateTime::from_millis(i64::try_from(at.0).unwrap_or(i64::MAX))
}

/// JSON as BSON. The driver's own way would read a key like `$date` as more than a key.
pub fn bson(value: Value) -> Bson {
    match value {
        Value::Null => Bson::Null,
        Value::Bool(yes) => Bson::Boolean(yes),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Bson::Int64(whole),
            None => Bson::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Bson::String(text),
        Value::Array(values) => Bson::Array(values.into_iter().map(bson).collect()),
        Value::Object(fields) => Bson::Document(fields.into_iter().map(|(key, value)| (key, bson(value))).collect()),
    }
}

#[cfg(test)]
pub mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use mongodb::bson::doc;
    use operators::Number;

    use super::*;

    /// Frame `id` of the camera `door`, or a thing that is written of it.
    pub fn parcel(id: &str, write: Option<Write>, body: &[u8], media: &'static str) -> Parcel {
        let frame = Frame {
            captured_at: Some(UnixMillis(1_795_249_801_250)),
            received_at: UnixMillis(1_795_249_801_300),
            ..Frame::new("door".into(), Number(7), id.into(), Bytes::new())
        };
        let (reason, detail) = match write {
            None => (Some(Reason::Truncated), Some("it ends before its end".to_owned())),
            Some(_) => (None, None),
        };
        Parcel { write, reason, detail, ..Parcel::new(Arc::new(frame), Bytes::copy_from_slice(body), media) }
    }

    fn set(parcel: &Parcel) -> Document {
        let mut fields = Draft::new("c".into(), "i".into(), parcel, "room", &Fields::default()).unwrap().fields;
        assert!(fields.remove(STORED_AT).is_some_and(|at| at.as_datetime().is_some()));
        assert_eq!(fields.remove("captured_at"), Some(DateTime::from_millis(1_795_249_801_250).into()));
        assert_eq!(fields.remove("received_at"), Some(DateTime::from_millis(1_795_249_801_300).into()));
        for (name, value) in doc! { "job": "room", "camera": "door", "id": "7", "number": 7_i64 } {
            assert_eq!(fields.remove(name), Some(value));
        }
        fields
    }

    fn binary(bytes: &[u8]) -> Binary {
        Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
    }

    #[test]
    fn pictures_are_bytes_and_reports_are_fields() {
        let image = set(&parcel("7", Some(Write::Image), b"\xFF\xD8", "image/jpeg"));
        assert_eq!(image, doc! { "image": binary(b"\xFF\xD8"), "image_media": "image/jpeg", "image_bytes": 2_i64 });
        let report = br#"{"number":7,"score":0.5,"$date":["x",null,true],"large":18446744073709551615}"#;
        let fields = set(&parcel("7", Some(Write::Report), report, "application/json"));
        let expected = doc! {
            "report": { "number": 7_i64, "score": 0.5, "$date": ["x", null, true], "large": u64::MAX as f64 },
            "report_bytes": report.len() as i64,
        };
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_note_is_kept_as_fields() {
        let note = br#"{"reference":"s3://faces/7.jpg","media":"image/jpeg","bytes":9}"#;
        let fields = set(&parcel("7", Some(Write::Frame), note, "application/json"));
        let expected = doc! {
            "frame": { "reference": "s3://faces/7.jpg", "media": "image/jpeg", "bytes": 9_i64 },
            "frame_media": "application/json",
            "frame_bytes": note.len() as i64,
        };
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_dead_letter_says_why_beside_its_bytes() {
        let mut fields = set(&parcel("7", None, b"oops", "application/octet-stream"));
        let letter = fields.remove("letter").unwrap();
        let letter = letter.as_document().unwrap();
        assert_eq!((letter.get_str("reason").unwrap(), letter.get_i64("bytes").unwrap()), ("truncated", 4));
        let frame = doc! { "frame": binary(b"oops"), "frame_media": "application/octet-stream", "frame_bytes": 4_i64 };
        assert_eq!(fields, frame);
    }

    #[test]
    fn what_no_document_can_hold_is_a_flaw() {
        let flaw = |parcel: &Parcel| {
            Draft::new("c".into(), "i".into(), parcel, "room", &Fields::default()).map(drop).unwrap_err().reason
        };
        let large = parcel("7", Some(Write::Frame), &vec![0; LARGEST], "image/jpeg");
        assert_eq!(flaw(&large), Reason::TooLarge);
        let nul = parcel("7", Some(Write::Report), br#"{"a\u0000b":1}"#, "application/json");
        assert_eq!(flaw(&nul), Reason::Refused);
        let fits = parcel("7", Some(Write::Frame), &vec![0; LARGEST - ENVELOPE], "image/jpeg");
        assert!(Draft::new("c".into(), "i".into(), &fits, "room", &Fields::default()).is_ok());
    }
}
