//! What a process of a standing cluster (`vigie worker`) needs besides its peers: HTTP, a folder, tokens.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;

use super::config::{Cluster, ClusterFlags, split};
use super::file::{ClusterFile, placed_in};
use super::tls::files::Identity;
use super::tls::{HttpTls, TlsTable};
use crate::allowed::Allowed;
use crate::api::tokens::Tokens;
use crate::mistake::Mistake;
use crate::outgoing::Hosts;

/// The first port of HTTP when the file does not say: a hundred above that of the processes.
const FIRST_HTTP_PORT: usize = 2201;

/// Where a process keeps its list of jobs when the file does not say.
pub(super) const STATE_DIR: &str = ".vigie/{process}";

/// What a process of a standing cluster needs besides its peers.
#[derive(Clone, Debug)]
pub struct Standing {
    /// `host:port` of each process's HTTP, by index.
    pub http: Vec<String>,
    /// This process's own folder.
    pub state_dir: PathBuf,
    /// Who may do what over HTTP.
    pub tokens: Tokens,
    /// What HTTP is encrypted with, if it is.
    pub tls: Option<Arc<ServerConfig>>,
    /// The folders that the paths of a job may not leave.
    pub allowed: Allowed,
    /// The hosts that the steps of a job may ask.
    pub hosts: Hosts,
}

impl ClusterFlags {
    /// Reads the file once more, for what only a standing cluster needs. Opens nothing.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn standing(&self, cluster: &Cluster) -> Result<Standing, Mistake> {
        self.standing_in(Path::new("."), cluster)
    }

    fn standing_in(&self, folder: &Path, cluster: &Cluster) -> Result<Standing, Mistake> {
        let file = self.file(folder)?;
        let beside = file.as_ref().and_then(|(path, _)| path.parent()).unwrap_or(folder).to_owned();
        let shown = file.as_ref().map(|(path, _)| path.display().to_string()).unwrap_or_default();
        let path = file.as_ref().map(|(path, _)| path.clone()).unwrap_or_default();
        let file = file.map(|(_, file)| file).unwrap_or_default();
        let state_dir = file.state_dir.as_deref().unwrap_or(STATE_DIR);
        let at = |what| Mistake::new(format!("{shown}: {what}"));
        let http = http(file.http.as_deref(), cluster.processes()).map_err(at)?;
        let tls = file.tls.as_ref().map(|table| https(table, &beside, cluster.process, &http[cluster.process]));
        Ok(Standing {
            tls: tls.transpose().map_err(|mistake| placed_in(&path, mistake))?.flatten(),
            http,
            state_dir: beside.join(state_dir.replace("{process}", &cluster.process.to_string())),
            tokens: Tokens::new(&file.api_token).map_err(at)?,
            allowed: file.allowed(&beside),
            hosts: file.hosts().map_err(at)?,
        })
    }

    /// `[tls]`, and the folder that its paths start from.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn tls(&self) -> Result<Option<(PathBuf, TlsTable)>, Mistake> {
        let Some((path, file)) = self.file(Path::new("."))? else { return Ok(None) };
        Ok(file.tls.map(|table| (path.parent().unwrap_or(Path::new(".")).to_owned(), table)))
    }

    /// Who may do what over HTTP; nobody is named where there is no file.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn tokens(&self) -> Result<Tokens, Mistake> {
        let rows = self.file(Path::new("."))?.map(|(_, file)| file.api_token).unwrap_or_default();
        Tokens::new(&rows).map_err(Mistake::new)
    }

    /// Where the processes of the cluster answer HTTP, as far as the file says; none where there is no file.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn http(&self) -> Result<Option<Vec<String>>, Mistake> {
        let Some((_, file)) = self.file(Path::new("."))? else { return Ok(None) };
        let count = file.processes.len();
        Ok(Some(file.http.unwrap_or_else(|| default_http(count))))
    }
}

impl ClusterFile {
    /// The folders that it lets jobs name; it lies in that folder itself.
    pub fn allowed(&self, beside: &Path) -> Allowed {
        Allowed::new(self.allowed_paths.iter().flatten().map(|folder| beside.join(folder)))
    }

    /// The hosts that it lets jobs ask.
    ///
    /// # Errors
    /// One of them is no host.
    pub fn hosts(&self) -> Result<Hosts, String> {
        Hosts::parse(&self.allow_hosts)
    }
}

