//! A mock file: what stands for the world outside of a job while it is tried.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use operators::{Frame, Headers, Number, Settings};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use crate::clock;
use crate::job::{Job, words};
use crate::mistake::{Mistake, Mistakes};
use crate::outgoing::script::Line;
use crate::outgoing::{Rehearsal, Script};
use crate::units::Size;

/// What is played. A part that is not named is as it would be without the file: a service is asked, a sink takes all.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    /// What comes with the pictures, by the source.
    source: Rows<Arrival>,
    /// What services answer, by the step of kind `http` that asks.
    step: Rows<Answers>,
    /// What sinks do not take, by the sink.
    sink: Rows<Narrow>,
}

type Rows<T> = BTreeMap<Spanned<String>, Spanned<T>>;

/// What comes with the pictures.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Arrival {
    /// The camera; `--camera` says otherwise.
    pub camera: Option<String>,
    /// What names the picture: the name of its file, if nobody says. Of several pictures the second is called `NAME-2`.
    pub id: Option<String>,
    /// The number of the first picture; those that follow count on.
    pub number: u64,
    /// When it was taken: `"2026-11-21T08:30:00Z"`.
    pub captured_at: Option<String>,
    /// What its message says beside it: `{ room = "kitchen" }`.
    pub headers: BTreeMap<String, String>,
    /// What a task says along with its picture. What it leaves out has the job's default.
    pub task: Option<BTreeMap<String, Value>>,
}

/// What a service answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answers {
    /// The answers in their order, as requests come; the last one is repeated. A step that polls takes the next one each time
    /// it looks; of a step with `callback` it is what the service brings in the end.
    answers: Vec<Answer>,
}

/// One answer: a status, and one of `json`, `body` and `file`, or nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// The status, 200 if left out. 5xx, 429 and others are tried again, as from a real service.
    #[serde(default = "ok")]
    status: u16,
    /// A table that is answered as JSON.
    json: Option<Value>,
    /// A text that is answered as it is.
    body: Option<String>,
    /// A file that is answered as it is, beside the mock file.
    file: Option<PathBuf>,
}

/// What a sink does not take.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Narrow {
    /// The sink takes nothing, and says so.
    pub refuse: Option<String>,
    /// The most bytes that it takes of one thing. A picture is made smaller, what is still larger goes to `overflow`.
    pub most_bytes: Option<Size>,
}

fn ok() -> u16 {
    200
}

/// What is played, checked with its job.
#[derive(Clone, Debug, Default)]
pub struct Mock {
    /// The file's name, for people.
    pub name: String,
    arrivals: BTreeMap<String, Arrival>,
    scripts: BTreeMap<String, Script>,
    narrow: BTreeMap<String, Narrow>,
}

/// A mistake, and where in the file it stands.
type Placed = (Range<usize>, String);

impl Mock {
    /// Reads a mock file for that job.
    ///
    /// # Errors
    /// All that is wrong with it, each with its place.
    pub fn load(path: &Path, job: &Job) -> Result<Self, Mistakes> {
        let text = fs::read_to_string(path)
            .map_err(|error| Mistakes::unreadable(path, "can't read this mock file", &error))?;
        Self::parse(&text, path, job).map_err(|wrong| {
            let mut list: Vec<_> =
                wrong.into_iter().map(|(at, what)| Mistake { span: Some(at), ..Mistake::new(what) }).collect();
            list.sort_by_key(|mistake| mistake.span.as_ref().map_or(0, |span| span.start));
            Mistakes { path: path.to_owned(), text, list }
        })
    }

    fn parse(text: &str, path: &Path, job: &Job) -> Result<Self, Vec<Placed>> {
        let table = toml::de::DeTable::parse(text)
            .map_err(|error| vec![(error.span().unwrap_or_default(), words::of_toml(error.message()))])?;
        let file = File::deserialize(toml::de::Deserializer::from(table));
        let file =
            file.map_err(|error| vec![(error.span().unwrap_or_default(), words::of_serde(error.message(), None))])?;
        let beside = path.parent().unwrap_or(Path::new("."));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut reader = Reader { job, beside, wrong: Vec::new() };
        let mock = Self {
            name,
            arrivals: reader.rows(file.source, Reader::arrival),
            scripts: reader.rows(file.step, Reader::script),
            narrow: reader.rows(file.sink, Reader::narrow),
        };
        match reader.wrong.is_empty() {
            true => Ok(mock),
            false => Err(reader.wrong),
        }
    }

