//! What a sink writes of a picture.

use bytes::Bytes;
use operators::Flaw;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::{self, Limits};
use crate::picture::Picture;
use crate::report::Report;

/// What a sink writes: `image` is the picture as the steps left it, `report` the JSON of what they found, `frame` the
/// bytes as they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Write {
    /// The picture as the steps left it, a JPEG unless a step converts it; the bytes as they came where no step changed
    /// it.
    Image,
    /// What was found, as JSON (`docs/report.schema.json`).
    #[default]
    Report,
    /// The bytes as they came.
    Frame,
}

impl Write {
    /// As a job file writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Write::Image => "image",
            Write::Report => "report",
            Write::Frame => "frame",
        }
    }

    /// How large it can get, where frames have `frame` bytes at most; `None` for what is always small.
    pub fn most(self, frame: usize) -> Option<usize> {
        match self {
            // What the encoder keeps to, unless a step makes the picture larger or converts it: see `codec::encode`.
            Write::Image => Some(frame + frame * 3 / 10),
            Write::Frame => Some(frame),
            Write::Report => None,
        }
    }

    /// What to write of `picture`, and its media type.
    ///
    /// # Errors
    /// A flaw of the picture, where it has to be decoded for this and can't be.
    pub fn body(self, picture: &mut Picture, job: &str, limits: &Limits) -> Result<(Bytes, &'static str), Flaw> {
        Ok(match self {
            Write::Image => (picture.image(limits)?, picture.form.media()),
            Write::Report => (Report::of(picture, job).to_json(), "application/json"),
            Write::Frame => (picture.frame.bytes.clone(), codec::media(&picture.frame.bytes)),
        })
    }
}
