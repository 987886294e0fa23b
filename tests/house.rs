//! The rules of the house: what a compiler does not check of ARCHITECTURE.md.

use std::fs;
use std::path::Path;

use crate::support::files;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    fs::read_to_string(here().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Catches a source, step, view or sink that was written and can't be named in a job.
#[test]
fn every_kind_has_a_row() {
    let names = |folder: &str| match folder {
        "sources" => vigie::sources::KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>(),
        "views/kinds" => vigie::views::KINDS.iter().map(|kind| kind.name).collect(),
        "steps" => vigie::steps::KINDS.iter().map(|kind| kind.name).collect(),
        _ => vigie::sinks::KINDS.iter().map(|kind| kind.name).collect(),
    };
    for folder in ["sources", "steps", "views/kinds", "sinks"] {
        for entry in fs::read_dir(here().join("src").join(folder)).expect("a folder").flatten() {
            let name = entry.file_name().into_string().expect("a name");
            let kind = name.trim_end_matches(".rs");
            let has_row = ["label", "ledger", "message", "mod", "objects", "pace", "together"].contains(&kind)
                || names(folder).contains(&kind);
            assert!(has_row, "src/{folder}/{name} has no row in KINDS");
        }
    }
}

/// Catches a dependency that runs the wrong way: the operators open nothing, and parts do not know each other.
#[test]
fn dependencies_run_one_way() {
    let operators = text("operators/Cargo.toml");
    for io in ["tokio", "rumqttc", "ort", "image", "object_store", "axum"] {
        assert!(!operators.contains(io), "operators depends on {io}");
    }
    let rules = [
        ("sources", ["crate::sinks", "crate::steps", "crate::job", "crate::render"]),
        ("sinks", ["crate::sources", "crate::steps", "crate::job", "crate::render"]),
        ("steps", ["crate::sources", "crate::sinks", "crate::job", "crate::render"]),
        ("models", ["crate::sources", "crate::sinks", "crate::job", "crate::render"]),
        ("views", ["crate::sources", "crate::sinks", "crate::steps", "crate::render"]),
    ];
    for (folder, forbidden) in rules {
        for file in files(&here().join("src").join(folder)) {
            let code = text(&format!("src/{folder}/{file}"));
            let code = code.split("#[cfg(test)]").next().unwrap_or_default();
            for other in forbidden {
                assert!(!code.contains(other), "{folder}/{file} uses {other}");
            }
        }
    }
    let runtime = ["engine.rs"];
    for entry in fs::read_dir(here().join("src")).expect("a folder").flatten().filter(|e| e.path().is_file()) {
        let name = entry.file_name().into_string().expect("a name");
        let code = fs::read_to_string(entry.path()).expect("code");
        assert!(
            runtime.contains(&name.as_str()) || !(code.contains("use ort::") || code.contains(" ort::")),
            "{name} knows the model runtime"
        );
    }
}

/// Catches a law of the design whose test has gone.
#[test]
fn every_test_that_the_architecture_names_is_there() {
    let architecture = text("ARCHITECTURE.md");
    let promises = "operators/tests/promises";
    let promised = files(&here().join(promises)).into_iter().map(|file| text(&format!("{promises}/{file}")));
    let elsewhere = [
        "src/sources/kafka/offsets.rs",
        "tests/delivery/kills.rs",
        "tests/delivery/mistakes.rs",
        "tests/delivery/stalls.rs",
        "tests/standing/healing.rs",
        "tests/kill.rs",
        "tests/whole_job.rs",
        "tests/cluster/main.rs",
        "tests/odd_bytes.rs",
    ];
    let code: String = promised.chain(elsewhere.map(text)).collect();
    let table =
        architecture.split("| law | test |").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("the table");
    let names = table.split('`').skip(1).step_by(2).filter(|name| name.contains('_') && !name.contains(['/', '.']));
    for name in names {
        assert!(code.contains(&format!("fn {name}")), "no test {name}");
    }
}
