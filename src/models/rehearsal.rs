//! Four pictures that a model has to tell apart before it may describe others.

use std::cell::RefCell;

use crate::codec::Pixels;
use crate::engine::{Feed, Output};

use super::form::Form;
use super::letterbox::Letterbox;
use super::sight::Sight;
use super::trial;

/// What an output said of each of the pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The output's name.
    pub name: String,
    /// Its numbers, picture by picture.
    pub numbers: Vec<Vec<f32>>,
}

impl Said {
    /// What can't be right about it, as the end of a sentence: "the model …".
    pub fn flaw(&self) -> Option<String> {
        let name = &self.name;
        if self.numbers.iter().flatten().any(|number| !number.is_finite()) {
            return Some(format!("its output `{name}` holds numbers that are none (NaN or infinite) on a trial"));
        }
        let first = self.numbers.first();
        let same = self.numbers.iter().all(|numbers| Some(numbers) == first);
        same.then(|| format!("its output `{name}` says the same of four pictures that have nothing in common"))
    }

    /// Whether the numbers of each picture are the odds of classes that exclude each other.
    pub fn sums_to_one(&self) -> bool {
        let one = |numbers: &Vec<f32>| (numbers.iter().sum::<f32>() - 1.0).abs() < 0.01;
        self.are_odds() && self.numbers.iter().all(one)
    }

    /// Whether all numbers are between 0 and 1.
    pub fn are_odds(&self) -> bool {
        self.numbers.iter().flatten().all(|number| (-0.001..=1.001).contains(number))
    }
}

/// Runs a model over the pictures, each put in as `form` says.
///
/// # Errors
/// Why it does not run, as the end of a sentence: "the model …".
pub fn run(sight: &Sight<'_>, form: &Form) -> Result<Vec<Said>, String> {
    let feed = Feed { picture: sight.picture, sample: form.sample(), others: Vec::new() };
    let mut session = sight.model.session_of(feed).map_err(|error| error.to_string())?;
    let pictures = [trial::picture(), plain(0), plain(255), noise()];
    let mut letterbox = Letterbox::new(*form);
    let outputs = sight.model.signature.outputs.iter();
    let said =
        RefCell::new(outputs.map(|port| Said { name: port.name.clone(), numbers: Vec::new() }).collect::<Vec<_>>());
    let read = |_: usize, outputs: &[Output<'_>]| {
        let mut said = said.borrow_mut();
        said.iter_mut().zip(outputs).for_each(|(said, output)| said.numbers.push(output.data.to_vec()));
    };
    for picture in &pictures {
        let fill = |_: usize, input: &mut [f32]| {
            letterbox.put(picture, input);
        };
        session.run(1, fill, read).map_err(|error| format!("it does not run as such ({error})"))?;
    }
    Ok(said.into_inner())
}

/// A picture of one colour.
fn plain(value: u8) -> Pixels {
    Pixels { width: 64, height: 64, rgb: vec![value; 64 * 64 * 3] }
}

/// A picture without any order.
fn noise() -> Pixels {
    let rgb = (0..64 * 64 * 3_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    Pixels { width: 64, height: 64, rgb }
}
