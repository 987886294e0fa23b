//! A table as JSON, CSV and text have it: what goes out over HTTP, and what a terminal shows of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use operators::views::{Cell, Change, Columns, Real};
use operators::{Epoch, UnixMillis};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::showcase::{Step, Table};
use crate::clock;

/// The columns that hold moments.
const MOMENTS: [&str; 4] = ["window", "since", "first", "last"];

/// A cell as programs and people see it: a number, a text, or nothing. A moment is its RFC 3339 text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plain(pub Cell);

/// A view's table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sheet {
    /// The view's name.
    pub view: String,
    /// Its kind: `count`.
    pub kind: String,
    /// The milliseconds of the step that made it what it is; 0 before the first.
    pub epoch: Epoch,
    /// What its columns are called.
    pub columns: Heads,
    /// Its rows, in the order of their keys.
    pub rows: Vec<Row>,
}

/// What columns are called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Heads {
    /// Those that say what a row is about: no two rows have the same there.
    pub key: Vec<String>,
    /// Those that say what is known of it.
    pub row: Vec<String>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// What it is about.
    pub key: Vec<Plain>,
    /// What is known of it.
    pub row: Vec<Plain>,
}

/// The rows that a step has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// The table is that of this epoch now.
    pub epoch: Epoch,
    /// Each row that has come, changed or gone, once.
    pub changes: Vec<ChangedRow>,
}

/// A row that has come, changed or gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedRow {
    /// What it is about.
    pub key: Vec<Plain>,
    /// What is known of it now; null where the row is gone.
    pub row: Option<Vec<Plain>>,
}

/// A view in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ViewStatus {
    /// Its name.
    pub view: String,
    /// Its kind: `count`.
    pub kind: String,
    /// The epoch of its table.
    pub epoch: Epoch,
    /// What its columns are called.
    pub columns: Heads,
    /// How many rows it has.
    pub rows: usize,
}

/// A table's rows by their keys.
pub type Rows = BTreeMap<Vec<Plain>, Vec<Plain>>;

impl From<&Columns> for Heads {
    fn from(Columns { key, row }: &Columns) -> Self {
        Self { key: key.clone(), row: row.clone() }
    }
}

impl From<&Table> for Sheet {
    fn from(table: &Table) -> Self {
        let Table { name, kind, columns, epoch, rows } = table;
        let rows = rows.iter().map(|(key, row)| Row { key: plain(&columns.key, key), row: plain(&columns.row, row) });
        let rows = rows.collect();
        Self { view: name.clone(), kind: kind.clone(), epoch: *epoch, columns: columns.into(), rows }
    }
}

impl From<&Table> for ViewStatus {
    fn from(table: &Table) -> Self {
        let Table { name, kind, columns, epoch, rows } = table;
        Self { view: name.clone(), kind: kind.clone(), epoch: *epoch, columns: columns.into(), rows: rows.len() }
    }
}

impl Changes {
    /// What a step changes in a table of these columns.
    pub fn of(step: &Step, columns: &Columns) -> Self {
        let changed = |Change { key, row, .. }: &Change| ChangedRow {
            key: plain(&columns.key, key),
            row: row.as_ref().map(|row| plain(&columns.row, row)),
        };
        Self { epoch: step.epoch, changes: step.changes.iter().map(changed).collect() }
    }
}

impl Sheet {
    /// Its rows by their keys.
    pub fn by_key(&self) -> Rows {
        self.rows.iter().map(|Row { key, row }| (key.clone(), row.clone())).collect()
    }

    /// Applies changes to it.
    pub fn apply(&mut self, Changes { epoch, changes }: Changes) {
        let mut rows: Rows = std::mem::take(&mut self.rows).into_iter().map(|Row { key, row }| (key, row)).collect();
        for ChangedRow { key, row } in changes {
            match row {
                Some(row) => drop(rows.insert(key, row)),
                None => drop(rows.remove(&key)),
            }
        }
        self.epoch = epoch;
        self.rows = rows.into_iter().map(|(key, row)| Row { key, row }).collect();
    }

    /// The table as CSV (RFC 4180): the columns' names first, numbers in full, nothing where nothing is.
    pub fn to_csv(&self) -> String {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let heads = self.columns.key.iter().chain(&self.columns.row);
        csv.write_record(heads).expect("memory takes all");
        for Row { key, row } in &self.rows {
            let cells = key.iter().chain(row).map(|Plain(cell)| cell.to_string());
            csv.write_record(cells).expect("rows have the columns of their table");
        }
        String::from_utf8(csv.into_inner().expect("memory takes all")).expect("it was made of texts")
    }
}

/// The cells of these columns.
fn plain(columns: &[String], cells: &[Cell]) -> Vec<Plain> {
    let names = columns.iter().map(String::as_str).chain(std::iter::repeat(""));
    cells.iter().zip(names).map(|(cell, name)| Plain::of(name, cell)).collect()
}

impl Plain {
    /// A cell of that column.
    pub fn of(column: &str, cell: &Cell) -> Self {
        match cell {
            Cell::Whole(at) if MOMENTS.contains(&column) => {
                Self(Cell::Text(clock::rfc3339(UnixMillis((*at).max(0) as u64)).into()))
            }
            cell => Self(cell.clone()),
        }
    }

