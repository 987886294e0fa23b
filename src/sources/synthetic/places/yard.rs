//! A yard: grass, a path, a fence or a wall, trees and crates.

use super::street::sky;
use super::{Ground, Lamp, Place, blank, mottle, space};
use crate::sources::synthetic::brush::{Colour, Space, lit};
use crate::sources::synthetic::dice::Dice;
use crate::sources::synthetic::lens::Lens;
use crate::sources::synthetic::props::{self, Prop};

const GROUNDS: [Colour; 5] = [[102, 124, 70], [122, 134, 84], [168, 152, 122], [140, 138, 132], [92, 112, 74]];
const WALLS: [Colour; 5] = [[154, 96, 76], [190, 184, 172], [120, 92, 66], [140, 146, 148], [206, 196, 170]];
const STANDING: [Prop; 9] = [
    props::tree,
    props::tree,
    props::bush,
    props::bush,
    props::bench,
    props::crates,
    props::bin,
    props::pole,
    props::plant,
];

/// A yard for pictures of this size.
pub fn roll(size: (u32, u32), dice: &mut Dice) -> Place {
    let lens = Lens::new(size, dice.range(0.75, 1.1), dice.range(0.24, 0.38), dice.range(2.6, 3.8));
    let near = lens.nearest_ground();
    let back = near + dice.range(7.0, 15.0);
    let mut backdrop = blank(size);
    let gate = paint(&mut space(&mut backdrop, &lens), back, dice);
    mottle(&mut backdrop, dice, 0.14);
    let props = (0..3 + dice.below(7)).filter_map(|_| {
        let z = dice.range(near, back - 0.6);
        let x = dice.range(-1.0, 1.0) * lens.half_width(z);
        dice.pick(&STANDING)(&lens, [x, z], dice)
    });
    let props = props.collect();
    let lamps = (0..1 + dice.below(2)).map(|_| {
        let z = dice.range(near + 1.0, back);
        let x = dice.range(-0.7, 0.7) * lens.half_width(z);
        Lamp { middle: lens.pixel([x, 0.5, z]), reach: lens.scale(z) * dice.range(4.0, 7.0) }
    });
    let lamps = lamps.collect();
    Place {
        lens,
        backdrop,
        props,
        ground: Ground { near: near * 0.8, far: back - 0.5, wall: f32::INFINITY, doors: vec![[gate, back - 0.3]] },
        lamps,
        night: 0.42,
        crowd: 4 + dice.below(5),
        busy: 0.8,
    }
}

/// Sky, ground, path, fence and what is behind it; where the gate is.
fn paint(space: &mut Space<'_>, back: f32, dice: &mut Dice) -> f32 {
    let lens = space.lens;
    sky(space, dice);
    let ground = lit(dice.pick(&GROUNDS), dice.range(0.85, 1.1));
    let wide = lens.half_width(back) * 1.2;
    for hill in 0..4 {
        let x = dice.range(-wide, wide) * 3.0;
        let far = back * 3.0;
        let (half, high) = (dice.range(10.0, 30.0), dice.range(4.0, 9.0));
        let tone = lit([96, 118, 92], 0.8 + 0.1 * hill as f32);
        space.face(
            &[
                [x - half, 0.0, far],
                [x - half * 0.5, high * 0.8, far],
                [x, high, far],
                [x + half * 0.6, high * 0.7, far],
                [x + half, 0.0, far],
            ],
            tone,
        );
    }
    space.ground([-200.0, 200.0], [0.3, 300.0], ground);
    let gate = dice.range(-0.7, 0.7) * lens.half_width(back);
    let gravel = lit([186, 174, 150], dice.range(0.8, 1.05));
    let path = [
        [gate - 0.7, 0.0, back],
        [gate + 0.7, 0.0, back],
        [dice.range(0.5, 2.0), 0.0, 0.5],
        [dice.range(-2.0, -0.5), 0.0, 0.5],
    ];
    space.face(&path, gravel);
    match dice.below(3) {
        0 => fence(space, [-wide, wide], back, dice),
        1 => shed(space, [-wide, wide], back, dice),
        _ => wall(space, [-wide, wide], back, dice),
    }
    space.wall([gate - 0.75, gate + 0.75], [0.0, 2.1], back - 0.02, [74, 62, 50]);
    space.wall([gate - 0.65, gate + 0.65], [0.0, 2.0], back - 0.03, [126, 108, 84]);
    gate
}

fn fence(space: &mut Space<'_>, [left, right]: [f32; 2], z: f32, dice: &mut Dice) {
    let (wood, high) = (lit([150, 116, 82], dice.range(0.7, 1.3)), dice.range(1.1, 2.0));
    for rail in [0.3, high - 0.3] {
        space.wall([left, right], [rail, rail + 0.08], z + 0.01, lit(wood, 0.8));
    }
    let (mut x, gap) = (left, dice.range(0.17, 0.3));
    while x < right {
        space.wall([x, x + 0.14], [0.0, high + dice.range(-0.03, 0.03)], z, lit(wood, dice.range(0.92, 1.06)));
        x += gap;
    }
}

fn wall(space: &mut Space<'_>, [left, right]: [f32; 2], z: f32, dice: &mut Dice) {
    let (stone, high) = (dice.pick(&WALLS), dice.range(1.8, 3.5));
    space.wall([left, right], [0.0, high], z, stone);
    for course in 1..(high / 0.3) as usize {
        space.wall([left, right], [course as f32 * 0.3, course as f32 * 0.3 + 0.025], z - 0.01, lit(stone, 0.86));
    }
    space.wall([left, right], [high, high + 0.12], z - 0.02, lit(stone, 1.1));
}

fn shed(space: &mut Space<'_>, [left, right]: [f32; 2], z: f32, dice: &mut Dice) {
    let (paint, high) = (dice.pick(&WALLS), dice.range(3.0, 5.0));
    space.wall([left, right], [0.0, high], z, paint);
    space.wall([left, right], [high, high + 0.5], z - 0.1, lit(paint, 0.55));
    let mut x = left + 0.8;
    while x + 1.4 < right {
        match dice.below(3) {
            0 => space.wall([x, x + 1.2], [1.0, 2.1], z - 0.01, [86, 104, 118]),
            1 => space.wall([x, x + 2.2], [0.0, 2.4], z - 0.01, lit(paint, 0.7)),
            _ => {}
        }
        x += dice.range(2.6, 4.0);
    }
}
