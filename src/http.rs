//! What the process of one job shows over HTTP: `/metrics` for Prometheus, `/healthz` for whoever watches it, its views,
//! and its tasks and callbacks, where it takes some.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::api::routes::{Act, Route};
use crate::api::{Api, Elsewhere, Events, Front, Problem, TaskQuestion, Tokens, control, some};
use crate::job::words;
use crate::metrics::Metrics;
use crate::mistake::Mistake;
use crate::outgoing::Callbacks;
use crate::pages;
use crate::tasks::{Tasks, Terms};
use crate::views::Showcase;

/// The media type of what Prometheus reads.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Listens on `address` and answers on `runtime` until the process ends; the address, with its port. `terms` are those of
/// the job's tasks, and `tokens` say who may hand in some; what services bring is for whoever waits on `callbacks`.
///
/// # Errors
/// A mistake in words where the address can't be had.
pub fn serve(
    runtime: &tokio::runtime::Handle,
    address: SocketAddr,
    metrics: Arc<Metrics>,
    terms: Option<Terms>,
    tokens: Tokens,
    callbacks: Callbacks,
) -> Result<SocketAddr, Mistake> {
    let listener = runtime.block_on(TcpListener::bind(address)).map_err(|error| {
        let what = format!("cannot listen on {address} for metrics ({error}): give --http another address, or none");
        Mistake::new(what)
    })?;
    let bound = listener.local_addr().unwrap_or(address);
    let front = Arc::new(OneJob { metrics: metrics.clone(), terms });
    let (control, events, page) = (control().0, Events::new(0), Arc::new(String::new));
    let api = Api { control, events, tokens, front, callbacks: callbacks.clone(), page };
    let page = move || {
        let all = [metrics.page(), callbacks.page()];
        async move { ([(CONTENT_TYPE, OPEN_METRICS)], pages::merge(all.map(|page| (None, page)))) }
    };
    let pages = Router::new().route("/metrics", get(page)).route("/healthz", get(|| async { "ok\n" }));
    let service = pages.merge(some(api, is_of_the_job)).into_make_service_with_connect_info::<SocketAddr>();
    runtime.spawn(async move { axum::serve(listener, service).await });
    Ok(bound)
}

/// What can be asked about tasks and views, and what services bring.
fn is_of_the_job(route: &Route) -> bool {
    let is_of_tasks = matches!(route.act, Act::Take | Act::Task | Act::Document | Act::Callback);
    is_of_tasks || matches!(route.act, Act::Views | Act::View | Act::Changes)
}

/// The tasks and views of the one job that there is.
struct OneJob {
    metrics: Arc<Metrics>,
    terms: Option<Terms>,
}

impl OneJob {
    fn is(&self, job: &str) -> Result<(), Problem> {
        let name = self.metrics.tasks.job();
        match job == name {
            true => Ok(()),
            false => Err(Problem::not_found(words::unknown("job", job, &[name]))),
        }
    }
}

impl Front for OneJob {
    fn tasks(&self, job: &str) -> Result<Tasks, Problem> {
        self.is(job).map(|()| self.metrics.tasks.clone())
    }

    fn views(&self, job: &str) -> Result<Option<Showcase>, Problem> {
        self.is(job).map(|()| self.metrics.showcase())
    }

    fn expects(&self, job: &str) -> Result<(), Problem> {
        match self.terms {
            Some(_) => Ok(()),
            None => Err(Problem::takes_no_tasks(job)),
        }
    }

    /// The processes of one job know nothing of each other: a task is asked for where it was handed in.
    fn elsewhere(&self, _: TaskQuestion) -> Elsewhere<'_> {
        Box::pin(async { Ok(None) })
    }

    fn terms(&self) -> Vec<(String, Terms)> {
        self.terms.iter().map(|terms| (self.metrics.tasks.job().to_owned(), terms.clone())).collect()
    }
}
