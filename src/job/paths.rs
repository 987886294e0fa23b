//! No path of a job leaves `allowed_paths`, whatever part names it.

use std::fs;
use std::path::Path;

use super::Job;
use crate::allowed::Allowed;

/// What is wrong with a job where only `in/` of a folder is allowed; `{at}` stands for the folder. `ours` lies in `in/`,
/// `theirs` beside it.
fn wrong(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().join("in");
    fs::create_dir_all(&at).expect("a folder");
    for file in ["in/ours.jpg", "theirs.jpg", "in/ours.pem", "theirs.pem"] {
        fs::write(folder.path().join(file), "").expect("a file");
    }
    std::os::unix::fs::symlink(folder.path().join("theirs.jpg"), at.join("link.jpg")).expect("a link");
    let text = text.replace("{at}", &folder.path().display().to_string());
    let mut job = Job::parse(&text, &at.join("job.toml")).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    job.allowed = Allowed::new([at]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match job.check(runtime.handle()) {
        Ok(()) => vec![],
        Err(mistakes) => mistakes.list.into_iter().map(|mistake| mistake.what).collect(),
    }
}

fn job(source: &str, step: &str, sink: &str, dead: &str) -> String {
    let step = if step.is_empty() { String::new() } else { format!("[step.c]\n{step}\n") };
    format!("name = 'x'\n[source.a]\n{source}\n{step}[sink.b]\n{sink}\nwrite = 'frame'\n[dead]\n{dead}\n")
}

const PICTURES: &str = "kind = 'files'\npath = '{at}/in/ours.jpg'";
const RESULTS: &str = "kind = 'files'\npath = '{at}/in/out/{camera}/{id}.jpg'";
const LETTERS: &str = "kind = 'files'\npath = '{at}/in/dead/{id}'";

/// Catches limits that forbid what lies inside.
#[test]
fn what_lies_inside_may_be_named() {
    assert_eq!(wrong(&job(PICTURES, "", RESULTS, LETTERS)), Vec::<String>::new());
    let tls = "kind = 'mqtt'\nurl = 'mqtts://h'\ntopic = 't'\nca = 'ours.pem'";
    assert_eq!(wrong(&job(tls, "", RESULTS, LETTERS)), Vec::<String>::new());
}

/// Catches a part whose paths nobody looks at.
#[test]
fn no_part_names_what_lies_outside() {
    let sources = [
        "kind = 'files'\npath = '{at}/theirs.jpg'",
        "kind = 'files'\npath = '{at}/*.jpg'",
        "kind = 'files'\npath = '{at}/in/*.jpg'",
        "kind = 'files'\npath = '{at}/in/../{camera}.jpg'",
        "kind = 'files'\npath = '{at}/in/*/../../*.jpg'",
        "kind = 'files'\npath = '/etc/nothing/*.jpg'",
        "kind = 'mqtt'\nurl = 'mqtts://h'\ntopic = 't'\nca = '../theirs.pem'",
        "kind = 'kafka'\nbrokers = 'h:1'\ntopic = 't'\ngroup = 'g'\nca = '{at}/theirs.pem'",
        "kind = 'kafka'\nbrokers = 'h:1'\ntopic = 't'\ngroup = 'g'\nsettings = { 'ssl.ca.location' = '{at}/theirs.pem' }",
        "kind = 'kafka'\nbrokers = 'h:1'\ntopic = 't'\ngroup = 'g'\nsettings = { 'plugin.library.paths' = 'x' }",
    ];
    for source in sources {
        let said = wrong(&job(source, "", RESULTS, LETTERS));
        assert!(said.len() == 1 && said[0].contains("allowed_paths"), "{source}: {said:?}");
    }
    let sinks = [
        "kind = 'files'\npath = '{at}/out/{id}'",
        "kind = 'files'\npath = '{at}/in/../{id}'",
        "kind = 'files'\npath = '/{id}'",
        "kind = 'mongodb'\ndatabase = 'd'\ncollection = 'c'\nurl = 'mongodb://h/?tls=true&tlsCAFile={at}/theirs.pem'",
        "kind = 'kafka'\nbrokers = 'h:1'\ntopic = 't'\nkey = '../theirs.pem'\ncert = 'ours.pem'",
    ];
    for sink in sinks {
        let said = wrong(&job(PICTURES, "", sink, LETTERS));
        assert!(said.len() == 1 && said[0].contains("allowed_paths"), "{sink}: {said:?}");
    }
    for model in ["{at}/theirs.pem", "../theirs.pem", "/etc/passwd"] {
        let said = wrong(&job(PICTURES, &format!("kind = 'detect'\nmodel = '{model}'"), RESULTS, LETTERS));
        assert!(said.len() == 1 && said[0].contains("`model` leads to"), "{model}: {said:?}");
    }
    let said = wrong(&job(PICTURES, "", RESULTS, "kind = 'files'\npath = '{at}/dead/{id}'"));
    assert!(said.len() == 1 && said[0].contains("`path` leads to"), "{said:?}");
}

/// Catches a job that reads the cluster's own secret.
#[test]
fn no_job_gets_the_token_of_the_cluster() {
    let text = job(PICTURES, "", "kind = 'files'\npath = '${VIGIE_TOKEN}/{id}'", LETTERS);
    let mistakes = Job::parse(&text, Path::new("job.toml")).expect_err("it is a secret");
    assert!(mistakes.to_string().contains("no job gets it"), "{mistakes}");
}
