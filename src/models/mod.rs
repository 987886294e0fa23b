//! Families of models: what a model's inputs mean and what its outputs say. One file a family, one row in [`FAMILIES`].

use std::fmt::Debug;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::allowed::Allowed;
use crate::codec::Pixels;
use crate::engine::{Model, Output, Signature};

pub mod labels;
pub mod letterbox;
pub mod nms;
pub mod yolox;

pub use letterbox::Placement;

/// What a detector thinks is there, in pixels of the original picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The class, from 0.
    pub class: usize,
    /// How sure, 0 to 1.
    pub score: f32,
    /// Left, top, right, bottom; finite and inside the picture.
    pub corners: [f32; 4],
}

/// A family of detectors.
pub trait Detector: Debug + Send {
    /// How many classes the model tells apart.
    fn classes(&self) -> usize;

    /// Writes a picture as the model wants it into `input`; where it was put.
    fn prepare(&mut self, pixels: &Pixels, input: &mut [f32]) -> Placement;

    /// What the outputs say, at `threshold` and above, before any suppression.
    fn read(&self, outputs: &[Output<'_>], placement: &Placement, threshold: f32) -> Vec<Candidate>;
}

/// One row: a family's name, and what recognises its models.
pub struct Family {
    /// The family's name.
    pub name: &'static str,
    /// The detector for a model of this family; `None` for other models.
    pub recognise: fn(&Signature) -> Option<Box<dyn Detector>>,
}

/// Every family, in the order in which they are tried.
pub const FAMILIES: &[Family] = &[Family { name: "yolox", recognise: yolox::recognise }];

/// The detector for a model.
///
/// # Errors
/// One sentence that shows the model's inputs and outputs, where no family knows it.
pub fn detector(model: &Arc<Model>) -> Result<Box<dyn Detector>, String> {
    let found = FAMILIES.iter().find_map(|family| (family.recognise)(&model.signature));
    found.ok_or_else(|| {
        let known: Vec<_> = FAMILIES.iter().map(|family| family.name).collect();
        let (name, signature) = (&model.tag.name, &model.signature);
        format!("{name} is of no family that Vigie knows ({}): it has {signature}", known.join(", "))
    })
}

/// A model's file: beside the job, then under `VIGIE_MODELS` at any depth, then in `models/`. The last two are places of
/// who keeps the process, and allowed without being named.
///
/// # Errors
/// One sentence that says where it was looked for.
pub fn find(name: &str, folder: &Path, allowed: &Allowed) -> Result<PathBuf, String> {
    let beside = folder.join(name);
    if beside.is_file() && allowed.holds(&beside) {
        return Ok(beside);
    }
    // A name that climbs out of these two places, or starts elsewhere, is none of theirs.
    let is_name = Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !allowed.is_all() && !is_name {
        return allowed.check("model", &beside).map(|()| beside).map_err(|mistake| mistake.what);
    }
    let outside = std::env::var_os("VIGIE_MODELS").filter(|path| !path.is_empty()).map(PathBuf::from);
    let found = outside.as_deref().and_then(|outside| below(outside, name));
    let here = Path::new("models").join(name);
    found.or_else(|| here.is_file().then(|| here.clone())).ok_or_else(|| {
        let outside = match outside {
            Some(path) => format!("under VIGIE_MODELS ({})", path.display()),
            None => "under VIGIE_MODELS (which is not set)".to_owned(),
        };
        let beside = beside.display();
        format!("there is no model `{name}`: looked for {beside}, {outside} and in models/; put it there or set VIGIE_MODELS")
    })
}

/// The file of that name, or path, in a folder or below it.
fn below(folder: &Path, name: &str) -> Option<PathBuf> {
    let direct = folder.join(name);
    if direct.is_file() {
        return Some(direct);
    }
    let mut folders: Vec<_> = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.iter().find_map(|folder| below(folder, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a family that was written and never tried.
    #[test]
    fn every_family_has_a_row() {
        let shared = ["labels.rs", "letterbox.rs", "mod.rs", "nms.rs"];
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/models");
        for entry in std::fs::read_dir(here).expect("this folder").flatten() {
            let file = entry.file_name().into_string().expect("a name");
            let family = file.trim_end_matches(".rs");
            let has_row = FAMILIES.iter().any(|row| row.name == family);
            assert!(has_row || shared.contains(&file.as_str()), "{file} has no row in FAMILIES");
        }
    }
}
