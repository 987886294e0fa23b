//! Whole requests against a process over TCP.

use std::path::Path;

use serde_json::{Value, json};
use ureq::http::Request;

use super::fake::{Fake, job_file};
use super::openapi::openapi;
use super::problem::PROBLEM_JSON;
use super::routes::{ROUTES, Route, Takes};
use super::{ApiToken, LARGEST_BODY, Role};

/// What begins like a picture.
const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 the rest of a picture";

/// What came back.
struct Answer {
    status: u16,
    kind: String,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The detail of a problem, which this has to be.
    fn problem(&self, status: u16) -> String {
        assert_eq!((self.status, self.kind.as_str()), (status, PROBLEM_JSON), "{}", self.text);
        assert_eq!(self.json()["status"], status);
        self.json()["detail"].as_str().expect("a detail").to_owned()
    }
}

fn send(method: &str, url: String, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = match method {
        "POST" | "PUT" => agent.run(request.body(body).expect("a request")),
        _ => agent.run(request.body(()).expect("a request")),
    };
    let mut answer = answer.expect("an answer");
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().expect("text").to_owned());
    let text = answer.body_mut().read_to_string().expect("text");
    Answer { status: answer.status().as_u16(), kind: kind.unwrap_or_default(), text }
}

fn ask(fake: &Fake, method: &str, path: &str) -> Answer {
    send(method, format!("http://{}{path}", fake.address), &[], Vec::new())
}

fn hand_in(fake: &Fake, path: &str, media: &str, body: &[u8]) -> Answer {
    send("POST", format!("http://{}{path}", fake.address), &[("content-type", media)], body.to_vec())
}

fn submit(fake: &Fake, text: &str) -> Answer {
    let body = json!({ "text": text, "folder": "/jobs", "file": "room.toml" });
    give(fake, "POST", "/api/v1/jobs", &body)
}

fn give(fake: &Fake, method: &str, path: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json; charset=utf-8")];
    send(method, format!("http://{}{path}", fake.address), &headers, body.to_string().into_bytes())
}

/// Catches a route that is described and not there, or there and not described, and answers that are not as described.
#[test]
fn every_route_answers_as_the_openapi_file_says() {
    let described = openapi();
    for route in ROUTES {
        let fake = Fake::start(&[]);
        assert_eq!(submit(&fake, &job_file("room")).status, 200);
        let path = route.path.replace("{name}", "room").replace("{id}", "elsewhere").replace("{index}", "0");
        let path = path.replace("{view}", "rooms");
        let is_stream = route.path.ends_with("/events") || route.path.ends_with("/changes");
        let path = if is_stream { path + "?follow=false&job=room" } else { path };
        if route.path.ends_with("/resume") {
            ask(&fake, "POST", "/api/v1/jobs/room/pause");
        }
        let method = route.verb.as_str().to_uppercase();
        let body = json!({ "text": job_file("room"), "folder": "/jobs", "file": "room.toml" });
        let answer = match route.takes {
            Takes::Nothing => ask(&fake, &method, &path),
            Takes::Job => give(&fake, &method, &path, &body),
            Takes::Picture => hand_in(&fake, &path, "image/jpeg", JPEG),
            Takes::Answer => {
                let expected = fake.callbacks.expect(9).expect("room for one");
                hand_in(&fake, &expected.url(""), "text/plain", b"it is")
            }
        };
        let operation = &described["paths"][route.path][route.verb.as_str()];
        assert!(operation["operationId"].is_string(), "{route:?} is not described");
        let good = &operation["responses"][answer.status.to_string()];
        assert!(
            (200..300).contains(&answer.status) && good.is_object(),
            "{route:?}: {} {}",
            answer.status,
            answer.text
        );
        if answer.kind == "application/json" {
            fits(&described, &good["content"]["application/json"]["schema"], &answer.json(), route);
        }
    }
    let rows: usize = described["paths"]
        .as_object()
        .expect("paths")
        .values()
        .map(|path| path.as_object().expect("verbs").len())
        .sum();
    assert_eq!(rows, ROUTES.len(), "each route is described once");
}

