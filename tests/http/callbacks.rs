//! Services that answer later, and call back.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use ureq::http::Request;
use vigie::api::Tokens;
use vigie::metrics::Metrics;
use vigie::outgoing::Home;

use super::{Bench, failed};
use crate::support::service::{Heard, Reply, Service, say};
use crate::support::{Process, files, get, wait};

const TAKE: &str = "take = { values = { age = 'age' } }";

/// A bench whose process answers HTTP; and its port.
fn listening(keys: &str) -> (Bench, u16) {
    let bench = Bench::new(keys);
    let callbacks = bench.job.services.callbacks.clone();
    let (here, metrics) = (SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Arc::new(Metrics::new("room")));
    let served = vigie::http::serve(bench.runtime.handle(), here, metrics, None, Tokens::default(), callbacks.clone());
    let address = served.expect("a free port");
    callbacks.listen(Home { address: format!("http://{address}"), process: 0 });
    (bench, address.port())
}

/// Brings an answer; the status and the words that come back.
fn bring(url: &str, body: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let request = Request::builder().method("POST").uri(url).body(body.to_owned()).expect("a request");
    let mut answer = agent.run(request).expect("an answer");
    (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
}

/// A service that says 202, and what it was told to call.
fn later(told: impl Fn(&Heard) -> Option<String> + Send + Sync + 'static) -> (Service, Arc<Mutex<Vec<String>>>) {
    let urls = Arc::<Mutex<Vec<String>>>::default();
    let known = urls.clone();
    let service = Service::start(move |_, heard| {
        known.lock().expect("nobody panics").extend(told(heard));
        say(202, "")
    });
    (service, urls)
}

fn in_header(heard: &Heard) -> Option<String> {
    heard.header("x-vigie-callback").map(str::to_owned)
}

fn first(urls: &Mutex<Vec<String>>) -> String {
    wait("the service to be asked", || urls.lock().expect("nobody panics").first().cloned())
}

/// Catches an answer that is brought and does not arrive, and an address that is good twice or is no secret.
#[test]
fn an_answer_that_is_brought_is_taken_once() {
    let (service, urls) = later(in_header);
    let (bench, port) = listening(&format!("url = '{}'\ncallback = {{}}\n{TAKE}", service.url("/")));
    thread::scope(|scope| {
        let asking = scope.spawn(|| bench.ask().map(|picture| picture.values));
        let url = first(&urls);
        assert!(url.starts_with(&format!("http://127.0.0.1:{port}/api/v1/callbacks/")), "{url}");
        assert_eq!(bring(&url, r#"{"age": 34}"#).0, 204);
        let values = asking.join().expect("no panic").expect("an answer");
        assert_eq!(values["age"], json!(34));
        let (status, words) = bring(&url, r#"{"age": 99}"#);
        assert!(status == 410 && words.contains("no longer good"), "{status}: {words}");
        let (status, words) = bring(&format!("{}0", &url[..url.len() - 1]), "{}");
        assert!(status == 404 || url.ends_with('0'), "{status}: {words}");
    });
    assert_eq!((bench.count("answered"), bench.job.services.callbacks.expected()), (1, 0));
    let page = get(port, "/metrics").expect("a page");
    assert!(page.contains("vigie_callbacks_total{outcome=\"taken\"} 1"), "{page}");
    assert!(page.contains("vigie_callbacks_total{outcome=\"late\"} 1"), "{page}");
}

/// Catches a service that answers at once and is waited for all the same.
#[test]
fn an_answer_of_200_is_the_answer() {
    let service = Service::start(|_, _| say(200, r#"{"age": 34}"#));
    let keys = format!("url = '{}'\ncallback = {{ base = 'http://vigie.example/' }}\n{TAKE}", service.url("/"));
    let (bench, _) = listening(&keys);
    assert_eq!(bench.ask().expect("an answer").values["age"], json!(34));
    let told = in_header(&service.heard()[0]).expect("an address");
    assert!(told.starts_with("http://vigie.example/api/v1/callbacks/"), "{told}");
}

/// Catches an address in another place than the job says, and a key that is another one each time because of it.
#[test]
fn the_address_is_told_in_a_field_where_a_job_says_so() {
    let field = |heard: &Heard| {
        let said: Value = serde_json::from_slice(&heard.body).expect("JSON");
        said["webhook"].as_str().map(str::to_owned)
    };
    let (service, urls) = later(field);
    let keys = format!("url = '{}'\nbody = 'json'\ncallback = {{ field = 'webhook' }}\n{TAKE}", service.url("/"));
    let (bench, _) = listening(&keys);
    for round in 0..2 {
        thread::scope(|scope| {
            let asking = scope.spawn(|| bench.ask().map(drop));
            let url = wait("to be asked", || urls.lock().expect("nobody panics").get(round).cloned());
            assert_eq!(bring(&url, r#"{"age": 34}"#).0, 204);
            asking.join().expect("no panic").expect("an answer");
        });
    }
    let heard = service.heard();
    assert!(heard.iter().all(|heard| in_header(heard).is_none()));
    assert_eq!(heard[0].header("idempotency-key"), heard[1].header("idempotency-key"));
    let urls = urls.lock().expect("nobody panics");
    assert_ne!(urls[0], urls[1], "each request has its own");
}

/// Catches a service that never calls and is waited for without end, and one that calls when nobody waits any more.
#[test]
fn a_call_that_does_not_come_is_a_failure_that_may_pass() {
    let (service, urls) = later(in_header);
    let keys = "callback = {}\ntimeout = '1s'\nretries = 1\naway = 'dead'";
    let (bench, _) = listening(&format!("url = '{}'\n{keys}", service.url("/")));
    let told = failed(bench.ask());
    assert!(told.contains("did not call back within 1s"), "{told}");
    assert_eq!((service.heard().len(), bench.count("failed")), (2, 2));
    let urls = urls.lock().expect("nobody panics").clone();
    assert_eq!(urls[0], urls[1], "who knows the request again may call the first address");
    assert_eq!(bring(&urls[0], "{}").0, 410);
}

/// Catches an answer that fills the memory because it is brought.
#[test]
fn an_answer_that_is_brought_has_a_limit() {
    let (service, urls) = later(in_header);
    let (bench, _) = listening(&format!("url = '{}'\ncallback = {{}}\nmax_answer = '1KiB'", service.url("/")));
    thread::scope(|scope| {
        let asking = scope.spawn(|| bench.ask());
        let (status, words) = bring(&first(&urls), &"x".repeat(2000));
        assert!(status == 413 && words.contains("1024"), "{status}: {words}");
        let told = failed(asking.join().expect("no panic"));
        assert!(told.contains("more than 1.0 KiB (`max_answer`)"), "{told}");
    });
}

/// Catches a step that tells an address where nobody listens.
#[test]
fn a_process_without_http_waits_for_nobody() {
    let bench = Bench::new("url = 'http://127.0.0.1:1/'\ncallback = {}");
    let context = bench.job.context("who", 0, bench.runtime.handle());
    let told = bench.job.steps[0].config.open(&context).map(drop).expect_err("nobody listens");
    assert!(told.to_string().contains("no service can call it back"), "{told}");
    for (keys, word) in [
        ("callback = {}\npoll = {}", "keep one of the two"),
        ("callback = { field = 'x' }", "a raw image has no field"),
    ] {
        let wrong = Bench::checked(&format!("url = 'http://127.0.0.1:1/'\n{keys}"), Default::default()).map(drop);
        assert!(wrong.expect_err("it is wrong").to_string().contains(word), "{keys}");
    }
}

/// Catches a whole job whose process does not take what its service brings.
#[test]
fn a_job_takes_what_its_service_brings() {
    let service = Service::start(|_, heard| {
        let url = in_header(heard).expect("an address");
        // Before it has answered itself: nobody knows which of the two is faster.
        assert_eq!(bring(&url, r#"{"age": 34}"#).0, 204);
        Reply::Say(202, Vec::new(), Vec::new())
    });
    let folder = tempfile::tempdir().expect("a folder");
    let (path, out) = (folder.path().join("room.toml"), folder.path().join("out"));
    let text = format!(
        "name = 'room'\n[source.cameras]\nkind = 'synthetic'\ncount = 6\nrate = 200\nsize = '160x120'\n\
         [step.who]\nkind = 'http'\nurl = '{}'\ncallback = {{}}\n{TAKE}\n\
         [sink.out]\nkind = 'files'\npath = '{}/{{camera}}/{{id}}.json'\nwrite = 'report'\n",
        service.url("/"),
        out.display()
    );
    fs::write(&path, text).expect("a job");
    let mut worker = Process::vigie(&["run", &path.display().to_string()]);
    assert!(worker.end().success(), "{}", worker.said());
    let reports = files(&out);
    assert!(!reports.is_empty(), "{}", worker.said());
    for file in &reports {
        let report: Value = serde_json::from_slice(&fs::read(out.join(file)).expect("a file")).expect("JSON");
        assert_eq!(report["values"]["age"], json!(34), "{file}");
    }
    assert_eq!(service.heard().len(), reports.len());
}
