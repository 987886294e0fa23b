//! Reading jobs, on the kinds that need nothing from outside.

use std::time::Duration;

use operators::Window;

use super::*;
use crate::codec;
use crate::units::Time;

fn parse(text: &str) -> Result<Job, Mistakes> {
    Job::parse(text, Path::new("jobs/x.toml"))
}

/// What is wrong with a text, one line a mistake, without its place.
fn wrong(text: &str) -> Vec<String> {
    parse(text).expect_err("a mistake").list.into_iter().map(|mistake| mistake.what).collect()
}

const SOUND: &str = "
name = 'room'
[source.a]
kind = 'files'
path = 'a'
[source.b]
kind = 'files'
path = 'b'
[sink.both]
kind = 'files'
path = 'out/{id}'
from = ['b', 'a']
[sink.last]
kind = 'files'
path = 'last/{id}'
write = 'frame'
";

#[test]
fn parts_take_from_where_they_say_or_from_the_part_before() {
    let job = parse(SOUND).unwrap();
    assert_eq!(job.name, "room");
    assert_eq!(job.sinks[0].inputs, [Input::Source(1), Input::Source(0)]);
    assert_eq!(job.sinks[1].inputs, [Input::Source(1)], "a sink gives nothing on");
    assert_eq!((&job.sinks[0].write[..], &job.sinks[1].write[..]), (&[Write::Report][..], &[Write::Frame][..]));
    assert_eq!(job.name_of(Input::Source(1)), "b");
}

#[test]
fn what_is_left_out_has_its_default() {
    let job = parse(SOUND).unwrap();
    assert_eq!(job.batch, Batch { size: 3, timeout: Time(Duration::from_millis(100)), partition: By::Number });
    assert_eq!(job.limits.window(), Window { frames: 256, bytes: 256 << 20 });
    assert_eq!(job.limits.picture(), codec::Limits::default());
    assert_eq!(job.dead.config.describe(), "files dead/{camera}/{id}-{reason}");
    assert_eq!(job.dead.name, DEAD);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = "
nam = 'room'
[source.a]
kind = 'fils'
path = 'a'
[sink.b]
kind = 'files'
pth = 'b'
form = 'a'
[batch]
size = 'three'
";
    let wrong = wrong(text);
    let starts = [
        "the job has no name",
        "unknown table `nam`: did you mean `name`?",
        "unknown kind `fils`: did you mean `files`?",
        "unknown key `pth`: did you mean `path`? Known here: kind, from, write, overflow, path, sync",
        "unknown key `form`: did you mean `from`?",
        "`size` can't be \"three\": it takes a whole number",
    ];
    assert_eq!(wrong.len(), starts.len(), "{wrong:#?}");
    for (wrong, start) in wrong.iter().zip(starts) {
        assert!(wrong.starts_with(start), "{wrong:?} does not start with {start:?}");
    }
}

#[test]
fn a_mistake_of_a_component_is_placed_at_its_field() {
    let text = SOUND.replace("'out/{id}'", "'out/{nobody}'");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mistakes = parse(&text).unwrap().check(runtime.handle()).unwrap_err();
    let told = mistakes.to_string();
    assert!(told.contains("unknown field `{nobody}`"), "{told}");
    assert!(told.contains("--> jobs/x.toml:11:14 in [sink.both]"), "{told}");
}

#[test]
fn variables_are_filled_in() {
    let with = |value: &str| parse(&SOUND.replace("'out/{id}'", value)).map(|job| job.sinks[0].config.describe());
    assert_eq!(with("'${VIGIE_NO_SUCH:-out}/{id}'").unwrap(), "files out/{id}");
    assert!(!with("'${PATH}/{id}'").unwrap().contains("${"));
    let wrong = |value| with(value).unwrap_err().list.remove(0).what;
    assert!(wrong("'${VIGIE_NO_SUCH}/{id}'").contains("VIGIE_NO_SUCH is not set: set it, or give it a default"));
    assert!(wrong("'${PATH'").contains("has no `}`"));
    assert!(wrong("'${a b}'").contains("names no variable"));
}

#[test]
fn a_file_that_is_not_there_is_said() {
    let told = Job::load(Path::new("no/such.toml")).unwrap_err().to_string();
    assert!(told.starts_with("error: can't read this job file: No such file"), "{told}");
    assert!(told.ends_with("  --> no/such.toml\n"), "{told}");
}

/// Editors know a job file by this schema. `VIGIE_BLESS=1` writes it anew.
#[test]
fn the_published_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/job.schema.json");
    let current = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("VIGIE_BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == current, "docs/job.schema.json is not current: run the tests with VIGIE_BLESS=1");
}

#[test]
fn the_schema_takes_what_is_sound_and_nothing_else() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let takes = |text: &str| schema.is_valid(&toml::from_str(text).unwrap());
    assert!(takes(SOUND));
    assert!(!takes(&SOUND.replace("path = 'a'", "pth = 'a'")));
    assert!(!takes(&SOUND.replace("kind = 'files'", "kind = 'fils'")));
    assert!(!takes(&SOUND.replace("name = 'room'", "")));
    assert!(!takes(&SOUND.replace("[source.a]", "[sauce.a]")));
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "([a-z]{1,6}|[\\[\\]{}=.'\"$\n 0-9-]){0,40}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_cut_or_broken_job_panics(at in 0..SOUND.len(), with in "[\\[\\]{}='$é\n]{0,3}") {
        let _ = parse(&SOUND[..at]).map_err(|mistakes| mistakes.to_string());
        let _ = parse(&format!("{}{with}{}", &SOUND[..at], &SOUND[at..])).map_err(|mistakes| mistakes.to_string());
    }
}
