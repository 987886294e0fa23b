//! A table that is kept live where nothing can be drawn: lines for people, objects for programs.

use std::ops::ControlFlow;

use operators::UnixMillis;

use super::feed::{Heard, Said, follow};
use crate::client::Client;
use crate::client::commands::Stdout;
use crate::client::failure::Failure;
use crate::client::line;
use crate::clock;
use crate::views::sheet::{ChangedRow, Changes, Heads, Row, Sheet};
use crate::views::text;

/// Prints each row that changes as a line, those of the table that comes first among them.
///
/// # Errors
/// As [`follow`], or that the output can't be written.
pub fn lines(client: &Client, path: &str, out: Stdout<'_>) -> Result<(), Failure> {
    let mut lines = Lines::default();
    follow(client, path, |said| {
        let told = match said {
            Ok(said) => said.read()?.map(|heard| lines.of(heard)).unwrap_or_default(),
            Err(failure) => {
                // What is printed are rows, and nothing else.
                lines.of(Heard::Away(failure)).iter().for_each(|why| eprintln!("{why}"));
                Vec::new()
            }
        };
        told.iter().try_for_each(|text| line(out, text)).map(ControlFlow::Continue)
    })
}

/// Prints what is said as it comes, one object a line.
///
/// # Errors
/// As [`lines`].
pub fn objects(client: &Client, path: &str, out: Stdout<'_>) -> Result<(), Failure> {
    follow(client, path, |said| match said {
        Ok(Said { data, .. }) => line(out, data).map(ControlFlow::Continue),
        Err(_) => Ok(ControlFlow::Continue(())),
    })
}

/// What is heard as lines.
#[derive(Debug, Default)]
struct Lines {
    heads: Heads,
    /// Why nobody answers, as it was said last.
    away: Option<String>,
}

impl Lines {
    fn of(&mut self, heard: Heard) -> Vec<String> {
        match heard {
            Heard::Table(Sheet { epoch, columns, rows, .. }) => {
                (self.heads, self.away) = (columns, None);
                let there = |Row { key, row }| ChangedRow { key, row: Some(row) };
                self.told(Changes { epoch, changes: rows.into_iter().map(there).collect() })
            }
            Heard::Changes(changes) => {
                self.away = None;
                self.told(changes)
            }
            Heard::Away(failure) if self.away.as_ref() == Some(&failure.said) => Vec::new(),
            Heard::Away(failure) => vec![self.away.insert(failure.said).clone()],
        }
    }

    fn told(&self, Changes { epoch, changes }: Changes) -> Vec<String> {
        let at = clock::second(UnixMillis(epoch));
        changes.iter().map(|change| format!("{at}  {}", text::change(&self.heads, change))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::text::tests::sheet;

    /// Catches a row that is told without its columns, and a cluster that is away and says so twice a second.
    #[test]
    fn each_change_is_a_line() {
        let mut lines = Lines::default();
        let (sheet, away) =
            (Sheet { epoch: 1_795_249_801_250, ..sheet() }, Heard::Away(Failure::other("nobody is there")));
        let said = lines.of(Heard::Table(sheet.clone()));
        let first = "2026-11-21 08:30:01  window=2026-11-21T08:30:00.000Z camera=door: total=30 share=0.873";
        assert_eq!((said.len(), said[0].as_str()), (2, first));
        assert_eq!(lines.of(away.clone()), ["error: nobody is there"]);
        assert!(lines.of(away.clone()).is_empty(), "it was said");
        let gone = ChangedRow { key: sheet.rows[1].key.clone(), row: None };
        let said = lines.of(Heard::Changes(Changes { epoch: 1_795_249_802_000, changes: vec![gone] }));
        assert_eq!(said, ["2026-11-21 08:30:02  window=2026-11-21T08:31:00.000Z camera=入口: gone"]);
        assert_eq!(lines.of(away).len(), 1, "it is news again");
    }
}
