//! One row a frame: what was measured, and its CSV.

use std::path::Path;

use anyhow::Context as _;
use operators::UnixMillis;

use crate::clock;

/// What stands in front of the stages.
const NAMES: [&str; 7] = ["level", "camera", "id", "intended_at", "received_at", "done_at", "end"];

/// What stands behind them.
const TOTAL: &str = "total_ms";

/// How a frame came to its end that led to what was wanted of it.
pub const RESULT: &str = "result";

/// … and one that a step let go on purpose.
pub const FILTERED: &str = "filtered";

/// A frame that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its camera.
    pub camera: String,
    /// Its name.
    pub id: String,
    /// When it was to be sent.
    pub intended_at: UnixMillis,
    /// When it reached Vigie.
    pub received_at: UnixMillis,
    /// When all that it led to was durable; of a report that was listened to, when it was made.
    pub done_at: UnixMillis,
    /// [`RESULT`], [`FILTERED`], or the reason why it is a dead letter.
    pub end: String,
    /// Milliseconds in each stage, in the order in which a frame meets them.
    pub stages: Vec<(String, f64)>,
    /// Milliseconds from `intended_at` to `done_at`, to the microsecond.
    pub total_ms: f64,
}

impl Row {
    /// Whether it counts: a dead letter is no answer, however early it comes.
    pub fn counts(&self) -> bool {
        self.end == RESULT || self.end == FILTERED
    }

    /// Milliseconds in a stage; none where the frame did not meet it.
    pub fn stage(&self, name: &str) -> Option<f64> {
        self.stages.iter().find(|(stage, _)| stage == name).map(|(_, ms)| *ms)
    }
}

/// Milliseconds to the microsecond: what is written is what is counted.
pub fn rounded(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}

/// All stages of these rows, in the order in which frames meet them.
pub fn stages<'r>(rows: impl Iterator<Item = &'r Row>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for row in rows {
        let mut at = 0;
        for (stage, _) in &row.stages {
            match all.iter().position(|known| known == stage) {
                Some(found) => at = found + 1,
                None => {
                    all.insert(at, stage.clone());
                    at += 1;
                }
            }
        }
    }
    all
}

/// Writes the rows of all levels as one CSV.
///
/// # Errors
/// The file can't be written, in words.
pub fn write(path: &Path, levels: &[(&str, &[Row])]) -> anyhow::Result<()> {
    let place = || format!("can't write {}", path.display());
    let mut csv = csv::Writer::from_path(path).with_context(place)?;
    let stages = stages(levels.iter().flat_map(|(_, rows)| rows.iter()));
    let heads = NAMES.map(str::to_owned).into_iter().chain(stages.iter().map(|stage| format!("{stage}_ms")));
    csv.write_record(heads.chain([TOTAL.to_owned()])).with_context(place)?;
    for (level, row) in levels.iter().flat_map(|(level, rows)| rows.iter().map(move |row| (*level, row))) {
        let moments = [row.intended_at, row.received_at, row.done_at].map(clock::rfc3339);
        let names = [level, &row.camera, &row.id].map(str::to_owned).into_iter().chain(moments);
        let times = stages.iter().map(|stage| row.stage(stage).map_or(String::new(), |ms| format!("{ms:.3}")));
        let cells = names.chain([row.end.clone()]).chain(times).chain([format!("{:.3}", row.total_ms)]);
        csv.write_record(cells).with_context(place)?;
    }
    csv.flush().with_context(place)
}

/// The levels of a CSV that [`write`] wrote, each with the milliseconds of its frames that count, in no order.
///
/// # Errors
/// The file can't be read, or is none of those.
pub fn read(path: &Path) -> anyhow::Result<Vec<(String, Vec<f64>)>> {
    let place = || format!("can't read {}", path.display());
    let mut csv = csv::Reader::from_path(path).with_context(place)?;
    let heads = csv.headers().with_context(place)?.clone();
    let column = |name: &str| {
        let at = heads.iter().position(|head| head == name);
        at.with_context(|| format!("{} has no column `{name}`: name a latency.csv", path.display()))
    };
    let (level, end, total) = (column(NAMES[0])?, column(NAMES[6])?, column(TOTAL)?);
    let mut levels: Vec<(String, Vec<f64>)> = Vec::new();
    for record in csv.records() {
        let record = record.with_context(place)?;
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let ms: f64 =
            cell(total).parse().with_context(|| format!("{}: {:?} is no time", path.display(), cell(total)))?;
        if cell(end) != RESULT && cell(end) != FILTERED {
            continue;
        }
        match levels.iter_mut().find(|(known, _)| known == cell(level)) {
            Some((_, all)) => all.push(ms),
            None => levels.push((cell(level).to_owned(), vec![ms])),
        }
    }
    Ok(levels)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A frame that took so long.
    pub fn row(total_ms: f64, end: &str) -> Row {
        let stages = vec![("arrive".to_owned(), 1.0), ("write".to_owned(), 2.0)];
        let at = UnixMillis(1_795_249_801_250);
        let (intended_at, received_at, done_at) = (at, at, UnixMillis(at.0.saturating_add(total_ms as u64)));
        let (camera, id, end) = ("a, \"b\"".to_owned(), "7".to_owned(), end.to_owned());
        Row { camera, id, intended_at, received_at, done_at, end, stages, total_ms }
    }

    /// Catches a name that breaks the file, a stage that only some frames meet in the wrong column, and a dead letter that
    /// counts as an early answer.
    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("latency.csv");
        let mut rows = vec![row(12.345, RESULT), row(3.0, FILTERED), row(1.0, "truncated")];
        rows[1].stages.insert(1, ("infer".to_owned(), 0.5));
        write(&path, &[("5", &rows), ("20", &rows[..1])]).expect("it can be written");
        let text = std::fs::read_to_string(&path).expect("a file");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "level,camera,id,intended_at,received_at,done_at,end,arrive_ms,infer_ms,write_ms,total_ms"
        );
        assert!(lines[1].starts_with("5,\"a, \"\"b\"\"\",7,2026-11-21T08:30:01.250Z,"), "{text}");
        assert!(lines[1].ends_with(",result,1.000,,2.000,12.345"), "{text}");
        assert!(lines[2].ends_with(",filtered,1.000,0.500,2.000,3.000"), "{text}");
        let read = read(&path).expect("it can be read");
        assert_eq!(read, [("5".to_owned(), vec![12.345, 3.0]), ("20".to_owned(), vec![12.345])]);
    }

    /// Catches a file of something else that is read as if it were one of ours.
    #[test]
    fn another_file_is_refused_in_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("other.csv");
        std::fs::write(&path, "a,b\n1,2\n").expect("a file");
        let why = read(&path).expect_err("it is none").to_string();
        assert!(why.contains("has no column `level`"), "{why}");
        assert!(read(&folder.path().join("none.csv")).is_err());
    }
}
