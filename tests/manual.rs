//! `docs/steps.md`, made of what the code says of its steps, with pictures that the steps made themselves; and `docs/jobs.md`,
//! made of the jobs.
//!
//! `VIGIE_BLESS=1 cargo test --test main manual` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vigie::codec::{self, Form, encode_as};
use vigie::job::{Batch, Limits};
use vigie::picture::Picture;
use vigie::sources::synthetic::View;

use crate::steps::{after, detection, picture};

/// What stands above the sections.
const HEAD: &str = "\
# Steps

What a job does to pictures, one section a kind of step. A step is a table of the job file; without `from` it takes its
pictures from the part before it:

```toml
[step.small]
kind = \"resize\"
width = 640
```

A step answers for each picture in one of three ways: it goes on; it is *filtered*, let go on purpose; or its frame is a
dead letter with the reason. A filtered frame is acknowledged like any other, is counted by step
(`vigie_filtered_total{step=\"…\"}`), and what sinks took of it before that step is written all the same.

Where a step moves pixels (`crop`, `flip`, `resize`, `rotate`), detections go with what they lie on. `score` compares with
where things truly are in the frame that came: put it before such a step. Steps that compare the frames of a camera
(`motion`, `dedupe`, `sample` with `per_second`) need them on one worker: `partition = \"camera\"` under `[batch]`.

Pixels are held against Pillow's by `tests/steps/`: `grey`, `flip`, `crop`, `rotate` and `blur` are equal to the last bit,
`resize` to two values of 255.
";

/// Each kind with an example, in the order in which people look for them. Kinds whose picture says nothing have none.
const KINDS: &[(&str, &str, bool)] = &[
    ("detect", "model = \"models/persons.onnx\"\nclasses = [\"person\"]", false),
    ("describe", "model = \"age_gender_faceapi_112.onnx\"\nmin_size = 60", false),
    ("classify", "model = \"cifar10_resnet20.onnx\"\ntop = 3", false),
    ("draw", "boxes = true\nlabels = true", true),
    ("score", "label = \"person\"", false),
    ("branch", "when = 'values.gender == \"woman\"'", false),
    ("each", "of = \"faces\"\nmargin = 0.2", false),
    ("collect", "from = [\"blurred\", \"women.else\"]", false),
    ("crop", "to = \"detections\"\nmargin = 0.1", true),
    ("resize", "width = 160\nheight = 160\nmode = \"fill\"", true),
    ("rotate", "degrees = 27\nfill = \"#ff8800\"", true),
    ("flip", "axis = \"horizontal\"", true),
    ("grey", "", true),
    ("blur", "of = \"detections\"\nstyle = \"pixelate\"\nstrength = 0.8", true),
    ("mask", "areas = [[[0, 0], [0.45, 0], [0.3, 0.6], [0, 0.5]]]", true),
    ("noise", "style = \"gaussian\"\nlevel = [0.1, 0.2, 0.4]", true),
    ("convert", "to = \"png\"", false),
    ("strip", "", false),
    ("analyze", "gps = false", false),
    (
        "http",
        "url = \"http://detector.example:8080/faces\"\ntake = { detections = \"faces\", values = { model = \"model?\" } }\naway = \"skip\"",
        false,
    ),
    ("motion", "threshold = 0.08\narea = 0.005", false),
    ("sample", "per_second = 2", false),
    ("where", "when = 'detections.exists(d, d.label == \"person\" && d.score > 0.8)'", false),
    ("dedupe", "by = \"looks\"\nwithin = \"10s\"", false),
];

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// A rendered frame with the persons who are in it.
fn room() -> Picture {
    let (bytes, truth) = View::new(7, 0, (320, 240), Some("room")).frame(40);
    let mut picture = picture(bytes.to_vec());
    picture.detections = truth.persons.iter().map(|person| detection("person", person.area)).collect();
    picture
}

fn table(kind: &str, keys: &str) -> String {
    format!("[step.{kind}]\nkind = \"{kind}\"\n{keys}").trim_end().to_owned() + "\n"
}

fn section(kind: &str, keys: &str, has_picture: bool) -> String {
    let row = vigie::steps::KINDS.iter().find(|row| row.name == kind).expect("a kind");
    let schema = (row.schema)(&mut Default::default()).to_value();
    let mut text = format!("\n## {kind}\n\n{}\n", told(&schema["description"]));
    if has_picture {
        write!(text, "\n![{kind}](steps/{kind}.jpg)\n").expect("a string takes all");
    }
    write!(text, "\n```toml\n{}```\n", table(kind, keys)).expect("a string takes all");
    text + &rows(&schema, (row.keys)())
}

