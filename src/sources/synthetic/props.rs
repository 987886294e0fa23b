//! Things that stand in places: what hides people, and what could be taken for one.

use super::brush::{Colour, Flat, blend, lit};
use super::dice::Dice;
use super::lens::Lens;
use super::looks::cloth;
use super::sprite::{Bounds, Sprite};

/// Makes a thing that stands at `x`, `z`.
pub type Prop = fn(&Lens, [f32; 2], &mut Dice) -> Option<Sprite>;

const WOODS: [Colour; 6] =
    [[172, 128, 84], [136, 96, 62], [96, 66, 44], [206, 178, 138], [222, 216, 206], [70, 70, 74]];
const LEAVES: [Colour; 5] = [[58, 96, 46], [76, 116, 52], [44, 78, 44], [96, 128, 60], [112, 120, 52]];
const METAL: Colour = [84, 88, 94];

fn bounds(half_width: f32, above: f32) -> Bounds {
    Bounds { half_width, below: 0.12, above }
}

/// A table with four legs, now and then with things on it.
pub fn table(lens: &Lens, at @ [x, z]: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let (width, depth, high) = (dice.range(1.1, 2.2), dice.range(0.6, 1.0), dice.range(0.7, 0.78));
    let wood = dice.pick(&WOODS);
    let things: Vec<_> =
        (0..dice.below(4)).map(|_| (dice.range(-0.4, 0.4), dice.range(0.1, 0.4), cloth(dice))).collect();
    Sprite::solid(lens, at, width * 0.5, |space| {
        for (dx, dz) in [(-1.0, 1.0), (1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)] {
            let leg = [x + dx * (width / 2.0 - 0.06), 0.0, z + dz * (depth / 2.0 - 0.06)];
            space.cuboid(leg, [0.06, high, 0.06], lit(wood, 0.7));
        }
        space.cuboid([x, high - 0.05, z], [width, 0.05, depth], wood);
        for (dx, tall, colour) in things {
            space.cuboid([x + dx * width, high, z], [0.3, tall, 0.2], colour);
        }
    })
}

/// A chair, seen from some side.
pub fn chair(lens: &Lens, at @ [x, z]: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let colour = if dice.chance(0.5) { dice.pick(&WOODS) } else { cloth(dice) };
    let back = dice.pick(&[[0.0, 0.2], [0.0, -0.2], [0.2, 0.0], [-0.2, 0.0]]);
    Sprite::solid(lens, at, 0.35, |space| {
        let rest = |space: &mut super::brush::Space<'_>| {
            let size = if back[0] == 0.0 { [0.44, 0.45, 0.05] } else { [0.05, 0.45, 0.44] };
            space.cuboid([x + back[0], 0.48, z + back[1]], size, lit(colour, 0.9));
        };
        if back[1] > 0.0 {
            rest(space);
        }
        for (dx, dz) in [(-0.2, 0.2), (0.2, 0.2), (-0.2, -0.2), (0.2, -0.2)] {
            space.cuboid([x + dx, 0.0, z + dz], [0.04, 0.45, 0.04], METAL);
        }
        space.cuboid([x, 0.43, z], [0.45, 0.05, 0.45], colour);
        if back[1] <= 0.0 {
            rest(space);
        }
    })
}

/// A cupboard or a shelf.
pub fn cupboard(lens: &Lens, at @ [x, z]: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let (width, high, wood) = (dice.range(0.8, 1.8), dice.range(0.9, 2.0), dice.pick(&WOODS));
    let books: Vec<_> = (0..40).map(|_| (dice.range(0.12, 0.26), cloth(dice))).collect();
    let open = dice.chance(0.5);
    Sprite::solid(lens, at, width * 0.5, |space| {
        space.cuboid([x, 0.0, z], [width, high, 0.45], wood);
        let front = z - 0.23;
        let shelves = (high / 0.4) as usize;
        for shelf in 0..shelves {
            let low = 0.05 + shelf as f32 * high / shelves as f32;
            let top = low + high / shelves as f32 - 0.06;
            let edges = [x - width / 2.0 + 0.04, x + width / 2.0 - 0.04];
            space.wall(edges, [low, top], front, lit(wood, if open { 0.45 } else { 0.97 }));
            let mut left = edges[0];
            for (size, colour) in books.iter().cycle().skip(shelf * 7).take(if open { 14 } else { 0 }) {
                let next = left + size * 0.35;
                if next > edges[1] {
                    break;
                }
                space.wall([left, next - 0.01], [low, low + size.min(top - low)], front, *colour);
                left = next;
            }
        }
    })
}

