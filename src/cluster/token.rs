//! The secret that all processes of a cluster share.

use std::fmt;
use std::path::Path;

use super::config::{Cluster, is_loopback, split};
use super::file::ClusterFile;
use crate::mistake::Mistake;

/// A token of fewer bytes can be guessed.
const LEAST: usize = 16;

/// A secret that does not show itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token that the environment holds, else the one of the file that lies at that path; empty where there is none.
    ///
    /// # Errors
    /// Why `token_file` gives none.
    pub(super) fn find(environment: Option<String>, file: Option<(&Path, &ClusterFile)>) -> Result<Self, Mistake> {
        // A variable that is set to nothing says nothing.
        if let Some(token) = environment.filter(|token| !token.is_empty()) {
            return Ok(token.into());
        }
        let Some((path, file)) = file else { return Ok(Self::default()) };
        let beside = path.parent().unwrap_or(Path::new("."));
        let read = file.token_file.as_ref().map(|name| read(&beside.join(name)));
        Ok(read.transpose()?.or_else(|| file.token.clone().map(Self)).unwrap_or_default())
    }

    /// What proofs are keyed with.
    pub(super) fn key(&self) -> [u8; 32] {
        blake3::derive_key("vigie 2026 cluster token", self.0.as_bytes())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it can be guessed.
    pub(super) fn is_weak(&self) -> bool {
        self.0.len() < LEAST
    }
}

impl<T: Into<String>> From<T> for Token {
    fn from(token: T) -> Self {
        Self(token.into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "none" } else { "***" })
    }
}

fn read(path: &Path) -> Result<Token, Mistake> {
    let shown = path.display();
    let wrong = |what| Mistake::at("token_file", format!("token_file names {shown}, which {what}"));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("can't be read: {error}")))?;
    match text.trim() {
        "" => Err(wrong("is empty: write the token into it, the same on each machine".to_owned())),
        token => Ok(token.into()),
    }
}

/// Whether all of these `host:port` are on this machine.
pub(super) fn all_local(addresses: &[String]) -> bool {
    addresses.iter().all(|address| split(address).is_some_and(|(host, _)| is_loopback(host)))
}

impl Cluster {
    /// Whether a machine elsewhere could connect and nothing asks it for a token.
    pub fn is_open_to_all(&self) -> bool {
        self.processes() > 1 && self.token.is_empty() && !all_local(&self.addresses)
    }

    /// Asks for a token worth the name where machines elsewhere could connect. Says once that there is none where it need
    /// not be.
    ///
    /// # Errors
    /// That it is missing or too short, and how to give one.
    pub fn demand_token(&self) -> Result<(), Mistake> {
        if self.processes() == 1 {
            return Ok(());
        }
        if all_local(&self.addresses) {
            if self.token.is_empty() {
                tracing::info!("the cluster has no token: whoever is on this machine can join it");
            }
            return Ok(());
        }
        match (self.token.is_empty(), self.token.is_weak()) {
            (true, _) => Err(Mistake::new(format!(
                "other machines can reach the processes of this cluster, and it has no token: set VIGIE_TOKEN on each of \
                 them to the same {LEAST} bytes or more (`openssl rand -hex 16` prints some), or let token_file in \
                 cluster.toml name a file with them"
            ))),
            (_, true) => Err(short()),
            _ => Ok(()),
        }
    }
}

/// The mistake of a token that can be guessed.
pub(super) fn short() -> Mistake {
    Mistake::new(format!(
        "the token of this cluster is shorter than {LEAST} bytes, and other machines can reach its processes: give it \
         {LEAST} or more, the same on each machine (`openssl rand -hex 16` prints some)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(addresses: &[&str], token: &str) -> Cluster {
        let addresses = addresses.iter().map(|&address| address.to_owned()).collect();
        Cluster { addresses, token: token.into(), ..Cluster::default() }
    }

    /// Catches a mesh that strangers reach with no token, or with one that they can guess; and one that asks for a token
    /// where nobody else can come.
    #[test]
    fn off_loopback_a_token_is_asked_for() {
        let (local, mixed) = (["localhost:1", "127.0.0.1:2", "[::1]:3"], ["localhost:1", "10.0.0.2:2"]);
        assert_eq!(cluster(&local, "").demand_token(), Ok(()));
        assert_eq!(cluster(&["0.0.0.0:1"], "").demand_token(), Ok(()), "a process alone listens to nobody");
        for addresses in [&mixed[..], &["0.0.0.0:1", "localhost:2"], &["a:1", "b:2"]] {
            let missing = cluster(addresses, "").demand_token().expect_err("no token");
            assert!(missing.what.contains("VIGIE_TOKEN") && missing.what.contains("token_file"), "{missing}");
            let short = cluster(addresses, "fifteen bytes !").demand_token().expect_err("a short token");
            assert!(short.what.contains("16 or more") && !short.what.contains("fifteen"), "{short}");
            assert_eq!(cluster(addresses, "sixteen bytes !!").demand_token(), Ok(()));
        }
    }

    /// Catches a token with the line end of its file, one that is looked for in the wrong folder, and the wrong one of two.
    #[test]
    fn the_token_comes_from_the_environment_or_from_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cluster.toml");
        let file = |name: &str| ClusterFile { token_file: Some(name.into()), ..ClusterFile::default() };
        let find = |environment: &str, name: &str| Token::find(Some(environment.into()), Some((&path, &file(name))));
        std::fs::write(folder.path().join("secret"), "  of the file\n").expect("a file");
        std::fs::write(folder.path().join("empty"), "\n").expect("a file");
        assert_eq!(find("", "secret"), Ok("of the file".into()));
        assert_eq!(find("of the environment", "secret"), Ok("of the environment".into()));
        assert_eq!(find("of the environment", "missing"), Ok("of the environment".into()));
        assert!(find("", "missing").expect_err("no file").what.contains("can't be read"));
        assert!(find("", "empty").expect_err("no token").what.contains("is empty"));
        let written = ClusterFile { token: Some("here".into()), ..ClusterFile::default() };
        assert_eq!(Token::find(None, Some((&path, &written))), Ok("here".into()));
        assert_eq!(Token::find(None, None), Ok(Token::default()));
    }
}
