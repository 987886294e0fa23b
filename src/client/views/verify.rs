//! A live table, held against the same one counted from what is stored.

use operators::UnixMillis;

use super::View;
use crate::client::Client;
use crate::client::commands::Stdout;
use crate::client::failure::Failure;
use crate::client::line;
use crate::cluster::EXIT_MISTAKE;
use crate::count::{self, Tally};
use crate::job::Job;
use crate::mistake::Mistake;
use crate::views::sheet::{ChangedRow, Heads, Plain, Sheet};
use crate::views::text;

/// Holds the table at `path` against the reports that the job has written.
///
/// # Errors
/// They are not the same: exit code 1; or what keeps them from being compared.
pub fn verify(client: &Client, path: &str, view: &View, out: Stdout<'_>) -> Result<(), Failure> {
    let (Some(file), Some(name)) = (&view.verify, &view.view) else { return Ok(()) };
    let job = Job::load(file)?;
    if job.name != view.job {
        let what = format!("{} is the file of the job {}, and not of {}", file.display(), job.name, view.job);
        return Err(Mistake::new(what).into());
    }
    let live: Sheet = client.get(path)?;
    let runtime = count::threads().map_err(Failure::other)?;
    let counted = count::count(&job, name, &view.place, Some(UnixMillis(live.epoch)), runtime.handle());
    let (stored, tally) = counted.map_err(unread)?;
    let differences = differences(&live, &stored);
    differences.iter().try_for_each(|text| line(out, text))?;
    let moved = client.get::<Sheet>(path)?.epoch != live.epoch;
    verdict(&live, differences.len(), tally, moved, out)
}

fn unread(error: anyhow::Error) -> Failure {
    match error.is::<Mistake>() {
        true => Failure { said: format!("error: {error:#}"), code: EXIT_MISTAKE as u8 },
        false => Failure::other(format!("{error:#}")),
    }
}

fn verdict(live: &Sheet, differ: usize, tally: Tally, moved: bool, out: Stdout<'_>) -> Result<(), Failure> {
    let (view, rows) = (&live.view, live.rows.len());
    if differ == 0 {
        return line(out, format_args!("{view}: {rows} rows, the same as {tally}"));
    }
    let why = match moved {
        true => "; the table went on meanwhile: drain the job, or pause it, to compare them at rest",
        false => "",
    };
    Err(Failure {
        said: format!("{view}: {differ} of its rows differ from what is {tally}{why}"),
        code: Failure::BROKEN,
    })
}

/// The rows that are not the same, one a line.
fn differences(live: &Sheet, stored: &Sheet) -> Vec<String> {
    let heads = &live.columns;
    let compared: Vec<_> = heads.row.iter().map(|column| is_of_the_frames(&live.kind, column)).collect();
    let (live, mut stored) = (live.by_key(), stored.by_key());
    let mut told = Vec::new();
    for (key, row) in live {
        match stored.remove(&key) {
            Some(other) => told.extend(differs(heads, &compared, &key, &row, &other)),
            None => told.push(format!("only in the live table: {}", shown(heads, key, row))),
        }
    }
    told.extend(stored.into_iter().map(|(key, row)| format!("only in the store: {}", shown(heads, key, row))));
    told
}

fn shown(heads: &Heads, key: Vec<Plain>, row: Vec<Plain>) -> String {
    text::change(heads, &ChangedRow { key, row: Some(row) })
}

/// The cells of a row that are not the same.
fn differs(heads: &Heads, compared: &[bool], key: &[Plain], live: &[Plain], stored: &[Plain]) -> Option<String> {
    let cells = heads.row.iter().zip(live).zip(stored).zip(compared);
    let differ = cells.filter(|(((_, live), stored), compared)| **compared && live != stored);
    let told: Vec<_> =
        differ.map(|(((name, live), stored), _)| format!("{name} {} ≠ {}", live.shown(), stored.shown())).collect();
    let key = heads.key.iter().zip(key).map(|(name, cell)| format!("{name}={}", cell.shown())).collect::<Vec<_>>();
    (!told.is_empty()).then(|| format!("{}: {} (live ≠ stored)", key.join(" "), told.join(", ")))
}

/// Whether a column says something of the frames alone. Others depend on the way that they came, or on when exactly it was
/// looked: a store has each frame once, and a report is made a moment after the view was told.
fn is_of_the_frames(kind: &str, column: &str) -> bool {
    match kind {
        "seen" => !["duplicates", "late", "named"].contains(&column),
        "latency" => column == "count",
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::text::tests::sheet;

    /// Catches a difference that is not told, and one where there is none.
    #[test]
    fn each_row_that_differs_is_told() {
        let live = sheet();
        assert!(differences(&live, &live.clone()).is_empty());
        let mut stored = live.clone();
        stored.rows[0].row[0] = Plain(29.into());
        stored.rows[1].key[1] = Plain("yard".into());
        let told = differences(&live, &stored);
        assert_eq!(
            told,
            [
                "window=2026-11-21T08:30:00.000Z camera=door: total 30 ≠ 29 (live ≠ stored)",
                "only in the live table: window=2026-11-21T08:31:00.000Z camera=入口: total=0 share=-",
                "only in the store: window=2026-11-21T08:31:00.000Z camera=yard: total=0 share=-",
            ]
        );
    }
}
