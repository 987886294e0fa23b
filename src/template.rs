//! Topics and paths with names in them: `cameras/{camera}/raw`, `out/{camera}/{id}.jpg`.

mod makes;

use std::fmt::Write;

use crate::clock;

/// A text with fields in braces. Values are escaped when it is filled, so that no name adds a level or leaves the
/// folder. `{{` and `}}` stand for braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Camera,
    Id,
    Number,
    Job,
    Date,
    Reason,
}

const FIELDS: [(&str, Field); 6] = [
    ("camera", Field::Camera),
    ("id", Field::Id),
    ("number", Field::Number),
    ("job", Field::Job),
    ("date", Field::Date),
    ("reason", Field::Reason),
];

/// What a template's fields stand for, for one frame.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// `{job}`
    pub job: &'a str,
    /// `{camera}`, `{id}`, `{number}`, and `{date}` (of captured_at, else received_at; UTC, `2026-11-21`).
    pub frame: &'a operators::Frame,
    /// `{reason}`: known for dead letters alone.
    pub reason: Option<operators::Reason>,
}

/// What a topic said of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// What stood at `{camera}`.
    pub camera: Option<String>,
    /// What stood at `{number}`, if it is a number.
    pub number: Option<u64>,
    /// What stood at `{id}`.
    pub id: Option<String>,
}

impl Template {
    /// Checks the braces and that each field is one of `known`; the error is a sentence that lists the known ones.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            push_text(&mut pieces, before);
            rest = if brace.starts_with("{{") || brace.starts_with("}}") {
                push_text(&mut pieces, &brace[..1]);
                &brace[2..]
            } else {
                let (name, after) = field(brace).ok_or_else(|| lone_brace(text, known))?;
                pieces.push(Piece::Field(named(name, known)?));
                after
            };
        }
        push_text(&mut pieces, rest);
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text with every field replaced by its value, escaped.
    pub fn fill(&self, names: &Names<'_>) -> String {
        let mut filled = String::with_capacity(self.text.len() + 32);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Field(field) => filled.push_str(&escape(&value(*field, names))),
            }
        }
        filled
    }

    /// As [`Template::fill`], with every value escaped once more by `more`.
    pub fn fill_as(&self, names: &Names<'_>, more: impl Fn(&str) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Field(field) => more(&escape(&value(*field, names))),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// What every filled text begins with: all before the first field.
    pub fn prefix(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether it has a field.
    pub fn has_fields(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Field(_)))
    }

    /// The MQTT filter that matches it: a level with a field in it becomes `+`.
    pub fn filter(&self) -> String {
        let level = |level: Vec<Piece>| match level.as_slice() {
            [] => String::new(),
            [Piece::Text(text)] => text.clone(),
            _ => "+".to_owned(),
        };
        self.levels().into_iter().map(level).collect::<Vec<_>>().join("/")
    }

    /// What the fields stand for in `text`, or `None` where it does not fit. Levels are divided by `/`; a field may be a
    /// part of its level. A level `+` fits any, and `#` at the end fits all that follows, as in an MQTT filter.
    pub fn capture(&self, text: &str) -> Option<Captured> {
        let mut captured = Captured::default();
        let mut given = text.split('/');
        for level in self.levels() {
            if level == [Piece::Text("#".to_owned())] {
                return Some(captured);
            }
            let given = given.next()?;
            if level != [Piece::Text("+".to_owned())] {
                fit(&level, given, &mut captured).then_some(())?;
            }
        }
        given.next().is_none().then_some(captured)
    }

    /// The pieces of each level.
    fn levels(&self) -> Vec<Vec<Piece>> {
        let mut levels = vec![Vec::new()];
        for piece in &self.pieces {
            let Piece::Text(text) = piece else {
                levels.last_mut().expect("never empty").push(piece.clone());
                continue;
            };
            for (index, part) in text.split('/').enumerate() {
                if index > 0 {
                    levels.push(Vec::new());
                }
                push_text(levels.last_mut().expect("never empty"), part);
            }
        }
        levels
    }
}

