//! An old measurement beside a new one.

use std::path::Path;

use super::rows;
use super::table::{Measure, QUANTILES, aligned, quantile, sorted};

/// A level of an old measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Old {
    /// What it is called.
    pub level: String,
    /// The milliseconds of its frames, from the least to the greatest.
    pub totals: Vec<f64>,
}

/// The levels of an old `latency.csv`.
///
/// # Errors
/// It can't be read, in words.
pub fn read(path: &Path) -> anyhow::Result<Vec<Old>> {
    let levels = rows::read(path)?;
    Ok(levels.into_iter().map(|(level, totals)| Old { level, totals: sorted(totals) }).collect())
}

/// For each level that both have: the quantiles before and now, and how many times the old one the new one is.
pub fn written(old: &[Old], new: &[Measure]) -> String {
    let mut table = vec![["level", "", "before", "now", "now/before"].map(str::to_owned).to_vec()];
    for measure in new {
        let Some(before) = old.iter().find(|old| old.level == measure.level) else { continue };
        let now = measure.totals();
        for (q, name) in QUANTILES.into_iter().zip(["p50", "p95", "p99"]) {
            let (Some(before), Some(now)) = (quantile(&before.totals, q), quantile(&now, q)) else { continue };
            let ratio = if before > 0.0 { format!("×{:.2}", now / before) } else { "-".to_owned() };
            table.push(vec![
                measure.level.clone(),
                name.to_owned(),
                format!("{before:.3}"),
                format!("{now:.3}"),
                ratio,
            ]);
        }
    }
    match table.len() {
        1 => "The old measurement has no level of this one: there is nothing to compare.\n".to_owned(),
        _ => aligned(&table),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::measure;
    use super::*;

    /// Catches a ratio that is upside down, levels that are mixed up, and a comparison of what only one of them has.
    #[test]
    fn a_level_is_compared_with_the_same_level() {
        let old = [
            Old { level: "5".to_owned(), totals: vec![10.0; 10] },
            Old { level: "20".to_owned(), totals: vec![40.0; 10] },
        ];
        let text = written(&old, &[measure("20", &[20.0; 10]), measure("80", &[1.0])]);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["20", "p50", "40.000", "20.000", "×0.50"]);
        assert_eq!(lines.len(), 4, "{text}");
        assert!(written(&old, &[measure("80", &[1.0])]).contains("nothing to compare"));
    }
}
