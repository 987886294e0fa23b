//! `kind = "convert"`: what images are written as.

use operators::Flaw;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::Form;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;

/// Says what the sinks behind it write as `image`, and how well. Name files to match: `path = "{id}.png"`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Convert {
    /// The format: `jpeg`, `png` (exact) or `webp` (lossless, so exact as well).
    to: To,
    /// The quality of a JPEG, 1 to 100; left out, it is near the quality and the size of the frame that came.
    quality: Option<u8>,
}

/// The format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum To {
    /// JPEG, 4:2:0.
    Jpeg,
    /// PNG.
    Png,
    /// WebP, lossless.
    Webp,
}

impl StepConfig for Convert {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        match (self.quality, self.to) {
            (Some(quality), To::Jpeg) if !(1..=100).contains(&quality) => {
                Err(Mistake::at("quality", format!("`quality` is {quality}: it has to be from 1 to 100")))
            }
            (Some(_), To::Png | To::Webp) => {
                Err(Mistake::at("quality", "only a JPEG has a quality, the others lose nothing: remove `quality`"))
            }
            _ => Ok(()),
        }
    }

    fn describe(&self) -> String {
        let quality = self.quality.map(|quality| format!(" of quality {quality}")).unwrap_or_default();
        format!("makes images {}{quality}", format!("{:?}", self.to).to_lowercase())
    }

    fn open(&self, _: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Converting(match self.to {
            To::Jpeg => Form::Jpeg(self.quality),
            To::Png => Form::Png,
            To::Webp => Form::Webp,
        })))
    }
}

/// The step of one worker.
struct Converting(Form);

impl Each for Converting {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        picture.form = self.0;
        Ok(Verdict::GoesOn)
    }
}
