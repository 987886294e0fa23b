//! Topics and paths with names in them: `cameras/{camera}/raw`, `out/{camera}/{id}.jpg`.

/// A text with fields in braces. Values are escaped when it is filled, so that no name adds a level or leaves the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
}

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
        let _ = known;
        Ok(Self { text: text.to_owned() })
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text with every field replaced by its value, escaped.
    pub fn fill(&self, names: &Names<'_>) -> String {
        let _ = names;
        todo!("helper D")
    }

    /// The MQTT filter that matches it: a level with a field in it becomes `+`.
    pub fn filter(&self) -> String {
        todo!("helper D")
    }

    /// What the fields stand for in `text`, or `None` where it does not fit. Levels are divided by `/`; a field may be a part of its level.
    pub fn capture(&self, text: &str) -> Option<Captured> {
        let _ = text;
        todo!("helper D")
    }
}
