//! The cluster over HTTP: `/api/v1/…`, `/metrics`, `/healthz`.
//!
//! ```text
//!  request ─ caller ─ routes ─ Control ─▶ whoever does it (the supervisor)
//!            may it?  a Command           a Reply │ Problem ─▶ JSON │ problem+json
//! ```
//!
//! # Layout
//!
//! * [`routes`]: the table of all that can be asked; the router and the OpenAPI file are made from it.
//! * [`answer`]: one request, from its caller to its answer.
//! * [`tasks`], [`handed`], [`multipart`]: pictures that are handed in.
//! * [`views`]: tables, and what becomes of them.
//! * `callbacks`: answers that services bring.
//! * [`caller`], [`tokens`]: who may do what.
//! * [`control`]: commands, and where their answers go.
//! * [`types`]: what goes in and out as JSON; [`problem`]: what went wrong.
//! * `secure`: HTTPS.
//! * [`events`], [`stream`]: what happened, and how it is listened to.
//! * [`exposition`]: Prometheus' text as JSON.
//! * [`openapi`]: what `docs/openapi.json` holds.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::routing::on;
use axum::serve::ListenerExt;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::mistake::Mistake;
use crate::outgoing::Callbacks;

pub mod answer;
mod callbacks;
pub mod caller;
pub mod control;
pub mod events;
pub mod exposition;
pub mod handed;
pub mod multipart;
pub mod openapi;
pub mod problem;
pub mod routes;
mod secure;
pub mod stream;
pub mod tasks;
pub mod tokens;
pub mod types;
mod views;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

pub use control::{Command, Control, Reply, Request, control};
pub use events::{Event, Events, Level};
pub use problem::Problem;
pub use tasks::{AnyFront, Elsewhere, Front, TaskAnswer, TaskQuestion};
pub use tokens::{ApiToken, Role, Tokens};
pub use types::{
    ClusterStatus, JobDetail, JobStatus, ModelRuns, Moment, ProcessStatus, Sample, Share, Stage, Submission,
};

/// The most bytes that are taken with a request.
pub const LARGEST_BODY: usize = 1 << 20;

/// What answers are made of.
#[derive(Clone)]
pub struct Api {
    /// Who does what is asked.
    pub control: Control,
    /// What happened at this process.
    pub events: Events,
    /// Who may do what.
    pub tokens: Tokens,
    /// Who takes tasks, and shows views.
    pub front: AnyFront,
    /// Who waits for what services bring.
    pub callbacks: Callbacks,
    /// What this process counts, in Prometheus' (OpenMetrics) text format.
    pub page: Arc<dyn Fn() -> String + Send + Sync>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("control", &self.control).finish_non_exhaustive()
    }
}

/// Every route of [`routes::ROUTES`]. It wants to know its callers: serve it with their addresses.
pub fn router(api: Api) -> Router {
    some(api, |_| true)
}

/// Those routes that are meant.
pub fn some(api: Api, meant: fn(&routes::Route) -> bool) -> Router {
    let with = |router: Router<Api>, route: &'static routes::Route| {
        let answer = move |state, peer, path, query, request| answer::answer(route, state, peer, path, query, request);
        router.route(route.path, on(route.verb.filter(), answer))
    };
    let router = routes::ROUTES.iter().filter(|route| meant(route)).fold(Router::new(), with);
    router.fallback(nowhere).method_not_allowed_fallback(not_that_way).with_state(api)
}

async fn nowhere(uri: Uri) -> Problem {
    let known = "/api/v1/jobs, /api/v1/cluster, /api/v1/events, /metrics and more";
    Problem::not_found(format!("there is no {}: there are {known}, as docs/openapi.json says", uri.path()))
}

async fn not_that_way(method: Method, uri: Uri) -> Problem {
    Problem::not_that_way(format!("{method} is not for {}: docs/openapi.json says what is", uri.path()))
}

/// Listens on `address` and answers on `runtime` until the process ends; the address, with its port. With `tls`, that is
/// HTTPS.
///
/// # Errors
/// A mistake in words where the address can't be had, or where other machines could reach it and nothing asks them for a
/// token.
pub fn serve(runtime: &Handle, address: &str, tls: Option<Arc<ServerConfig>>, api: Api) -> Result<SocketAddr, Mistake> {
    let wrong = |error| {
        Mistake::new(format!(
            "cannot listen on {address} for HTTP ({error}): give this process another address in `http` of cluster.toml"
        ))
    };
    let listener = runtime.block_on(TcpListener::bind(address)).map_err(wrong)?;
    let bound = listener.local_addr().map_err(wrong)?;
    if api.tokens.is_empty() && !bound.ip().is_loopback() {
        return Err(Mistake::new(format!(
            "other machines can reach HTTP at {address}, and nothing asks them for a token: add an [[api_token]] to \
             cluster.toml (`vigie token` prints one), or let `http` name localhost"
        )));
    }
    let service = router(api).into_make_service_with_connect_info::<SocketAddr>();
    runtime.spawn(async move {
        match tls {
            None => axum::serve(listener, service).await,
            // Tapped, as only then its callers have an address.
            Some(tls) => axum::serve(secure::Secure::new(listener, bound, tls).tap_io(|_| {}), service).await,
        }
    });
    Ok(bound)
}
