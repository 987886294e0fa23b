//! Models of many kinds against the engine of this process: ONNX Runtime, or what `VIGIE_ENGINE` names.

use std::fs;
use std::path::{Path, PathBuf};

use vigie::engine::{Engine, Model};

use crate::support::models;

/// What the engine in the box can't run, and a word of why.
const BEYOND: &[(&str, &str)] = &[];

fn all_models() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kinds = ["attributes", "classification", "detection", "face"];
    let shared = models().into_iter().flat_map(|folder| kinds.map(|kind| folder.join(kind)));
    let folders = shared.chain([here.join("models"), here.join("tests/references")]);
    let files = folders.flat_map(|folder| fs::read_dir(folder).expect("a folder of models").flatten());
    let mut files: Vec<_> = files.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "onnx"));
    files.sort();
    files
}

/// Catches a model that an engine can no longer run, one that it can run by now, and a refusal that does not say who refuses.
#[test]
fn models_run_but_for_those_that_are_known_not_to() {
    let in_the_box = Engine::here().expect("an engine").to_string() == "tract";
    let mut wrong = Vec::new();
    for file in all_models() {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let known = BEYOND.iter().find(|(beyond, _)| in_the_box && *beyond == name);
        match (Model::load(&file), known) {
            (Ok(_), None) => {}
            (Ok(_), Some(_)) => wrong.push(format!("{name}: it runs by now")),
            (Err(why), Some((_, word))) if why.contains("can't be run by tract") && why.contains(word) => {}
            (Err(why), _) => wrong.push(format!("{name}: {why}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
