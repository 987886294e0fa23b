//! Where points go when a picture is turned, mirrored, cut or scaled, and back.

/// An affine map of the plane: `[[a, b, c], [d, e, f]]` takes `[x, y]` to `[a·x + b·y + c, d·x + e·y + f]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine([[f64; 3]; 2]);

/// How far from the origin a map is looked at: over a short distance the last bit of an `f32` would count.
const FAR: f32 = 4096.0;

impl Affine {
    /// The map that moves nothing.
    pub const NOTHING: Self = Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);

    /// The map that `to` is, where it is an affine one.
    pub fn of(to: impl Fn([f32; 2]) -> [f32; 2]) -> Self {
        let [origin, across, down] = [[0.0; 2], [FAR, 0.0], [0.0, FAR]].map(|point| to(point).map(f64::from));
        let far = f64::from(FAR);
        Self([0, 1].map(|axis| [(across[axis] - origin[axis]) / far, (down[axis] - origin[axis]) / far, origin[axis]]))
    }

    /// Where a point goes.
    pub fn map(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (x, y) = (f64::from(x), f64::from(y));
        self.0.map(|[a, b, c]| (a * x + b * y + c) as f32)
    }

    /// This map after `first`.
    pub fn after(&self, first: &Self) -> Self {
        let [[a, b, c], [d, e, f]] = first.0;
        Self(self.0.map(|[p, q, r]| [p * a + q * d, p * b + q * e, p * c + q * f + r]))
    }

    /// The map back, unless it makes a line or a point of the plane.
    pub fn back(&self) -> Option<Self> {
        let [[a, b, c], [d, e, f]] = self.0;
        let size = a * e - b * d;
        let back = Self([[e / size, -b / size, (b * f - c * e) / size], [-d / size, a / size, (c * d - a * f) / size]]);
        back.0.iter().flatten().all(|value| value.is_finite()).then_some(back)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Catches a map whose way back leads elsewhere, and two maps that are taken in the wrong order.
        #[test]
        fn there_and_back_is_nothing(turn in 0.0_f32..6.3, scale in 0.05_f32..20.0, x in -5e3_f32..5e3, y in -5e3_f32..5e3) {
            let (sin, cos) = turn.sin_cos();
            let turned = |[x, y]: [f32; 2]| [cos * x - sin * y + 100.0, sin * x + cos * y - 7.0];
            let scaled = |[x, y]: [f32; 2]| [x * scale, y * scale + 3.0];
            let both = Affine::of(scaled).after(&Affine::of(turned));
            let there = both.map([x, y]);
            let direct = scaled(turned([x, y]));
            let back = both.back().expect("it has a size").map(there);
            for axis in 0..2 {
                prop_assert!((there[axis] - direct[axis]).abs() <= 0.01 * scale.max(1.0), "{there:?} {direct:?}");
                prop_assert!((back[axis] - [x, y][axis]).abs() < 0.05, "{back:?} {:?}", [x, y]);
            }
        }
    }

    /// Catches a division by nothing.
    #[test]
    fn what_makes_a_line_of_the_plane_has_no_way_back() {
        assert_eq!(Affine::of(|[x, _]| [x, x]).back(), None);
        assert_eq!(Affine::NOTHING.back(), Some(Affine([[1.0, -0.0, 0.0], [-0.0, 1.0, 0.0]])));
    }
}
