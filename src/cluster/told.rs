//! What a cluster file says, for people: `vigie check cluster.toml`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::config::{DEAD_AFTER, DEFAULT_FILE};
use super::file::{self, ClusterFile};
use super::standing::{STATE_DIR, default_http};
use super::tls::files::Identity;
use super::tls::{HttpTls, TlsTable};
use super::token::{self, Token, all_local};
use crate::mesh::membership::quorum;
use crate::mistake::{Mistake, Mistakes};
use crate::units::Time;

/// Whether a file is meant as a cluster file: by its name, or by what is in it.
pub fn is_one(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == DEFAULT_FILE)
        || fs::read_to_string(path).is_ok_and(|text| file::looks_like_one(&text))
}

/// What the cluster file at `path` says, in words; `environment` is what `VIGIE_TOKEN` holds.
///
/// # Errors
/// What is wrong with it.
pub fn told(path: &Path, environment: Option<String>) -> Result<String, Mistakes> {
    let file = ClusterFile::load(path)?;
    let wrong = |mistake| {
        let text = fs::read_to_string(path).unwrap_or_default();
        Mistakes { path: path.to_owned(), list: vec![file::placed(mistake, &text)], text }
    };
    check(&file).map_err(wrong)?;
    let beside = path.parent().unwrap_or(Path::new("."));
    file.tls.as_ref().map_or(Ok(()), |table| check_tls(table, &file, beside)).map_err(wrong)?;
    let token = Token::find(environment.clone(), Some((path, &file))).map_err(wrong)?;
    let open = !all_local(&file.processes) && file.processes.len() > 1;
    if open && !token.is_empty() && token.is_weak() {
        return Err(wrong(Mistake { field: Some("token"), ..token::short() }));
    }
    let from_outside = environment.is_some_and(|token| !token.is_empty());
    let mut text = format!("{} is sound\n\n", path.display());
    for (what, words) in rows(&file, &words_of_token(&file, open, from_outside)) {
        writeln!(text, "  {what:<9}  {words}").expect("a string takes all");
    }
    if file.allowed_paths.is_some() {
        writeln!(text, "  {:<9}  jobs stay in {}", "paths", file.allowed(beside)).expect("a string takes all");
    }
    if !file.allow_hosts.is_empty() {
        writeln!(text, "  {:<9}  jobs may ask {}", "hosts", file.allow_hosts.join(", ")).expect("a string takes all");
    }
    for warning in warnings(&file, open && token.is_empty()) {
        writeln!(text, "\nwarning: {warning}\n  --> {}", path.display()).expect("a string takes all");
    }
    Ok(text)
}

/// What is wrong with a file by itself, although flags could mend it.
fn check(file: &ClusterFile) -> Result<(), Mistake> {
    if file.processes.is_empty() {
        return Err(Mistake::at("processes", "processes is empty: write the host:port of each process"));
    }
    let (count, given) = (file.processes.len(), file.http.as_ref().map(Vec::len));
    match given.filter(|given| *given < count) {
        Some(given) => {
            let what =
                format!("there are {count} processes, and http has {given} addresses: give one for each process");
            Err(Mistake::at("http", what))
        }
        None => Ok(()),
    }
}

/// What is wrong with the certificates that lie here: each machine may have those of its own processes alone.
fn check_tls(table: &TlsTable, file: &ClusterFile, beside: &Path) -> Result<(), Mistake> {
    let is_here = |process: &usize| beside.join(table.certificate.replace("{process}", &process.to_string())).exists();
    let http = file.http.clone().unwrap_or_else(|| default_http(file.processes.len()));
    let here: Vec<_> = (0..file.processes.len()).filter(is_here).collect();
    if here.is_empty() {
        return Identity::load(table, beside, 0).map(drop);
    }
    for process in here {
        let identity = Identity::load(table, beside, process)?;
        if file.processes.len() > 1 {
            identity.check(&file.processes[process])?;
        }
        if table.http != HttpTls::Off {
            identity.check(&http[process])?;
        }
    }
    Ok(())
}

fn words_of_tls(table: Option<&TlsTable>) -> &'static str {
    match table.map(|table| table.http) {
        None => "none: nothing is encrypted",
        Some(HttpTls::Off) => "between the processes; HTTP is plain",
        Some(HttpTls::Server) => "between the processes, and HTTP is HTTPS",
        Some(HttpTls::Clients) => "between the processes, and HTTP is HTTPS, whose callers show a certificate",
    }
}

fn rows(file: &ClusterFile, token: &str) -> Vec<(&'static str, String)> {
    let http = file.http.clone().unwrap_or_else(|| default_http(file.processes.len()));
    let state_dir =
        |index: usize| file.state_dir.as_deref().unwrap_or(STATE_DIR).replace("{process}", &index.to_string());
    let process = |(index, (address, http)): (usize, (&String, &String))| {
        format!("-p {index}  {address}, http {http}, list of jobs in {}", state_dir(index))
    };
    let processes = file.processes.iter().zip(&http).enumerate().map(process);
    let mut rows: Vec<_> = processes.map(|words| ("process", words)).collect();
    let threads = file.threads.map_or("one a core".to_owned(), |threads| threads.to_string());
    rows.push(("workers", format!("{threads}, on each process")));
    rows.push(("quorum", words_of_quorum(file)));
    let silence = file.dead_after.unwrap_or(Time(DEAD_AFTER));
    rows.push(("silence", format!("who says nothing for {silence} is left out until it does")));
    rows.push(("token", token.to_owned()));
    rows.push(("tls", words_of_tls(file.tls.as_ref()).to_owned()));
    let callers: Vec<_> = file.api_token.iter().map(|row| format!("{} ({})", row.name, row.role.as_str())).collect();
    rows.push((
        "callers",
        match callers.is_empty() {
            true if !all_local(&http) => "none".to_owned(),
            true => "whoever is on the same machine may do all".to_owned(),
            false => callers.join(", "),
        },
    ));
    rows
}

