//! A job's parts, opened for the workers of one process: whatever can fail does so here, before anything is installed.

use std::sync::Arc;

use operators::ingest::clock;
use operators::{Meter, Window};
use tokio::runtime::Handle;

use crate::board::Board;
use crate::cluster::Cluster;
use crate::context::{Context, Share};
use crate::delivery::Fit;
use crate::exhibit::Exhibit;
use crate::job::{Job, SinkPart, ViewPart};
use crate::metrics::Metrics;
use crate::mistake::Mistake;
use crate::plan::{Ear, HOME, Input, Node, Plan, Tap, Wishes};
use crate::render::Parts;
use crate::rows::Latest;
use crate::sinks::Sink;
use crate::template::Sayings;
use crate::views::state::{Seal, Sealed};
use crate::views::truth::Reading;
use crate::views::{Showcase, Teller};
use crate::write::Write;

/// A process among those that run a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of them, from 0.
    pub process: usize,
    /// How many there are.
    pub processes: usize,
    /// Workers of each.
    pub threads: usize,
}

impl From<&Cluster> for Place {
    fn from(cluster: &Cluster) -> Self {
        Self { process: cluster.process, processes: cluster.processes(), threads: cluster.threads }
    }
}

impl Place {
    /// Which share of a source a worker reads, if any. A source that is shared is read by the first worker of each
    /// process; any other by one worker of the cluster, and several of them are spread over it.
    fn share(self, shared: bool, source: usize, worker: usize) -> Option<Share> {
        match shared {
            true => worker.is_multiple_of(self.threads).then_some(Share { index: self.process, of: self.processes }),
            false => (source % (self.threads * self.processes) == worker).then(Share::default),
        }
    }

    /// How many read the sources of a job, in the whole cluster.
    fn readers(self, job: &Job) -> usize {
        let readers = |shared: bool| if shared { self.processes } else { 1 };
        job.sources.iter().map(|source| readers(source.config.is_shared())).sum()
    }

    /// What each reader of a source may have in flight: those of the whole cluster share the window of the job.
    fn window(self, job: &Job) -> Window {
        let readers = self.readers(job).max(1);
        let Window { frames, bytes } = job.limits.window();
        Window { frames: (frames / readers).max(job.batch.size), bytes: bytes / readers }
    }
}

/// Opens a job's parts for each worker of the process at `place`.
///
/// # Errors
/// Why one of them can't be opened: its model, its folder, its login.
pub fn open(job: &Job, place: Place, runtime: &Handle, metrics: &Arc<Metrics>) -> anyhow::Result<Vec<Parts>> {
    let meters = job.sources.iter().map(|_| Arc::default()).collect();
    let mut opener = Opener { job, place, runtime, metrics, meters, exhibit: None, board: Board::default() };
    opener.exhibit = (!job.views.is_empty()).then(|| opener.exhibit());
    let first = place.process * place.threads;
    (first..first + place.threads).map(|worker| opener.parts(worker)).collect()
}

/// Opens the steps of a job for one worker, without its sources and sinks.
///
/// # Errors
/// Why a step can't be opened.
pub fn plan(job: &Job, runtime: &Handle) -> anyhow::Result<Plan> {
    let (place, metrics) = (Place { process: 0, processes: 1, threads: 1 }, Arc::new(Metrics::new(&job.name)));
    let (meters, exhibit, board) = Default::default();
    Opener { job, place, runtime, metrics: &metrics, meters, exhibit, board }.plan(0)
}

/// What the workers of a process have in common.
struct Opener<'a> {
    job: &'a Job,
    place: Place,
    runtime: &'a Handle,
    metrics: &'a Arc<Metrics>,
    meters: Vec<Arc<Meter>>,
    exhibit: Option<Exhibit>,
    board: Board,
}

