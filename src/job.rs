//! A job file, read and checked.
//!
//! ```text
//! sources ── batch ── steps ── sinks          what even a sink refuses ── dead
//! ```
//!
//! Reading finds out what is wrong with the text itself, [`Job::check`] what is wrong with what it says: a model that is
//! missing, a folder that can't be. Both tell all mistakes at once. Neither reaches a server.

mod draft;
mod environment;
mod graph;
mod overwritten;
mod read;
mod schema;
mod settings;
mod table;
mod twice;
mod values;
pub(crate) mod words;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tokio::runtime::Handle;

use crate::allowed::Allowed;
use crate::context::Context;
use crate::mistake::{Mistake, Mistakes};
use crate::outgoing::{Hosts, Services};
use crate::plan::Input;
use crate::sinks::SinkConfig;
use crate::sources::{Holds, SourceConfig};
use crate::steps::StepConfig;
use crate::tasks::{Tasks, Terms};
use crate::views::truth::Reading;
use crate::views::{self, ViewConfig};
use crate::write::Write;

pub use schema::schema;
pub use settings::{Batch, By, Limits};

pub use crate::context::DEAD;

/// A job: what is done with the frames of which cameras.
#[derive(Debug)]
pub struct Job {
    /// What it is called: `{job}`.
    pub name: String,
    /// Its file, as it was named.
    pub path: PathBuf,
    /// The text of its file.
    pub text: String,
    /// Where frames come from, in the order of the file.
    pub sources: Vec<Part<dyn SourceConfig>>,
    /// How frames are gathered.
    pub batch: Batch,
    /// What is done to pictures, in the order of the file: a step comes after all its inputs.
    pub steps: Vec<Part<dyn StepConfig>>,
    /// The tables that are kept, in the order of the file.
    pub views: Vec<ViewPart>,
    /// Where results go, in the order of the file.
    pub sinks: Vec<SinkPart>,
    /// Where frames go that lead to no result. Its name is [`DEAD`].
    pub dead: SinkPart,
    /// How much the job takes.
    pub limits: Limits,
    /// The folders that its paths may not leave; without any, they may name what they like.
    pub allowed: Allowed,
    /// The hosts that its steps may ask: those that it names, unless a cluster lists others.
    pub hosts: Hosts,
    /// What its steps ask services with, beside the net.
    pub services: Services,
    /// Where this process keeps what has to outlive it; `.vigie` beside the file, where nobody says.
    pub state: Option<PathBuf>,
    /// Where it stands what is true of a frame, and the place of that in the text.
    truth: Option<(String, Range<usize>)>,
    /// What reading it had to say, although nothing is wrong.
    notes: Vec<Mistake>,
}

/// A table of a job file.
#[derive(Debug)]
pub struct Part<C: ?Sized> {
    /// The part's own name: `cameras` of `[source.cameras]`.
    pub name: String,
    /// What it takes its pictures from. Nothing, for a source.
    pub inputs: Vec<Input>,
    /// What its table says.
    pub config: Box<C>,
    /// What it writes of its pictures, if it is a sink.
    pub write: Vec<Write>,
    /// The sink for what is too large for this one, by its index in the job.
    pub overflow: Option<usize>,
    spots: Spots,
}

/// A sink's table.
pub type SinkPart = Part<dyn SinkConfig>;

/// A view's table.
pub type ViewPart = Part<dyn ViewConfig>;

/// Where a table stands in the text: the table, and the value of each of its keys.
#[derive(Clone, Debug, Default)]
struct Spots {
    table: Option<Range<usize>>,
    values: Vec<(String, Range<usize>)>,
}

