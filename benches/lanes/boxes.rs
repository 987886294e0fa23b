//! Whether two contenders found the same things.

/// The threshold that every contender keeps boxes from.
pub const THRESHOLD: f32 = 0.3;

/// How far two scores of one thing may lie apart.
const SCORES: f32 = 0.03;

/// How much two boxes of one thing have in common: intersection over union.
const OVERLAP: f32 = 0.9;

/// One thing that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    /// Its class.
    pub class: usize,
    /// How sure, 0 to 1.
    pub score: f32,
    /// Left, top, right, bottom, in pixels.
    pub corners: [f32; 4],
}

impl Thing {
    fn overlap(&self, other: &Self) -> f32 {
        let [left, top, right, bottom] = std::array::from_fn(|side| match side {
            0 | 1 => self.corners[side].max(other.corners[side]),
            _ => self.corners[side].min(other.corners[side]),
        });
        let area = |[left, top, right, bottom]: [f32; 4]| (right - left).max(0.0) * (bottom - top).max(0.0);
        let both = area([left, top, right, bottom]);
        both / (area(self.corners) + area(other.corners) - both).max(f32::EPSILON)
    }

    fn is(&self, other: &Self) -> bool {
        let near = (self.score - other.score).abs() <= SCORES;
        self.class == other.class && near && self.overlap(other) >= OVERLAP
    }
}

/// Whether each thing of either is one of the other. A thing just above the threshold may be missing.
pub fn same(ours: &[Thing], theirs: &[Thing]) -> bool {
    matched(ours, theirs) && matched(theirs, ours)
}

fn matched(these: &[Thing], those: &[Thing]) -> bool {
    let mut left: Vec<_> = those.iter().collect();
    these.iter().all(|thing| match left.iter().position(|other| thing.is(other)) {
        Some(at) => {
            left.swap_remove(at);
            true
        }
        None => thing.score < THRESHOLD + SCORES,
    })
}
