//! Filling, and reading what was filled.

use super::*;
use crate::codec::Limits;
use crate::expressions::Scope;
use crate::picture::tests::picture;
use operators::{Frame, Number, UnixMillis};
use proptest::prelude::*;

const ALL: [&str; 6] = ["camera", "id", "number", "job", "date", "reason"];

fn frame(camera: &str, id: &str, number: u64) -> Frame {
    Frame {
        captured_at: Some(UnixMillis(1_795_249_801_250)),
        received_at: UnixMillis(0),
        ..Frame::new(camera.into(), Number(number), id.into(), Default::default())
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

/// What a template with this expression gives where it comes to that.
fn told(template: &str, value: &str) -> (Template, String) {
    let template = read::parse(template, &ALL, Some(&Scope::PICTURE)).expect("a sound template");
    let mut picture = picture(Default::default());
    picture.values.insert("v".into(), value.into());
    let said = Sayings::of([&template]).say(&mut picture, &Limits::default()).expect("it has the value");
    let names = Names { job: "room", frame: &picture.frame, reason: None, said: &said };
    let filled = template.fill(&names);
    (template, filled)
}

/// Catches an expression that is taken for a field or the other way round, one that ends at the wrong brace, and a value
/// that is not written as text.
#[test]
fn what_is_no_field_is_an_expression() {
    for (template, filled) in [
        ("out/{values.v}/{id}.jpg", "out/a b/1.jpg"),
        ("{camera}/{size(values.v)}", "door/3"),
        ("{values.v == 'x' ? 'yes' : 'no'}/{1.5}/{true || false}", "no/1.5/true"),
        ("{{{values.v}}}-{{values.v}}", "{a b}-{values.v}"),
        ("{'}/{'}/x", "}%2F{/x"),
        ("{6 / 2}/{labels.size()}", "3/0"),
        ("{''}", "%empty"),
        ("{detections.size()}/{number}", "0/0"),
    ] {
        assert_eq!(told(template, "a b").1, filled, "{template}");
    }
}

/// Catches a mistake that does not say where it is, and a field that is misspelt and taken for an expression.
#[test]
fn mistakes_have_their_place() {
    for (text, at, words) in [
        ("out/{values.v", 4, "brace without its partner"),
        ("{camera}/{kamera}", 10, "unknown field `{kamera}`. Known here: {camera}, {date}, or an expression"),
        ("{id}", 1, "unknown field `{id}`"),
        ("x/{size(camra)}", 8, "did you mean `camera`"),
        ("x/{labels}", 3, "a list can't be written"),
        ("x/{number + 'a'}", 3, ""),
        ("é/{}", 4, "unknown field `{}`"),
        ("{reason}", 1, "unknown field `{reason}`"),
    ] {
        let wrong = read::parse(text, &["camera", "date"], Some(&Scope::PICTURE)).map(|_| ()).expect_err(text);
        assert!(wrong.at.start >= at && wrong.what.contains(words), "{text}: {wrong:?}");
    }
}

/// Catches a frame that lacks a value and fails without the template and the way out being named.
#[test]
fn a_value_that_is_missing_says_what_to_write() {
    let template = read::parse("out/{values.gender}/{id}.jpg", &ALL, Some(&Scope::PICTURE)).expect("a template");
    let said = Sayings::of([&template]).say(&mut picture(Default::default()), &Limits::default());
    let flaw = said.expect_err("nobody said a gender");
    assert_eq!(flaw.reason, operators::Reason::ExpressionFailed);
    for words in ["`out/{values.gender}/{id}.jpg`", "{has(values.gender) ? values.gender : \"unknown\"}"] {
        assert!(flaw.detail.contains(words), "{}", flaw.detail);
    }
}

/// Catches a dead letter whose name would need what no step has said.
#[test]
fn dead_letters_are_named_by_fields_alone() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let read = |text: &str, part: &str| {
        let context = crate::context::tests::context(part, &runtime);
        Template::read(text, &["camera", "id"], &context, "path").map(|_| ())
    };
    assert_eq!(read("{values.v}/{id}", "faces"), Ok(()));
    assert_eq!(read("{id}-{reason}", "dead"), Ok(()));
    assert!(read("{id}-{reason}", "faces").is_err());
    let mistake = read("{values.v}/{id}", "dead").expect_err("an expression");
    assert!(mistake.what.contains("can't name a dead letter") && mistake.what.contains("{reason}"), "{mistake}");
    assert!(read("{values.}/{id}", "dead").expect_err("no expression").what.contains("unknown field"));
}

/// Catches a `/` within an expression that divides it.
#[test]
fn levels_are_divided_outside_of_braces() {
    assert_eq!(levels("a/{6 / 2}/{'/'}b"), ["a", "{6 / 2}", "{'/'}b"]);
    assert_eq!(levels("{{a/b}}//x"), ["{{a", "b}}", "", "x"]);
    assert_eq!(levels("{a/b"), ["{a", "b"]);
    assert_eq!(levels(""), [""]);
}

/// Catches an id in an expression that is not seen, and a name that seems to have one.
#[test]
fn the_id_is_found() {
    for (text, has) in [
        ("{id}", true),
        ("{camera + '-' + id}", true),
        ("{camera}-{number}", false),
        ("{'id'}", false),
        ("{{id}}", false),
        ("{values.id}", false),
    ] {
        let template = read::parse(text, &ALL, Some(&Scope::PICTURE)).expect(text);
        assert_eq!(template.names_the_id(), has, "{text}");
    }
}

proptest! {
    /// Catches a value that adds a level, leaves its folder, is a wildcard of MQTT, or that retention does not know again.
    #[test]
    fn no_value_adds_a_level(value in ".{0,300}|[./%\\\\+#$~ ]{0,9}") {
        let (template, filled) = told("out/{values.v}/{values.v + 'x'}-{id}.jpg", &value);
        let levels: Vec<_> = filled.split('/').collect();
        prop_assert_eq!(levels.len(), 3);
        for level in &levels {
            prop_assert!(!level.is_empty() && !level.starts_with(['.', '$', ' ']), "{:?}", level);
            prop_assert!(!level.contains(['\0', '+', '#', '\\']), "{:?}", level);
        }
        prop_assert!(template.makes(&filled, "room"), "{}", filled);
    }

    /// Catches text that no parser expects.
    #[test]
    fn no_expression_panics(text in "[{}a-z'/. ]{0,30}|.{0,40}") {
        if let Ok(template) = read::parse(&text, &ALL, Some(&Scope::PICTURE)) {
            let _ = (template.filter(), template.makes("a/b", "room"), template.prefix());
        }
        prop_assert_eq!(levels(&text).join("/"), text);
    }
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
