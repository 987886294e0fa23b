//! What is wrong with a request, as RFC 9457 says it: `application/problem+json`.

use std::fmt;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not done. Its `detail` is what a person reads: what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The HTTP status, once more.
    pub status: u16,
    /// The sort of problem, the same words each time.
    pub title: String,
    /// What is wrong this time, and what to do.
    pub detail: String,
    /// After how many seconds it may be done, where that is known; the header `Retry-After` says it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, title: &str, detail: impl fmt::Display) -> Self {
        Self { status: status.as_u16(), title: title.to_owned(), detail: detail.to_string(), retry_after: None }
    }

    /// 400: what was sent can't be read, or is no sound job; `detail` holds the mistakes of the job file.
    pub fn wrong(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "This can't be read", detail.to_string().trim_end())
    }

    /// 401: nobody knows who asks.
    pub fn unknown_caller(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "No token", detail)
    }

    /// 403: who asks may not.
    pub fn forbidden(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Not allowed", detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found", detail)
    }

    /// 405: it is there, and can't be asked for in this way.
    pub fn not_that_way(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Not in this way", detail)
    }

    /// 409: it does not go with how things are.
    pub fn conflict(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, "Does not fit", detail)
    }

    /// 409: that job takes no tasks.
    pub fn takes_no_tasks(job: &str) -> Self {
        Self::conflict(format!("job {job} takes no tasks: give it a source with `kind = \"http\"`"))
    }

    /// 410: it was there, and will not be again.
    pub fn gone(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::GONE, "Gone", detail)
    }

    /// 413: what was sent is too large.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("this is larger than {limit} bytes, the most that is taken: send less");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Too large", detail)
    }

    /// 415: it is sent as something else than JSON.
    pub fn not_json() -> Self {
        let detail = "what is sent is JSON: say so with `Content-Type: application/json`";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not JSON", detail)
    }

    /// 415: it is something that nothing here takes.
    pub fn unsupported(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not taken", detail)
    }

    /// 422: it can be read, and is not what the job takes.
    pub fn unfit(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Not what the job takes", detail)
    }

    /// 429: there is no room for it now.
    pub fn too_many(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many", detail)
    }

    /// The same, which may be done after so many seconds.
    pub fn after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// 500: a mistake in the program.
    pub fn bug(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "A mistake in Vigie", detail)
    }

    /// 503: nobody can do it now; asking again may help.
    pub fn unavailable(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Not now", detail)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = serde_json::to_string(&self).expect("texts and a number are JSON");
        let mut response = (status, [(CONTENT_TYPE, PROBLEM_JSON)], text).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
