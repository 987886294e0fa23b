//! Who is where, and when: everybody's way through the place, as a function of the time.

use super::dice::Dice;
use super::figure::{self, Arms, Pose};
use super::lens::Lens;
use super::looks::Looks;
use super::places::Place;

/// Seconds between two frames of a camera, whatever rate they are played at.
const BETWEEN: f64 = 0.5;
/// Seconds in which one person comes, does something, and goes.
const VISIT: f64 = 40.0;
/// The nearest that a person is drawn, in metres: nearer is under the camera.
const NEAREST: f32 = 1.5;
/// How many ways are tried, to find one on which nobody walks through a table.
const TRIES: usize = 8;

/// A person at one moment.
#[derive(Clone, Debug)]
pub struct Walker {
    /// What they look like.
    pub looks: Looks,
    /// How they stand.
    pub pose: Pose,
    /// Where: to the right and away, in metres.
    pub at: [f32; 2],
}

/// Everybody who is in the place when the camera takes this frame.
pub fn walkers(place: &Place, lens: &Lens, names: [u64; 2], number: u64) -> Vec<Walker> {
    let slots = 0..place.crowd;
    slots.filter_map(|slot| walker(place, lens, names, slot as u64, number)).collect()
}

fn walker(place: &Place, lens: &Lens, [seed, camera]: [u64; 2], slot: u64, number: u64) -> Option<Walker> {
    // Visits of different slots don't begin at once; two of a pair do, so that they can go together.
    let late = f64::from(Dice::of(&[seed, camera, 11, slot / 2]).unit()) * VISIT;
    let time = number as f64 * BETWEEN + late;
    let (visit, since) = ((time / VISIT) as u64, (time % VISIT) as f32);
    let mut own = Dice::of(&[seed, camera, 12, slot, visit]);
    let together = slot % 2 == 1 && own.chance(0.3);
    let mut way_of = if together { Dice::of(&[seed, camera, 12, slot - 1, visit]) } else { own.clone() };
    let _ = way_of.unit();
    let looks = Looks::roll(&mut own);
    let aside =
        if together { [own.pick(&[-1.0, 1.0]) * own.range(0.55, 0.85), own.range(-0.5, 0.5)] } else { [0.0; 2] };
    let way = Way::roll(place, lens, &mut way_of)?;
    let (at, pose) = way.at(since, looks.height, &mut own)?;
    let at = [at[0] + aside[0], at[1] + aside[1]];
    (at[1] > NEAREST).then_some(Walker { looks, pose, at })
}

/// One person's way: from where they come in, over where they stop, to where they leave.
struct Way {
    points: Vec<[f32; 2]>,
    /// Seconds they stay at each stop.
    stay: f32,
    /// Metres a second.
    speed: f32,
    /// Seconds until they come in.
    begin: f32,
}

impl Way {
    fn roll(place: &Place, lens: &Lens, dice: &mut Dice) -> Option<Self> {
        if !dice.chance(place.busy) {
            return None;
        }
        let stops = dice.pick(&[0, 1, 1, 2, 2]);
        let points = |dice: &mut Dice| {
            let mut points = vec![entry(place, lens, dice)];
            points.extend((0..stops).map(|_| inside(place, lens, dice)));
            points.push(entry(place, lens, dice));
            points
        };
        let tried: Vec<_> = (0..TRIES).map(|_| points(dice)).collect();
        let free = |points: &Vec<[f32; 2]>| clearance(place, points);
        let points = tried.into_iter().max_by(|a, b| free(a).total_cmp(&free(b)))?;
        let (speed, begin, stay) = (dice.range(0.9, 1.5), dice.range(0.0, 5.0), dice.range(3.0, 9.0));
        Some(Self { points, stay, speed, begin })
    }

    /// Where somebody of this height is on their way after so many seconds of their visit, and how they stand there.
    fn at(&self, since: f32, height: f32, dice: &mut Dice) -> Option<([f32; 2], Pose)> {
        let (mut left, mut walked) = (since - self.begin, 0.0);
        let arms = dice.pick(&[Arms::Swing, Arms::Swing, Arms::Swing, Arms::Swing, Arms::Phone, Arms::Carry]);
        let idle = dice.pick(&[Arms::Swing, Arms::Swing, Arms::Phone, Arms::Hips, Arms::Carry]);
        let turned = dice.range(0.0, std::f32::consts::TAU);
        if left < 0.0 {
            return None;
        }
        for (at, pair) in self.points.windows(2).enumerate() {
            let (from, to) = (pair[0], pair[1]);
            let (dx, dz) = (to[0] - from[0], to[1] - from[1]);
            let length = (dx * dx + dz * dz).sqrt().max(0.01);
            let takes = length / self.speed;
            if left < takes {
                let share = left / takes;
                let phase = figure::phase(walked + length * share, height);
                let stride = (self.speed / 1.3).min(1.0);
                let pose = Pose { heading: libm::atan2f(-dz, dx), phase, stride, arms };
                return Some(([from[0] + dx * share, from[1] + dz * share], pose));
            }
            (left, walked) = (left - takes, walked + length);
            if left < self.stay && at + 2 < self.points.len() {
                // Nobody stands quite still.
                let turn = turned + 0.3 * libm::sinf(left * 0.4);
                let sway = 0.02 * libm::sinf(left * 0.9);
                return Some(([to[0] + sway, to[1]], Pose { heading: turn, phase: 0.0, stride: 0.0, arms: idle }));
            }
            left -= self.stay;
        }
        None
    }
}

/// Where somebody comes in or leaves: at a door, or where the camera does not see.
fn entry(place: &Place, lens: &Lens, dice: &mut Dice) -> [f32; 2] {
    let ground = &place.ground;
    if !ground.doors.is_empty() && dice.chance(0.5) {
        return dice.pick(&ground.doors);
    }
    let z = dice.range(ground.near, ground.far);
    let x = lens.half_width(z) + dice.range(0.6, 2.0);
    let side = dice.pick(&[-1.0, 1.0]);
    if x < ground.wall {
        return [side * x, z];
    }
    let z = 1.0;
    [side * dice.range(0.0, (ground.wall - 0.4).min(lens.half_width(z) + 0.9)), z]
}

/// Somewhere in sight.
fn inside(place: &Place, lens: &Lens, dice: &mut Dice) -> [f32; 2] {
    let ground = &place.ground;
    let share = dice.unit();
    let z = ground.near + (ground.far - ground.near) * share * share.sqrt();
    let widest = (lens.half_width(z) * 0.95).min(ground.wall - 0.4);
    [dice.range(-widest, widest), z]
}

/// How far the way keeps from what stands there, in metres; less than 0 leads through something.
fn clearance(place: &Place, points: &[[f32; 2]]) -> f32 {
    let legs = points
        .windows(2)
        .flat_map(|pair| place.props.iter().map(|prop| distance([prop.x, prop.depth], pair[0], pair[1]) - prop.room));
    legs.fold(1.0, f32::min)
}

/// How far a point is from a line between two others.
fn distance(point: [f32; 2], a: [f32; 2], b: [f32; 2]) -> f32 {
    let (dx, dz) = (b[0] - a[0], b[1] - a[1]);
    let along = ((point[0] - a[0]) * dx + (point[1] - a[1]) * dz) / (dx * dx + dz * dz).max(1e-6);
    let along = along.clamp(0.0, 1.0);
    let (x, z) = (a[0] + along * dx - point[0], a[1] + along * dz - point[1]);
    (x * x + z * z).sqrt()
}
