//! Prometheus' text as JSON.

use std::collections::BTreeMap;

use super::types::Sample;

/// The samples of a page, in its order. What is no sample is left out.
pub fn samples(page: &str) -> Vec<Sample> {
    page.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect()
}

/// `name{label="value",…} number`.
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (BTreeMap::new(), rest),
    };
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value: value.is_finite().then_some(value) })
}

/// The labels up to the closing brace, and what stands behind it.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (key, quoted) = rest.split_once("=\"")?;
        let (value, behind) = unquoted(quoted)?;
        labels.insert(key.to_owned(), value);
        rest = behind;
    }
}

/// The text up to the quote that ends it, and what stands behind that.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches labels with quotes, braces and commas in them, numbers that JSON has not, and lines that are none.
    #[test]
    fn a_page_is_read_as_it_was_written() {
        let page = concat!(
            "# HELP vigie_x It's {odd}\n",
            "vigie_x_total{job=\"a \\\"b\\\"}, c\\\\\\n\",part=\"p\"} 5 1700000000\n",
            "plain 1.5\nempty{} 2\nvigie_bucket{le=\"+Inf\"} +Inf\n\nhalf{a=\"b\nnothing\n# EOF\n",
        );
        let found = samples(page);
        assert_eq!(
            found.iter().map(|sample| sample.name.as_str()).collect::<Vec<_>>(),
            ["vigie_x_total", "plain", "empty", "vigie_bucket"]
        );
        assert_eq!(found[0].labels["job"], "a \"b\"}, c\\\n");
        assert_eq!((found[0].labels["part"].as_str(), found[0].value), ("p", Some(5.0)));
        assert_eq!((found[1].value, found[3].value), (Some(1.5), None));
    }
}
