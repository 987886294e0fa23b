//! A task as it lies in the spool: what is said of it as JSON, and its picture behind that.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use operators::{Headers, Settings, UnixMillis};
use serde::{Deserialize, Serialize};

/// A picture that somebody handed in.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// What is said of it.
    pub said: Said,
    /// The picture as it came.
    pub picture: Bytes,
}

/// What is said of a task beside its picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// Its name for ever, which is its frame's.
    pub id: String,
    /// The camera, if it names one.
    pub camera: Option<String>,
    /// When the picture was taken, if it says so.
    pub captured_at: Option<UnixMillis>,
    /// When it was handed in.
    pub taken_at: UnixMillis,
    /// Its parameters, with the defaults of those that it does not name.
    pub settings: Arc<Settings>,
    /// What its request's headers say.
    #[serde(default)]
    pub headers: Headers,
}

/// A new name: 128 random bits in hex.
///
/// # Errors
/// The machine has no random numbers.
pub fn fresh_id() -> Result<String, getrandom::Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bits)))
}

impl Task {
    /// As it lies in the spool.
    pub fn pack(&self) -> Bytes {
        let said = serde_json::to_vec(&self.said).expect("texts and numbers are JSON");
        let mut bytes = BytesMut::with_capacity(4 + said.len() + self.picture.len());
        bytes.extend_from_slice(&(said.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&said);
        bytes.extend_from_slice(&self.picture);
        bytes.freeze()
    }

    /// What [`Task::pack`] made. `None` where it was none, or of another version of Vigie.
    pub fn unpack(mut bytes: Bytes) -> Option<Self> {
        let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
        let said = serde_json::from_slice(bytes.get(4..4 + length)?).ok()?;
        Some(Self { said, picture: bytes.split_off(4 + length) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operators::Setting;

    /// Catches a task that is another one after a restart.
    #[test]
    fn a_task_is_read_as_it_was_written() {
        let settings = Arc::new(Settings::from([("strength".to_owned(), Setting::Number(0.7))]));
        let id = fresh_id().expect("random numbers");
        assert_eq!(id.len(), 32);
        let mut headers = Headers::default();
        headers.add("label", "cat");
        let said =
            Said { id, camera: None, captured_at: Some(UnixMillis(1)), taken_at: UnixMillis(2), settings, headers };
        let task = Task { said, picture: "jpeg".into() };
        assert_eq!(Task::unpack(task.pack()), Some(task.clone()));
        for length in 0..task.pack().len() - 4 {
            assert_eq!(Task::unpack(task.pack().slice(..length)), None);
        }
    }
}
