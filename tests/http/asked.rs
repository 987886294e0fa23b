//! What a service hears, and what becomes of what it says.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};
use vigie::codec::Limits;

use super::{Bench, door, failed, image};
use crate::support::certificates::Authority;
use crate::support::service::{Reply, Secure, Service, lead, say};

const AGE: &str = r#"{"result": {"age": 34}}"#;

/// Catches a body that a service does not know for what it is, and an answer that does not arrive.
#[test]
fn each_form_arrives_and_is_answered() {
    let service = Service::start(|_, _| say(200, AGE));
    let forms = [
        ("raw", "image/jpeg"),
        ("multipart", "multipart/form-data"),
        ("json", "application/json"),
        ("inference", "application/json"),
    ];
    for (at, (form, media)) in forms.into_iter().enumerate() {
        let keys = format!(
            "url = '{}'\nbody = '{form}'\nheaders = {{ Authorization = 'Bearer hush' }}\ntake = {{ values = {{ age = 'result.age' }} }}",
            service.url("/of/{camera}?id={id}&number={number}&job={job}")
        );
        let picture = Bench::new(&keys).ask().expect("an answer");
        assert_eq!(picture.values["age"], json!(34), "{form}");
        assert!(picture.timings.iter().any(|(stage, _)| *stage == "http"), "{form}");
        let heard = &service.heard()[at];
        assert_eq!((heard.method.as_str(), heard.path.as_str()), ("POST", "/of/door?id=7&number=7&job=room"));
        assert!(heard.header("content-type").is_some_and(|own| own.starts_with(media)), "{form}: {heard:?}");
        assert_eq!(heard.header("authorization"), Some("Bearer hush"));
        assert!(heard.header("idempotency-key").is_some_and(|key| key.starts_with("room/door/7/who/")), "{heard:?}");
        match form {
            "raw" => assert_eq!(heard.body, image(8, 4).to_vec()),
            "multipart" => assert!(heard.body.windows(4).any(|bytes| bytes == [0xff, 0xd8, 0xff, 0xe0]), "no JPEG"),
            _ => drop(serde_json::from_slice::<Value>(&heard.body).expect("JSON")),
        }
    }
}

/// Catches a GET with a body, and a method that is not the one that was asked for.
#[test]
fn a_service_is_asked_by_the_method_that_is_said() {
    let service = Service::start(|_, _| say(200, AGE));
    for method in ["get", "put"] {
        let keys = format!("url = '{}'\nmethod = '{method}'", service.url("/faces/{id}"));
        Bench::new(&keys).ask().expect("an answer");
    }
    let heard = service.heard();
    assert_eq!((heard[0].method.as_str(), heard[0].path.as_str(), heard[0].body.len()), ("GET", "/faces/7", 0));
    assert_eq!((heard[1].method.as_str(), &heard[1].body), ("PUT", &image(8, 4).to_vec()));
    assert!(heard[0].header("content-type").is_none() && heard[0].header("idempotency-key").is_none());
}

/// Catches detections and pictures that are taken at another place or size.
#[test]
fn detections_and_pictures_are_taken() {
    let keys = |service: &Service, take: &str| format!("url = '{}'\ntake = {{ {take} }}", service.url("/"));
    let faces = json!({ "faces": [{ "xyxy": [1, 1, 3, 4], "p": 0.5, "who": "ann" }] });
    let service = Service::start(move |_, _| say(200, &faces));
    let take = "detections = 'faces', box = 'xyxy', corners = true, score = 'p', label = 'who'";
    let picture = Bench::new(&keys(&service, take)).ask().expect("an answer");
    let found = &picture.detections[0];
    assert_eq!((found.area, found.score, &*found.label), ([1.0, 1.0, 2.0, 3.0], 0.5, "ann"));

    let service = Service::start(|_, _| Reply::Say(200, vec![], image(20, 30).to_vec()));
    let mut picture = Bench::new(&keys(&service, "picture = true")).ask().expect("an answer");
    assert_eq!(
        picture.pixels(&Limits::default()).map(|pixels| (pixels.width, pixels.height)).expect("pixels"),
        (20, 30)
    );
    let service = Service::start(|_, _| say(200, "<html>"));
    let told = Bench::new(&keys(&service, "picture = true")).ask().expect_err("no image").detail;
    assert!(told.contains("the answer is no image"), "{told}");
    let told = failed(Bench::new(&keys(&service, "values = { a = 'b' }")).ask());
    assert!(told.contains("the answer is no JSON"), "{told}");
}

