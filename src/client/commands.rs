//! One function a command.

use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use operators::UnixMillis;

use super::failure::Failure;
use super::people::count;
use super::wire::Client;
use super::{line, table};
use crate::api::routes::{Verb, in_path};
use crate::api::{JobDetail, JobStatus, Submission};
use crate::check::describe;
use crate::clock;
use crate::cluster::EXIT_MISTAKE;
use crate::job::Job;

/// Where a command's output goes.
pub type Stdout<'a> = &'a mut dyn Write;

/// How often it is looked whether something has come to its end.
const LOOK: Duration = Duration::from_millis(200);

/// How long a cluster may take to end.
const ENDS: Duration = Duration::from_secs(60);

/// Nothing is sent.
const NOTHING: Option<&()> = None;

/// Says what a job will do, and has the cluster run it.
///
/// # Errors
/// The file's mistakes; or what the cluster says.
pub fn submit(client: &Client, file: &Path, out: Stdout<'_>) -> Result<(), Failure> {
    let (job, submission) = load(file)?;
    line(out, describe(&job))?;
    let status: JobStatus = client.ask(Verb::Post, "/jobs", Some(&submission))?;
    line(out, told(&status))
}

/// Says what a job will do, and has the cluster run it in place of what it ran under that name.
///
/// # Errors
/// The file's mistakes; or what the cluster says.
pub fn update(client: &Client, name: &str, file: &Path, out: Stdout<'_>) -> Result<(), Failure> {
    let (job, submission) = load(file)?;
    line(out, describe(&job))?;
    let status: JobStatus = client.ask(Verb::Put, &path(name, ""), Some(&submission))?;
    line(out, told(&status))
}

/// A job file, read here, so that its mistakes are told before anybody is asked.
fn load(file: &Path) -> Result<(Job, Submission), Failure> {
    let job = Job::load(file)?;
    let wrong = |what: String| Failure { said: format!("error: {what}"), code: EXIT_MISTAKE as u8 };
    let whole =
        std::path::absolute(file).map_err(|error| wrong(format!("{} can't be found: {error}", file.display())))?;
    let text = |path: Option<&Path>| path.and_then(Path::to_str).map(str::to_owned);
    let (folder, name) = (text(whole.parent()), text(whole.file_name().map(Path::new)));
    let (Some(folder), Some(file)) = (folder, name) else {
        let shown = whole.display();
        return Err(wrong(format!("the path {shown} holds characters that are not UTF-8: give the file another one")));
    };
    let submission = Submission { text: job.text.clone(), folder, file };
    Ok((job, submission))
}

/// `room: running on 3 processes, 6 workers`.
fn told(status: &JobStatus) -> String {
    let JobStatus { name, state, processes, workers, .. } = status;
    match *processes {
        0 => format!("{name}: {state}"),
        _ => {
            let processes = count(*processes, "process", "processes");
            format!("{name}: {state} on {processes}, {}", count(*workers, "worker", "workers"))
        }
    }
}

/// Shows all jobs.
///
/// # Errors
/// What the cluster says.
pub fn jobs(client: &Client, json: bool, out: Stdout<'_>) -> Result<(), Failure> {
    match json {
        true => line(out, client.text("/jobs")?.trim_end()),
        false => line(out, table::jobs(&client.get::<Vec<_>>("/jobs")?, UnixMillis::now()).trim_end()),
    }
}

/// The file of a job, as it was submitted.
///
/// # Errors
/// What the cluster says.
pub fn text(client: &Client, name: &str) -> Result<String, Failure> {
    Ok(client.get::<JobDetail>(&path(name, ""))?.text)
}

/// Shows a job.
///
/// # Errors
/// What the cluster says.
pub fn show(client: &Client, name: &str, json: bool, out: Stdout<'_>) -> Result<(), Failure> {
    if json {
        return line(out, client.text(&path(name, ""))?.trim_end());
    }
    let JobDetail { status, text, graph, history } = client.get(&path(name, ""))?;
    line(out, table::jobs(std::slice::from_ref(&status), UnixMillis::now()))?;
    line(out, graph)?;
    for moment in history {
        let at = clock::parse(&moment.at).map_or(moment.at, clock::second);
        let generation =
            if moment.generation == 0 { String::new() } else { format!(" (generation {})", moment.generation) };
        line(out, format_args!("  {at}  {:<8}  {}{generation}", moment.state, moment.reason))?;
    }
    line(out, format_args!("\n{}", text.trim_end()))
}

/// Lets a job end, or all of them, and waits for it.
///
/// # Errors
/// What the cluster says.
pub fn drain(client: &Client, name: Option<&str>, wait: bool, out: Stdout<'_>) -> Result<(), Failure> {
    match name {
        Some(name) => client.order(Verb::Post, &path(name, "/drain"))?,
        None => client.order(Verb::Post, "/drain")?,
    }
    let mut told = Vec::new();
    loop {
        let jobs: Vec<JobStatus> = client.get("/jobs")?;
        let meant = |job: &&JobStatus| name.is_none_or(|name| job.name == name);
        let (under_way, over): (Vec<_>, Vec<_>) = jobs.iter().filter(meant).partition(|job| job.state == "draining");
        for job in over {
            if !told.contains(&job.name) {
                told.push(job.name.clone());
                line(out, format_args!("{}: {}", job.name, job.state))?;
            }
        }
        if under_way.is_empty() || !wait {
            return under_way.iter().try_for_each(|job| line(out, format_args!("{}: draining", job.name)));
        }
        thread::sleep(LOOK);
    }
}

/// Stops a job at once and has it forgotten.
///
/// # Errors
/// What the cluster says.
pub fn cancel(client: &Client, name: &str, out: Stdout<'_>) -> Result<(), Failure> {
    client.order(Verb::Delete, &path(name, ""))?;
    line(out, format_args!("{name}: cancelled"))
}

/// Pauses, resumes or restarts a job.
///
/// # Errors
/// What the cluster says.
pub fn turn(client: &Client, name: &str, what: &str, out: Stdout<'_>) -> Result<(), Failure> {
    let status: JobStatus = client.ask(Verb::Post, &path(name, &format!("/{what}")), NOTHING)?;
    line(out, told(&status))
}

/// Shows what the cluster counts.
///
/// # Errors
/// What the cluster says.
pub fn metrics(client: &Client, json: bool, out: Stdout<'_>) -> Result<(), Failure> {
    let text = client.text(if json { "/metrics?format=json" } else { "/metrics" })?;
    line(out, text.trim_end())
}

/// Ends the cluster, and waits until it has.
///
/// # Errors
/// What the cluster says, or that it has not ended.
pub fn stop(client: &Client, out: Stdout<'_>) -> Result<(), Failure> {
    match client.order(Verb::Post, "/stop") {
        // Who ends may break off in the middle of its answer.
        Err(failure) if failure.code != Failure::BROKEN => return Err(failure),
        _ => {}
    }
    let until = Instant::now() + ENDS;
    while let Ok(place) = client.place() {
        if Instant::now() > until {
            return Err(Failure::other(format!("the process at {place} has not ended in {} s", ENDS.as_secs())));
        }
        thread::sleep(LOOK);
    }
    line(out, "stopped")
}

fn path(name: &str, rest: &str) -> String {
    format!("/jobs/{}{rest}", in_path(name))
}
