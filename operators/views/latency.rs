//! How long stages took.
//!
//! What is found in a frame are its stages, and how many microseconds each took. A row for each key (`by`) and `stage` has
//! the columns
//!
//! * `count`: how many frames went through it;
//! * `p50`, `p95`, `p99`: so many percent of them took at most so many milliseconds;
//! * `max`: the longest took so many milliseconds.
//!
//! Times are kept in buckets. Up to 127 µs each microsecond is one. From there on, each doubling is cut into 64 of equal
//! width: `t` lies in bucket `64 s + ⌊t / 2^s⌋`, where `s = ⌊log₂ t⌋ − 6`. What is shown is the middle of a bucket, so it is
//! wrong by less than 1 %.
//!
//! With rows of buckets, each row is of one of them that is not empty: the last column of the key, `up_to`, is where it
//! ends, in milliseconds, and `count` is how many lie in it. Added up from the first row on, they are the distribution.
//!
//! ```
//! use operators::UnixMillis;
//! use operators::views::{Cell, Definition, Engine, Fact, LatencyRows, Question, Told};
//!
//! let mut engine = Engine::new(&[Definition::new("slow", Question::Latency { rows: LatencyRows::Stages })]);
//! for n in 1..=100 {
//!     engine.tell(Told::Fact(0, Fact {
//!         camera: "yard".into(),
//!         id: n.to_string().into(),
//!         version: UnixMillis(1000),
//!         at: UnixMillis(1000),
//!         number: Default::default(),
//!         by: vec![],
//!         found: vec![("decode".into(), n)],
//!         truth: None,
//!     }));
//! }
//! engine.pass(UnixMillis(1000));
//! let row = &engine.rows(0)[&vec![Cell::from("decode")]];
//! assert_eq!(*row, [Cell::from(100), Cell::from(0.05), Cell::from(0.095), Cell::from(0.099), Cell::from(0.1)]);
//! ```

use super::ask::{Ask, Item, Row, Scale, Weight, columns, sole};
use super::known::Known;
use super::{Cell, Columns, LatencyRows};

/// Each doubling has so many buckets.
const HALF: u64 = 64;

pub(super) struct Latency {
    pub rows: LatencyRows,
}

/// A key's sums are of buckets, with a weight of (frames, nothing, nothing).
impl Ask for Latency {
    fn columns(&self, key: Vec<String>) -> Columns {
        match self.rows {
            LatencyRows::Stages => columns(key, &["stage"], &["count", "p50", "p95", "p99", "max"]),
            LatencyRows::Buckets => columns(key, &["stage", "up_to"], &["count"]),
        }
    }

    fn weigh(&self, frame: &Known, scale: &mut Scale) {
        for (stage, micros) in &frame.fact.found {
            let bucket = bucket((*micros).max(0) as u64);
            let stage = Cell::Text(stage.clone());
            match self.rows {
                LatencyRows::Stages => scale(&[stage], vec![Cell::Whole(bucket as i64)], (1, 0, 0)),
                LatencyRows::Buckets => scale(&[stage, millis(end(bucket) as f64)], Item::new(), (1, 0, 0)),
            }
        }
    }

    fn row(&self, sums: &[(&Item, Weight)]) -> Row {
        if self.rows == LatencyRows::Buckets {
            return vec![sole(sums).0.into()];
        }
        let counts: Vec<(u64, i64)> = sums.iter().map(|(item, (count, ..))| (whole(item), *count)).collect();
        let total = counts.iter().map(|(_, count)| count).sum::<i64>();
        let percentiles = [50, 95, 99, 100].map(|percent| millis(middle(percentile(&counts, total, percent))));
        std::iter::once(total.into()).chain(percentiles).collect()
    }
}

/// The bucket that holds so many percent of all, together with those before it.
fn percentile(counts: &[(u64, i64)], total: i64, percent: i64) -> u64 {
    let wanted = (total * percent + 99) / 100;
    let mut sum = 0;
    let found = counts.iter().find(|(_, count)| {
        sum += count;
        sum >= wanted
    });
    found.map_or(0, |(bucket, _)| *bucket)
}

/// The bucket of a time in microseconds.
fn bucket(micros: u64) -> u64 {
    let shift = (micros | 1).ilog2().saturating_sub(HALF.ilog2());
    HALF * u64::from(shift) + (micros >> shift)
}

/// Where a bucket begins, and how wide it is, in microseconds.
fn extent(bucket: u64) -> (u64, u64) {
    let shift = (bucket / HALF).saturating_sub(1);
    ((bucket - HALF * shift) << shift, 1 << shift)
}

/// The first microsecond that is not in the bucket any more.
fn end(bucket: u64) -> u64 {
    let (start, width) = extent(bucket);
    start.saturating_add(width)
}

/// The middle of the microseconds that are in a bucket.
fn middle(bucket: u64) -> f64 {
    let (start, width) = extent(bucket);
    start as f64 + (width - 1) as f64 / 2.0
}

fn millis(micros: f64) -> Cell {
    Cell::from(micros / 1000.0)
}

/// The bucket of an item.
fn whole(item: &Item) -> u64 {
    match item.first() {
        Some(Cell::Whole(bucket)) => *bucket as u64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Catches a bucket that does not hold what is put into it, or whose middle is off by a hundredth.
        #[test]
        fn a_bucket_says_what_is_in_it(micros in prop_oneof![0..1000_u64, 0..(1_u64 << 62)]) {
            let (start, width) = extent(bucket(micros));
            prop_assert!(start <= micros && micros - start < width);
            prop_assert!((middle(bucket(micros)) - micros as f64).abs() <= micros as f64 * 0.01);
        }

        /// Catches buckets that are out of order, which percentiles rely on.
        #[test]
        fn buckets_grow_with_the_time(micros in 0..(1_u64 << 62), more in 0..1000_u64) {
            prop_assert!(bucket(micros) <= bucket(micros + more));
            prop_assert!(bucket(end(bucket(micros))) == bucket(micros) + 1);
        }
    }
}
