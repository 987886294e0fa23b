//! Pictures that lie in files: a folder or a glob, played in order.
//!
//! Nothing tells a file that its frame was taken in, so there is nothing to acknowledge: a job that is stopped in the
//! middle begins again at the first file, and writes the same results over the old ones.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use operators::mailbox::Gone;
use operators::{Flaw, Frame, Number, Reason};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::pace::{self, Pace};
use super::{Inlet, Source, SourceConfig};
use crate::allowed::Allowed;
use crate::body::{self, Body};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::template::{Captured, Template};
use crate::units::Size;

/// The fields that a path may have.
const FIELDS: [&str; 3] = ["camera", "number", "id"];

/// What of a folder is played.
const PICTURES: [&str; 3] = ["jpg", "jpeg", "png"];

/// Pictures from files, in the order of their paths.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Where the pictures are: `pictures`, `pictures/*.jpg` or `pictures/{camera}/*.jpg`. Of a folder, the `.jpg`,
    /// `.jpeg` and `.png` files are played; else, whatever the path matches, with `*`, `?` and `**`. `{camera}` says
    /// which part of the path is the camera's name (without it, the name of the file's folder), `{number}` and `{id}`
    /// likewise (without them, the file's name, and its place where the name is no number). Relative to the current
    /// folder.
    path: String,
    /// Frames a second, of all cameras together. Without it, as fast as they are worked on.
    #[serde(default)]
    rate: Option<f64>,
    /// Whether to begin again after the last file: `true` for ever, or how many times to play all of them.
    #[serde(default, rename = "loop")]
    rounds: Rounds,
}

/// How many times all files are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds(Option<u64>);

impl Default for Rounds {
    fn default() -> Self {
        Self(Some(1))
    }
}

impl<'de> Deserialize<'de> for Rounds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct YesNoOrNumber;
        impl Visitor<'_> for YesNoOrNumber {
            type Value = Rounds;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, `false` or how many times to play all files")
            }
            fn visit_bool<E: Error>(self, ever: bool) -> Result<Rounds, E> {
                Ok(if ever { Rounds(None) } else { Rounds::default() })
            }
            fn visit_i64<E: Error>(self, times: i64) -> Result<Rounds, E> {
                let wrong = || E::custom(format!("{times} is no number of times: write 1 or more, or `true`"));
                let times = u64::try_from(times).ok().filter(|times| *times > 0).ok_or_else(wrong)?;
                Ok(Rounds(Some(times)))
            }
        }
        from.deserialize_any(YesNoOrNumber)
    }
}

impl JsonSchema for Rounds {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rounds".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "boolean" }, { "type": "integer", "minimum": 1 }] })
    }
}

impl SourceConfig for Files {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        pace::check(self.rate)?;
        match self.list(&context.allowed)?.is_empty() {
            true => Err(Mistake::at("path", self.nothing())),
            false => Ok(()),
        }
    }

    fn describe(&self) -> String {
        let rate = self.rate.map(|rate| format!(", {rate} frames a second")).unwrap_or_default();
        let rounds = match self.rounds {
            Rounds(None) => ", over and over".to_owned(),
            Rounds(Some(1)) => String::new(),
            Rounds(Some(times)) => format!(", {times} times"),
        };
        format!("files {}{rate}{rounds}", self.path)
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Source>> {
        Ok(Box::new(Player {
            files: self.list(&context.allowed)?,
            rate: self.rate,
            rounds: self.rounds,
            largest: context.max_frame_bytes as u64,
        }))
    }
}

/// A file, and the names of its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    path: PathBuf,
    id: String,
    /// What the path says at `{camera}`, and the name of the file's folder.
    camera: Option<String>,
    folder: String,
    /// What the path says at `{number}`, and the file's name, if that is a number.
    number: Option<u64>,
    named: Option<u64>,
}

