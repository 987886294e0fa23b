//! Where the reports of a job are.

use std::path::{Path, PathBuf};

use clap::Args;
use tokio::runtime::Handle;

use crate::job::{Job, SinkPart, ViewPart, words};
use crate::mistake::Mistake;
use crate::sinks::{Stored, files};
use crate::write::Write;

/// What says where the reports are; without it, it is the one sink that writes reports of what the view takes from.
#[derive(Clone, Debug, Default, Args)]
pub struct Place {
    /// The sink of the job that wrote the reports
    #[arg(long, value_name = "NAME")]
    pub sink: Option<String>,
    /// A folder of reports, which is looked through with all below it for `*.json`, or a pattern: `out/*/*.json`
    #[arg(long, value_name = "PLACE", conflicts_with = "sink")]
    pub from: Option<String>,
}

impl Place {
    /// What is stored there.
    ///
    /// # Errors
    /// A mistake, where there is no such place; or why it can't be read.
    pub fn open(&self, job: &Job, view: &ViewPart, runtime: &Handle) -> anyhow::Result<Stored> {
        if let Some(from) = &self.from {
            return Ok(Box::new(files::stored(paths(from)?)));
        }
        let sink = self.sink(job, view)?;
        sink.config.stored(&job.context(&sink.name, 0, runtime))
    }

    fn sink<'j>(&self, job: &'j Job, view: &ViewPart) -> Result<&'j SinkPart, Mistake> {
        let Some(name) = &self.sink else { return only(job, view) };
        let known: Vec<_> = job.sinks.iter().map(|sink| sink.name.as_str()).collect();
        let sink = job.sinks.iter().find(|sink| sink.name == *name);
        let sink = sink.ok_or_else(|| Mistake::new(words::unknown("sink", name, &known)))?;
        if !sink.write.contains(&Write::Report) {
            let what = format!("the sink `{name}` writes no reports, and these are what is counted: name another one");
            return Err(Mistake::new(what));
        }
        match sink.inputs == view.inputs {
            true => Ok(sink),
            false => Err(Mistake::new(format!(
                "the sink `{name}` takes from {}, and the view `{}` from {}: they do not tell of the same pictures",
                names(job, sink),
                view.name,
                names(job, view)
            ))),
        }
    }
}

/// The one sink that tells of the same pictures as the view.
fn only<'j>(job: &'j Job, view: &ViewPart) -> Result<&'j SinkPart, Mistake> {
    let fits = |sink: &&SinkPart| sink.write.contains(&Write::Report) && sink.inputs == view.inputs;
    let fit: Vec<_> = job.sinks.iter().filter(fits).collect();
    let from = names(job, view);
    match fit[..] {
        [sink] => Ok(sink),
        [] => Err(Mistake::new(format!("no sink writes reports of {from}: say with --from where such reports lie"))),
        _ => {
            let names: Vec<_> = fit.iter().map(|sink| sink.name.as_str()).collect();
            Err(Mistake::new(format!(
                "several sinks write reports of {from}: name one with --sink: {}",
                names.join(", ")
            )))
        }
    }
}

/// What a part takes from.
fn names<C: ?Sized>(job: &Job, part: &crate::job::Part<C>) -> String {
    part.inputs.iter().map(|input| format!("`{}`", job.name_of(*input))).collect::<Vec<_>>().join(", ")
}

/// The files of a place, in the order of their names.
fn paths(place: &str) -> Result<Vec<PathBuf>, Mistake> {
    let pattern = match Path::new(place).is_dir() {
        true => format!("{}/**/*.json", glob::Pattern::escape(place.trim_end_matches('/'))),
        false => place.to_owned(),
    };
    let wrong = |error| Mistake::new(format!("\"{place}\" is no pattern of files: {error}"));
    let found: Vec<_> =
        glob::glob(&pattern).map_err(wrong)?.filter_map(Result::ok).filter(|path| path.is_file()).collect();
    match found.is_empty() {
        true => {
            Err(Mistake::new(format!("there is no report at {place}: name a folder with `*.json` in it, or a pattern")))
        }
        false => Ok(found),
    }
}
