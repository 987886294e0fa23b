//! Columns that stand under their heads.

use crate::api::JobStatus;
use crate::client::people::{ago, milliseconds};
use operators::UnixMillis;

/// The heads of the table of jobs; all but the first three are numbers.
pub const JOBS: [&str; 8] = ["name", "state", "since", "frames/s", "p95", "in flight", "dead", "generation"];

/// How many columns of it stand on the left.
pub const TEXTS: usize = 2;

/// A row of the table of jobs.
pub fn job(job: &JobStatus, now: UnixMillis) -> [String; JOBS.len()] {
    let generation = if job.generation == 0 { "-".to_owned() } else { job.generation.to_string() };
    let p95 = if job.results == 0 { "-".to_owned() } else { milliseconds(job.p95_ms) };
    [
        job.name.clone(),
        job.state.clone(),
        ago(&job.since, now),
        format!("{:.1}", job.rate),
        p95,
        job.in_flight.to_string(),
        job.dead.to_string(),
        generation,
    ]
}

/// The jobs as a table, and below it what is to be known of single ones.
pub fn jobs(jobs: &[JobStatus], now: UnixMillis) -> String {
    if jobs.is_empty() {
        return "no job is there: submit one with `vigie submit FILE`\n".to_owned();
    }
    let mut rows = vec![JOBS.map(str::to_owned)];
    rows.extend(jobs.iter().map(|status| job(status, now)));
    let mut text = aligned(&rows, TEXTS);
    for job in jobs {
        notices(job).for_each(|notice| text += &format!("\n{}: {notice}", job.name));
    }
    text.trim_end().to_owned() + "\n"
}

/// What a job waits for, and why it is how it is where it should be otherwise.
pub fn notices(job: &JobStatus) -> impl Iterator<Item = &str> {
    let reason = (job.state != "running" && !job.reason.is_empty()).then_some(job.reason.as_str());
    reason.into_iter().chain(job.waiting.iter().map(String::as_str))
}

/// Rows of cells with two spaces between them: the first `texts` columns on the left, the others on the right.
fn aligned<const N: usize>(rows: &[[String; N]], texts: usize) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column < texts {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches columns that stand crooked, a job that failed without a word, and an empty table.
    #[test]
    fn the_table_is_aligned_and_says_why() {
        let status =
            |name: &str, state: &str| JobStatus { name: name.into(), state: state.into(), ..JobStatus::default() };
        let room = JobStatus {
            since: "2026-11-21T08:30:00Z".into(),
            generation: 7,
            results: 5,
            rate: 29.94,
            p95_ms: 1540.0,
            in_flight: 12,
            waiting: vec!["waiting for kafka (results): refused".into()],
            reason: "submitted".into(),
            ..status("room", "running")
        };
        let failed = JobStatus { reason: "no model".into(), ..status("a-long-häll", "failed") };
        let now = crate::clock::parse("2026-11-21T08:33:05Z").expect("a moment");
        let expected = "\
name         state    since  frames/s    p95  in flight  dead  generation
room         running  3 min      29.9  1.5 s         12     0           7
a-long-häll  failed       -       0.0      -          0     0           -

room: waiting for kafka (results): refused
a-long-häll: no model
";
        assert_eq!(jobs(&[room, failed], now), expected);
        assert!(jobs(&[], now).contains("vigie submit FILE"));
    }
}
