//! The tables of a job file, once more as they stand there.

use toml::{Table, Value};

use super::{Job, environment};

impl Job {
    /// The table of a part as the file says it, with what the environment puts in: `group` is `source` or `sink`. A table of
    /// a part that there is not has nothing in it.
    pub fn table(&self, group: &str, part: &str) -> Table {
        let file: Table = self.text.parse().unwrap_or_default();
        let table = file.get(group).and_then(|group| group.get(part)).and_then(Value::as_table);
        let mut value = Value::Table(table.cloned().unwrap_or_default());
        fill_in(&mut value);
        match value {
            Value::Table(table) => table,
            _ => Table::new(),
        }
    }
}

/// Replaces `${ENV}` in every text.
fn fill_in(value: &mut Value) {
    match value {
        // What can't be filled in was a mistake when the job was read.
        Value::String(text) => *text = environment::expand(text).unwrap_or_default(),
        Value::Array(values) => values.iter_mut().for_each(fill_in),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| fill_in(value)),
        _ => {}
    }
}