/// The addresses for HTTP that are there when nobody gives others.
pub fn default_http(processes: usize) -> Vec<String> {
    (0..processes).map(|index| format!("localhost:{}", FIRST_HTTP_PORT + index)).collect()
}

/// What a process answers HTTPS with at that address; none where it is to be plain.
fn https(table: &TlsTable, beside: &Path, process: usize, address: &str) -> Result<Option<Arc<ServerConfig>>, Mistake> {
    if table.http == HttpTls::Off {
        return Ok(None);
    }
    let identity = Identity::load(table, beside, process)?;
    identity.check(address)?;
    identity.http(table.http == HttpTls::Clients).map(Some)
}

/// One address for each process.
fn http(listed: Option<&[String]>, processes: usize) -> Result<Vec<String>, String> {
    let Some(listed) = listed else { return Ok(default_http(processes)) };
    let short = || {
        let count = listed.len();
        format!("there are {processes} processes, and http has {count} addresses: give one for each process")
    };
    listed.get(..processes).map(<[_]>::to_vec).ok_or_else(short)
}

/// What is wrong with these keys by themselves.
pub(super) fn check(file: &ClusterFile) -> Result<(), Mistake> {
    let mut seen: HashSet<_> = file.processes.iter().collect();
    for address in file.http.iter().flatten() {
        let wrong = |what: String| Err(Mistake::at("http", what));
        if split(address).is_none() {
            return wrong(format!("{address:?} in http is no address: write host:port, as in \"localhost:2201\""));
        }
        if !seen.insert(address) {
            return wrong(format!("{address:?} stands there twice: http takes an address of its own for each process"));
        }
    }
    if file.state_dir.as_deref().is_some_and(|folder| folder.trim().is_empty()) {
        return Err(Mistake::at("state_dir", format!("state_dir names no folder: write one, as in \"{STATE_DIR}\"")));
    }
    Tokens::new(&file.api_token).map(drop).map_err(|what| Mistake::at("api_token", what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(text: &str, process: usize, processes: usize) -> Result<Standing, String> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("cluster.toml"), text).expect("a file");
        let flags = ClusterFlags { processes: Some(processes), process: Some(process), ..Default::default() };
        let cluster = Cluster { addresses: vec!["a:1".into(); processes], process, ..Cluster::default() };
        let standing = flags.standing_in(folder.path(), &cluster).map_err(|mistake| mistake.to_string())?;
        let state_dir = standing.state_dir.strip_prefix(folder.path()).map(Path::to_owned);
        Ok(Standing { state_dir: state_dir.unwrap_or(standing.state_dir), ..standing })
    }

    /// Catches two processes on one machine that share a port or a folder by default.
    #[test]
    fn what_is_left_out_is_each_processs_own() {
        let found = standing("processes = ['a:1', 'b:2']", 1, 2).unwrap();
        assert_eq!(found.http, ["localhost:2201", "localhost:2202"]);
        assert_eq!(found.state_dir, Path::new(".vigie/1"));
        assert!(found.tokens.is_empty());
        let text = "processes = ['a:1']\nhttp = ['a:5', 'b:5']\nstate_dir = '/var/lib/vigie-{process}'";
        let found = standing(text, 0, 1).unwrap();
        assert_eq!((found.http, found.state_dir), (vec!["a:5".to_owned()], "/var/lib/vigie-0".into()));
    }

    /// Catches keys that are wrong and are found out about only when somebody calls.
    #[test]
    fn each_mistake_says_what_to_do() {
        let wrong = |text: &str| standing(&format!("processes = ['a:1', 'b:2']\n{text}"), 0, 2).expect_err("a mistake");
        assert!(wrong("http = ['a']").contains("write host:port"));
        assert!(wrong("http = ['a:1', 'b:3']").contains("twice"));
        assert!(wrong("http = ['a:3']").contains("one for each process"));
        assert!(wrong("state_dir = ' '").contains("names no folder"));
        assert!(wrong("[[api_token]]\nname = 'me'\nrole = 'view'\nhash = 'x'").contains("vigie token"));
        assert!(wrong("[[api_token]]\nname = 'me'\nrole = 'boss'\nhash = 'x'").contains("boss"));
    }
}
