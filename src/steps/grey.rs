//! `kind = "grey"`: pictures without colour.

use operators::Flaw;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Each, StepConfig, Verdict, Work};
use crate::codec::Limits;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::Picture;
use crate::raster::luma;

/// Takes the colour out of pictures: what is left is their brightness (ITU-R BT.601).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grey {}

impl StepConfig for Grey {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        Ok(())
    }

    fn describe(&self) -> String {
        "takes the colour out".to_owned()
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Greying(context.picture)))
    }
}

/// The step of one worker.
struct Greying(Limits);

impl Each for Greying {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        let canvas = picture.canvas(&self.0)?;
        canvas.rgb.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| *pixel = [luma::of(*pixel); 3]);
        Ok(Verdict::GoesOn)
    }
}
