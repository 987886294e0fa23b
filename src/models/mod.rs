//! Families of models: what a model's inputs mean and what its outputs say. One file a family, one row in [`FAMILIES`].

use std::path::{Component, Path, PathBuf};

use crate::allowed::Allowed;

pub mod centernet;
pub mod describer;
pub mod detector;
pub mod end_to_end;
pub mod fastestdet;
pub mod form;
pub mod gfl;
pub mod graph_nms;
pub mod known;
pub mod labels;
pub mod letterbox;
pub mod nanodet;
pub mod nms;
pub mod picodet;
pub mod reading;
pub mod recognise;
pub mod rehearsal;
pub mod retinaface;
pub mod rows;
pub mod rtdetr;
pub mod scrfd;
pub mod sight;
pub mod ssd;
pub mod trial;
pub mod ultraface;
pub mod values;
pub mod yolov5;
pub mod yolov8;
pub mod yolox;
pub mod yunet;

pub use describer::Describer;
pub use detector::{Candidate, Claim, Detector, Head};
pub use letterbox::Placement;
pub use recognise::{Choice, detector};
pub use sight::Sight;

/// One row: a family's name, and what recognises its models.
#[derive(Debug)]
pub struct Family {
    /// The family's name: what `family` says in a job.
    pub name: &'static str,
    /// How a model of this family is read; `None` for other models.
    pub recognise: fn(&Sight<'_>) -> Option<Claim>,
}

/// Every family.
pub const FAMILIES: &[Family] = &[
    Family { name: "yolox", recognise: yolox::recognise },
    Family { name: "yolox_decoded", recognise: yolox::recognise_decoded },
    Family { name: "yolov5", recognise: yolov5::recognise },
    Family { name: "yolov8", recognise: yolov8::recognise },
    Family { name: "end_to_end", recognise: end_to_end::recognise },
    Family { name: "graph_nms", recognise: graph_nms::recognise },
    Family { name: "ssd", recognise: ssd::recognise },
    Family { name: "nanodet", recognise: nanodet::recognise },
    Family { name: "nanodet_plus", recognise: nanodet::recognise_plus },
    Family { name: "picodet", recognise: picodet::recognise },
    Family { name: "fastestdet", recognise: fastestdet::recognise },
    Family { name: "yunet", recognise: yunet::recognise },
    Family { name: "ultraface", recognise: ultraface::recognise },
    Family { name: "retinaface", recognise: retinaface::recognise },
    Family { name: "scrfd", recognise: scrfd::recognise },
    Family { name: "rtdetr", recognise: rtdetr::recognise },
    Family { name: "centernet", recognise: centernet::recognise },
];

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
        let shared = [
            "describer.rs",
            "detector.rs",
            "form.rs",
            "gfl.rs",
            "known.rs",
            "labels.rs",
            "letterbox.rs",
            "mod.rs",
            "nms.rs",
            "reading.rs",
            "recognise.rs",
            "rehearsal.rs",
            "rows.rs",
            "sight.rs",
            "trial.rs",
            "values.rs",
        ];
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/models");
        for entry in std::fs::read_dir(here).expect("this folder").flatten() {
            let file = entry.file_name().into_string().expect("a name");
            let family = file.trim_end_matches(".rs");
            let has_row = FAMILIES.iter().any(|row| row.name == family);
            assert!(has_row || shared.contains(&file.as_str()), "{file} has no row in FAMILIES");
        }
    }
}
