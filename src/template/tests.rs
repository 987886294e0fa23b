//! Filling, and reading what was filled.

use super::*;
use operators::{Frame, Number, UnixMillis};
use proptest::prelude::*;

const ALL: [&str; 6] = ["camera", "id", "number", "job", "date", "reason"];

fn frame(camera: &str, id: &str, number: u64) -> Frame {
    Frame {
        camera: camera.into(),
        number: Number(number),
        id: id.into(),
        captured_at: Some(UnixMillis(1_795_249_801_250)),
        received_at: UnixMillis(0),
        origin: Default::default(),
        flaw: None,
        task: None,
        bytes: Default::default(),
    }
}

fn fill(template: &str, frame: &Frame) -> String {
    let names = Names { job: "room", frame, reason: Some(operators::Reason::TooManyPixels), said: &Said::default() };
    Template::parse(template, &ALL).unwrap().fill(&names)
}

#[test]
fn every_field_is_filled() {
    let filled = fill("{job}/{date}/{camera}/{id}-{number}-{reason}.{{x}}", &frame("door", "a7", 12));
    assert_eq!(filled, "room/2026-11-21/door/a7-12-too-many-pixels.{x}");
}

#[test]
fn no_name_leaves_its_level() {
    let names = [
        ("../../etc/passwd", "%2E./%2E.%2Fetc"),
        ("..", "%2E."),
        (".", "%2E"),
        ("", "%empty"),
        ("%empty", "%25empty"),
        ("a/b", "a%2Fb"),
        ("a%2Fb", "a%252Fb"),
        ("a\\b\0c\n", "a%5Cb%00c%0A"),
        ("+", "%2B"),
        ("#", "%23"),
        ("$SYS", "%24SYS"),
        ("café 3", "café 3"),
    ];
    for (name, escaped) in &names[1..] {
        assert_eq!(fill("{camera}", &frame(name, "1", 0)), *escaped);
    }
    assert_eq!(fill("out/{camera}/x", &frame(names[0].0, "1", 0)), "out/%2E.%2F..%2Fetc%2Fpasswd/x");
}

#[test]
fn mistakes_say_what_is_known() {
    let wrong = |text| Template::parse(text, &["camera", "id"]).unwrap_err();
    assert_eq!(wrong("out/{cam}"), "unknown field `{cam}`. Known here: {camera}, {id}");
    assert_eq!(wrong("out/{date}"), "unknown field `{date}`. Known here: {camera}, {id}");
    for text in ["out/{camera", "out/camera}", "{", "{a/b}", "{{camera}"] {
        assert!(wrong(text).contains("brace without its partner"), "{text}");
    }
}

#[test]
fn a_filter_has_a_plus_for_each_level_with_a_field() {
    let filter = |text| Template::parse(text, &ALL).unwrap().filter();
    assert_eq!(filter("cameras/{camera}/raw"), "cameras/+/raw");
    assert_eq!(filter("{camera}-{number}/raw/#"), "+/raw/#");
    assert_eq!(filter("/raw"), "/raw");
    assert_eq!(filter("cameras"), "cameras");
}

#[test]
fn a_topic_says_what_its_levels_mean() {
    let capture = |template, text| Template::parse(template, &ALL).unwrap().capture(text);
    let camera = |name: &str| Some(Captured { camera: Some(name.into()), ..Default::default() });
    assert_eq!(capture("cameras/{camera}/raw", "cameras/room-1/raw"), camera("room-1"));
    assert_eq!(capture("cameras/{camera}/+/#", "cameras/room-1/a/b/c"), camera("room-1"));
    assert_eq!(capture("cam-{camera}", "cam-é"), camera("é"));
    for text in ["cameras/room-1", "cameras/room-1/raw/2", "cameras//raw", "cam/a/raw", ""] {
        assert_eq!(capture("cameras/{camera}/raw", text), None, "{text}");
    }
    let both = capture("{camera}-{number}.jpg", "room-1-00022.jpg").unwrap();
    assert_eq!((both.camera.as_deref(), both.number), (Some("room-1"), Some(22)));
    assert_eq!(capture("{camera}/{number}", "a/b"), camera("a"), "a number that is none is not told");
}

proptest! {
    #[test]
    fn what_was_filled_is_captured(camera in "[a-z][a-z0-9_-]{0,20}", id in "[a-z0-9]{1,20}", number: u64) {
        let template = Template::parse("x/{camera}/{number}/{id}.jpg", &ALL).unwrap();
        let frame = frame(&camera, &id, number);
        let filled = template.fill(&Names { job: "j", frame: &frame, reason: None, said: &Said::default() });
        let captured = Captured { camera: Some(camera), number: Some(number), id: Some(id) };
        prop_assert_eq!(template.capture(&filled), Some(captured));
    }

    #[test]
    fn no_name_adds_a_level(name in ".{0,300}|[./%\\\\]{1,9}") {
        let filled = fill("{camera}/{id}", &frame(&name, &name, 0));
        let levels: Vec<_> = filled.split('/').collect();
        prop_assert_eq!(levels.len(), 2);
        for level in levels {
            prop_assert!(!level.is_empty() && level.len() <= LONGEST && !level.starts_with('.'), "{:?}", level);
            prop_assert!(!level.contains(['\0', '+', '#', '\\']), "{:?}", level);
        }
    }

    #[test]
    fn different_names_stay_different(a in "[./%~+e\\\\]{0,4}|.{0,300}", b in "[./%~+e\\\\]{0,4}|.{0,300}") {
        prop_assert_eq!(a == b, escape(&a) == escape(&b));
    }

    #[test]
    fn no_text_panics(template in ".{0,40}", text in ".{0,40}") {
        if let Ok(template) = Template::parse(&template, &ALL) {
            let _ = (template.filter(), template.capture(&text));
        }
    }
}
