use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;

/// A job that counts persons by camera, with a sink of reports and one of images.
const JOB: &str = "
name = 'room'
[source.cameras]
kind = 'synthetic'
[view.persons]
kind = 'count'
class = 'person'
from = 'cameras'
[view.letters]
kind = 'top'
of = 'dead'
from = 'cameras'
[view.rooms]
kind = 'count'
by = ['header:room']
from = 'cameras'
[sink.reports]
kind = 'files'
path = 'FOLDER/reports/{camera}/{id}.json'
from = 'cameras'
[sink.images]
kind = 'files'
path = 'FOLDER/images/{camera}/{id}.jpg'
write = 'image'
from = 'cameras'
[sink.topics]
kind = 'mqtt'
url = 'mqtt://localhost:1883'
topic = 'out/{camera}'
from = 'cameras'
";

fn job(folder: &Path) -> Job {
    let text = JOB.replace("FOLDER", &folder.display().to_string());
    Job::parse(&text, &folder.join("room.toml")).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// A report of a frame with so many persons and a cat.
fn report(job: &str, camera: &str, id: u64, persons: usize) -> String {
    let found = |label: &str| json!({ "class": 0, "label": label, "score": 0.9, "box": [0, 0, 1, 1] });
    let detections: Vec<_> = (0..persons).map(|_| found("person")).chain([found("cat")]).collect();
    let at = crate::clock::rfc3339(UnixMillis(1_795_249_801_000 + id));
    json!({
        "job": job, "camera": camera, "id": id.to_string(), "number": id, "received_at": at, "done_at": at, "bytes": 7,
        "detections": detections, "timings": {},
    })
    .to_string()
}

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn counted(folder: &Path, view: &str, place: &Place) -> Result<(String, Tally), String> {
    let runtime = threads().expect("a thread");
    let counted = count(&job(folder), view, place, None, runtime.handle());
    counted.map(|(sheet, tally)| (sheet.to_csv(), tally)).map_err(|error| format!("{error:#}"))
}

fn sink(name: &str) -> Place {
    Place { sink: Some(name.into()), from: None }
}

fn from(place: impl std::fmt::Display) -> Place {
    Place { sink: None, from: Some(place.to_string()) }
}

/// Catches a report that is not counted, or twice, and one of another job that is.
#[test]
fn a_view_is_counted_from_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (camera, id, persons) in [("a", 1, 2), ("a", 2, 0), ("b", 1, 1)] {
        put(folder, &format!("reports/{camera}/{id}.json"), &report("room", camera, id, persons));
    }
    let csv = "camera,frames,count\na,2,2\nb,1,1\n".to_owned();
    assert_eq!(counted(folder, "persons", &sink("reports")), Ok((csv.clone(), Tally { reports: 3, others: 0 })));
    // The same report once more changes nothing; what is something else is left out, and said.
    put(folder, "more.json", &[report("room", "a", 1, 2), report("hall", "a", 3, 1)].join("\n"));
    put(folder, "other.json", "{\"a\": 1}");
    put(folder, "picture.json", "\u{fffd}");
    assert_eq!(counted(folder, "persons", &from(folder.display())), Ok((csv, Tally { reports: 4, others: 2 })));
    let one = from(format!("{}/reports/b/*", folder.display()));
    assert_eq!(counted(folder, "persons", &one).map(|(csv, _)| csv), Ok("camera,frames,count\nb,1,1\n".to_owned()));
    assert_eq!(
        Tally { reports: 4, others: 2 }.to_string(),
        "counted from 4 reports; 2 more are no reports of this job"
    );
}

/// Catches a place that holds something else, and a table that says less than it should without a word.
#[test]
fn what_can_not_be_counted_is_told_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let said = |view: &str, place: &Place| counted(folder, view, place).expect_err("it can't be counted");
    assert!(said("person", &sink("reports")).contains("did you mean `persons`?"));
    assert!(said("persons", &sink("report")).contains("did you mean `reports`?"));
    assert!(said("persons", &sink("images")).contains("writes no reports"));
    assert!(said("persons", &sink("topics")).contains("can't be read back"));
    assert!(said("persons", &sink("reports")).contains("reports"), "there is no such folder yet");
    assert!(said("persons", &Place::default()).contains("--sink: reports, topics"));
    assert!(said("persons", &from("nowhere")).contains("no report at nowhere"));
    assert!(said("persons", &from("a/**b")).contains("no pattern"));
    put(folder, "reports/a/1.json", &report("room", "a", 1, 1));
    assert!(said("letters", &sink("reports")).contains("dead letters have none"));
    assert!(said("rooms", &sink("reports")).contains("header:room"));
}
