//! The rendered cameras of one seed, and their names.

use operators::Number;

use super::places::PLACES;
use super::view::View;
use crate::mistake::Mistake;

/// Cameras at most: each keeps its place in memory, some megabytes.
const MOST: u32 = 10_000;
/// Pixels a side, the least and the most: width, then height.
const LIMITS: [(u32, u32); 2] = [(160, 3840), (120, 2160)];

/// Several rendered cameras.
#[derive(Clone, Debug)]
pub struct Cameras {
    seed: u64,
    count: u32,
    size: (u32, u32),
    scene: Option<&'static str>,
    every: u64,
}

impl Cameras {
    /// `count` cameras of a seed, for pictures of this size (`640x480`), of one kind of place or of all in turn. Of a
    /// camera's frames, one in `every` is taken.
    ///
    /// # Errors
    /// One sentence, with the field that is wrong.
    pub fn new(seed: u64, count: u32, size: &str, scene: Option<&str>, every: u64) -> Result<Self, Mistake> {
        if !(1..=MOST).contains(&count) {
            return Err(Mistake::at("cameras", format!("`cameras` is {count}: it has to be between 1 and {MOST}")));
        }
        if every == 0 {
            return Err(Mistake::at("every", "`every` is 0: 1 takes each frame, 10 every tenth"));
        }
        let scene = scene.map(place).transpose()?;
        Ok(Self { seed, count, size: dimensions(size)?, scene, every })
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Frame number `at` of those that are taken.
    pub fn number(&self, at: u64) -> Number {
        Number(at.saturating_mul(self.every))
    }

    /// The camera of this index.
    pub fn view(&self, camera: u32) -> View {
        View::new(self.seed, camera.into(), self.size, self.scene)
    }

    /// Its name: `street-2`.
    pub fn name(&self, camera: u32) -> String {
        let scene = self.scene.unwrap_or(PLACES[camera as usize % PLACES.len()].name);
        format!("{scene}-{camera}")
    }

    /// What they are, in a few words.
    pub fn describe(&self) -> String {
        let Self { seed, count, size: (width, height), scene, every } = self;
        let scene = scene.map(|scene| format!(" of a {scene}")).unwrap_or_default();
        let every = if *every > 1 { format!(", one frame in {every}") } else { String::new() };
        format!("{count} rendered cameras{scene}, {width}×{height}, seed {seed}{every}")
    }
}

/// The place of that name.
fn place(name: &str) -> Result<&'static str, Mistake> {
    let names: Vec<_> = PLACES.iter().map(|place| place.name).collect();
    let found = names.iter().find(|known| **known == name);
    found.copied().ok_or_else(|| {
        Mistake::at("scene", format!("there is no scene `{name}`: write {}, or leave it out", names.join(", ")))
    })
}

/// `640x480` as width and height.
fn dimensions(text: &str) -> Result<(u32, u32), Mistake> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let size = text.split_once(['x', '×']).and_then(|(width, height)| Some((number(width)?, number(height)?)));
    let [(narrow, wide), (low, high)] = LIMITS;
    let wrong = || {
        Mistake::at(
            "size",
            format!("`{text}` is no size of a picture: write 640x480, from {narrow}x{low} to {wide}x{high}"),
        )
    };
    size.filter(|(width, height)| (narrow..=wide).contains(width) && (low..=high).contains(height)).ok_or_else(wrong)
}
