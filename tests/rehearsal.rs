//! `vigie try`, as somebody types it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{detector, files, room};

/// A job with a branch, pieces, and a step that lets pieces go.
fn job(folder: &Path) -> String {
    let path = folder.join("room.toml");
    let text = format!(
        "name = 'room'\n[source.door]\nkind = 'synthetic'\n[source.yard]\nkind = 'synthetic'\n\
         [step.persons]\nkind = 'detect'\nmodel = '{}'\nfrom = ['door', 'yard']\n\
         [step.full]\nkind = 'branch'\nwhen = 'size(detections) > 0'\n\
         [step.person]\nkind = 'each'\n[step.grey]\nkind = 'grey'\n[step.large]\nkind = 'where'\nwhen = 'width > 9000'\n\
         from = 'person'\n[step.whole]\nkind = 'collect'\nfrom = ['grey', 'large']\n\
         [sink.out]\nkind = 'files'\npath = 'out/{{id}}.jpg'\nwrite = 'image'\nfrom = ['whole', 'full.else']\n",
        detector().display()
    );
    fs::write(&path, text).expect("a job");
    path.display().to_string()
}

fn tried(folder: &Path, words: &[&str]) -> (Output, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_vigie")).arg("try").args(words).current_dir(folder).output();
    let output = output.expect("vigie starts");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

/// Catches a step that is not shown, a way that is not told, and a sink or a source that is opened.
#[test]
fn every_step_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let job = job(folder.path());
    let frame = (0..400).map(|number| room().frame(number)).find(|(_, truth)| truth.persons.len() >= 3);
    let empty = (0..400).map(|number| room().frame(number)).find(|(_, truth)| truth.persons.is_empty());
    fs::write(folder.path().join("a.jpg"), frame.expect("persons").0).expect("a picture");
    fs::write(folder.path().join("b.jpg"), empty.expect("an empty room").0).expect("a picture");
    let (output, out, err) = tried(folder.path(), &[&job, "a.jpg", "b.jpg", "--port", "yard"]);
    assert!(output.status.success(), "{err}");
    for said in
        ["yard ", "persons ", "full ", "full.else", "piece person.0", "is let go here", "out would get image/jpeg"]
    {
        assert!(out.contains(said), "{said}: {out}");
    }
    assert!(!out.contains("door"), "{out}");
    assert!(!folder.path().join("out").exists(), "nothing is written to its sinks");
    let there = files(&folder.path().join("try"));
    assert!(there.iter().any(|name| name.starts_with("a.person.0-") && name.ends_with("-grey.jpg")), "{there:?}");
    let page = fs::read_to_string(folder.path().join("try/index.html")).expect("the page");
    assert_eq!(page.matches("<img ").count() + 1, there.len(), "a picture for each file, and the page itself");
    let again = tried(folder.path(), &[&job, "b.jpg"]);
    assert!(again.0.status.success());
    assert!(files(&folder.path().join("try")).len() < there.len(), "what lay there is replaced");
}

/// Catches a mistake of somebody who types that is told as one of the program, and a folder of somebody's that is emptied.
#[test]
fn what_is_wrong_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let job = job(folder.path());
    let (output, _, err) = tried(folder.path(), &[&job, "none.jpg"]);
    assert!(!output.status.success() && err.contains("can't read the picture none.jpg"), "{err}");
    fs::write(folder.path().join("b.jpg"), "no picture").expect("a file");
    let (output, _, err) = tried(folder.path(), &[&job, "b.jpg", "--port", "roof"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("no source `roof`. Known here: door, yard"), "{err}");
    fs::create_dir(folder.path().join("mine")).expect("a folder");
    fs::write(folder.path().join("mine/letter"), "dear").expect("a file");
    fs::write(folder.path().join("mine/a-01-b.jpg"), "mine").expect("a file");
    let (output, out, err) = tried(folder.path(), &[&job, "b.jpg", "--to", "mine"]);
    assert!(output.status.success(), "{err}");
    assert!(folder.path().join("mine/a-01-b.jpg").exists(), "no page of a try lay beside it");
    assert!(tried(folder.path(), &[&job, "b.jpg", "--to", "mine"]).0.status.success());
    assert!(out.contains("FAULT undecodable") && out.contains("it is a dead letter"), "{out}");
    assert!(folder.path().join("mine/letter").exists());
}

/// A job that asks a service which is away, and stores what it says.
fn service_job(folder: &Path) -> String {
    let path = folder.join("ages.toml");
    let text = "name = 'ages'\n[source.door]\nkind = 'synthetic'\n\
                [step.who]\nkind = 'http'\nurl = 'http://127.0.0.1:1/'\npause = '10ms'\n\
                take = { values = { age = 'age' } }\n\
                [sink.out]\nkind = 'files'\npath = 'out/{camera}/{number}-{id}.json'\n";
    fs::write(&path, text).expect("a job");
    fs::write(folder.join("a.jpg"), room().frame(0).0).expect("a picture");
    path.display().to_string()
}

/// Catches a pipeline that can't be tried without its service, and an answer that nobody knows to be played.
#[test]
fn a_mock_stands_for_what_is_outside() {
    let folder = tempfile::tempdir().expect("a folder");
    let job = service_job(folder.path());
    let mock = "[source.door]\ncamera = 'yard'\nid = 'x'\nnumber = 7\n\
                [step.who]\nanswers = [{ status = 503 }, { json = { age = 34 } }]\n";
    fs::write(folder.path().join("mock.toml"), mock).expect("a mock");
    let (output, out, err) = tried(folder.path(), &[&job, "a.jpg", "--mock", "mock.toml"]);
    assert!(output.status.success(), "{err}");
    for said in ["age = 34", "answered by mock.toml", "at out/yard/7-x.json", "it is a result"] {
        assert!(out.contains(said), "{said}: {out}");
    }
    let page = fs::read_to_string(folder.path().join("try/index.html")).expect("the page");
    assert!(page.contains("answered by mock.toml") && page.contains("out/yard/7-x.json"));
    fs::write(folder.path().join("mock.toml"), format!("{mock}[sink.out]\nrefuse = 'it is full'\n")).expect("a mock");
    let (output, out, _) = tried(folder.path(), &[&job, "a.jpg", "--mock", "mock.toml", "--camera", "roof"]);
    assert!(output.status.success());
    for said in ["out refuses application/json", "at dead/roof/x-refused", "a dead letter, refused: it is full"] {
        assert!(out.contains(said), "{said}: {out}");
    }
    fs::write(folder.path().join("mock.toml"), "[step.whom]\nanswers = [{}]\n").expect("a mock");
    let (output, _, err) = tried(folder.path(), &[&job, "a.jpg", "--mock", "mock.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("did you mean `who`?") && err.contains("mock.toml:1:7"), "{err}");
}

/// Catches a try that waits for ever for a service that is away, as its job would.
#[test]
fn a_try_does_not_wait_for_a_service_that_is_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let job = service_job(folder.path());
    let (output, out, err) = tried(folder.path(), &[&job, "a.jpg"]);
    assert!(output.status.success(), "{err}");
    assert!(out.contains("FAULT service-failed: http://127.0.0.1:1 does not answer"), "{out}");
    let calls = fs::read_to_string(&job).expect("the job").replace("pause =", "callback = {}\npause =");
    fs::write(&job, calls).expect("a job");
    let (output, _, err) = tried(folder.path(), &[&job, "a.jpg"]);
    assert!(!output.status.success() && err.contains("--mock FILE, under [step.who]"), "{err}");
}
