//! Which numbers of a camera's frames did not come.
//!
//! A row for each key (`by`, and the camera in front of it where `by` does not name it) has the columns
//!
//! * `expected`: how many numbers there are from the first that came to the last;
//! * `arrived`: how many of them came;
//! * `late`: how many frames were received more than the view's lateness after they happened;
//! * `missing`: how many have not come and may still do so;
//! * `lost`: how many have not come, though a frame with a greater number is older than the view's lateness;
//! * `ranges`: the last few of those that are lost, as `17, 20-22`.
//!
//! A number that comes after all is not lost any more.
//!
//! What is summed are the edges of runs: number `n` weighs 1 at `n` and −1 at `n + 1`. Within a run these come to nothing,
//! so a view holds as much as there are gaps, however many frames there were; and frames that are forgotten leave their
//! numbers behind. Of a key with more than a thousand gaps of forgotten frames the oldest are given up: they are lost, whatever
//! comes.
//!
//! ```
//! use operators::UnixMillis;
//! use operators::views::{Cell, Definition, Engine, Fact, Question, Told};
//! use operators::Number;
//!
//! let mut engine = Engine::new(&[Definition::new("gaps", Question::Gaps)]); // 10 s may pass
//! let frame = |number: u64, at: u64| Told::Fact(0, Fact {
//!     camera: "yard".into(),
//!     id: number.to_string().into(),
//!     version: UnixMillis(at),
//!     at: UnixMillis(at),
//!     number: Number(number),
//!     by: vec![],
//!     found: vec![],
//!     truth: None,
//! });
//! for (number, at) in [(1, 1_000), (4, 4_000), (5, 5_000), (7, 19_000)] {
//!     engine.tell(frame(number, at));
//! }
//! engine.pass(UnixMillis(19_000));
//! let row = engine.rows(0)[&vec![Cell::from("yard")]].clone();
//! assert_eq!(row[..5], [7, 4, 0, 1, 2].map(Cell::from)); // 6 may still come
//! assert_eq!(row[5], Cell::from("2-3"));
//! ```

use std::collections::BTreeMap;

use differential_dataflow::difference::{IsZero, Semigroup};

use super::ask::{Ask, Item, Row, Scale, Weight, columns};
use super::known::Known;
use super::{Cell, Columns};

/// Edges of a key's past, with its counts: more of them are made fewer, by half.
const EDGES: usize = 2001;

/// Ranges of lost numbers that are shown.
const SHOWN: usize = 5;

pub(super) struct Gaps {
    /// What is late, in milliseconds.
    pub lateness: u64,
}

/// A key's sums are of edges, with a weight of (numbers that came, those of them that are settled, nothing), and of nothing,
/// with a weight of (frames, late ones, numbers given up).
impl Ask for Gaps {
    fn columns(&self, key: Vec<String>) -> Columns {
        columns(key, &[], &["expected", "arrived", "late", "missing", "lost", "ranges"])
    }

    fn weigh(&self, frame: &Known, scale: &mut Scale) {
        let late = i64::from(frame.came().0.saturating_sub(frame.fact.at.0) > self.lateness);
        scale(&[], Item::new(), (1, late, 0));
        let number = i64::try_from(frame.fact.number.0).unwrap_or(i64::MAX).min(i64::MAX - 1);
        let settled = i64::from(frame.settled);
        scale(&[], vec![Cell::Whole(number)], (1, settled, 0));
        scale(&[], vec![Cell::Whole(number + 1)], (-1, -settled, 0));
    }

    fn row(&self, sums: &[(&Item, Weight)]) -> Row {
        let edges = || sums.iter().filter_map(|(item, weight)| Some((edge(item)?, *weight)));
        let (_, late, given_up) =
            sums.iter().find(|(item, _)| item.is_empty()).map_or((0, 0, 0), |(_, weight)| *weight);
        let settled = edges().filter(|(_, weight)| weight.1 != 0).map(|(edge, _)| edge).next_back();
        let (lost, missing): (Vec<_>, Vec<_>) = holes(edges()).into_iter().partition(|hole| Some(hole.1) <= settled);
        let first = edges().next().map_or(0, |(edge, _)| edge);
        let expected = edges().next_back().map_or(0, |(edge, _)| edge - first);
        let (missing, lost, ranges) = (length(&missing), length(&lost) + given_up, ranges(&lost));
        let counts = [expected, expected - missing - lost, late, missing, lost];
        counts.map(Cell::from).into_iter().chain([ranges]).collect()
    }

    fn of_camera(&self) -> bool {
        true
    }

    fn settles(&self) -> bool {
        true
    }

    /// Fills the oldest half of the gaps in, and counts their numbers as given up.
    fn fold(&self, sums: &BTreeMap<Item, Weight>) -> Option<BTreeMap<Item, Weight>> {
        if sums.len() <= EDGES {
            return None;
        }
        let holes = holes(sums.iter().filter_map(|(item, weight)| Some((edge(item)?, *weight))));
        let oldest = &holes[..holes.len() / 2];
        let mut folded = sums.clone();
        for &(start, end) in oldest {
            add(&mut folded, vec![Cell::Whole(start)], (1, 1, 0));
            add(&mut folded, vec![Cell::Whole(end)], (-1, -1, 0));
        }
        add(&mut folded, Item::new(), (0, 0, length(oldest)));
        Some(folded)
    }
}

fn add(sums: &mut BTreeMap<Item, Weight>, item: Item, weight: Weight) {
    let sum = sums.entry(item.clone()).or_default();
    sum.plus_equals(&weight);
    if sum.is_zero() {
        sums.remove(&item);
    }
}

fn edge(item: &Item) -> Option<i64> {
    match item.first() {
        Some(Cell::Whole(edge)) => Some(*edge),
        _ => None,
    }
}

/// Where no number came: from, and to before.
fn holes(edges: impl Iterator<Item = (i64, Weight)>) -> Vec<(i64, i64)> {
    let mut holes = Vec::new();
    let (mut came, mut since) = (0, None);
    for (edge, (step, ..)) in edges {
        if let Some(start) = since.take_if(|start| came == 0 && *start < edge) {
            holes.push((start, edge));
        }
        came += step;
        since = Some(edge);
    }
    holes
}

fn length(holes: &[(i64, i64)]) -> i64 {
    holes.iter().map(|(start, end)| end - start).sum()
}

/// The last few holes, for people.
fn ranges(holes: &[(i64, i64)]) -> Cell {
    let shown = &holes[holes.len().saturating_sub(SHOWN)..];
    let words: Vec<String> = shown
        .iter()
        .map(|&(start, end)| match end - start {
            1 => start.to_string(),
            _ => format!("{start}-{}", end - 1),
        })
        .collect();
    match words.is_empty() {
        true => Cell::Empty,
        false => Cell::from(words.join(", ").as_str()),
    }
}
