//! A room: walls, windows, tables and chairs, a coat stand.

use tiny_skia::Pixmap;

use super::{Ground, Lamp, Place, blank, mottle, space};
use crate::sources::synthetic::brush::{Colour, Space, blend, gradient, lit};
use crate::sources::synthetic::dice::Dice;
use crate::sources::synthetic::lens::Lens;
use crate::sources::synthetic::looks::cloth;
use crate::sources::synthetic::props::{self, Prop};

const WALLS: [Colour; 6] =
    [[214, 208, 196], [196, 204, 206], [222, 216, 200], [176, 190, 178], [204, 190, 178], [168, 174, 184]];
const FLOORS: [Colour; 6] =
    [[158, 122, 84], [120, 90, 64], [138, 140, 142], [188, 178, 160], [96, 100, 108], [146, 112, 96]];
const STANDING: [Prop; 10] = [
    props::table,
    props::table,
    props::chair,
    props::chair,
    props::sofa,
    props::cupboard,
    props::plant,
    props::coat_stand,
    props::floor_lamp,
    props::dispenser,
];

/// How a room is built.
struct Room {
    wall: f32,
    back: f32,
    high: f32,
    paint: Colour,
    floor: Colour,
}

/// A room for pictures of this size.
pub fn roll(size: (u32, u32), dice: &mut Dice) -> Place {
    let lens = Lens::new(size, dice.range(0.72, 1.0), dice.range(0.2, 0.32), dice.range(2.3, 2.9));
    let room = Room {
        wall: dice.range(3.2, 6.0),
        back: dice.range(7.0, 12.0),
        high: dice.range(3.0, 3.8),
        paint: dice.pick(&WALLS),
        floor: dice.pick(&FLOORS),
    };
    let mut backdrop = blank(size);
    let door = room.shell(&mut backdrop, &lens, dice);
    mottle(&mut backdrop, dice, 0.07);
    let near = lens.nearest_ground();
    let props = (0..3 + dice.below(7)).filter_map(|_| {
        let z = dice.range(near * 0.9, room.back - 0.6);
        let widest = (room.wall - 0.7).min(lens.half_width(z));
        dice.pick(&STANDING)(&lens, [dice.range(-widest, widest), z], dice)
    });
    let props = props.collect();
    let lamps = (0..1 + dice.below(3)).map(|_| {
        let z = dice.range(near, room.back);
        Lamp { middle: lens.pixel([dice.range(-2.0, 2.0), 0.8, z]), reach: lens.height * dice.range(0.5, 1.0) }
    });
    let lamps = lamps.collect();
    Place {
        lens,
        backdrop,
        props,
        ground: Ground {
            near: near * 0.8,
            far: room.back - 0.5,
            wall: room.wall,
            doors: vec![[door, room.back - 0.3]],
        },
        lamps,
        night: 0.5,
        crowd: 4 + dice.below(6),
        busy: 0.8,
    }
}

impl Room {
    /// Floor, ceiling and walls, with what hangs on them; where the door is.
    fn shell(&self, canvas: &mut Pixmap, lens: &Lens, dice: &mut Dice) -> f32 {
        let Self { wall, back, high, paint, floor } = *self;
        let mut space = space(canvas, lens);
        let far_row = lens.pixel([0.0, 0.0, back])[1];
        let shine = gradient(([0.0, far_row], lit(floor, 1.12), 1.0), ([0.0, lens.height], lit(floor, 0.82), 1.0));
        space.face_in(&[[-wall, 0.0, 0.3], [wall, 0.0, 0.3], [wall, 0.0, back], [-wall, 0.0, back]], &shine);
        self.boards(&mut space, dice);
        space.face(
            &[[-wall, high, 0.3], [wall, high, 0.3], [wall, high, back], [-wall, high, back]],
            lit([222; 3], 0.95),
        );
        space.side(-wall, [0.3, back], [0.0, high], lit(paint, 0.86));
        space.side(wall, [0.3, back], [0.0, high], lit(paint, 0.8));
        space.wall([-wall, wall], [0.0, high], back, paint);
        self.sides(&mut space, dice);
        space.wall([-wall, wall], [0.0, 0.12], back - 0.01, lit(paint, 0.7));
        self.back_wall(&mut space, dice)
    }

    fn boards(&self, space: &mut Space<'_>, dice: &mut Dice) {
        let (wide, tiles) = (dice.range(0.2, 0.8), dice.chance(0.5));
        let seam = lit(self.floor, dice.range(0.78, 0.9));
        let mut x = -self.wall;
        while x < self.wall {
            space.ground([x, x + 0.015], [0.3, self.back], seam);
            x += wide;
        }
        let mut z = 0.5;
        while tiles && z < self.back {
            space.ground([-self.wall, self.wall], [z, z + 0.02], seam);
            z += wide;
        }
        if dice.chance(0.4) {
            let (rug, left, near) = (cloth(dice), dice.range(-3.0, 0.0), dice.range(3.0, self.back - 3.0));
            space.ground([left, left + 2.4], [near, near + 2.0], rug);
            space.ground([left + 0.15, left + 2.25], [near + 0.15, near + 1.85], blend(rug, [200, 190, 170], 0.3));
        }
    }

