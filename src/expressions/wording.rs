//! A text with expressions in braces: `{detection.label} at {camera}`. `{{` and `}}` stand for braces.

use operators::Flaw;

use super::{Expression, Facts, Scope, Wrong};

/// A text that is written anew for each picture, or for each thing in it.
#[derive(Debug)]
pub struct Wording(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Expression(Expression),
}

impl Wording {
    /// Reads and checks a text and its expressions.
    ///
    /// # Errors
    /// The first mistake, and where in the text it is.
    pub fn read(text: &str, scope: &Scope<'_>) -> Result<Self, Wrong> {
        let (mut pieces, mut at) = (Vec::new(), 0);
        while let Some(brace) = text[at..].find(['{', '}']).map(|found| at + found) {
            pieces.push(Piece::Text(text[at..brace].to_owned()));
            let rest = &text[brace..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                pieces.push(Piece::Text(rest[..1].to_owned()));
                at = brace + 2;
                continue;
            }
            let length = rest.strip_prefix('{').and_then(closing).ok_or_else(|| alone(brace))?;
            let start = brace + 1;
            let expression = Expression::text(&text[start..start + length], scope);
            pieces.push(Piece::Expression(expression.map_err(|wrong| wrong.moved(start))?));
            at = start + length + 1;
        }
        pieces.push(Piece::Text(text[at..].to_owned()));
        Ok(Self(pieces))
    }

    /// The text for these facts.
    ///
    /// # Errors
    /// A flaw of the frame that names the expression nothing comes of.
    pub fn fill(&self, facts: &Facts<'_>) -> Result<String, Flaw> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled += text,
                Piece::Expression(expression) => filled += &expression.written(facts)?,
            }
        }
        Ok(filled)
    }
}

/// Where in a text the brace is that ends the expression which the text begins with: not one in quotes, nor that of a map.
pub fn closing(text: &str) -> Option<usize> {
    let (mut open, mut quote, mut escaped) = (0, None, false);
    for (at, char) in text.char_indices() {
        match (quote, char) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(own), _) if own == char => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(char),
            (None, '{') => open += 1,
            (None, '}') if open == 0 => return Some(at),
            (None, '}') => open -= 1,
            (None, _) => {}
        }
    }
    None
}

fn alone(at: usize) -> Wrong {
    Wrong::new(
        at..at + 1,
        "this brace has no partner: an expression stands between two, a brace itself is written twice",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::picture;

    /// Catches an expression that ends at the wrong brace, and a brace that is lost.
    #[test]
    fn texts_are_filled() {
        for (text, filled) in [
            ("at the {camera}", "at the door"),
            ("{camera}{id}", "door1"),
            ("{{{id}}}", "{1}"),
            ("{{'a': 1}['a']}", "{'a': 1}['a']}"),
            ("{ {'a': 7}['a'] }!", "7!"),
            ("{'}' + \"{\\\"}\"}é", "}{\"}é"),
            ("", ""),
        ] {
            let wording = Wording::read(text, &Scope::PICTURE);
            match wording {
                Ok(wording) => assert_eq!(wording.fill(&Facts::of(&picture("".into()))).expect("a text"), filled),
                Err(wrong) => assert!(filled.ends_with("]}"), "{text}: {wrong:?}"),
            }
        }
    }

    /// Catches a mistake in the second expression that points into the first, and what can't be written as text.
    #[test]
    fn mistakes_point_into_the_text() {
        for (text, at, words) in [
            ("{camera} {kamera}", 10, "did you mean `camera`"),
            ("{camera", 0, "no partner"),
            ("camera}", 6, "no partner"),
            ("é{}", 3, "the expression ends here"),
            ("{labels}", 1, "a list can't be written"),
            ("{'}", 0, "no partner"),
        ] {
            let wrong = Wording::read(text, &Scope::PICTURE).map(|_| ()).expect_err(text);
            assert!(wrong.at.start == at && wrong.what.contains(words), "{text}: {wrong:?}");
        }
    }
}
