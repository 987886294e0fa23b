//! `vigie latency` on real servers: its files against its own table, against pandas, and against the aggregate that people
//! asked MongoDB before.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ::mongodb::Client;
use ::mongodb::bson::{Document, doc};
use tokio::runtime::Runtime;
use vigie::clock;

use crate::standing::Standing;
use crate::support::servers::{Mongo, shared_kafka};
use crate::support::{Broker, Process, images, models, turn, wait};

/// A job in a folder of its own, where what is measured comes to lie.
struct Bench {
    folder: tempfile::TempDir,
    job: String,
}

/// A row of latency.csv, by the names of its columns.
type Row = BTreeMap<String, String>;

impl Bench {
    /// The job of that text, in which `OUT` stands for the folder.
    fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let job = folder.path().join("job.toml");
        fs::write(&job, text.replace("OUT", &folder.path().display().to_string())).expect("a job file");
        Self { job: job.display().to_string(), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Measures to the end; what it says.
    fn measure(&self, out: &str, arguments: &[&str], environment: &[(&str, &str)]) -> String {
        let out = self.path(out).display().to_string();
        let words = [&["latency", &self.job, "-w", "1", "--out", &out], arguments].concat();
        let mut process = Process::start(env!("CARGO_BIN_EXE_vigie"), &words, environment);
        assert!(process.end().success(), "{}", process.said());
        process.said()
    }

    fn rows(&self, out: &str) -> Vec<Row> {
        let mut csv = csv::Reader::from_path(self.path(out).join("latency.csv")).expect("a CSV");
        csv.deserialize().map(|row| row.expect("a row")).collect()
    }
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} is {:?}", row[column]))
}

fn millis(text: &str) -> i64 {
    clock::parse(text).expect("a moment").0 as i64
}

/// The cells of the table's rows, by level.
fn table(said: &str) -> BTreeMap<&str, Vec<&str>> {
    let lines = said.lines().skip_while(|line| !line.contains("achieved/s")).skip(1);
    let rows = lines.take_while(|line| !line.is_empty()).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.map(|cells| (cells[0], cells)).collect()
}

/// The median of a level, by rank.
fn median(rows: &[Row], level: &str) -> f64 {
    let mut totals: Vec<_> =
        rows.iter().filter(|row| row["level"] == level).map(|row| number(row, "total_ms")).collect();
    totals.sort_by(f64::total_cmp);
    totals[totals.len().div_ceil(2) - 1]
}

/// What the aggregate says of each frame, by its name: milliseconds from captured to stored.
fn aggregated(server: &Mongo) -> BTreeMap<(String, String), i64> {
    let runtime = Runtime::new().expect("a runtime");
    let stages = [doc! { "$project": { "camera": 1, "id": 1, "ms": { "$subtract": ["$stored_at", "$captured_at"] } } }];
    let all = async {
        let client = Client::with_uri_str(server.url()).await?;
        let mut cursor = client.database("images").collection::<Document>("image_data").aggregate(stages).await?;
        let mut found = BTreeMap::new();
        while cursor.advance().await? {
            let document = Document::try_from(cursor.current())?;
            let text = |field| document.get_str(field).expect("text").to_owned();
            let ms = document.get("ms").and_then(|ms| ms.as_i64().or(ms.as_i32().map(i64::from)));
            found.insert((text("camera"), text("id")), ms.expect("milliseconds"));
        }
        ::mongodb::error::Result::Ok(found)
    };
    runtime.block_on(all).expect("the server answers")
}

/// What pandas makes of a CSV; `None`, and a line that says so, where it is not installed.
fn pandas(csv: &Path, program: &str) -> Option<Vec<f64>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/pandas.sh");
    let ran = Command::new(script).arg("-c").arg(program).arg(csv).stdin(Stdio::null()).output().expect("a shell");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    if ran.status.code() == Some(69) {
        println!("skipped: {}", said.trim());
        return None;
    }
    assert!(ran.status.success(), "{said}");
    let out = String::from_utf8_lossy(&ran.stdout).into_owned();
    Some(out.split_whitespace().map(|number| number.parse().expect("a number")).collect())
}