/// The keys of a table, one a row.
fn rows(schema: &Value, keys: &[&str]) -> String {
    let mut text = String::new();
    if !keys.is_empty() {
        text += "\n| key | default | what it says |\n|---|---|---|\n";
    }
    for key in keys {
        let property = &schema["properties"][key];
        let default = match &property["default"] {
            Value::Null if schema["required"].as_array().is_some_and(|all| all.contains(&(*key).into())) => {
                "needed".into()
            }
            Value::Null => String::new(),
            Value::Number(number) => format!("`{}`", short(number)),
            value => format!("`{value}`"),
        };
        writeln!(text, "| `{key}` | {default} | {} |", told(&property["description"])).expect("a string takes all");
    }
    text
}

/// A number without what 32 bits add to it.
fn short(number: &serde_json::Number) -> String {
    number.as_f64().map_or_else(|| number.to_string(), |number| (number as f32).to_string())
}

/// A docstring as one paragraph.
fn told(description: &Value) -> String {
    description.as_str().unwrap_or_default().replace('\n', " ")
}

/// Catches a step that has no section, and a manual that says something else than the code.
#[test]
fn the_manual_of_steps_is_up_to_date() {
    for row in vigie::steps::KINDS {
        assert!(KINDS.iter().any(|(kind, ..)| *kind == row.name), "{} has no section", row.name);
    }
    let sections = KINDS.iter().map(|(kind, keys, has_picture)| section(kind, keys, *has_picture));
    let text = HEAD.to_owned() + &sections.collect::<String>();
    if std::env::var_os("VIGIE_BLESS").is_some() {
        fs::write(here("docs/steps.md"), &text).expect("it can be written");
        fs::create_dir_all(here("docs/steps")).expect("a folder");
        KINDS.iter().filter(|(.., has_picture)| *has_picture).for_each(|(kind, keys, _)| draw(kind, keys));
    }
    let published = fs::read_to_string(here("docs/steps.md")).unwrap_or_default();
    assert!(published == text, "docs/steps.md is out of date: run VIGIE_BLESS=1 cargo test --test main manual");
    for (kind, ..) in KINDS.iter().filter(|(.., has_picture)| *has_picture) {
        assert!(here(&format!("docs/steps/{kind}.jpg")).is_file(), "no picture of {kind}");
    }
}

fn draw(kind: &str, keys: &str) {
    let mut picture = after(&table(kind, keys), room()).expect("it goes on");
    let pixels = picture.pixels(&codec::Limits::default()).expect("it decodes");
    let jpeg = encode_as(Form::Jpeg(Some(80)), pixels, &[], 1.0).expect("a JPEG");
    fs::write(here(&format!("docs/steps/{kind}.jpg")), jpeg).expect("it can be written");
}

/// What stands above the jobs.
const JOBS: &str = "\
# Jobs

Examples in [jobs/](../jobs): each says in its comments what it takes. Addresses and folders come from the environment, with
defaults. `persons.onnx` is in `models/`; jobs that name another model need its file beside them or under `VIGIE_MODELS`, and
[models.md](models.md) says where people get it. `vigie try JOB PICTURE` shows what one does to a picture of yours; how parts are put
together is told in [graph.md](graph.md).
";

/// A job: what its first comment says, and its graph.
fn example(name: &str) -> String {
    let path = here(&format!("jobs/{name}.toml"));
    let text = with_defaults(&fs::read_to_string(&path).expect("a job"));
    let said = text.lines().take_while(|line| *line != "#" && line.starts_with('#'));
    let said = said.map(|line| line.trim_start_matches('#').trim()).collect::<Vec<_>>().join(" ");
    let job = vigie::job::Job::parse(&text, &path).unwrap_or_else(|wrong| panic!("{wrong}"));
    let graph = vigie::graph::mermaid::written(&vigie::graph::Graph::of(&job));
    format!("\n## {name}\n\n{said} [jobs/{name}.toml](../jobs/{name}.toml)\n\n```mermaid\n{graph}```\n")
}

/// A job with the defaults of what it takes from the environment, whatever that holds here.
fn with_defaults(text: &str) -> String {
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').expect("its end");
        filled += variable.split_once(":-").map_or("", |(_, default)| default);
        filled += rest;
    }
    filled
}

/// Catches a job that nobody tells of, and a page that tells of another one than there is.
#[test]
fn the_page_of_jobs_is_up_to_date() {
    let names = fs::read_dir(here("jobs")).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut names: Vec<_> = names
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    let text = JOBS.to_owned() + &names.iter().map(|name| example(name)).collect::<String>();
    if std::env::var_os("VIGIE_BLESS").is_some() {
        fs::write(here("docs/jobs.md"), &text).expect("it can be written");
    }
    let published = fs::read_to_string(here("docs/jobs.md")).unwrap_or_default();
    assert!(published == text, "docs/jobs.md is out of date: run VIGIE_BLESS=1 cargo test --test main manual");
}

