//! The dashboard of `deploy/grafana/`, asked of a Prometheus that reads a cluster by `deploy/prometheus.yml`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::Standing;
use crate::support::servers::Prometheus;
use crate::support::{get, turn, wait_or};

/// Series that are there only where a part waits, or a store is kept in bounds.
const SOMETIMES: [&str; 2] = ["vigie_waiting_seconds", "vigie_stored_"];

/// All queries of the dashboard, with values in place of its variables.
fn queries() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana/vigie.json");
    let text = fs::read_to_string(path).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("it is JSON");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut queries = Vec::new();
    for asks in list(&dashboard["panels"]).iter().map(|panel| list(&panel["targets"])) {
        assert!(!asks.is_empty(), "a panel that asks for nothing");
        queries.extend(asks);
    }
    queries.extend(list(&dashboard["annotations"]["list"]));
    let filled = |query: &Value| {
        let query = query["expr"].as_str().expect("a query");
        query.replace("$job", ".*").replace("$__rate_interval", "10s")
    };
    queries.iter().map(filled).collect()
}

/// A job with every stage that needs no model.
fn painted(cluster: &Standing) -> String {
    let (path, at) = (cluster.path().join("room.toml"), cluster.path().display());
    let text = format!(
        "name = 'room'\n[source.cameras]\nkind = 'synthetic'\nsize = '320x240'\nrate = 30.0\n[step.corner]\nkind = 'draw'\n\
         [sink.store]\nkind = 'files'\npath = '{at}/room/{{camera}}/{{id}}.jpg'\nwrite = 'image'\nkeep = {{ age = '1h' }}\n\
         [dead]\nkind = 'files'\npath = '{at}/dead/{{id}}'\n"
    );
    fs::write(&path, text).expect("a job file");
    path.display().to_string()
}

/// The names of our own metrics in a query, as their pages head them.
fn families(query: &str) -> Vec<&str> {
    let names = query.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    let own = names.filter(|name| name.starts_with("vigie_"));
    own.map(|name| ["_bucket", "_sum", "_count", "_total"].iter().fold(name, |name, end| name.trim_end_matches(end)))
        .collect()
}

/// Catches a query that Prometheus can't read, one that asks for what no process counts, and pages that it can't read.
#[test]
fn every_query_of_the_dashboard_is_answered() {
    let _turn = turn();
    let cluster = Standing::start(2);
    let Some(prometheus) = Prometheus::start(&cluster.ports()) else { return };
    let room = painted(&cluster);
    cluster.does(&["submit", &room]);
    let page = || get(cluster.ports()[0], "/metrics").filter(|page| page.contains("# TYPE vigie_stage_seconds "));
    let page = wait_or("the first pictures", page, || cluster.said());
    let queries = queries();
    assert!(queries.len() > 15, "{queries:?}");
    for query in &queries {
        for family in families(query) {
            assert!(page.contains(&format!("# TYPE {family} ")), "no process counts {family}: {query}");
        }
        let asks_always = !SOMETIMES.iter().any(|name| query.contains(name)) && !query.starts_with("changes");
        let answered = || match (prometheus.ask(query), asks_always) {
            (Ok(rows), true) => (!rows.is_empty()).then_some(()),
            (Ok(_), false) => Some(()),
            (Err(error), _) => panic!("{query}: {error}"),
        };
        wait_or(query, answered, || format!("{:#}\n{}", prometheus.targets(), cluster.said()));
    }
    let up = prometheus.ask("sum(up)").expect("an answer");
    assert_eq!(up[0]["value"][1], "2", "both processes are read: {:#}", prometheus.targets());
    let jobs = prometheus.ask("count by (job) (vigie_frames_in_total)").expect("an answer");
    assert_eq!(jobs[0]["metric"]["job"], "room", "the label says Vigie's job, not Prometheus': {jobs:?}");
}
