//! A message of Kafka as a frame: its own word first, then its headers and topic, then its key, partition and offset.

use operators::{Frame, Headers, UnixMillis};
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message as _, Timestamp};

use super::held::Held;
use crate::clock;
use crate::sources::Holds;
use crate::sources::message::{Otherwise, Told};
use crate::template::Template;

/// Makes a frame of a message.
pub struct Reader {
    /// The topics it reads.
    pub topic: Template,
    /// The camera of a message that names none.
    pub part: String,
    /// What its messages hold.
    pub holds: Holds,
    /// The largest picture.
    pub max_frame_bytes: usize,
}

impl Reader {
    /// The message as a frame. What is wrong with it is its flaw.
    pub fn frame(&self, held: Held) -> Frame {
        let message = held.message();
        let topic: Told = self.topic.capture(message.topic()).unwrap_or_default().into();
        let headers: Vec<_> = message.headers().into_iter().flat_map(|all| all.iter()).collect();
        let header = |name: &str| said(&headers, name);
        let key = message.key().and_then(|key| std::str::from_utf8(key).ok()).filter(|key| !key.is_empty());
        let told = Told {
            camera: header("camera").map(str::to_owned).or(topic.camera).or(key.map(str::to_owned)),
            number: header("number").and_then(|number| number.parse().ok()).or(topic.number),
            id: header("id").map(str::to_owned).or(topic.id),
            captured_at: header("captured_at").and_then(moment).or_else(|| created(message)),
            headers: all(&headers),
        };
        let (partition, offset) = (message.partition(), message.offset());
        let otherwise = Otherwise {
            camera: self.part.clone(),
            number: offset.max(0) as u64,
            id: Some(format!("{partition}-{offset}")),
        };
        self.holds.frame(held.into_payload(), told, otherwise, self.max_frame_bytes)
    }
}

/// What a header says that is text and not empty.
fn said<'a>(headers: &[Header<'a, &'a [u8]>], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|header| header.key == name)?;
    text(header).filter(|text| !text.is_empty())
}

/// All headers that are text.
fn all(headers: &[Header<'_, &[u8]>]) -> Headers {
    let mut all = Headers::default();
    for header in headers {
        if let Some(text) = text(header) {
            all.add(header.key, text);
        }
    }
    all
}

fn text<'a>(header: &Header<'a, &'a [u8]>) -> Option<&'a str> {
    std::str::from_utf8(header.value?).ok()
}

/// A moment as RFC 3339 text or as a Unix time.
fn moment(text: &str) -> Option<UnixMillis> {
    clock::parse(text).or_else(|| clock::from_unix(text.parse().ok()?))
}

/// When the producer made the message, if it says so.
fn created(message: &BorrowedMessage<'_>) -> Option<UnixMillis> {
    match message.timestamp() {
        Timestamp::CreateTime(ms) => u64::try_from(ms).ok().filter(|ms| *ms > 0).map(UnixMillis),
        _ => None,
    }
}
