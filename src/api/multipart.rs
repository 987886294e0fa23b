//! A form with files, as browsers and curl send it: `multipart/form-data` (RFC 7578).

use bytes::Bytes;

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Whether it is a file.
    pub is_file: bool,
    /// What it holds.
    pub body: Bytes,
}

/// What stands between the fields, as a media type says it.
pub fn boundary(media: &str) -> Option<&str> {
    let is_it = |value: &&str| value.trim_start().get(..9).is_some_and(|key| key.eq_ignore_ascii_case("boundary="));
    let value = media.split(';').skip(1).find(is_it)?.trim().get(9..)?.trim_matches('"');
    (!value.is_empty() && value.len() <= 70).then_some(value)
}

/// The fields of a form; `None` where it is none, or ends too soon.
pub fn fields(form: &Bytes, boundary: &str) -> Option<Vec<Field>> {
    let line = format!("\r\n--{boundary}");
    let mut fields = Vec::new();
    // Whatever stands before the first one is for people.
    let first = line.as_bytes().strip_prefix(b"\r\n")?;
    let mut at = match form.starts_with(first) {
        true => first.len(),
        false => find(form, 0, line.as_bytes())? + line.len(),
    };
    while !form[at..].starts_with(b"--") {
        let head = find(form, at, b"\r\n")? + 2;
        let head_end = if form[head..].starts_with(b"\r\n") { head } else { find(form, head, b"\r\n\r\n")? + 2 };
        let body = head_end + 2;
        let end = find(form, body.min(form.len()).saturating_sub(2), line.as_bytes())?;
        let body = form.slice(body.min(end)..end);
        fields.extend(field(std::str::from_utf8(&form[head..head_end]).ok()?, body));
        at = end + line.len();
    }
    Some(fields)
}

/// A field that has a name.
fn field(head: &str, body: Bytes) -> Option<Field> {
    let is_it = |line: &&str| line.get(..20).is_some_and(|key| key.eq_ignore_ascii_case("content-disposition:"));
    let told = head.lines().find(is_it)?;
    let name = value(told, "name")?.to_owned();
    Some(Field { name, is_file: value(told, "filename").is_some(), body })
}

/// `value(…; name="x"; …, "name")` is `x`.
fn value<'a>(told: &'a str, key: &str) -> Option<&'a str> {
    let mut rest = told;
    loop {
        let (_, after) = rest.split_once(';')?;
        rest = after;
        let Some(quoted) = after.trim_start().strip_prefix(key).and_then(|after| after.strip_prefix('=')) else {
            continue;
        };
        return match quoted.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').map(|(value, _)| value),
            None => quoted.split(';').next().map(str::trim),
        };
    }
}

/// Where `needle` stands, from there on.
fn find(hay: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    let (first, mut at) = (*needle.first()?, from);
    loop {
        at += hay.get(at..)?.iter().position(|byte| *byte == first)?;
        if hay[at..].starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form(fields: &[(&str, bool, &[u8])], boundary: &str) -> Bytes {
        let mut form = b"for people\r\n".to_vec();
        for (name, is_file, body) in fields {
            let file = if *is_file { "; filename=\"a; name=b.jpg\"\r\nContent-Type: image/jpeg" } else { "" };
            let head = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
            form.extend_from_slice(head.as_bytes());
            form.extend_from_slice(body);
            form.extend_from_slice(b"\r\n");
        }
        form.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        form.into()
    }

    #[test]
    fn a_boundary_is_found_in_its_media_type() {
        assert_eq!(boundary("multipart/form-data; boundary=----x"), Some("----x"));
        assert_eq!(boundary("multipart/form-data;charset=utf-8; BOUNDARY=\"a b\""), Some("a b"));
        assert_eq!(boundary("multipart/form-data"), None);
    }

    proptest! {
        /// Catches a picture that loses a byte, and one that is cut at something that only looks like a boundary.
        #[test]
        fn what_was_sent_comes_out(
            fields in prop::collection::vec(("[a-z]{1,8}", any::<bool>(), prop::collection::vec(prop::sample::select(b"\r\n-x\x00".to_vec()), 0..40)), 0..5),
        ) {
            let rows: Vec<_> = fields.iter().map(|(name, is_file, body)| (name.as_str(), *is_file, &body[..])).collect();
            let sent = form(&rows, "--xy");
            let found = super::fields(&sent, "--xy").expect("a form");
            let found: Vec<_> = found.iter().map(|field| (field.name.as_str(), field.is_file, &field.body[..])).collect();
            prop_assert_eq!(found, rows);
            for length in 0..sent.len() - 4 {
                prop_assert!(super::fields(&sent.slice(..length), "--xy").is_none());
            }
        }

        #[test]
        fn no_form_panics(bytes in prop::collection::vec(prop::sample::select(b"\r\n-x:;\"=name".to_vec()), 0..120)) {
            let _ = super::fields(&bytes.into(), "x");
        }
    }
}
