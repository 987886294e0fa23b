//! Pages of metrics put together: those of several jobs, and those of several processes.
//!
//! In Prometheus' text format all samples of a family stand together behind its head, and the page ends once.

use std::collections::BTreeMap;

/// What begins the lines of a family's head.
const HEADS: [&str; 3] = ["# HELP ", "# TYPE ", "# UNIT "];

#[derive(Default)]
struct Family {
    head: Vec<String>,
    samples: Vec<String>,
}

/// One page of several. Samples of a page that has a process say so: `process="1"`.
///
/// ```
/// let page = |count| format!("# HELP n Frames.\n# TYPE n counter\nn_total{{job=\"a\"}} {count}\n# EOF\n");
/// let merged = vigie::pages::merge([(Some(0), page(3)), (Some(1), page(4))]);
/// assert_eq!(merged, "# HELP n Frames.\n# TYPE n counter\n\
///     n_total{process=\"0\",job=\"a\"} 3\nn_total{process=\"1\",job=\"a\"} 4\n# EOF\n");
/// ```
pub fn merge(pages: impl IntoIterator<Item = (Option<usize>, String)>) -> String {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for (process, page) in pages {
        let mut current = String::new();
        for line in page.lines().filter(|line| *line != "# EOF") {
            if let Some(rest) = HEADS.iter().find_map(|head| line.strip_prefix(head)) {
                current = rest.split(' ').next().unwrap_or_default().to_owned();
                let head = &mut families.entry(current.clone()).or_default().head;
                if !head.iter().any(|known| known == line) {
                    head.push(line.to_owned());
                }
            } else {
                families.entry(current.clone()).or_default().samples.push(labelled(process, line));
            }
        }
    }
    let lines = families.into_values().flat_map(|family| family.head.into_iter().chain(family.samples));
    lines.chain(["# EOF".to_owned()]).map(|line| line + "\n").collect()
}

/// The sample with one label more.
fn labelled(process: Option<usize>, line: &str) -> String {
    let Some(process) = process else { return line.to_owned() };
    match line.find(['{', ' ']) {
        Some(at) if line[at..].starts_with('{') => {
            format!("{}{{process=\"{process}\",{}", &line[..at], &line[at + 1..])
        }
        Some(at) => format!("{}{{process=\"{process}\"}}{}", &line[..at], &line[at..]),
        None => line.to_owned(),
    }
}
