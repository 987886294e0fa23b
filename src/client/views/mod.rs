//! `vigie view`: the views of a job, and their tables.
//!
//! * [`feed`]: what becomes of one, as it is heard.
//! * [`watch`]: a table that is kept live; [`screen`]: on a terminal.
//! * [`verify`]: a table against what is stored.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;

use super::commands::Stdout;
use super::failure::Failure;
use super::flags::At;
use super::line;
use super::wire::Client;
use crate::api::routes::in_path;
use crate::count::Place;
use crate::mistake::Mistake;
use crate::views::sheet::{Sheet, ViewStatus};
use crate::views::text;

pub mod feed;
pub mod screen;
pub mod verify;
pub mod watch;

/// `vigie view`.
#[derive(Debug, Args)]
pub struct View {
    /// The job's name.
    pub job: String,
    /// The view's name; without it, the job's views are listed.
    pub view: Option<String>,
    /// Keep it live until q or ^C. Where the output is no terminal, each row that changes is a line.
    #[arg(short, long, requires = "view")]
    pub watch: bool,
    /// As the API says it; with `--watch`, one object a line.
    #[arg(long)]
    pub json: bool,
    /// As CSV.
    #[arg(long, requires = "view", conflicts_with_all = ["json", "watch"])]
    pub csv: bool,
    /// Hold it against the same table counted from what the job has stored, and say where they differ.
    #[arg(long, value_name = "JOBFILE", requires = "view", conflicts_with_all = ["json", "csv", "watch"])]
    pub verify: Option<PathBuf>,
    /// Where that is.
    #[command(flatten)]
    pub place: Place,
    /// Where the cluster is.
    #[command(flatten)]
    pub at: At,
}

/// Does what was typed.
///
/// # Errors
/// What the cluster says.
pub fn view(client: &Client, view: &View, out: Stdout<'_>) -> Result<(), Failure> {
    let views = format!("/jobs/{}/views", in_path(&view.job));
    let Some(name) = &view.view else {
        return list(client, &view.job, &views, view.json, out);
    };
    let path = format!("{views}/{}", in_path(name));
    if view.verify.is_none() && (view.place.sink.is_some() || view.place.from.is_some()) {
        return Err(Mistake::new("--sink and --from say what a table is held against: add --verify JOBFILE").into());
    }
    match view {
        View { verify: Some(_), .. } => verify::verify(client, &path, view, out),
        View { watch: true, json: true, .. } => watch::objects(client, &path, out),
        View { watch: true, .. } if std::io::stdout().is_terminal() => screen::show(client, &path),
        View { watch: true, .. } => watch::lines(client, &path, out),
        View { json: true, .. } => line(out, client.text(&path)?.trim_end()),
        View { csv: true, .. } => line(out, client.text(&format!("{path}?format=csv"))?.trim_end()),
        _ => line(out, text::table(&client.get::<Sheet>(&path)?).trim_end()),
    }
}

fn list(client: &Client, job: &str, path: &str, json: bool, out: Stdout<'_>) -> Result<(), Failure> {
    if json {
        return line(out, client.text(path)?.trim_end());
    }
    let views: Vec<ViewStatus> = client.get(path)?;
    match views.is_empty() {
        true => line(out, format_args!("job {job} has no views: a table `[view.NAME]` of its file makes one")),
        false => line(out, text::list(&views).trim_end()),
    }
}
