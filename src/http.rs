//! What a process shows over HTTP: `/metrics` for Prometheus, `/healthz` for whoever watches it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::metrics::Metrics;
use crate::mistake::Mistake;

/// The media type of what Prometheus reads.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Listens on `address` and answers on `runtime` until the process ends; the address, with its port.
///
/// # Errors
/// A mistake in words where the address can't be had.
pub fn serve(
    runtime: &tokio::runtime::Handle,
    address: SocketAddr,
    metrics: Arc<Metrics>,
) -> Result<SocketAddr, Mistake> {
    let listener = runtime.block_on(TcpListener::bind(address)).map_err(|error| {
        let what = format!("cannot listen on {address} for metrics ({error}): give --http another address, or none");
        Mistake::new(what)
    })?;
    let bound = listener.local_addr().unwrap_or(address);
    let page = move || async move { ([(CONTENT_TYPE, OPEN_METRICS)], metrics.page()) };
    let routes = Router::new().route("/metrics", get(page)).route("/healthz", get(|| async { "ok\n" }));
    runtime.spawn(async move { axum::serve(listener, routes).await });
    Ok(bound)
}