/// Catches a request that is not tried again, or under another key: the service would do it twice.
#[test]
fn what_fails_is_tried_again_under_the_same_key() {
    let service = Service::start(|number, _| match number {
        0 => say(500, "out of order"),
        1 => Reply::Half,
        2 => say(429, ""),
        _ => say(200, AGE),
    });
    let bench = Bench::new(&format!("url = '{}'\nretries = 3\nopen_after = 9", service.url("/")));
    bench.ask().expect("an answer at last");
    let keys = || service.heard().into_iter().filter_map(|heard| heard.header("idempotency-key").map(str::to_owned));
    assert_eq!((service.heard().len(), keys().collect::<BTreeSet<_>>().len()), (4, 1));
    assert_eq!((bench.count("failed"), bench.count("answered")), (3, 1));
    bench.ask().expect("an answer");
    assert_eq!(keys().collect::<BTreeSet<_>>().len(), 1, "a frame that comes again is the same");
    let mut piece = door("7");
    piece.frame.bytes = image(4, 4);
    bench.ask_about(piece).expect("an answer");
    bench.ask_about(door("8")).expect("an answer");
    assert_eq!(keys().collect::<BTreeSet<_>>().len(), 3, "another piece of it, or another frame, is not");
}

/// Catches a refusal that is tried again, and one that does not say what the service said.
#[test]
fn what_is_refused_is_not_tried_again() {
    let service = Service::start(|_, _| say(422, "no face\r\nin it"));
    let bench = Bench::new(&format!("url = '{}'", service.url("/x?key=hush")));
    let told = failed(bench.ask());
    assert_eq!((service.heard().len(), bench.count("refused")), (1, 1));
    assert!(told.contains("answers 422") && told.contains(": no face  in it") && !told.contains("hush"), "{told}");
}

/// Catches an answer that fills the memory, and one that never comes.
#[test]
fn no_answer_is_too_large_or_too_late() {
    for reply in [Reply::Endless, Reply::Promise(1 << 30), say(200, "x".repeat(2000))] {
        let service = Service::start(move |_, _| reply.clone());
        let told = failed(Bench::new(&format!("url = '{}'\nmax_answer = '1KiB'", service.url("/"))).ask());
        assert!(told.contains("more than 1.0 KiB (`max_answer`)"), "{told}");
    }
    for reply in [Reply::Silent, Reply::Promise(9)] {
        let service = Service::start(move |_, _| reply.clone());
        let keys = format!("url = '{}'\ntimeout = '100ms'\nretries = 1\naway = 'dead'", service.url("/"));
        let told = failed(Bench::new(&keys).ask());
        assert!(told.contains("did not answer within 100ms"), "{told}");
        assert_eq!(service.heard().len(), 2);
    }
}

