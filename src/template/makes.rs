//! Whether a text is one that a template makes. What is deleted is known by its name alone: in doubt, it is not.

use operators::Reason;

use super::{Field, LONGEST, Piece, Template, escape};
use crate::clock;

/// The length of the hash at the end of a value that was too long.
const HASH: usize = 32;

/// Ends of fields that are tried for one text. What needs more is a name that nobody gave on purpose.
const TRIES: usize = 10_000;

impl Template {
    /// Whether filling it gives `text` for some frame of the job of that name.
    pub fn makes(&self, text: &str, job: &str) -> bool {
        let mut trial = Trial { job: escape(job), held: Vec::new(), left: TRIES };
        trial.fits(&self.pieces, text)
    }
}

struct Trial<'t> {
    job: String,
    /// What each field and expression stands for so far: the same wherever it is.
    held: Vec<(&'t Piece, &'t str)>,
    left: usize,
}

impl<'t> Trial<'t> {
    fn fits(&mut self, pieces: &'t [Piece], text: &'t str) -> bool {
        match pieces {
            [] => text.is_empty(),
            [Piece::Text(own), rest @ ..] => {
                text.strip_prefix(own.as_str()).is_some_and(|others| self.fits(rest, others))
            }
            [piece, rest @ ..] => match self.held.iter().find(|(held, _)| *held == piece) {
                Some((_, own)) => text.strip_prefix(*own).is_some_and(|others| self.fits(rest, others)),
                None => self.finds(piece, rest, text),
            },
        }
    }

    /// Whether a field and what comes after it fit `text`, wherever the field ends.
    fn finds(&mut self, piece: &'t Piece, rest: &'t [Piece], text: &'t str) -> bool {
        let level = text.split('/').next().unwrap_or_default();
        for (at, char) in level.char_indices().rev() {
            let Some(left) = self.left.checked_sub(1) else { return false };
            self.left = left;
            let (own, others) = text.split_at(at + char.len_utf8());
            if may_follow(rest, others) && self.may_be(piece, own) {
                let before = self.held.len();
                self.held.push((piece, own));
                if self.fits(rest, others) {
                    return true;
                }
                self.held.truncate(before);
            }
        }
        false
    }

    /// An expression may come to whatever can be a name.
    fn may_be(&self, piece: &Piece, text: &str) -> bool {
        let field = match piece {
            Piece::Text(own) => return own == text,
            Piece::Said(_) => return is_escaped(text),
            Piece::Field(field) => field,
        };
        match field {
            Field::Camera | Field::Id => is_escaped(text),
            Field::Number => text.parse::<u64>().is_ok_and(|number| number.to_string() == text),
            Field::Job => text == self.job,
            Field::Date => {
                let midnight = clock::parse(&format!("{text}T00:00:00Z"));
                midnight.is_some_and(|midnight| clock::date(midnight) == text)
            }
            Field::Reason => Reason::ALL.iter().any(|reason| reason.as_str() == text),
        }
    }
}

/// A quick look ahead: most ends of a field are none.
fn may_follow(pieces: &[Piece], text: &str) -> bool {
    match pieces.first() {
        None => text.is_empty(),
        Some(Piece::Text(own)) => text.starts_with(own.as_str()),
        Some(Piece::Field(_) | Piece::Said(_)) => !text.is_empty(),
    }
}

/// Whether [`escape`] gives it.
fn is_escaped(text: &str) -> bool {
    match text.rsplit_once("%~") {
        Some((start, hash)) => is_shortened(start, hash),
        None => unescape(text).is_some_and(|value| escape(&value) == text),
    }
}

fn is_shortened(start: &str, hash: &str) -> bool {
    let room = LONGEST - HASH - "%~".len();
    let full = (room - 3..=room).contains(&start.len());
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let plain = |char: char| !matches!(char, '/' | '\\' | '+' | '#') && !char.is_control();
    full && !start.starts_with(['.', '$', ' '])
        && start.chars().all(plain)
        && hash.len() == HASH
        && hash.bytes().all(hex)
}

