//! A service that is away: who waits, who goes on, and who asks meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{Bench, door, failed, flaw};
use crate::support::service::{Reply, Service, say};
use crate::support::{free_port, wait};

/// Catches a service that is away and asked on by every picture.
#[test]
fn nobody_asks_a_service_that_is_away() {
    let service = Service::start(|_, _| say(500, "out of order"));
    let keys = "retries = 0\nopen_after = 3\nopen_for = '10min'\nat_once = 1\naway = 'skip'";
    let bench = Bench::new(&format!("url = '{}'\n{keys}", service.url("/")));
    let asked = bench.open().run((0..20).map(|id| door(&id.to_string())).collect());
    for picture in asked {
        let picture = picture.map_err(flaw).expect("it goes on");
        let why = picture.values["who_skipped"].as_str().expect("words").to_owned();
        assert!(why.contains("answers 500") && why.contains("out of order"), "{why}");
    }
    assert_eq!((service.heard().len(), bench.count("failed")), (3, 3));
    let [wait] = &bench.board.waits()[..] else { panic!("{:?}", bench.board.waits()) };
    let shown = wait.to_string();
    assert!(shown.starts_with("waiting for http (who): ") && shown.contains("pictures go on without it"), "{shown}");
}

/// Catches a breaker that stays open, and a notice that stays on the board.
#[test]
fn a_service_that_is_back_is_asked_again() {
    let service = Service::start(|number, _| if number < 3 { say(500, "") } else { say(200, "{}") });
    let keys = "retries = 0\nopen_after = 2\nopen_for = '10ms'\naway = 'dead'";
    let bench = Bench::new(&format!("url = '{}'\n{keys}", service.url("/")));
    assert!(failed(bench.ask()).contains("answers 500"));
    assert!(bench.board.waits().is_empty(), "one failure is no outage");
    assert!(failed(bench.ask()).contains("answers 500"));
    assert!(bench.board.waits()[0].to_string().contains("dead letters"));
    wait("an answer", || bench.ask().ok());
    assert!(bench.board.waits().is_empty());
}

/// Catches a picture that is lost while nobody is there, and a word that is missing meanwhile.
#[test]
fn pictures_wait_for_a_service_that_is_away() {
    let port = free_port();
    let keys = "open_after = 2\nopen_for = '50ms'";
    let bench = Bench::new(&format!("url = 'http://127.0.0.1:{port}/'\n{keys}"));
    thread::scope(|scope| {
        let asking = scope.spawn(|| bench.ask().map(|picture| picture.frame.id));
        let shown = wait("a word on the board", || bench.board.waits().first().map(ToString::to_string));
        assert!(shown.contains(&format!("http://127.0.0.1:{port} does not answer: Connection refused")), "{shown}");
        let service = Service::on(port, |_, _| say(200, "{}"));
        assert!(asking.join().expect("no panic").is_ok());
        assert_eq!(service.heard().len(), 1);
    });
    assert!(bench.board.waits().is_empty());
}

/// Catches a step that waits for a service after its job has gone.
#[test]
fn nobody_waits_for_a_job_that_has_gone() {
    let silent = Service::start(|_, _| Reply::Silent);
    for url in [silent.url("/"), format!("http://127.0.0.1:{}/", free_port())] {
        let bench = Bench::new(&format!("url = '{url}'\ntimeout = '10min'\nopen_after = 1\nopen_for = '10min'"));
        thread::scope(|scope| {
            let asking = scope.spawn(|| bench.ask().map(drop));
            wait("the step to ask", || (!silent.heard().is_empty() || bench.count("failed") > 0).then_some(()));
            bench.board.close();
            let told = asking.join().expect("no panic").expect_err("nobody wants to know").detail;
            assert!(told.contains("not installed any more"), "{told}");
        });
    }
}

/// Catches one picture that a service never takes and that holds the job for ever, although others are answered.
#[test]
fn a_picture_that_alone_fails_is_not_waited_for() {
    let service = Service::start(|_, heard| if heard.path == "/bad" { say(500, "") } else { say(200, "{}") });
    let bench = Bench::new(&format!("url = '{}'\nopen_for = '10ms'", service.url("/{id}")));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut others = bench.open();
        let (over, bench) = (&over, &bench);
        scope.spawn(move || {
            while !over.load(Ordering::Acquire) {
                assert!(others.run(vec![door("good")]).iter().all(Result::is_ok));
            }
        });
        let told = failed(bench.ask_about(door("bad")));
        over.store(true, Ordering::Release);
        assert!(told.contains("others were answered meanwhile"), "{told}");
    });
}