/// Reads a latency.csv as its user does: the count and the median of each level, and whether moments are moments.
const PANDAS: &str = "
import sys, pandas
rows = pandas.read_csv(sys.argv[1], dtype={'level': str, 'id': str}, parse_dates=['intended_at', 'received_at', 'done_at'])
took = (rows.done_at - rows.intended_at).dt.total_seconds() * 1e3
print(float((took - rows.total_ms).abs().max()))
for level in ('5', '20'):
    total = rows[rows.level == level].total_ms
    print(len(total), total.quantile(0.5, interpolation='lower'))
";

/// Catches a number of the table that is not that of the rows, frames without a row or with two, stages that do not add up,
/// a file that others can't read, and a latency that is another one than the one that people know.
#[test]
fn a_load_is_measured_as_its_documents_say() {
    let _turn = turn();
    let (Some(models), Some(images)) = (models(), images()) else { return };
    let Some((kafka, mongo)) = shared_kafka().zip(Mongo::fast()) else { return };
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/latency.toml")).expect("a job");
    let bench = Bench::of(&text.replace("\"image_data\"\n\n", "\"latency_data\"\n\n"));
    let (models, pictures) = (models.display().to_string(), images.join("cifar10").display().to_string());
    let (kafka, mongodb) = (kafka.brokers(), mongo.url());
    let environment = [("VIGIE_KAFKA", &*kafka), ("VIGIE_MONGODB", &*mongodb), ("VIGIE_MODELS", &*models)];
    let said = bench.measure("first", &["--at", "5,20", "--for", "4s", "--pictures", &pictures], &environment);

    let rows = bench.rows("first");
    let table = table(&said);
    for (level, count) in [("5", 20), ("20", 80)] {
        let mine: Vec<_> = rows.iter().filter(|row| row["level"] == level).collect();
        assert_eq!((mine.len(), table[level][3]), (count, &*count.to_string()), "{said}");
        let median = median(&rows, level);
        assert_eq!(table[level][4].parse(), Ok(median), "{said}");
    }
    let known = aggregated(&mongo);
    for row in &rows {
        assert_eq!(row["end"], "result");
        let total = number(row, "total_ms");
        let stages = row.iter().filter(|(name, _)| name.ends_with("_ms") && *name != "total_ms");
        let sum: f64 = stages.map(|(name, _)| number(row, name)).sum();
        assert!(sum > total - 0.1, "{row:?}");
        assert!((total - (millis(&row["done_at"]) - millis(&row["intended_at"])) as f64).abs() < 2.0, "{row:?}");
        // It was stored after the steps were done with it, and before that was acknowledged.
        let ms = known[&(row["camera"].clone(), row["id"].clone())] as f64;
        assert!((total - number(row, "write_ms") - 2.0..total + 2.0).contains(&ms), "{ms} {row:?}");
    }
    if let Some(told) = pandas(&bench.path("first/latency.csv"), PANDAS) {
        assert!(told[0] < 2.0, "the moments are a time apart that is not the total");
        assert_eq!(told[1..], [20.0, median(&rows, "5"), 80.0, median(&rows, "20")]);
    }

    // Once more, beside the first; the frames have other names.
    let old = bench.path("first/latency.csv").display().to_string();
    let arguments = ["--at", "20", "--for", "2s", "--pictures", &pictures, "--compare", &old];
    let said = bench.measure("second", &arguments, &environment);
    assert!(said.contains("before") && said.contains('×'), "{said}");
    let again = bench.rows("second");
    assert_eq!(again.len(), 40, "{said}");
    let names = |rows: &[Row]| rows.iter().map(|row| (row["camera"].clone(), row["id"].clone())).collect::<Vec<_>>();
    assert!(names(&again).iter().all(|name| !names(&rows).contains(name)));
    for out in ["first", "second"] {
        let picture = image::open(bench.path(out).join("latency.png")).expect("a picture");
        assert!(picture.width() > 400 && bench.path(out).join("latency.svg").is_file());
    }
}

