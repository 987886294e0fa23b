//! What was measured at each level, in a few numbers.

use std::fmt::Write as _;
use std::time::Duration;

use super::rows::{self, Row};

/// The quantiles that are told of each level.
pub const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// What came of one level.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What the level is called: its rate, or `live`.
    pub level: String,
    /// Frames a second that were offered; unknown where somebody else sends them.
    pub offered: Option<f64>,
    /// From the first frame to the end of the last, or of the level where that is later.
    pub took: Duration,
    /// Frames that were sent later than they were to be, so that their latency is partly the sender's.
    pub late: usize,
    /// Frames that were sent and have not come.
    pub lost: usize,
    /// Those that have.
    pub rows: Vec<Row>,
}

/// The value that a share `q` of sorted values does not exceed: one of them, the nearest rank. None of none.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// These numbers from the least to the greatest.
pub fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

impl Measure {
    /// The milliseconds of the frames that count, from the least to the greatest.
    pub fn totals(&self) -> Vec<f64> {
        sorted(self.rows.iter().filter(|row| row.counts()).map(|row| row.total_ms))
    }

    /// Frames a second that came.
    pub fn achieved(&self) -> f64 {
        self.totals().len() as f64 / self.took.as_secs_f64().max(1e-9)
    }

    fn dead(&self) -> usize {
        self.rows.iter().filter(|row| !row.counts()).count()
    }

    fn cells(&self, stages: &[String]) -> Vec<String> {
        let totals = self.totals();
        let time = |ms: Option<f64>| ms.map_or("-".to_owned(), |ms| format!("{ms:.3}"));
        let stage =
            |name: &String| sorted(self.rows.iter().filter(|row| row.counts()).filter_map(|row| row.stage(name)));
        let mut cells = vec![
            self.level.clone(),
            self.offered.map_or("-".to_owned(), |rate| format!("{rate:.1}")),
            format!("{:.1}", self.achieved()),
            totals.len().to_string(),
        ];
        cells.extend(QUANTILES.map(|q| time(quantile(&totals, q))));
        cells.push(time(totals.last().copied()));
        cells.extend(stages.iter().map(|name| time(quantile(&stage(name), 0.5))));
        cells
    }

    /// What a reader of the numbers has to know beside them.
    fn notes(&self) -> Vec<String> {
        let (came, level) = (self.rows.len(), &self.level);
        let mut notes = Vec::new();
        if self.lost > 0 {
            notes.push(format!(
                "{} of {} frames did not come: they are lost to this measurement",
                self.lost,
                came + self.lost
            ));
        }
        if self.dead() > 0 {
            notes.push(format!("{} of {came} frames ended as dead letters: they are in no number above", self.dead()));
        }
        // Where a job keeps up, what it does last is over in a moment.
        if let Some(offered) = self.offered.filter(|offered| self.achieved() < 0.95 * offered && self.lost == 0) {
            let (achieved, dead) = (self.achieved(), self.dead());
            if dead == 0 {
                notes.push(format!(
                    "{achieved:.1} frames/s came of {offered:.1} that were offered: the longer such a load lasts, the later they \
                     come"
                ));
            }
        }
        if self.late > 0 {
            notes.push(format!(
                "{} frames were sent more than {} ms after their time: that is in their latency",
                self.late,
                super::load::LATE.as_millis()
            ));
        }
        notes.into_iter().map(|note| format!("{level}: {note}")).collect()
    }
}

/// The levels as a table for a terminal, and below it what is to be known of single ones.
pub fn written(measures: &[Measure]) -> String {
    let stages = rows::stages(measures.iter().flat_map(|measure| &measure.rows));
    let heads = ["level", "offered/s", "achieved/s", "frames", "p50", "p95", "p99", "max"];
    let mut table = vec![heads.iter().map(|head| (*head).to_owned()).chain(stages.iter().cloned()).collect()];
    table.extend(measures.iter().map(|measure| measure.cells(&stages)));
    let mut text = aligned(&table);
    text += "\nTimes in milliseconds; those of stages are medians.\n";
    for note in measures.iter().flat_map(Measure::notes) {
        writeln!(text, "{note}").expect("a string takes all");
    }
    text
}

/// Rows of cells with two spaces between them, all on the right.
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}"));
        cells.collect::<Vec<_>>().join("  ") + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::rows::tests::row;
    use super::*;

    /// A level whose frames took so long.
    pub fn measure(level: &str, totals: &[f64]) -> Measure {
        Measure {
            level: level.to_owned(),
            offered: level.parse().ok(),
            took: Duration::from_secs(10),
            late: 0,
            lost: 0,
            rows: totals.iter().map(|ms| row(*ms, "result")).collect(),
        }
    }

    /// Catches a quantile between two frames, one place too far, or of nothing.
    #[test]
    fn a_quantile_is_the_time_of_a_frame() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(QUANTILES.map(|q| quantile(&values, q)), [Some(50.0), Some(95.0), Some(99.0)]);
        assert_eq!(quantile(&[7.0], 0.5), Some(7.0));
        assert_eq!(quantile(&[1.0, 2.0], 0.5), Some(1.0));
        assert_eq!(
            (quantile(&[1.0, 2.0], 0.0), quantile(&[1.0, 2.0], 1.0), quantile(&[], 0.5)),
            (Some(1.0), Some(2.0), None)
        );
    }

    /// Catches numbers under the wrong head, and what a reader has to know that is not told.
    #[test]
    fn the_table_says_what_was_measured_and_what_is_missing() {
        let good = measure("5", &[10.0; 50]);
        let mut bad = measure("20", &[30.0; 100]);
        (bad.late, bad.rows[0].end) = (3, "truncated".to_owned());
        let text = written(&[good, bad.clone()]);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        let heads = ["level", "offered/s", "achieved/s", "frames", "p50", "p95", "p99", "max", "arrive", "write"];
        assert_eq!(lines[0], heads);
        assert_eq!(lines[1], ["5", "5.0", "5.0", "50", "10.000", "10.000", "10.000", "10.000", "1.000", "2.000"]);
        assert!(
            text.contains("20: 1 of 100 frames ended as dead letters") && text.contains("20: 3 frames were sent more")
        );
        assert!(!text.contains("\n5: "), "of a level that went well there is nothing to say: {text}");
        (bad.lost, bad.late, bad.rows[0].end) = (100, 0, "result".to_owned());
        assert!(written(&[bad.clone()]).contains("20: 100 of 200 frames did not come"));
        bad.lost = 0;
        assert!(written(&[bad]).contains("20: 10.0 frames/s came of 20.0 that were offered"));
        assert!(written(&[measure("5", &[])]).contains('-'), "a level of which nothing came");
    }
}
