//! `kind = "strip"`: pictures that tell nothing beside what they show.

use operators::Flaw;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::{self, Enough};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;

/// Takes out of images what they tell beside the picture: EXIF with time and place, XMP, IPTC, comments, thumbnails, and
/// whatever follows the end. A JPEG is not compressed again, and still stands upright. What a sink writes as `frame` stays
/// as it came.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Strip {}

impl StepConfig for Strip {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        Ok(())
    }

    fn describe(&self) -> String {
        "takes out EXIF and all else that an image tells beside the picture".to_owned()
    }

    fn enough(&self, _: &Context) -> Enough {
        Enough::NONE
    }

    fn open(&self, _: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Stripping))
    }
}

/// The step of one worker.
struct Stripping;

impl Each for Stripping {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        // What is no JPEG is made anew of its pixels when it is written, and nothing else is left of it.
        if codec::format(&picture.frame.bytes) == Some(codec::Format::Jpeg) {
            let bare = codec::bare(&picture.frame.bytes)?;
            picture.bare(bare);
        }
        Ok(Verdict::GoesOn)
    }
}
