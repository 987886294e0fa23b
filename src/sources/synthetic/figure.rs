//! Draws a person.
//!
//! Lengths are shares of the person's height, after the usual canon of seven and a half heads.

use std::f32::consts::{PI, TAU};

use super::brush::{Colour, Flat, blend, lit};
use super::looks::{Bag, Bottom, Cut, Hat, Looks, Trim};
use super::sprite::Bounds;

/// How a person stands at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Where they face: 0 to the right, a quarter turn is towards the camera, in radians.
    pub heading: f32,
    /// How far through their stride they are, in radians.
    pub phase: f32,
    /// How wide the stride is: 0 stands, 1 walks briskly.
    pub stride: f32,
    /// What the arms do.
    pub arms: Arms,
}

/// What a person's arms do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arms {
    /// They swing, or hang.
    Swing,
    /// One hand holds something to look at.
    Phone,
    /// Both hands hold something before the chest.
    Carry,
    /// Both hands are on the hips.
    Hips,
}

/// The room a person of this height takes in a picture.
pub fn bounds(height: f32) -> Bounds {
    Bounds { half_width: height * 0.42, below: height * 0.08, above: height * 1.06 }
}

/// A point or a thickness, in shares of the height.
type Share = [f32; 2];

/// A person being drawn.
struct Figure<'a, 'b> {
    flat: &'a mut Flat<'b>,
    looks: &'a Looks,
    /// How much the person is seen from the side (1 faces right, -1 left), and from the front (1) or behind (-1).
    side: f32,
    front: f32,
    pose: Pose,
}

/// Draws a person whose feet are at the origin.
pub fn draw(flat: &mut Flat<'_>, looks: &Looks, pose: Pose) {
    let (side, front) = (libm::cosf(pose.heading), libm::sinf(pose.heading));
    let mut figure = Figure { flat, looks, side, front, pose };
    // From behind, what is carried on the back comes last; else it is behind all.
    let far = if side >= 0.0 { -1.0 } else { 1.0 };
    if front > -0.3 {
        figure.backpack();
    }
    if figure.looks.cut == Cut::Long && front > 0.0 {
        figure.long_hair();
    }
    figure.arm(far);
    figure.leg(far, 0.86);
    figure.leg(-far, 1.0);
    figure.trunk();
    figure.skirt();
    figure.head();
    figure.arm(-far);
    if front <= -0.3 {
        figure.backpack();
    }
}

impl Figure<'_, '_> {
    fn at(&self, [x, y]: Share) -> [f32; 2] {
        [x * self.looks.height, y * self.looks.height]
    }

    fn limb(&mut self, (a, thick_a): (Share, f32), (b, thick_b): (Share, f32), colour: Colour) {
        let height = self.looks.height;
        let (a, b) = (self.at(a), self.at(b));
        self.flat.limb((a, thick_a * height), (b, thick_b * height), colour);
    }

    fn blob(&mut self, points: &[Share], colour: Colour) {
        let points: Vec<_> = points.iter().map(|point| self.at(*point)).collect();
        self.flat.blob(&points, colour);
    }

    fn ellipse(&mut self, middle: Share, [width, height]: Share, colour: Colour) {
        let (middle, size) = (self.at(middle), self.at([width, height]));
        self.flat.ellipse(middle, size[0], size[1], colour);
    }

    /// How broad the body looks from here, and where it leans.
    fn breadth(&self) -> f32 {
        self.looks.girth * (0.66 + 0.34 * self.front.abs())
    }

    fn lean(&self) -> f32 {
        0.02 * self.side * self.pose.stride
    }

    /// How far a limb on this side of the body (-1 or 1) has swung forward, in radians.
    fn swing(&self, limb: f32) -> f32 {
        libm::sinf(self.pose.phase + if limb > 0.0 { 0.0 } else { PI }) * 0.46 * self.pose.stride
    }

