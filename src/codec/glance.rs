//! Pictures that are only looked at: of a large one, a model sees far fewer pixels than it has.

use super::Pixels;

/// How many times as large as the model's input a picture stays, on the side that decides how much of it is seen: with
/// fewer pixels than that, what models find moves by more than references allow (`docs/performance.md`).
const MARGIN: u64 = 2;

/// How many of a picture's pixels are enough for what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enough {
    /// As many as it takes to make it as small as this.
    Input {
        /// Width and height.
        size: [u32; 2],
        /// Whether its proportions change.
        stretched: bool,
    },
    /// All.
    All,
}

impl Enough {
    /// Nobody asks for pixels: however few there are, they are enough.
    pub const NONE: Self = Self::Input { size: [0; 2], stretched: false };

    /// What is enough for both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (Self::Input { size: a, stretched }, Self::Input { size: b, stretched: too }) = (self, other) else {
            return Self::All;
        };
        Self::Input { size: [a[0].max(b[0]), a[1].max(b[1])], stretched: stretched || too }
    }

    /// By how much the sides of a picture of that size may be divided as it is decoded: 8, 4, 2, or 1.
    pub fn shrink(self, own: [u32; 2]) -> u32 {
        let Self::Input { size, stretched } = self else { return 1 };
        let fits = |by: &u32| {
            let axis = |axis: usize| u64::from(*by) * MARGIN * u64::from(size[axis]) <= u64::from(own[axis]);
            own.iter().all(|side| side >= by) && if stretched { axis(0) && axis(1) } else { axis(0) || axis(1) }
        };
        [8, 4, 2].into_iter().find(fits).unwrap_or(1)
    }
}

/// A picture as it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Glance<'a> {
    /// Its pixels, or fewer that show the same.
    pub pixels: &'a Pixels,
    /// The width and height that it has itself.
    pub size: [u32; 2],
}

impl<'a> From<&'a Pixels> for Glance<'a> {
    /// All of it.
    fn from(pixels: &'a Pixels) -> Self {
        Self { pixels, size: pixels.size() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a picture that gets smaller than a model sees it, or than two models do that look at the same one.
    #[test]
    fn what_is_left_is_twice_what_a_model_sees() {
        let input = |side, stretched| Enough::Input { size: [side; 2], stretched };
        for (size, of_416, of_192) in [
            ([640, 480], 1, 1),
            ([831, 480], 1, 2),
            ([1664, 900], 2, 4),
            ([2592, 1944], 2, 4),
            ([1944, 2592], 2, 4),
            ([7000, 5000], 8, 8),
        ] {
            let (large, small) = (input(416, false), input(192, false));
            assert_eq!((large.shrink(size), small.shrink(size)), (of_416, of_192), "{size:?}");
            assert_eq!(small.and(large).shrink(size), of_416, "{size:?}");
            assert_eq!(small.and(Enough::All).shrink(size), 1);
            assert_eq!(small.and(Enough::NONE), small);
        }
        assert_eq!(input(416, true).shrink([1664, 900]), 1, "stretched, both sides have to be large enough");
        assert_eq!([[800, 9], [800, 3], [800, 1]].map(|size| Enough::NONE.shrink(size)), [8, 2, 1], "a pixel is left");
    }
}
