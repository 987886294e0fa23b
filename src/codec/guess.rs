//! What bytes seem to be that are no picture: words for the person who finds the dead letter.

/// What files begin with, and what they are then.
const KNOWN: &[(&[u8], &str)] = &[
    (b"GIF8", "it is a GIF"),
    (b"BM", "it is a BMP"),
    (b"RIFF", "it is a RIFF file (WebP or AVI)"),
    (b"II*\0", "it is a TIFF"),
    (b"MM\0*", "it is a TIFF"),
    (b"\xFF\x0A", "it is a JPEG XL"),
    (b"\0\0\0\x0CjP  ", "it is a JPEG 2000"),
    (b"\0\0\0\x01", "it looks like a raw H.264 or H.265 stream"),
    (b"\x1F\x8B", "it is compressed with gzip"),
    (b"PK\x03\x04", "it is a ZIP archive"),
    (b"%PDF", "it is a PDF"),
    (b"version https://git-lfs", "it is a Git LFS pointer, not the file itself"),
    (b"<!DOCTYPE", "it is an HTML page"),
    (b"<html", "it is an HTML page"),
    (b"<?xml", "it is XML"),
];

/// How much of a text is shown.
const SHOWN: usize = 40;

/// What `bytes` seems to be.
pub fn describe(bytes: &[u8]) -> String {
    if let Some((_, what)) = KNOWN.iter().find(|(magic, _)| starts_with(bytes, magic)) {
        return (*what).to_owned();
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return "it is HEIC, AVIF or MP4".to_owned();
    }
    let head = &bytes[..bytes.len().min(SHOWN)];
    match text(head) {
        Some(text) => format!("it is text that begins with {text:?}"),
        None => format!("it begins with the bytes {}", hex(&head[..head.len().min(8)])),
    }
}

/// HTML is written in capitals and in small letters.
fn starts_with(bytes: &[u8], magic: &[u8]) -> bool {
    bytes.get(..magic.len()).is_some_and(|head| match magic[0] {
        b'<' => head.eq_ignore_ascii_case(magic),
        _ => head == magic,
    })
}

/// The bytes as text, if they are; a character that is cut at the end is left out.
fn text(head: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let printable = |c: char| !c.is_control() || c.is_ascii_whitespace();
    (!text.is_empty() && text.chars().all(printable)).then_some(text)
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_can_tell_what_came() {
        for (bytes, what) in [
            (&b"GIF89a..."[..], "it is a GIF"),
            (b"<!doctype html><p>", "it is an HTML page"),
            (b"\0\0\0\x18ftypheic", "it is HEIC, AVIF or MP4"),
            ("camera off: öööööööööööööööööööööö".as_bytes(), "it is text that begins with \"camera off: ööööö"),
            (b"\0\x01", "it begins with the bytes 00 01"),
            (b"B", "it is text that begins with \"B\""),
        ] {
            assert!(describe(bytes).starts_with(what), "{} is not: {what}", describe(bytes));
        }
    }
}