/// A sofa.
pub fn sofa(lens: &Lens, at @ [x, z]: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let (width, colour) = (dice.range(1.4, 2.2), cloth(dice));
    let colour = blend(colour, [128; 3], 0.25);
    Sprite::solid(lens, at, width * 0.5, |space| {
        space.cuboid([x, 0.0, z + 0.35], [width, 0.85, 0.2], lit(colour, 0.9));
        space.cuboid([x, 0.0, z], [width, 0.42, 0.7], colour);
        for side in [-1.0, 1.0] {
            space.cuboid([x + side * (width / 2.0 - 0.08), 0.0, z], [0.16, 0.6, 0.75], lit(colour, 0.95));
        }
    })
}

/// A round or square pillar from the ground to high up.
pub fn pillar(lens: &Lens, at @ [x, z]: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let (wide, colour) = (dice.range(0.3, 0.6), lit([186, 182, 176], dice.range(0.7, 1.1)));
    Sprite::solid(lens, at, wide, |space| {
        space.cuboid([x, 0.0, z], [wide, 6.0, wide], colour);
        space.cuboid([x, 0.0, z - 0.01], [wide + 0.02, 0.15, wide], lit(colour, 0.7));
    })
}

/// Leaves in a heap: a crown, a bush, a plant.
fn leaves(flat: &mut Flat<'_>, middle: [f32; 2], [wide, high]: [f32; 2], dice: &mut Dice) {
    let colour = dice.pick(&LEAVES);
    for patch in 0..26 {
        let (out, turn) = (dice.unit().sqrt(), dice.range(0.0, std::f32::consts::TAU));
        let x = middle[0] + wide * out * libm::cosf(turn);
        let y = middle[1] + high * out * libm::sinf(turn);
        let size = dice.range(0.2, 0.42);
        // Leaves above are in the light, and drawn last.
        let light = 0.72 + 0.02 * patch as f32 + 0.12 * (y - middle[1]) / high;
        flat.ellipse([x, y], wide * size, high * size * 0.9, lit(colour, light));
    }
}

/// A plant in a pot, as tall as a child or a person.
pub fn plant(lens: &Lens, at: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let (tall, mut dice) = (dice.range(0.8, 1.9), dice.clone());
    let pot = dice.pick(&[[150, 84, 58], [212, 210, 204], [64, 64, 68], [110, 120, 128]]);
    Sprite::flat(lens, at, bounds(0.7, tall + 0.5), |flat| {
        flat.limb(([0.0, 0.3], 0.03), ([0.0, tall * 0.6], 0.02), [84, 66, 44]);
        leaves(flat, [0.0, tall * 0.68], [0.36, tall * 0.34], &mut dice);
        flat.polygon(&[[-0.2, 0.38], [0.2, 0.38], [0.15, 0.0], [-0.15, 0.0]], pot);
        flat.shade(dice.pick(&[-1.0, 1.0]), 0.3);
    })
}

/// A stand with coats and a hat: the nearest thing to a person that is none.
pub fn coat_stand(lens: &Lens, at: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let (coat, other, hat) = (cloth(dice), cloth(dice), dice.chance(0.5));
    let (long, second) = (dice.range(0.4, 0.9), dice.chance(0.6));
    Sprite::flat(lens, at, bounds(0.5, 2.0), |flat| {
        flat.limb(([0.0, 0.05], 0.03), ([0.0, 1.8], 0.022), [70, 50, 36]);
        for foot in [-0.22, 0.0, 0.22] {
            flat.limb(([0.0, 0.12], 0.02), ([foot, 0.0], 0.02), [70, 50, 36]);
        }
        for peg in [-0.16, 0.16] {
            flat.limb(([0.0, 1.66], 0.012), ([peg, 1.76], 0.014), [70, 50, 36]);
        }
        flat.blob(&[[-0.16, 1.72], [-0.04, 1.74], [-0.05, long], [-0.3, long], [-0.26, 1.3]], coat);
        if second {
            flat.blob(&[[0.04, 1.74], [0.16, 1.72], [0.25, 1.3], [0.26, long + 0.2], [0.03, long + 0.15]], other);
        }
        if hat {
            flat.ellipse([0.0, 1.84], 0.15, 0.025, lit(other, 0.8));
            flat.ellipse([0.0, 1.88], 0.09, 0.06, lit(other, 0.8));
        }
        flat.shade(1.0, 0.3);
    })
}

/// A lamp on a foot.
pub fn floor_lamp(lens: &Lens, at: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let shade = dice.pick(&[[236, 222, 184], [214, 186, 150], [230, 230, 226], [150, 60, 52]]);
    Sprite::flat(lens, at, bounds(0.35, 1.85), |flat| {
        flat.ellipse([0.0, 0.02], 0.18, 0.03, METAL);
        flat.limb(([0.0, 0.0], 0.015), ([0.0, 1.45], 0.015), METAL);
        flat.polygon(&[[-0.24, 1.4], [0.24, 1.4], [0.16, 1.75], [-0.16, 1.75]], shade);
    })
}

