//! `vigie bench`, as somebody types it who has a job and no server.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{detector, files, room, turn};

/// As short as it may be: what is tested is what is told, not how fast this machine is.
const SHORT: [&str; 4] = ["-w", "1,2", "--seconds", "0.5"];

/// A job of this repository.
fn of_ours(name: &str) -> String {
    format!("{}/jobs/{name}.toml", env!("CARGO_MANIFEST_DIR"))
}

/// Benches a job in that folder; how it ended, what it found, and what it said besides.
fn benched(folder: &Path, words: &[&str]) -> (Output, String, String) {
    typed(folder, "bench", words)
}

/// The same for any command.
fn typed(folder: &Path, what: &str, words: &[&str]) -> (Output, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command.arg(what).args(words).current_dir(folder);
    command.env("VIGIE_MODELS", detector().parent().expect("a folder")).env("VIGIE_PICTURES", folder.join("shown"));
    let output = command.output().expect("vigie starts");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

/// A folder with a folder in it, of pictures with persons.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("shown")).expect("a folder");
    let frames = (0..).map(|number| room().frame(number)).filter(|(_, truth)| truth.persons.len() > 1).take(4);
    for (number, (picture, _)) in frames.enumerate() {
        fs::write(folder.path().join(format!("shown/{number}.jpg")), picture).expect("a picture");
    }
    folder
}

/// A job of that text in the folder.
fn job(folder: &Path, text: &str) -> String {
    let path = folder.join("job.toml");
    fs::write(&path, text).expect("a job");
    path.display().to_string()
}

/// The trials of what was found, and of each how many frames had each end, by how it is called.
fn trials(found: &Value) -> impl Iterator<Item = &Value> {
    ["workers", "batches"].into_iter().flat_map(move |which| found[which].as_array().expect("trials"))
}

fn sum(ends: &Value) -> u64 {
    ends.as_object().expect("a table").values().map(|count| count.as_u64().expect("a count")).sum()
}

/// Catches a job that reaches for its brokers or writes to its sinks, a stage or a choice that is not told, and advice
/// without a reason.
#[test]
fn a_job_needs_none_of_its_servers() {
    let _turn = turn();
    let folder = folder();
    let (output, out, err) = benched(folder.path(), &[&[&*of_ours("room")], &SHORT[..]].concat());
    assert!(output.status.success(), "{err}");
    let heads = out.lines().find(|line| line.contains("frames/s")).expect("a table");
    assert!(heads.contains("-w  batch") && heads.contains("memory opened"), "{out}");
    for told in [
        "decode ",
        "persons: infer ",
        "boxes: draw ",
        "encode ",
        "What limits: ",
        "processed ",
        "results ",
        "[batch] size = ",
        "[batch] timeout = ",
        "[limits] window = ",
        "cameras ",
        "; batches of ",
        "were played",
    ] {
        assert!(out.contains(told), "{told}: {out}");
    }
    assert!(out.contains("32 rendered pictures of 640x480") && !out.contains("dead letters"), "{out}");
    let left = files(folder.path());
    assert!(left.iter().all(|name| name.starts_with("shown/")), "nothing is written: {left:?}");
}

/// Catches a frame that is lost or counted twice, a sink that is given less than the steps made, and costs that are more or
/// less than all.
#[test]
fn the_account_of_each_trial_is_exact() {
    let _turn = turn();
    let folder = folder();
    let job = of_ours("folder");
    let (output, out, err) = benched(folder.path(), &[&[&*job, "--json", "--pictures", "shown"], &SHORT[..]].concat());
    assert!(output.status.success(), "{err}");
    let found: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
    assert_eq!((&found["job"], &found["pictures"]), (&"folder".into(), &"4 of 4 pictures of shown".into()));
    let settings: Vec<_> = trials(&found).map(|trial| (trial["workers"].as_u64(), trial["batch"].as_u64())).collect();
    assert_eq!(settings.len(), 4, "two numbers of workers, two other batches: {settings:?}");
    for trial in trials(&found) {
        let (account, sinks) = (&trial["account"], &trial["sinks"]);
        let [frames, results] = ["frames", "results"].map(|field| account[field].as_u64().expect("a count"));
        assert!(frames > 0 && frames == results + sum(&account["filtered"]) + sum(&account["dead"]), "{account}");
        for sink in ["pictures-out", "reports"] {
            assert_eq!(sinks[sink]["things"].as_u64(), Some(results), "{sinks}");
            assert!(sinks[sink]["bytes"].as_u64() > Some(results), "{sinks}");
        }
        let shares: f64 =
            trial["costs"].as_array().expect("costs").iter().filter_map(|cost| cost["share"].as_f64()).sum();
        assert!((shares - 1.0).abs() < 0.02, "{}", trial["costs"]);
        assert!(trial["frames_per_second"].as_f64() > Some(0.0), "{trial}");
    }
    assert_eq!(found["advice"]["why"].as_array().map(Vec::len), Some(4));
}