    /// What the steps of the job need to know of it.
    pub fn rehearsal(&self) -> Rehearsal {
        Rehearsal { scripts: self.scripts.clone() }
    }

    /// Whether the service of a step is played.
    pub fn plays(&self, step: &str) -> bool {
        self.scripts.contains_key(step)
    }

    /// What a sink does not take.
    pub fn narrow(&self, sink: &str) -> Narrow {
        self.narrow.get(sink).cloned().unwrap_or_default()
    }

    /// Says of the picture of that place what comes with pictures of that source.
    pub fn arrive(&self, job: &Job, source: &str, place: usize, frame: &mut Frame) {
        let Some(arrival) = self.arrivals.get(source) else { return };
        if let Some(camera) = &arrival.camera {
            frame.camera = camera.as_str().into();
        }
        if let Some(id) = &arrival.id {
            frame.id = if place == 0 { id.clone() } else { format!("{id}-{}", place + 1) }.into();
        }
        frame.number = Number(arrival.number.saturating_add(place as u64));
        frame.captured_at = arrival.captured_at.as_deref().and_then(clock::parse);
        let mut headers = Headers::default();
        arrival.headers.iter().for_each(|(name, text)| headers.add(name, text));
        frame.headers = (!headers.is_empty()).then(|| headers.into());
        // It was checked with the job.
        frame.task = arrival.task.as_ref().and_then(|said| settings(job, said).ok()).map(Into::into);
    }
}

/// What a task says, with the defaults of the job.
fn settings(job: &Job, said: &BTreeMap<String, Value>) -> Result<Settings, String> {
    let terms = job.terms().ok_or("the job takes no tasks: leave `task` out")?;
    let mut settings = terms.defaults();
    said.iter().try_for_each(|(name, value)| terms.take(&mut settings, name, value))?;
    Ok(settings)
}

/// Checks a file with its job.
struct Reader<'a> {
    job: &'a Job,
    beside: &'a Path,
    wrong: Vec<Placed>,
}

impl Reader<'_> {
    fn rows<T, U>(&mut self, rows: Rows<T>, read: fn(&Self, &str, T) -> Result<U, String>) -> BTreeMap<String, U> {
        let mut all = BTreeMap::new();
        for (name, row) in rows {
            let (at, name) = (name.span(), name.into_inner());
            match read(self, &name, row.into_inner()) {
                Ok(row) => drop(all.insert(name, row)),
                Err(what) => self.wrong.push((at, what)),
            }
        }
        all
    }

    fn arrival(&self, name: &str, arrival: Arrival) -> Result<Arrival, String> {
        known("source", name, self.job.sources.iter().map(|part| part.name.as_str()))?;
        if let Some(text) = arrival.captured_at.as_ref().filter(|text| clock::parse(text).is_none()) {
            return Err(format!("`captured_at` is \"{text}\": write a time like \"2026-11-21T08:30:00Z\""));
        }
        arrival.task.as_ref().map_or(Ok(()), |said| settings(self.job, said).map(drop))?;
        Ok(arrival)
    }

    fn script(&self, name: &str, row: Answers) -> Result<Script, String> {
        known("step", name, self.job.steps.iter().map(|part| part.name.as_str()))?;
        let asks = self.job.steps.iter().any(|part| part.name == name && part.config.asks());
        if !asks {
            return Err(format!("step `{name}` asks no service, and there is nothing to play: leave it out"));
        }
        let lines = row.answers.iter().map(|answer| self.line(answer)).collect::<Result<_, _>>()?;
        Script::new(lines).ok_or_else(|| "`answers` is empty: give one at least".to_owned())
    }

    fn line(&self, answer: &Answer) -> Result<Line, String> {
        let status = answer.status;
        let known = StatusCode::from_u16(status).ok().filter(|_| (200..600).contains(&status));
        let status = known.ok_or_else(|| format!("`status` is {status}: it has to be from 200 to 599"))?;
        let body = match (&answer.json, &answer.body, &answer.file) {
            (None, None, None) => Bytes::new(),
            (Some(json), None, None) => json.to_string().into(),
            (None, Some(text), None) => text.clone().into(),
            (None, None, Some(file)) => {
                let path = self.beside.join(file);
                let unread = |error| format!("the answer {} can't be read: {error}", path.display());
                fs::read(&path).map_err(unread)?.into()
            }
            _ => return Err("an answer is one of `json`, `body` and `file`: keep one of them".to_owned()),
        };
        Ok(Line { status, body })
    }

    fn narrow(&self, name: &str, narrow: Narrow) -> Result<Narrow, String> {
        known("sink", name, self.job.sinks.iter().map(|part| part.name.as_str()))?;
        Ok(narrow)
    }
}

