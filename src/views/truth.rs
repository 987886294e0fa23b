//! What is true of a frame, and who says so: its sender, a step, a table, or the frame itself.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;
use crate::truth::Truth;

/// What stands in front of a name, and what it is for.
const KINDS: &str = "`header:NAME` (a header of its message, or a plain field of a JSON message), `value:NAME` (what a step found \
                     out), `csv:PATH` (a table with the columns camera, id and label) or `rendered` (frames of a rendered \
                     camera: \"person\" or \"no person\")";

/// Where it stands what is true of a frame. A clone reads the same table.
#[derive(Clone, Debug)]
pub enum Reading {
    /// In a header.
    Header(String),
    /// In a value.
    Value(String),
    /// In a table that was read.
    Table(Arc<Table>),
    /// In the frame: somebody drew it.
    Rendered,
}

/// The label of each frame, by camera and id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table(HashMap<String, HashMap<String, Arc<str>>>);

/// A row of the table's file; its other columns are the user's own.
#[derive(serde::Deserialize)]
struct Row {
    camera: String,
    id: String,
    label: String,
}

impl Reading {
    /// Reads what `truth` of a job says, and the table if it names one.
    ///
    /// # Errors
    /// What is wrong with it, or with the table, and in which line.
    pub fn read(text: &str, context: &Context) -> Result<Self, Mistake> {
        let wrong = |what: String| Mistake::at("truth", what);
        match text.split_once(':') {
            Some((kind, "")) => Err(wrong(format!("`{kind}:` needs a name behind it: {KINDS}"))),
            // The plain fields of a JSON message are its headers.
            Some(("header" | "json", name)) => Ok(Self::Header(name.to_owned())),
            Some(("value", name)) => Ok(Self::Value(name.to_owned())),
            Some(("csv", path)) => {
                let table = Table::open(&context.path("truth", Path::new(path))?).map_err(wrong)?;
                Ok(Self::Table(Arc::new(table)))
            }
            None if text == "rendered" => Ok(Self::Rendered),
            _ => Err(wrong(format!("\"{text}\" does not say where the truth is: write {KINDS}"))),
        }
    }

    /// What is true of a picture, if that is known.
    pub fn of(&self, picture: &Picture) -> Option<Arc<str>> {
        let frame = &picture.frame;
        match self {
            Self::Header(name) => frame.headers.as_ref()?.get(name).map(Arc::from),
            Self::Value(name) => text(picture.values.get(name)?),
            Self::Table(table) => table.0.get(frame.camera.as_str())?.get(frame.id.as_str()).cloned(),
            Self::Rendered => {
                let someone = Truth::of(&frame.bytes)?.persons.iter().any(|person| person.counts());
                Some(if someone { "person".into() } else { "no person".into() })
            }
        }
    }
}

/// A value as a label: what is plain.
fn text(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(value) => Some(value.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Table {
    /// Reads a table from a file.
    fn open(path: &Path) -> Result<Self, String> {
        let unreadable =
            |error: &dyn std::fmt::Display| format!("the truth in {} can't be read: {error}", path.display());
        let mut file =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(|error| unreadable(&error))?;
        let columns = file.headers().map_err(|error| unreadable(&error))?;
        if let Some(missing) =
            ["camera", "id", "label"].into_iter().find(|name| !columns.iter().any(|own| own == *name))
        {
            let what = format!(
                "it has no column `{missing}`: its first line names the columns, camera, id and label among them"
            );
            return Err(unreadable(&what));
        }
        let mut table = Self::default();
        for row in file.deserialize() {
            let Row { camera, id, label } = row.map_err(|error| unreadable(&of_csv(&error)))?;
            table.0.entry(camera).or_default().insert(id, label.into());
        }
        Ok(table)
    }
}

/// What is wrong with a row, in words and with its line.
fn of_csv(error: &csv::Error) -> String {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("its line {line} has {len} fields, and the first one {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => format!("its line {line} is no UTF-8"),
        _ => format!("its line {line}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use operators::Headers;
    use serde_json::json;

    use super::*;
    use crate::picture::tests::picture;

    fn context(folder: &Path) -> (tokio::runtime::Runtime, Context) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let text = "name = 'a'\n[source.a]\nkind = 'synthetic'\n[sink.b]\nkind = 'files'\npath = 'out/{id}'\n";
        let job = crate::job::Job::parse(text, &folder.join("a.toml")).expect("a job");
        let context = job.context("truth", 0, runtime.handle());
        (runtime, context)
    }

    fn read(text: &str, folder: &Path) -> Result<Reading, String> {
        let (_runtime, context) = context(folder);
        Reading::read(text, &context).map_err(|mistake| mistake.what)
    }

    /// Catches a truth that is read from another place, one that is another frame's, and a list that is taken for a label.
    #[test]
    fn the_truth_is_where_the_job_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let rows = "id, label, note, camera\n1, cat, x, door\n1, dog, x, yard\n2, cow, x, door\n";
        fs::write(folder.path().join("labels.csv"), rows).expect("a file");
        let mut picture = picture("no JPEG".into());
        let mut headers = Headers::default();
        headers.add("label", "cat");
        picture.frame.headers = Some(Arc::new(headers));
        picture.values =
            [("digit", json!(7)), ("list", json!([7])), ("none", json!(null))].map(|(k, v)| (k.into(), v)).into();
        for (text, truth) in [
            ("header:label", Some("cat")),
            ("json:label", Some("cat")),
            ("header:other", None),
            ("value:digit", Some("7")),
            ("value:list", None),
            ("value:none", None),
            ("value:other", None),
            ("csv:labels.csv", Some("cat")),
            ("rendered", None),
        ] {
            let reading = read(text, folder.path()).expect("sound");
            assert_eq!(reading.of(&picture).as_deref(), truth, "{text}");
        }
        picture.frame.id = "3".into();
        assert_eq!(read("csv:labels.csv", folder.path()).expect("sound").of(&picture), None);
    }

    /// Catches a mistake that is found when the first frame comes, and one without its line.
    #[test]
    fn what_is_wrong_is_told_before_a_frame_comes() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("short.csv"), "camera,id,label\ndoor,1,cat\ndoor,2\n").expect("a file");
        fs::write(folder.path().join("other.csv"), "file,label\na,cat\n").expect("a file");
        for (text, words) in [
            ("label", "does not say where the truth is"),
            ("topic:labels", "does not say where the truth is"),
            ("header:", "needs a name"),
            ("csv:none.csv", "can't be read"),
            ("csv:short.csv", "its line 3 has 2 fields"),
            ("csv:other.csv", "no column `camera`"),
        ] {
            let why = read(text, folder.path()).map(drop).expect_err(text);
            assert!(why.contains(words), "{text}: {why}");
        }
    }
}