/// A bin.
pub fn bin(lens: &Lens, at: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let (wide, tall) = (dice.range(0.16, 0.3), dice.range(0.5, 1.1));
    let colour = dice.pick(&[[58, 62, 66], [48, 84, 60], [40, 62, 108], [120, 120, 122], [186, 150, 40]]);
    Sprite::flat(lens, at, bounds(0.4, 1.3), |flat| {
        flat.polygon(&[[-wide, tall], [wide, tall], [wide * 0.85, 0.0], [-wide * 0.85, 0.0]], colour);
        flat.ellipse([0.0, tall], wide * 1.08, 0.06, lit(colour, 0.75));
        flat.shade(-1.0, 0.35);
    })
}

/// A water dispenser: a head on a body.
pub fn dispenser(lens: &Lens, at: [f32; 2], _: &mut Dice) -> Option<Sprite> {
    Sprite::flat(lens, at, bounds(0.3, 1.5), |flat| {
        flat.rect([-0.17, 0.0], 0.34, 0.95, [218, 220, 222]);
        flat.rect([-0.11, 0.68], 0.22, 0.14, [70, 74, 80]);
        flat.blob(&[[-0.16, 0.95], [0.16, 0.95], [0.17, 1.36], [-0.17, 1.36]], [150, 190, 214]);
        flat.shade(1.0, 0.3);
    })
}

/// A bollard or a hydrant: short, upright, with a head.
pub fn bollard(lens: &Lens, at: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let hydrant = dice.chance(0.4);
    let colour = if hydrant {
        dice.pick(&[[176, 44, 36], [206, 170, 48]])
    } else {
        dice.pick(&[METAL, [52, 54, 58], [190, 188, 182]])
    };
    let tall = dice.range(0.7, 1.0);
    Sprite::flat(lens, at, bounds(0.3, 1.2), |flat| {
        let wide = if hydrant { 0.13 } else { 0.075 };
        flat.limb(([0.0, 0.03], wide), ([0.0, tall], wide * 0.9), colour);
        if hydrant {
            flat.limb(([-0.2, tall * 0.66], 0.05), ([0.2, tall * 0.66], 0.05), lit(colour, 0.85));
            flat.ellipse([0.0, tall + 0.02], 0.15, 0.04, lit(colour, 0.8));
        } else {
            flat.rect([-wide, tall * 0.78], wide * 2.0, 0.07, [230, 226, 210]);
        }
        flat.shade(1.0, 0.35);
    })
}

/// A sign on a pole, a clock, or a lantern.
pub fn pole(lens: &Lens, at: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let tall = dice.range(2.2, 5.0);
    let sign = dice.pick(&[[186, 40, 38], [36, 76, 148], [226, 186, 40], [228, 228, 226]]);
    let round = dice.chance(0.5);
    Sprite::flat(lens, at, Bounds { half_width: 0.6, below: 0.1, above: 5.4 }, |flat| {
        flat.limb(([0.0, 0.0], 0.05), ([0.0, tall], 0.04), METAL);
        flat.limb(([0.0, 0.0], 0.08), ([0.0, 0.5], 0.07), lit(METAL, 0.8));
        if tall > 3.6 {
            flat.limb(([0.0, tall], 0.03), ([0.4, tall + 0.12], 0.03), METAL);
            flat.ellipse([0.42, tall + 0.06], 0.16, 0.07, [236, 228, 196]);
        } else if round {
            flat.ellipse([0.0, tall - 0.1], 0.3, 0.3, sign);
            flat.ellipse([0.0, tall - 0.1], 0.2, 0.2, [232, 232, 230]);
        } else {
            flat.rect([-0.32, tall - 0.35], 0.64, 0.42, sign);
        }
    })
}

/// A tree with its crown.
pub fn tree(lens: &Lens, at: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let (tall, mut dice) = (dice.range(2.6, 4.6), dice.clone());
    let bark = dice.pick(&[[82, 64, 48], [108, 92, 76], [64, 54, 46], [176, 170, 160]]);
    Sprite::flat(lens, at, Bounds { half_width: 2.2, below: 0.1, above: 7.0 }, |flat| {
        let lean = dice.range(-0.2, 0.2);
        flat.limb(([0.0, 0.0], 0.17), ([lean, tall * 0.7], 0.11), bark);
        for side in [-1.0, 1.0] {
            flat.limb(([lean * 0.8, tall * 0.55], 0.07), ([lean + side * 0.6, tall * 0.85], 0.04), bark);
        }
        leaves(flat, [lean, tall], [1.3, 1.25], &mut dice);
        flat.shade(dice.pick(&[-1.0, 1.0]), 0.3);
    })
    .map(|tree| tree.taking(0.4))
}

