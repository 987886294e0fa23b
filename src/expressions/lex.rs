//! An expression as tokens.

use std::ops::Range;

use super::Wrong;

/// The smallest piece of an expression that means something.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A whole number, without its sign.
    Int(u64),
    /// A number with a point or an exponent.
    Double(f64),
    /// A text in quotes, without them.
    Text(String),
    /// A name or a word.
    Name(String),
    /// `&&`, `(`, …
    Sign(&'static str),
    /// Nothing follows.
    End,
}

/// The longer ones first: `<=` is not `<` and `=`.
const SIGNS: [&str; 23] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", "(", ")", "[", "]", "{", "}",
    ",",
];

/// All tokens of a text, each with its place; the last one is the end.
///
/// # Errors
/// The first thing that is no token.
pub fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Wrong> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip();
        let start = lexer.at;
        let token = lexer.token()?;
        let end = token == Token::End;
        tokens.push((token, start..lexer.at));
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Steps over spaces and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest().trim_start();
            self.at = self.text.len() - rest.len();
            if !rest.starts_with("//") {
                return;
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    /// The start of what is left, as long as its characters are `wanted`.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|char| !wanted(char)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn token(&mut self) -> Result<Token, Wrong> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        let second = rest[first.len_utf8()..].chars().next();
        match first {
            '"' | '\'' => self.quoted(first, false),
            'r' if matches!(second, Some('"' | '\'')) => {
                self.at += 1;
                self.quoted(second.expect("seen above"), true)
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                Ok(Token::Name(self.take(|char| char.is_ascii_alphanumeric() || char == '_').to_owned()))
            }
            '0'..='9' => self.number(),
            '.' if second.is_some_and(|char| char.is_ascii_digit()) => self.number(),
            _ => self.sign(first),
        }
    }

    fn sign(&mut self, first: char) -> Result<Token, Wrong> {
        let rest = self.rest();
        if let Some(sign) = SIGNS.into_iter().chain(["."]).find(|sign| rest.starts_with(sign)) {
            self.at += sign.len();
            return Ok(Token::Sign(sign));
        }
        let what = match first {
            '=' => "one `=` compares nothing: write `==`".to_owned(),
            '&' | '|' => format!("one `{first}` joins nothing: write `{first}{first}`"),
            _ => format!("`{}` means nothing in an expression", first.escape_debug()),
        };
        Err(Wrong::new(self.at..self.at + first.len_utf8(), what))
    }

    fn number(&mut self) -> Result<Token, Wrong> {
        let start = self.at;
        let wrong = |end: usize, what: &str| Err(Wrong::new(start..end, what));
        let hex = self.rest().strip_prefix("0x").or_else(|| self.rest().strip_prefix("0X")).is_some();
        let mut whole = true;
        if hex {
            self.at += 2;
            self.take(|char| char.is_ascii_hexdigit());
        } else {
            self.take(|char| char.is_ascii_digit());
            whole = !(self.fraction() | self.exponent());
        }
        let number = &self.text[start..self.at];
        if !self.take(|char| char.is_ascii_alphanumeric() || char == '_').is_empty() {
            return wrong(self.at, "this is no number: there are whole ones (7, 0xFF) and others (0.8, 1e-3)");
        }
        let parsed = match (hex, whole) {
            (true, _) => u64::from_str_radix(&number[2..], 16).ok().map(Token::Int),
            (false, true) => number.parse().ok().map(Token::Int),
            (false, false) => number.parse().ok().filter(|value: &f64| value.is_finite()).map(Token::Double),
        };
        parsed.map_or_else(|| wrong(self.at, "this number is too large, or lacks its digits"), Ok)
    }

    /// Takes the digits behind a point; whether there were some.
    fn fraction(&mut self) -> bool {
        let digits = self.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if digits {
            self.at += 1;
            self.take(|char| char.is_ascii_digit());
        }
        digits
    }

    /// Takes `e-3`; whether it was there.
    fn exponent(&mut self) -> bool {
        let Some(rest) = self.rest().strip_prefix(['e', 'E']) else { return false };
        let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        if !digits.starts_with(|char: char| char.is_ascii_digit()) {
            return false;
        }
        self.at = self.text.len() - digits.len();
        self.take(|char| char.is_ascii_digit());
        true
    }

    fn quoted(&mut self, quote: char, raw: bool) -> Result<Token, Wrong> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(char) = self.rest().chars().next() {
            let at = self.at;
            self.at += char.len_utf8();
            match char {
                _ if char == quote => return Ok(Token::Text(text)),
                '\n' => break,
                '\\' if !raw => {
                    let meant = self.escaped();
                    let wrong = || "there are the escapes \\\\ \\\" \\' \\n \\r \\t and \\u with four hex digits";
                    text.push(meant.ok_or_else(|| Wrong::new(at..self.at, wrong()))?);
                }
                _ => text.push(char),
            }
        }
        Err(Wrong::new(start..start + 1, format!("this text has no end: close it with {quote}")))
    }

    /// What stands behind a backslash means.
    fn escaped(&mut self) -> Option<char> {
        let char = self.rest().chars().next()?;
        self.at += char.len_utf8();
        match char {
            '\\' | '"' | '\'' => Some(char),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => {
                let digits =
                    self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
                self.at += 4;
                char::from_u32(u32::from_str_radix(digits, 16).ok()?)
            }
            _ => None,
        }
    }
}