    /// The cell in a table for people: shares to three places, a dash for nothing, and nothing that moves the cursor.
    pub fn shown(&self) -> String {
        let calm = |char: char| if char.is_control() { '\u{fffd}' } else { char };
        match &self.0 {
            Cell::Real(Real(number)) => format!("{number:.3}"),
            Cell::Empty => "-".to_owned(),
            Cell::Text(text) => text.chars().map(calm).collect(),
            Cell::Whole(number) => number.to_string(),
        }
    }
}

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Cell::Whole(number) => to.serialize_i64(*number),
            // JSON has no word for others.
            Cell::Real(Real(number)) if number.is_finite() => to.serialize_f64(*number),
            Cell::Text(text) => to.serialize_str(text),
            Cell::Real(_) | Cell::Empty => to.serialize_unit(),
        }
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number, a text or null")]
        enum Any {
            Whole(i64),
            Real(f64),
            Text(String),
            Empty,
        }
        Any::deserialize(from).map(|any| {
            Self(match any {
                Any::Whole(number) => number.into(),
                Any::Real(number) => number.into(),
                Any::Text(text) => Cell::Text(text.into()),
                Any::Empty => Cell::Empty,
            })
        })
    }
}

impl JsonSchema for Plain {
    fn schema_name() -> Cow<'static, str> {
        "Cell".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let what = "A number, a text (a moment is RFC 3339, UTC), or null where there is nothing to say.";
        json_schema!({ "description": what, "type": ["number", "string", "null"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let name = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let columns = Columns { key: name(&["window", "camera"]), row: name(&["total", "share", "since"]) };
        let mut rows = BTreeMap::new();
        rows.insert(vec![1_795_249_800_000.into(), "a, \"b\"".into()], vec![3.into(), 1.0.into(), Cell::Empty]);
        rows.insert(vec![1_795_249_860_000.into(), "c".into()], vec![0.into(), f64::NAN.into(), 0.into()]);
        Table { name: "hits".into(), kind: "accuracy".into(), columns, epoch: 7, rows }
    }

    /// Catches shares that come back a last digit smaller: a table would differ from the same one, counted elsewhere.
    #[test]
    fn each_share_is_read_as_it_was_written() {
        for (part, whole) in (1..400).flat_map(|whole| (0..whole).map(move |part| (part, whole))) {
            let share = Plain((f64::from(part) / f64::from(whole)).into());
            let json = serde_json::to_string(&share).expect("it is JSON");
            assert_eq!(serde_json::from_str::<Plain>(&json).expect("a cell"), share, "{part} of {whole}: {json}");
        }
    }

    /// Catches numbers that change their sort on the way, and moments that are told as numbers.
    #[test]
    fn a_sheet_is_read_as_it_was_written() {
        let sheet = Sheet::from(&table());
        let json = serde_json::to_string(&sheet).expect("it is JSON");
        let first = r#"{"key":["2026-11-21T08:30:00.000Z","a, \"b\""],"row":[3,1.0,null]}"#;
        assert!(json.contains(first), "{json}");
        let read: Sheet = serde_json::from_str(&json).expect("a sheet");
        assert_eq!(read.rows[0], sheet.rows[0]);
        assert_eq!(read.rows[1].row[1], Plain(Cell::Empty), "JSON has no word for it");
        assert_eq!(read.rows[1].row[2].shown(), "1970-01-01T00:00:00.000Z");
    }

    /// Catches a comma or a quote that breaks a line of CSV apart.
    #[test]
    fn csv_is_read_by_others() {
        let text = Sheet::from(&table()).to_csv();
        let expected = "window,camera,total,share,since\n2026-11-21T08:30:00.000Z,\"a, \"\"b\"\"\",3,1,\n";
        assert!(text.starts_with(expected), "{text}");
    }

    /// Catches a client's table that differs from the server's after a change.
    #[test]
    fn changes_make_a_sheet_that_of_their_epoch() {
        let (mut live, columns) = (table(), table().columns);
        let mut sheet = Sheet::from(&live);
        let key = |at: i64, camera: &str| vec![Cell::from(at), camera.into()];
        let changes = vec![
            Change { view: 0, key: key(1_795_249_860_000, "c"), row: None },
            Change { view: 0, key: key(1_795_249_740_000, "d"), row: Some(vec![1.into(), 0.5.into(), Cell::Empty]) },
        ];
        live.apply(&changes);
        live.epoch = 9;
        let told = serde_json::to_string(&Changes::of(&Step { epoch: 9, changes }, &columns)).expect("it is JSON");
        sheet.apply(serde_json::from_str(&told).expect("changes"));
        assert_eq!(sheet, Sheet::from(&live));
    }

    /// Catches a camera's name that moves the cursor of whoever looks.
    #[test]
    fn a_terminal_sees_texts_alone() {
        let shown = |cell: Cell| Plain(cell).shown();
        assert_eq!(shown("a\x1b[2Jb".into()), "a\u{fffd}[2Jb");
        assert_eq!(
            (shown(0.8725.into()), shown(Cell::Empty), shown(12.into())),
            ("0.873".into(), "-".into(), "12".into())
        );
    }
}
