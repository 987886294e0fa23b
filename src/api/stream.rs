//! Events as they come: server-sent events, one JSON object each.

use std::convert::Infallible;

use axum::response::sse::{Event as Line, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::Problem;
use super::events::{Event, Events, KEPT, Level};
use super::routes::Call;

/// How many of the last events come first.
const FIRST: usize = 20;

/// The events that are meant, as a stream that ends where it is not to be followed.
pub(super) fn events(events: &Events, call: &Call) -> Result<Response, Problem> {
    let job = call.query.get("job").cloned();
    let follow = call.yes("follow", true)?;
    let most = call.number("last", FIRST)?.min(KEPT);
    let (last, live) = events.listen(job.as_deref(), most);
    let last = stream::iter(last);
    let lines = match follow {
        true => last.chain(coming(live, job)).left_stream(),
        false => last.right_stream(),
    };
    let lines = lines.map(|event| Ok::<_, Infallible>(line(&event)));
    Ok(Sse::new(lines).keep_alive(KeepAlive::default()).into_response())
}

fn line(event: &Event) -> Line {
    Line::default().data(serde_json::to_string(event).expect("an event is JSON"))
}

/// What comes, of that job.
fn coming(live: broadcast::Receiver<Event>, job: Option<String>) -> impl stream::Stream<Item = Event> {
    stream::unfold((live, job), |(mut live, job)| async move {
        loop {
            match live.recv().await {
                Ok(event) if event.is_of(job.as_deref()) => return Some((event, (live, job))),
                Ok(_) => {}
                Err(RecvError::Lagged(count)) => return Some((missed(count, job.clone()), (live, job))),
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

/// Stands for events that went by while the listener was slow.
fn missed(count: u64, job: Option<String>) -> Event {
    let heard = Events::new(0);
    heard.tell(Level::Warn, job.as_deref(), format!("{count} events went by faster than this line could show them"));
    heard.listen(None, 1).0.remove(0)
}
