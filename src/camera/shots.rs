//! What cameras give, frame by frame: files of a folder, or what is rendered.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;

use crate::mistake::Mistake;
use crate::sources::synthetic::Cameras;

/// A frame on its way to a broker.
pub struct Shot {
    /// The camera's name.
    pub camera: String,
    /// The frame's number.
    pub number: u64,
    /// A JPEG or PNG.
    pub picture: Bytes,
}

/// The frames of several cameras, in turn.
pub struct Shots {
    /// How many cameras.
    pub cameras: u32,
    /// Their frames, one of each camera after the other.
    pub frames: Box<dyn Iterator<Item = anyhow::Result<Shot>>>,
}

/// The pictures of a folder, in the order of their names; over and over, if `again`.
pub fn of_folder(folder: &Path, name: &str, again: bool, start: u64) -> anyhow::Result<Shots> {
    let files = pictures(folder)?;
    let count = if again { usize::MAX } else { files.len() };
    let name = name.to_owned();
    let files = files.into_iter().cycle().take(count);
    let frames = files.zip(start..).map(move |(file, number)| {
        let picture = std::fs::read(&file).with_context(|| format!("{} can't be read", file.display()))?;
        Ok(Shot { camera: name.clone(), number, picture: picture.into() })
    });
    Ok(Shots { cameras: 1, frames: Box::new(frames) })
}

/// What rendered cameras see.
pub fn rendered(cameras: Cameras, start: u64) -> Shots {
    let count = cameras.count();
    let views: Vec<_> = (0..count).map(|camera| (cameras.name(camera), cameras.view(camera))).collect();
    let frames = (0_u64..).map(move |at| {
        let (name, view) = &views[(at % u64::from(count)) as usize];
        let number = cameras.number(start + at / u64::from(count)).0;
        Ok(Shot { camera: name.clone(), number, picture: view.frame(number).0 })
    });
    Shots { cameras: count, frames: Box::new(frames) }
}

/// The files of a folder that look like pictures, by name.
///
/// # Errors
/// A [`Mistake`] where there are none.
pub fn pictures(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unreadable = |error| Mistake::new(format!("{} can't be played: {error}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let picture = |path: &PathBuf| {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        extension.is_some_and(|extension| ["jpg", "jpeg", "png"].iter().any(|known| extension == *known))
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(picture).collect();
    paths.sort();
    if paths.is_empty() {
        let shown = folder.display();
        return Err(Mistake::new(format!("{shown} has no pictures: a camera plays .jpg, .jpeg and .png files")).into());
    }
    Ok(paths)
}