/// Adds text to the piece before it, if that is text too.
fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// The name in braces at the start of `text`, and what follows it.
fn field(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    (!name.contains(['{', '/'])).then_some((name, after))
}

fn lone_brace(text: &str, known: &[&str]) -> String {
    let known = braced(known);
    format!("`{text}` has a brace without its partner: a field is one of {known}, and a brace itself is written twice")
}

fn named(name: &str, known: &[&str]) -> Result<Field, String> {
    let row = FIELDS.iter().find(|(field, _)| *field == name && known.contains(field));
    let unknown = || format!("unknown field `{{{name}}}`. Known here: {}", braced(known));
    row.map(|(_, field)| *field).ok_or_else(unknown)
}

fn braced(known: &[&str]) -> String {
    known.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")
}

fn value(field: Field, names: &Names<'_>) -> String {
    let frame = names.frame;
    match field {
        Field::Camera => frame.camera.to_string(),
        Field::Id => frame.id.to_string(),
        Field::Number => frame.number.to_string(),
        Field::Job => names.job.to_owned(),
        Field::Date => clock::date(frame.captured_at.unwrap_or(frame.received_at)),
        Field::Reason => names.reason.map(|reason| reason.to_string()).unwrap_or_default(),
    }
}

/// The longest value in bytes; file systems take names of 255.
const LONGEST: usize = 200;

/// A value as it may stand in a path or a topic. Different values stay different: what is escaped is written `%2F`, and
/// `%` itself is escaped, so that `%empty` and `%~` (in front of a hash) come from nowhere else.
fn escape(value: &str) -> String {
    if value.is_empty() {
        return "%empty".to_owned();
    }
    let mut escaped = String::with_capacity(value.len());
    for (at, char) in value.char_indices() {
        let leads = at == 0 && matches!(char, '.' | '$' | ' ');
        match char {
            '/' | '\\' | '+' | '#' | '%' => percent(&mut escaped, char),
            _ if leads || char.is_control() => percent(&mut escaped, char),
            _ => escaped.push(char),
        }
    }
    if escaped.len() > LONGEST { shorten(value, &escaped) } else { escaped }
}

fn percent(escaped: &mut String, char: char) {
    for byte in char.encode_utf8(&mut [0; 4]).bytes() {
        write!(escaped, "%{byte:02X}").expect("a string takes all");
    }
}

/// The start of a value that is too long, and the hash of all of it.
fn shorten(value: &str, escaped: &str) -> String {
    let hash = &blake3::hash(value.as_bytes()).to_hex()[..32];
    let start = escaped.floor_char_boundary(LONGEST - hash.len() - "%~".len());
    format!("{}%~{hash}", &escaped[..start])
}

/// Whether the pieces of one level fit `text`, and what they stand for. A field takes as much as it can.
fn fit(pieces: &[Piece], text: &str, captured: &mut Captured) -> bool {
    match pieces {
        [] => text.is_empty(),
        [Piece::Text(start), rest @ ..] => {
            text.strip_prefix(start.as_str()).is_some_and(|text| fit(rest, text, captured))
        }
        [Piece::Field(field), rest @ ..] => {
            let ends = text.char_indices().map(|(at, char)| at + char.len_utf8()).rev();
            for end in ends {
                let (own, others) = text.split_at(end);
                if fit(rest, others, captured) {
                    captured.set(*field, own);
                    return true;
                }
            }
            false
        }
    }
}

impl Captured {
    fn set(&mut self, field: Field, text: &str) {
        match field {
            Field::Camera => self.camera = Some(text.to_owned()),
            Field::Id => self.id = Some(text.to_owned()),
            Field::Number => self.number = text.parse().ok(),
            Field::Job | Field::Date | Field::Reason => {}
        }
    }
}

#[cfg(test)]
mod tests {
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
            headers: None,
            truth: None,
            bytes: Default::default(),
        }
    }

    fn fill(template: &str, frame: &Frame) -> String {
        let names = Names { job: "room", frame, reason: Some(operators::Reason::TooManyPixels) };
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
            let filled = template.fill(&Names { job: "j", frame: &frame, reason: None });
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
}
