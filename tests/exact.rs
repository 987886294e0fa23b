//! Views against what is known otherwise: a run that nothing disturbs, and what rendered frames truly show.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use vigie::report::Report;

use crate::support::{Broker, Process, detector, files, frames, models, page, turn, wait_or};
use crate::views::{Rows, view};

/// The views of [`job`].
const VIEWS: [&str; 7] = ["classes", "windows", "now", "right", "seen", "missing", "busiest"];

/// Columns that say what was sent again, and how long it took: these differ from run to run.
const OF_THE_RUN: [&str; 3] = ["duplicates", "named", "late"];

/// A job from MQTT with a view of each kind but `latency`, of which no two runs are alike.
fn job(folder: &Path, broker: &str) -> String {
    let (detector, out) = (detector(), folder.display());
    let text = format!(
        r#"name = "exact"
truth = "json:label"

[source.cameras]
kind = "mqtt"
url = "{broker}"
topic = "cameras/{{camera}}/raw"

[step.persons]
kind = "detect"
model = "{detector}"
classes = ["person"]

[step.label]
kind = "classify"
model = "cifar10_resnet20.onnx"

[view.classes]
kind = "count"
by = ["camera", "class"]

[view.windows]
kind = "count"
over = {{ every = "10s", keep = 100 }}
lateness = "10m"

[view.now]
kind = "occupancy"

[view.right]
kind = "accuracy"

[view.seen]
kind = "seen"

[view.missing]
kind = "gaps"
lateness = "5s"

[view.busiest]
kind = "top"
of = "person"

[sink.reports]
kind = "files"
path = "{out}/out/{{camera}}/{{id}}.json"
"#,
        detector = detector.display(),
    );
    let path = folder.join("exact.toml");
    fs::write(&path, text).expect("a job file");
    path.display().to_string()
}

/// Frames of two cameras, one a second of each, without every 17th; each with a label that may be true.
fn messages(count: usize) -> Vec<(String, Vec<u8>)> {
    let pictures: Vec<String> = frames(20).iter().map(|jpeg| base64_simd::STANDARD.encode_to_string(jpeg)).collect();
    let labels = ["airplane", "ship", "truck"];
    let message = |n: usize| {
        let (camera, number) = (n % 2, n / 2);
        let body = json!({
            "image": pictures[n % pictures.len()], "number": number, "label": labels[n % 3],
            "captured_at": 1_700_000_000 + number,
        });
        (format!("cameras/room-{camera}/raw"), body.to_string().into_bytes())
    };
    (0..count).filter(|n| n / 2 % 17 != 5).map(message).collect()
}

/// All tables of a run, after so many kills in mid-stream.
fn tables(kills: usize) -> Option<BTreeMap<&'static str, Rows>> {
    const FRAMES: usize = 240;
    let broker = Broker::mosquitto()?;
    let folder = tempfile::tempdir().expect("a folder");
    let (job, out) = (job(folder.path(), &broker.url()), folder.path().join("out"));
    let start = || {
        let mut process = Process::vigie(&["run", &job]);
        process.connected();
        process
    };
    // What a kill leaves of a report that was not whole has another name.
    let reports = || files(&out).iter().filter(|file| file.ends_with(".json")).count();
    let mut process = start();
    let messages = messages(FRAMES);
    let all = messages.len();
    broker.publish(messages);
    for kill in 1..=kills {
        wait_or("results", || (reports() >= kill * all / (kills + 2)).then_some(()), || process.said());
        process.signal("KILL");
        process = start();
    }
    let settled = || (reports() == all && page(&process)["window_frames{}"] == 0.0).then_some(());
    wait_or("the rest", settled, || process.said());
    let table = |name: &'static str| {
        let mut rows = view(&process, "exact", name).expect("a table");
        rows.values_mut().for_each(|row| row.retain(|column, _| !OF_THE_RUN.contains(&column.as_str())));
        (name, rows)
    };
    Some(VIEWS.map(table).into())
}

/// Catches a kind of view that a kill in mid-stream leaves with another table than a run that nothing disturbs.
#[test]
fn every_kind_of_view_is_exact_after_kills() {
    let _turn = turn();
    if models().is_none() {
        return;
    }
    let Some((calm, killed)) = tables(0).zip(tables(3)) else { return };
    for name in VIEWS {
        assert!(!calm[name].is_empty(), "{name}");
        assert_eq!(killed[name], calm[name], "{name}");
    }
    let lost = |row: &BTreeMap<String, Value>| row["lost"].as_i64().expect("a number");
    assert!(calm["missing"].values().map(lost).sum::<i64>() > 0, "numbers were left out");
}

