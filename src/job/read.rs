//! From text to a [`Job`]: tables, kinds, keys, `${ENV}`.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};

use super::draft::{Draft, complete, nodes_of, source_node, step_node};
use super::graph::{Role, connect};
use super::{Batch, DEAD, Job, Limits, Spots, environment, words};
use crate::kind;
use crate::kinds::Kind;
use crate::mistake::Mistake;
use crate::plan::Input;
use crate::write::Write;
use crate::{sinks, sources, steps, views};

/// The tables of a job file.
pub const TABLES: [&str; 9] = ["name", "truth", "source", "batch", "step", "view", "sink", "dead", "limits"];

/// Where dead letters go unless the job says something else.
const DEAD_LETTERS: &str = "kind = 'files'\npath = 'dead/{camera}/{id}-{reason}'";

const BATCH: Kind<Batch> = kind!("batch", Batch);
const LIMITS: Kind<Limits> = kind!("limits", Limits);

type Table<'i> = Spanned<DeTable<'i>>;

/// Reads the text of a job file; all that is wrong with it.
pub fn job(text: &str, path: &Path) -> Result<Job, Vec<Mistake>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What follows the first is most often its echo.
        return Err(errors.iter().take(1).map(syntax).collect());
    }
    let mut reader = Reader { wrong: Vec::new(), lost: false };
    let job = reader.job(table.into_inner(), text, path);
    match job {
        Some(job) if reader.wrong.is_empty() => Ok(job),
        _ => Err(reader.wrong),
    }
}

fn syntax(error: &toml::de::Error) -> Mistake {
    Mistake { span: error.span(), ..Mistake::new(words::of_toml(error.message())) }
}

/// Reads on after a mistake, so that all of them are told.
struct Reader {
    wrong: Vec<Mistake>,
    /// Whether parts were not found because the table around them is wrong.
    lost: bool,
}

impl Reader {
    fn fail(&mut self, span: Range<usize>, what: impl Into<String>) {
        self.wrong.push(Mistake { span: Some(span), ..Mistake::new(what) });
    }

    fn job(&mut self, mut file: DeTable<'_>, text: &str, path: &Path) -> Option<Job> {
        for (key, value) in file.iter_mut() {
            self.fill_in(value);
            if !TABLES.contains(&key.get_ref().as_ref()) {
                self.lost = true;
                self.fail(key.span(), words::unknown("table", key.get_ref(), &TABLES));
            }
        }
        let name = self.name(&mut file);
        let truth = self.truth(&mut file);
        let sources = self.parts(&mut file, "source", sources::KINDS);
        let steps = self.parts(&mut file, "step", steps::KINDS);
        let views = self.parts(&mut file, "view", views::KINDS);
        let mut sinks = self.parts(&mut file, "sink", sinks::KINDS);
        let dead = self.dead(&mut file);
        let (batch, at_batch) = self.settings(&mut file, &BATCH).unwrap_or_default();
        let (limits, at_limits) = self.settings(&mut file, &LIMITS).unwrap_or_default();
        self.wrong.extend(batch.check().map(|mistake| at_batch.place(mistake)));
        self.wrong.extend(limits.check(&batch).map(|mistake| at_limits.place(mistake)));

        let mut nodes: Vec<_> = sources.iter().enumerate().map(|(index, draft)| source_node(draft, index)).collect();
        nodes.extend(steps.iter().enumerate().map(|(index, draft)| step_node(draft, index)));
        nodes.extend(nodes_of(&views, Role::View));
        nodes.extend(nodes_of(&sinks, Role::Sink));
        nodes.sort_by_key(|node| node.table.start);
        let (inputs, notes) = connect(&nodes, self.lost, &mut self.wrong);
        let overflows = self.overflows(&sinks);
        let inputs_of = |role, index| {
            let place = nodes.iter().position(|node| node.role == role && node.index == index);
            inputs[place.expect("every part has a node")].clone()
        };
        for (index, sink) in sinks.iter_mut().enumerate() {
            self.rows(sink, &inputs_of(Role::Sink, index));
        }
        Some(Job {
            name: name?,
            path: path.to_owned(),
            text: text.to_owned(),
            sources: complete(sources, |index| (inputs_of(Role::Source, index), None))?,
            steps: complete(steps, |index| (inputs_of(Role::Step, index), None))?,
            views: complete(views, |index| (inputs_of(Role::View, index), None))?,
            sinks: complete(sinks, |index| (inputs_of(Role::Sink, index), overflows[index]))?,
            dead: dead?.part(Vec::new(), None)?,
            batch,
            limits,
            truth,
            allowed: Default::default(),
            hosts: Default::default(),
            services: Default::default(),
            state: None,
            notes,
        })
    }