/// Catches a step that remembers cameras and works on a picture that is always the same, steps with two ways out or with
/// pieces that are measured in no step's name, a view that leaves something behind, and filtered frames that nobody hears of.
#[test]
fn steps_that_filter_cut_and_remember() {
    let _turn = turn();
    let folder = folder();
    let text = "name = 'all'\n[source.in]\nkind = 'http'\nparameters.loud = { type = 'bool', default = true }\n\
                [batch]\npartition = 'camera'\n[step.half]\nkind = 'sample'\nevery = 2\n[step.moved]\nkind = 'motion'\nthreshold = 0.0\narea = 0.0\n\
                [step.once]\nkind = 'dedupe'\nwithin = '1ms'\n\
                [step.persons]\nkind = 'detect'\nmodel = 'persons.onnx'\n\
                [step.loud]\nkind = 'branch'\nwhen = 'values.task.loud'\n\
                [step.person]\nkind = 'each'\n[step.grey]\nkind = 'grey'\n[step.whole]\nkind = 'collect'\n\
                [step.asked]\nkind = 'http'\nurl = 'http://127.0.0.1:9/'\ntake = { values = { age = 'age' } }\n\
                [view.seen]\nkind = 'count'\nfrom = 'persons'\n\
                [sink.out]\nkind = 'files'\npath = 'out/{camera}/{id}.jpg'\nwrite = 'image'\nfrom = 'asked'\n";
    let job = job(folder.path(), text);
    let (output, _, err) = benched(folder.path(), &[&[&*job], &SHORT[..]].concat());
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("step `asked` asks a service") && err.contains("--mock"), "{err}");

    fs::write(folder.path().join("mock.toml"), "[step.asked]\nanswers = [{ json = { age = 3 } }]\n").expect("a mock");
    let (output, out, err) = benched(
        folder.path(),
        &[&[&*job, "--mock", "mock.toml", "--json", "--pictures", "shown"], &SHORT[..]].concat(),
    );
    assert!(output.status.success(), "{err}");
    let found: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
    for trial in trials(&found) {
        let (account, costs) = (&trial["account"], trial["costs"].to_string());
        let [frames, results] = ["frames", "results"].map(|field| account[field].as_u64().expect("a count"));
        assert!(results > 0 && account["filtered"]["half"].as_u64() > Some(0), "{account}");
        assert_eq!((frames, sum(&account["dead"])), (results + sum(&account["filtered"]), 0), "{account}");
        for step in ["moved", "once", "loud", "person", "grey", "whole", "asked"] {
            assert!(costs.contains(&format!("\"{step}")), "{step}: {costs}");
        }
    }
    assert!(found["advice"]["notes"].to_string().contains("half filters "), "{}", found["advice"]);
    let left = files(folder.path());
    assert!(!left.iter().any(|name| name.starts_with("out") || name.starts_with(".vigie")), "{left:?}");
}

/// Catches a mistake that is told otherwise than by `vigie check`, figures of a job that does nothing but dead letters, and
/// words on the command line that mean nothing.
#[test]
fn what_is_wrong_is_told_before_anything_is_measured() {
    let _turn = turn();
    let folder = folder();
    let wrong = job(
        folder.path(),
        "name = 'a'\n[source.in]\nkind = 'synthetic'\n[step.x]\nkind = 'detect'\nmodel = 'none.onnx'\n\
         [sink.out]\nkind = 'files'\npath = 'out/{id}'\n",
    );
    let (_, _, checked) = typed(folder.path(), "check", &[&wrong]);
    let (output, out, err) = benched(folder.path(), &[&wrong]);
    assert_eq!((output.status.code(), out.as_str(), &err), (Some(2), "", &checked));
    assert!(err.contains("there is no model `none.onnx`"), "{err}");

    fs::create_dir(folder.path().join("broken")).expect("a folder");
    fs::write(folder.path().join("broken/a.jpg"), [0xFF, 0xD8, 0xFF]).expect("no picture");
    let (output, _, err) =
        benched(folder.path(), &[&[&*of_ours("folder"), "--pictures", "broken"], &SHORT[..]].concat());
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("every frame becomes a dead letter (") && err.contains("vigie try"), "{err}");

    for (words, said) in [
        (["-w", "0"], "workers are 1 to 256"),
        (["--seconds", "0"], "0.5 to 600 seconds"),
        (["--size", "9x9"], "no size of a picture"),
        (["--pictures", "nowhere"], "can't be played"),
        (["--mock", "nowhere"], "mock file"),
    ] {
        let (output, _, err) = benched(folder.path(), &[&[&*of_ours("folder")], &words[..]].concat());
        assert!(output.status.code() == Some(2) && err.contains(said), "{words:?}: {err}");
    }
}
