//! `docs/openapi.json`, made from the table of routes and the types.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::problem::PROBLEM_JSON;
use super::routes::{Gives, ROUTES, Route, Takes};
use super::{ClusterStatus, Event, JobDetail, JobStatus, Problem, Sample, Submission};
use crate::tasks::TaskStatus;
use crate::tasks::terms::{Parameter, Terms};
use crate::views::sheet::{Changes, Sheet, ViewStatus};

/// The OpenAPI description of all routes, and of the tasks of these jobs.
pub fn document(jobs: &[(String, Terms)]) -> Value {
    let mut document = openapi();
    for (job, terms) in jobs {
        let generic = "/api/v1/jobs/{name}/tasks";
        let mut row = document["paths"][generic]["post"].clone();
        row["operationId"] = format!("post_jobs_{job}_tasks").into();
        row["parameters"] = parameters_of(&row, terms);
        document["paths"][generic.replace("{name}", job)] = json!({ "post": row });
    }
    document
}

/// What stands behind `?` of a task of that job.
fn parameters_of(row: &Value, terms: &Terms) -> Value {
    let in_query = row["parameters"].as_array().into_iter().flatten().filter(|row| row["in"] == "query").cloned();
    let own = terms.parameters.iter().map(|(name, Parameter { sort, default, description })| {
        let schema = json!({ "type": sort.json(), "default": default });
        json!({ "name": name, "in": "query", "description": description, "schema": schema })
    });
    in_query.chain(own).collect()
}

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
    let content = match route.takes {
        Takes::Nothing => return row,
        Takes::Job => json!({ "application/json": { "schema": schemas.subschema_for::<Submission>() } }),
        Takes::Picture => pictures(),
        Takes::Answer => json!({ "*/*": { "schema": { "type": "string", "format": "binary" } } }),
    };
    row["requestBody"] = json!({ "required": true, "content": content });
    row
}

/// How a picture may be sent.
fn pictures() -> Value {
    let file = json!({ "schema": { "type": "string", "format": "binary" } });
    let with = |image: Value| {
        let camera = json!({ "type": "string", "description": "The name of the camera." });
        let more = "Other fields are parameters of the job.";
        let properties = json!({ "image": image, "camera": camera });
        json!({ "schema": { "type": "object", "required": ["image"], "properties": properties, "description": more } })
    };
    json!({
        "image/jpeg": file,
        "image/png": file,
        "multipart/form-data": with(json!({ "type": "string", "format": "binary" })),
        "application/json": with(json!({ "type": "string", "description": "Base64, or a `data:` URL." })),
    })
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
    let id = if route.takes == Takes::Answer { "What the address ends with." } else { "The task's name." };
    let named = [
        ("name", "The job's name."),
        ("id", id),
        ("index", "Which of its results, from 0."),
        ("view", "The view's name."),
    ];
    let in_path = named.iter().filter(|(name, _)| route.path.contains(&format!("{{{name}}}")));
    let in_path = in_path.map(
        |(name, what)| json!({ "name": name, "in": "path", "required": true, "description": what, "schema": text }),
    );
    in_path.chain(route.query.iter().map(query)).collect()
}

fn responses(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let problem = schemas.subschema_for::<Problem>();
    let wrong = |what: &str| json!({ "description": what, "content": { PROBLEM_JSON: { "schema": problem } } });
    let mut all = Map::new();
    let (status, good) = good(route.gives, schemas);
    if route.gives == Gives::Taken {
        all.insert("200".to_owned(), good.clone());
    }
    all.insert(status.to_owned(), good);
    for (status, what) in problems(route) {
        all.insert(status.to_string(), wrong(what));
    }
    all.into()
}

/// The problems that a route may answer with.
fn problems(route: &Route) -> Vec<(u16, &'static str)> {
    let asks = !matches!(route.gives, Gives::Text | Gives::Events);
    let of_views = matches!(route.gives, Gives::Views | Gives::View | Gives::Changes);
    let (is_job, is_picture) = (route.takes == Takes::Job, route.takes == Takes::Picture);
    let is_answer = route.takes == Takes::Answer;
    let takes = is_job || is_picture || is_answer;
    let of_a_job = route.path.contains("{name}");
    let changes = route.verb != super::routes::Verb::Get;
    let all = [
        (
            400,
            "What was sent can't be read, or the job file has mistakes.",
            takes || of_a_job || !route.query.is_empty(),
        ),
        (401, "No token, or an unknown one.", route.role.is_some()),
        (403, "The token's role is too low, or a web page asks.", route.role.is_some()),
        (404, "There is no such job, or task.", of_a_job && !of_views),
        (404, "There is no such job, or view.", of_views),
        (404, "Nobody has given such an address to a service.", is_answer),
        (409, "It does not go with how the job is.", changes && (of_a_job || is_job || is_picture)),
        (410, "The answer has come already, or comes too late.", is_answer),
        (413, "What was sent is too large.", takes),
        (415, "What was sent is not JSON.", is_job),
        (415, "What was sent is no picture that is taken.", is_picture),
        (422, "A parameter that the job does not take, or of another type.", is_picture),
        (429, "There is no room for more; `Retry-After` says when there may be.", is_picture),
        (500, "A mistake in Vigie.", asks),
        (503, "There is no generation at work; `detail` says what is missing.", asks && !is_answer && !of_views),
        (503, "The job was not at work at this process yet.", of_views),
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
        Gives::Task => ("The task as it is now.", of::<TaskStatus>(schemas)),
        Gives::Taken => {
            ("The task is taken, and durable. 200, where `wait` has seen its end.", of::<TaskStatus>(schemas))
        }
        Gives::Views => ("The views.", of::<Vec<ViewStatus>>(schemas)),
        Gives::View => {
            let mut content = of::<Sheet>(schemas);
            content["text/csv"] = json!({ "schema": { "type": "string" } });
            ("The table.", content)
        }
        Gives::Changes => {
            let _ = (schemas.subschema_for::<Sheet>(), schemas.subschema_for::<Changes>());
            let what = "Events; `data` of a `table` is a `Sheet`, which comes first, and of `changes` a `Changes`.";
            (what, text("text/event-stream"))
        }
        Gives::Json => ("It.", json!({ "application/json": { "schema": { "type": "object" } } })),
        Gives::Found => {
            let it = json!({ "schema": { "type": "string", "format": "binary" } });
            (
                "It.",
                json!({ "image/jpeg": it, "image/png": it, "image/webp": it, "application/json": { "schema": true } }),
            )
        }
        Gives::Events => {
            schemas.subschema_for::<Event>();
            ("Events; `data` of each is an `Event`.", text("text/event-stream"))
        }
        Gives::Text => ("Text.", text("text/plain")),
    };
    let status = if gives == Gives::Taken { "202" } else { "200" };
    (status, json!({ "description": what, "content": content }))
}
