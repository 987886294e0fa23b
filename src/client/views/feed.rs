//! What becomes of a table: its stream, heard to the end and again from there.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::client::failure::Failure;
use crate::cluster::EXIT_MISTAKE;
use crate::views::sheet::{Changes, Sheet};

/// A pause before another process is asked.
const AGAIN: Duration = Duration::from_millis(500);

/// An event of the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// `table` or `changes`.
    pub event: String,
    /// Its JSON.
    pub data: String,
    /// What to say to hear what comes after it.
    mark: String,
}

/// What is heard of a table.
#[derive(Clone, Debug)]
pub enum Heard {
    /// All of it, in place of what was known before.
    Table(Sheet),
    /// What has changed.
    Changes(Changes),
    /// Nobody answers now, and why; it is tried again.
    Away(Failure),
}

impl Said {
    /// What it says; nothing, where a newer cluster says something that is not known here.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(&self) -> Result<Option<Heard>, Failure> {
        fn json<T: DeserializeOwned>(data: &str) -> Result<T, Failure> {
            let wrong = |error| Failure::other(format!("what the cluster tells can't be read: {error}"));
            serde_json::from_str(data).map_err(wrong)
        }
        match self.event.as_str() {
            "table" => json(&self.data).map(Heard::Table).map(Some),
            "changes" => json(&self.data).map(Heard::Changes).map(Some),
            _ => Ok(None),
        }
    }
}

/// Tells what is said of the table at `path`, by whichever process answers, until `tell` has heard enough.
///
/// # Errors
/// No process answers at the beginning; there is no such view; or what `tell` says.
pub fn follow(
    client: &Client,
    path: &str,
    mut tell: impl FnMut(Result<Said, Failure>) -> Result<ControlFlow<()>, Failure>,
) -> Result<(), Failure> {
    let path = format!("{path}/changes");
    let mut mark = None;
    loop {
        match client.stream(&path, mark.as_deref()) {
            Ok(lines) => {
                for said in events(lines) {
                    mark = Some(said.mark.clone());
                    if tell(Ok(said))?.is_break() {
                        return Ok(());
                    }
                }
            }
            // Who has never heard a word may have the wrong address.
            Err(failure) if mark.is_none() || failure.code == EXIT_MISTAKE as u8 => return Err(failure),
            Err(failure) => {
                if tell(Err(failure))?.is_break() {
                    return Ok(());
                }
            }
        }
        std::thread::sleep(AGAIN);
    }
}

/// The events in these lines, each when it is whole.
fn events(lines: impl Iterator<Item = String>) -> impl Iterator<Item = Said> {
    let mut said = Said::default();
    lines.filter_map(move |line| {
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => said.event = value.to_owned(),
            "data" => said.data += value,
            "id" => said.mark = value.to_owned(),
            _ if line.is_empty() && !said.data.is_empty() => return Some(std::mem::take(&mut said)),
            // A comment, which keeps the connection.
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches half an event, one that is told twice, and comments that are taken for something.
    #[test]
    fn events_come_whole() {
        let text = ":\n\nid: 7-a\nevent: table\ndata: {}\n\n: hush\n\nevent:changes\ndata:{\"a\":\ndata: 1}\nid: 8-a\n\ndata: {";
        let said: Vec<_> = events(text.lines().map(str::to_owned)).collect();
        let event =
            |event: &str, data: &str, mark: &str| Said { event: event.into(), data: data.into(), mark: mark.into() };
        assert_eq!(said, [event("table", "{}", "7-a"), event("changes", "{\"a\":1}", "8-a")]);
    }
}