/// The value that was escaped, if it is one and was not shortened.
fn unescape(text: &str) -> Option<String> {
    if text == "%empty" {
        return Some(String::new());
    }
    let mut pieces = text.split('%');
    let mut value = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (hex, rest) = piece.split_at_checked(2)?;
        value.push(u8::from_str_radix(hex, 16).ok()?);
        value.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Names, Said};
    use operators::{Frame, Number, UnixMillis};
    use proptest::prelude::*;

    const ALL: [&str; 6] = ["camera", "id", "number", "job", "date", "reason"];

    fn template(text: &str) -> Template {
        Template::parse(text, &ALL).unwrap()
    }

    #[test]
    fn what_others_wrote_is_not_ours() {
        let path = template("faces/{camera}/{date}/{id}.jpg");
        assert!(path.makes("faces/door/2026-11-21/7.jpg", "room"));
        for foreign in [
            "faces/door/2026-11-21/7.jpeg",
            "faces/door/2026-11-21/7.jpg.bak",
            "faces/door/2026-11-21/.7.jpg",
            "faces/door/2026-11-21/a+b.jpg",
            "faces/door/2026-11-21/100%.jpg",
            "faces/door/2026-11-21/%2f.jpg",
            "faces/door/2026-11-21/.jpg",
            "faces/door/2026-11-21/a/7.jpg",
            "faces/door/2026-13-21/7.jpg",
            "faces/door/20261121/7.jpg",
            "faces/door/7.jpg",
            "faces//2026-11-21/7.jpg",
            "Faces/door/2026-11-21/7.jpg",
            "other/door/2026-11-21/7.jpg",
            "",
        ] {
            assert!(!path.makes(foreign, "room"), "{foreign}");
        }
    }

    #[test]
    fn each_field_holds_what_it_may() {
        let made = |text: &str, filled: &str| template(text).makes(filled, "room");
        assert!(made("{job}-{number}", "room-12") && !made("{job}-{number}", "hall-12"));
        assert!(!made("{number}", "012") && !made("{number}", "+1") && !made("{number}", "99999999999999999999"));
        assert!(made("{id}-{reason}", "a-b-too-large") && !made("{id}-{reason}", "a-large"));
        assert!(made("{camera}/{camera}-{id}", "a/a-1") && !made("{camera}/{camera}-{id}", "a/b-1"));
        assert!(made("{{{id}}}", "{7}") && made("+/#/{id}", "+/#/7"));
        assert!(!made("+/#/{id}", "a/b/7"), "these stand for themselves");
        assert!(made("{id}", "%empty") && !made("{id}", "%Empty"));
    }

    /// Catches a store that takes what others wrote for ours, or forgets ours, where the name holds an expression.
    #[test]
    fn an_expression_holds_any_name_and_nothing_else() {
        let scope = crate::expressions::Scope::PICTURE;
        let path =
            super::super::read::parse("faces/{values.v}/{values.v}-{id}.jpg", &ALL, Some(&scope)).expect("sound");
        for ours in ["faces/woman/woman-7.jpg", "faces/%empty/%empty-7.jpg", "faces/a%2Fb/a%2Fb-7.jpg"] {
            assert!(path.makes(ours, "room"), "{ours}");
        }
        for foreign in [
            "faces/woman/man-7.jpg",
            "faces/a/b/a-7.jpg",
            "faces/.hidden/.hidden-7.jpg",
            "faces/100%/100%-7.jpg",
            "faces//-7.jpg",
            "other/woman/woman-7.jpg",
        ] {
            assert!(!path.makes(foreign, "room"), "{foreign}");
        }
    }

    #[test]
    fn no_name_takes_long() {
        let path = template("{camera}-{id}-{number}-{date}-{reason}.jpg");
        let start = std::time::Instant::now();
        assert!(!path.makes(&"-".repeat(1000), "room"));
        assert!(!path.makes(&format!("{}.jpg", "a-1-".repeat(250)), "room"));
        assert!(start.elapsed().as_secs() < 5, "it gives up");
    }

    proptest! {
        /// Catches something of ours that is never deleted.
        #[test]
        fn what_a_template_fills_it_makes(
            camera in ".{0,20}|[./%~+e\\\\-]{1,9}|.{190,300}",
            id in ".{0,20}|[a-z0-9-]{1,40}",
            number: u64,
            at in 0_u64..4_000_000_000_000,
        ) {
            let frame = Frame { captured_at: Some(UnixMillis(at)), received_at: UnixMillis(0), ..Frame::new(camera.as_str().into(), Number(number), id.as_str().into(), Default::default()) };
            for text in ["x/{camera}/{date}/{id}.jpg", "{job}/{camera}-{number}-{id}", "{camera}/{id}-{reason}"] {
                let template = template(text);
                let filled = template.fill(&Names { job: "a b", frame: &frame, reason: Some(Reason::TooLarge), said: &Said::default() });
                prop_assert!(template.makes(&filled, "a b"), "{}", filled);
            }
        }

        #[test]
        fn no_text_panics(template in ".{0,40}", text in ".{0,40}") {
            if let Ok(template) = Template::parse(&template, &ALL) {
                let _ = (template.makes(&text, "room"), template.prefix());
            }
        }
    }
}
