//! The places a camera looks at. One file a place, one row in [`PLACES`].

pub mod corridor;
pub mod room;
pub mod street;
pub mod yard;

use tiny_skia::Pixmap;

use super::brush::Space;
use super::dice::Dice;
use super::lens::Lens;
use super::light::Lamp;
use super::sprite::Sprite;

/// A place: what never moves, and where people may be.
pub struct Place {
    /// How the camera sees it.
    pub lens: Lens,
    /// What is behind everybody.
    pub backdrop: Pixmap,
    /// What stands there, and may hide somebody.
    pub props: Vec<Sprite>,
    /// Where people walk.
    pub ground: Ground,
    /// Where lamps shine when daylight fails.
    pub lamps: Vec<Lamp>,
    /// How bright it is without lamps at night, 0 to 1.
    pub night: f32,
    /// How many people may be there at once.
    pub crowd: usize,
    /// How likely each of them is there.
    pub busy: f32,
}

/// Where people walk, in metres.
pub struct Ground {
    /// The nearest.
    pub near: f32,
    /// The farthest.
    pub far: f32,
    /// How far it goes to each side.
    pub wall: f32,
    /// Where people come in.
    pub doors: Vec<[f32; 2]>,
}

/// One row: a place's name, and what makes one of its kind.
pub struct Row {
    /// What `scene = "…"` says.
    pub name: &'static str,
    /// Makes a place for pictures of this size.
    pub roll: fn((u32, u32), &mut Dice) -> Place,
}

/// Every place, in the order in which cameras get them.
pub const PLACES: &[Row] = &[
    Row { name: "room", roll: room::roll },
    Row { name: "corridor", roll: corridor::roll },
    Row { name: "street", roll: street::roll },
    Row { name: "yard", roll: yard::roll },
];

/// An empty picture, to be painted on.
fn blank((width, height): (u32, u32)) -> Pixmap {
    Pixmap::new(width, height).expect("sizes are checked before")
}

/// Something to paint the backdrop with.
fn space<'a>(canvas: &'a mut Pixmap, lens: &Lens) -> Space<'a> {
    Space { canvas, lens: *lens }
}

/// Makes plain surfaces look like matter: patches that are a little lighter or darker, in four sizes.
fn mottle(canvas: &mut Pixmap, dice: &mut Dice, strength: f32) {
    let (width, height) = (canvas.width() as usize, canvas.height() as usize);
    for cell in [96, 32, 9, 3] {
        let columns = width / cell + 2;
        let lattice: Vec<f32> =
            (0..columns * (height / cell + 2)).map(|_| dice.range(-strength, strength) * 0.5).collect();
        for (y, row) in canvas.data_mut().chunks_exact_mut(width * 4).enumerate() {
            let (top, down) = (y / cell * columns, (y % cell) as f32 / cell as f32);
            for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
                let (at, along) = (top + x / cell, (x % cell) as f32 / cell as f32);
                let above = lattice[at] * (1.0 - along) + lattice[at + 1] * along;
                let below = lattice[at + columns] * (1.0 - along) + lattice[at + columns + 1] * along;
                let light = 1.0 + above * (1.0 - down) + below * down;
                pixel[..3].iter_mut().for_each(|part| *part = (f32::from(*part) * light).clamp(0.0, 255.0) as u8);
            }
        }
    }
}
