//! What users get wrong: each job file here gives the error that stands beside it, word for word.
//!
//! `VIGIE_BLESS=1` writes the errors anew; then read them as somebody who does not know the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{frames, models};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The wrong jobs whose mistake is in what they ask of a model of another family.
const NEED_MODELS: [&str; 1] = ["unknown-family.toml"];

/// The jobs for people whose model is not Vigie's own.
const BRING_A_MODEL: [&str; 9] = [
    "blur-women.toml",
    "cifar.toml",
    "describe-faces.toml",
    "digits.toml",
    "face-analyze.toml",
    "face-blur.toml",
    "face-thumbnail.toml",
    "faces-edge.toml",
    "latency.toml",
];

/// The files of a folder of this crate with that ending, in order, as a user in the crate's folder names them.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let inside = Path::new(HERE).join(folder).read_dir().expect("the folder is there");
    let names = inside.map(|entry| Path::new(folder).join(entry.expect("it can be read").file_name()));
    let mut files: Vec<_> = names.filter(|name| name.extension().is_some_and(|own| own == ending)).collect();
    files.sort();
    files
}

/// What `vigie check` says of a job file, to whom (out, err), and its exit code.
fn check(job: &Path, models: Option<&Path>, pictures: Option<&Path>) -> (String, String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command.current_dir(HERE).arg("check").arg(job).env_remove("VIGIE_MODELS").env_remove("VIGIE_PICTURES");
    command
        .envs(models.map(|models| ("VIGIE_MODELS", models)))
        .envs(pictures.map(|pictures| ("VIGIE_PICTURES", pictures)));
    let output = command.output().expect("vigie starts");
    let text = |bytes| String::from_utf8(bytes).expect("it is text");
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// The error that is told of a wrong job; `None`, where this machine can't know.
fn error(job: &Path) -> Option<String> {
    let needed = if NEED_MODELS.iter().any(|name| job.ends_with(name)) { Some(models()?) } else { None };
    let (out, err, code) = check(job, needed.as_deref(), None);
    assert_eq!((out.as_str(), code), ("", Some(2)), "{}\n{err}", job.display());
    Some(err)
}

#[test]
fn every_wrong_job_gives_the_error_beside_it() {
    let mut differences = Vec::new();
    let jobs = files("tests/wrong", "toml");
    assert!(jobs.len() >= 20, "{} wrong jobs", jobs.len());
    for job in jobs {
        let Some(said) = error(&job) else { continue };
        let beside = Path::new(HERE).join(job.with_extension("txt"));
        if std::env::var_os("VIGIE_BLESS").is_some() {
            fs::write(&beside, &said).expect("the error can be written");
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if said != expected {
            differences.push(format!("{}\nexpected:\n{expected}\nsaid:\n{said}", job.display()));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn every_error_is_one_sentence_and_a_place() {
    for error in files("tests/wrong", "txt") {
        let text = fs::read_to_string(Path::new(HERE).join(&error)).expect("it can be read");
        let lines: Vec<_> = text.lines().collect();
        assert!(!lines.is_empty() && lines.len().is_multiple_of(2), "{}: {text}", error.display());
        for pair in lines.chunks(2) {
            assert!(pair[0].starts_with("error: ") && !pair[0].ends_with('.'), "{}: {}", error.display(), pair[0]);
            assert!(pair[1].starts_with("  --> tests/wrong/"), "{}: {}", error.display(), pair[1]);
        }
    }
}

/// Catches an example that is wrong, and one that says something else than it does.
#[test]
fn the_cluster_file_for_people_is_sound() {
    let (out, err, code) = check(Path::new("cluster.toml"), None, None);
    assert_eq!((err.as_str(), code), ("", Some(0)), "{out}");
    assert!(out.contains("cluster.toml is sound") && out.contains("-p 1  localhost:2102"), "{out}");
}

#[test]
fn every_job_for_people_is_sound() {
    let pictures = tempfile::tempdir().expect("a folder");
    fs::write(pictures.path().join("1.jpg"), &frames(1)[0]).expect("a picture");
    for job in files("jobs", "toml") {
        let brings = BRING_A_MODEL.iter().any(|name| job.ends_with(name));
        let needed = models().filter(|_| brings);
        if brings && needed.is_none() {
            continue;
        }
        let (out, err, code) = check(&job, needed.as_deref(), Some(pictures.path()));
        assert_eq!((err.as_str(), code), ("", Some(0)), "{}", job.display());
        assert!(out.contains("is sound"), "{out}");
    }
}
