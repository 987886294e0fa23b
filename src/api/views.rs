//! Views over HTTP: a table as it is now, and what becomes of it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use axum::response::sse::{Event as Line, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};

use super::answer::json;
use super::routes::Call;
use super::{Api, Problem};
use crate::job::words;
use crate::views::sheet::{Changes, Sheet, ViewStatus};
use crate::views::{Mark, News, Showcase, Table};

/// The header with which somebody who was cut off says how far they had heard.
const LAST_EVENT_ID: &str = "last-event-id";

/// The media type of CSV, with its heads.
const CSV: &str = "text/csv; charset=utf-8; header=present";

/// The views of a job.
pub(super) fn list(api: &Api, call: &Call) -> Result<Response, Problem> {
    let tables = showcase(api, call)?.tables();
    json(&tables.iter().map(|table| ViewStatus::from(&**table)).collect::<Vec<_>>())
}

/// The table of a view as it is now.
pub(super) fn show(api: &Api, call: &Call) -> Result<Response, Problem> {
    let is_csv = match call.query.get("format").map(String::as_str) {
        None => wants_csv(&call.headers),
        Some("csv") => true,
        Some("json") => false,
        Some(other) => return Err(Problem::wrong(format!("`format` can't be \"{other}\": it takes json and csv"))),
    };
    let (_, table) = find(api, call)?;
    let sheet = Sheet::from(&*table);
    match is_csv {
        true => Ok(([(CONTENT_TYPE, CSV)], sheet.to_csv()).into_response()),
        false => json(&sheet),
    }
}

/// What becomes of a table, as a stream that ends where it is not to be followed.
pub(super) fn changes(api: &Api, call: &Call) -> Result<Response, Problem> {
    let follow = call.yes("follow", true)?;
    let (showcase, table) = find(api, call)?;
    // A mark that can't be read is one that nobody here knows.
    let mark = call.headers.get(LAST_EVENT_ID).and_then(|mark| mark.to_str().ok()?.parse::<Mark>().ok());
    let follower = showcase.follow_from(&call.view, mark).ok_or_else(|| unknown(call, &showcase))?;
    // It ends where the tables are replaced: whoever listens must not be what keeps them.
    drop(showcase);
    let news = stream::unfold(follower, move |mut follower| async move {
        let news = if follow { follower.next().await } else { follower.look() };
        let news = news?;
        Some(((news, follower.mark()), follower))
    });
    let lines = news.map(move |(news, mark)| Ok::<_, Infallible>(line(&news, mark, &table)));
    Ok(Sse::new(lines).keep_alive(KeepAlive::default()).into_response())
}

fn line(news: &News, mark: Option<Mark>, table: &Table) -> Line {
    let line = mark.map_or_else(Line::default, |mark| Line::default().id(mark.to_string()));
    let (event, data) = match news {
        News::Table(table) => ("table", serde_json::to_string(&Sheet::from(&**table))),
        News::Step(step) => ("changes", serde_json::to_string(&Changes::of(step, &table.columns))),
    };
    line.event(event).data(data.expect("numbers and texts are JSON"))
}

/// Whether CSV is asked for, and JSON is not.
fn wants_csv(headers: &HeaderMap) -> bool {
    let accepted: Vec<_> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let names = |text: &str| accepted.iter().any(|accepted| accepted.contains(text));
    names("text/csv") && !names("application/json")
}

fn find(api: &Api, call: &Call) -> Result<(Showcase, Arc<Table>), Problem> {
    let showcase = showcase(api, call)?;
    let table = showcase.table(&call.view).ok_or_else(|| unknown(call, &showcase))?;
    Ok((showcase, table))
}

fn showcase(api: &Api, call: &Call) -> Result<Showcase, Problem> {
    let away = || {
        let what = format!(
            "job {} was not at work at this process since it was started, so its views are not known here: ask again, or \
             ask another one",
            call.name
        );
        Problem::unavailable(what).after(1)
    };
    api.front.views(&call.name)?.ok_or_else(away)
}

fn unknown(call: &Call, showcase: &Showcase) -> Problem {
    let tables = showcase.tables();
    let known: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
    Problem::not_found(match known.is_empty() {
        true => format!("job {} has no views: give it one with a table `[view.{}]`", call.name, call.view),
        false => words::unknown("view", &call.view, &known),
    })
}