    fn sides(&self, space: &mut Space<'_>, dice: &mut Dice) {
        for side in [-1.0, 1.0] {
            let x = side * (self.wall - 0.01);
            space.side(x, [0.3, self.back], [0.0, 0.12], lit(self.paint, 0.62));
            let windows = dice.chance(0.5);
            let mut z = 2.5;
            while z + 1.6 < self.back {
                if windows {
                    space.side(x, [z - 0.08, z + 1.38], [0.92, 2.38], [236, 234, 228]);
                    space.side(x - side * 0.01, [z, z + 1.3], [1.0, 2.3], [206, 224, 238]);
                } else if dice.chance(0.4) {
                    let picture = cloth(dice);
                    space.side(x, [z - 0.05, z + 0.85], [1.25, 2.05], [60, 50, 42]);
                    space.side(x - side * 0.01, [z, z + 0.8], [1.3, 2.0], picture);
                }
                z += dice.range(1.9, 2.6);
            }
        }
    }

    /// Windows, pictures and a door; where the door is.
    fn back_wall(&self, space: &mut Space<'_>, dice: &mut Dice) -> f32 {
        let (lens, z) = (space.lens, self.back - 0.02);
        let mut at = -self.wall + 0.4;
        while at + 1.4 < self.wall {
            match dice.below(4) {
                0 | 1 => {
                    space.wall([at, at + 1.3], [0.9, 2.4], z, [238, 236, 230]);
                    let sky = gradient(
                        (lens.pixel([at, 2.4, z]), [176, 206, 236], 1.0),
                        (lens.pixel([at, 0.9, z]), [232, 238, 240], 1.0),
                    );
                    for pane in [[at + 0.06, at + 0.62], [at + 0.68, at + 1.24]] {
                        space.face_in(
                            &[[pane[0], 0.97, z], [pane[1], 0.97, z], [pane[1], 2.33, z], [pane[0], 2.33, z]],
                            &sky,
                        );
                    }
                }
                2 => poster(space, at, z, dice),
                _ => {}
            }
            at += dice.range(1.5, 2.2);
        }
        let door = dice.range(-self.wall + 0.8, self.wall - 0.8);
        space.wall([door - 0.55, door + 0.55], [0.0, 2.2], z - 0.01, lit(self.paint, 0.75));
        let leaf = dice.pick(&[[120, 84, 56], [206, 200, 190], [70, 76, 84], [52, 40, 36]]);
        space.wall([door - 0.46, door + 0.46], [0.0, 2.1], z - 0.02, leaf);
        space.wall([door + 0.32, door + 0.4], [1.0, 1.06], z - 0.03, [210, 200, 160]);
        door
    }
}

/// A picture on the wall; one in two shows somebody, who is not there.
pub fn poster(space: &mut Space<'_>, left: f32, z: f32, dice: &mut Dice) {
    let (wide, high) = (dice.range(0.6, 1.1), dice.range(0.7, 1.1));
    let (paper, ink) = (blend(cloth(dice), [230, 226, 214], 0.5), cloth(dice));
    space.wall([left - 0.04, left + wide + 0.04], [1.2 - 0.04, 1.2 + high + 0.04], z, [52, 46, 42]);
    space.wall([left, left + wide], [1.2, 1.2 + high], z - 0.01, paper);
    let middle = left + wide / 2.0;
    if dice.chance(0.5) {
        let head: Vec<_> = (0..12).map(|at| at as f32 * std::f32::consts::TAU / 12.0).collect();
        let head: Vec<_> = head
            .iter()
            .map(|turn| [middle + 0.1 * libm::cosf(*turn), 1.2 + high * 0.68 + 0.13 * libm::sinf(*turn), z - 0.02])
            .collect();
        let bust = [
            [middle - 0.24, 1.2, z - 0.02],
            [middle + 0.24, 1.2, z - 0.02],
            [middle + 0.16, 1.2 + high * 0.45, z - 0.02],
            [middle - 0.16, 1.2 + high * 0.45, z - 0.02],
        ];
        space.face(&bust, ink);
        space.face(&head, blend(ink, [226, 190, 160], 0.8));
    } else {
        space.wall([left + 0.1, left + wide - 0.1], [1.3, 1.3 + high * 0.4], z - 0.02, ink);
    }
}