fn words_of_quorum(file: &ClusterFile) -> String {
    let (count, least) = (file.processes.len(), quorum(file.processes.len(), file.min_processes));
    match (count, least) {
        (1, _) => "one process alone".to_owned(),
        (_, 1) if count == 2 => "either of the two works without the other; both do if only the line is cut".to_owned(),
        _ if 2 * least > count => format!("{least} of {count} have to be connected for any of them to work"),
        _ => format!("{least} of {count} are enough; parts that lost sight of each other may work at the same time"),
    }
}

fn words_of_token(file: &ClusterFile, open: bool, from_outside: bool) -> String {
    match (from_outside, &file.token, &file.token_file) {
        (true, ..) => "VIGIE_TOKEN of the environment".to_owned(),
        (_, Some(_), _) => "the one in this file".to_owned(),
        (_, _, Some(path)) => format!("the one in {}", path.display()),
        _ if open => "none".to_owned(),
        _ => "none: all processes are on this machine".to_owned(),
    }
}

fn warnings(file: &ClusterFile, no_token: bool) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if no_token {
        warnings.push(
            "other machines can reach these processes, and VIGIE_TOKEN is not set here: where a process starts, it or \
             token_file has to give a token",
        );
    }
    if file.api_token.is_empty() && file.http.as_ref().is_some_and(|http| !all_local(http)) {
        warnings.push(
            "where http is an address that other machines can reach, a process does not start without an [[api_token]]: \
             `vigie token` prints one",
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, environment: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cluster.toml");
        fs::write(&path, text).expect("a file");
        let told = told(&path, Some(environment.to_owned()));
        told.map_err(|mistakes| mistakes.to_string())
            .map(|text| text.replace(&path.display().to_string(), "cluster.toml"))
    }

    const TWO: &str = "processes = ['a:1', 'b:2']\n";

    /// Catches words that are not those of the file.
    #[test]
    fn what_the_file_says_is_said_in_words() {
        let more =
            "state_dir = '/var/vigie/{process}'\nthreads = 4\n[[api_token]]\nname = 'me'\nrole = 'view'\nhash = '";
        let text = said(&format!("{TWO}{more}{}'", "0".repeat(64)), "sixteen bytes !!").expect("it is sound");
        for words in [
            "cluster.toml is sound",
            "-p 1  b:2, http localhost:2202, list of jobs in /var/vigie/1",
            "4, on each process",
            "either of the two works without the other",
            "nothing for 3s",
            "VIGIE_TOKEN of the environment",
            "me (view)",
        ] {
            assert!(text.contains(words), "{words} in\n{text}");
        }
        assert!(!text.contains("warning") && !text.contains("sixteen"), "{text}");
        let three = "processes = ['localhost:1', 'localhost:2', 'localhost:3']\n";
        let text = said(three, "").expect("it is sound");
        assert!(text.contains("2 of 3 have to be connected") && text.contains("none: all processes are"), "{text}");
        let text = said(&format!("{three}min_processes = 1\nallowed_paths = ['/srv']"), "").expect("it is sound");
        assert!(text.contains("1 of 3 are enough") && text.contains("jobs stay in /srv"), "{text}");
    }

    /// Catches a file that passes, and with which no process starts.
    #[test]
    fn what_would_not_start_is_said() {
        let warned = said(TWO, "").expect("the environment may differ where it starts");
        assert!(warned.contains("warning: other machines") && warned.contains("token_file"), "{warned}");
        let warned = said(&format!("{TWO}http = ['a:3', 'b:3']"), "sixteen bytes !!").expect("names may be local");
        assert!(warned.contains("[[api_token]]"), "{warned}");
        let wrong = |more: &str, place: &str| {
            let words = said(&format!("{TWO}{more}"), "").expect_err("a mistake");
            assert!(words.starts_with("error: ") && words.contains(&format!("cluster.toml:{place}")), "{words}");
            words
        };
        assert!(wrong("token = 'short'", "2:9").contains("16 or more"));
        assert!(wrong("token_file = 'missing'", "2:14").contains("can't be read"));
        let tls = "[tls]\nca = 'none.pem'\ncertificate = '{process}.pem'\nkey = '{process}.key'";
        assert!(wrong(tls, "3:6 in [tls]").contains("`ca` names"));
        assert!(wrong(&format!("{tls}\nhttp = 'on'"), "6:8 in [tls]").contains("clients"));
        assert!(wrong("http = ['a:3']", "2:8").contains("one for each process"));
        assert!(wrong("min_proceses = 2", "2:1").contains("did you mean `min_processes`?"));
        assert!(said("processes = []", "").expect_err("nobody").contains("host:port of each"));
    }

    /// Catches a cluster file under another name that is checked as a job, and a job that is checked as a cluster file.
    #[test]
    fn a_cluster_file_is_known_by_its_name_or_its_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let written = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("a file");
            is_one(&path)
        };
        assert!(written("site.toml", TWO) && written("cluster.toml", "x = 1"));
        assert!(
            !written("room.toml", "name = 'room'\n[source.a]\nkind = 'files'") && !written("odd.toml", "= processes")
        );
        assert!(!is_one(&folder.path().join("none.toml")));
    }
}