impl Opener<'_> {
    fn context(&self, part: &str, worker: usize) -> Context {
        let tasks = self.metrics.tasks.clone();
        Context { board: self.board.clone(), tasks, ..self.job.context(part, worker, self.runtime) }
    }

    fn parts(&self, worker: usize) -> anyhow::Result<Parts> {
        let Self { job, place, metrics, meters, board, .. } = self;
        let mut sources = Vec::new();
        for (index, source) in job.sources.iter().enumerate() {
            let share = place.share(source.config.is_shared(), index, worker);
            let context = |share| Context { share, ..self.context(&source.name, worker) };
            let opened = share.map(|share| source.config.open(&context(share))).transpose()?;
            sources.push(opened.map(|opened| (source.name.clone(), opened)));
        }
        let sinks = job.sinks.iter().map(|part| Ok((part.name.clone(), self.sink(part, worker)?)));
        Ok(Parts {
            sources,
            meters: meters.clone(),
            window: place.window(job),
            sole: place.readers(job) == 1 && job.views.is_empty(),
            clock: clock(),
            size: job.batch.size,
            timeout: job.batch.timeout(),
            partition: job.batch.partition(),
            plan: self.plan(worker)?,
            sinks: sinks.collect::<anyhow::Result<_>>()?,
            dead: job.dead.config.open(&self.context(&job.dead.name, worker))?,
            metrics: Arc::clone(metrics),
            exhibit: self.exhibit.clone(),
            board: board.clone(),
        })
    }

    /// The views, which all workers of the process show in one place.
    fn exhibit(&self) -> Exhibit {
        let job = self.job;
        let definitions = job.definitions();
        let kinds = job.views.iter().map(|view| view.config.kind().to_owned());
        let tables = definitions.iter().zip(kinds).map(|(asked, kind)| (asked.name.clone(), kind, asked.columns()));
        let seal = |(view, asked): (&ViewPart, _)| {
            let from: Vec<_> = view.inputs.iter().map(|input| job.name_of(*input)).collect();
            let config = &view.config;
            // What is asked, of what, and what of it is told: with another one, what was known is of something else.
            let seal = Seal::of(&format!("{asked:?} {:?} {:?} {from:?}", config.found(), job.truth_of(view)));
            Sealed { name: view.name.clone(), seal }
        };
        let takes = |view| {
            let takers = job.sinks.iter().enumerate().filter(move |(_, sink)| sink.inputs.contains(&Input::View(view)));
            takers.map(|(sink, _)| sink).collect()
        };
        Exhibit {
            job: job.name.clone(),
            sealed: job.views.iter().zip(&definitions).map(seal).collect(),
            sinks: (0..job.views.len()).map(takes).collect(),
            folder: self.context("views", 0).state.join("views").join(format!("{}.views", job.name)),
            processes: self.place.processes,
            threads: self.place.threads,
            showcase: Showcase::new(tables.collect()),
            measures: Default::default(),
            board: self.board.clone(),
            definitions,
        }
    }

    fn plan(&self, worker: usize) -> anyhow::Result<Plan> {
        let job = self.job;
        let mut nodes = Vec::new();
        for step in &job.steps {
            let context = self.context(&step.name, worker);
            let (work, enough) = (step.config.open(&context)?, step.config.enough(&context));
            nodes.push(Node { name: step.name.clone(), work, enough, inputs: step.inputs.clone() });
        }
        let ears = job.views.iter().map(|view| self.ear(view)).collect::<Result<_, _>>()?;
        let (taps, truth) = (taps(job, self.runtime)?, job.truth(self.runtime)?);
        let wishes = Wishes { taps, ears, job: job.name.clone(), limits: job.limits.picture(), truth };
        Ok(Plan::new(nodes, wishes, Arc::clone(self.metrics)))
    }

    fn ear(&self, view: &ViewPart) -> Result<Ear, Mistake> {
        let context = self.context(&view.name, 0);
        let truth = view.config.truth().map(|text| Reading::read(text, &context)).transpose()?;
        Ok(Ear { inputs: view.inputs.clone(), teller: Teller::new(view.config.as_ref(), truth) })
    }

    fn sink(&self, part: &SinkPart, worker: usize) -> anyhow::Result<Box<dyn Sink>> {
        let context = self.context(&part.name, worker);
        let overflow = part.overflow.map(|other| &self.job.sinks[other]);
        if part.takes_rows() {
            return Ok(Box::new(Latest(part.config.open(&context)?)));
        }
        Ok(Box::new(Fit {
            sink: part.config.open(&context)?,
            // An instance of its own, which says what it waits for in the name of this one.
            overflow: overflow.map(|other| other.config.open_overflow(&context)).transpose()?,
            limits: self.job.limits.picture(),
        }))
    }
}

