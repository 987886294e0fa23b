//! Fields that the user names: so that documents are those that somebody queries already.

use std::collections::BTreeMap;

use mongodb::bson::{Bson, Document};
use serde_json::Value;

use super::draft::{SIZES, STORED_AT, bson, date};
use crate::clock;
use crate::mistake::Mistake;
use crate::sinks::Parcel;

/// What a field may say, as a job names it.
const THINGS: [(&str, Thing); 9] = [
    ("label", Thing::Label),
    ("score", Thing::Score),
    ("truth", Thing::Truth),
    ("camera", Thing::Camera),
    ("id", Thing::Id),
    ("number", Thing::Number),
    ("captured_at", Thing::CapturedAt),
    ("received_at", Thing::ReceivedAt),
    ("done_at", Thing::DoneAt),
];

/// The names of fields that every document has, beside those of times and sizes.
const OWN: [&str; 10] =
    ["_id", "job", "camera", "id", "number", "captured_at", "received_at", "image", "report", "frame"];

/// What a field says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Thing {
    /// The class that the picture is of.
    Label,
    /// How sure the model is of it.
    Score,
    /// What is true of it.
    Truth,
    Camera,
    Id,
    Number,
    CapturedAt,
    ReceivedAt,
    /// When its report was made.
    DoneAt,
    /// What a step found out.
    Value(String),
    /// What its message says beside it.
    Header(String),
}

impl Thing {
    fn read(name: &str) -> Option<Self> {
        let named = |(kind, name): (&str, &str)| match kind {
            _ if name.is_empty() => None,
            "values" => Some(Self::Value(name.to_owned())),
            "headers" => Some(Self::Header(name.to_owned())),
            _ => None,
        };
        let plain = THINGS.iter().find(|(own, _)| *own == name).map(|(_, thing)| thing.clone());
        plain.or_else(|| name.split_once('.').and_then(named))
    }

    /// Whether it stands in a report alone.
    fn is_reported(&self) -> bool {
        matches!(self, Self::Label | Self::Score | Self::Truth | Self::DoneAt | Self::Value(_))
    }

    /// What it is, as far as the parcel knows. In a report something may be missing, which is null.
    fn of(&self, parcel: &Parcel, report: Option<&Value>) -> Option<Bson> {
        let frame = &parcel.frame;
        let reported = |path: &str| report.map(|report| bson(report.pointer(path).cloned().unwrap_or_default()));
        Some(match self {
            Self::Label => reported("/labels/0/label")?,
            Self::Score => reported("/labels/0/score")?,
            Self::Truth => reported("/truth")?,
            Self::DoneAt => {
                let done_at = report?.get("done_at").and_then(Value::as_str).and_then(clock::parse);
                done_at.map_or(Bson::Null, |at| date(at).into())
            }
            Self::Value(name) => {
                bson(report?.get("values").and_then(|values| values.get(name)).cloned().unwrap_or_default())
            }
            Self::Camera => frame.camera.as_str().into(),
            Self::Id => frame.id.as_str().into(),
            Self::Number => i64::try_from(frame.number.0).unwrap_or(i64::MAX).into(),
            Self::CapturedAt => frame.captured_at.map_or(Bson::Null, |at| date(at).into()),
            Self::ReceivedAt => date(frame.received_at).into(),
            Self::Header(name) => {
                frame.headers.as_ref().and_then(|headers| headers.get(name)).map_or(Bson::Null, Bson::from)
            }
        })
    }
}

/// The fields of a job, each with what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Thing)>);

impl Fields {
    /// Reads what a job names.
    ///
    /// # Errors
    /// A name that no document may have, or a thing that there is not.
    pub fn read(named: &BTreeMap<String, String>) -> Result<Self, Mistake> {
        let wrong = |what| Err(Mistake::at("fields", what));
        let mut fields = Vec::with_capacity(named.len());
        for (name, thing) in named {
            if is_own(name) {
                return wrong(format!("every document has a field `{name}` already: choose another name"));
            }
            if name.is_empty() || name.starts_with('$') || name.contains(['.', '\0']) {
                return wrong(format!("\"{name}\" is no name for a field: it has no dots, and no `$` in front"));
            }
            match Thing::read(thing) {
                Some(thing) => fields.push((name.clone(), thing)),
                None => {
                    let things = THINGS.map(|(name, _)| name).join(", ");
                    return wrong(format!(
                        "there is no \"{thing}\" for the field `{name}`: write one of {things}, `values.NAME` or `headers.NAME`"
                    ));
                }
            }
        }
        Ok(Self(fields))
    }

