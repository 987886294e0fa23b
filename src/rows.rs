//! Rows of views on their way to sinks.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use operators::views::{Cell, Change, Columns};
use operators::{Flaw, Frame};
use serde_json::{Map, Value};

use crate::sinks::{Parcel, Row, Sink};
use crate::views::sheet::Plain;

/// What a row is called that is about all frames.
const ALL: &str = "all";

/// A row that has changed, as a sink is to write it: the view's name in place of the camera's, the key in place of the id,
/// and as JSON the columns of the key and what the row says.
pub fn parcel(view: &str, columns: &Columns, change: &Change) -> Parcel {
    let (row, body) = match &change.row {
        Some(row) => (Row::Is, body(columns, &change.key, row)),
        None => (Row::Gone, Bytes::new()),
    };
    let frame = Frame::new(view.into(), Default::default(), name(columns, &change.key).into(), Bytes::new());
    Parcel { row: Some(row), ..Parcel::new(Arc::new(frame), body, "application/json") }
}

/// The parts of a key, joined by `/`. What would join them elsewhere is escaped, so that no two keys have one name.
fn name(columns: &Columns, key: &[Cell]) -> String {
    let part = |(column, cell): (&String, &Cell)| {
        let Plain(cell) = Plain::of(column, cell);
        cell.to_string().replace('%', "%25").replace('/', "%2F")
    };
    match key {
        [] => ALL.to_owned(),
        key => columns.key.iter().zip(key).map(part).collect::<Vec<_>>().join("/"),
    }
}

fn body(columns: &Columns, key: &[Cell], row: &[Cell]) -> Bytes {
    let cells = columns.key.iter().zip(key).chain(columns.row.iter().zip(row));
    let value = |(column, cell): (&String, &Cell)| {
        (column.clone(), serde_json::to_value(Plain::of(column, cell)).unwrap_or(Value::Null))
    };
    serde_json::to_vec(&cells.map(value).collect::<Map<_, _>>()).expect("text for keys").into()
}

/// A sink that is given the last word on each row alone: those of one write may be written in any order.
pub struct Latest(pub Box<dyn Sink>);

impl Sink for Latest {
    fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
        let name = |parcel: &Parcel| (parcel.frame.camera.clone(), parcel.frame.id.clone());
        let last: HashMap<_, _> = parcels.iter().enumerate().map(|(place, parcel)| (name(parcel), place)).collect();
        let is_last = |place: &usize| last.get(&name(&parcels[*place])) == Some(place);
        let places: Vec<_> = (0..parcels.len()).filter(is_last).collect();
        let written: Cow<'_, [Parcel]> = match places.len() == parcels.len() {
            true => parcels.into(),
            false => places.iter().map(|place| parcels[*place].clone()).collect(),
        };
        let mut verdicts = vec![Ok(()); parcels.len()];
        places.into_iter().zip(self.0.write(&written)).for_each(|(place, verdict)| verdicts[place] = verdict);
        verdicts
    }

    fn most(&self, parcel: &Parcel) -> Option<usize> {
        self.0.most(parcel)
    }

    fn place(&self, parcel: &Parcel) -> String {
        self.0.place(parcel)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn columns() -> Columns {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Columns { key: names(&["window", "camera"]), row: names(&["count", "share"]) }
    }

    fn change(camera: &str, count: Option<i64>) -> Change {
        let key = vec![1_795_249_800_000.into(), camera.into()];
        Change { view: 0, key, row: count.map(|count| vec![count.into(), Cell::Empty]) }
    }

    /// Catches two rows that get one name, a moment that is told as a number, and a row that is gone and still says something.
    #[test]
    fn a_row_has_a_name_of_its_own() {
        let row = parcel("rooms", &columns(), &change("a/b", Some(3)));
        assert_eq!((row.frame.camera.as_str(), row.frame.id.as_str()), ("rooms", "2026-11-21T08:30:00.000Z/a%2Fb"));
        let body: Value = serde_json::from_slice(&row.body).expect("JSON");
        let expected = serde_json::json!({
            "window": "2026-11-21T08:30:00.000Z", "camera": "a/b", "count": 3, "share": null,
        });
        assert_eq!(body, expected);
        let gone = parcel("rooms", &columns(), &change("a%2Fb", None));
        assert_eq!(gone.frame.id.as_str(), "2026-11-21T08:30:00.000Z/a%252Fb");
        assert!(gone.is_gone() && gone.body.is_empty());
        let all = Change { view: 0, key: Vec::new(), row: None };
        assert_eq!(parcel("rooms", &columns(), &all).frame.id.as_str(), ALL);
    }

    /// Catches a row that is written as it was before, because two words on it were written at the same time.
    #[test]
    fn the_last_word_on_a_row_counts() {
        struct Notes(Arc<Mutex<Vec<String>>>);
        impl Sink for Notes {
            fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
                let refused = |parcel: &Parcel| {
                    self.0.lock().unwrap().push(format!("{} {}", parcel.frame.id, parcel.is_gone()));
                    match parcel.frame.id.as_str().ends_with('c') {
                        true => Err(Flaw::new(operators::Reason::Refused, "no")),
                        false => Ok(()),
                    }
                };
                parcels.iter().map(refused).collect()
            }
        }
        let notes = Arc::default();
        let changes = [change("a", Some(1)), change("b", Some(1)), change("a", None), change("c", Some(1))];
        let verdicts = Latest(Box::new(Notes(Arc::clone(&notes))))
            .write(&changes.map(|change| parcel("rooms", &columns(), &change)));
        assert_eq!(verdicts.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, true, false]);
        let at = "2026-11-21T08:30:00.000Z";
        assert_eq!(*notes.lock().unwrap(), [format!("{at}/b false"), format!("{at}/a true"), format!("{at}/c false")]);
    }
}
