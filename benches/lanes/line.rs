//! The steps of a job, one after the other, on this thread: what a bare loop has in place of an engine.

use std::path::Path;

use bytes::Bytes;
use operators::{Frame, Number};
use tokio::runtime::Handle;
use vigie::codec::Limits;
use vigie::job::Job;
use vigie::picture::Picture;
use vigie::steps::Step;
use vigie::write::Write;

/// What sinks are given of a frame: the picture, and the report.
pub const BODIES: [Write; 2] = [Write::Image, Write::Report];

/// Bytes, and their media type.
pub type Body = (Bytes, &'static str);

/// The steps of one thread.
pub struct Line {
    steps: Vec<Box<dyn Step>>,
}

/// The job of this text, as if it lay in `folder`: what is wrong with it is said.
///
/// # Errors
/// What is wrong with it.
pub fn job(text: &str, folder: &Path, runtime: &Handle) -> anyhow::Result<Job> {
    let job = Job::parse(text, &folder.join("job.toml")).map_err(|wrong| anyhow::anyhow!("{wrong}"))?;
    job.check(runtime).map_err(|wrong| anyhow::anyhow!("{wrong}"))?;
    Ok(job)
}

impl Line {
    /// Opens them.
    ///
    /// # Errors
    /// One of them can't be opened, or has more than one way out.
    pub fn open(job: &Job, worker: usize, runtime: &Handle) -> anyhow::Result<Self> {
        let context = job.context("bench", worker, runtime);
        let open = |step: &vigie::job::Part<_>| open(step, &context);
        Ok(Self { steps: job.steps.iter().map(open).collect::<anyhow::Result<_>>()? })
    }

    /// Takes a batch through them: each frame with its picture and its report.
    ///
    /// # Errors
    /// A frame is refused.
    pub fn work(&mut self, frames: Vec<Frame>) -> anyhow::Result<Vec<(Picture, [Body; 2])>> {
        let mut pictures: Vec<_> = frames.into_iter().map(Picture::new).collect();
        for step in &mut self.steps {
            let passed = step.run(pictures).into_iter().map(|picture| picture.map_err(|_| refused()));
            pictures = passed.collect::<anyhow::Result<_>>()?;
        }
        let limits = Limits::default();
        let finished = pictures.into_iter().map(|mut picture| {
            let mut body = |write: Write| write.body(&mut picture, "bench", &limits).map_err(|_| refused());
            let bodies = [body(BODIES[0])?, body(BODIES[1])?];
            Ok::<_, anyhow::Error>((picture, bodies))
        });
        finished.collect()
    }
}

fn open(
    step: &vigie::job::Part<dyn vigie::steps::StepConfig>,
    context: &vigie::context::Context,
) -> anyhow::Result<Box<dyn Step>> {
    let line = step.config.open(context)?.into_line();
    line.ok_or_else(|| anyhow::anyhow!("the step {} has more than one way out", step.name))
}

fn refused() -> anyhow::Error {
    anyhow::anyhow!("a frame is refused")
}

/// A frame of the bench.
pub fn frame(camera: &str, number: u64, id: &str, bytes: Bytes) -> Frame {
    Frame::new(camera.into(), Number(number), id.into(), bytes)
}