/// A bush.
pub fn bush(lens: &Lens, at: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let (wide, high, mut dice) = (dice.range(0.4, 1.0), dice.range(0.35, 0.8), dice.clone());
    Sprite::flat(lens, at, bounds(1.5, 1.8), |flat| {
        leaves(flat, [0.0, high * 0.85], [wide, high * 0.8], &mut dice);
        flat.shade(dice.pick(&[-1.0, 1.0]), 0.35);
    })
    .map(|bush| bush.taking(wide))
}

/// A bench.
pub fn bench(lens: &Lens, at @ [x, z]: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let (width, wood) = (dice.range(1.3, 2.0), dice.pick(&WOODS));
    Sprite::solid(lens, at, width * 0.5, |space| {
        for side in [-1.0, 1.0] {
            space.cuboid([x + side * (width / 2.0 - 0.15), 0.0, z], [0.08, 0.42, 0.4], METAL);
        }
        for plank in [0.62, 0.78] {
            space.cuboid([x, plank, z + 0.22], [width, 0.1, 0.03], wood);
        }
        space.cuboid([x, 0.42, z], [width, 0.05, 0.42], wood);
    })
}

/// Crates, one on the other.
pub fn crates(lens: &Lens, at @ [x, z]: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let (wide, count, colour) = (dice.range(0.5, 0.9), 1 + dice.below(3), dice.pick(&WOODS));
    let shifts: Vec<f32> = (0..count).map(|_| dice.range(-0.1, 0.1)).collect();
    Sprite::solid(lens, at, wide * 0.7, |space| {
        for (level, shift) in shifts.into_iter().enumerate() {
            let low = level as f32 * wide * 0.75;
            space.cuboid([x + shift, low, z], [wide, wide * 0.75, wide], lit(colour, 1.0 - 0.06 * level as f32));
            space.wall(
                [x + shift - wide * 0.46, x + shift + wide * 0.46],
                [low + wide * 0.3, low + wide * 0.36],
                z - wide * 0.51,
                lit(colour, 0.6),
            );
        }
    })
}

/// A parked car, from its side.
pub fn car(lens: &Lens, at: [f32; 2], dice: &mut Dice) -> Option<Sprite> {
    let colour = dice.pick(&[
        [170, 172, 176],
        [40, 42, 48],
        [226, 226, 224],
        [120, 30, 34],
        [40, 62, 104],
        [92, 100, 96],
        [196, 168, 60],
    ]);
    let (roof, ahead) = (dice.range(1.4, 1.75), dice.pick(&[-1.0, 1.0]));
    let bounds = Bounds { half_width: 2.3, below: 0.15, above: 1.9 };
    let car = Sprite::flat(lens, at, bounds, |flat| {
        let turned = |points: &[[f32; 2]]| points.iter().map(|[x, y]| [x * ahead, *y]).collect::<Vec<_>>();
        flat.polygon(&turned(&[[-1.9, 0.2], [1.95, 0.2], [1.95, 0.1], [-1.9, 0.1]]), [24, 24, 26]);
        flat.blob(&turned(&[[-2.1, 0.95], [-1.5, 1.0], [2.0, 0.92], [2.15, 0.75], [2.1, 0.25], [-2.1, 0.25]]), colour);
        flat.blob(&turned(&[[-1.85, 0.8], [-1.55, roof], [0.5, roof + 0.04], [1.25, 0.85]]), lit(colour, 0.96));
        let glass = [52, 64, 74];
        flat.polygon(&turned(&[[-1.42, 0.95], [-1.2, roof - 0.14], [-0.45, roof - 0.1], [-0.45, 0.95]]), glass);
        flat.polygon(&turned(&[[-0.36, 0.95], [-0.36, roof - 0.1], [0.3, roof - 0.12], [0.78, 0.95]]), glass);
        flat.polygon(&turned(&[[1.85, 0.72], [2.1, 0.7], [2.1, 0.56], [1.9, 0.56]]), [238, 232, 204]);
        for wheel in [-1.25, 1.3] {
            flat.ellipse([wheel * ahead, 0.31], 0.34, 0.34, [22, 22, 24]);
            flat.ellipse([wheel * ahead, 0.31], 0.19, 0.19, [150, 152, 156]);
        }
    });
    car.map(|car| car.taking(2.2))
}
