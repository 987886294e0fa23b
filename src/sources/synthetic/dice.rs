//! Random numbers that are the same on every machine, for ever: a frame is drawn again from its number.
//!
//! SplitMix64 (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*, OOPSLA 2014). A crate's generators
//! may change their numbers from release to release; these must not.

/// A stream of random numbers, told by what it is for.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The dice for a thing that has these names: the same names give the same numbers.
    pub fn of(names: &[u64]) -> Self {
        let mut dice = Self(0x5649_4749_4500_0001);
        for name in names {
            dice.0 = dice.bits() ^ name.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        }
        dice
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to 1, 1 excluded.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 24) as f32
    }

    /// From `low` to `high`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A whole number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        (self.bits() % count.max(1) as u64) as usize
    }

    /// `true` in a share of `odds` cases.
    pub fn chance(&mut self, odds: f32) -> bool {
        self.unit() < odds
    }

    /// One of several.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a change of the numbers: every frame that anybody named by its number would be another.
    #[test]
    fn the_numbers_stay_what_they_are() {
        let mut dice = Dice::of(&[7, 1]);
        assert_eq!([dice.bits(), dice.bits()], [0x743400948C01E9BE, 0x7585EDCDE5BBD61D]);
        assert_ne!(Dice::of(&[7, 1]).bits(), Dice::of(&[1, 7]).bits());
        assert!((0..999).map(|_| dice.unit()).all(|unit| (0.0..1.0).contains(&unit)));
    }
}