/// What stands above the sources and sinks.
const PARTS: &str = "\
# Sources and sinks

Where pictures come from, and where results go: the keys of each kind of table. Paths are relative to the folder in which Vigie is
started. In paths and topics stand `{camera}`, `{id}`, `{number}`, `{date}` and `{job}`; in those of dead letters `{reason}` too. What
several cameras have under one `{id}` would be written over: put `{camera}` into the path. Expressions stand there as well,
`out/{values.gender}/{id}.jpg`, but not in those of dead letters: [expressions.md](expressions.md#in-a-name) says how.

A sink takes pictures from the part before it, or from those that `from` names; `write` says what of them is written (`image`,
`report`, `frame`, or a list), `overflow` which sink gets what is too large for it. `[dead]` is a sink for what led to no result:
without it, files in `dead/`.

A message of Kafka or MQTT is a picture (JPEG, PNG), base64 of one, or JSON:

```json
{\"image\": \"…base64…\", \"camera\": \"door\", \"number\": 7, \"captured_at\": \"2026-11-21T08:30:00Z\"}
```

All but `image` may be left out; `captured_at` may also be a Unix time. What a message says itself counts before what its headers say
(`camera`, `number`, `id`, `captured_at`; Kafka), and they before its topic. Without `captured_at` Kafka's own time of the message counts.
Without an `id` the number is taken for it, and without a number Kafka's partition and offset, or a hash of the picture (MQTT).
";

/// What stands above `[batch]` and `[limits]`.
const TABLES: &str = "
## How much at a time

`[batch]` says how frames are gathered, `[limits]` how much a job takes.
";

/// Every kind of one sort of part.
fn parts<C: ?Sized>(sort: &str, kinds: &[vigie::kinds::Kind<C>]) -> String {
    let one = |row: &vigie::kinds::Kind<C>| {
        let schema = (row.schema)(&mut Default::default()).to_value();
        let said = told(&schema["description"]);
        format!("\n### {sort} `{}`\n\n{said}\n{}", row.name, rows(&schema, (row.keys)()))
    };
    kinds.iter().map(one).collect()
}

/// Catches a source or a sink whose keys nobody tells of.
#[test]
fn the_page_of_sources_and_sinks_is_up_to_date() {
    let (sources, sinks) = (parts("source", vigie::sources::KINDS), parts("sink", vigie::sinks::KINDS));
    let (batch, limits) = (schemars::schema_for!(Batch).to_value(), schemars::schema_for!(Limits).to_value());
    let batch = rows(&batch, &["size", "timeout", "partition"]);
    let most = ["window", "window_bytes", "max_frame_bytes", "max_pixels", "max_side"];
    let tables = format!("{TABLES}\n### `[batch]`\n{batch}\n### `[limits]`\n{}", rows(&limits, &most));
    let text = format!("{PARTS}\n## Sources\n{sources}\n## Sinks\n{sinks}{tables}");
    if std::env::var_os("VIGIE_BLESS").is_some() {
        fs::write(here("docs/sources-and-sinks.md"), &text).expect("it can be written");
    }
    let published = fs::read_to_string(here("docs/sources-and-sinks.md")).unwrap_or_default();
    assert!(
        published == text,
        "docs/sources-and-sinks.md is out of date: run VIGIE_BLESS=1 cargo test --test main manual"
    );
}

/// The tables of views that `docs/views.md` shows.
fn views() -> Vec<String> {
    let text = fs::read_to_string(here("docs/views.md")).expect("the page of views");
    let blocks = text.split("```toml\n").skip(1).filter_map(|block| block.split("```").next());
    blocks.filter(|block| block.contains("[view.")).map(str::to_owned).collect()
}

/// Catches an example of a view that no job can have, and a kind of view that has none.
#[test]
fn each_view_that_is_shown_can_be_had() {
    let examples = views();
    for example in &examples {
        let (top, tables) = example.split_at(example.find('[').expect("a table"));
        let job = format!(
            "name = \"room\"\n{top}\n[source.cameras]\nkind = \"synthetic\"\n[step.persons]\nkind = \"detect\"\n\
             model = \"persons.onnx\"\n[sink.all]\nkind = \"files\"\npath = \"out/{{id}}\"\nfrom = \"persons\"\n{tables}"
        );
        let read = vigie::job::Job::parse(&job, Path::new("docs/views.md"));
        assert!(read.is_ok(), "{}\n{example}", read.map(drop).expect_err("it is wrong"));
    }
    for kind in vigie::views::KINDS {
        let has_one = examples.iter().any(|example| example.contains(&format!("\"{}\"", kind.name)));
        assert!(has_one, "docs/views.md shows no view of the kind {}", kind.name);
    }
}