    fn leg(&mut self, which: f32, light: f32) {
        let girth = self.looks.girth;
        let swing = self.swing(which);
        let lifted = libm::cosf(self.pose.phase + if which > 0.0 { 0.0 } else { PI }).max(0.0) * self.pose.stride;
        let hip = [which * 0.05 * girth * self.front.abs() + 0.3 * self.lean(), 0.5];
        let reach = 0.46 * libm::sinf(swing);
        let stance = if self.pose.stride < 0.1 { 0.055 } else { 0.035 };
        let ankle = [
            which * stance * girth * self.front.abs() + reach * self.side + 0.012 * which * self.side,
            0.045 + 0.05 * lifted - 0.22 * reach * self.front * 0.4,
        ];
        let bend = (0.015 + 0.075 * lifted) * self.side;
        let knee = [(hip[0] + ankle[0]) / 2.0 + bend, (hip[1] + ankle[1]) / 2.0 + 0.015 * lifted];
        let cloth = lit(self.looks.bottom_colour, light);
        let (skin, shoes) = (lit(self.looks.skin, light * 0.96), lit(self.looks.shoes, light));
        let (thigh, shin) = match self.looks.bottom {
            Bottom::Trousers => (cloth, cloth),
            Bottom::Coat(long) if long < 0.5 => (cloth, cloth),
            Bottom::Shorts => (cloth, skin),
            Bottom::Skirt(_) | Bottom::Coat(_) => (skin, skin),
        };
        let wide = if shin == skin { 0.75 } else { 1.0 };
        let toe = [ankle[0] + 0.062 * self.side, ankle[1] - 0.022 - 0.012 * self.front.max(0.0)];
        self.limb((ankle, 0.024), (toe, 0.019), shoes);
        self.limb((knee, 0.038 * girth * wide), (ankle, 0.026 * wide), shin);
        self.limb((hip, 0.062 * girth), (knee, 0.042 * girth), thigh);
    }

    fn trunk(&mut self) {
        let (breadth, lean, girth) = (self.breadth(), self.lean(), self.looks.girth);
        let (shoulder, waist, hip) = (0.118 * breadth, 0.088 * breadth * girth.max(0.95), 0.094 * breadth);
        let outline = [
            [-shoulder * 0.55 + lean, 0.855],
            [shoulder * 0.55 + lean, 0.855],
            [shoulder * 1.12 + lean, 0.825],
            [shoulder + lean, 0.74],
            [waist + lean * 0.7, 0.63],
            [hip + lean * 0.3, 0.5],
            [hip * 0.9, 0.455],
            [-hip * 0.9, 0.455],
            [-hip + lean * 0.3, 0.5],
            [-waist + lean * 0.7, 0.63],
            [-shoulder + lean, 0.74],
            [-shoulder * 1.12 + lean, 0.825],
        ];
        self.limb(([lean, 0.82], 0.036), ([lean * 1.2, 0.88], 0.033), lit(self.looks.skin, 0.85));
        self.blob(&outline, self.looks.top);
        match self.looks.trim {
            Some((Trim::Band, colour)) => self.band(0.72, 0.05, colour),
            Some((Trim::Vest, colour)) => {
                self.band(0.7, 0.025, colour);
                self.band(0.6, 0.025, colour);
            }
            Some((Trim::Open, colour)) if self.front > 0.25 => {
                let (middle, wide) = (lean + 0.03 * self.side, 0.034 * self.front);
                self.blob(
                    &[
                        [middle - wide, 0.84],
                        [middle + wide, 0.84],
                        [middle + wide * 0.7, 0.5],
                        [middle - wide * 0.7, 0.5],
                    ],
                    colour,
                );
            }
            _ => {}
        }
    }

    fn band(&mut self, y: f32, high: f32, colour: Colour) {
        let half = 0.1 * self.breadth();
        let lean = self.lean();
        let points = [[-half + lean, y], [half + lean, y], [half + lean, y + high], [-half + lean, y + high]];
        let points: Vec<_> = points.iter().map(|point| self.at(*point)).collect();
        self.flat.polygon(&points, colour);
    }

    fn skirt(&mut self) {
        let (long, colour) = match self.looks.bottom {
            Bottom::Skirt(long) => (long, self.looks.bottom_colour),
            Bottom::Coat(long) => (long, self.looks.top),
            Bottom::Trousers | Bottom::Shorts => return,
        };
        let (breadth, lean) = (self.breadth(), self.lean());
        let top = if colour == self.looks.top { 0.66 } else { 0.58 };
        let hem = 0.48 - 0.4 * long;
        let (waist, flare) =
            (0.09 * breadth, (0.1 + 0.035 * long) * breadth + 0.09 * self.pose.stride * self.side.abs() * long);
        let outline = [
            [-waist + lean, top],
            [waist + lean, top],
            [0.102 * breadth, 0.5],
            [flare, hem],
            [flare * 0.98, hem - 0.01],
            [-flare * 0.98, hem - 0.01],
            [-flare, hem],
            [-0.102 * breadth, 0.5],
        ];
        self.blob(&outline, lit(colour, 0.96));
    }

