//! What a message holds: a picture, or text that holds one.
//!
//! A message is told by its first bytes, never by what its topic or content type says. What looks like none of the
//! known forms is handed on as it came: the decoder says best what it is not.

mod json;

use bytes::Bytes;
use operators::{Flaw, Headers, Reason, UnixMillis};

use self::json::json;
use crate::codec;

/// A picture out of a message, and what the message says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// The picture's compressed bytes.
    pub bytes: Bytes,
    /// The camera's name, if the message says it.
    pub camera: Option<String>,
    /// The frame's number, if the message says it.
    pub number: Option<u64>,
    /// When the picture was taken, if the message says it.
    pub captured_at: Option<UnixMillis>,
    /// What else a JSON message says in plain fields: texts, numbers, true or false.
    pub headers: Headers,
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, ..Self::default() }
    }
}

/// Takes the picture out of a message: raw JPEG, raw PNG, base64 text (with or without a `data:` prefix), or JSON
/// `{"image": base64, "camera"?, "number"?, "captured_at"?}`, told apart by their first bytes.
///
/// Base64 may be broken into lines, lack its padding, and use either alphabet. `captured_at` is RFC 3339 text, or a
/// Unix time in seconds or milliseconds. Other plain fields of the JSON are its headers, and lists and objects the sender's own
/// business. A flaw is
/// [`Reason::Empty`], or [`Reason::BadMessage`] for a message that begins like one of the forms and is not.
pub fn parse(message: Bytes) -> Result<Body, Flaw> {
    if message.is_empty() {
        return Err(Flaw::new(Reason::Empty, "the message is empty"));
    }
    if codec::format(&message).is_some() {
        return Ok(message.into());
    }
    // A byte order mark before text is no part of it.
    let text = message.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&message).trim_ascii();
    match form(text) {
        Some(Form::Json(text)) => json(text),
        Some(Form::DataUrl(text)) => data_url(text).map(Body::from),
        Some(Form::Base64(text)) => base64(text).map(Body::from),
        None => Ok(message.into()),
    }
}