    /// A field that stands in reports alone, if there is one.
    pub fn reported(&self) -> Option<&str> {
        self.0.iter().find(|(_, thing)| thing.is_reported()).map(|(name, _)| name.as_str())
    }

    /// Sets what is known; `report` is the parcel's, if it is one.
    pub fn fill(&self, document: &mut Document, parcel: &Parcel, report: Option<&Value>) {
        for (name, thing) in &self.0 {
            if let Some(value) = thing.of(parcel, report) {
                document.insert(name, value);
            }
        }
    }
}

fn is_own(name: &str) -> bool {
    let also = ["image_media", "frame_media", "letter", STORED_AT];
    OWN.contains(&name) || SIZES.contains(&name) || also.contains(&name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mongodb::bson::{DateTime, doc};
    use operators::Headers;

    use super::*;
    use crate::sinks::mongodb::draft::tests::parcel;
    use crate::write::Write;

    fn fields(named: &[(&str, &str)]) -> Result<Fields, Mistake> {
        Fields::read(&named.iter().map(|(name, thing)| ((*name).to_owned(), (*thing).to_owned())).collect())
    }

    /// Catches a label that is another thing's, a time that is a text, and a frame's document that says of a report what it
    /// does not know: it would overwrite what another sink has written there.
    #[test]
    fn each_field_says_what_its_thing_is() {
        let body = br#"{"labels":[{"label":"cat","score":0.8},{"label":"dog","score":0.1}],"truth":"dog",
            "done_at":"2026-11-21T08:30:01.400Z","values":{"noise":0.1}}"#;
        let with_header = |write, body: &[u8]| {
            let mut parcel = parcel("7", Some(write), body, "application/json");
            let mut headers = Headers::default();
            headers.add("lens", "wide");
            Arc::make_mut(&mut parcel.frame).headers = Some(Arc::new(headers));
            parcel
        };
        let fields = fields(&[
            ("InferredValue", "label"),
            ("Sure", "score"),
            ("GroundTruth", "truth"),
            ("Done", "done_at"),
            ("Noise", "values.noise"),
            ("Nothing", "values.nothing"),
            ("Lens", "headers.lens"),
            ("Other", "headers.other"),
            ("Taken", "captured_at"),
            ("Door", "camera"),
            ("Place", "number"),
        ])
        .expect("sound");
        let mut reported = Document::new();
        let report: Value = serde_json::from_slice(body).expect("JSON");
        fields.fill(&mut reported, &with_header(Write::Report, body), Some(&report));
        let mut framed = Document::new();
        fields.fill(&mut framed, &with_header(Write::Frame, b"jpeg"), None);
        let of_frame = doc! {
            "Door": "door", "Lens": "wide", "Other": null, "Place": 7_i64,
            "Taken": DateTime::from_millis(1_795_249_801_250),
        };
        let sorted = |document: Document| document.into_iter().collect::<BTreeMap<_, _>>();
        assert_eq!(sorted(framed), sorted(of_frame.clone()));
        let mut all = of_frame;
        all.extend(doc! {
            "InferredValue": "cat", "Sure": 0.8, "GroundTruth": "dog", "Noise": 0.1, "Nothing": null,
            "Done": DateTime::from_millis(1_795_249_801_400),
        });
        assert_eq!(sorted(reported), sorted(all));
        assert!(fields.reported().is_some());
    }

    /// Catches a name that breaks the document, or what it is kept by.
    #[test]
    fn wrong_fields_are_told() {
        for (name, thing) in [
            ("_id", "label"),
            ("stored_at", "label"),
            ("report_bytes", "label"),
            ("$set", "label"),
            ("a.b", "label"),
            ("", "label"),
            ("a", "lable"),
            ("a", "values."),
            ("a", "detections.0"),
        ] {
            assert_eq!(fields(&[(name, thing)]).expect_err(thing).field, Some("fields"), "{name} = {thing}");
        }
        assert_eq!(fields(&[("a", "headers.b"), ("c", "id")]).expect("sound").reported(), None);
    }
}
