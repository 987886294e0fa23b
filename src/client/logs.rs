//! `vigie logs`: what happened to a job, and what happens.

use std::time::Duration;

use super::commands::Stdout;
use super::failure::Failure;
use super::line;
use super::wire::Client;
use crate::api::events::KEPT;
use crate::api::routes::in_path;
use crate::api::{Event, Level};
use crate::clock;

/// How many of the last events are shown before those that come.
const FIRST: usize = 20;

/// A pause before another process is asked.
const AGAIN: Duration = Duration::from_millis(500);

/// Shows the last events of a job; then, if it is followed, those that come, by whichever process answers.
///
/// # Errors
/// No process answers, or it says why not.
pub fn logs(client: &Client, name: &str, follow: bool, json: bool, out: Stdout<'_>) -> Result<(), Failure> {
    let path = |last: usize| format!("/events?job={}&last={last}&follow={follow}", in_path(name));
    let mut last = if follow { FIRST } else { KEPT };
    loop {
        for said in client.lines(&path(last))? {
            if let Some(event) = said.strip_prefix("data:") {
                line(out, shown(event.trim_start(), json))?;
            }
        }
        if !follow {
            return Ok(());
        }
        // The connection is cut; what was shown is not shown again.
        last = 0;
        std::thread::sleep(AGAIN);
    }
}

/// An event in one line.
fn shown(event: &str, json: bool) -> String {
    let read = (!json).then(|| serde_json::from_str::<Event>(event).ok()).flatten();
    let Some(Event { at, process, level, text, .. }) = read else {
        return event.to_owned();
    };
    let at = clock::parse(&at).map_or(at, clock::second);
    let level = match level {
        Level::Info => "",
        Level::Warn => "warning: ",
        Level::Error => "error: ",
    };
    format!("{at}  process {process}  {level}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let event = r#"{"at":"2026-11-21T08:30:01.250Z","process":2,"job":"room","level":"warn","text":"degraded"}"#;
        assert_eq!(shown(event, false), "2026-11-21 08:30:01  process 2  warning: degraded");
        assert_eq!(shown(event, true), event);
        assert_eq!(shown("what a newer one says", false), "what a newer one says");
    }
}
