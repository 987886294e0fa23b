//! `vigie try JOB PICTURE`: a job's steps over pictures from files, with every step looked at.
//!
//! # Layout
//!
//! * [`scenes`]: what happened, one scene a record and step; [`delivery`]: what the sinks would do.
//! * [`mock`]: a file that stands for what is outside: cameras, services, sinks.
//! * [`page`]: the scenes as one HTML page; [`text`]: as lines for a terminal.
//! * [`terminal`]: pictures in a terminal that can show them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use operators::{Frame, Number, Origin};
use tokio::runtime::Handle;

use crate::check;
use crate::job::Job;
use crate::mistake::{Mistake, Mistakes};
use crate::opening;
use crate::plan::{Outcome, Plan};

pub mod delivery;
pub mod mock;
pub mod page;
pub mod scenes;
pub mod terminal;
pub mod text;

use delivery::{Ending, Stage};
use mock::Mock;
use scenes::{Scene, Scenes};

/// What the camera of a picture is called, where nobody says.
const CAMERA: &str = "try";

/// `vigie try`.
#[derive(Debug, Args)]
pub struct Try {
    /// The job file.
    pub job: PathBuf,
    /// Pictures, which come in this order, as one camera.
    #[arg(required = true)]
    pub pictures: Vec<PathBuf>,
    /// The source that they come from, where the job has several.
    #[arg(long, value_name = "SOURCE")]
    pub port: Option<String>,
    /// What their camera is called; `try` where neither this nor a mock says.
    #[arg(long, value_name = "NAME")]
    pub camera: Option<String>,
    /// A file that says what comes with the pictures, what services answer, and what sinks refuse (docs/try.md). Without
    /// it, steps of kind `http` ask their services.
    #[arg(long, value_name = "FILE")]
    pub mock: Option<PathBuf>,
    /// The folder for the pictures and the page. The pictures of another try that lie there are removed.
    #[arg(long, default_value = "try", value_name = "FOLDER")]
    pub to: PathBuf,
    /// Show the pictures in this terminal too: kitty, Ghostty, iTerm2, WezTerm and others can.
    #[arg(long)]
    pub show: bool,
}

/// What became of one picture.
pub struct Rehearsed {
    /// What its frame is called: its file, unless a mock says otherwise.
    pub name: String,
    /// What happened, in the order of the steps.
    pub scenes: Vec<Scene>,
    /// What its sinks would be given.
    pub outcome: Outcome,
    /// … and what they would do with it.
    pub ending: Ending,
}

impl Try {
    /// Does it, and prints what there is to see.
    pub fn run(&self) -> ExitCode {
        // Steps that ask services need threads; the sources and sinks are not opened.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("this machine can start a thread");
        let (job, mock) = match self.load(runtime.handle()) {
            Ok(loaded) => loaded,
            Err(mistakes) => {
                eprint!("{mistakes}");
                return ExitCode::from(check::MISTAKE);
            }
        };
        match self.rehearse(&job, runtime.handle(), &mock).and_then(|all| self.show(&job, &all)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(if error.is::<Mistake>() { check::MISTAKE } else { 1 })
            }
        }
    }

    fn load(&self, runtime: &Handle) -> Result<(Job, Mock), Mistakes> {
        let mut job = Job::load(&self.job)?;
        let mock = self.mock.as_ref().map(|path| Mock::load(path, &job)).transpose()?.unwrap_or_default();
        job.services.rehearsal = Some(mock.rehearsal());
        job.check(runtime)?;
        Ok((job, mock))
    }

    fn rehearse(&self, job: &Job, runtime: &Handle, mock: &Mock) -> anyhow::Result<Vec<Rehearsed>> {
        let source = self.source(job)?;
        let mut frames = Vec::new();
        for (place, path) in self.pictures.iter().enumerate() {
            let bytes = fs::read(path).with_context(|| format!("can't read the picture {}", path.display()))?;
            let mut frame = frame(source, CAMERA, place, &name_of(path), bytes.into());
            mock.arrive(job, &job.sources[source].name, place, &mut frame);
            if let Some(camera) = &self.camera {
                frame.camera = camera.as_str().into();
            }
            frames.push(frame);
        }
        rehearse(job, runtime, mock, frames)
    }

    fn source(&self, job: &Job) -> anyhow::Result<usize> {
        let Some(port) = &self.port else { return Ok(0) };
        let found = job.sources.iter().position(|source| source.name == *port);
        found.ok_or_else(|| {
            let names: Vec<_> = job.sources.iter().map(|source| source.name.as_str()).collect();
            Mistake::new(format!("the job has no source `{port}`. Known here: {}", names.join(", "))).into()
        })
    }

    fn show(&self, job: &Job, all: &[Rehearsed]) -> anyhow::Result<()> {
        let place = || format!("can't write to {}", self.to.display());
        fs::create_dir_all(&self.to).and_then(|()| clear(&self.to)).with_context(place)?;
        for (name, image) in all.iter().flat_map(scenes::files) {
            fs::write(self.to.join(name), image).with_context(place)?;
        }
        fs::write(self.to.join(page::NAME), page::written(job, all)).with_context(place)?;
        print!("{}", text::written(all));
        if self.show {
            terminal::show(all)?;
        }
        println!("\nThe picture after each step: {}", self.to.join(page::NAME).display());
        Ok(())
    }
}

/// Removes what another try has left in a folder, and nothing else: where its page lies, the files that are named as
/// [`scenes::file`] names them.
fn clear(folder: &Path) -> io::Result<()> {
    if !fs::read_to_string(folder.join(page::NAME)).is_ok_and(|text| text.contains(page::MARK)) {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name().to_str().is_some_and(scenes::is_file) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Its name without what follows the last dot.
fn name_of(path: &Path) -> String {
    path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Runs frames through the steps of a job that was checked, one after the other; `mock` says which sinks do not take all.
///
/// # Errors
/// Why a step can't be opened.
pub fn rehearse(job: &Job, runtime: &Handle, mock: &Mock, frames: Vec<Frame>) -> anyhow::Result<Vec<Rehearsed>> {
    let seen = Arc::new(Mutex::new(Scenes::of(job, mock)));
    let shared = seen.clone();
    let watch = Box::new(move |event: crate::plan::Event<'_>| shared.lock().expect("nobody panics there").see(event));
    let mut plan = opening::plan(job, runtime)?.watched(watch);
    let stage = Stage { job, runtime, mock };
    let one = |frame: Frame| {
        let name = frame.id.to_string();
        let outcome = outcome(&mut plan, frame);
        let ending = stage.end(&outcome);
        Rehearsed { name, scenes: seen.lock().expect("nobody panics there").take(), outcome, ending }
    };
    Ok(frames.into_iter().map(one).collect())
}

/// A picture as it comes from the source of that index, as the frame of that number.
pub fn frame(source: usize, camera: &str, number: usize, name: &str, bytes: Bytes) -> Frame {
    Frame {
        origin: Origin { worker: 0, source },
        ..Frame::new(camera.into(), Number(number as u64), name.into(), bytes)
    }
}

fn outcome(plan: &mut Plan, frame: Frame) -> Outcome {
    plan.run(vec![frame]).pop().expect("every frame has an end")
}
