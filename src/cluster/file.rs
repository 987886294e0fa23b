//! `cluster.toml`, read and checked.

use std::collections::HashSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::config::split;
use super::standing;
use super::tls::TlsTable;
use crate::api::tokens::ApiToken;
use crate::job::words;
use crate::mistake::{Mistake, Mistakes};
use crate::units::Time;

/// Less than this, and a busy machine is taken for a dead one.
const LEAST_DEAD_AFTER: Duration = Duration::from_millis(500);

/// `cluster.toml`: where the processes of a cluster are. The same file on each machine.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterFile {
    /// `host:port` of each process, in the order of their indexes (`-p`). Each listens on its own.
    pub processes: Vec<String>,
    /// A secret that all processes share; it never travels. The environment's `VIGIE_TOKEN` goes before it.
    #[serde(default)]
    pub token: Option<String>,
    /// A file that holds that secret and nothing else; a relative path starts from this file's folder. `VIGIE_TOKEN` goes
    /// before it, too.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// Worker threads of each process. One a core, if it is left out.
    #[serde(default)]
    pub threads: Option<usize>,
    /// How long a process of a standing cluster may be silent before the others go on without it: at least 500ms; 3s, if
    /// it is left out.
    #[serde(default)]
    pub dead_after: Option<Time>,
    /// How many processes of a standing cluster must be connected for any of them to work. If it is left out: more than
    /// half of them, so that two halves that lost sight of each other never both work; of two processes, one is enough.
    #[serde(default)]
    pub min_processes: Option<usize>,
    /// `host:port` where each process of a standing cluster (`vigie worker`) answers HTTP, in the same order. Left out,
    /// these are localhost:2201, localhost:2202, …
    #[serde(default)]
    pub http: Option<Vec<String>>,
    /// The folder where a process of a standing cluster keeps its list of jobs, and the tasks that it took. `{process}` stands for its index; a
    /// relative path starts from this file's folder. Left out, it is `.vigie/{process}`.
    #[serde(default)]
    pub state_dir: Option<String>,
    /// The folders that the paths of a job may not leave: of pictures, results, models and certificates. Relative ones
    /// start from this file's folder. Left out, a job may name every path that its process may open.
    #[serde(default)]
    pub allowed_paths: Option<Vec<PathBuf>>,
    /// The hosts that the steps of a job may ask by HTTP: `detector.example:8080`, `*.svc`, `10.0.0.0/8`, or `*` for all of the
    /// open net. Without a port, all ports. Left out, they ask nobody.
    #[serde(default)]
    pub allow_hosts: Vec<String>,
    /// TLS between the processes, and for HTTP. Left out, nothing is encrypted.
    #[serde(default)]
    pub tls: Option<TlsTable>,
    /// Who may do what over HTTP; `vigie token` prints a token and its row. Without any, whoever is on the same machine
    /// may do all, and `http` must name localhost.
    #[serde(default)]
    pub api_token: Vec<ApiToken>,
}

impl ClusterFile {
    /// Reads a cluster file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Mistakes> {
        let text = fs::read_to_string(path)
            .map_err(|error| Mistakes::unreadable(path, "the cluster file can't be read", &error))?;
        Self::parse(&text).map_err(|mistake| Mistakes { path: path.to_owned(), text, list: vec![mistake] })
    }

    /// Reads the text of one.
    fn parse(text: &str) -> Result<Self, Mistake> {
        let at = |error: &toml::de::Error, what| Mistake { span: error.span(), ..Mistake::new(what) };
        DeTable::parse(text).map_err(|error| at(&error, words::of_toml(error.message())))?;
        let in_words = |error: &toml::de::Error| {
            let key = error.span().and_then(|span| key_of(text, span.start));
            words::of_serde(error.message(), key)
        };
        let file = toml::from_str(text).map_err(|error| at(&error, in_words(&error)))?;
        check(&file).map_err(|mistake| placed(mistake, text))?;
        Ok(file)
    }
}

/// The mistake, where the value of its key stands.
pub(super) fn placed(mistake: Mistake, text: &str) -> Mistake {
    let span = mistake.field.and_then(|key| span(text, key));
    Mistake { span, ..mistake }
}

/// As [`placed`], of the file at `path`, in a line.
pub(super) fn placed_in(path: &Path, mistake: Mistake) -> Mistake {
    let text = fs::read_to_string(path).unwrap_or_default();
    Mistakes { path: path.to_owned(), list: vec![placed(mistake, &text)], text }.in_a_line()
}

/// Where the value of `key` stands, or of `table.key`.
fn span(text: &str, key: &str) -> Option<Range<usize>> {
    let (outer, inner) = key.split_once('.').map_or((key, None), |(outer, inner)| (outer, Some(inner)));
    let table = DeTable::parse(text).ok()?;
    let found = value(table.get_ref(), outer)?;
    let within = inner.and_then(|inner| value(found.get_ref().as_table()?, inner));
    Some(within.unwrap_or(found).span())
}

fn value<'a, 't>(table: &'a DeTable<'t>, key: &str) -> Option<&'a Spanned<DeValue<'t>>> {
    table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
}

