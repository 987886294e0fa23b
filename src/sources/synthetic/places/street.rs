//! A street: houses, a road with parked cars, pavements on both sides.

use super::{Ground, Lamp, Place, blank, mottle, space};
use crate::sources::synthetic::brush::{Colour, Space, blend, gradient, lit};
use crate::sources::synthetic::dice::Dice;
use crate::sources::synthetic::lens::Lens;
use crate::sources::synthetic::looks::cloth;
use crate::sources::synthetic::props::{self, Prop};

const FRONTS: [Colour; 7] = [
    [178, 150, 126],
    [204, 190, 168],
    [150, 84, 66],
    [188, 188, 184],
    [134, 140, 146],
    [212, 200, 150],
    [160, 122, 96],
];
const ON_PAVEMENT: [Prop; 7] =
    [props::bollard, props::bollard, props::bin, props::pole, props::pole, props::tree, props::bench];

/// A street for pictures of this size.
pub fn roll(size: (u32, u32), dice: &mut Dice) -> Place {
    let lens = Lens::new(size, dice.range(0.75, 1.1), dice.range(0.22, 0.36), dice.range(2.8, 4.2));
    let near = lens.nearest_ground();
    // Pavement, road, pavement, houses.
    let kerb = near + dice.range(0.8, 3.5);
    let beyond = kerb + dice.range(4.0, 6.0);
    let front = beyond + dice.range(2.0, 3.5);
    let mut backdrop = blank(size);
    let doors = paint(&mut space(&mut backdrop, &lens), [kerb, beyond, front], dice);
    mottle(&mut backdrop, dice, 0.09);
    let mut props = Vec::new();
    for _ in 0..2 + dice.below(5) {
        let z =
            if dice.chance(0.5) { dice.range(near * 0.8, kerb - 0.3) } else { dice.range(beyond + 0.4, front - 0.6) };
        let x = dice.range(-1.0, 1.0) * lens.half_width(z);
        props.extend(dice.pick(&ON_PAVEMENT)(&lens, [x, z], dice));
    }
    for _ in 0..dice.below(4) {
        let z = beyond - dice.range(1.0, 1.4);
        props.extend(props::car(&lens, [dice.range(-1.1, 1.1) * lens.half_width(z), z], dice));
    }
    let lamps = (0..2 + dice.below(2)).map(|_| {
        let z = dice.range(kerb, front);
        let x = dice.range(-0.8, 0.8) * lens.half_width(z);
        Lamp { middle: lens.pixel([x, 0.5, z]), reach: lens.scale(z) * dice.range(3.5, 6.0) }
    });
    let lamps = lamps.collect();
    Place {
        lens,
        backdrop,
        props,
        ground: Ground { near: near * 0.8, far: front - 0.5, wall: f32::INFINITY, doors },
        lamps,
        night: 0.42,
        crowd: 4 + dice.below(6),
        busy: 0.8,
    }
}

/// Sky, houses, road; where the doors are.
fn paint(space: &mut Space<'_>, [kerb, beyond, front]: [f32; 3], dice: &mut Dice) -> Vec<[f32; 2]> {
    let lens = space.lens;
    sky(space, dice);
    let wide = lens.half_width(front) * 1.2;
    let stone = lit([150, 148, 144], dice.range(0.8, 1.1));
    space.ground([-60.0, 60.0], [0.3, front + 0.5], stone);
    let seam = lit(stone, 0.9);
    let mut x = -wide;
    while x < wide {
        space.ground([x, x + 0.02], [0.3, front], seam);
        x += 0.8;
    }
    road(space, [kerb, beyond], dice);
    let mut doors = Vec::new();
    let mut left = -wide - dice.range(0.0, 4.0);
    while left < wide {
        let right = left + dice.range(4.0, 8.0);
        doors.push([house(space, [left, right], front, dice), front - 0.4]);
        left = right;
    }
    doors.retain(|[x, _]| x.abs() < lens.half_width(front));
    doors
}

/// The sky over everything, with a cloud or two.
pub fn sky(space: &mut Space<'_>, dice: &mut Dice) {
    let lens = space.lens;
    let grey = dice.unit();
    let (above, below) = (blend([96, 146, 206], [170, 176, 182], grey), blend([196, 216, 234], [208, 210, 212], grey));
    let paint = gradient(([0.0, 0.0], above, 1.0), ([0.0, lens.horizon], below, 1.0));
    let far = 900.0;
    let (wide, high) = (lens.half_width(far) * 1.1, 700.0);
    space.face_in(&[[-wide, -900.0, far], [wide, -900.0, far], [wide, high, far], [-wide, high, far]], &paint);
}

fn road(space: &mut Space<'_>, [kerb, beyond]: [f32; 2], dice: &mut Dice) {
    let tar = lit([88, 90, 94], dice.range(0.8, 1.15));
    space.ground([-60.0, 60.0], [kerb, beyond], tar);
    for z in [kerb - 0.15, beyond] {
        space.ground([-60.0, 60.0], [z, z + 0.15], [190, 188, 182]);
    }
    let middle = (kerb + beyond) / 2.0;
    let mut x = -30.0 + dice.range(0.0, 3.0);
    while x < 30.0 {
        space.ground([x, x + 1.5], [middle, middle + 0.14], [214, 212, 204]);
        x += 3.2;
    }
    if dice.chance(0.4) {
        let at = dice.range(-3.0, 3.0);
        for stripe in 0..5 {
            let x = at + stripe as f32 * 0.9;
            space.ground([x, x + 0.5], [kerb + 0.2, beyond - 0.2], [216, 214, 208]);
        }
    }
}

/// One house with windows and a shop or a door; where the door is.
fn house(space: &mut Space<'_>, [left, right]: [f32; 2], z: f32, dice: &mut Dice) -> f32 {
    let (paint, high) = (lit(dice.pick(&FRONTS), dice.range(0.85, 1.1)), dice.range(6.0, 14.0));
    space.wall([left, right], [0.0, high], z, paint);
    space.wall([left, left + 0.08], [0.0, high], z - 0.01, lit(paint, 0.75));
    let glass = dice.pick(&[[70, 84, 98], [104, 122, 138], [52, 60, 70]]);
    let mut floor = 3.4;
    while floor + 1.6 < high {
        let mut x = left + 0.6;
        while x + 1.0 < right {
            space.wall([x - 0.08, x + 0.98], [floor - 0.08, floor + 1.48], z - 0.01, lit(paint, 1.15));
            space.wall([x, x + 0.9], [floor, floor + 1.4], z - 0.02, lit(glass, dice.range(0.8, 1.2)));
            x += 1.7;
        }
        floor += 2.9;
    }
    let door = dice.range(left + 0.8, right - 0.8);
    if dice.chance(0.5) {
        space.wall([left + 0.3, right - 0.3], [0.5, 2.6], z - 0.01, lit(glass, 0.9));
        space.wall([left + 0.1, right - 0.1], [2.65, 3.15], z - 0.02, cloth(dice));
        for _ in 0..3 {
            let x = dice.range(left + 0.5, right - 1.0);
            space.wall([x, x + 0.4], [0.55, dice.range(0.9, 1.9)], z - 0.02, cloth(dice));
        }
    }
    space.wall([door - 0.55, door + 0.55], [0.0, 2.35], z - 0.03, lit(paint, 0.7));
    space.wall([door - 0.45, door + 0.45], [0.0, 2.2], z - 0.04, lit(cloth(dice), 0.8));
    door
}
