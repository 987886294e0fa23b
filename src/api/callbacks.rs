//! Answers that services bring: the address is all that they have to show.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::answer::received;
use super::routes::Call;
use super::{Api, Problem};
use crate::outgoing::callbacks::{Missed, TooLarge};

/// How long an answer may take to be sent.
const SENDING: Duration = Duration::from_secs(60);

/// Takes an answer, and hands it to the step that waits for it.
pub(super) async fn take(api: &Api, call: &Call, headers: &HeaderMap, body: Body) -> Result<Response, Problem> {
    let claim = api.callbacks.claim(&call.id);
    let most = claim.as_ref().map_or(0, |claim| claim.most);
    // Who is still sending when the connection is closed reads no answer: what nobody waits for is read, too.
    let read = tokio::time::timeout(SENDING, received(headers, body, most, most)).await;
    let claim = claim.map_err(problem)?;
    let slow = |_| Problem::wrong(format!("this answer did not come within {} s: send it faster", SENDING.as_secs()));
    match read.map_err(slow)? {
        Ok(body) => claim.bring(Ok(body)).map_err(problem)?,
        Err(problem) => {
            if problem.status == StatusCode::PAYLOAD_TOO_LARGE {
                // Whoever waits is told, too; if nobody does any more, this caller hears the same.
                let _ = claim.bring(Err(TooLarge(most)));
            }
            return Err(problem);
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn problem(missed: Missed) -> Problem {
    match missed {
        Missed::Unknown => Problem::not_found(
            "nobody here has given that address to a service: call the process that did, at the address that came with the \
             picture",
        ),
        Missed::Gone => Problem::gone(
            "this address is no longer good: its answer has come already, or the step has stopped to wait for it (`timeout`)",
        ),
    }
}
