//! What a step remembers of each camera.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use operators::{Camera, Frame};

/// Cameras that are remembered at most: names come from topics, and anybody may think of new ones.
const MOST: usize = 4096;

/// One `T` a camera, for as many cameras as memory is meant for: of more, the one that was asked for longest ago goes.
#[derive(Debug)]
pub struct PerCamera<T> {
    known: HashMap<Camera, (u64, T)>,
    asked: u64,
}

impl<T> Default for PerCamera<T> {
    fn default() -> Self {
        Self { known: HashMap::new(), asked: 0 }
    }
}

impl<T: Default> PerCamera<T> {
    /// What is known of a camera; the default, if it is new.
    pub fn of(&mut self, camera: &Camera) -> &mut T {
        self.asked += 1;
        if self.known.len() >= MOST && !self.known.contains_key(camera) {
            let oldest = self.known.iter().min_by_key(|(_, (asked, _))| *asked).map(|(camera, _)| camera.clone());
            oldest.and_then(|oldest| self.known.remove(&oldest));
        }
        let (asked, known) = self.known.entry(camera.clone()).or_default();
        *asked = self.asked;
        known
    }
}

/// Frames that are remembered to have gone on: more than a batch holds.
const LATELY: usize = 2048;

/// Frames that went on lately. One whose batch is tried once more after a panic gets the same answer, although by now it looks like
/// itself. One that its broker sends again is received anew, and looked at like any other: the one before it is still under way, and
/// is acknowledged first. (By its id alone it can't be told: where nobody gives one, it is a hash of the picture.)
#[derive(Debug, Default)]
pub struct Lately {
    marks: VecDeque<u64>,
    hasher: RandomState,
}

impl Lately {
    /// Whether a frame goes on: it did before, or `decide` says so.
    pub fn goes_on(&mut self, frame: &Frame, decide: impl FnOnce() -> bool) -> bool {
        let mark = self.hasher.hash_one((&frame.camera, &frame.id, frame.received_at));
        if self.marks.contains(&mark) {
            return true;
        }
        let goes_on = decide();
        if goes_on {
            if self.marks.len() == LATELY {
                self.marks.pop_front();
            }
            self.marks.push_back(mark);
        }
        goes_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::picture;

    /// Catches a frame that is filtered as its own copy when its batch is tried again: that is a frame lost.
    #[test]
    fn a_frame_that_comes_again_gets_the_same_answer() {
        let (mut lately, mut frame) = (Lately::default(), picture("".into()).frame);
        assert!(lately.goes_on(&frame, || true) && lately.goes_on(&frame, || false));
        frame.id = "2".into();
        assert!(!lately.goes_on(&frame, || false) && lately.goes_on(&frame, || true));
        for id in 0..2 * LATELY {
            frame.id = id.to_string().into();
            assert!(lately.goes_on(&frame, || true));
        }
        assert_eq!(lately.marks.len(), LATELY);
        frame.received_at.0 += 1;
        assert!(!lately.goes_on(&frame, || false), "the same picture, sent once more");
    }

    /// Catches memory that grows with each name that somebody thinks of.
    #[test]
    fn the_camera_of_long_ago_is_forgotten() {
        let mut cameras = PerCamera::<u32>::default();
        let name = |number: usize| Camera::from(number.to_string());
        for number in 0..MOST {
            *cameras.of(&name(number)) = 7;
        }
        assert_eq!(*cameras.of(&name(0)), 7);
        cameras.of(&"new".into());
        assert_eq!((*cameras.of(&name(0)), cameras.known.len()), (7, MOST));
        assert_eq!(*cameras.of(&name(1)), 0, "it was the oldest");
    }
}