    fn arm(&mut self, which: f32) {
        let (breadth, lean, girth) = (self.breadth(), self.lean(), self.looks.girth);
        let shoulder = [which * 0.112 * breadth * self.front.abs().max(0.12) + lean, 0.81];
        let (elbow, hand) = self.reach(which, shoulder);
        let sleeve = lit(self.looks.top, if which * self.side > 0.0 { 0.93 } else { 0.8 });
        let fore = if self.looks.short_sleeves { lit(self.looks.skin, 0.95) } else { sleeve };
        let thin = if self.looks.short_sleeves { 0.8 } else { 1.0 };
        if which > 0.0 {
            self.hand_bag(hand);
        }
        self.ellipse(hand, [0.021, 0.024], self.looks.skin);
        self.limb((elbow, 0.03 * girth.sqrt() * thin), (hand, 0.021 * thin), fore);
        self.limb((shoulder, 0.038 * girth.sqrt()), (elbow, 0.031 * girth.sqrt()), sleeve);
        if which < 0.0 {
            self.shoulder_bag();
        }
    }

    /// Where the elbow and the hand are.
    fn reach(&self, which: f32, shoulder: Share) -> (Share, Share) {
        let out = which * self.front.abs();
        match self.pose.arms {
            Arms::Hips => {
                let elbow = [shoulder[0] + 0.085 * out - 0.06 * self.side, 0.67];
                (elbow, [shoulder[0] - 0.015 * out + 0.02 * self.side, 0.55])
            }
            Arms::Carry => {
                let elbow = [shoulder[0] + 0.03 * out - 0.02 * self.side, 0.655];
                (elbow, [shoulder[0] * 0.45 + 0.14 * self.side, 0.64])
            }
            Arms::Phone if which > 0.0 => {
                let elbow = [shoulder[0] + 0.035 * out - 0.01 * self.side, 0.66];
                (elbow, [shoulder[0] * 0.4 + 0.11 * self.side, 0.74])
            }
            Arms::Phone | Arms::Swing => {
                let swing = -self.swing(which) * 0.9;
                let along = libm::sinf(swing) * self.side;
                let elbow = [shoulder[0] + 0.028 * out + 0.16 * along, 0.655];
                let bend = (0.25 + swing.max(0.0)) * self.pose.stride;
                let hand = [elbow[0] - 0.004 * out + 0.15 * along + 0.08 * bend * self.side, 0.5 + 0.06 * bend];
                (elbow, hand)
            }
        }
    }

    fn hand_bag(&mut self, hand: Share) {
        if let Some((Bag::Hand, colour)) = self.looks.bag {
            let (x, y) = (hand[0], hand[1] - 0.1);
            let half = 0.03 + 0.045 * self.side.abs();
            self.limb(([x, hand[1]], 0.006), ([x, y], 0.006), lit(colour, 0.7));
            self.blob(&[[x - half, y], [x + half, y], [x + half * 1.1, y - 0.12], [x - half * 1.1, y - 0.12]], colour);
        }
    }

    fn shoulder_bag(&mut self) {
        if let Some((Bag::Shoulder, colour)) = self.looks.bag {
            let x = -0.1 * self.breadth() * self.front.abs() - 0.02 * self.side;
            self.limb(([0.05 * self.front, 0.83], 0.007), ([x, 0.55], 0.007), lit(colour, 0.7));
            self.blob(&[[x - 0.055, 0.56], [x + 0.055, 0.56], [x + 0.06, 0.45], [x - 0.06, 0.45]], colour);
        }
    }

    fn backpack(&mut self) {
        if let Some((Bag::Backpack, colour)) = self.looks.bag {
            let (x, half) = (-0.1 * self.side + self.lean(), 0.045 + 0.05 * self.front.abs());
            self.blob(&[[x - half, 0.84], [x + half, 0.84], [x + half * 1.1, 0.58], [x - half * 1.1, 0.58]], colour);
        }
    }

