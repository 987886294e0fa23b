//! `vigie count`: the table of a view, counted again from the reports that the job has written.
//!
//! ```text
//!  a sink's store, or files ── Report ── Seed ── Teller ── Fact ── Engine ── Sheet
//!                                        └ from here on as in the job itself ┘
//! ```
//!
//! # Layout
//!
//! * [`place`]: where the reports are.
//! * [`tally`]: the table of what they say.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use operators::UnixMillis;
use tokio::runtime::{Handle, Runtime};

use crate::cluster::EXIT_MISTAKE;
use crate::job::{Job, ViewPart, words};
use crate::mistake::Mistake;
use crate::views::sheet::Sheet;
use crate::views::text;

pub mod place;
pub mod tally;

pub use place::Place;
pub use tally::Tally;

/// `vigie count`.
#[derive(Debug, Args)]
pub struct Count {
    /// The job file.
    pub job: PathBuf,
    /// The name of one of its views.
    pub view: String,
    /// Where the reports are.
    #[command(flatten)]
    pub place: Place,
    /// As the API says it.
    #[arg(long)]
    pub json: bool,
    /// As CSV.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

impl Count {
    /// Counts, and prints the table.
    pub fn run(&self) -> ExitCode {
        let job = match Job::load(&self.job) {
            Ok(job) => job,
            Err(mistakes) => {
                eprint!("{mistakes}");
                return ExitCode::from(EXIT_MISTAKE as u8);
            }
        };
        match self.show(&job) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(if error.is::<Mistake>() { EXIT_MISTAKE as u8 } else { 1 })
            }
        }
    }

    fn show(&self, job: &Job) -> anyhow::Result<()> {
        let runtime = threads()?;
        let (sheet, tally) = count(job, &self.view, &self.place, None, runtime.handle())?;
        match self {
            Self { json: true, .. } => println!("{}", serde_json::to_string(&sheet)?),
            Self { csv: true, .. } => print!("{}", sheet.to_csv()),
            _ => print!("{}", text::table(&sheet)),
        }
        eprintln!("{}: {tally}", self.view);
        Ok(())
    }
}

/// Threads for the clients of stores.
///
/// # Errors
/// The machine gives none.
pub fn threads() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// The table of a job's view as it is at `now`, or as it was when the last of the reports was made.
///
/// # Errors
/// There is no such view, reports do not tell what it is about, or they can't be read.
pub fn count(
    job: &Job,
    view: &str,
    place: &Place,
    now: Option<UnixMillis>,
    runtime: &Handle,
) -> anyhow::Result<(Sheet, Tally)> {
    let view = find(job, view)?;
    tally::tally(view, &job.name, place.open(job, view, runtime)?, now)
}

/// A view of a job.
fn find<'j>(job: &'j Job, name: &str) -> Result<&'j ViewPart, Mistake> {
    let known: Vec<_> = job.views.iter().map(|view| view.name.as_str()).collect();
    let unknown = || match known.is_empty() {
        true => Mistake::new(format!("{} has no views: give it one with a table `[view.{name}]`", job.path.display())),
        false => Mistake::new(words::unknown("view", name, &known)),
    };
    job.views.iter().find(|view| view.name == name).ok_or_else(unknown)
}

#[cfg(test)]
mod tests;
