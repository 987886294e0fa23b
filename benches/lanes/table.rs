//! The table: figures, goals, and whether they are reached; on the screen, as Markdown and as JSON.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vigie::latency::table::{quantile, sorted};

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// No more than that.
    AtMost(f64),
    /// No less.
    AtLeast(f64),
}

/// One figure of one contender.
#[derive(Clone, Debug)]
pub struct Row {
    lane: &'static str,
    contender: String,
    figure: String,
    values: Vec<f64>,
    goal: Option<Goal>,
}

impl Row {
    /// A figure, one value a round.
    pub fn new(lane: &'static str, contender: &str, figure: impl Into<String>, values: Vec<f64>) -> Self {
        Self { lane, contender: contender.to_owned(), figure: figure.into(), values, goal: None }
    }

    /// With a goal for its median.
    #[must_use]
    pub fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// The lane.
    pub fn lane(&self) -> &'static str {
        self.lane
    }

    /// Whose it is.
    pub fn contender(&self) -> &str {
        &self.contender
    }

    /// What it says.
    pub fn figure(&self) -> &str {
        &self.figure
    }

    /// The median of its values; none of a row without any.
    pub fn median(&self) -> Option<f64> {
        quantile(&sorted(self.values.clone()), 0.5)
    }

    fn range(&self) -> String {
        let values = sorted(self.values.clone());
        match values[..] {
            [least, .., most] => format!("{} to {}", short(least), short(most)),
            _ => String::new(),
        }
    }

    fn goal_told(&self) -> String {
        match self.goal {
            Some(Goal::AtMost(goal)) => format!("≤ {goal}"),
            Some(Goal::AtLeast(goal)) => format!("≥ {goal}"),
            None => String::new(),
        }
    }

    /// Whether the median is as it should be; none without a goal or a value.
    pub fn reached(&self) -> Option<bool> {
        let median = self.median()?;
        Some(match self.goal? {
            Goal::AtMost(goal) => median <= goal,
            Goal::AtLeast(goal) => median >= goal,
        })
    }

    /// As the table says it, in the order of its columns.
    pub fn cells(&self) -> [String; 7] {
        let reached = self.reached().map_or("", |reached| if reached { "yes" } else { "no" });
        [
            self.lane.to_owned(),
            self.contender.clone(),
            self.figure.clone(),
            self.median().map(short).unwrap_or_default(),
            self.range(),
            self.goal_told(),
            reached.to_owned(),
        ]
    }

    fn json(&self) -> Value {
        let (at_most, at_least) = match self.goal {
            Some(Goal::AtMost(goal)) => (Some(goal), None),
            Some(Goal::AtLeast(goal)) => (None, Some(goal)),
            None => (None, None),
        };
        json!({
            "lane": self.lane, "contender": self.contender, "figure": self.figure, "median": self.median(),
            "rounds": self.values, "at_most": at_most, "at_least": at_least, "reached": self.reached(),
        })
    }
}

/// Three digits of a number.
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e5 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

const HEAD: [&str; 7] = ["lane", "contender", "figure", "median", "range", "goal", "reached"];

/// Where what was measured is kept.
pub fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target")).join("bench")
}

/// Prints them, and writes `lanes.md` and `lanes.json`. `about` says what was measured where; `notes` is what went wrong.
///
/// # Errors
/// They can't be written.
pub fn publish(rows: &[Row], about: &[(&str, String)], notes: &[String]) -> anyhow::Result<()> {
    let mut markdown = String::new();
    for (what, value) in about {
        writeln!(markdown, "{what}: {value}  ")?;
    }
    writeln!(markdown, "\n| {} |\n|{}", HEAD.join(" | "), "---|".repeat(HEAD.len()))?;
    for row in rows {
        writeln!(markdown, "| {} |", row.cells().join(" | "))?;
    }
    for note in notes {
        writeln!(markdown, "\n* {note}")?;
    }
    let json = json!({
        "about": about.iter().map(|(what, value)| (*what, value.as_str())).collect::<std::collections::BTreeMap<_, _>>(),
        "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
        "notes": notes,
    });
    let folder = folder();
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("lanes.md"), &markdown)?;
    fs::write(folder.join("lanes.json"), serde_json::to_string_pretty(&json)? + "\n")?;
    println!("{}", aligned(rows));
    notes.iter().for_each(|note| println!("{note}"));
    println!("all of it: {}", folder.join("lanes.md").display());
    Ok(())
}

/// The rows in columns.
fn aligned(rows: &[Row]) -> String {
    let lines: Vec<_> = [HEAD.map(str::to_owned)].into_iter().chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 7] = std::array::from_fn(width);
    let line = |cells: &[String; 7]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}