    fn long_hair(&mut self) {
        let x = self.lean() * 1.4;
        self.blob(&[[x - 0.06, 0.98], [x + 0.06, 0.98], [x + 0.075, 0.8], [x - 0.075, 0.8]], self.looks.hair);
    }

    fn head(&mut self) {
        let x = self.lean() * 1.4 + 0.012 * self.side;
        let wide = 0.047 + 0.008 * self.side.abs();
        let (skin, hair, cut) = (self.looks.skin, self.looks.hair, self.looks.cut);
        self.ellipse([x, 0.927], [wide, 0.067], skin);
        if self.front > -0.2 && self.flat.scale() > 70.0 {
            self.face(x, skin);
        }
        if cut != Cut::Bald {
            // Hair lies on the side that is turned away, and all over from behind.
            let back = x - 0.018 * self.side;
            let low = 0.955 - 0.055 * (-self.front).max(0.0) - 0.02 * self.side.abs();
            self.ellipse([back, (low + 0.998) / 2.0 + 0.004], [wide * 1.08, (0.998 - low) / 2.0 + 0.012], hair);
            if self.front < 0.35 {
                let nape = x - 0.03 * self.side;
                self.ellipse([nape, 0.935], [wide * (0.75 + 0.3 * (-self.front).max(0.0)), 0.058], hair);
            }
            if cut == Cut::Long && self.front <= 0.0 {
                let nape = x - 0.035 * self.side;
                self.blob(
                    &[[nape - 0.055, 0.97], [nape + 0.055, 0.97], [nape + 0.06, 0.78], [nape - 0.06, 0.78]],
                    hair,
                );
            }
            if cut == Cut::Bun {
                self.ellipse([x - 0.062 * self.side, 0.965], [0.026, 0.026], hair);
            }
        }
        self.hat(x, wide);
    }

    fn face(&mut self, x: f32, skin: Colour) {
        let middle = x + 0.028 * self.side;
        let spread = 0.02 * self.front.max(0.25);
        for eye in [-spread, spread] {
            self.ellipse([middle + eye, 0.934], [0.0055, 0.005], blend(skin, [20, 16, 14], 0.8));
        }
        self.ellipse([middle + 0.004 * self.side, 0.915], [0.006, 0.009], lit(skin, 0.84));
        self.ellipse([middle, 0.892], [0.013 * self.front.max(0.4), 0.0035], blend(skin, [120, 40, 40], 0.55));
    }

    fn hat(&mut self, x: f32, wide: f32) {
        let colour = self.looks.hat_colour;
        match self.looks.hat {
            Hat::None => {}
            Hat::Beanie => self.ellipse([x - 0.006 * self.side, 0.972], [wide * 1.12, 0.042], colour),
            Hat::Cap => {
                self.ellipse([x - 0.006 * self.side, 0.975], [wide * 1.1, 0.038], colour);
                let peak = [x + 0.05 * self.side, 0.958 - 0.006 * self.front];
                self.ellipse(
                    peak,
                    [0.03 + 0.012 * self.front.abs(), 0.008 + 0.006 * self.front.max(0.0)],
                    lit(colour, 0.85),
                );
            }
            Hat::Brim => {
                self.ellipse([x, 0.958], [wide * 2.0, 0.014], lit(colour, 0.9));
                self.ellipse([x, 0.985], [wide * 1.1, 0.034], colour);
            }
            Hat::Hood => {
                let back = x - 0.02 * self.side;
                let low = if self.front > 0.2 { 0.958 } else { 0.925 };
                self.ellipse([back, (low + 1.0) / 2.0], [wide * 1.22, (1.0 - low) / 2.0 + 0.012], colour);
                if self.front > -0.2 {
                    for cheek in [-1.0, 1.0] {
                        self.limb(
                            ([back + cheek * wide * 1.02, 0.96], 0.014),
                            ([back + cheek * wide * 0.75, 0.865], 0.018),
                            colour,
                        );
                    }
                } else {
                    self.ellipse([back, 0.93], [wide * 1.2, 0.075], colour);
                }
            }
        }
    }
}

/// How far through their stride somebody is after walking so many metres: two steps of 0.41 heights.
pub fn phase(metres: f32, height: f32) -> f32 {
    metres / (0.82 * height) * TAU
}