/// What the program writes to its output, which has to end well.
fn output(args: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_vigie")).args(args).output().expect("the program starts");
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

/// How many are there, by camera, as `vigie count` says it.
fn counted(args: &[&str]) -> BTreeMap<String, i64> {
    let sheet: Value = serde_json::from_str(&output(args)).expect("JSON");
    assert_eq!(sheet["columns"]["row"][0], "count");
    let row = |row: &Value| {
        let number = row["row"][0].as_i64().expect("a number");
        (row["key"][0].as_str().expect("a camera").to_owned(), number)
    };
    sheet["rows"].as_array().expect("rows").iter().map(row).collect()
}

/// A frame: when, which, how many were found in it, and how many are there.
type Frame = (String, String, i64, i64);

/// The lower median of the last five.
fn median(numbers: &[i64]) -> i64 {
    let mut last = numbers[numbers.len().saturating_sub(5)..].to_vec();
    last.sort_unstable();
    last[(last.len() - 1) / 2]
}

/// Catches an occupancy that is not the median of the last frames, or has little to do with who is there: held against what
/// rendered frames truly show, by reports of that truth (exactly), and by those of the bundled model (its error is said).
#[test]
fn occupancy_is_of_who_is_there() {
    let _turn = turn();
    let folder = tempfile::tempdir().expect("a folder");
    let (out, truth) = (folder.path().join("out"), folder.path().join("truth"));
    let text = format!(
        "name = 'there'\n[source.cameras]\nkind = 'synthetic'\ncameras = 4\ncount = 60\nevery = 5\nseed = 42\n\
         [step.persons]\nkind = 'detect'\nmodel = '{}'\nclasses = ['person']\nthreshold = 0.68\n[step.right]\nkind = 'score'\n\
         [view.now]\nkind = 'occupancy'\nclass = 'person'\n\
         [sink.reports]\nkind = 'files'\npath = '{}/{{camera}}/{{id}}.json'\n",
        detector().display(),
        out.display(),
    );
    let job = folder.path().join("there.toml");
    fs::write(&job, text).expect("a job file");
    let job = job.display().to_string();
    output(&["run", &job]);

    let mut cameras: BTreeMap<String, Vec<Frame>> = BTreeMap::new();
    for file in files(&out) {
        let mut report: Report = serde_json::from_slice(&fs::read(out.join(&file)).expect("a report")).expect("JSON");
        let (found, there) = (report.detections.len(), report.score.expect("it is compared").there as usize);
        let when = report.captured_at.clone().unwrap_or_else(|| report.received_at.clone());
        let frame = (when, report.id.clone(), found as i64, there as i64);
        cameras.entry(report.camera.clone()).or_default().push(frame);
        // The same report, had the model seen everybody.
        let someone = json!({ "class": 0, "label": "person", "score": 1.0, "box": [0, 0, 9, 20] });
        report.detections = (0..there).map(|_| serde_json::from_value(someone.clone()).expect("a detection")).collect();
        let file = truth.join(file);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, report.to_json()).expect("a report");
    }
    let (mut seen, mut is, mut off, mut windows) = (BTreeMap::new(), BTreeMap::new(), 0, 0);
    for (camera, mut frames) in cameras {
        frames.sort_unstable();
        let (found, there): (Vec<i64>, Vec<i64>) = frames.iter().map(|(_, _, found, there)| (found, there)).unzip();
        for end in 1..=frames.len() {
            off += median(&found[..end]).abs_diff(median(&there[..end]));
            windows += 1;
        }
        seen.insert(camera.clone(), median(&found));
        is.insert(camera, median(&there));
    }
    assert_eq!(seen.len(), 4);
    assert_eq!(counted(&["count", &job, "now", "--sink", "reports", "--json"]), seen);
    let truth = truth.display().to_string();
    assert_eq!(counted(&["count", &job, "now", "--from", &truth, "--json"]), is);
    let error = off as f64 / f64::from(windows);
    println!("occupancy by the bundled model: {error:.2} persons off in the mean of {windows} moments");
    assert!(error < 0.5, "{error}");
}
