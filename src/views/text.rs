//! Tables for people.

use operators::views::Cell;
use ratatui::text::Span;

use super::sheet::{ChangedRow, Heads, Plain, Row, Sheet, ViewStatus};

/// What stands between two columns.
const GAP: &str = "  ";

/// A view's table: its heads, then its rows. Numbers stand on the right.
pub fn table(sheet: &Sheet) -> String {
    let Heads { key, row } = &sheet.columns;
    let is_number = |place: usize| {
        let mut cells = sheet.rows.iter().filter_map(|Row { key, row }| key.iter().chain(row).nth(place));
        cells.clone().any(is_number) && cells.all(|cell| is_number(cell) || cell.0 == Cell::Empty)
    };
    let numbers: Vec<_> = (0..key.len() + row.len()).map(is_number).collect();
    let heads = key.iter().chain(row).cloned().collect();
    let rows = sheet.rows.iter().map(|Row { key, row }| key.iter().chain(row).map(Plain::shown).collect());
    let text = aligned(&[heads].into_iter().chain(rows).collect::<Vec<_>>(), &numbers);
    match sheet.rows.is_empty() {
        true => text + "(no row yet)\n",
        false => text,
    }
}

/// Views, one a line.
pub fn list(views: &[ViewStatus]) -> String {
    let heads = ["view", "kind", "rows", "columns"].map(str::to_owned).to_vec();
    let row = |view: &ViewStatus| {
        let columns = view.columns.key.iter().chain(&view.columns.row).cloned().collect::<Vec<_>>().join(", ");
        vec![view.view.clone(), view.kind.clone(), view.rows.to_string(), columns]
    };
    let rows: Vec<_> = [heads].into_iter().chain(views.iter().map(row)).collect();
    aligned(&rows, &[false, false, true, false])
}

/// A row that has changed, in one line: `camera=door: frames=3 count=6`, or that it is gone.
pub fn change(heads: &Heads, ChangedRow { key, row }: &ChangedRow) -> String {
    let named = |names: &[String], cells: &[Plain]| {
        let named = names.iter().zip(cells).map(|(name, cell)| format!("{name}={}", cell.shown()));
        named.collect::<Vec<_>>().join(" ")
    };
    let now = row.as_ref().map_or_else(|| "gone".to_owned(), |row| named(&heads.row, row));
    let key = named(&heads.key, key);
    if key.is_empty() { now } else { format!("{key}: {now}") }
}

fn is_number(cell: &Plain) -> bool {
    matches!(cell.0, Cell::Whole(_) | Cell::Real(_))
}

/// Rows of cells under one another; those columns that are numbers on the right.
pub fn aligned(rows: &[Vec<String>], numbers: &[bool]) -> String {
    let width = |text: &String| Span::raw(text.as_str()).width();
    let widths: Vec<_> =
        (0..numbers.len()).map(|place| rows.iter().map(|row| width(&row[place])).max().unwrap_or_default()).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).zip(numbers).map(|((cell, most), on_the_right)| {
            let space = " ".repeat(most - width(cell));
            if *on_the_right { space + cell } else { cell.clone() + &space }
        });
        text += cells.collect::<Vec<_>>().join(GAP).trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The sheet of an accuracy by camera.
    pub fn sheet() -> Sheet {
        let json = r#"{"view":"hits","kind":"accuracy","epoch":7,"columns":{"key":["window","camera"],"row":["total","share"]},
            "rows":[{"key":["2026-11-21T08:30:00.000Z","door"],"row":[30,0.8725]},
                    {"key":["2026-11-21T08:31:00.000Z","入口"],"row":[0,null]}]}"#;
        serde_json::from_str(json).expect("a sheet")
    }

    /// Catches columns that stand crooked where letters are wide, and shares with too many digits.
    #[test]
    fn a_table_is_aligned() {
        let expected = "\
window                    camera  total  share
2026-11-21T08:30:00.000Z  door       30  0.873
2026-11-21T08:31:00.000Z  入口        0      -
";
        assert_eq!(table(&sheet()), expected);
        let empty = Sheet { rows: Vec::new(), ..sheet() };
        assert_eq!(table(&empty), "window  camera  total  share\n(no row yet)\n");
        let status =
            ViewStatus { view: "hits".into(), kind: "accuracy".into(), epoch: 7, columns: empty.columns, rows: 2 };
        let expected = "\
view  kind      rows  columns
hits  accuracy     2  window, camera, total, share
";
        assert_eq!(list(&[status]), expected);
    }

    /// Catches a change that does not say what it is about.
    #[test]
    fn a_change_is_one_line() {
        let Sheet { columns, rows, .. } = sheet();
        let changed = |row| ChangedRow { key: rows[0].key.clone(), row };
        let there = change(&columns, &changed(Some(rows[0].row.clone())));
        assert_eq!(there, "window=2026-11-21T08:30:00.000Z camera=door: total=30 share=0.873");
        assert!(change(&columns, &changed(None)).ends_with("camera=door: gone"));
        let all = Heads { key: Vec::new(), row: vec!["count".into()] };
        assert_eq!(change(&all, &ChangedRow { key: vec![], row: Some(vec![Plain(3.into())]) }), "count=3");
    }
}
