//! What users get wrong: each job file here gives the error that stands beside it, word for word.
//!
//! `VIGIE_BLESS=1` writes the errors anew; then read them as somebody who does not know the program.

use std::fs;
use std::path::{Path, PathBuf};

/// The files of a folder of this crate with that ending, in order, as a user in the crate's folder names them.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let inside = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).read_dir().expect("the folder is there");
    let names = inside.map(|entry| Path::new(folder).join(entry.expect("it can be read").file_name()));
    let mut files: Vec<_> = names.filter(|name| name.extension().is_some_and(|own| own == ending)).collect();
    files.sort();
    files
}

/// What `vigie check` says of a job file.
fn check(job: &Path) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    vigie::check::told(job, runtime.handle()).map_err(|mistakes| mistakes.to_string())
}

#[test]
fn every_wrong_job_gives_the_error_beside_it() {
    let mut differences = Vec::new();
    let jobs = files("tests/wrong", "toml");
    assert!(jobs.len() >= 20, "{} wrong jobs", jobs.len());
    for job in jobs {
        let said = match check(&job) {
            Ok(text) => format!("nothing is wrong: {text}"),
            Err(mistakes) => mistakes,
        };
        let beside = job.with_extension("txt");
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
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&error)).expect("it can be read");
        let lines: Vec<_> = text.lines().collect();
        assert!(!lines.is_empty() && lines.len().is_multiple_of(2), "{}: {text}", error.display());
        for pair in lines.chunks(2) {
            assert!(pair[0].starts_with("error: ") && !pair[0].ends_with('.'), "{}: {}", error.display(), pair[0]);
            assert!(pair[1].starts_with("  --> tests/wrong/"), "{}: {}", error.display(), pair[1]);
        }
    }
}