fn fits(described: &Value, schema: &Value, answer: &Value, route: &Route) {
    let whole = json!({ "allOf": [schema], "components": described["components"] });
    let schema = jsonschema::validator_for(&whole).expect("a schema");
    let wrong: Vec<_> = schema.iter_errors(answer).map(|error| error.to_string()).collect();
    assert!(schema.is_valid(answer), "{} {}: {wrong:?}", route.verb.as_str(), route.path);
}

/// Catches an OpenAPI file that is not of this code. `VIGIE_BLESS=1` writes it anew.
#[test]
fn the_published_openapi_file_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let current = serde_json::to_string_pretty(&openapi()).expect("it is JSON") + "\n";
    if std::env::var_os("VIGIE_BLESS").is_some() {
        std::fs::write(&path, &current).expect("a file");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == current, "docs/openapi.json is not current: run the tests with VIGIE_BLESS=1");
}

/// Catches errors that a program can't read, or that a person can't.
#[test]
fn each_error_is_a_problem_in_words() {
    let fake = Fake::start(&[]);
    submit(&fake, &job_file("room"));
    let other = submit(&fake, &(job_file("room") + "# another\n"));
    assert!(other.problem(409).contains("vigie update room room.toml"));
    let wrong = submit(&fake, "name = 'room'\n[source.a]\nkind = 'fils'\n").problem(400);
    assert!(wrong.contains("did you mean `files`?") && wrong.contains("--> room.toml:3:8"), "{wrong}");
    assert!(ask(&fake, "GET", "/api/v1/jobs/rom").problem(404).contains("did you mean `room`?"));
    assert!(ask(&fake, "GET", "/api/v2/jobs").problem(404).contains("/api/v1/jobs"));
    assert!(ask(&fake, "DELETE", "/api/v1/jobs").problem(405).contains("DELETE"));
    assert!(ask(&fake, "GET", "/api/v1/jobs/%FF").problem(400).contains("UTF-8"));
    assert!(ask(&fake, "GET", "/api/v1/metrics?format=xml").problem(400).contains("json and text"));
    assert!(ask(&fake, "GET", "/api/v1/events?last=x").problem(400).contains("whole number"));
    assert!(ask(&fake, "GET", "/api/v1/events?follow=x").problem(400).contains("true or false"));
    assert!(give(&fake, "POST", "/api/v1/jobs", &json!({ "txt": "" })).problem(400).contains("txt"));
    assert!(ask(&fake, "POST", "/api/v1/jobs").problem(415).contains("application/json"));
    *fake.away.lock().expect("nobody panics here") = Some("2 of 3 processes are missing".into());
    assert_eq!(ask(&fake, "GET", "/api/v1/jobs").problem(503), "2 of 3 processes are missing");
    assert_eq!(ask(&fake, "GET", "/healthz").status, 200, "the process itself is there");
}

/// Catches a rate of nothing in no time that makes the whole answer unreadable.
#[test]
fn numbers_that_json_has_not_are_read_again() {
    let status = super::JobStatus { rate: f64::NAN, p95_ms: f64::INFINITY, ..Default::default() };
    let text = serde_json::to_string(&super::Reply::Job(status)).expect("it is JSON");
    assert!(serde_json::from_str::<super::Reply>(&text).is_ok(), "{text}");
}

/// Catches bodies that fill the memory, and a limit that nobody reads about.
#[test]
fn a_body_that_is_too_large_is_refused() {
    let fake = Fake::start(&[]);
    let most = LARGEST_BODY - json!({ "text": "", "folder": "/", "file": "a" }).to_string().len();
    let sized = |length: usize| {
        give(&fake, "POST", "/api/v1/jobs", &json!({ "text": "#".repeat(length), "folder": "/", "file": "a" }))
    };
    assert!(sized(most).problem(400).contains("the job has no name"));
    assert!(sized(most + 1).problem(413).contains("1048576"));
    assert!(sized(4 * most).problem(413).contains("1048576"));
}

