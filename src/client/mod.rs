//! What is asked of a standing cluster from a terminal: the commands of `vigie` that talk to its HTTP.
//!
//! # Layout
//!
//! * [`flags`]: what is typed.
//! * [`places`]: where a process may be.
//! * [`trust`]: whom a command trusts over HTTPS, and what it shows.
//! * [`wire`]: a request, and its answer or its problem.
//! * [`failure`]: what is said, and the exit code.
//! * [`commands`], [`logs`], [`top`], [`views`]: one function a command.
//! * [`table`], [`people`]: columns, and numbers as people say them.

use std::io;
use std::process::ExitCode;

use crate::api::tokens::{ApiToken, Role};
use commands::Stdout;

pub mod commands;
pub mod failure;
pub mod flags;
pub mod logs;
pub mod people;
pub mod places;
pub mod table;
pub mod top;
pub mod trust;
pub mod views;
pub mod wire;

#[cfg(test)]
mod tests;

pub use failure::Failure;
pub use flags::Remote;
pub use wire::Client;

/// Does what was typed.
pub fn run(remote: &Remote) -> ExitCode {
    let done = Client::new(remote.at()).and_then(|client| ask(remote, &client, &mut io::stdout().lock()));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { said, code }) => {
            if !said.is_empty() {
                eprintln!("{}", said.trim_end());
            }
            ExitCode::from(code)
        }
    }
}

fn ask(remote: &Remote, client: &Client, out: Stdout<'_>) -> Result<(), Failure> {
    match remote {
        Remote::Submit { file, .. } => commands::submit(client, file, out),
        Remote::Update { name, file, .. } => commands::update(client, name, file, out),
        Remote::Jobs { json, .. } => commands::jobs(client, *json, out),
        Remote::Show { name, json, .. } => commands::show(client, name, *json, out),
        Remote::Top { .. } => top::top(client),
        Remote::Drain { name: Some(name), no_wait, .. } => commands::drain(client, Some(name), !no_wait, out),
        Remote::Drain { name: None, no_wait, .. } => commands::drain(client, None, !no_wait, out),
        Remote::Cancel(job) => commands::cancel(client, &job.name, out),
        Remote::Pause(job) => commands::turn(client, &job.name, "pause", out),
        Remote::Resume(job) => commands::turn(client, &job.name, "resume", out),
        Remote::Restart(job) => commands::turn(client, &job.name, "restart", out),
        Remote::Metrics { json, .. } => commands::metrics(client, *json, out),
        Remote::Logs { name, follow, json, .. } => logs::logs(client, name, *follow, *json, out),
        Remote::View(view) => views::view(client, view, out),
        Remote::Stop { .. } => commands::stop(client, out),
    }
}

/// The file of a job of the cluster, as it was submitted.
///
/// # Errors
/// What the cluster says, or that no process of it answers.
pub fn job_file(at: &flags::At, name: &str) -> Result<String, Failure> {
    commands::text(&Client::new(at)?, name)
}

/// Makes a token: says it on stderr, and prints its row, so that `vigie token >> cluster.toml` keeps the hash alone.
///
/// # Errors
/// The machine has no random numbers.
pub fn token(name: &str, role: Role) -> anyhow::Result<()> {
    let wrong = |error| anyhow::anyhow!("this machine gives no random numbers: {error}");
    let (token, row) = ApiToken::fresh(name, role).map_err(wrong)?;
    eprintln!("The token, shown this once; its callers set it as VIGIE_API_TOKEN:\n{token}");
    eprintln!("Its row, for cluster.toml on each process:");
    print!("{}", row.row());
    Ok(())
}

/// Writes a line; who reads it may have gone.
fn line(out: Stdout<'_>, text: impl std::fmt::Display) -> Result<(), Failure> {
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::of_output)
}