fn known<'n>(what: &str, name: &str, names: impl Iterator<Item = &'n str>) -> Result<(), String> {
    let names: Vec<_> = names.collect();
    match names.contains(&name) {
        true => Ok(()),
        false => Err(words::unknown(what, name, &names)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "name = 'room'\n[source.door]\nkind = 'http'\nparameters.loud = { type = 'bool', default = false }\n\
                       [step.who]\nkind = 'http'\nurl = 'http://service/'\n[step.grey]\nkind = 'grey'\n\
                       [sink.out]\nkind = 'files'\npath = 'out/{id}'\n";

    fn read(text: &str) -> Result<Mock, String> {
        let job = Job::parse(JOB, Path::new("room.toml")).expect("a sound job");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mock.toml");
        fs::write(&path, text).expect("a file");
        fs::write(folder.path().join("answer.json"), "{}").expect("a file");
        Mock::load(&path, &job).map_err(|wrong| wrong.to_string())
    }

    /// Catches a picture that comes without what the file says of it.
    #[test]
    fn a_picture_comes_with_what_is_said() {
        let arrival = "[source.door]\ncamera = 'yard'\nid = 'x'\nnumber = 7\ncaptured_at = '2026-11-21T08:30:00Z'\n\
                       headers = { room = 'kitchen' }\ntask = { loud = true }\n";
        let answers = "[step.who]\nanswers = [{ status = 503 }, { json = { a = 1 } }, { file = 'answer.json' }]\n";
        let mock = read(&format!("{arrival}{answers}[sink.out]\nmost_bytes = '9 kB'\n")).expect("sound");
        let job = Job::parse(JOB, Path::new("room.toml")).expect("a sound job");
        let mut frame = crate::picture::tests::picture(Bytes::new()).frame;
        mock.arrive(&job, "door", 1, &mut frame);
        assert_eq!((frame.camera.as_str(), frame.id.as_str(), frame.number.0), ("yard", "x-2", 8));
        assert!(frame.captured_at.is_some());
        assert_eq!(frame.headers.as_ref().and_then(|headers| headers.get("room")), Some("kitchen"));
        assert_eq!(frame.task.expect("a task")["loud"], operators::Setting::Bool(true));
        let script = mock.rehearsal().scripts["who"].clone();
        let said: Vec<_> = (0..4).map(|_| script.next()).map(|line| (line.status.as_u16(), line.body)).collect();
        assert_eq!(said, [(503, ""), (200, "{\"a\":1}"), (200, "{}"), (200, "{}")].map(|(a, b)| (a, Bytes::from(b))));
        assert_eq!(mock.narrow("out").most_bytes, Some(Size(9000)));
    }

    /// Catches a mistake that is passed over, or told without its place.
    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, word, place) in [
            ("[source.dor]", "did you mean `door`?", "mock.toml:1:9"),
            ("[step.grey]\nanswers = [{}]", "asks no service", "mock.toml:1:7"),
            ("[step.who]\nanswers = []", "is empty", "mock.toml:1:7"),
            ("[step.who]\nanswers = [{ status = 99 }]", "from 200 to 599", "mock.toml:1:7"),
            ("[step.who]\nanswers = [{ body = '', json = 1 }]", "one of `json`", "mock.toml:1:7"),
            ("[step.who]\nanswers = [{ file = 'none' }]", "can't be read", "mock.toml:1:7"),
            ("[step.who]\nanswers = [{ sttus = 99 }]", "did you mean `status`?", "mock.toml:2:14"),
            ("[sink.none]", "unknown sink", "mock.toml:1:7"),
            ("[sink.out]\nmost_bytes = 'many'", "is no size", "mock.toml:2:14"),
            ("[source.door]\ntask = { lout = true }", "did you mean `loud`?", "mock.toml:1:9"),
            ("[source.door]\ntask = { loud = 1 }", "true or false", "mock.toml:1:9"),
            ("[source.door]\ncaptured_at = 'noon'", "write a time", "mock.toml:1:9"),
            ("[sources.door]", "did you mean `source`?", "mock.toml:1:2"),
            ("[sink.out", "not TOML", "mock.toml:1"),
        ] {
            let told = read(text).map(drop).expect_err(text);
            assert!(told.contains(word) && told.contains(place), "{text}: {told}");
        }
    }
}
