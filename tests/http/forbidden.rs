//! Where a job may not go, and what a service may not lead it to.

use vigie::outgoing::Hosts;

use super::{Bench, failed};
use crate::support::service::{Service, lead, say};

fn hosts(rows: &[&str]) -> Hosts {
    let rows: Vec<_> = rows.iter().map(|row| (*row).to_owned()).collect();
    Hosts::parse(&rows).expect("hosts")
}

/// What is wrong with a job that asks `url` in a cluster that lists `rows`.
fn wrong(url: &str, rows: &[&str]) -> Option<String> {
    Bench::checked(&format!("url = '{url}'"), hosts(rows)).err().map(|wrong| wrong.to_string())
}

/// Catches a job that is installed although its service may not be asked.
#[test]
fn a_cluster_lets_jobs_ask_whom_it_lists() {
    let told = wrong("http://detector.example/x?key=hush", &[]).expect("nobody is listed");
    assert!(
        told.contains("may ask no host") && told.contains("allow_hosts") && told.contains("room.toml:7:7"),
        "{told}"
    );
    for url in [
        "http://127.0.0.1:80/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://10.0.0.1/",
        "http://0/",
    ] {
        assert!(wrong(url, &["*", "*.svc"]).is_some_and(|told| told.contains("may not be asked")), "{url}");
    }
    assert_eq!(wrong("http://a.svc:99/", &["*.svc"]), None);
    assert_eq!(wrong("http://anyone.example/", &["*"]), None);
    assert_eq!(wrong("http://127.0.0.1:80/", &["127.0.0.0/8"]), None);
}

/// Catches a name that leads to this machine, as no check of the job can see.
#[test]
fn a_name_that_leads_inside_is_refused_when_it_is_asked() {
    let service = Service::start(|_, _| say(200, "{}"));
    let url = format!("url = 'http://localhost:{}/'", service.port);
    let told = failed(Bench::checked(&url, hosts(&["*"])).expect("nothing is known yet").ask());
    assert!(told.contains("localhost leads to ") && told.contains("which is loopback"), "{told}");
    assert!(service.heard().is_empty());
    Bench::checked(&url, hosts(&["localhost"])).expect("sound").ask().expect("it is listed");
    Bench::checked(&url, hosts(&["*", "127.0.0.1", "::1"])).expect("sound").ask().expect("its address is listed");
    Bench::new(&url).ask().expect("one's own job asks whom it names");
    assert_eq!(service.heard().len(), 3);
}

/// Catches a redirect that leads out of the list, and secrets that go along with one that does not.
#[test]
fn a_redirect_stays_among_those_who_may_be_asked() {
    let other = Service::start(|_, _| say(200, "{}"));
    let to = other.url("/there");
    let service = Service::start(move |_, heard| match heard.path.as_str() {
        "/same" => lead(307, "/end"),
        "/see" => lead(303, "/end"),
        "/other" => lead(307, &to),
        "/round" => lead(302, "/round"),
        "/nowhere" => say(302, ""),
        "/metadata" => lead(302, "http://169.254.169.254/latest/meta-data/"),
        "/inside" => lead(302, "http://10.0.0.1:9000/x?key=secret"),
        "/file" => lead(302, "file:///etc/passwd"),
        "/decimal" => lead(302, "http://2852039166/"),
        _ => say(200, "{}"),
    });
    let ask = |path: &str| Bench::new(&format!("url = '{}'\nheaders = {{ X-Key = 'hush' }}", service.url(path))).ask();
    ask("/same").expect("it stays");
    ask("/see").expect("it stays");
    let heard = service.heard();
    let methods: Vec<_> = heard.iter().map(|heard| (heard.method.as_str(), heard.body.is_empty())).collect();
    assert_eq!(methods, [("POST", false), ("POST", false), ("POST", false), ("GET", true)]);
    assert!(heard.iter().all(|heard| heard.header("x-key") == Some("hush")));
    ask("/other").expect("the same host on another port may be asked");
    assert_eq!(other.heard()[0].header("x-key"), None, "and is not told the secrets of this one");
    for (path, word) in [
        ("/round", "redirects more than 3 times"),
        ("/nowhere", "does not say where to go"),
        ("/metadata", "http://169.254.169.254 may not be asked"),
        ("/inside", "http://10.0.0.1:9000 may not be asked"),
        ("/file", "neither by http nor by https"),
        ("/decimal", "http://169.254.169.254 may not be asked"),
    ] {
        let told = failed(ask(path));
        assert!(told.contains(word) && !told.contains("secret"), "{path}: {told}");
    }
}

/// Catches an asynchronous service that has others asked in its name.
#[test]
fn a_service_that_answers_later_does_not_choose_who_is_asked() {
    let service = Service::start(|_, _| lead(202, "http://169.254.169.254/latest"));
    let told = failed(Bench::new(&format!("url = '{}'\npoll = {{ interval = '10ms' }}", service.url("/"))).ask());
    assert!(told.contains("http://169.254.169.254 may not be asked"), "{told}");
}
