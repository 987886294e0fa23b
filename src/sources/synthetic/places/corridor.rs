//! A corridor: doors on both sides, lamps above, a window at the end.

use super::room::poster;
use super::{Ground, Lamp, Place, blank, mottle, space};
use crate::sources::synthetic::brush::{Colour, Space, gradient, lit};
use crate::sources::synthetic::dice::Dice;
use crate::sources::synthetic::lens::Lens;
use crate::sources::synthetic::looks::cloth;
use crate::sources::synthetic::props::{self, Prop};

const WALLS: [Colour; 5] = [[220, 218, 210], [198, 206, 200], [208, 200, 188], [186, 194, 204], [226, 220, 206]];
const FLOORS: [Colour; 5] = [[150, 152, 150], [124, 130, 136], [170, 158, 138], [104, 112, 110], [132, 96, 78]];
const STANDING: [Prop; 8] = [
    props::bench,
    props::plant,
    props::bin,
    props::pillar,
    props::dispenser,
    props::coat_stand,
    props::cupboard,
    props::crates,
];

/// A corridor for pictures of this size.
pub fn roll(size: (u32, u32), dice: &mut Dice) -> Place {
    let lens = Lens::new(size, dice.range(0.85, 1.15), dice.range(0.24, 0.36), dice.range(2.2, 2.7));
    let (wall, back, high) = (dice.range(1.5, 2.6), dice.range(14.0, 24.0), dice.range(2.9, 3.4));
    let mut backdrop = blank(size);
    let mut doors = shell(&mut space(&mut backdrop, &lens), [wall, back, high], dice);
    doors.push([0.0, back - 0.5]);
    mottle(&mut backdrop, dice, 0.06);
    // What stands in a corridor stands at its walls.
    let props = (0..2 + dice.below(5)).filter_map(|_| {
        let (z, side) = (dice.range(4.0, back - 2.0), dice.pick(&[-1.0, 1.0]));
        dice.pick(&STANDING)(&lens, [side * (wall - 0.3), z], dice)
    });
    let props = props.collect();
    let lamps = (0..4).map(|at| 3.5 + 4.0 * at as f32).filter(|z| *z < back);
    let lamps =
        lamps.map(|z| Lamp { middle: lens.pixel([0.0, 0.4, z]), reach: 2.6 * lens.scale(z).min(lens.height / 3.0) });
    let lamps = lamps.collect();
    Place {
        lens,
        backdrop,
        props,
        ground: Ground { near: lens.nearest_ground() * 0.8, far: back - 1.0, wall, doors },
        lamps,
        night: 0.48,
        crowd: 4 + dice.below(4),
        busy: 0.8,
    }
}

/// Floor, ceiling and walls; where the doors are.
fn shell(space: &mut Space<'_>, [wall, back, high]: [f32; 3], dice: &mut Dice) -> Vec<[f32; 2]> {
    let (paint, floor) = (dice.pick(&WALLS), dice.pick(&FLOORS));
    let lens = space.lens;
    let far_row = lens.pixel([0.0, 0.0, back])[1];
    let shine = gradient(([0.0, far_row], lit(floor, 1.25), 1.0), ([0.0, lens.height], lit(floor, 0.8), 1.0));
    space.face_in(&[[-wall, 0.0, 0.3], [wall, 0.0, 0.3], [wall, 0.0, back], [-wall, 0.0, back]], &shine);
    let seam = lit(floor, 0.88);
    for step in 1..(back / 0.9) as usize {
        space.ground([-wall, wall], [step as f32 * 0.9, step as f32 * 0.9 + 0.02], seam);
    }
    let runner = lit(cloth(dice), 0.9);
    if dice.chance(0.35) {
        space.ground([-wall * 0.45, wall * 0.45], [0.4, back - 0.6], runner);
    }
    space.face(&[[-wall, high, 0.3], [wall, high, 0.3], [wall, high, back], [-wall, high, back]], [216, 216, 212]);
    for lamp in 0..(back / 4.0) as usize {
        let z = 3.0 + 4.0 * lamp as f32;
        space.face(
            &[[-0.3, high - 0.01, z], [0.3, high - 0.01, z], [0.3, high - 0.01, z + 1.2], [-0.3, high - 0.01, z + 1.2]],
            [255, 252, 240],
        );
    }
    space.side(-wall, [0.3, back], [0.0, high], lit(paint, 0.92));
    space.side(wall, [0.3, back], [0.0, high], lit(paint, 0.84));
    space.wall([-wall, wall], [0.0, high], back, lit(paint, 0.96));
    if dice.chance(0.6) {
        space.wall([-wall * 0.5, wall * 0.5], [0.9, high - 0.5], back - 0.01, [228, 238, 244]);
    } else {
        space.wall([-0.5, 0.5], [0.0, 2.1], back - 0.01, [88, 78, 70]);
    }
    let stripe = dice.chance(0.5).then(|| cloth(dice));
    for side in [-1.0, 1.0] {
        let x = side * (wall - 0.005);
        if let Some(stripe) = stripe {
            space.side(x, [0.3, back], [0.95, 1.15], stripe);
        }
        space.side(x, [0.3, back], [0.0, 0.12], lit(paint, 0.6));
    }
    poster(space, -wall * 0.4, back - 0.02, dice);
    doors(space, wall, back, dice)
}

fn doors(space: &mut Space<'_>, wall: f32, back: f32, dice: &mut Dice) -> Vec<[f32; 2]> {
    let leaf = dice.pick(&[[126, 92, 64], [196, 190, 178], [72, 86, 100], [86, 60, 48], [116, 130, 112]]);
    let mut doors = Vec::new();
    for side in [-1.0, 1.0] {
        let mut z = dice.range(2.6, 4.5);
        while z + 1.2 < back {
            let x = side * (wall - 0.01);
            space.side(x, [z - 0.08, z + 1.08], [0.0, 2.2], [232, 230, 224]);
            space.side(x - side * 0.005, [z, z + 1.0], [0.0, 2.1], lit(leaf, if side < 0.0 { 0.95 } else { 0.82 }));
            space.side(x - side * 0.01, [z + 0.1, z + 0.2], [1.0, 1.06], [196, 190, 160]);
            doors.push([side * (wall - 0.15), z + 0.5]);
            z += dice.range(2.6, 4.6);
        }
    }
    doors
}