/// Catches a load that does not reach a source of MQTT, and frames of others that are taken for the load's.
#[test]
fn a_load_goes_through_mqtt_beside_other_cameras() {
    let _turn = turn();
    let Some(broker) = Broker::mosquitto() else { return };
    let bench = Bench::of(&format!(
        "name = 'site'\n[source.cameras]\nkind = 'mqtt'\nurl = '{}'\ntopic = 'site/{{camera}}/raw'\n[batch]\ntimeout = '10ms'\n\
         [step.small]\nkind = 'resize'\nwidth = 64\nheight = 48\n\
         [sink.out]\nkind = 'files'\npath = 'OUT/out/{{camera}}/{{id}}.json'\n",
        broker.url()
    ));
    let out = bench.path("latency").display().to_string();
    let words = ["latency", &bench.job, "-w", "1", "--out", &out, "--at", "40", "--for", "3s", "--cameras", "2"];
    let mut process = Process::vigie(&words);
    process.until("the load", |process| process.said().contains("40 frames/s for 3s").then_some(()));
    let frame = crate::support::frames(1).remove(0);
    broker.publish((0..5).map(|_| ("site/door/raw".to_owned(), frame.clone())).collect());
    assert!(process.end().success(), "{}", process.said());
    let said = process.said();
    assert!(said.contains("frames of others came meanwhile"), "{said}");
    let rows = bench.rows("latency");
    assert_eq!((rows.len(), table(&said)["40"][3]), (120, "120"), "{said}");
    assert!(rows.iter().all(|row| row["camera"].starts_with("latency-")));
}

/// Catches a job that runs elsewhere whose reports are not heard, or heard twice, and its own session taken away.
#[test]
fn a_job_that_runs_is_listened_to() {
    let _turn = turn();
    let Some(broker) = Broker::mosquitto() else { return };
    let bench = Bench::of(&format!(
        "name = 'site'\n[source.cameras]\nkind = 'mqtt'\nurl = '{0}'\ntopic = 'site/{{camera}}/raw'\n[batch]\nsize = 1\n\
         [sink.told]\nkind = 'mqtt'\nurl = '{0}'\ntopic = 'site/{{camera}}/told/{{date}}'\n",
        broker.url()
    ));
    let cluster = Standing::start(1);
    cluster.does(&["submit", &bench.job]);
    wait("the source", || cluster.said().contains("connected ([source.cameras]").then_some(()));
    let (out, at) = (bench.path("live").display().to_string(), cluster.doors()[0].address.to_string());
    let words = ["latency", "site", "--for", "4s", "--out", &out];
    let mut ear = Process::start(env!("CARGO_BIN_EXE_vigie"), &words, &[("VIGIE_AT", &at)]);
    ear.until("the ear", |ear| ear.said().contains("connected ([source.latency]").then_some(()));
    let message = |number: u64| {
        let picture = base64_simd::STANDARD.encode_to_string(crate::support::frames(1).remove(0));
        let captured_at = clock::rfc3339(operators::UnixMillis(operators::UnixMillis::now().0 - 5000));
        let body = serde_json::json!({ "image": picture, "number": number, "captured_at": captured_at });
        ("site/door/raw".to_owned(), body.to_string().into_bytes())
    };
    broker.publish((0..6).map(message).collect());
    assert!(ear.end().success(), "{}", ear.said());
    let rows = bench.rows("live");
    let mut ids: Vec<_> = rows.iter().map(|row| row["id"].as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["0", "1", "2", "3", "4", "5"], "{}\n{}", ear.said(), cluster.said());
    assert!(rows.iter().all(|row| number(row, "total_ms") >= 5000.0 && row["level"] == "live"), "{rows:?}");
    // It is still there, and takes frames.
    broker.publish(vec![message(6)]);
    wait("the next frame", || (cluster.get(0, "/api/v1/jobs/site")["status"]["results"] == 7).then_some(()));
}

/// Catches a mistake that is found when the minute is over, or said so that nobody knows what to do.
#[test]
fn what_cannot_be_measured_is_said_at_once() {
    let files = "name = 'a'\n[source.in]\nkind = 'synthetic'\n\
                 [sink.out]\nkind = 'files'\npath = 'OUT/out/{camera}/{id}.json'\n";
    let bench = Bench::of(files);
    let none = bench.path("none.csv").display().to_string();
    for (arguments, words) in [
        (&["--at", "5"][..], "a load is offered through Kafka or MQTT"),
        (&["--at", "0"], "a level is frames a second"),
        (&[], "no sink of this job writes reports to Kafka or MQTT"),
        (&["--at", "5", "--cluster", "cluster.toml"], "cannot be used with"),
        (&["--at", "5", "--compare", &none], "can't read"),
    ] {
        let out = bench.path("out").display().to_string();
        let mut process = Process::vigie(&[&["latency", &bench.job, "--out", &out], arguments].concat());
        assert!(!process.end().success() && process.said().contains(words), "{}", process.said());
    }
}
