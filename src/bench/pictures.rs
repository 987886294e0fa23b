//! What the cameras of a measurement show: pictures in memory, the same over and over.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::camera::shots;
use crate::mistake::Mistake;
use crate::sources::synthetic::Cameras;

/// Pictures of a folder at most: they are in memory.
const MOST: usize = 64;
/// Rendered places, and pictures of each.
const PLACES: u32 = 4;
const EACH: u64 = 8;
/// Between two of them, so that people are elsewhere.
const APART: u64 = 9;

/// Sequences of pictures. Clones share them.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// What they are, in a few words.
    pub what: String,
    /// At least one, and none of them empty.
    sequences: Arc<[Vec<Bytes>]>,
}

impl Pictures {
    /// The first pictures of a folder, by name.
    ///
    /// # Errors
    /// A [`Mistake`] where there are none, or one can't be read.
    pub fn of_folder(folder: &Path) -> anyhow::Result<Self> {
        let files = shots::pictures(folder)?;
        let read = |path: &std::path::PathBuf| {
            let wrong = |error| Mistake::new(format!("{} can't be read: {error}", path.display()));
            fs::read(path).map(Bytes::from).map_err(wrong)
        };
        let sequence = files.iter().take(MOST).map(read).collect::<Result<Vec<_>, _>>()?;
        let what = format!("{} of {} pictures of {}", sequence.len(), files.len(), folder.display());
        Ok(Self { what, sequences: [sequence].into() })
    }

    /// Rendered pictures of that size (`640x480`): a room, a corridor, a street and a yard with people who walk.
    ///
    /// # Errors
    /// What is wrong with the size.
    pub fn rendered(size: &str) -> Result<Self, Mistake> {
        let cameras = Cameras::new(1, PLACES, size, None, APART)?;
        let sequence = |camera| {
            let view = cameras.view(camera);
            (0..EACH).map(|at| view.frame(cameras.number(at).0).0).collect()
        };
        let what = format!("{} rendered pictures of {size}", u64::from(PLACES) * EACH);
        Ok(Self { what, sequences: (0..PLACES).map(sequence).collect() })
    }

    /// What that camera shows as its frame of that number.
    pub fn of(&self, camera: usize, number: u64) -> Bytes {
        let sequence = &self.sequences[camera % self.sequences.len()];
        // Cameras that show the same do not show it at the same time.
        let at = number as usize + camera / self.sequences.len();
        sequence[at % sequence.len()].clone()
    }

    /// Bytes of a picture, on average.
    pub fn bytes(&self) -> f64 {
        let all = || self.sequences.iter().flatten();
        all().map(Bytes::len).sum::<usize>() as f64 / all().count() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a camera that shows one picture for ever: steps that look for what has changed would filter all of it.
    #[test]
    fn a_camera_shows_another_picture_each_time() {
        let pictures = Pictures::rendered("160x120").expect("a size");
        for camera in [0, 3, 5] {
            let shown: Vec<_> = (0..EACH).map(|number| pictures.of(camera, number)).collect();
            assert!(shown.windows(2).all(|two| two[0] != two[1]), "camera {camera}");
            assert_eq!(pictures.of(camera, EACH), shown[0], "and again");
        }
        assert!(Pictures::rendered("wide").is_err());
    }
}