/// What the sinks want of the pictures, and whoever handed them in.
fn taps(job: &Job, runtime: &Handle) -> anyhow::Result<Vec<Tap>> {
    let mut taps = Vec::new();
    for (sink, part) in job.sinks.iter().enumerate() {
        let sayings = sayings(job, part, runtime)?;
        let tap = |write: &Write| Tap { sink, inputs: part.inputs.clone(), write: *write, sayings: sayings.clone() };
        taps.extend(part.write.iter().map(tap));
    }
    let (ends, terms) = (ends(job), job.terms().unwrap_or_default());
    let home = |write| Tap { sink: HOME, inputs: ends.clone(), write, sayings: Default::default() };
    taps.extend(terms.results.into_iter().map(home));
    Ok(taps)
}

/// The expressions in the names of a sink: its own, and those of the one that takes what is too large for it.
fn sayings(job: &Job, part: &SinkPart, runtime: &Handle) -> anyhow::Result<Sayings> {
    let context = job.context(&part.name, 0, runtime);
    let mut names = part.config.names(&context)?;
    if let Some(other) = part.overflow {
        names.extend(job.sinks[other].config.names(&context)?);
    }
    Ok(Sayings::of(names.iter().map(|name| &name.template)))
}

/// Where pictures come to their end: what sinks (or views, where no sink takes pictures) take from and no step does; where
/// there is none such, all that they take from.
fn ends(job: &Job) -> Vec<Input> {
    let goes_on = |input: &Input| job.steps.iter().any(|step| step.inputs.contains(input));
    let mut all: Vec<Input> = Vec::new();
    let sinks: Vec<_> = job.sinks.iter().filter(|sink| !sink.takes_rows()).flat_map(|sink| &sink.inputs).collect();
    let views = job.views.iter().filter(|_| sinks.is_empty()).flat_map(|view| &view.inputs);
    for input in sinks.iter().copied().chain(views) {
        if !all.contains(input) {
            all.push(*input);
        }
    }
    let ends: Vec<_> = all.iter().copied().filter(|input| !goes_on(input)).collect();
    if ends.is_empty() { all } else { ends }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Catches a task whose result is the picture as it came, where steps make another one of it.
    #[test]
    fn a_task_gets_back_what_stands_at_the_end() {
        let text = |from: &str| {
            format!(
                "name = 'a'\n[source.tasks]\nkind = 'http'\n[step.one]\nkind = 'grey'\n[step.two]\nkind = 'grey'\n\
                 [sink.raw]\nkind = 'files'\npath = 'raw/{{id}}'\nfrom = 'tasks'\n\
                 [sink.out]\nkind = 'files'\npath = 'out/{{id}}'\nfrom = '{from}'\n"
            )
        };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let home = |from: &str| {
            let job = Job::parse(&text(from), Path::new("a.toml")).expect("a sound job");
            taps(&job, runtime.handle())
                .expect("sound names")
                .into_iter()
                .filter(|tap| tap.sink == HOME)
                .map(|tap| tap.inputs)
                .collect::<Vec<_>>()
        };
        assert_eq!(home("two"), [vec![Input::Step(1)]]);
        assert_eq!(home("one"), [vec![Input::Source(0), Input::Step(0)]], "all that sinks take from");
    }
    /// Catches a picture that is too large for its sink, and whose name in the other one nobody has evaluated.
    #[test]
    fn the_names_of_an_overflow_are_known_with_those_of_its_sink() {
        let text = "name = 'a'\n[source.in]\nkind = 'synthetic'\n\
                    [sink.out]\nkind = 'files'\npath = 'out/{values.a}/{id}'\noverflow = 'large'\n\
                    [sink.large]\nkind = 'files'\npath = 'large/{values.b}/{values.a}/{id}'\nwrite = []\n";
        let job = Job::parse(text, Path::new("a.toml")).expect("a sound job");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let taps = taps(&job, runtime.handle()).expect("sound names");
        let mut picture = crate::picture::tests::picture(Default::default());
        picture.values = [("a", "1"), ("b", "2")].map(|(name, value)| (name.into(), value.into())).into();
        let said = taps[0].sayings.say(&mut picture, &Default::default()).expect("it has both");
        assert_eq!((taps.len(), said.of("values.a"), said.of("values.b")), (1, "1", "2"));
    }
}
