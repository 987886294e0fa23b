//! What a user did wrong, in words that lead to the mend.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One mistake in what a user gave: a sentence that says what is wrong, and what to do.
///
/// A component knows the field; `job.rs` turns the field into file, line and column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The key of the part's table that is wrong, if it is one key.
    pub field: Option<&'static str>,
    /// What is wrong and what to do, without a full stop at the end.
    pub what: String,
    /// The bytes of the job file that are wrong; filled in by `job.rs`.
    pub span: Option<Range<usize>>,
    /// The bytes of the field's text that are wrong, if it is not all of it.
    pub inside: Option<Range<usize>>,
}

impl Mistake {
    /// A mistake that is not one key's.
    pub fn new(what: impl Into<String>) -> Self {
        Self { field: None, what: what.into(), span: None, inside: None }
    }

    /// A mistake in the value of `field`.
    pub fn at(field: &'static str, what: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::new(what) }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Mistake {}

/// All that is wrong with a job file, each with its place. Shown, it is what a person reads: one sentence that says what
/// to do, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// The job file, as it was named.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
    /// What is wrong with it, in the order of the file.
    pub list: Vec<Mistake>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.iter().try_for_each(|mistake| writeln!(f, "{}", mistake.told("error", &self.path, &self.text)))
    }
}

impl std::error::Error for Mistakes {}

impl Mistakes {
    /// A file that can't be read: `what` says so, and what it is.
    pub fn unreadable(path: &Path, what: &str, error: &std::io::Error) -> Self {
        let list = vec![Mistake::new(format!("{what}: {error}"))];
        Self { path: path.to_owned(), text: String::new(), list }
    }

    /// The first of them in one line: `cluster.toml:3: …`.
    pub fn in_a_line(&self) -> Mistake {
        let Some(first) = self.list.first() else { return Mistake::new(String::new()) };
        let before = |span: &Range<usize>| &self.text[..self.text.floor_char_boundary(span.start)];
        let line = first.span.as_ref().map(|span| format!(":{}", before(span).matches('\n').count() + 1));
        Mistake::new(format!("{}{}: {}", self.path.display(), line.unwrap_or_default(), first.what))
    }
}

impl Mistake {
    /// Points to what is wrong inside of the field, in the text of the file that `span` is in. Where that text is not the
    /// field's own (`\n`, `${ENV}`), the words say the column.
    pub fn narrow(&mut self, text: &str) {
        let Some(inside) = self.inside.take() else { return };
        let value = self.span.clone().and_then(|span| Some((span.start, text.get(span)?)));
        match value.and_then(|(at, value)| Some(at + quoted(value)?)) {
            Some(start) => self.span = Some(start + inside.start..start + inside.end),
            None => self.what += &format!(" (at its column {})", inside.start + 1),
        }
    }

    /// The mistake and its place in two lines, with `level` (`error`, `warning`) in front.
    pub fn told(&self, level: &str, path: &Path, text: &str) -> String {
        let place = self.span.as_ref().map(|span| place(text, span.start)).unwrap_or_default();
        format!("{level}: {}\n  --> {}{place}", self.what, path.display())
    }
}

/// Where the text of a TOML string begins, if it stands there as it is meant.
fn quoted(value: &str) -> Option<usize> {
    let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| value.starts_with(quotes))?;
    let escaped = quotes.starts_with('"') && value.contains('\\');
    let newline = &value[quotes.len()..];
    // A newline behind three quotes is not part of the text.
    let skipped = ["\r\n", "\n"].into_iter().find(|end| quotes.len() == 3 && newline.starts_with(end));
    (!escaped && !value.contains("${")).then(|| quotes.len() + skipped.map_or(0, str::len))
}

/// `:6:1 in [source.cameras]`, counted from 1.
fn place(text: &str, at: usize) -> String {
    let before = &text[..text.floor_char_boundary(at)];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before[start..].chars().count() + 1;
    let lines = text.lines().take(line).collect::<Vec<_>>();
    let header = lines.into_iter().rev().find_map(header).map(|name| format!(" in [{name}]"));
    format!(":{line}:{column}{}", header.unwrap_or_default())
}

/// The name of a table, if `line` begins one.
fn header(line: &str) -> Option<&str> {
    let name = line.trim_start().strip_prefix('[')?.split_once(']')?.0;
    name.starts_with(|char: char| char.is_alphabetic()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let text = "name = 'room'\n\n[source.cameras]\nlist = [\n  [1],\n]\nüü = 3\n";
        let told = |part: &str| {
            let at = text.find(part).unwrap();
            Mistake { span: Some(at..at), ..Mistake::new("it is wrong") }.told(
                "error",
                Path::new("jobs/room.toml"),
                text,
            )
        };
        assert_eq!(told("'room'"), "error: it is wrong\n  --> jobs/room.toml:1:8");
        assert_eq!(told("[source"), "error: it is wrong\n  --> jobs/room.toml:3:1 in [source.cameras]");
        assert_eq!(told("3"), "error: it is wrong\n  --> jobs/room.toml:7:6 in [source.cameras]");
    }
}