impl Files {
    /// Why there is no picture, as far as one more look can tell.
    fn nothing(&self) -> String {
        let path = self.path.trim_end_matches('/');
        let below = self.pattern().and_then(|pattern| find(&format!("{}/*", pattern.trim_end_matches('/'))));
        match below.is_ok_and(|files| files.iter().any(|file| is_picture(file))) {
            true => format!(
                "no picture lies in `{path}` itself, but in folders there: write `{path}/*` for these, each of which is a camera then"
            ),
            false => format!("no picture matches `{}`: check its spelling, and the folder you are in", self.path),
        }
    }

    /// All files, in order. Their ids are unique for each camera: where names are not, paths are.
    fn list(&self, allowed: &Allowed) -> Result<Vec<Entry>, Mistake> {
        let template = Template::parse(&self.path, &FIELDS).map_err(|what| Mistake::at("path", what))?;
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        let pattern = self.pattern()?;
        stays(&pattern, allowed)?;
        for path in find(&pattern)? {
            // What it matches may be a link.
            allowed.check("path", &path)?;
            let mut entry = Entry::of(path, &template);
            let camera = entry.camera.as_ref().unwrap_or(&entry.folder);
            if !seen.insert((camera.clone(), entry.id.clone())) {
                entry.id = entry.path.display().to_string();
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The glob that the path stands for: a field fits what `*` does.
    fn pattern(&self) -> Result<String, Mistake> {
        let level = |level: &str| match level.contains('{') {
            false => Ok(level.to_owned()),
            true if level.contains(['*', '?', '[']) => Err(level.to_owned()),
            true => Ok(starred(level)),
        };
        let levels: Result<Vec<_>, _> = self.path.split('/').map(level).collect();
        match levels {
            Ok(levels) if levels.iter().any(|level| level == "**") && self.path.contains('{') => {
                Err("`**` and a field don't go together: write `*` for each folder".to_owned())
            }
            Ok(levels) => Ok(levels.join("/")),
            Err(level) => Err(format!("`{level}` mixes a field with `*`: a part of the path has the one or the other")),
        }
        .map_err(|what| Mistake::at("path", what))
    }
}

/// Whether what a glob looks through lies in the folders that are allowed.
fn stays(pattern: &str, allowed: &Allowed) -> Result<(), Mistake> {
    let literal = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    let (folder, rest) = pattern.split_at(pattern[..literal].rfind('/').map_or(0, |slash| slash + 1));
    if !allowed.is_all() && rest.split('/').any(|level| level == "..") {
        let what = "where cluster.toml has allowed_paths, `..` does not go with `*`: write the path without it";
        return Err(Mistake::at("path", what));
    }
    let whole = if literal == pattern.len() { pattern } else { folder };
    allowed.check("path", Path::new(if whole.is_empty() { "." } else { whole }))
}

/// `cam-{camera}` as `cam-*`.
fn starred(level: &str) -> String {
    let mut pattern = String::new();
    let mut rest = level;
    while let Some((before, after)) = rest.split_once('{') {
        pattern.push_str(&glob::Pattern::escape(before));
        pattern.push('*');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    pattern + &glob::Pattern::escape(rest)
}

/// The files that a glob matches, and the pictures in the folders that it matches.
fn find(pattern: &str) -> Result<Vec<PathBuf>, Mistake> {
    let unreadable = |error: &dyn fmt::Display| Mistake::at("path", format!("can't look for `{pattern}`: {error}"));
    let mut files = Vec::new();
    for path in glob::glob(pattern).map_err(|error| unreadable(&error))? {
        let path = path.map_err(|error| unreadable(&error))?;
        if path.is_dir() {
            let inside = path.read_dir().map_err(|error| unreadable(&error))?;
            let inside = inside.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_picture(path));
            files.extend(inside);
        } else if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn is_picture(path: &Path) -> bool {
    let ends = |ending: &str| PICTURES.iter().any(|picture| ending.eq_ignore_ascii_case(picture));
    path.is_file() && path.extension().and_then(|ending| ending.to_str()).is_some_and(ends)
}

impl Entry {
    fn of(path: PathBuf, template: &Template) -> Self {
        let Captured { camera, number, id } = capture(template, &path);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let whole = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        let folder = whole.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        Self { named: stem.parse().ok(), id: id.unwrap_or(stem), path, camera, folder, number }
    }
}

/// What the path says of its file. Each part that has a field is looked at alone; the others the glob has matched.
fn capture(template: &Template, path: &Path) -> Captured {
    let path = path.to_string_lossy();
    let mut told = Captured::default();
    // A template for a folder is shorter than the paths of its files, and a path may lack a leading `./`.
    let levels: Vec<_> = template.as_str().trim_end_matches('/').split('/').filter(|level| *level != ".").collect();
    for (level, given) in levels.into_iter().zip(path.split('/').filter(|level| *level != ".")) {
        let parsed = Template::parse(level, &FIELDS).ok().filter(|_| level.contains('{'));
        if let Some(captured) = parsed.and_then(|template| template.capture(given)) {
            told.camera = told.camera.or(captured.camera);
            told.number = told.number.or(captured.number);
            told.id = told.id.or(captured.id);
        }
    }
    told
}

/// Plays files.
struct Player {
    files: Vec<Entry>,
    rate: Option<f64>,
    rounds: Rounds,
    largest: u64,
}

impl Source for Player {
    fn run(self: Box<Self>, inlet: Inlet) -> anyhow::Result<()> {
        // Gone: nobody listens any more.
        let _ = self.play(&inlet);
        inlet.finish().for_each(drop);
        Ok(())
    }
}

impl Player {
    fn play(&self, inlet: &Inlet) -> Result<(), Gone> {
        let mut pace = Pace::new(self.rate, inlet);
        let mut sent = 0;
        for round in 0..self.rounds.0.unwrap_or(u64::MAX) {
            for entry in &self.files {
                if !pace.wait(inlet)? {
                    return Ok(());
                }
                inlet.send(self.frame(entry, round, sent), sent)?;
                sent += 1;
            }
        }
        Ok(())
    }

    /// The frame of a file: the path's word goes before the message's, and that before the file's name.
    fn frame(&self, entry: &Entry, round: u64, sent: u64) -> Frame {
        let (body, flaw) = match read(&entry.path, self.largest) {
            Ok(bytes) => match body::parse(bytes.clone()) {
                Ok(body) => (body, None),
                Err(flaw) => (Body { bytes, ..Body::default() }, Some(flaw)),
            },
            Err(flaw) => (Body::default(), Some(flaw)),
        };
        let camera = entry.camera.clone().or(body.camera).unwrap_or_else(|| entry.folder.clone());
        let number = entry.number.or(body.number).or(entry.named).unwrap_or(sent);
        let id = if round == 0 { entry.id.clone() } else { format!("{}-r{round}", entry.id) };
        Frame {
            captured_at: body.captured_at,
            flaw,
            ..Frame::new(camera.into(), Number(if round == 0 { number } else { sent }), id.into(), body.bytes)
        }
    }
}

/// The bytes of a file. One that is too large is not read: it stays where it is, and so does its name in the flaw.
fn read(path: &Path, largest: u64) -> Result<Bytes, Flaw> {
    let unreadable =
        |error: io::Error| Flaw::new(Reason::Undecodable, format!("can't read `{}`: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let mut bytes = Vec::with_capacity(size.min(largest) as usize + 1);
    if size <= largest {
        // It may still grow.
        file.take(largest + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    let size = size.max(bytes.len() as u64);
    if size > largest {
        let (path, size, largest) = (path.display(), Size(size), Size(largest));
        let detail = format!("`{path}` has {size}, and `limits.max_frame_bytes` is {largest}");
        return Err(Flaw::new(Reason::TooManyBytes, detail));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests;
