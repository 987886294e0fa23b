//! Models that find nothing but say something of a whole picture: classes, or values with names.

use super::sight::Sight;

/// The longest list of numbers that says something of a picture.
const MOST: i64 = 30_000;

/// What a model says of a picture, by its shapes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// So many numbers in one output: classes, or a vector.
    List(usize),
    /// Values, each an output with a name.
    Values,
}

impl Says {
    /// What such models are called.
    pub fn name(self) -> &'static str {
        match self {
            Self::List(_) => "classifier",
            Self::Values => "attributes",
        }
    }
}

/// What a model says, where its outputs are a few numbers each and it finds nothing.
pub fn recognise(sight: &Sight<'_>) -> Option<Says> {
    let counts = sight.outputs().into_iter().map(count).collect::<Option<Vec<_>>>()?;
    match counts[..] {
        [] => None,
        [numbers] if numbers > 1 => Some(Says::List(numbers)),
        _ => Some(Says::Values),
    }
}

/// How many numbers an output of that shape, without the batch, says of a picture; `None` where it is a map, or boxes.
pub fn count(shape: &[i64]) -> Option<usize> {
    let is_list = shape.iter().all(|size| (1..=MOST).contains(size)) && shape.iter().skip(1).all(|size| *size == 1);
    is_list.then(|| shape.first().map_or(1, |size| *size as usize))
}