/// Catches pictures of a batch that wait for each other, and more of them at once than may be.
#[test]
fn a_batch_is_asked_about_together() {
    let inside = Arc::new((Mutex::new((0, 0)), Condvar::new()));
    let service = Service::start(move |_, _| {
        let (count, changed) = &*inside;
        let mut now = count.lock().expect("nobody panics");
        (now.0, now.1) = (now.0 + 1, now.1.max(now.0 + 1));
        changed.notify_all();
        // Nobody is answered before three are here.
        let mut now = changed.wait_while(now, |(_, most)| *most < 3).expect("nobody panics");
        now.0 -= 1;
        assert!(now.1 <= 3, "{} at once", now.1);
        say(200, AGE)
    });
    let bench = Bench::new(&format!("url = '{}'\nat_once = 3", service.url("/")));
    let batch: Vec<_> = (0..60).map(|id| door(&id.to_string())).collect();
    let asked = bench.open().run(batch);
    assert!(asked.iter().all(Result::is_ok), "{asked:?}");
    assert_eq!((service.heard().len(), bench.count("answered")), (60, 60));
}

/// Catches a picture of a batch that fails and holds up the others, or the whole step.
#[test]
fn a_batch_of_which_some_fail_is_answered_all_the_same() {
    let service = Service::start(|number, _| if number % 3 == 0 { say(500, "") } else { say(200, AGE) });
    let bench = Bench::new(&format!("url = '{}'\nretries = 50\naway = 'dead'", service.url("/")));
    let asked = bench.open().run((0..40).map(|id| door(&id.to_string())).collect());
    assert!(asked.iter().all(Result::is_ok), "{asked:?}");
    assert_eq!(bench.count("answered"), 40);
}

/// Catches a certificate that nobody looks at, and a `ca` that is not trusted.
#[test]
fn a_service_shows_a_certificate_that_the_ca_signed() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path());
    authority.sign("own", &["localhost"]);
    let service = Secure::start(&authority);
    let keys = format!("url = 'https://localhost:{}/'\nretries = 0\naway = 'dead'", service.port);
    let told = failed(Bench::new(&keys).ask());
    assert!(told.contains("UnknownIssuer"), "{told}");
    Bench::new(&format!("{keys}\nca = '{}'", authority.file("ca.pem").display())).ask().expect("it is trusted");
    let other = format!("{keys}\nca = '{}'", authority.file("ca.pem").display()).replace("localhost", "127.0.0.1");
    let told = failed(Bench::new(&other).ask());
    assert!(told.contains("not valid for name"), "{told}");
}

/// Catches an asynchronous service whose first answer is taken for the answer, or that is asked for ever.
#[test]
fn a_service_that_answers_later_is_asked_until_it_is_done() {
    let service = Service::start(|number, heard| match (number, heard.method.as_str()) {
        (0, "POST") => lead(202, "/task/1"),
        (1, "GET") => say(503, "busy"),
        (2, "GET") => say(202, ""),
        _ => say(200, AGE),
    });
    let keys = "poll = { interval = '10ms' }\nheaders = { X-Key = 'hush' }\ntake = { values = { age = 'result.age' } }";
    let picture = Bench::new(&format!("url = '{}'\n{keys}", service.url("/task"))).ask().expect("an answer");
    assert_eq!(picture.values["age"], json!(34));
    let heard = service.heard();
    assert_eq!(
        heard.iter().map(|heard| heard.path.as_str()).collect::<Vec<_>>(),
        ["/task", "/task/1", "/task/1", "/task/1"]
    );
    assert!(heard.iter().all(|heard| heard.header("x-key") == Some("hush")));

    let states = ["queued", "working", "failed"];
    let service = Service::start(move |number, _| say(200, json!({ "state": states[number.min(2)], "get": "/1" })));
    let keys = "poll = { at = 'get', state = 'state', interval = '10ms' }";
    let told = failed(Bench::new(&format!("url = '{}'\n{keys}", service.url("/"))).ask());
    assert!(told.contains("has failed (`failed`)"), "{told}");

    let service = Service::start(|_, _| lead(202, "/1"));
    let keys = "poll = { interval = '10ms', deadline = '100ms' }\nretries = 0\naway = 'dead'";
    let told = failed(Bench::new(&format!("url = '{}'\n{keys}", service.url("/"))).ask());
    assert!(told.contains("was not done within 100ms"), "{told}");
}
