//! `kind = "collect"`: pieces become one picture again.

use operators::Flaw;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Faulted, Join, Shape, StepConfig, Work};
use crate::codec::Limits;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::picture::{Picture, Piece};
use crate::raster;
use crate::report::{Cut, Detection};

/// Makes one picture of its pieces again: the picture as it was when `each` cut it, with the pixels of the pieces that
/// were painted on pasted back to where they were (scaled, where a step changed their size), with what was found in them
/// among its detections, and with a value that is a list: of each piece its `index`, `label`, `score`, `box` and `values`,
/// or its `fault`. A picture without pieces goes on as it was, with an empty list. A piece that a step let go is not in
/// the list; one that comes by two ways is in it twice.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Collect {
    /// What the value is called; as the `each` step, if left out.
    into: Option<String>,
    /// Whether the pieces' pixels are pasted back.
    paste: bool,
}

impl Default for Collect {
    fn default() -> Self {
        Self { into: None, paste: true }
    }
}

impl StepConfig for Collect {
    fn check(&self, _: &Context) -> Result<(), Mistake> {
        let sound = |name: &String| !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || char == '_');
        match self.into.as_ref().is_none_or(sound) {
            true => Ok(()),
            false => Err(Mistake::at("into", "a value's name is of letters, digits and `_`")),
        }
    }

    fn describe(&self) -> String {
        let paste = if self.paste { ", pasted back" } else { "" };
        let into = self.into.as_ref().map(|name| format!(" into {name}")).unwrap_or_default();
        format!("collects the pieces{into}{paste}")
    }

    fn shape(&self) -> Shape {
        Shape::Collect
    }

    fn gives(&self, _: &Context) -> Vec<String> {
        self.into.iter().cloned().collect()
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::Collect(Box::new(Collecting { config: self.clone(), limits: context.picture })))
    }
}

/// The step of one worker.
struct Collecting {
    config: Collect,
    limits: Limits,
}

impl Join for Collecting {
    fn join(&mut self, whole: &mut Picture, of: &str, pieces: Vec<Picture>, faulted: Vec<Faulted>) -> Result<(), Flaw> {
        let mut list = Vec::with_capacity(pieces.len() + faulted.len());
        for mut picture in pieces {
            let Some(piece) = picture.piece.take() else { continue };
            if self.config.paste && picture.is_touched() {
                self.paste(whole, &mut picture, &piece)?;
            }
            let found = picture.detections.iter().filter_map(|found| lifted(found, &picture, &piece));
            whole.detections.extend(found);
            whole.timings.append(&mut picture.timings);
            list.push((piece.index, told(&piece, "values", json!(picture.values))));
        }
        for Faulted { piece, flaw } in faulted {
            list.push((piece.index, told(&piece, "fault", json!(format!("{}: {}", flaw.reason, flaw.detail)))));
        }
        list.sort_by_key(|(index, _)| *index);
        let list = list.into_iter().map(|(_, value)| value).collect();
        let name = self.config.into.clone().unwrap_or_else(|| of.to_owned());
        whole.values.insert(name, Value::Array(list));
        Ok(())
    }
}

impl Collecting {
    fn paste(&self, whole: &mut Picture, picture: &mut Picture, piece: &Piece) -> Result<(), Flaw> {
        let (width, height) = (piece.area.width() as u32, piece.area.height() as u32);
        let pixels = picture.pixels(&self.limits)?;
        let canvas = whole.canvas(&self.limits)?;
        match (pixels.width, pixels.height) == (width, height) {
            true => raster::paste(canvas, pixels, piece.area),
            false => raster::paste(canvas, &raster::scaled(pixels, width, height), piece.area),
        }
        Ok(())
    }
}

/// What was found in a piece, in the picture that it was cut from.
fn lifted(found: &Detection, picture: &Picture, piece: &Piece) -> Option<Detection> {
    let place = |point| {
        let [x, y] = picture.placed(point);
        [x + piece.area.left as f32, y + piece.area.top as f32]
    };
    found.moved(place, [piece.area.right as f32, piece.area.bottom as f32])
}

/// A piece in the list.
fn told(piece: &Piece, key: &str, value: Value) -> Value {
    let mut told = json!(Cut::from(piece));
    let fields = told.as_object_mut().expect("a struct is an object");
    fields.remove("of");
    fields.insert(key.to_owned(), value);
    told
}