/// Catches a role that is not asked for, on any route.
#[test]
fn each_route_asks_for_its_role() {
    let roles = [Role::Task, Role::View, Role::Submit, Role::Admin];
    let tokens = roles.map(|role| ApiToken::fresh(role.as_str(), role).expect("random numbers"));
    let fake = Fake::start(&tokens.clone().map(|(_, row)| row));
    for route in ROUTES.iter().filter(|route| !route.path.ends_with("/stop") && !route.path.ends_with("/events")) {
        let url = format!("http://{}{}", fake.address, route.path.replace("{name}", "nobody"));
        let method = route.verb.as_str().to_uppercase();
        let status = |token: Option<&str>| {
            let bearer = token.map(|token| format!("Bearer {token}"));
            let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
            send(&method, url.clone(), &headers, Vec::new()).status
        };
        let Some(needed) = route.role else {
            // A callback asks for nothing but its address.
            assert_eq!(status(None), if route.path.contains("/callbacks/") { 404 } else { 200 }, "{route:?}");
            continue;
        };
        assert_eq!((status(None), status(Some("guess"))), (401, 401), "{route:?}");
        for (role, (token, _)) in roles.iter().zip(&tokens) {
            assert_eq!(status(Some(token)) == 403, !role.may(needed), "{role:?} at {route:?}");
        }
    }
}

/// Catches HTTP that strangers reach and nobody guards.
#[test]
fn off_loopback_a_token_is_needed_at_the_start() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let api = |tokens: &[ApiToken]| super::Api {
        control: super::control().0,
        front: std::sync::Arc::new(super::fake::Counter::open()),
        callbacks: Default::default(),
        events: super::Events::new(0),
        tokens: super::Tokens::new(tokens).expect("sound rows"),
        page: std::sync::Arc::new(String::new),
    };
    let refused = super::serve(runtime.handle(), "0.0.0.0:0", None, api(&[])).expect_err("it is open to all");
    assert!(refused.what.contains("vigie token"), "{refused}");
    let (_, row) = ApiToken::fresh("me", Role::View).expect("random numbers");
    let bound = super::serve(runtime.handle(), "0.0.0.0:0", None, api(&[row])).expect("a port");
    let taken = super::serve(runtime.handle(), &format!("127.0.0.1:{}", bound.port()), None, api(&[]));
    assert!(taken.expect_err("it is taken").what.contains("`http` of cluster.toml"));
}

fn tasks_of(fake: &Fake, query: &str, media: &str, body: &[u8]) -> Answer {
    hand_in(fake, &format!("/api/v1/jobs/room/tasks{query}"), media, body)
}

/// Catches a way to send a picture that loses it, or what is said along with it.
#[test]
fn a_picture_is_handed_in_in_three_ways() {
    let fake = Fake::start(&[]);
    let form = [
        &b"--x\r\nContent-Disposition: form-data; name=\"strength\"\r\n\r\n0.7\r\n"[..],
        b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n",
        JPEG,
        b"\r\n--x--\r\n",
    ]
    .concat();
    let image = format!("data:image/jpeg;base64,{}", base64_simd::STANDARD.encode_to_string(JPEG));
    let object = json!({ "image": image, "strength": 0.7 }).to_string();
    let ways = [
        tasks_of(&fake, "?strength=0.7", "image/jpeg", JPEG),
        tasks_of(&fake, "", "multipart/form-data; boundary=x", &form),
        tasks_of(&fake, "", "application/json", object.as_bytes()),
    ];
    let mut ids = std::collections::BTreeSet::new();
    for answer in ways {
        assert_eq!(answer.status, 202, "{}", answer.text);
        let task = answer.json();
        assert_eq!((&task["state"], &task["parameters"]["strength"]), (&json!("queued"), &json!(0.7)));
        let looked = ask(&fake, "GET", task["links"]["self"].as_str().expect("a link"));
        assert_eq!(looked.json(), task);
        ids.insert(task["id"].as_str().expect("an id").to_owned());
    }
    assert!(ids.len() == 3 && ids.iter().all(|id| id.len() == 32), "{ids:?}");
    assert!(tasks_of(&fake, "", "image/jpeg", JPEG).problem(429).contains("`queue`"), "three are taken");
}

