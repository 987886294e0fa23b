//! `docs/openapi.json`, made from the table of routes and the types.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::problem::PROBLEM_JSON;
use super::routes::{Gives, ROUTES, Route};
use super::{ClusterStatus, Event, JobDetail, JobStatus, Problem, Sample, Submission};

/// The OpenAPI description of all routes.
pub fn openapi() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for route in ROUTES {
        let row = operation(route, &mut schemas);
        paths.entry(route.path).or_insert_with(|| json!({}))[route.verb.as_str()] = row;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Vigie",
            "version": "1",
            "description": "A standing cluster of Vigie, at any of its processes. Errors are RFC 9457 problems.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let role = route.role.map_or("Takes no token.".to_owned(), |role| format!("Takes the role `{}`.", role.as_str()));
    let mut row = json!({
        "operationId": name(route),
        "summary": route.summary.trim_end_matches('.'),
        "description": format!("{} {role}", route.summary),
        "parameters": parameters(route),
        "responses": responses(route, schemas),
    });
    if route.takes {
        let schema = schemas.subschema_for::<Submission>();
        row["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    row
}

/// `post_jobs_name_drain`.
fn name(route: &Route) -> String {
    let path = route.path.trim_start_matches("/api/v1").trim_start_matches('/');
    format!("{}_{}", route.verb.as_str(), path.replace('/', "_").replace(['{', '}'], ""))
}

fn parameters(route: &Route) -> Vec<Value> {
    let text = json!({ "type": "string" });
    let query =
        |(name, what): &(&str, &str)| json!({ "name": name, "in": "query", "description": what, "schema": text });
    let name =
        json!({ "name": "name", "in": "path", "required": true, "description": "The job's name.", "schema": text });
    let in_path = route.path.contains("{name}").then_some(name);
    in_path.into_iter().chain(route.query.iter().map(query)).collect()
}

fn responses(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let problem = schemas.subschema_for::<Problem>();
    let wrong = |what: &str| json!({ "description": what, "content": { PROBLEM_JSON: { "schema": problem } } });
    let mut all = Map::new();
    let (status, good) = good(route.gives, schemas);
    all.insert(status.to_owned(), good);
    for (status, what) in problems(route) {
        all.insert(status.to_string(), wrong(what));
    }
    all.into()
}

/// The problems that a route may answer with.
fn problems(route: &Route) -> Vec<(u16, &'static str)> {
    let asks = !matches!(route.gives, Gives::Text | Gives::Events);
    let of_a_job = route.path.contains("{name}");
    let changes = route.verb != super::routes::Verb::Get;
    let all = [
        (
            400,
            "What was sent can't be read, or the job file has mistakes.",
            route.takes || of_a_job || !route.query.is_empty(),
        ),
        (401, "No token, or an unknown one.", route.role.is_some()),
        (403, "The token's role is too low, or a web page asks.", route.role.is_some()),
        (404, "There is no such job.", of_a_job),
        (409, "It does not go with how the job is.", changes && (of_a_job || route.takes)),
        (413, "What was sent is too large.", route.takes),
        (415, "What was sent is not JSON.", route.takes),
        (500, "A mistake in Vigie.", asks),
        (503, "There is no generation at work; `detail` says what is missing.", asks),
    ];
    all.into_iter().filter(|(_, _, may)| *may).map(|(status, what, _)| (status, what)).collect()
}

fn good(gives: Gives, schemas: &mut SchemaGenerator) -> (&'static str, Value) {
    fn of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
        json!({ "application/json": { "schema": schemas.subschema_for::<T>() } })
    }
    let text = |kind: &str| json!({ kind: { "schema": { "type": "string" } } });
    let (what, content) = match gives {
        Gives::Nothing => return ("204", json!({ "description": "It is done." })),
        Gives::Job => ("The job as it is now.", of::<JobStatus>(schemas)),
        Gives::Jobs => ("The jobs as they are now.", of::<Vec<JobStatus>>(schemas)),
        Gives::Detail => ("The job.", of::<JobDetail>(schemas)),
        Gives::Cluster => ("The cluster as this process sees it.", of::<ClusterStatus>(schemas)),
        Gives::Metrics => {
            let mut content = of::<Vec<Sample>>(schemas);
            content["application/openmetrics-text"] = json!({ "schema": { "type": "string" } });
            ("What is counted.", content)
        }
        Gives::Events => {
            schemas.subschema_for::<Event>();
            ("Events; `data` of each is an `Event`.", text("text/event-stream"))
        }
        Gives::Text => ("Text.", text("text/plain")),
    };
    ("200", json!({ "description": what, "content": content }))
}