/// The forms of text that may hold a picture.
enum Form<'a> {
    Json(&'a str),
    DataUrl(&'a [u8]),
    Base64(&'a [u8]),
}

fn form(text: &[u8]) -> Option<Form<'_>> {
    // What a JPEG (FF D8 FF) and a PNG (its first 60 bits) begin with in base64, in both alphabets.
    const BASE64: [&[u8]; 3] = [b"/9j", b"_9j", b"iVBORw0KGg"];
    if text.starts_with(b"{") {
        return std::str::from_utf8(text).ok().map(Form::Json);
    }
    if text.get(..5).is_some_and(|head| head.eq_ignore_ascii_case(b"data:")) {
        return Some(Form::DataUrl(text));
    }
    BASE64.iter().any(|head| text.starts_with(head)).then_some(Form::Base64(text))
}

fn bad(detail: impl Into<String>) -> Flaw {
    Flaw::new(Reason::BadMessage, detail)
}

/// `data:image/jpeg;base64,…`. RFC 2397.
fn data_url(text: &[u8]) -> Result<Bytes, Flaw> {
    let comma = text.iter().take(200).position(|&byte| byte == b',');
    let (head, data) = text.split_at(comma.ok_or_else(|| bad("a data URL without the comma before its data"))?);
    if !head.to_ascii_lowercase().ends_with(b";base64") {
        return Err(bad("a data URL whose data is not base64"));
    }
    base64(&data[1..])
}

fn base64(text: &[u8]) -> Result<Bytes, Flaw> {
    // The fast way takes one line with its padding. The careful way is for the rest, and for saying what is wrong.
    let text = text.trim_ascii();
    match base64_simd::STANDARD.decode_to_vec(text) {
        Ok(bytes) => Ok(bytes.into()),
        Err(_) => careful_base64(text),
    }
}

fn careful_base64(text: &[u8]) -> Result<Bytes, Flaw> {
    let mut plain = text.to_vec();
    for byte in &mut plain {
        match byte {
            b'-' => *byte = b'+',
            b'_' => *byte = b'/',
            _ => {}
        }
    }
    base64_simd::forgiving_decode_to_vec(&plain).map(Bytes::from).map_err(|_| bad(what_is_wrong(&plain)))
}

fn what_is_wrong(base64: &[u8]) -> String {
    let foreign = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"+/=\n\r\t\x0C ".contains(byte);
    match base64.iter().position(foreign) {
        Some(at) => format!("the base64 text is broken: byte {at} is {:?}", char::from(base64[at])),
        None => format!("the base64 text is broken: {} characters, cut short or padded wrongly", base64.len()),
    }
}

/// A picture as base64 text, with or without a `data:` prefix.
///
/// # Errors
/// A flaw: there is none, or it is broken.
pub fn picture(text: &str) -> Result<Bytes, Flaw> {
    let text = text.trim_ascii();
    match form(text.as_bytes()) {
        Some(Form::DataUrl(text)) => data_url(text),
        _ if text.is_empty() => Err(Flaw::new(Reason::Empty, "it is empty")),
        _ => base64(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 the rest of a picture";

    fn encoded(bytes: &[u8]) -> String {
        base64_simd::STANDARD.encode_to_string(bytes)
    }

    #[track_caller]
    fn assert_flaw(message: impl Into<Bytes>, reason: Reason, words: &str) {
        let flaw = parse(message.into()).expect_err("a flaw");
        assert_eq!(flaw.reason, reason, "{}", flaw.detail);
        assert!(flaw.detail.contains(words), "{:?} lacks {words:?}", flaw.detail);
    }

    #[test]
    fn json_says_who_which_and_when() {
        let image = encoded(JPEG);
        let at = UnixMillis(1_795_249_801_250);
        for captured_at in ["\"2026-11-21T08:30:01.250Z\"", "1795249801.25", "1795249801250"] {
            let message =
                format!(r#" {{"image": "{image}", "camera": "door", "number": 7, "captured_at": {captured_at}}}"#);
            let wanted = Body {
                bytes: JPEG.into(),
                camera: Some("door".into()),
                number: Some(7),
                captured_at: Some(at),
                ..Body::default()
            };
            assert_eq!(parse(message.into()), Ok(wanted));
        }
    }

    /// Catches a field of the sender that is lost, or taken for more than a text; and one that makes a flaw.
    #[test]
    fn other_plain_fields_are_headers_and_null_is_no_flaw() {
        let others = r#""vendor": {"a": [1, {"b": null}]}, "list": [1], "camera": null, "none": null"#;
        let plain = r#""label": "c\u0061t", "seven": 7, "minus": -1, "half": 0.5, "dark": false"#;
        let body = parse(format!(r#"{{{others}, {plain}, "image": "{}"}}"#, encoded(JPEG)).into()).expect("a picture");
        let headers: Vec<_> = body.headers.iter().collect();
        let wanted = [("dark", "false"), ("half", "0.5"), ("label", "cat"), ("minus", "-1"), ("seven", "7")];
        assert_eq!(headers, wanted);
        assert_eq!(Body { headers: Default::default(), ..body }, Bytes::from_static(JPEG).into());
    }

    #[test]
    fn a_wrong_field_is_named() {
        let image = encoded(JPEG);
        for (fields, words) in [
            (r#""image": 5"#.to_owned(), "`image`"),
            (r#""image": "%%%""#.to_owned(), "`image`: the base64 text is broken: byte 0 is '%'"),
            (r#""picture": "x""#.to_owned(), "missing field `image`"),
            (format!(r#""image": "{image}", "camera": 5"#), "`camera` of the JSON is 5"),
            (format!(r#""image": "{image}", "camera": " ""#), "`camera`"),
            (format!(r#""image": "{image}", "number": -1"#), "`number` of the JSON is -1, not a whole number"),
            (format!(r#""image": "{image}", "number": "7""#), "`number`"),
            (
                format!(r#""image": "{image}", "captured_at": "yesterday""#),
                "`captured_at` of the JSON is \"yesterday\"",
            ),
            (format!(r#""image": "{image}", "captured_at": []"#), "`captured_at`"),
        ] {
            assert_flaw(format!("{{{fields}}}"), Reason::BadMessage, words);
        }
        assert_flaw(r#"{"image": ""}"#, Reason::Empty, "`image`");
    }

    #[test]
    fn what_begins_like_a_known_form_and_is_none_is_a_bad_message() {
        assert_flaw(r#"{"image": "#, Reason::BadMessage, "JSON");
        assert_flaw("data:image/jpeg;base64", Reason::BadMessage, "comma");
        assert_flaw("data:image/svg+xml,<svg>", Reason::BadMessage, "not base64");
        assert_flaw("/9j/4AAQ!SkZJRg==", Reason::BadMessage, "byte 8 is '!'");
        assert_flaw("/9j/4", Reason::BadMessage, "cut short");
        assert_flaw("", Reason::Empty, "empty");
    }

    #[test]
    fn what_is_none_of_the_forms_is_handed_on() {
        for bytes in [&b"hello"[..], b"[1, 2]", b"{\xFF\xFE", b"\x00\x01", b"GIF89a", b" ", b"dGV4dA=="] {
            assert_eq!(parse(Bytes::from_static(bytes)), Ok(Bytes::from_static(bytes).into()));
        }
    }

    /// Some JSON writers escape every slash.
    #[test]
    fn escaped_slashes_are_taken() {
        let image = encoded(JPEG).replace('/', "\\/");
        assert_eq!(parse(format!(r#"{{"image":"{image}"}}"#).into()), Ok(Bytes::from_static(JPEG).into()));
    }

    /// The same text in lines of 76, without its padding, or in the alphabet of URLs.
    fn spellings(text: &str) -> [String; 5] {
        let lines: Vec<_> = text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let url = text.replace('+', "-").replace('/', "_");
        let bare = url.trim_end_matches('=').to_owned();
        [text.to_owned(), lines.join("\r\n") + "\n", url, bare, format!("\u{FEFF}\n {text}\n")]
    }

    proptest! {
        #[test]
        fn all_forms_give_the_same_bytes(rest in prop::collection::vec(any::<u8>(), 0..300), png: bool) {
            let magic = if png { &b"\x89PNG\r\n\x1a\n"[..] } else { b"\xFF\xD8\xFF" };
            let picture = Bytes::from([magic, &rest].concat());
            let wanted = Ok(Body::from(picture.clone()));
            prop_assert_eq!(parse(picture.clone()), wanted.clone());
            for text in spellings(&encoded(&picture)) {
                prop_assert_eq!(parse(text.clone().into()), wanted.clone(), "{}", text);
                let data = text.trim_start_matches('\u{FEFF}');
                prop_assert_eq!(parse(format!("data:image/jpeg;base64,{data}").into()), wanted.clone());
                let image = Value::from(data);
                prop_assert_eq!(parse(format!(r#"{{"image": {image}}}"#).into()), wanted.clone());
            }
        }

        #[test]
        fn no_message_panics(
            head in prop::sample::select(vec!["", "{", "{\"image\":\"", "data:", "data:;base64,", "/9j", "iVBORw0KGgo", "\u{FEFF}"]),
            rest in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let _ = parse(Bytes::from([head.as_bytes(), &rest].concat()));
        }
    }
}
