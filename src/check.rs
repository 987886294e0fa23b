//! What a job will do, and what a cluster file says, for people: `vigie check`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use tokio::runtime::Handle;

use crate::cluster;
use crate::job::{Batch, Job, SinkPart};
use crate::mistake::Mistakes;
use crate::plan::Input;
use crate::write::Write;

/// What the process ends with when a job file is wrong.
pub(crate) const MISTAKE: u8 = 2;

/// Says what is wrong with a job file, or what its job will do; of a cluster file, what it says.
pub fn check(path: &Path) -> ExitCode {
    // For the parts' contexts: nothing runs on it.
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without I/O needs nothing");
    match told(path, runtime.handle()) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(mistakes) => {
            eprint!("{mistakes}");
            ExitCode::from(MISTAKE)
        }
    }
}

/// What the job of that file will do: one line a part, in the order in which a frame meets them, and what is worth
/// knowing about it.
///
/// # Errors
/// All that is wrong with it.
pub fn told(path: &Path, runtime: &Handle) -> Result<String, Mistakes> {
    if cluster::told::is_one(path) {
        return cluster::told::told(path, std::env::var("VIGIE_TOKEN").ok());
    }
    let job = Job::load(path)?;
    job.check(runtime)?;
    let warnings: Vec<_> = job.warnings(runtime).iter().map(|warning| job.tell("warning", warning)).collect();
    Ok([describe(&job)].into_iter().chain(warnings).collect::<Vec<_>>().join("\n") + "\n")
}

/// What a job will do.
pub fn describe(job: &Job) -> String {
    format!("{}: {} is sound\n\n{}", job.name, job.path.display(), parts(job))
}

/// The parts of a job, one a line, in the order in which a frame meets them.
pub fn parts(job: &Job) -> String {
    let truth = job.truth_told().map(|truth| ["truth".to_owned(), String::new(), truth.to_owned(), String::new()]);
    let mut rows = Vec::from_iter(truth);
    for part in &job.sources {
        rows.push(["source".to_owned(), part.name.clone(), part.config.describe(), String::new()]);
    }
    rows.push(["batch".to_owned(), String::new(), batch(job), String::new()]);
    for part in &job.steps {
        rows.push(["step".to_owned(), part.name.clone(), part.config.describe(), from(job, &part.inputs)]);
    }
    for part in &job.views {
        rows.push(["view".to_owned(), part.name.clone(), part.config.describe(), from(job, &part.inputs)]);
    }
    for part in &job.sinks {
        rows.push(["sink".to_owned(), part.name.clone(), written(job, part), from(job, &part.inputs)]);
    }
    rows.push(["dead".to_owned(), String::new(), job.dead.config.describe(), String::new()]);

    let width = rows.iter().map(|row| row[1].chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for [role, name, what, from] in rows {
        writeln!(text, "  {role:<6}  {name:<width$}  {what}{from}").expect("a string takes all");
    }
    text
}

/// How frames are gathered.
pub(crate) fn batch(job: &Job) -> String {
    let Batch { size, timeout, partition } = &job.batch;
    let by = format!("{partition:?}").to_lowercase();
    format!("{size} frames, or what there is after {timeout}; shared out by {by}")
}

/// What a sink writes, and where.
pub(crate) fn written(job: &Job, sink: &SinkPart) -> String {
    let overflow = sink.overflow.map(|other| format!(", what is too large to {}", job.sinks[other].name));
    let what = if sink.takes_rows() { "rows".to_owned() } else { words(&sink.write) };
    format!("{what} to {}{}", sink.config.describe(), overflow.unwrap_or_default())
}

fn from(job: &Job, inputs: &[Input]) -> String {
    let names: Vec<_> = inputs.iter().map(|input| job.name_of(*input)).collect();
    format!("  (from {})", names.join(", "))
}

fn words(writes: &[Write]) -> String {
    match writes {
        [] => "nothing".to_owned(),
        writes => writes.iter().map(|write| write.as_str()).collect::<Vec<_>>().join(" and "),
    }
}
