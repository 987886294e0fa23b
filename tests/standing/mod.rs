//! The standing cluster: processes that stay, jobs that come and go, and a process that dies is not the end.

mod chaos;
mod churn;
mod cluster;
mod commands;
mod door;
mod grafana;
mod healing;
mod model;
mod net;
mod outages;
mod pairs;
mod panics;
mod security;
mod starts;
mod tls;
mod trouble;

pub use cluster::Standing;
