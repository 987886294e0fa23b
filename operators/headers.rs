//! What is said beside a frame, by name: the headers of its message. Whoever sends frames chooses them, so they are bounded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Texts by name. It takes [`MOST`](Self::MOST) of them with [`ROOM`](Self::ROOM) bytes in all, and counts what it leaves
/// out.
///
/// ```
/// use operators::Headers;
///
/// let mut headers = Headers::default();
/// headers.add("label", "cat");
/// headers.add("label", "dog");
/// assert_eq!(headers.get("label"), Some("cat"), "the first word counts");
/// headers.add("essay", &"x".repeat(Headers::ROOM));
/// assert_eq!((headers.len(), headers.left_out()), (1, 1));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers {
    texts: BTreeMap<String, String>,
    left_out: usize,
}

impl Headers {
    /// How many there are at most.
    pub const MOST: usize = 32;
    /// How many bytes their names and texts have at most, all together.
    pub const ROOM: usize = 4096;

    /// Adds one, unless there is one of that name, or no room: then it counts as left out.
    pub fn add(&mut self, name: &str, text: &str) {
        if self.texts.contains_key(name) {
            return;
        }
        match self.len() < Self::MOST && self.bytes() + name.len() + text.len() <= Self::ROOM {
            true => _ = self.texts.insert(name.to_owned(), text.to_owned()),
            false => self.left_out += 1,
        }
    }

    /// Adds those of `others`, as [`add`](Self::add) does.
    pub fn add_all(&mut self, others: &Headers) {
        others.iter().for_each(|(name, text)| self.add(name, text));
        self.left_out += others.left_out;
    }

    /// The text of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// Names and texts, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// How many there was no room for.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The bytes of names and texts, all together.
    pub fn bytes(&self) -> usize {
        self.iter().map(|(name, text)| name.len() + text.len()).sum()
    }
}