/// Catches a task that is refused without words, or with a status that leads nowhere.
#[test]
fn each_wrong_task_is_refused_in_words() {
    let fake = Fake::start(&[]);
    let json = "application/json";
    assert!(tasks_of(&fake, "", "text/plain", b"x").problem(415).contains("image/jpeg"));
    assert!(tasks_of(&fake, "", "image/jpeg", b"GIF89a").problem(415).contains("neither a JPEG nor a PNG"));
    assert!(tasks_of(&fake, "", "image/jpeg", b"").problem(415).contains("no picture"));
    assert!(tasks_of(&fake, "", json, b"{}").problem(415).contains("no picture"));
    assert!(tasks_of(&fake, "", json, b"[1]").problem(400).contains("no JSON object"));
    assert!(tasks_of(&fake, "", json, b"{\"image\": \"%%%\"}").problem(422).contains("base64"));
    assert!(tasks_of(&fake, "", "multipart/form-data", b"").problem(400).contains("boundary"));
    assert!(tasks_of(&fake, "", "multipart/form-data; boundary=x", b"--x").problem(400).contains("ends too soon"));
    assert!(tasks_of(&fake, "?strength=much", "image/jpeg", JPEG).problem(422).contains("a number"));
    assert!(tasks_of(&fake, "?strenght=1", "image/jpeg", JPEG).problem(422).contains("did you mean `strength`?"));
    assert!(tasks_of(&fake, "?camera=", "image/jpeg", JPEG).problem(422).contains("camera"));
    assert!(tasks_of(&fake, "?wait=soon", "image/jpeg", JPEG).problem(400).contains("10s"));
    let large = [JPEG, &vec![0; LARGEST_BODY]].concat();
    assert!(tasks_of(&fake, "", "image/jpeg", &large).problem(413).contains("1048576"));
    let text = json!({ "image": base64_simd::STANDARD.encode_to_string(&large) }).to_string();
    assert!(tasks_of(&fake, "", json, text.as_bytes()).problem(413).contains("1048576"));
    assert!(hand_in(&fake, "/api/v1/jobs/rom/tasks", "image/jpeg", JPEG).problem(404).contains("rom"));
    assert!(ask(&fake, "GET", "/api/v1/jobs/room/tasks/x").problem(404).contains("no task x"));
    let task = tasks_of(&fake, "", "image/jpeg", JPEG).json();
    let itself = task["links"]["self"].as_str().expect("a link");
    assert!(ask(&fake, "GET", &format!("{itself}/results/0")).problem(404).contains("no result 0"));
    assert!(ask(&fake, "GET", &format!("{itself}/results/x")).problem(404).contains("no result x"));
}

/// Catches a document that does not tell what a job's tasks may say.
#[test]
fn the_served_document_tells_of_each_jobs_tasks() {
    let fake = Fake::start(&[]);
    let document = ask(&fake, "GET", "/api/v1/openapi.json").json();
    let parameters = document["paths"]["/api/v1/jobs/room/tasks"]["post"]["parameters"].as_array().expect("parameters");
    let strength = parameters.iter().find(|row| row["name"] == "strength").expect("it is declared");
    assert_eq!(strength["schema"], json!({ "type": "number", "default": 0.5 }));
    assert!(parameters.iter().all(|row| row["in"] == "query"), "{parameters:?}");
}

fn views(fake: &Fake, path: &str, headers: &[(&str, &str)]) -> Answer {
    send("GET", format!("http://{}/api/v1/jobs/room/views{path}", fake.address), headers, Vec::new())
}

