//! What a person looks like: build, clothes, hair, and what they carry.

use super::brush::{Colour, blend, lit};
use super::dice::Dice;

/// One person's looks.
#[derive(Clone, Debug)]
pub struct Looks {
    /// From the soles to the crown, in metres.
    pub height: f32,
    /// How broad the body is; 1 is the middle.
    pub girth: f32,
    /// The skin.
    pub skin: Colour,
    /// The hair.
    pub hair: Colour,
    /// How the hair is worn.
    pub cut: Cut,
    /// What is on the head.
    pub hat: Hat,
    /// The colour of the hat.
    pub hat_colour: Colour,
    /// The upper garment.
    pub top: Colour,
    /// A second colour of the upper garment: its stripe, or what is under an open jacket.
    pub trim: Option<(Trim, Colour)>,
    /// Whether the arms are bare below the elbow.
    pub short_sleeves: bool,
    /// What is worn on the legs.
    pub bottom: Bottom,
    /// Its colour.
    pub bottom_colour: Colour,
    /// The shoes.
    pub shoes: Colour,
    /// What is carried.
    pub bag: Option<(Bag, Colour)>,
}

/// How hair is worn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Short.
    Short,
    /// To the shoulders.
    Long,
    /// Gathered at the back.
    Bun,
    /// None.
    Bald,
}

/// What is on a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hat {
    /// Nothing.
    None,
    /// A cap with a peak, or a helmet.
    Cap,
    /// A knitted cap.
    Beanie,
    /// A hat with a brim.
    Brim,
    /// A scarf or a hood around the whole head.
    Hood,
}

/// A second colour on the upper garment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// A band around the chest.
    Band,
    /// A shirt under an open jacket.
    Open,
    /// Two bands that shine: a vest for work.
    Vest,
}

/// What is worn on the legs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bottom {
    /// Trousers.
    Trousers,
    /// To above the knee.
    Shorts,
    /// A skirt down to this share of the leg.
    Skirt(f32),
    /// A coat or dress in one with the upper garment, down to this share of the leg.
    Coat(f32),
}

/// What is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bag {
    /// On the back.
    Backpack,
    /// In one hand.
    Hand,
    /// At the hip, from the shoulder.
    Shoulder,
}

const SKINS: [Colour; 8] = [
    [244, 208, 182],
    [232, 188, 156],
    [222, 170, 134],
    [198, 142, 104],
    [168, 114, 80],
    [134, 88, 60],
    [102, 66, 46],
    [72, 48, 36],
];
const HAIRS: [Colour; 8] = [
    [28, 22, 20],
    [46, 32, 24],
    [74, 48, 30],
    [110, 74, 42],
    [164, 122, 70],
    [206, 172, 110],
    [150, 148, 146],
    [126, 52, 30],
];
/// What shops sell: much that is dark, grey or blue, and some that shines.
const CLOTHES: [Colour; 24] = [
    [30, 32, 38],
    [44, 46, 52],
    [24, 30, 52],
    [38, 52, 92],
    [58, 84, 132],
    [98, 128, 168],
    [72, 74, 78],
    [112, 114, 118],
    [162, 164, 166],
    [222, 222, 218],
    [236, 232, 220],
    [128, 98, 70],
    [176, 148, 112],
    [84, 62, 46],
    [62, 78, 56],
    [92, 116, 78],
    [128, 36, 40],
    [182, 48, 46],
    [206, 96, 48],
    [222, 184, 72],
    [66, 118, 122],
    [110, 72, 116],
    [206, 138, 152],
    [52, 120, 86],
];

impl Looks {
    /// Somebody.
    pub fn roll(dice: &mut Dice) -> Self {
        let child = dice.chance(0.12);
        let height = if child { dice.range(1.05, 1.45) } else { dice.range(1.54, 1.94) };
        let skin = dice.pick(&SKINS);
        let bottom = match dice.below(20) {
            0..12 => Bottom::Trousers,
            12..14 => Bottom::Shorts,
            14..16 => Bottom::Skirt(dice.range(0.35, 0.8)),
            _ => Bottom::Coat(dice.range(0.25, 0.85)),
        };
        let top = cloth(dice);
        let trim = match dice.below(12) {
            0..2 => Some((Trim::Band, cloth(dice))),
            2..5 => Some((Trim::Open, cloth(dice))),
            5 => Some((Trim::Vest, [236, 226, 90])),
            _ => None,
        };
        let top =
            if matches!(trim, Some((Trim::Vest, _))) { dice.pick(&[[232, 120, 30], [206, 214, 40]]) } else { top };
        Self {
            height,
            girth: if child { dice.range(0.95, 1.15) } else { dice.range(0.84, 1.28) },
            skin: lit(skin, dice.range(0.94, 1.05)),
            hair: dice.pick(&HAIRS),
            cut: dice.pick(&[Cut::Short, Cut::Short, Cut::Short, Cut::Long, Cut::Long, Cut::Bun, Cut::Bald]),
            hat: dice.pick(&[Hat::None, Hat::None, Hat::None, Hat::None, Hat::Cap, Hat::Beanie, Hat::Brim, Hat::Hood]),
            hat_colour: cloth(dice),
            top,
            trim,
            short_sleeves: dice.chance(0.3),
            bottom,
            bottom_colour: if dice.chance(0.6) { dice.pick(&CLOTHES[..9]) } else { cloth(dice) },
            shoes: dice.pick(&[[26, 24, 24], [60, 44, 34], [220, 220, 220], [150, 60, 50], [70, 76, 90]]),
            bag: match dice.below(8) {
                0 => Some((Bag::Backpack, cloth(dice))),
                1 => Some((Bag::Hand, cloth(dice))),
                2 => Some((Bag::Shoulder, cloth(dice))),
                _ => None,
            },
        }
    }
}

/// The colour of a garment.
pub fn cloth(dice: &mut Dice) -> Colour {
    let other = dice.pick(&CLOTHES);
    lit(blend(dice.pick(&CLOTHES), other, 0.25), dice.range(0.85, 1.12))
}