/// The key whose value begins there.
fn key_of(text: &str, value: usize) -> Option<&str> {
    let line = text.get(..value)?.rsplit('\n').next()?;
    line.split_once('=').map(|(key, _)| key.trim()).filter(|key| !key.is_empty())
}

/// Whether a text that is no job is meant as a cluster file.
pub fn looks_like_one(text: &str) -> bool {
    span(text, "processes").is_some()
}

/// The JSON Schema of a cluster file, for editors: `docs/cluster.schema.json`.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(ClusterFile).to_value();
    schema["title"] = "The cluster file of Vigie".into();
    schema
}

fn check(file: &ClusterFile) -> Result<(), Mistake> {
    let mut seen = HashSet::new();
    for address in &file.processes {
        let wrong = |what: String| Err(Mistake::at("processes", what));
        if split(address).is_none() {
            return wrong(format!("{address:?} is no address: write host:port, as in \"localhost:2101\""));
        }
        if !seen.insert(address) {
            return wrong(format!("{address:?} stands there twice: give each process its own address"));
        }
    }
    if let Some(time) = file.dead_after.filter(|time| time.0 < LEAST_DEAD_AFTER) {
        let what = format!("dead_after = \"{time}\" takes busy machines for dead ones: give it at least \"500ms\"");
        return Err(Mistake::at("dead_after", what));
    }
    let listed = file.processes.len();
    if let Some(least) = file.min_processes.filter(|least| !(1..=listed).contains(least)) {
        let what = format!("min_processes = {least} is not from 1 to {listed}, the number of processes: correct it");
        return Err(Mistake::at("min_processes", what));
    }
    check_token(file)?;
    if file.allowed_paths.as_ref().is_some_and(Vec::is_empty) {
        let what = "allowed_paths names no folder, and no job could name a file: name some, or leave it out";
        return Err(Mistake::at("allowed_paths", what));
    }
    file.hosts().map_err(|what| Mistake::at("allow_hosts", format!("in allow_hosts, {what}")))?;
    standing::check(file)
}

fn check_token(file: &ClusterFile) -> Result<(), Mistake> {
    let wrong = |what| Err(Mistake::at("token", what));
    match &file.token {
        Some(token) if token.contains("${") => {
            wrong("token takes no ${…}: leave it out, and set VIGIE_TOKEN in the environment")
        }
        Some(_) if file.token_file.is_some() => wrong("there are token and token_file: leave one of them out"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(file: &str) -> String {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default()
    }

    /// Catches a mistake that is told without its place, or at another one.
    #[test]
    fn each_mistake_is_told_where_it_is() {
        let place = |text: &str, part: &str| {
            let mistake = ClusterFile::parse(text).expect_err("a mistake");
            assert_eq!(mistake.span.as_ref().map(|span| span.start), text.find(part), "{mistake}");
            mistake.what
        };
        place("processes = ['a:1']\n\nhttp = ['b']", "['b']");
        place("processes = [\n'a']", "[\n'a']");
        place("processes = ['a:1', 'b:1']\nmin_processes = 3", "3");
        place("processes = ['a:1']\ntoken = 'x'\ntoken_file = 'y'", "'x'");
        place("processes = ['a:1']\nstate_dir = ''", "''");
        let what = place("processes = ['a:1']\nallowed_paths = []", "[]");
        assert!(what.contains("leave it out"), "{what}");
        let what = place("processes = ['a:1']\nallow_hosts = ['http://a/x']", "['http");
        assert!(what.contains("write a name"), "{what}");
        let what = place("processes = ['a:1']\nthreads = 'x'", "'x'");
        assert!(what.starts_with("`threads` can't be"), "{what}");
        place("processes = ['a:1']\n\n[[api_token]]\nname = 'me'\nrole = 'view'\nhash = 'x'", "[[api_token]]");
    }

    /// Editors know a cluster file by this schema. `VIGIE_BLESS=1` writes it anew.
    #[test]
    fn the_published_schema_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cluster.schema.json");
        let current = serde_json::to_string_pretty(&schema()).expect("it is JSON") + "\n";
        if std::env::var_os("VIGIE_BLESS").is_some() {
            fs::write(&path, &current).expect("a file");
        }
        let published = root("docs/cluster.schema.json");
        assert!(published == current, "docs/cluster.schema.json is not current: run the tests with VIGIE_BLESS=1");
    }

    /// Catches a key that the example does not show, and a line of it that is no use once its `#` is gone.
    #[test]
    fn the_example_shows_every_key() {
        let shown = |line: &str| line.starts_with("# ") && (line.contains(" = ") || line.starts_with("# ["));
        let all: String = root("cluster.toml")
            .lines()
            .filter(|line| !line.starts_with("# token = ") && (!line.starts_with('#') || shown(line)))
            .map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n")
            .collect();
        ClusterFile::parse(&all).unwrap_or_else(|mistake| panic!("{mistake}\n{all}"));
        let schema = schema();
        let table = toml::from_str::<Value>(&all).expect("it is TOML");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        assert!(validator.is_valid(&table), "{:?}", validator.iter_errors(&table).collect::<Vec<_>>());
        for key in schema["properties"].as_object().expect("keys").keys().filter(|key| *key != "token") {
            assert!(!table[key].is_null(), "the example does not show {key}");
        }
    }
}