/// Catches a table that is told otherwise than it is, or without its epoch.
#[test]
fn a_view_is_shown_as_json_and_as_csv() {
    let fake = Fake::start(&[]);
    let list = views(&fake, "", &[]).json();
    assert_eq!(
        (&list[0]["view"], &list[0]["rows"], &list[1]["kind"]),
        (&json!("rooms"), &json!(1), &json!("accuracy"))
    );
    let table = views(&fake, "/rooms", &[]).json();
    let columns = json!({ "key": ["camera"], "row": ["frames", "count"] });
    let rows = json!([{ "key": ["a"], "row": [3, 6] }]);
    let whole =
        json!({ "view": "rooms", "kind": "count", "epoch": 1_795_249_801_250_u64, "columns": columns, "rows": rows });
    assert_eq!(table, whole);
    for csv in [views(&fake, "/rooms?format=csv", &[]), views(&fake, "/rooms", &[("accept", "text/csv, */*;q=0.1")])] {
        assert_eq!(csv.text, "camera,frames,count\na,3,6\n");
        assert!(csv.kind.starts_with("text/csv"), "{}", csv.kind);
    }
    let both = [("accept", "application/json, text/csv")];
    assert_eq!(views(&fake, "/rooms", &both).json(), whole, "who takes both gets what is told to all");
}

/// The events of a stream: name, id and data of each.
fn events(stream: &str) -> Vec<(String, String, Value)> {
    let event = |text: &str| {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        (field("event: "), field("id: "), serde_json::from_str(&field("data: ")).expect("JSON"))
    };
    stream.split("\n\n").filter(|text| text.contains("data: ")).map(event).collect()
}

/// Catches a client that has to begin anew after each broken connection, or that goes on where nobody knows how.
#[test]
fn who_was_cut_off_goes_on_where_it_was() {
    let fake = Fake::start(&[]);
    let heard = |mark: &str| events(&views(&fake, "/rooms/changes?follow=false", &[("last-event-id", mark)]).text);
    let first = heard("");
    assert_eq!(
        (first.len(), first[0].0.as_str(), &first[0].2["rows"]),
        (1, "table", &json!([{ "key": ["a"], "row": [3, 6] }]))
    );
    fake.views.publish(1_795_249_801_500, vec![super::fake::count("b", 1)]);
    let gone = operators::views::Change { row: None, ..super::fake::count("a", 0) };
    fake.views.publish(1_795_249_801_750, vec![gone]);
    let then = heard(&first[0].1);
    let told: Vec<_> = then.iter().map(|(name, _, data)| (name.as_str(), &data["epoch"], &data["changes"])).collect();
    let (came, left) = (json!([{ "key": ["b"], "row": [1, 2] }]), json!([{ "key": ["a"], "row": null }]));
    let epochs = [1_795_249_801_500_u64, 1_795_249_801_750].map(Value::from);
    assert_eq!(told, [("changes", &epochs[0], &came), ("changes", &epochs[1], &left)]);
    assert_eq!(heard(&then[1].1), [], "it has heard all");
    for unknown in ["1795249801750-0", "soon"] {
        let anew = heard(unknown);
        assert_eq!((anew.len(), anew[0].0.as_str(), &anew[0].2["rows"]), (1, "table", &came));
    }
}

/// Catches a question about a view that is answered with a riddle.
#[test]
fn who_asks_for_a_view_that_is_not_there_is_told_which_are() {
    let fake = Fake::start(&[]);
    for path in ["/room", "/room/changes"] {
        let said = views(&fake, path, &[]).problem(404);
        assert!(said.contains("did you mean `rooms`?") && said.contains("rooms, last"), "{said}");
    }
    assert!(views(&fake, "/rooms?format=xml", &[]).problem(400).contains("json and csv"));
    assert!(views(&fake, "/rooms/changes?follow=x", &[]).problem(400).contains("true or false"));
    assert!(ask(&fake, "GET", "/api/v1/jobs/rom/views").problem(404).contains("rom"));
    assert!(ask(&fake, "GET", "/api/v1/jobs/new/views/rooms").problem(503).contains("not at work"));
}
