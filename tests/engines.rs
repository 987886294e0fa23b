//! Models of many kinds against the engine of this process: ONNX Runtime, or what `VIGIE_ENGINE` names.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vigie::engine::{Engine, Model};

use crate::support::models;

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

/// Catches a model that an engine can no longer run.
#[test]
fn every_model_at_hand_runs() {
    let refused: Vec<_> = all_models().into_iter().filter_map(|file| Model::load(&file).err()).collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// Catches a batch that is told other things on all cores, and one that never gets them.
#[test]
fn a_batch_that_is_alone_is_told_the_same_on_all_cores() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = Engine::here().expect("an engine").to_string() == "ONNX Runtime";
    if cores < 2 || !runtime {
        return println!("skipped: one core, or an engine that has no threads");
    }
    let model = Model::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models/persons.onnx")).expect("a model");
    let mut session = model.session().expect("a session");
    let mut said: Vec<Vec<f32>> = Vec::new();
    let start = Instant::now();
    while !model.manner().why.contains("on all cores") {
        assert!(start.elapsed() < Duration::from_secs(60), "all cores were not tried: {}", model.manner().why);
        let (mut numbers, began) = (Vec::new(), Instant::now());
        let fill = |frame: usize, input: &mut [f32]| {
            input.iter_mut().enumerate().for_each(|(at, value)| *value = (at * (frame + 3) % 256) as f32);
        };
        session.run(3, fill, |_, outputs| numbers.extend_from_slice(outputs[0].data)).expect("it runs");
        said.push(numbers);
        // A model that works more than half of the time is not alone.
        std::thread::sleep(began.elapsed() + Duration::from_millis(1));
    }
    let differs = |numbers: &&Vec<f32>| numbers.iter().zip(&said[0]).any(|(one, other)| (one - other).abs() > 1e-3);
    assert_eq!(said.iter().filter(differs).count(), 0, "of {} batches", said.len());
}