    fn name(&mut self, file: &mut DeTable<'_>) -> Option<String> {
        let Some(value) = file.remove("name") else {
            self.wrong.push(Mistake::new("the job has no name: begin with a line like `name = \"room\"`"));
            return None;
        };
        let sound = |char: char| char.is_alphanumeric() || "-_.".contains(char);
        match value.get_ref().as_str() {
            Some(name) if !name.is_empty() && name.chars().all(sound) => Some(name.to_owned()),
            _ => {
                self.fail(value.span(), "`name` is text in quotes, of letters, digits, `-`, `_` and `.`");
                None
            }
        }
    }

    /// Where it stands what is true of a frame.
    fn truth(&mut self, file: &mut DeTable<'_>) -> Option<(String, Range<usize>)> {
        let value = file.remove("truth")?;
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.fail(value.span(), "`truth` is text in quotes, as \"header:label\"");
        }
        Some((text?, value.span()))
    }

    /// The parts under `[group.…]`.
    fn parts<C: ?Sized>(&mut self, file: &mut DeTable<'_>, group: &str, kinds: &[Kind<C>]) -> Vec<Draft<C>> {
        let Some(tables) = file.remove(group) else {
            return Vec::new();
        };
        let nameless = format!("a {group} is a table with a name: write it as [{group}.NAME]");
        let span = tables.span();
        let tables = match tables.into_inner() {
            DeValue::Table(tables) if tables.values().all(|value| value.get_ref().is_table()) => tables,
            _ => {
                self.lost = true;
                self.fail(span, nameless);
                return Vec::new();
            }
        };
        let mut drafts = Vec::new();
        for (name, value) in tables {
            let span = value.span();
            if let DeValue::Table(table) = value.into_inner() {
                drafts.push(self.part(name.into_inner().into_owned(), Spanned::new(span, table), group, kinds));
            }
        }
        drafts.sort_by_key(|draft| draft.spots.table.as_ref().map(|table| table.start));
        drafts
    }

    /// One part: the keys that belong to the job, then those of its kind.
    fn part<C: ?Sized>(&mut self, name: String, table: Table<'_>, group: &str, kinds: &[Kind<C>]) -> Draft<C> {
        let spots = Spots::of(&table);
        let (span, mut table) = (table.span(), table.into_inner());
        let kind = self.kind(&mut table, &span, group, kinds);
        // A source's `from` is a mistake that `connect` knows better words for.
        let own: &[&str] = match group {
            "source" | DEAD => &["kind"],
            "step" | "view" => &["kind", "from"],
            _ => &["kind", "from", "write", "overflow"],
        };
        let from = (group != DEAD).then(|| table.remove("from")).flatten().and_then(|from| self.from(from));
        let write = own.contains(&"write").then(|| table.remove("write")).flatten();
        let write = write.and_then(|write| self.write(write)).unwrap_or_else(|| vec![Write::default()]);
        let overflow = own.contains(&"overflow").then(|| table.remove("overflow")).flatten();
        let overflow = overflow.and_then(|overflow| self.overflow(overflow));
        let config = kind.and_then(|kind| self.config(Spanned::new(span, table), kind, own));
        Draft { name, from, write, overflow, config, spots }
    }

    fn kind<'k, C: ?Sized>(
        &mut self,
        table: &mut DeTable<'_>,
        span: &Range<usize>,
        group: &str,
        kinds: &'k [Kind<C>],
    ) -> Option<&'k Kind<C>> {
        let known: Vec<_> = kinds.iter().map(|kind| kind.name).collect();
        let Some(value) = table.remove("kind") else {
            let what = format!("this {group} has no kind: add `kind = \"…\"`. Known here: {}", known.join(", "));
            self.fail(span.clone(), what);
            return None;
        };
        let Some(name) = value.get_ref().as_str() else {
            self.fail(value.span(), format!("`kind` is text in quotes. Known here: {}", known.join(", ")));
            return None;
        };
        let kind = kinds.iter().find(|kind| kind.name == name);
        if kind.is_none() {
            self.fail(value.span(), words::unknown("kind", name, &known));
        }
        kind
    }

    fn from(&mut self, value: Spanned<DeValue<'_>>) -> Option<Vec<(String, Range<usize>)>> {
        let span = value.span();
        let values = match value.into_inner() {
            DeValue::Array(values) if !values.is_empty() => values.into_iter().collect(),
            value => vec![Spanned::new(span.clone(), value)],
        };
        let name = |value: &Spanned<DeValue<'_>>| Some((value.get_ref().as_str()?.to_owned(), value.span()));
        let names: Option<Vec<_>> = values.iter().map(name).collect();
        if names.is_none() {
            self.fail(span, "`from` takes the name of a part, or a list of names: [\"a\", \"b\"]");
        }
        names
    }

    /// One thing to write, or a list of them.
    fn write(&mut self, value: Spanned<DeValue<'_>>) -> Option<Vec<Write>> {
        let span = value.span();
        let values = match value.into_inner() {
            DeValue::Array(values) => values.into_iter().collect(),
            value => vec![Spanned::new(span, value)],
        };
        let mut writes = Vec::new();
        for value in values {
            let span = value.span();
            match Write::deserialize(ValueDeserializer::from(value)) {
                Ok(write) if writes.contains(&write) => {
                    self.fail(span, format!("`write` names `{}` twice: remove one of the two", write.as_str()));
                    return None;
                }
                Ok(write) => writes.push(write),
                Err(error) => {
                    self.fail(span, words::of_serde(error.message(), Some("write")));
                    return None;
                }
            }
        }
        Some(writes)
    }

    fn overflow(&mut self, value: Spanned<DeValue<'_>>) -> Option<(String, Range<usize>)> {
        let name = value.get_ref().as_str().map(|name| (name.to_owned(), value.span()));
        if name.is_none() {
            self.fail(value.span(), "`overflow` takes the name of a sink, in quotes");
        }
        name
    }

    /// The sink that each sink's `overflow` names.
    fn overflows(&mut self, sinks: &[Draft<dyn sinks::SinkConfig>]) -> Vec<Option<usize>> {
        let mut found = Vec::new();
        for (index, sink) in sinks.iter().enumerate() {
            let Some((name, span)) = &sink.overflow else {
                found.push(None);
                continue;
            };
            let other = sinks.iter().position(|sink| sink.name == *name);
            match other {
                None => {
                    let known: Vec<_> =
                        sinks.iter().map(|sink| sink.name.as_str()).filter(|n| *n != sink.name).collect();
                    self.fail(span.clone(), words::unknown("sink", name, &known));
                }
                Some(other) if other == index => {
                    self.fail(span.clone(), "a sink can't overflow into itself: name another one");
                }
                Some(_) => {}
            }
            found.push(other);
        }
        found
    }

    /// A sink that takes the rows of views writes them, and nothing else.
    fn rows(&mut self, sink: &mut Draft<dyn sinks::SinkConfig>, inputs: &[Input]) {
        if !inputs.iter().any(|input| matches!(input, Input::View(_))) {
            return;
        }
        sink.write.clear();
        for key in ["write", "overflow"] {
            if let Some((_, span)) = sink.spots.values.iter().find(|(name, _)| name == key) {
                self.fail(span.clone(), format!("a sink of a view writes its rows and has no `{key}`: remove it"));
            }
        }
    }

    fn dead(&mut self, file: &mut DeTable<'_>) -> Option<Draft<dyn sinks::SinkConfig>> {
        let Some(table) = file.remove(DEAD) else {
            let default = DeTable::parse(DEAD_LETTERS).expect("it is TOML");
            let mut draft = self.part(DEAD.to_owned(), default, DEAD, sinks::KINDS);
            draft.spots = Spots::default();
            return Some(draft);
        };
        let span = table.span();
        let DeValue::Table(table) = table.into_inner() else {
            self.fail(span, "the dead letters have a table: write it as [dead]");
            return None;
        };
        Some(self.part(DEAD.to_owned(), Spanned::new(span, table), DEAD, sinks::KINDS))
    }

    /// A table that there is once, or its defaults.
    fn settings<T>(&mut self, file: &mut DeTable<'_>, row: &Kind<T>) -> Option<(T, Spots)> {
        let table = file.remove(row.name)?;
        let span = table.span();
        let DeValue::Table(table) = table.into_inner() else {
            self.fail(span, format!("`{0}` is a table: write it as [{0}]", row.name));
            return None;
        };
        let table = Spanned::new(span, table);
        let spots = Spots::of(&table);
        Some((*self.config(table, row, &[])?, spots))
    }

    /// Reads a table as what its kind says it is: keys first, all of them, then values.
    fn config<C: ?Sized>(&mut self, table: Table<'_>, kind: &Kind<C>, own: &[&str]) -> Option<Box<C>> {
        let (span, mut table) = (table.span(), table.into_inner());
        let keys = (kind.keys)();
        let known: Vec<_> = own.iter().chain(keys).copied().collect();
        let before = self.wrong.len();
        let strange = |key: &&Spanned<_>| !keys.contains(&DeString::as_ref(key.get_ref()));
        let mut meant = Vec::new();
        for key in table.keys().filter(strange).cloned().collect::<Vec<_>>() {
            self.fail(key.span(), words::unknown("key", key.get_ref(), &known));
            meant.extend(words::nearest(key.get_ref(), &known));
            table.remove(&key);
        }
        let schema = (kind.schema)(&mut Default::default());
        for (key, doc) in required(&schema).filter(|(key, _)| !table.contains_key(*key) && !meant.contains(key)) {
            self.fail(span.clone(), format!("add the key `{key}`: {doc}"));
        }
        let complete = self.wrong.len() == before;
        let places: Vec<_> = table.iter().map(|(key, value)| (key.get_ref().to_string(), value.span())).collect();
        match (kind.parse)(ValueDeserializer::from(Spanned::new(span.clone(), DeValue::Table(table)))) {
            Ok(config) => Some(config),
            Err(error) => {
                let missing = error.message().starts_with("missing field");
                if complete || !missing {
                    let at = error.span().unwrap_or(span);
                    let key = places.iter().find(|(_, value)| value.start <= at.start && at.end <= value.end);
                    self.fail(at, words::of_serde(error.message(), key.map(|(key, _)| key.as_str())));
                }
                None
            }
        }
    }

    /// Replaces `${ENV}` in every text.
    fn fill_in(&mut self, value: &mut Spanned<DeValue<'_>>) {
        let span = value.span();
        match value.get_mut() {
            DeValue::String(text) => match environment::expand(text) {
                Ok(filled) => *text = filled.into(),
                Err(what) => self.fail(span, what),
            },
            DeValue::Array(values) => values.iter_mut().for_each(|value| self.fill_in(value)),
            DeValue::Table(table) => table.iter_mut().for_each(|(_, value)| self.fill_in(value)),
            _ => {}
        }
    }
}

/// The keys that a table must have, and what they are for.
fn required(schema: &schemars::Schema) -> impl Iterator<Item = (&str, String)> {
    let keys = schema.get("required").and_then(|keys| keys.as_array()).into_iter().flatten();
    keys.filter_map(|key| key.as_str()).map(move |key| {
        let doc = schema.pointer(&format!("/properties/{key}/description")).and_then(|doc| doc.as_str());
        (key, first_sentence(doc.unwrap_or("it is needed")))
    })
}

/// The first sentence of a docstring, to stand behind a colon.
fn first_sentence(doc: &str) -> String {
    let doc = doc.replace('\n', " ");
    let sentence = doc.split_once(". ").map_or(doc.as_str(), |(first, _)| first).trim_end_matches('.');
    let mut chars = sentence.chars();
    let first = chars.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    first + chars.as_str()
}

impl Spots {
    fn of(table: &Table<'_>) -> Self {
        let values = table.get_ref().iter().map(|(key, value)| (key.get_ref().to_string(), value.span()));
        Self { table: Some(table.span()), values: values.collect() }
    }
}
