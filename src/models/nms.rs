//! Greedy non-maximum suppression: of boxes of one class that overlap, the surest stays.

use super::Candidate;

/// Area of a box (left, top, right, bottom); 0 where there is none.
pub fn area([left, top, right, bottom]: [f32; 4]) -> f32 {
    (right - left).max(0.0) * (bottom - top).max(0.0)
}

/// What two boxes share.
pub fn shared(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
    [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]
}

/// Intersection over union of two boxes (left, top, right, bottom), 0 to 1.
pub fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    let both = area(shared(a, b));
    let either = area(a) + area(b) - both;
    if either > 0.0 { both / either } else { 0.0 }
}

/// The surest candidates, in falling order of score: one that overlaps a surer one of its class by more than `limit`
/// is left out.
pub fn suppress(mut candidates: Vec<Candidate>, limit: f32) -> Vec<Candidate> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Candidate> = Vec::new();
    for next in candidates {
        let same = kept.iter().filter(|kept| kept.class == next.class);
        if same.into_iter().all(|kept| overlap(kept.corners, next.corners) <= limit) {
            kept.push(next);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (0_usize..3, 0.0_f32..1.0, (0.0_f32..90.0, 0.0_f32..90.0, 1.0_f32..40.0, 1.0_f32..40.0));
        let candidate =
            |(class, score, (x, y, w, h))| Candidate { class, score, corners: [x, y, x + w, y + h], landmarks: None };
        proptest::collection::vec(one.prop_map(candidate), 0..40)
    }

    proptest! {
        /// Catches a box that survives beside a surer one, one that is dropped without cause, and a second pass that
        /// changes anything.
        #[test]
        fn what_is_kept_is_surest_and_apart(all in candidates(), limit in 0.1_f32..0.9) {
            let kept = suppress(all.clone(), limit);
            for (index, one) in kept.iter().enumerate() {
                for other in &kept[index + 1..] {
                    prop_assert!(one.score >= other.score);
                    prop_assert!(one.class != other.class || overlap(one.corners, other.corners) <= limit);
                }
            }
            for gone in all.iter().filter(|one| !kept.contains(one)) {
                let over = |by: &Candidate| by.class == gone.class && by.score >= gone.score
                    && overlap(by.corners, gone.corners) > limit;
                prop_assert!(kept.iter().any(over));
            }
            prop_assert_eq!(suppress(kept.clone(), limit), kept);
        }
    }
}
