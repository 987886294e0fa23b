//! One request, from its caller to its answer.

use std::collections::HashMap;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Serialize;

use super::control::{Command, Reply};
use super::routes::{Act, Call, Route, Takes};
use super::{Api, LARGEST_BODY, Problem, callbacks, caller, exposition, openapi, stream, tasks, views};
use crate::http::OPEN_METRICS;

/// `{name}` of the path, and what stands behind `?`.
type Pairs = HashMap<String, String>;

/// What is too large is read so much further all the same: who is still sending when the connection is closed reads no
/// answer.
const SWALLOWED: usize = 8 * LARGEST_BODY;

/// Answers a request that came by that route.
pub(super) async fn answer(
    route: &'static Route,
    State(api): State<Api>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    path: Result<Path<Pairs>, PathRejection>,
    query: Result<Query<Pairs>, QueryRejection>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let admitted = route.role.map_or(Ok(()), |role| caller::admit(&api.tokens, peer, &head.headers, role));
    let answered = async {
        admitted?;
        let Path(mut path) = path.map_err(|error| Problem::wrong(error.body_text()))?;
        let Query(query) = query.map_err(|error| Problem::wrong(error.body_text()))?;
        let mut named = |name| path.remove(name).unwrap_or_default();
        let (name, id, index, view) = (named("name"), named("id"), named("index"), named("view"));
        let call = Call { name, id, index, view, query, headers: head.headers.clone(), body: Bytes::new() };
        match route.takes {
            Takes::Nothing => act(route, &api, &call).await,
            Takes::Job => act(route, &api, &Call { body: taken(&head.headers, body).await?, ..call }).await,
            Takes::Picture => tasks::take(&api, &call, &head.headers, body).await,
            Takes::Answer => callbacks::take(&api, &call, &head.headers, body).await,
        }
    };
    answered.await.unwrap_or_else(Problem::into_response)
}

/// What was sent, if it is JSON and not too large.
async fn taken(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = value(CONTENT_TYPE).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Problem::not_json());
    }
    received(headers, body, LARGEST_BODY, LARGEST_BODY).await
}

/// What was sent, if it has `most` bytes or less; else it is said that `told` is the most.
pub(super) async fn received(headers: &HeaderMap, body: Body, most: usize, told: usize) -> Result<Bytes, Problem> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > most + SWALLOWED) {
        return Err(Problem::too_large(told));
    }
    let (mut taken, mut length) = (Vec::new(), 0);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Problem::wrong(format!("what was sent breaks off: {error}")))?;
        length += chunk.len();
        if length <= most {
            taken.extend_from_slice(&chunk);
        } else if length > most + SWALLOWED {
            break;
        }
    }
    if length > most { Err(Problem::too_large(told)) } else { Ok(taken.into()) }
}

async fn act(route: &Route, api: &Api, call: &Call) -> Result<Response, Problem> {
    match route.act {
        Act::Command(command) => api.control.ask(command(call)?).await.and_then(|reply| shown(&reply)),
        Act::Metrics => metrics(call, api.control.ask(Command::Metrics).await?),
        Act::Events => stream::events(&api.events, call),
        Act::Page => Ok(page((api.page)())),
        Act::Take | Act::Callback => Err(Problem::bug("what is sent is taken elsewhere")),
        Act::Task => tasks::show(api, call).await,
        Act::Views => views::list(api, call),
        Act::View => views::show(api, call),
        Act::Changes => views::changes(api, call),
        Act::Document => json(&openapi::document(&api.front.terms())),
        Act::Health => Ok("ok\n".into_response()),
    }
}

fn metrics(call: &Call, reply: Reply) -> Result<Response, Problem> {
    match (reply, call.query.get("format").map(String::as_str)) {
        (Reply::Text(text), Some("json")) => json(&exposition::samples(&text)),
        (Reply::Text(text), None | Some("text")) => Ok(page(text)),
        (_, Some(other)) => Err(Problem::wrong(format!("`format` can't be \"{other}\": it takes json and text"))),
        (reply, None) => shown(&reply),
    }
}

fn page(text: String) -> Response {
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}

/// A reply as it goes out.
fn shown(reply: &Reply) -> Result<Response, Problem> {
    match reply {
        Reply::Job(job) => json(job),
        Reply::Jobs(jobs) => json(jobs),
        Reply::Detail(detail) => json(detail),
        Reply::Cluster(cluster) => json(cluster),
        Reply::Text(text) => Ok(text.clone().into_response()),
        Reply::Done => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

pub(super) fn json(value: &impl Serialize) -> Result<Response, Problem> {
    let text = serde_json::to_string(value).map_err(|error| Problem::bug(format!("the answer is no JSON: {error}")))?;
    Ok(([(CONTENT_TYPE, "application/json")], text + "\n").into_response())
}