impl Job {
    /// Reads a job file.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn load(path: &Path) -> Result<Self, Mistakes> {
        let text =
            fs::read_to_string(path).map_err(|error| Mistakes::unreadable(path, "can't read this job file", &error))?;
        Self::parse(&text, path)
    }

    /// Reads the text of a job file that lies at `path`.
    ///
    /// # Errors
    /// All that is wrong with the text.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Mistakes> {
        read::job(text, path).map_err(|list| mistakes(text, path, list))
    }

    /// Finds out what is wrong with what the parts say, as far as this machine can tell.
    ///
    /// # Errors
    /// Every part's mistake.
    pub fn check(&self, runtime: &Handle) -> Result<(), Mistakes> {
        let mut wrong = Vec::from_iter(self.truth(runtime).err());
        for part in &self.sources {
            wrong.extend(part.place(part.config.check(&self.context(&part.name, 0, runtime)).err()));
        }
        wrong.extend(self.check_tasks());
        for part in &self.steps {
            wrong.extend(part.place(part.config.check(&self.context(&part.name, 0, runtime)).err()));
        }
        for part in &self.views {
            wrong.extend(part.place(part.config.check(&self.context(&part.name, 0, runtime)).err()));
            wrong.extend(part.place(self.lacks_truth(part)));
        }
        for part in self.sinks.iter().chain([&self.dead]) {
            let context = self.context(&part.name, 0, runtime);
            wrong.extend(part.place(part.config.check(&context).err()));
            wrong.extend(part.place(self.check_writes(part)));
            wrong.extend(part.place(overwritten::by_pieces(self, part, &context)));
            wrong.extend(part.place(overwritten::by_rows(part, &context)));
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(mistakes(&self.text, &self.path, wrong)),
        }
    }

    /// What `truth` says, as it was written.
    pub fn truth_told(&self) -> Option<&str> {
        self.truth.as_ref().map(|(text, _)| text.as_str())
    }

    /// Where it stands what is true of a frame, if the job says so: read anew, with its table.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn truth(&self, runtime: &Handle) -> Result<Option<Reading>, Mistake> {
        let Some((text, span)) = &self.truth else { return Ok(None) };
        let read = Reading::read(text, &self.context("truth", 0, runtime));
        read.map(Some).map_err(|mistake| Mistake { span: Some(span.clone()), ..mistake })
    }

    /// Where a view is told what is true: by itself, or by the job.
    pub fn truth_of<'s>(&'s self, view: &'s ViewPart) -> Option<&'s str> {
        let own = view.config.truth();
        own.or_else(|| self.truth.as_ref().map(|(text, _)| text.as_str())).filter(|_| view.config.needs_truth())
    }

    fn lacks_truth(&self, view: &ViewPart) -> Option<Mistake> {
        let comes = self.sources.iter().any(|source| source.config.holds() == Holds::Truth);
        let lacks = view.config.needs_truth() && self.truth_of(view).is_none() && !comes;
        let what = "nobody says what is true: write `truth` here or for the whole job, like \"header:label\", or add a source that `holds` it";
        lacks.then(|| Mistake::new(what))
    }

    /// Tasks are handed in to the job, not to one of its sources.
    fn check_tasks(&self) -> Option<Mistake> {
        let second = self.sources.iter().filter(|part| part.config.terms().is_some()).nth(1)?;
        second.place([Mistake::new("a job takes tasks by one source: remove this one, or make it another job")]).next()
    }

    /// What its tasks may say and get back, if it takes tasks.
    pub fn terms(&self) -> Option<Terms> {
        self.sources.iter().find_map(|part| part.config.terms())
    }

    /// What is wrong with what a sink is to write.
    fn check_writes(&self, part: &SinkPart) -> Option<Mistake> {
        let index = self.sinks.iter().position(|sink| sink.name == part.name);
        let last_resort = self.sinks.iter().any(|sink| sink.overflow.is_some() && sink.overflow == index);
        let what = match part.write.as_slice() {
            [] if part.name == DEAD || last_resort || part.takes_rows() => return None,
            [] => "it writes nothing, and no `overflow` names it: say what to `write`",
            [_, _, ..] if !part.config.takes_several() => {
                "this kind of sink keeps one thing of a frame: write another sink for the other"
            }
            writes => return part.config.check_writes(writes).err(),
        };
        Some(Mistake::at("write", what))
    }

    /// What the user should know although it is not wrong.
    pub fn warnings(&self, runtime: &Handle) -> Vec<Mistake> {
        let warnings = |part: &Part<dyn SourceConfig>| {
            part.place(part.config.warnings(&self.context(&part.name, 0, runtime))).collect::<Vec<_>>()
        };
        let values = self.unknown_values(runtime);
        self.notes.iter().cloned().chain(self.sources.iter().flat_map(warnings)).chain(values).collect()
    }

    /// The same job with what is outside of it played: each source and each sink, the dead letters too, is what is given back
    /// for its table.
    pub fn played(
        self,
        mut source: impl FnMut(Box<dyn SourceConfig>) -> Box<dyn SourceConfig>,
        mut sink: impl FnMut(Box<dyn SinkConfig>) -> Box<dyn SinkConfig>,
    ) -> Self {
        Self {
            sources: self.sources.into_iter().map(|part| Part { config: source(part.config), ..part }).collect(),
            sinks: self.sinks.into_iter().map(|part| Part { config: sink(part.config), ..part }).collect(),
            dead: Part { config: sink(self.dead.config), ..self.dead },
            ..self
        }
    }

    /// Asks the servers of the sinks whether they take the largest picture that may come; what the user should know. It
    /// takes seconds where servers are slow or away.
    pub fn preflight(&self, runtime: &Handle) -> Vec<Mistake> {
        let asked = |part: &SinkPart| {
            let largest =
                part.write.iter().filter_map(|write| write.most(self.limits.max_frame_bytes.0 as usize)).max()?;
            let told = part.config.preflight(&self.context(&part.name, 0, runtime), largest);
            part.place(told).next()
        };
        // What is too large for these goes elsewhere by itself.
        self.sinks.iter().filter(|part| part.overflow.is_none()).filter_map(asked).collect()
    }

    /// A mistake and its place in the file, in two lines.
    pub fn tell(&self, level: &str, mistake: &Mistake) -> String {
        mistake.told(level, &self.path, &self.text)
    }

    /// What a part gets to know when it is checked or opened, for the worker of that index in the whole cluster.
    pub fn context(&self, part: &str, worker: usize, runtime: &Handle) -> Context {
        Context {
            job: self.name.clone(),
            part: part.to_owned(),
            folder: self.beside().to_owned(),
            allowed: self.allowed.clone(),
            hosts: self.hosts.clone(),
            services: self.services.clone(),
            max_frame_bytes: self.limits.max_frame_bytes.0 as usize,
            picture: self.limits.picture(),
            window: self.limits.window(),
            batch: self.batch.size,
            partition: self.batch.partition(),
            worker,
            share: Default::default(),
            board: Default::default(),
            state: self.state.clone().unwrap_or_else(|| self.beside().join(".vigie")),
            parameters: self.terms().map(|terms| terms.declared()).unwrap_or_default(),
            tasks: Tasks::new(&self.name),
            runtime: runtime.clone(),
        }
    }

    /// The folder of its file.
    pub fn beside(&self) -> &Path {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new("."))
    }

    /// What is asked for each view.
    pub fn definitions(&self) -> Vec<operators::views::Definition> {
        self.views.iter().map(|part| views::definition(&part.name, part.config.as_ref())).collect()
    }

    /// What `from` says to take from there.
    pub fn name_of(&self, input: Input) -> String {
        match input {
            Input::Source(index) => self.sources[index].name.clone(),
            Input::Step(index) => self.steps[index].name.clone(),
            Input::Else(index) => format!("{}.else", self.steps[index].name),
            Input::View(index) => self.views[index].name.clone(),
        }
    }
}

impl<C: ?Sized> Part<C> {
    /// Whether it takes the rows of views, and no pictures.
    pub fn takes_rows(&self) -> bool {
        self.inputs.iter().any(|input| matches!(input, Input::View(_)))
    }

    fn place(&self, mistakes: impl IntoIterator<Item = Mistake>) -> impl Iterator<Item = Mistake> {
        mistakes.into_iter().map(|mistake| self.spots.place(mistake))
    }
}

fn mistakes(text: &str, path: &Path, mut list: Vec<Mistake>) -> Mistakes {
    list.iter_mut().for_each(|mistake| mistake.narrow(text));
    list.sort_by_key(|mistake| mistake.span.as_ref().map_or(0, |span| span.start));
    Mistakes { path: path.to_owned(), text: text.to_owned(), list }
}

impl Spots {
    /// Puts a mistake where its field's value stands, or else at the table.
    fn place(&self, mut mistake: Mistake) -> Mistake {
        let value = self.values.iter().find(|(key, _)| Some(key.as_str()) == mistake.field);
        mistake.span = value.map(|(_, span)| span.clone()).or_else(|| self.table.clone());
        mistake
    }
}

#[cfg(test)]
mod paths;
#[cfg(test)]
mod tests;
