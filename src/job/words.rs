//! What serde and TOML say of a mistake, in words for people.

/// A name that nobody knows, the nearest that somebody does, and all of them.
pub fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let list = known.join(", ");
    match nearest(name, known) {
        Some(nearest) => format!("unknown {what} `{name}`: did you mean `{nearest}`? Known here: {list}"),
        None => format!("unknown {what} `{name}`. Known here: {list}"),
    }
}

fn cannot_be(it: &str, name: &str, known: &[&str]) -> String {
    let list = known.join(", ");
    match nearest(name, known) {
        Some(nearest) => format!("{it} can't be `{name}`: did you mean `{nearest}`? It takes {list}"),
        None => format!("{it} can't be `{name}`: it takes {list}"),
    }
}

/// The known name that a misspelt one is likely to mean.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    const ALIKE: f64 = 0.8;
    let likeness = |known: &&str| strsim::jaro_winkler(name, known);
    let (likeness, known) = known.iter().map(|known| (likeness(known), *known)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (likeness >= ALIKE).then_some(known)
}

/// What serde says of the value of `key`.
pub fn of_serde(message: &str, key: Option<&str>) -> String {
    let message = message.trim_end();
    let it = key.map_or_else(|| "it".to_owned(), |key| format!("`{key}`"));
    let expected = |start| message.strip_prefix(start)?.split_once(", expected ");
    if let Some((got, wanted)) = expected("invalid type: ").or_else(|| expected("invalid value: ")) {
        return format!("{it} can't be {}: it takes {}", value(got), kind(wanted));
    }
    if let Some((name, known)) = expected("unknown variant ") {
        return cannot_be(&it, name.trim_matches('`'), &ticked(known));
    }
    if let Some((name, known)) = expected("unknown field ") {
        return unknown("key", name.trim_matches('`'), &ticked(known));
    }
    if let Some(name) = message.strip_prefix("missing field ") {
        return format!("{it} lacks the key {name}: add it");
    }
    format!("{it}: {message}")
}

/// The names in backticks.
fn ticked(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// A value as serde names it, as the user wrote it.
fn value(got: &str) -> String {
    let plain = match got {
        "map" => "a table",
        "sequence" => "a list",
        "Option value" => "that",
        _ => ["string ", "integer ", "floating point ", "boolean "]
            .iter()
            .fold(got, |got, kind| got.trim_start_matches(kind)),
    };
    plain.trim_matches('`').to_owned()
}

/// What serde wants, as people call it.
fn kind(wanted: &str) -> String {
    match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" | "string" | "string or table" => "text in quotes".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

/// What TOML says of text that is none.
pub fn of_toml(message: &str) -> String {
    match message {
        "duplicate key" => "this stands here a second time: remove one of the two".to_owned(),
        message => format!("this is not TOML: {}", message.replace('\n', ", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        let known = ["kind", "from", "url", "topic", "qos"];
        assert_eq!(nearest("topik", &known), Some("topic"));
        assert_eq!(nearest("form", &known), Some("from"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(
            unknown("key", "topik", &known),
            "unknown key `topik`: did you mean `topic`? Known here: kind, from, url, topic, qos"
        );
    }

    #[test]
    fn serde_is_put_into_words() {
        let words = |message| of_serde(message, Some("qos"));
        assert_eq!(
            words("invalid type: string \"one\", expected u8"),
            "`qos` can't be \"one\": it takes a whole number, 0 or more"
        );
        assert_eq!(
            words("invalid value: integer `300`, expected u8"),
            "`qos` can't be 300: it takes a whole number, 0 or more"
        );
        assert_eq!(
            words("invalid type: sequence, expected a string"),
            "`qos` can't be a list: it takes text in quotes"
        );
        assert_eq!(
            words("unknown variant `imag`, expected one of `image`, `report`, `frame`"),
            "`qos` can't be `imag`: did you mean `image`? It takes image, report, frame"
        );
        assert_eq!(words("unknown field `a`, expected `b` or `c`"), "unknown key `a`. Known here: b, c");
        assert_eq!(words("3 is too much"), "`qos`: 3 is too much");
    }
}
