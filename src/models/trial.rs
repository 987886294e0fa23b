//! One run on a picture made for it: a detector whose boxes can't be right is not used.

use crate::codec::Pixels;
use crate::engine::{Feed, Output};

use super::detector::{Candidate, Claim, Head};
use super::letterbox::{Letterbox, Placement};
use super::sight::Sight;

/// How many of the surest boxes are judged.
const JUDGED: usize = 100;

/// The share of them that has to be plausible.
const ENOUGH: f32 = 0.2;

/// What a trial showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The share of the surest boxes that lie in the picture and have a size that things have, 0 to 1.
    pub plausible: f32,
}

/// A picture with a sky, a ground, and two figures with heads: nothing a detector must know, but no blank either.
pub fn picture() -> Pixels {
    let (width, height) = (640_u32, 480_u32);
    let mut rgb = Vec::with_capacity((width * height * 3) as usize);
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        rgb.extend(colour(x as i32, y as i32));
    }
    Pixels { width, height, rgb }
}

fn colour(x: i32, y: i32) -> [u8; 3] {
    for (cx, size) in [(200, 100), (440, 70)] {
        let (dx, head, foot) = (x - cx, 400 - 3 * size, 400);
        let dy = y - head;
        match () {
            () if 4 * dx * dx + 3 * dy * dy < size * size / 2 => return [224, 172, 140],
            () if dx.abs() < size / 2 && (head + size / 3..head + 2 * size).contains(&y) => return [40, 60, 130],
            () if (8..size / 3).contains(&dx.abs()) && (head + 2 * size..foot).contains(&y) => return [50, 45, 40],
            () => {}
        }
    }
    let shade = ((x * 7 + y * 13) % 23) as u8;
    match y {
        ..260 => [120 + shade, 160 + (y / 8) as u8, 210],
        _ => [110 + shade, 120 + (x / 32) as u8, 90],
    }
}

/// Runs a model once, as `claim` says.
///
/// # Errors
/// Why it can't be so, as the end of a sentence: "the model …".
pub fn run(sight: &Sight<'_>, claim: &Claim) -> Result<Verdict, String> {
    let feed = Feed { picture: sight.picture, sample: claim.form.sample(), others: claim.others.clone() };
    let mut session = sight.model.session_of(feed).map_err(|error| error.to_string())?;
    let (pixels, mut letterbox) = (picture(), Letterbox::new(claim.form));
    let placement = std::cell::Cell::new(None);
    let mut verdict = Err("it says nothing".to_owned());
    session
        .run(
            1,
            |_, input| placement.set(Some(letterbox.put(&pixels, input))),
            |_, outputs| {
                let open = |placement: Placement| Placement { clips: false, ..placement };
                let placement = placement.get().map(open).expect("a picture is put in before anything comes out");
                verdict = judge(&*claim.head, outputs, &placement);
            },
        )
        .map_err(|error| format!("it does not run as such ({error})"))?;
    verdict
}

/// What the outputs of a trial are worth; the placement does not clip.
fn judge(head: &dyn Head, outputs: &[Output<'_>], placement: &Placement) -> Result<Verdict, String> {
    let broken = |output: &&Output<'_>| output.data.iter().any(|value| value.is_nan());
    if let Some(output) = outputs.iter().find(broken) {
        return Err(format!("its output {} holds numbers that are none (NaN) on a trial", output.name));
    }
    let mut found = head.read(outputs, placement, f32::NEG_INFINITY);
    let odd = found.iter().filter(|one| !(-0.01..=1.01).contains(&one.score)).count();
    if 100 * odd > found.len() {
        return Err("on a trial its scores are not between 0 and 1".to_owned());
    }
    if !head.is_dense() {
        // Rows that are left over are padded with nothing.
        found.retain(|one| one.score >= 0.01);
        if found.len() < 2 {
            return Ok(Verdict { plausible: 1.0 });
        }
    }
    apart(head, &found, placement)?;
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(JUDGED);
    let plausible = found.iter().filter(|one| is_plausible(one, placement)).count() as f32 / found.len() as f32;
    match plausible >= ENOUGH {
        true => Ok(Verdict { plausible }),
        false => Err("on a trial its boxes lie outside of the picture or have no size".to_owned()),
    }
}

/// Whether boxes differ at all, and those of a grid are spread over the picture.
fn apart(head: &dyn Head, found: &[Candidate], placement: &Placement) -> Result<(), String> {
    let Some(first) = found.first() else { return Err("on a trial none of its boxes is one".to_owned()) };
    let same = |one: &Candidate| one.corners.iter().zip(first.corners).all(|(a, b)| (a - b).abs() < 0.01);
    if found.iter().all(same) {
        return Err("on a trial all its boxes are the same".to_owned());
    }
    let middles = |axis: usize| found.iter().map(move |one| (one.corners[axis] + one.corners[axis + 2]) / 2.0);
    let spread = |axis: usize| {
        let (least, most) = middles(axis).fold((f32::MAX, f32::MIN), |(a, b), at| (a.min(at), b.max(at)));
        most - least
    };
    let in_one_spot = spread(0) < 0.1 * placement.width && spread(1) < 0.1 * placement.height;
    match head.is_dense() && in_one_spot {
        true => Err("on a trial all its boxes lie in one spot".to_owned()),
        false => Ok(()),
    }
}

fn is_plausible(one: &Candidate, placement: &Placement) -> bool {
    let [left, top, right, bottom] = one.corners;
    let inside = |from: f32, to: f32, length: f32| (0.0..=length).contains(&((from + to) / 2.0));
    let sized = |from: f32, to: f32, length: f32| (1.0..=3.0 * length).contains(&(to - from));
    let (width, height) = (placement.width, placement.height);
    inside(left, right, width) && inside(top, bottom, height) && sized(left, right, width) && sized(top, bottom, height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::rows::Rows;

    fn judged(rows: &[[f32; 6]]) -> Result<Verdict, String> {
        let output = Output { name: "output", data: rows.as_flattened() };
        judge(&Rows { classes: 1 }, &[output], &Placement { clips: false, ..Placement::corner(1.0, 640.0, 480.0) })
    }

    /// Catches a detector that is used although what it says can't be right.
    #[test]
    fn boxes_that_cannot_be_right_are_refused_with_words() {
        let grid = |of: fn(f32) -> [f32; 6]| (0..50).map(|at| of(at as f32)).collect::<Vec<_>>();
        assert_eq!(judged(&grid(|at| [at * 12.0, at * 9.0, 30.0, 40.0, 0.5, 0.5])), Ok(Verdict { plausible: 1.0 }));
        for (rows, word) in [
            (grid(|at| [at * 12.0, f32::NAN, 30.0, 40.0, 0.5, 0.5]), "NaN"),
            (grid(|at| [at * 12.0, 1000.0 + at, 30.0, 40.0, 0.5, 0.5]), "outside"),
            (grid(|at| [at * 12.0, at * 9.0, 0.1, 40.0, 0.5, 0.5]), "no size"),
            (grid(|_| [200.0, 200.0, 30.0, 40.0, 0.5, 0.5]), "the same"),
            (grid(|at| [at / 50.0, at / 60.0, 2.0, 2.0, 0.5, 0.5]), "one spot"),
            (grid(|at| [at * 12.0, at * 9.0, 30.0, 40.0, 5.0, 0.5]), "between 0 and 1"),
            (Vec::new(), "none"),
        ] {
            let why = judged(&rows).expect_err(word);
            assert!(why.contains(word), "{why} instead of {word}");
        }
    }
}
